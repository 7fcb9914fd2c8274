/* SPDX-License-Identifier: PostgreSQL
 *
 * Which rows leave. The cutoff is computed by the database. walk.h says batch by batch how they are
 * found.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_POSTGRES_PLAN_H
#define ARCHIVER_POSTGRES_PLAN_H

#include "postgres/introspect.h"

struct plan_params {
    const struct config_table *table;
    const struct introspect_table *info;
    const char *start_date,
        *end_date;         /* ISO date or timestamp, UTC unless it says otherwise; NULL: none.
                              start inclusive, end exclusive; never later than the cutoff */
    bool include_restored; /* also rows that a restore brought back */
};

enum plan_way { PLAN_INDEX, PLAN_HEAP }; /* way.h */
const char *plan_way_name(enum plan_way way);

struct plan {
    struct arena *arena;
    char *cutoff; /* "2026-08-24T13:28:45.330268+00:00" */
    int64_t cutoff_us;
    char *upper, *lower;  /* SQL literals in the column's type; lower NULL: none */
    bool exact;           /* no batch may have a row more than was asked for */
    enum plan_way way;    /* of rows that leave by batch */
    const char *strategy; /* name of the way, or "partition" where leaves leave whole */
    const char *reason;   /* for people; NULL before way_choose */
    char *eligible_sql; /* the condition: ts < upper AND ts >= lower AND not restored AND (where) */
};

struct plan *plan_make(struct conn *conn, const struct plan_params *params, struct err *err);
void plan_free(struct plan *plan);
/* Exact count of eligible rows over all leaves, and the oldest timestamp (NULL: not asked for); for
 * dry runs and progress. `cap`: stop counting there (0: no cap). ERR_INTERRUPTED once `stop` is
 * asked; the connection is as good as before. */
bool plan_count(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                int64_t cap, const struct stop *stop, int64_t *ret_rows, struct buf *ret_oldest,
                struct err *err);
/* The planner's estimate (EXPLAIN), cheap. */
bool plan_estimate(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                   int64_t *ret_rows, struct err *err);

#endif
