/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: one table's turn in a run: its lock, recover, the plan, batch after batch or leaf after
 * leaf, on one session or several, the space, the spool where the store is away. What happens
 * stands in its run_table.
 *
 * Threads: one thread a turn, several turns at a time; a turn starts threads of its own and joins
 * them.
 */
#ifndef ARCHIVER_TURN_H
#define ARCHIVER_TURN_H

#include <pthread.h>
#include <stdatomic.h>

#include "archive.h"
#include "postgres/walk.h"
#include "run.h"
#include "stride.h"
#include "targets.h"

/* What the turns of a run share. */
struct turn_tally {
    pthread_mutex_t lock; /* of the counts in the report and its tables, and of all promises */
    int64_t promised;     /* rows of the run's limit, to batches in work */
};

/* What one table's turn leaves to the next one in its thread: a session whose caches the server has
 * filled. */
struct turn_session {
    const struct config_database *database;
    struct conn *conn; /* NULL: none */
};
void turn_session_done(struct turn_session *session);

struct turn {
    const struct run_params *params;
    struct turn_session *session; /* of this thread */
    struct turn_tally *tally;
    const struct target *target;
    struct run_report *report;
    struct run_table *table;
    size_t number; /* of the target, from 0 */
    struct store *store;
    struct pool *pool;
    struct keyring *keyring;
    struct conn *conn;
    bool shared; /* the table's lock, with other sessions of ours */
    struct monitor_subject subject;
    struct introspect_table *info;
    struct plan *plan;
    struct archive_params archive; /* zeroed until prepare_archive */
    struct archiver *archiver;
    struct buf ddl;
    int64_t started_us;
    struct throttle_pace pace;
    int64_t promised_rows, promised_batches; /* to batches in work */
    int64_t deleted; /* rows; those of partitions that were dropped are none */
    uint64_t txid;   /* of the last batch that is settled */
    bool none_left;  /* counted behind the last batch */
    atomic_int reconnects;
    atomic_bool halt; /* no hand begins another batch */
};

/* What every table's turn has is filled; the rest is zero, but for target, table and number. */
void turn_run(struct turn *turn);
/* It failed since another run holds the table, and will be run again: as if it had not been. */
void turn_comes_again(struct turn *turn);
/* What it came to, for the log and the snapshot. */
void turn_report(struct turn *turn);
/* Is the limit of the run reached? */
bool turn_run_is_full(const struct turn *turn);
/* It never comes: a limit was reached before, or the run is to stop. */
void turn_leave_out(struct turn *turn, enum progress_state state);

#endif
