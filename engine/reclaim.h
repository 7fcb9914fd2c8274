/* SPDX-License-Identifier: PostgreSQL
 *
 * The space of rows that have left: vacuumed as configured, measured before and after, judged; and
 * noted as due where it was put off or did not work (due.h).
 *
 *   reclaim_begin -> rows leave -> reclaim_end        in a run
 *   reclaim_now                                        `vacuum`, of a table by itself
 *
 * Threads: one thread; blocks while the server vacuums.
 */
#ifndef ARCHIVER_RECLAIM_H
#define ARCHIVER_RECLAIM_H

#include "base/json.h"
#include "base/queue.h"
#include "monitor.h"
#include "postgres/vacuum.h"
#include "progress.h"
#include "store/store.h"

struct reclaim_params { /* all borrowed */
    const struct config *config;
    const struct config_database *database;
    const struct config_table *table;
    const struct introspect_table *info;
    struct conn *conn; /* without a transaction */
    struct store *store;
    const char *run_id;
    const struct stop *stop;
    bool stopping;                   /* the run ends although nobody asked `stop` */
    struct progress *progress;       /* may be NULL */
    size_t number;                   /* the table's in there */
    struct monitor *monitor;         /* may be NULL */
    struct monitor_subject *subject; /* `conn`, as it is watched */
};

struct reclaim {
    enum config_vacuum strategy;
    bool vacuumed; /* or analyzed, as the strategy has it */
    bool due;      /* left for `vacuum --due` */
    struct vacuum_sizes before, after;
    char held_back[200];       /* who keeps dead rows from going; "": nobody */
    struct vacuum_index index; /* that wastes most; its name "": none */
    double seconds;
};

/* Rows that left. */
struct reclaim_rows {
    int64_t count;
    bool noted;    /* the record of what is due has them already */
    uint64_t txid; /* of their last batch; 0: not known */
};

bool reclaim_begin(const struct reclaim_params *params, struct reclaim *ret, struct err *err);
/* Failures are warnings: the rows are safe. */
void reclaim_end(const struct reclaim_params *params, const struct reclaim_rows *left,
                 struct reclaim *ret);
/* False: *err says why it was not vacuumed. */
bool reclaim_now(const struct reclaim_params *params, const struct reclaim_rows *left,
                 struct reclaim *ret, struct err *err);
/* An object, for the key that was just written. */
void reclaim_write(const struct reclaim *reclaim, struct json_out *j);

#endif
