/* SPDX-License-Identifier: PostgreSQL
 *
 * The space given back after rows have left: VACUUM on every leaf, how far it is, what a table
 * takes on disk, and why little may come back.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_VACUUM_H
#define ARCHIVER_POSTGRES_VACUUM_H

#include "base/queue.h"
#include "postgres/introspect.h"

const char *vacuum_strategy_name(enum config_vacuum strategy);

/* Blocks until done or asked to stop (ERR_INTERRUPTED). The connection must hold no transaction. A
 * leaf that is no more is passed over. Not for VACUUM_NONE and VACUUM_DEFERRED. */
bool vacuum_table(struct conn *conn, const struct introspect_table *table,
                  enum config_vacuum strategy, const struct stop *stop, struct err *err);

/* How far the VACUUM or ANALYZE of server process `pid` is, as the server tells. */
struct vacuum_progress {
    char table[140], phase[48]; /* "": it does nothing of the kind */
    int64_t done, total;        /* blocks; total 0: it does not say */
};
bool vacuum_watch(struct conn *conn, int pid, int fd, struct vacuum_progress *ret, struct err *err);

/* On disk, over all leaves that are there. */
struct vacuum_sizes {
    uint64_t heap, toast, indexes; /* bytes */
};
uint64_t vacuum_sum(const struct vacuum_sizes *sizes);
bool vacuum_measure(struct conn *conn, const struct introspect_table *table,
                    struct vacuum_sizes *ret, struct err *err);

/* What keeps the rows that transaction `txid` deleted from being removed, in words; "": nothing. A
 * role that may not see what others do learns of those that write. */
bool vacuum_held_back(struct conn *conn, uint64_t txid, struct buf *ret_who, struct err *err);

/* The B-tree index whose size goes furthest beyond what its entries need, where that is more than
 * half of it; by the statistics of the last ANALYZE. */
struct vacuum_index {
    char name[140]; /* schema.name; "": there is none */
    uint64_t bytes, wasted;
};
bool vacuum_worst_index(struct conn *conn, const struct introspect_table *table,
                        struct vacuum_index *ret, struct err *err);

/* Since when every leaf that has dead rows was vacuumed, by whomever; INT64_MIN: one never was. */
bool vacuum_last(struct conn *conn, const struct introspect_table *table, int64_t *ret_us,
                 struct err *err);

#endif
