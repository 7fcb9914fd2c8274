/* SPDX-License-Identifier: PostgreSQL
 *
 * How a plan's rows are found: it gives the statement of the next batch, is told what that batch
 * took, and says when it is over.
 *
 *   plan_make -> walk_new -> [ walk_next -> (export it) -> walk_took ]... until walk_next says done
 *
 * Index order: oldest first on each leaf, with a floor (the largest timestamp taken) that skips the
 * dead head of the index, then a last sweep without floor so that rows skipped or late are not
 * forgotten.
 *
 * Heap range: blocks from the first to where the heap ended when the leaf's turn came, then the
 * same last sweep over all of it.
 *
 * Whole partitions: a leaf that can leave so is given once as that; see walk_whole.
 *
 * Several sessions share a table by parts that have no row in common, each one a walk by itself:
 * first those leaves that leave whole, one session at a time; then each heap, of which they take
 * one range after the other from where the last one ended, or spans of time in an index; then the
 * last sweeps.
 *
 * Threads: one thread at a time a walk; parts of one table in several.
 */
#ifndef ARCHIVER_POSTGRES_WALK_H
#define ARCHIVER_POSTGRES_WALK_H

#include "postgres/plan.h"

struct walk;
struct walk *walk_new(const struct plan *plan, const struct introspect_table *info);
void walk_free(struct walk *walk);

/* --- parts --- */

struct walk_parts {
    struct walk **items;
    size_t count;
};
/* Only the leaves that leave whole; those that stay are left to the parts. */
struct walk *walk_new_whole(const struct plan *plan, const struct introspect_table *info);
/* Of `count` sessions, `at_work` at a time look for rows. */
struct walk_sessions {
    size_t count, at_work;
};
/* For those sessions, as far as the leaves are large enough to be worth them. What they leave is
 * the sweeps'. False: *ret may have some. */
bool walk_split(const struct plan *plan, const struct introspect_table *info, struct conn *conn,
                struct walk_sessions sessions, struct walk_parts *ret, struct err *err);
/* The last look at each leaf. */
void walk_sweeps(const struct plan *plan, const struct introspect_table *info,
                 struct walk_parts *ret);
void walk_parts_done(struct walk_parts *parts);

/* --- a walk --- */

/* The leaf that should leave whole (leaf.h) before walk_next is asked; NULL: none. Once it is gone
 * (introspect_forget_leaf) the walk is at the next one. */
const struct introspect_leaf *walk_whole(struct walk *walk);
/* The statement given last waited for others, or was in their way: can the next one pass over what
 * they hold? */
bool walk_pass_over(struct walk *walk);
/* It stays: its rows leave batch by batch. */
void walk_by_rows(struct walk *walk);
/* The COPY (DELETE ... RETURNING ...) TO STDOUT of the next batch of at most `rows` (about, where a
 * range of a heap is taken as it is); *ret_done:
 * nothing left to do. `conn` tells where a heap ends, else it is for quoting only. The same
 * statement comes again until walk_took.
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
