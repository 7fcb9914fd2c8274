/* SPDX-License-Identifier: PostgreSQL
 *
 * Reports of runs and restores, kept in {prefix}/_runs/ for people and for `runs`; and the past
 * runs as they tell.
 *
 * Threads: any thread.
 */
#ifndef ARCHIVER_RUNS_H
#define ARCHIVER_RUNS_H

#include "base/buf.h"
#include "config/config.h"
#include "store/store.h"

/* {prefix}/_runs/{name}.json. A failure is a warning in the log: what the report tells is done. */
void runs_keep(struct store *store, const struct config *config, const char *name,
               const struct buf *json);

/* Removes what writers of reports that died left behind, as store_sweep does; adds to *swept. */
bool runs_sweep(struct store *store, const struct config *config, uint64_t *swept, struct err *err);

struct runs_table { /* of an archive run */
    char database[128], schema[128], table[128], status[16];
    int64_t rows;
};
struct runs_past {
    char run_id[40], kind[16], status[16]; /* kind: archive, restore */
    int64_t started_us, ended_us;
    int64_t rows, batches;     /* restore: rows restored and updated, archives; -1: not said */
    uint64_t bytes;            /* stored; restore: fetched */
    char error[300];           /* "": none, or several */
    struct runs_table *tables; /* owned */
    size_t table_count;
};
struct runs_list {
    struct runs_past *items; /* the newest first */
    size_t count;
};
/* The newest `most` (0: all). A report that cannot be read is passed over with a warning. */
bool runs_read(struct store *store, const struct config *config, size_t most,
               struct runs_list *ret_list, struct err *err);
void runs_list_done(struct runs_list *list);
/* The report of one run as it is stored. ERR_NOT_FOUND. */
bool runs_report(struct store *store, const struct config *config, const char *run_id,
                 struct buf *ret_json, struct err *err);

#endif
