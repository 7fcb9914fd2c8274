/* SPDX-License-Identifier: PostgreSQL
 *
 * Which way a plan's rows are found, and why: by the server's statistics, or as `strategy` says.
 *
 *   heap range       PostgreSQL 14 and later: blocks in their order, which needs no index
 *   index order      oldest first by an index that starts with the timestamp; without one (before
 *                    PostgreSQL 14) every batch reads the table from its start
 *   whole partition  only where `strategy` asks for it, since it drops tables: leaves whose bounds
 *                    prove that all their rows are older than the cutoff (leaf.h); all other leaves
 *                    by one of the two above
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_WAY_H
#define ARCHIVER_POSTGRES_WAY_H

#include "postgres/plan.h"

struct way_params {
    struct conn *conn; /* outside of a transaction */
    const struct config_table *table;
    struct introspect_table *info; /* `whole` of its leaves is filled */
    int64_t eligible;              /* plan_estimate's */
    bool limited; /* the run may end before the table does: by rows, batches or time */
};

/* Fills way, strategy and reason of the plan. ERR_PREFLIGHT where the strategy that was asked for
 * is not possible. */
bool way_choose(struct plan *plan, const struct way_params *params, struct err *err);

#endif
