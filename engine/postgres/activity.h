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

struct activity {
    int64_t active, backends, backends_max; /* client sessions; active: -1 where not to be seen */
    int64_t blocked;                        /* sessions that wait for a lock that `pid` holds */
    int64_t locks;                          /* that `pid` holds */
    double transaction_age;                 /* of `pid`, seconds; -1: none is open */
    uint64_t wal_at;                        /* bytes written since the cluster was made; 0: standby */
    uint64_t replayed_to;                   /* by the slowest standby; 0: none is seen */
};

/* `pid` is the server process of the session that is watched. Gives up when `fd` becomes readable
 * (conn_query_until). */
bool activity_read(struct conn *conn, int pid, int fd, struct activity *ret, struct err *err);

#endif
