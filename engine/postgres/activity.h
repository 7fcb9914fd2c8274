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
/* Sessions of ours that are looked at, at most. */
#define ACTIVITY_OURS 64

struct activity_waiter {
    int pid, ours;          /* server processes: who waits, and for whom of ours */
    double transaction_age; /* of ours, seconds */
};

struct activity {
    /* client sessions; active: at work, but for ours and this one; -1 where not to be seen */
    int64_t active, backends, backends_max;
    int64_t blocked; /* sessions of others that wait for a lock of a transaction of ours */
    struct activity_waiter waiters[ACTIVITY_WAITERS]; /* the first of them; ends with 0 or full */
    int64_t locks;                                    /* that ours hold */
    int vacuums[ACTIVITY_OURS]; /* which of ours do, VACUUM or ANALYZE; ends with 0 or full */
    double transaction_age;     /* of the oldest of ours, seconds; -1: none is open */
    uint64_t wal_at;            /* bytes written since the cluster was made; 0: standby */
    uint64_t replayed_to;       /* by the slowest standby; 0: none is seen */
    double replay_lag;          /* as a standby last reported it, seconds; -1: none */
};

/* `ours` are the server processes of the sessions that are watched: one to ACTIVITY_OURS. Gives up
 * when `fd` becomes readable (conn_query_until). */
bool activity_read(struct conn *conn, const int *ours, size_t count, int fd, struct activity *ret,
                   struct err *err);
/* Makes `pid` let its locks go: cancels the statement of a batch or of a VACUUM that readers and
 * writers may go on under; with `hard` it ends the session, where a batch's transaction is idle or
 * does not heed. *ret_done: something was asked of it. */
bool activity_let_go(struct conn *conn, int pid, bool hard, int fd, bool *ret_done,
                     struct err *err);

#endif
