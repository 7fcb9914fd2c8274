/* SPDX-License-Identifier: PostgreSQL
 *
 * All questions about a table are asked in one read-only snapshot with search_path = pg_catalog:
 * the answers fit together, and every name in them stands with its schema.
 */
#include "postgres/introspect.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "postgres/columns.h"

#define BEGIN_SQL                                                                                  \
    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"                                 \
    "SET LOCAL search_path = pg_catalog"

/* Every table below one, itself first: partitions of partitions, children of children. */
#define TREE_SQL                                                                                   \
    "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION"                                            \
    " SELECT i.inhrelid FROM pg_inherits i JOIN tree ON i.inhparent = tree.oid)"

/* A table being looked at. */
struct look {
    struct conn *conn;
    const struct config_table *config;
    struct introspect_table *table;
    char oid[16];
};

/* In a transaction that is open already, what it did so far is to be seen. */
static bool begin(struct conn *conn, bool *ret_inside, struct err *err)
{
    *ret_inside = PQtransactionStatus(conn_pg(conn)) == PQTRANS_INTRANS;
    return conn_exec(conn, *ret_inside ? "SET LOCAL search_path = pg_catalog" : BEGIN_SQL, err);
}

/* Keeps the first error. */
static bool end(struct conn *conn, bool inside, bool ok, struct err *err)
{
    if (!inside)
        return conn_end(conn, ok, err);
    return ok && conn_exec(conn, "SET LOCAL search_path TO DEFAULT", err);
}

/* --- the table itself --- */

static void suggest_table(struct look *l, struct err *err)
{
    static const char sql[] =
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') ORDER BY c.relname LIMIT 2000";
    struct err ignored;
    PGresult *result =
        conn_query(l->conn, sql, 1, (const char *const[]){l->config->schema}, &ignored);
    const char **names;

    if (!result)
        return;
    size_t count = (size_t)PQntuples(result);
    names = mem_alloc((count + 1) * sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = PQgetvalue(result, (int)i, 0);
    const char *nearest = text_nearest(l->config->name, names, count);
    if (nearest)
        err_hint(err, "did you mean \"%s\"?", nearest);
    else
        err_hint(err, "check schema and name, and that the role may see it");
    free(names);
    PQclear(result);
}

static const char *kind_name(char relkind)
{
    switch (relkind) {
    case 'v':
        return "a view";
    case 'm':
        return "a materialized view";
    case 'f':
        return "a foreign table";
    case 'S':
        return "a sequence";
    case 'i':
    case 'I':
        return "an index";
    default:
        return "not a table";
    }
}

static bool look_at_table(struct look *l, struct err *err)
{
    static const char sql[] =
        "SELECT c.oid, c.relkind, EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relname = $2";
    PGresult *result =
        conn_query(l->conn, sql, 2, (const char *const[]){l->config->schema, l->config->name}, err);
    bool ok = false;

    if (!result)
        return false;
    if (PQntuples(result) == 0) {
        err_set(err, ERR_PREFLIGHT, "there is no table \"%s\".\"%s\" in database %s",
                l->config->schema, l->config->name, conn_server(l->conn)->database);
        suggest_table(l, err);
        goto out;
    }
    snprintf(l->oid, sizeof(l->oid), "%s", PQgetvalue(result, 0, 0));
    l->table->oid = (uint32_t)strtoul(l->oid, NULL, 10);
    l->table->relkind = PQgetvalue(result, 0, 1)[0];
    l->table->has_children = PQgetvalue(result, 0, 2)[0] == 't';
    ok = l->table->relkind == 'r' || l->table->relkind == 'p';
    if (!ok) {
        err_set(err, ERR_PREFLIGHT, "\"%s\".\"%s\" is %s", l->config->schema, l->config->name,
                kind_name(l->table->relkind));
        err_hint(err, "only tables and partitioned tables can be archived");
    }
out:
    PQclear(result);
    return ok;
}

/* --- the timestamp column --- */

static bool is_time(const char *typname)
{
    static const char *const names[] = {"timestamptz", "timestamp", "date", "int8", "int4", "int2"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(typname, names[i]) == 0)
            return true;
    }
    return false;
}

static bool no_timestamp_column(struct look *l, struct err *err)
{
    const char *nearest = columns_nearest(l->table->shape, l->config->timestamp_column);
    struct buf times = BUF_INIT;

    err_set(err, ERR_PREFLIGHT, "timestamp_column: there is no column \"%s\"",
            l->config->timestamp_column);
    for (size_t i = 0; i < l->table->shape->column_count; i++) {
        const struct column *column = &l->table->shape->columns[i];
        enum type_kind kind = column->type->kind;
        if (kind == TYPE_TIMESTAMPTZ || kind == TYPE_TIMESTAMP || kind == TYPE_DATE)
            buf_addf(&times, "%s\"%s\"", times.len ? ", " : "", column->name);
    }
    if (nearest)
        err_hint(err, "did you mean \"%s\"?", nearest);
    else if (times.len > 0)
        err_hint(err, "columns that could be meant: %s", buf_str(&times));
    buf_done(&times);
    return false;
}

/* The type below the domains. */
static bool base_type(struct look *l, struct buf *ret_name, struct err *err)
{
    static const char sql[] =
        "WITH RECURSIVE base AS (SELECT t.oid, t.typname, t.typbasetype FROM pg_type t"
        "  JOIN pg_attribute a ON a.atttypid = t.oid"
        "  WHERE a.attrelid = $1::oid AND a.attname = $2 AND NOT a.attisdropped"
        " UNION ALL SELECT t.oid, t.typname, t.typbasetype FROM pg_type t"
        "  JOIN base ON t.oid = base.typbasetype)"
        " SELECT typname FROM base WHERE typbasetype = 0";
    bool found;

    return conn_value(l->conn, sql, 2, (const char *const[]){l->oid, l->config->timestamp_column},
                      ret_name, &found, err);
}

static bool look_at_timestamp(struct look *l, struct err *err)
{
    struct shape *shape = l->table->shape;
    struct buf type = BUF_INIT;
    bool ok = false;

    shape->timestamp_column = shape_find(shape, l->config->timestamp_column);
    if (shape->timestamp_column == SIZE_MAX)
        return no_timestamp_column(l, err);
    if (!base_type(l, &type, err))
        goto out;
    ok = is_time(buf_str(&type));
    if (!ok) {
        err_set(err, ERR_PREFLIGHT, "timestamp_column: column \"%s\" is of type %s",
                l->config->timestamp_column, shape->columns[shape->timestamp_column].type->name);
        err_hint(err, "timestamptz, timestamp, date, or an integer epoch is needed");
        goto out;
    }
    l->table->timestamp_type = arena_strdup(shape->arena, buf_str(&type));
    l->table->timestamp_not_null = shape->columns[shape->timestamp_column].not_null;
out:
    buf_done(&type);
    return ok;
}

/* --- leaves --- */

enum {
    L_SCHEMA,
    L_TABLE,
    L_KIND,
    L_SELECT,
    L_DELETE,
    L_LOCK,
    L_OWN,
    L_SECURITY,
    L_ROWS,
    L_HEAP,
    L_TOTAL,
    L_PARENT_SCHEMA,
    L_PARENT,
    L_PARENT_OWN,
    L_BOUNDS
};

static const char leaves_sql[] =
    TREE_SQL " SELECT n.nspname, c.relname, c.relkind, has_table_privilege(c.oid, 'SELECT'),"
             " has_table_privilege(c.oid, 'DELETE'), has_any_column_privilege(c.oid, 'UPDATE'),"
             " pg_has_role(c.relowner, 'USAGE'),"
             " row_security_active(c.oid),"
             " CASE WHEN c.relpages > 0 AND c.reltuples >= 0 THEN (c.reltuples / c.relpages *"
             "  (pg_relation_size(c.oid) / current_setting('block_size')::int))::bigint"
             "  WHEN pg_relation_size(c.oid) = 0 THEN 0 ELSE -1 END,"
             " pg_relation_size(c.oid), pg_total_relation_size(c.oid),"
             " pn.nspname, p.relname, pg_has_role(p.relowner, 'USAGE'),"
             " nullif(pg_get_expr(c.relpartbound, c.oid), 'DEFAULT')"
             " FROM tree JOIN pg_class c ON c.oid = tree.oid"
             " JOIN pg_namespace n ON n.oid = c.relnamespace"
             " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relispartition"
             " LEFT JOIN pg_class p ON p.oid = i.inhparent"
             " LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace"
             " WHERE c.relkind <> 'p' ORDER BY c.oid <> $1::oid, n.nspname, c.relname";

/* NULL where it is. */
static const char *text_of(struct arena *arena, PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    return arena_strdup(arena, PQgetvalue(result, row, column));
}

static void add_leaf(struct look *l, PGresult *result, int row)
{
    struct introspect_table *t = l->table;
    int64_t rows = strtoll(PQgetvalue(result, row, L_ROWS), NULL, 10);
    struct arena *arena = t->shape->arena;

    t->leaves[row] =
        (struct introspect_leaf){.schema = text_of(arena, result, row, L_SCHEMA),
                                 .table = text_of(arena, result, row, L_TABLE),
                                 .parent_schema = text_of(arena, result, row, L_PARENT_SCHEMA),
                                 .parent_table = text_of(arena, result, row, L_PARENT),
                                 .bounds = text_of(arena, result, row, L_BOUNDS),
                                 .can_drop = PQgetvalue(result, row, L_OWN)[0] == 't' &&
                                             PQgetvalue(result, row, L_PARENT_OWN)[0] == 't'};
    t->can_select = t->can_select && PQgetvalue(result, row, L_SELECT)[0] == 't';
    t->can_delete = t->can_delete && PQgetvalue(result, row, L_DELETE)[0] == 't';
    t->can_lock = t->can_lock && PQgetvalue(result, row, L_LOCK)[0] == 't';
    t->can_vacuum = t->can_vacuum && PQgetvalue(result, row, L_OWN)[0] == 't';
    t->row_security = t->row_security || PQgetvalue(result, row, L_SECURITY)[0] == 't';
    t->rows_estimate = rows < 0 || t->rows_estimate < 0 ? -1 : t->rows_estimate + rows;
    t->heap_bytes += strtoull(PQgetvalue(result, row, L_HEAP), NULL, 10);
    t->total_bytes += strtoull(PQgetvalue(result, row, L_TOTAL), NULL, 10);
}

static bool look_at_leaves(struct look *l, struct err *err)
{
    PGresult *result = conn_query(l->conn, leaves_sql, 1, (const char *const[]){l->oid}, err);
    struct introspect_table *t = l->table;
    bool ok = result != NULL;

    if (!result)
        return false;
    t->can_select = t->can_delete = t->can_lock = t->can_vacuum = true;
    t->leaf_count = (size_t)PQntuples(result);
    t->leaves = arena_alloc(t->shape->arena, (t->leaf_count + 1) * sizeof(*t->leaves));
    for (int row = 0; ok && row < (int)t->leaf_count; row++) {
        char relkind = PQgetvalue(result, row, L_KIND)[0];
        add_leaf(l, result, row);
        if (relkind == 'r')
            continue;
        ok = err_set(err, ERR_PREFLIGHT, "its partition \"%s\".\"%s\" is %s", t->leaves[row].schema,
                     t->leaves[row].table, kind_name(relkind));
        err_hint(err, "detach it, or archive the other partitions as tables of their own");
    }
    PQclear(result);
    return ok;
}

/* A child by inheritance may have columns that its parent's rows would not show: deleting them by
 * the parent's column list would lose values. */
static bool refuse_wider_children(struct look *l, struct err *err)
{
    static const char sql[] = TREE_SQL
        " SELECT a.attrelid::regclass || '.' || quote_ident(a.attname)"
        " FROM tree JOIN pg_attribute a ON a.attrelid = tree.oid"
        " WHERE a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS (SELECT FROM pg_attribute p"
        "  WHERE p.attrelid = $1::oid AND p.attname = a.attname AND p.attnum > 0"
        "  AND NOT p.attisdropped) ORDER BY 1 LIMIT 1";
    struct buf name = BUF_INIT;
    bool found;
    bool ok = conn_value(l->conn, sql, 1, (const char *const[]){l->oid}, &name, &found, err);

    if (ok && found) {
        ok = err_set(err, ERR_PREFLIGHT, "a child table has a column that its parent lacks");
        err_why(err, "%s", buf_str(&name));
        err_hint(err, "archive the child as a table of its own");
    }
    buf_done(&name);
    return ok;
}

/* --- index, foreign keys, triggers --- */

static bool look_at_index(struct look *l, struct err *err)
{
    static const char sql[] = TREE_SQL
        " SELECT bool_and(EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"
        "  JOIN pg_am m ON m.oid = x.relam"
        "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
        "  WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL"
        "  AND m.amname = 'btree' AND a.attname = $2))"
        " FROM tree JOIN pg_class c ON c.oid = tree.oid WHERE c.relkind <> 'p'";
    struct buf all = BUF_INIT;
    bool found;
    bool ok =
        conn_value(l->conn, sql, 2, (const char *const[]){l->oid, l->config->timestamp_column},
                   &all, &found, err);

    l->table->timestamp_index = ok && found && buf_str(&all)[0] == 't';
    buf_done(&all);
    return ok;
}

/* A count and a list of names in one row. */
static bool look_at_names(struct look *l, const char *sql, size_t *ret_count,
                          const char **ret_names, struct err *err)
{
    PGresult *result = conn_query(l->conn, sql, 1, (const char *const[]){l->oid}, err);

    if (!result)
        return false;
    *ret_count = strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    if (!PQgetisnull(result, 0, 1))
        *ret_names = arena_strdup(l->table->shape->arena, PQgetvalue(result, 0, 1));
    PQclear(result);
    return true;
}

/* One on the whole table has children for its leaves; one may also name a leaf by itself. */
#define FOREIGN_KEYS_SQL                                                                           \
    TREE_SQL " SELECT count(*), string_agg(conrelid::regclass || ' (' || conname || ')', ', '"     \
             " ORDER BY conname) FROM pg_constraint JOIN tree ON tree.oid = confrelid"             \
             " WHERE contype = 'f' AND conparentid = 0"

static bool look_at_foreign_keys(struct look *l, struct err *err)
{
    return look_at_names(l, FOREIGN_KEYS_SQL, &l->table->foreign_keys_here,
                         &l->table->foreign_keys_text, err) &&
           look_at_names(l, FOREIGN_KEYS_SQL " AND confdeltype IN ('c', 'n', 'd')",
                         &l->table->cascades, &l->table->cascades_text, err);
}

static bool look_at_triggers(struct look *l, struct err *err)
{
    /* 8: the trigger's DELETE bit. */
    return look_at_names(l,
                         TREE_SQL
                         " SELECT count(DISTINCT tgname), string_agg(DISTINCT tgname::text,"
                         " ', ') FROM pg_trigger JOIN tree ON tree.oid = tgrelid"
                         " WHERE NOT tgisinternal AND tgenabled <> 'D'"
                         " AND tgtype::int & 8 <> 0",
                         &l->table->triggers, &l->table->triggers_text, err);
}

/* --- the columns, to compare with later --- */

/* By name, since a leaf may have them in another order. */
static const char columns_sql[] =
    "SELECT pg_catalog.string_agg(pg_catalog.format('%I %s %s', attname, atttypid, atttypmod), ', '"
    " ORDER BY attname) FROM pg_catalog.pg_attribute"
    " WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped";

static bool look_at_columns(struct look *l, struct err *err)
{
    struct buf text = BUF_INIT;
    bool found;
    bool ok =
        conn_value(l->conn, columns_sql, 1, (const char *const[]){l->oid}, &text, &found, err);

    if (ok)
        l->table->columns_text = arena_strdup(l->table->shape->arena, buf_str(&text));
    buf_done(&text);
    return ok;
}

bool introspect_freeze(struct conn *conn, const struct introspect_table *table,
                       const struct introspect_leaf *leaf, struct err *err)
{
    struct buf name = BUF_INIT, sql = BUF_INIT, text = BUF_INIT;
    bool found;

    conn_add_table(conn, &name, leaf->schema, leaf->table);
    /* The lock that the DELETE takes anyway. */
    buf_addf(&sql, "LOCK TABLE ONLY %s IN ROW EXCLUSIVE MODE", buf_str(&name));
    bool ok =
        conn_exec(conn, buf_str(&sql), err) &&
        conn_value(conn, columns_sql, 1, (const char *const[]){buf_str(&name)}, &text, &found, err);
    if (ok && strcmp(buf_str(&text), table->columns_text) != 0) {
        ok = err_set(err, ERR_PREFLIGHT,
                     "the columns of the table were changed while the run was at work");
        err_in(err, "%s.%s", leaf->schema, leaf->table);
        err_hint(err, "run again: it begins with the columns as they are now");
    }
    buf_done(&name);
    buf_done(&sql);
    buf_done(&text);
    return ok;
}

static bool look_at_all(struct look *l, struct err *err)
{
    if (!look_at_table(l, err))
        return false;
    struct columns_params columns = {.oid = l->oid,
                                     .schema = l->config->schema,
                                     .table = l->config->name,
                                     .key = &l->config->primary_key};
    l->table->shape = columns_read(l->conn, &columns, err);
    if (!l->table->shape)
        return false;
    if (!l->config->timestamp_column) {
        l->table->shape->timestamp_column = SIZE_MAX;
        return look_at_leaves(l, err);
    }
    return look_at_timestamp(l, err) && look_at_leaves(l, err) && refuse_wider_children(l, err) &&
           look_at_index(l, err) && look_at_foreign_keys(l, err) && look_at_triggers(l, err) &&
           look_at_columns(l, err);
}

struct introspect_table *introspect_table(struct conn *conn, const struct config_table *table,
                                          struct err *err)
{
    struct look l = {.conn = conn, .config = table};
    bool inside;

    if (!begin(conn, &inside, err))
        return NULL;
    l.table = mem_alloc(sizeof(*l.table));
    if (end(conn, inside, look_at_all(&l, err), err))
        return l.table;
    introspect_free(l.table);
    return NULL;
}

void introspect_free(struct introspect_table *table)
{
    if (!table)
        return;
    shape_free(table->shape); /* with it its arena: leaves and texts */
    free(table);
}

void introspect_forget_leaf(struct introspect_table *table, const struct introspect_leaf *leaf)
{
    size_t at = (size_t)(leaf - table->leaves);

    table->leaf_count--;
    memmove(&table->leaves[at], &table->leaves[at + 1],
            (table->leaf_count - at) * sizeof(*table->leaves));
}

/* --- how old --- */

bool introspect_bounds(struct conn *conn, const struct introspect_table *table,
                       struct buf *ret_oldest, struct buf *ret_newest, struct err *err)
{
    struct buf sql = BUF_INIT, column = BUF_INIT;
    PGresult *result;

    buf_reset(ret_oldest);
    if (ret_newest)
        buf_reset(ret_newest);
    if (!table->timestamp_index || table->leaf_count == 0)
        return true;
    conn_add_ident(conn, &column, table->shape->columns[table->shape->timestamp_column].name);
    buf_adds(&sql, "SELECT min(low), max(high) FROM (");
    for (size_t i = 0; i < table->leaf_count; i++) {
        buf_addf(&sql, "%sSELECT min(%s) AS low, %s(%s) AS high FROM ONLY ",
                 i > 0 ? " UNION ALL " : "", buf_str(&column), ret_newest ? "max" : "min",
                 buf_str(&column));
        conn_add_table(conn, &sql, table->leaves[i].schema, table->leaves[i].table);
    }
    buf_adds(&sql, ") leaves");
    result = conn_query(conn, buf_str(&sql), 0, NULL, err);
    if (result) {
        buf_adds(ret_oldest, PQgetvalue(result, 0, 0));
        if (ret_newest)
            buf_adds(ret_newest, PQgetvalue(result, 0, 1));
    }
    PQclear(result);
    buf_done(&sql);
    buf_done(&column);
    return result != NULL;
}

/* --- CREATE TABLE --- */

static void ddl_column(struct conn *conn, const struct column *column, struct buf *sql)
{
    buf_adds(sql, "    ");
    conn_add_ident(conn, sql, column->name);
    buf_addf(sql, " %s", column->type->name);
    if (column->collation)
        buf_addf(sql, " COLLATE %s", column->collation);
    if (column->generated)
        buf_addf(sql, " GENERATED ALWAYS AS (%s) %s", column->default_expr,
                 column->generated == 's' ? "STORED" : "VIRTUAL");
    else if (column->identity)
        buf_addf(sql, " GENERATED %s AS IDENTITY",
                 column->identity == 'a' ? "ALWAYS" : "BY DEFAULT");
    else if (column->default_expr)
        buf_addf(sql, " DEFAULT %s", column->default_expr);
    if (column->not_null)
        buf_adds(sql, " NOT NULL");
}

/* An index that a constraint makes is not made twice. */
static bool of_constraint(const struct shape *shape, const struct shape_index *index)
{
    for (size_t i = 0; i < shape->constraint_count; i++) {
        const struct shape_constraint *c = &shape->constraints[i];
        if (strchr("pux", c->type) && strcmp(c->name, index->name) == 0)
            return true;
    }
    return false;
}

static void ddl_table(struct conn *conn, const struct shape *shape, struct buf *sql)
{
    buf_adds(sql, "CREATE TABLE ");
    conn_add_table(conn, sql, shape->schema, shape->table);
    buf_adds(sql, " (\n");
    for (size_t i = 0; i < shape->column_count; i++) {
        if (i > 0)
            buf_adds(sql, ",\n");
        ddl_column(conn, &shape->columns[i], sql);
    }
    for (size_t i = 0; i < shape->constraint_count; i++) {
        if (!strchr("pucfx", shape->constraints[i].type))
            continue;
        buf_adds(sql, ",\n    CONSTRAINT ");
        conn_add_ident(conn, sql, shape->constraints[i].name);
        buf_addf(sql, " %s", shape->constraints[i].definition);
    }
    buf_adds(sql, "\n);\n");
    for (size_t i = 0; i < shape->index_count; i++) {
        if (!of_constraint(shape, &shape->indexes[i]))
            buf_addf(sql, "%s;\n", shape->indexes[i].definition);
    }
}

/* Sequences that defaults take their values from (serial columns). */
static bool ddl_sequences(struct conn *conn, const char *oid, struct buf *sql, struct err *err)
{
    static const char query[] =
        "SELECT DISTINCT s.oid::regclass::text FROM pg_attrdef ad"
        " JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid"
        " JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S'"
        " WHERE d.refclassid = 'pg_class'::regclass AND ad.adrelid = $1::oid ORDER BY 1";
    PGresult *result = conn_query(conn, query, 1, (const char *const[]){oid}, err);

    if (!result)
        return false;
    for (int i = 0; i < PQntuples(result); i++)
        buf_addf(sql, "CREATE SEQUENCE IF NOT EXISTS %s;\n", PQgetvalue(result, i, 0));
    PQclear(result);
    return true;
}

bool introspect_ddl(struct conn *conn, const struct introspect_table *table, struct buf *ret_sql,
                    struct err *err)
{
    char oid[16];
    bool inside;

    snprintf(oid, sizeof(oid), "%" PRIu32, table->oid);
    if (!begin(conn, &inside, err) ||
        !end(conn, inside, ddl_sequences(conn, oid, ret_sql, err), err))
        return false;
    ddl_table(conn, table->shape, ret_sql);
    return true;
}
