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
#include <pthread.h>
#include <stdlib.h>

#include "postgres/span.h"

/* Less than deadlock_timeout, which is a second where nobody changed it. */
#define PATIENCE "400ms"

/* Where the next range of a heap begins that several walks share, and what the last ones gave. */
struct cursor {
    pthread_mutex_t lock;
    struct span span;
    size_t at_work; /* sessions at a time */
};

struct walk {
    const struct plan *plan;
    const struct introspect_table *info;
    size_t leaf;
    size_t end;            /* of the leaves; SIZE_MAX: all */
    bool only_whole;       /* nothing leaves by rows */
    bool unswept;          /* the last look is somebody else's */
    struct buf from, to;   /* COPY text of the timestamps between which it goes; "": no limit */
    bool by_rows;          /* this leaf, though it might have left whole */
    bool sweeping;         /* the last look at this leaf, without floor or range */
    struct buf floor;      /* COPY text of the largest timestamp taken of this leaf; "" none */
    struct span span;      /* of this leaf's heap */
    struct cursor *cursor; /* its ranges come from there; NULL: all of them are its own */
    bool frees_cursor;
    bool whole_range; /* the statement given last takes all of its range, whatever that holds */
    bool pass_over;   /* others hold rows of this range */
};

struct walk *walk_new(const struct plan *plan, const struct introspect_table *info)
{
    struct walk *walk = mem_alloc(sizeof(*walk));

    walk->plan = plan;
    walk->info = info;
    walk->end = SIZE_MAX;
    walk->span.blocks = -1;
    return walk;
}

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    buf_done(&walk->floor);
    buf_done(&walk->from);
    buf_done(&walk->to);
    if (walk->frees_cursor) {
        pthread_mutex_destroy(&walk->cursor->lock);
        free(walk->cursor);
    }
    free(walk);
}

static bool is_over(const struct walk *walk)
{
    return walk->leaf >= walk->info->leaf_count || walk->leaf >= walk->end;
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

static void add_bound(const struct walk *walk, struct conn *conn, const char *comparison,
                      const struct buf *bound, struct buf *sql)
{
    if (bound->len == 0)
        return;
    buf_adds(sql, " AND ");
    add_timestamp(walk, conn, sql);
    buf_adds(sql, comparison);
    conn_add_literal(conn, sql, buf_str(bound));
}

/* Where to look on from, how far, and in which order. */
static void add_index_order(const struct walk *walk, struct conn *conn, struct buf *sql)
{
    add_bound(walk, conn, " >= ", walk->floor.len > 0 ? &walk->floor : &walk->from, sql);
    add_bound(walk, conn, " < ", &walk->to, sql);
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
    if (walk->plan->way != PLAN_HEAP || walk->span.blocks >= 0 || is_over(walk))
        return true;
    if (!span_begin(&walk->span, conn, walk_leaf(walk), false, err))
        return false;
    walk->sweeping = span_is_over(&walk->span);
    return true;
}

/* False: none is left. */
static bool take_range(struct walk *walk, int64_t rows)
{
    struct cursor *c = walk->cursor;

    if (walk->span.chosen || !c) {
        span_range(&walk->span, rows);
        return true;
    }
    pthread_mutex_lock(&c->lock);
    bool left = !span_is_over(&c->span);
    if (left) {
        walk->span = c->span;
        span_range(&walk->span, rows);
        if (c->at_work > 1)
            span_leave_some(&walk->span, rows, c->at_work);
        c->span.start = walk->span.end;
    }
    pthread_mutex_unlock(&c->lock);
    return left;
}

/* What the range gave, for the next ones. */
static void tell_cursor(const struct walk *walk)
{
    struct cursor *c = walk->cursor;

    pthread_mutex_lock(&c->lock);
    c->span.last_blocks = walk->span.last_blocks;
    c->span.rows_a_block = walk->span.rows_a_block;
    if (walk->span.most_a_block > c->span.most_a_block)
        c->span.most_a_block = walk->span.most_a_block;
    pthread_mutex_unlock(&c->lock);
}

static bool choose_range(struct walk *walk, int64_t rows)
{
    bool ranges = walk->plan->way == PLAN_HEAP && !walk->sweeping;

    if (ranges && !take_range(walk, rows))
        return false;
    walk->whole_range =
        ranges && !walk->plan->exact && !walk->pass_over && span_holds_at_most(&walk->span, rows);
    return true;
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
    *ret_done = is_over(walk) || walk->only_whole || !choose_range(walk, rows);
    if (*ret_done)
        return true;
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

const struct introspect_leaf *walk_whole(struct walk *walk)
{
    while (walk->only_whole && !is_over(walk) && (walk->by_rows || !walk_leaf(walk)->whole))
        next_leaf(walk);
    return is_over(walk) || walk->by_rows || !walk_leaf(walk)->whole ? NULL : walk_leaf(walk);
}

void walk_by_rows(struct walk *walk)
{
    walk->by_rows = true;
}

const struct introspect_leaf *walk_leaf(const struct walk *walk)
{
    return &walk->info->leaves[walk->leaf];
}

static void end_of_range(struct walk *walk)
{
    walk->sweeping = !walk->unswept;
    if (walk->unswept)
        next_leaf(walk);
}

static void took_in_order(struct walk *walk, bool full, const char *max_timestamp)
{
    if (!full) {
        buf_reset(&walk->floor);
        end_of_range(walk);
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
        if (walk->cursor && over)
            tell_cursor(walk);
        else if (span_is_over(&walk->span))
            end_of_range(walk);
    } else {
        took_in_order(walk, full, max_timestamp);
    }
}

void walk_describe(const struct walk *walk, struct buf *ret_text)
{
    if (is_over(walk)) {
        buf_adds(ret_text, "done");
        return;
    }
    const struct introspect_leaf *leaf = &walk->info->leaves[walk->leaf];
    buf_addf(ret_text, "%s.%s", leaf->schema, leaf->table);
    if (walk->sweeping)
        buf_adds(ret_text, ", last sweep");
    else if (walk->floor.len > 0 || walk->from.len > 0)
        buf_addf(ret_text, ", floor %s", buf_str(walk->floor.len > 0 ? &walk->floor : &walk->from));
    else if (walk->span.chosen)
        buf_addf(ret_text, ", blocks %" PRId64 " to %" PRId64 " of %" PRId64, walk->span.start,
                 walk->span.end, walk->span.blocks);
}

/* --- parts --- */

/* Blocks of a heap (2 MiB) that are worth a part. */
#define PART_LEAST INT64_C(256)
/* Spans of time a session: so that those with little in them leave nobody without work. */
#define SPANS_EACH 4

struct walk *walk_new_whole(const struct plan *plan, const struct introspect_table *info)
{
    struct walk *walk = walk_new(plan, info);

    walk->only_whole = true;
    return walk;
}

/* One leaf, without the last look, in what order whoever asks decides. */
static struct walk *add_part(const struct plan *plan, const struct introspect_table *info,
                             size_t leaf, struct walk_parts *parts)
{
    struct walk *walk = walk_new(plan, info);

    walk->leaf = leaf;
    walk->end = leaf + 1;
    walk->by_rows = walk->unswept = true;
    parts->items = mem_grow(parts->items, (parts->count + 1) * sizeof(*parts->items));
    return parts->items[parts->count++] = walk;
}

static void split_heap(const struct plan *plan, const struct introspect_table *info, size_t leaf,
                       const struct span *all, struct walk_sessions sessions,
                       struct walk_parts *parts)
{
    struct cursor *cursor = mem_alloc(sizeof(*cursor));

    pthread_mutex_init(&cursor->lock, NULL);
    cursor->span = *all;
    cursor->at_work = sessions.at_work;
    for (size_t i = 0; i < sessions.count; i++) {
        struct walk *walk = add_part(plan, info, leaf, parts);
        walk->span = *all;
        walk->cursor = cursor;
        walk->frees_cursor = i == 0;
    }
}

/* Every type that a timestamp column has can be divided so: timestamps, dates, numbers. Nothing
 * comes where its oldest is infinitely old, or there is none. */
static PGresult *ask_bounds(struct walk *walk, struct conn *conn, size_t wanted, struct err *err)
{
    const char *upper = walk->plan->upper;
    struct buf sql = BUF_INIT;

    buf_addf(&sql, "SELECT DISTINCT o.t + (%s - o.t) * i / %zu FROM (SELECT min(", upper, wanted);
    add_timestamp(walk, conn, &sql);
    buf_adds(&sql, ") AS t FROM ");
    add_leaf(walk, conn, &sql);
    buf_addf(&sql,
             ") o, generate_series(1, %zu) i WHERE o.t < %s"
             " AND o.t::text <> '-infinity' ORDER BY 1",
             wanted - 1, upper);
    PGresult *result = conn_query(conn, buf_str(&sql), 0, NULL, err);
    buf_done(&sql);
    return result;
}

static bool split_index(const struct plan *plan, const struct introspect_table *info, size_t leaf,
                        struct conn *conn, size_t wanted, struct walk_parts *parts, struct err *err)
{
    struct walk *walk = add_part(plan, info, leaf, parts);
    PGresult *bounds = wanted > 1 ? ask_bounds(walk, conn, wanted, err) : NULL;

    if (wanted > 1 && !bounds)
        return false;
    for (int i = 0; bounds && i < PQntuples(bounds); i++) {
        buf_adds(&walk->to, PQgetvalue(bounds, i, 0));
        walk = add_part(plan, info, leaf, parts);
        buf_adds(&walk->from, PQgetvalue(bounds, i, 0));
    }
    PQclear(bounds);
    return true;
}

static size_t at_most(size_t wanted, size_t most)
{
    return wanted < most ? wanted : most;
}

static bool split_leaf(const struct plan *plan, const struct introspect_table *info, size_t leaf,
                       struct conn *conn, struct walk_sessions sessions, struct walk_parts *parts,
                       struct err *err)
{
    struct span all;

    if (!span_begin(&all, conn, &info->leaves[leaf], false, err))
        return false;
    size_t worth = (size_t)(all.blocks / PART_LEAST) + 1;
    if (plan->way != PLAN_HEAP)
        return split_index(plan, info, leaf, conn,
                           info->timestamp_index ? at_most(sessions.count * SPANS_EACH, worth) : 1,
                           parts, err);
    sessions.count = at_most(sessions.count, worth);
    sessions.at_work = at_most(sessions.at_work, worth);
    if (all.blocks > 0)
        split_heap(plan, info, leaf, &all, sessions, parts);
    return true;
}

bool walk_split(const struct plan *plan, const struct introspect_table *info, struct conn *conn,
                struct walk_sessions sessions, struct walk_parts *ret, struct err *err)
{
    for (size_t i = 0; i < info->leaf_count; i++) {
        if (!split_leaf(plan, info, i, conn, sessions, ret, err))
            return false;
    }
    return true;
}

void walk_sweeps(const struct plan *plan, const struct introspect_table *info,
                 struct walk_parts *ret)
{
    for (size_t i = 0; i < info->leaf_count; i++) {
        struct walk *walk = add_part(plan, info, i, ret);
        walk->unswept = false;
        walk->sweeping = true;
        walk->span.blocks = 0;
    }
}

void walk_parts_done(struct walk_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        walk_free(parts->items[i]);
    free(parts->items);
    *parts = (struct walk_parts){0};
}
