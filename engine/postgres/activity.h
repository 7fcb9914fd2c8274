/* SPDX-License-Identifier: PostgreSQL
 *
 * What goes on at the server: sessions, locks, replication, WAL, and what one session of ours does
 * to the others. One statement, cheap enough to be asked every other second. What the role may not
 * see is unknown.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_ACTIVITY_H
#define ARCHIVER_POSTGRES_ACTIVITY_H

#include "postgres/conn.h"

#define ACTIVITY_WAITERS 16

struct activity {
    /* client sessions; active: at work, but for `pid` and this one; -1 where not to be seen */
    int64_t active, backends, backends_max;
    int64_t blocked;               /* sessions that wait for a lock of `pid`'s transaction */
    int waiters[ACTIVITY_WAITERS]; /* the first of them, by server process; ends with 0 or full */
    int64_t locks;                 /* that `pid` holds */
    bool vacuums;                  /* `pid` does: VACUUM or ANALYZE */
    double transaction_age;        /* of `pid`, seconds; -1: none is open */
    uint64_t wal_at;               /* bytes written since the cluster was made; 0: standby */
    uint64_t replayed_to;          /* by the slowest standby; 0: none is seen */
    double replay_lag;             /* as a standby last reported it, seconds; -1: none */
};

/* `pid` is the server process of the session that is watched. Gives up when `fd` becomes readable
 * (conn_query_until). */
bool activity_read(struct conn *conn, int pid, int fd, struct activity *ret, struct err *err);
/* Makes `pid` let its locks go: cancels the statement of a batch or of a VACUUM that readers and
 * writers may go on under; with `hard` it ends the session, where a batch's transaction is idle or
 * does not heed. *ret_done: something was asked of it. */
bool activity_let_go(struct conn *conn, int pid, bool hard, int fd, bool *ret_done,
                     struct err *err);

#endif
