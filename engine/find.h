/* SPDX-License-Identifier: PostgreSQL
 *
 * Which archives hold a key, and its row: by the catalog's key ranges, the member index or the
 * manifest, and then the one member that holds it. Whole objects are read only where there is no
 * index: those of the earlier archiver.
 *
 * Several archives may hold one key (restored and archived again, rolled back): all are given out.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_FIND_H
#define ARCHIVER_FIND_H

#include "base/queue.h"
#include "config/config.h"

struct find_params {
    const struct config *config;
    const char *database, *schema, *table; /* NULL: all, which is rarely meant */
    const char *archive; /* only in this object, of whatever table; NULL: in all */
    const char *value;   /* row/keymatch.h says how it is written */
    const struct stop *stop;
};

struct find_hit { /* borrowed during the callback */
    const char *database, *schema, *table, *key;
    const char *state; /* settled, pending, foreign, ...; "" where only one archive was asked */
    const char *archived_at, *batch_id, *run_id;
    uint64_t row;     /* from 0: what `cat --offset` takes */
    int64_t member;   /* from 0; -1: the object has no member index */
    const char *line; /* the row as it is stored, without newline */
    size_t line_len;
    bool is_json; /* false: the earlier archiver wrote NaN or Infinity into it */
};
/* False ends the search with *err. */
typedef bool (*find_each)(const struct find_hit *hit, void *state, struct err *err);

struct find_report {
    uint64_t hits, known, opened;      /* archives known, and those that were looked into */
    uint64_t requests, bytes_received; /* of the store */
    uint64_t failed;                   /* archives that could not be looked into; */
    struct err err;                    /* why, the first of them */
};

/* False where nothing can be said: the store is not reachable, VALUE is no key of any archive. */
bool find_run(const struct find_params *params, find_each each, void *state,
              struct find_report *ret_report, struct err *err);

#endif
