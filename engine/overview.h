/* SPDX-License-Identifier: PostgreSQL
 *
 * The tables of the config at a glance: what waits to be archived, and what was. Nothing here reads
 * a table as a whole: estimates come from statistics and index bounds, and are exact where that is
 * cheap.
 *
 * Threads: one thread at a time per call; blocks.
 */
#ifndef ARCHIVER_OVERVIEW_H
#define ARCHIVER_OVERVIEW_H

#include "base/queue.h"
#include "config/config.h"

/* On the server. */
struct overview_table {
    const struct config_table *table; /* borrowed from the config */
    struct err err;                   /* why it is not known; the rest means nothing then */
    int64_t rows;                     /* estimated; -1: never analysed */
    int64_t eligible;                 /* older than the cutoff; -1: not known */
    bool eligible_exact;
    uint64_t bytes, eligible_bytes; /* with indexes; the share of those rows */
    char oldest[40], cutoff[40];    /* "" where not known */
    bool index;                     /* some index begins with the timestamp column */
    size_t partitions;              /* 0: it has none */
};
/* Borrowed during the callback, which may be called from no other thread. */
typedef void (*overview_each)(const struct overview_table *table, void *state);
/* All tables of one database, over one connection. False: it cannot be reached; `each` was called
 * for none then. */
bool overview_database(const struct config_database *database, const struct stop *stop,
                       overview_each each, void *state, struct err *err);

/* In the store. */
struct overview_month {
    int year, month; /* of the rows; of the archives where they have no timestamps */
    int64_t rows;
    uint64_t bytes;
};
struct overview_archived {
    int64_t archives, rows;
    uint64_t bytes, line_bytes;
    int64_t last_us;               /* when the newest was made; 0: none */
    struct overview_month *months; /* in order, without those that have nothing */
    size_t month_count;
};
/* Settled batches of one table, by the catalog alone. */
struct store;
bool overview_archived(struct store *store, const struct config *config,
                       const struct config_database *database, const struct config_table *table,
                       struct overview_archived *ret_archived, struct err *err);
void overview_archived_done(struct overview_archived *archived);

/* One table whole: columns, keys, indexes, as statements that would make it again; sizes and
 * rights in words. */
bool overview_describe(const struct config_database *database, const struct config_table *table,
                       struct buf *ret_text, struct err *err);

#endif
