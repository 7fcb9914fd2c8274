/* SPDX-License-Identifier: PostgreSQL
 *
 * One statement a batch, on one leaf:
 *
 *   COPY (DELETE FROM ONLY leaf WHERE ctid = ANY(ARRAY(
 *       SELECT ctid FROM ONLY leaf WHERE eligible AND ts >= floor ORDER BY ts LIMIT n
 *       FOR UPDATE SKIP LOCKED)) RETURNING ...) TO STDOUT
 *
 * In index order. By heap range, where the range can hold no more than a batch may, it is
 *
 *   COPY (DELETE FROM ONLY leaf WHERE ctid >= '(a,0)' AND ctid < '(b,0)' AND eligible
 *       RETURNING ...) TO STDOUT
 *
 * which costs the server about half, as each row is visited once and not locked before it is
 * deleted. It waits for rows that others hold, for less than deadlock_timeout, so that nobody else
 * is the victim; then the range is taken as in index order, with the range for an order:
 *
 *       SELECT ctid FROM ONLY leaf WHERE eligible AND ctid >= '(a,0)' AND ctid < '(b,0)' LIMIT n
 *       FOR UPDATE SKIP LOCKED
 *
 * and so are ranges in which only few rows leave, and those of a run with a limit: the same range
 * again for as long as it gives n rows. The last sweep of a heap is the same without range: what
 * others held, moved by an update to blocks that were passed, or inserted.
 *
 * Rows that somebody else has locked are passed over, not waited for; where the role may not
 * UPDATE, which is what FOR UPDATE asks for, the DELETE waits for them until lock_timeout. A row
 * that was changed between the snapshot and the lock is not seen by the DELETE's snapshot and
 * stays; the last sweep, which has a new one, finds it.
 */
#include "postgres/walk.h"

#include <inttypes.h>
#include <stdlib.h>

#include "postgres/span.h"

/* Less than deadlock_timeout, which is a second where nobody changed it. */
#define PATIENCE "400ms"

struct walk {
    const struct plan *plan;
    const struct introspect_table *info;
    size_t leaf;
    bool by_rows;     /* this leaf, though it might have left whole */
    bool sweeping;    /* the last look at this leaf, without floor or range */
    struct buf floor; /* COPY text of the largest timestamp taken of this leaf; "" none */
    struct span span; /* of this leaf's heap */
    bool whole_range; /* the statement given last takes all of its range, whatever that holds */
    bool pass_over;   /* others hold rows of this range */
};

struct walk *walk_new(const struct plan *plan, const struct introspect_table *info)
{
    struct walk *walk = mem_alloc(sizeof(*walk));

    walk->plan = plan;
    walk->info = info;
    walk->span.blocks = -1;
    return walk;
}

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    buf_done(&walk->floor);
    free(walk);
}

static void add_leaf(const struct walk *walk, struct conn *conn, struct buf *sql)
{
    const struct introspect_leaf *leaf = &walk->info->leaves[walk->leaf];

    buf_adds(sql, "ONLY ");
    conn_add_table(conn, sql, leaf->schema, leaf->table);
}

static void add_timestamp(const struct walk *walk, struct conn *conn, struct buf *sql)
{
    const struct shape *shape = walk->info->shape;

    conn_add_ident(conn, sql, shape->columns[shape->timestamp_column].name);
}

/* Where to look on from, and in which order. */
static void add_index_order(const struct walk *walk, struct conn *conn, struct buf *sql)
{
    if (walk->floor.len > 0) {
        buf_adds(sql, " AND ");
        add_timestamp(walk, conn, sql);
        buf_adds(sql, " >= ");
        conn_add_literal(conn, sql, buf_str(&walk->floor));
    }
    buf_adds(sql, " ORDER BY ");
    add_timestamp(walk, conn, sql);
}

static void add_range(const struct walk *walk, struct buf *sql)
{
    buf_addf(sql, " AND ctid >= '(%" PRId64 ",0)' AND ctid < '(%" PRId64 ",0)'", walk->span.start,
             walk->span.end);
}

static void add_selection(struct walk *walk, struct conn *conn, int64_t rows, struct buf *sql)
{
    buf_adds(sql, "SELECT ctid FROM ");
    add_leaf(walk, conn, sql);
    buf_addf(sql, " WHERE %s", walk->plan->eligible_sql);
    if (walk->plan->way == PLAN_HEAP && !walk->sweeping) {
        add_range(walk, sql);
    } else if (walk->plan->way == PLAN_INDEX && walk->info->timestamp_index) {
        add_index_order(walk, conn, sql);
    }
    buf_addf(sql, " LIMIT %" PRId64 "%s", rows,
             walk->info->can_lock ? " FOR UPDATE SKIP LOCKED" : "");
}

static void add_columns(const struct walk *walk, struct conn *conn, struct buf *sql)
{
    for (size_t i = 0; i < walk->info->shape->column_count; i++) {
        if (i > 0)
            buf_addc(sql, ',');
        conn_add_ident(conn, sql, walk->info->shape->columns[i].name);
    }
}

static void next_leaf(struct walk *walk)
{
    walk->leaf++;
    walk->sweeping = walk->by_rows = walk->pass_over = walk->whole_range = false;
    walk->span.blocks = -1;
    buf_reset(&walk->floor);
}

/* The end of a heap is where it ends now. One without blocks gets one look; going on to the next
 * leaf is not done here, for that one may leave whole. */
static bool begin_leaf(struct walk *walk, struct conn *conn, struct err *err)
{
    if (walk->plan->way != PLAN_HEAP || walk->span.blocks >= 0 ||
        walk->leaf >= walk->info->leaf_count)
        return true;
    if (!span_begin(&walk->span, conn, walk_leaf(walk), false, err))
        return false;
    walk->sweeping = span_is_over(&walk->span);
    return true;
}

static void choose_range(struct walk *walk, int64_t rows)
{
    bool ranges = walk->plan->way == PLAN_HEAP && !walk->sweeping;

    if (ranges)
        span_range(&walk->span, rows);
    walk->whole_range =
        ranges && !walk->plan->exact && !walk->pass_over && span_holds_at_most(&walk->span, rows);
}

static void add_ctids(struct walk *walk, struct conn *conn, int64_t rows, struct buf *sql)
{
    buf_adds(sql, " WHERE ctid = ANY(ARRAY(");
    add_selection(walk, conn, rows, sql);
    buf_adds(sql, "))");
    /* Not locked by then, a row may have been changed: what it is now has to be eligible. */
    if (!walk->info->can_lock)
        buf_addf(sql, " AND (%s)", walk->plan->eligible_sql);
}

bool walk_next(struct walk *walk, struct conn *conn, int64_t rows, struct buf *ret_sql,
               bool *ret_done, struct err *err)
{
    if (!begin_leaf(walk, conn, err))
        return false;
    *ret_done = walk->leaf >= walk->info->leaf_count;
    if (*ret_done)
        return true;
    choose_range(walk, rows);
    buf_reset(ret_sql);
    if (walk->whole_range)
        buf_adds(ret_sql, "SET LOCAL lock_timeout = '" PATIENCE "';");
    buf_adds(ret_sql, "COPY (DELETE FROM ");
    add_leaf(walk, conn, ret_sql);
    if (walk->whole_range) {
        buf_addf(ret_sql, " WHERE %s", walk->plan->eligible_sql);
        add_range(walk, ret_sql);
    } else {
        add_ctids(walk, conn, rows, ret_sql);
    }
    buf_adds(ret_sql, " RETURNING ");
    add_columns(walk, conn, ret_sql);
    buf_adds(ret_sql, ") TO STDOUT");
    return true;
}

bool walk_pass_over(struct walk *walk)
{
    if (!walk->whole_range)
        return false;
    walk->pass_over = true;
    walk->whole_range = false;
    return true;
}

const struct introspect_leaf *walk_whole(const struct walk *walk)
{
    if (walk->by_rows || walk->leaf >= walk->info->leaf_count || !walk_leaf(walk)->whole)
        return NULL;
    return walk_leaf(walk);
}

void walk_by_rows(struct walk *walk)
{
    walk->by_rows = true;
}

const struct introspect_leaf *walk_leaf(const struct walk *walk)
{
    return &walk->info->leaves[walk->leaf];
}

static void took_in_order(struct walk *walk, bool full, const char *max_timestamp)
{
    if (!full) {
        buf_reset(&walk->floor);
        walk->sweeping = true;
    } else if (max_timestamp && *max_timestamp) {
        buf_reset(&walk->floor);
        buf_adds(&walk->floor, max_timestamp);
    }
}

void walk_took(struct walk *walk, int64_t asked, int64_t rows, const char *max_timestamp)
{
    bool full = rows >= asked;

    if (walk->sweeping) {
        if (!full)
            next_leaf(walk);
    } else if (walk->plan->way == PLAN_HEAP) {
        bool over = walk->whole_range || !full;
        span_took(&walk->span, rows, over);
        walk->pass_over = walk->pass_over && !over;
        walk->sweeping = span_is_over(&walk->span);
    } else {
        took_in_order(walk, full, max_timestamp);
    }
}

void walk_describe(const struct walk *walk, struct buf *ret_text)
{
    if (walk->leaf >= walk->info->leaf_count) {
        buf_adds(ret_text, "done");
        return;
    }
    const struct introspect_leaf *leaf = &walk->info->leaves[walk->leaf];
    buf_addf(ret_text, "%s.%s", leaf->schema, leaf->table);
    if (walk->sweeping)
        buf_adds(ret_text, ", last sweep");
    else if (walk->floor.len > 0)
        buf_addf(ret_text, ", floor %s", buf_str(&walk->floor));
    else if (walk->span.chosen)
        buf_addf(ret_text, ", blocks %" PRId64 " to %" PRId64 " of %" PRId64, walk->span.start,
                 walk->span.end, walk->span.blocks);
}
