/* SPDX-License-Identifier: PostgreSQL
 *
 * One statement a batch, on one leaf:
 *
 *   COPY (DELETE FROM ONLY leaf WHERE ctid = ANY(ARRAY(
 *       SELECT ctid FROM ONLY leaf WHERE eligible AND ts >= floor ORDER BY ts LIMIT n
 *       FOR UPDATE SKIP LOCKED)) RETURNING ...) TO STDOUT
 *
 * Rows that somebody else has locked are passed over, not waited for; where the role may not
 * UPDATE, which is what FOR UPDATE asks for, the DELETE waits for them until lock_timeout. A row
 * that was changed between the snapshot and the lock is not seen by the DELETE's snapshot and
 * stays; the last sweep, which has a new one, finds it.
 */
#include "postgres/walk.h"

#include <inttypes.h>
#include <stdlib.h>

struct walk {
    const struct plan *plan;
    const struct introspect_table *info;
    size_t leaf;
    bool sweeping;    /* the last look at this leaf, without floor */
    struct buf floor; /* COPY text of the largest timestamp taken of this leaf; "" none */
};

struct walk *walk_new(const struct plan *plan, const struct introspect_table *info)
{
    struct walk *walk = mem_alloc(sizeof(*walk));

    walk->plan = plan;
    walk->info = info;
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

static void add_selection(struct walk *walk, struct conn *conn, int64_t rows, struct buf *sql)
{
    buf_adds(sql, "SELECT ctid FROM ");
    add_leaf(walk, conn, sql);
    buf_addf(sql, " WHERE %s", walk->plan->eligible_sql);
    if (walk->info->timestamp_index) {
        if (walk->floor.len > 0) {
            buf_adds(sql, " AND ");
            add_timestamp(walk, conn, sql);
            buf_adds(sql, " >= ");
            conn_add_literal(conn, sql, buf_str(&walk->floor));
        }
        buf_adds(sql, " ORDER BY ");
        add_timestamp(walk, conn, sql);
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

bool walk_next(struct walk *walk, struct conn *conn, int64_t rows, struct buf *ret_sql,
               bool *ret_done, struct err *err)
{
    (void)err;
    *ret_done = walk->leaf >= walk->info->leaf_count;
    if (*ret_done)
        return true;
    buf_reset(ret_sql);
    buf_adds(ret_sql, "COPY (DELETE FROM ");
    add_leaf(walk, conn, ret_sql);
    buf_adds(ret_sql, " WHERE ctid = ANY(ARRAY(");
    add_selection(walk, conn, rows, ret_sql);
    buf_adds(ret_sql, "))");
    /* Not locked by then, a row may have been changed: what it is now has to be eligible. */
    if (!walk->info->can_lock)
        buf_addf(ret_sql, " AND (%s)", walk->plan->eligible_sql);
    buf_adds(ret_sql, " RETURNING ");
    add_columns(walk, conn, ret_sql);
    buf_adds(ret_sql, ") TO STDOUT");
    return true;
}

const struct introspect_leaf *walk_leaf(const struct walk *walk)
{
    return &walk->info->leaves[walk->leaf];
}

void walk_took(struct walk *walk, int64_t asked, int64_t rows, const char *max_timestamp)
{
    if (rows >= asked) {
        if (!walk->sweeping && max_timestamp && *max_timestamp) {
            buf_reset(&walk->floor);
            buf_adds(&walk->floor, max_timestamp);
        }
        return;
    }
    buf_reset(&walk->floor);
    if (walk->sweeping)
        walk->leaf++;
    walk->sweeping = !walk->sweeping;
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
}
