/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: one table's turn in a run: its lock, recover, the plan, batch after batch or leaf after
 * leaf, the space, the spool where the store is away. What happens stands in its run_table.
 *
 * Threads: the run's thread.
 */
#ifndef ARCHIVER_TURN_H
#define ARCHIVER_TURN_H

#include "archive.h"
#include "postgres/walk.h"
#include "run.h"
#include "stride.h"
#include "targets.h"

struct turn {
    const struct run_params *params;
    const struct target *target;
    struct run_report *report;
    struct run_table *table;
    size_t number; /* of the target, from 0 */
    struct store *store;
    struct pool *pool;
    struct keyring *keyring;
    struct conn *conn;
    struct introspect_table *info;
    struct plan *plan;
    struct walk *walk;
    struct archive_params archive; /* zeroed until prepare_archive */
    struct archiver *archiver;
    struct buf ddl;
    int64_t started_us;
    struct stride stride;
    int64_t deleted;     /* rows; those of partitions that were dropped are none */
    uint64_t txid;       /* of the last batch that is settled */
    int64_t batch_us;    /* when the batch in work began, monotonic */
    int64_t object_rows; /* asked for the object of a leaf that is in work */
    int reconnects, transients, let_go;
};

/* What every table's turn has is filled; the rest is zero, but for target, table and number. */
void turn_run(struct turn *turn);
/* It never comes: a limit was reached before, or the run is to stop. */
void turn_leave_out(struct turn *turn, enum progress_state state);

#endif
