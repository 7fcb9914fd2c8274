/* SPDX-License-Identifier: PostgreSQL
 *
 * The server's catalogs -> row/shape and what plan and check need to know of a table.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_INTROSPECT_H
#define ARCHIVER_POSTGRES_INTROSPECT_H

#include "postgres/conn.h"
#include "row/shape.h"

struct introspect_leaf { /* a table that holds rows: itself, or a partition or child */
    const char *schema, *table;
    const char *parent_schema, *parent_table; /* that it is a partition of; NULL: of none */
    const char *bounds; /* "FOR VALUES FROM ... TO ..."; NULL: none, or the default partition */
    bool can_drop;      /* owner of it and of its parent */
    bool whole;         /* may leave as a whole (way.h) */
};

struct introspect_table {
    struct shape *shape; /* owned */
    uint32_t oid;
    char relkind; /* r, p */
    bool has_children;
    struct introspect_leaf *leaves; /* in shape's arena; at least one */
    size_t leaf_count;
    int64_t rows_estimate; /* reltuples over leaves; -1 never analysed */
    uint64_t heap_bytes, total_bytes;
    const char *timestamp_type; /* typname of the timestamp column (domain: of its base) */
    bool timestamp_index;       /* some valid btree index starts with it (on every leaf) */
    bool timestamp_not_null;
    bool can_select, can_delete, can_vacuum;
    bool can_lock;                 /* UPDATE on some column: FOR UPDATE asks for that right */
    bool row_security;             /* enabled and not bypassed by us */
    size_t foreign_keys_here;      /* foreign keys that reference this table or a leaf of it */
    const char *foreign_keys_text; /* their names, comma separated; NULL: none */
    size_t cascades;               /* those of them that delete or change rows along with ours */
    const char *cascades_text;
    size_t triggers; /* user triggers for DELETE */
    const char *triggers_text;
    const char *columns_text; /* names and types as the server has them, to compare with later */
};

/* With timestamp_column NULL (a restore's target) only the shape, leaves, rights and sizes. In a
 * transaction that is open already, as far as it came; else in one of its own.
 * ERR_PREFLIGHT with what to do where the table, the timestamp column or a configured key column
 * does not exist (nearest names are suggested), or the column's type cannot be a timestamp. */
struct introspect_table *introspect_table(struct conn *conn, const struct config_table *table,
                                          struct err *err);
void introspect_free(struct introspect_table *table); /* NULL allowed */
/* Inside the caller's transaction: keeps everybody from changing the leaf's columns until its end.
 * ERR_PREFLIGHT where they are not those of `table` any more; ERR_TRANSIENT at lock_timeout. */
bool introspect_freeze(struct conn *conn, const struct introspect_table *table,
                       const struct introspect_leaf *leaf, struct err *err);
/* One leaf is there no more. */
void introspect_forget_leaf(struct introspect_table *table, const struct introspect_leaf *leaf);
/* The oldest and the newest timestamp of all leaves, as the server writes them, by the ends of the
 * index; "" where there is none of either, or where it would mean to read a table. ret_newest may
 * be NULL. */
bool introspect_bounds(struct conn *conn, const struct introspect_table *table,
                       struct buf *ret_oldest, struct buf *ret_newest, struct err *err);
/* CREATE TABLE statement good enough to make the table again (columns, constraints, indexes). */
bool introspect_ddl(struct conn *conn, const struct introspect_table *table, struct buf *ret_sql,
                    struct err *err);

#endif
