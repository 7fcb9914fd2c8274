/* SPDX-License-Identifier: PostgreSQL
 *
 * Which rows leave, and by which walk. The cutoff is computed by the database; the walk is an
 * interface: it gives the statement of the next batch, is told what that batch took, and says when
 * it is over.
 *
 *   plan_make -> walk_new -> [ walk_next -> (export it) -> walk_took ]... until walk_next says done
 *
 * Index order: oldest first on each leaf, with a floor (the largest timestamp taken) that skips the
 * dead head of the index, then a last sweep without floor so that rows skipped or late are not
 * forgotten.
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
        *end_date; /* ISO date or timestamp, UTC unless it says otherwise; NULL: none.
                      start inclusive, end exclusive; never later than the cutoff */
    bool include_restored; /* also rows that a restore brought back */
};

struct plan {
    struct arena *arena;
    char *cutoff; /* "2026-08-24T13:28:45.330268+00:00" */
    int64_t cutoff_us;
    char *upper, *lower; /* SQL literals in the column's type; lower NULL: none */
    char *strategy;      /* "index" */
    char *reason;        /* for people */
    char *eligible_sql;  /* the condition: ts < upper AND ts >= lower AND not restored AND (where) */
};

struct plan *plan_make(struct conn *conn, const struct plan_params *params, struct err *err);
void plan_free(struct plan *plan);
/* Exact count of eligible rows over all leaves, and the oldest timestamp; for dry runs and
 * progress. `cap`: stop counting there (0: no cap). */
bool plan_count(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                int64_t cap, int64_t *ret_rows, struct buf *ret_oldest, struct err *err);
/* The planner's estimate (EXPLAIN), cheap. */
bool plan_estimate(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                   int64_t *ret_rows, struct err *err);

struct walk;
struct walk *walk_new(const struct plan *plan, const struct introspect_table *info);
void walk_free(struct walk *walk);
/* The COPY (DELETE ... RETURNING ...) TO STDOUT of the next batch of at most `rows`; *ret_done:
 * nothing left to do. `conn` is for quoting only. The same statement comes again until walk_took.
 */
bool walk_next(struct walk *walk, struct conn *conn, int64_t rows, struct buf *ret_sql,
               bool *ret_done, struct err *err);
/* The leaf that statement is about; borrowed from the table. */
const struct introspect_leaf *walk_leaf(const struct walk *walk);
/* The batch is settled: it took `rows` rows of at most `asked`, the largest timestamp being
 * max_timestamp (COPY text; NULL where rows is 0). */
void walk_took(struct walk *walk, int64_t asked, int64_t rows, const char *max_timestamp);
/* How far: "floor 2026-01-01 00:00:00+00", "last sweep", leaf. For logs. */
void walk_describe(const struct walk *walk, struct buf *ret_text);

#endif
