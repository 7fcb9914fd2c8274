/* SPDX-License-Identifier: PostgreSQL
 *
 * Which way a plan's rows are found, and why: by the server's statistics, or as `strategy` says.
 *
 *   heap range    PostgreSQL 14 and later: blocks in their order, which needs no index
 *   index order   oldest first by an index that starts with the timestamp; without one (before
 *                 PostgreSQL 14) every batch reads the table from its start
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_WAY_H
#define ARCHIVER_POSTGRES_WAY_H

#include "postgres/plan.h"

/* Fills way, strategy and reason of `plan`; `eligible` is plan_estimate's. ERR_PREFLIGHT where the
 * strategy that was asked for is not possible. */
bool way_choose(struct plan *plan, const struct conn_server *server,
                const struct plan_params *params, int64_t eligible, struct err *err);

#endif
