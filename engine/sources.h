/* SPDX-License-Identifier: PostgreSQL
 *
 * Which archives an operation reads: by name, by run, all, or by date; each with the table of the
 * configuration it belongs to.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_SOURCES_H
#define ARCHIVER_SOURCES_H

#include "base/queue.h"
#include "config/config.h"
#include "store/store.h"

struct source {
    const char *key;                        /* of the data object */
    const struct config_database *database; /* NULL: not in the configuration */
    const struct config_table *table;       /* NULL: not in the configuration */
    const char *database_name, *schema, *table_name;
    const char *state, *run_id, *archived_at; /* run_id NULL: not known */
    uint64_t records, bytes;
};

struct sources {
    struct arena *arena;
    struct source *items; /* a table's together, oldest key first */
    size_t count;
};

struct sources_params {
    const struct config *config;
    struct store *store;
    const struct stop *stop;
    const char *const *keys;                 /* these archives, whatever else is said; */
    size_t key_count;                        /* 0: by the rest */
    const char *run_id;                      /* whole, or its part behind the last '-'; NULL: any */
    const char *database, *schema, *table;   /* filters; NULL: all */
    const char *start_date, *end_date;       /* archives that may hold rows of it; NULL: none */
    const char *archived_from, *archived_to; /* over archived_at; end exclusive; NULL: none */
};

/* ERR_NOT_FOUND where nothing matches; ERR_PREFLIGHT for an archive named that is not settled.
 * Archives that were rolled back come only by name or run. */
bool sources_find(const struct sources_params *params, struct sources *ret_sources,
                  struct err *err);
void sources_done(struct sources *sources);

#endif
