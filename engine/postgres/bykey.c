/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/bykey.h"

/* Names that no column of a table has, since a condition of the operator's stands beside them. */
#define KEYS   "archiver_spool_keys"
#define NUMBER "archiver_spool_number"
#define PART   "archiver_spool_key_%zu"

static const struct column *key_column(const struct introspect_table *info, size_t i)
{
    return &info->shape->columns[info->shape->key_columns[i]];
}

static void add_keys(struct conn *conn, const struct introspect_table *info,
                     const char *const *arrays, struct buf *sql)
{
    buf_adds(sql, "unnest(");
    for (size_t i = 0; i < info->shape->key_count; i++) {
        buf_adds(sql, i > 0 ? ", " : "");
        conn_add_literal(conn, sql, arrays[i]);
        buf_addf(sql, "::text[]::%s[]", key_column(info, i)->type->name);
    }
    buf_adds(sql, ") WITH ORDINALITY AS " KEYS "(");
    for (size_t i = 0; i < info->shape->key_count; i++)
        buf_addf(sql, PART ", ", i);
    buf_adds(sql, NUMBER ")");
}

static void add_columns(struct conn *conn, const struct introspect_table *info, struct buf *sql)
{
    for (size_t i = 0; i < info->shape->column_count; i++) {
        buf_adds(sql, i > 0 ? "," : "");
        conn_add_ident(conn, sql, info->shape->columns[i].name);
    }
}

/* The table goes by its own name, since a condition may call it that. */
void bykey_statement(struct conn *conn, const struct introspect_table *info,
                     const struct introspect_leaf *leaf, const char *const *arrays,
                     const char *condition, struct buf *ret_sql)
{
    buf_reset(ret_sql);
    buf_adds(ret_sql, "COPY (WITH gone AS (DELETE FROM ONLY ");
    conn_add_table(conn, ret_sql, leaf->schema, leaf->table);
    buf_adds(ret_sql, " USING ");
    add_keys(conn, info, arrays, ret_sql);
    buf_addf(ret_sql, " WHERE (%s)", condition);
    for (size_t i = 0; i < info->shape->key_count; i++) {
        buf_adds(ret_sql, " AND ");
        conn_add_ident(conn, ret_sql, key_column(info, i)->name);
        buf_addf(ret_sql, " = " PART, i);
    }
    buf_adds(ret_sql, " RETURNING " NUMBER ", ");
    add_columns(conn, info, ret_sql);
    buf_adds(ret_sql, ") SELECT ");
    add_columns(conn, info, ret_sql);
    buf_adds(ret_sql, " FROM gone ORDER BY " NUMBER ") TO STDOUT");
}
