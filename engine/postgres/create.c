/* SPDX-License-Identifier: PostgreSQL
 *
 * First the bare table: it holds the rows, so nothing of it may be left out. Then everything else
 * one by one, each behind a savepoint: what the server refuses becomes a note.
 *
 * search_path is the target's schema and public meanwhile, for the sake of archives whose names
 * have no schema; ours always have one.
 */
#include "postgres/create.h"

#include <stdlib.h>

#include "postgres/indexdef.h"

struct making {
    struct conn *conn;
    const struct shape *shape;
    const char *schema, *table;
    struct buf *notes;
    struct buf name; /* quoted */
    bool has_primary_key;
};

/* --- attempts --- */

/* What another statement may do better; the rest (connection, locks, memory) is for the caller. */
static bool is_refusal(const struct err *err)
{
    return err->kind == ERR_DATABASE || err->kind == ERR_PREFLIGHT || err->kind == ERR_PERMISSION;
}

/* *ret_done false with *ret_why where the server refused, and nothing has happened. */
static bool attempt(struct making *m, const char *sql, bool *ret_done, struct err *ret_why,
                    struct err *err)
{
    if (!conn_exec(m->conn, "SAVEPOINT archiver_create", err))
        return false;
    *ret_done = conn_exec(m->conn, sql, ret_why);
    if (*ret_done)
        return conn_exec(m->conn, "RELEASE SAVEPOINT archiver_create", err);
    if (!is_refusal(ret_why)) {
        *err = *ret_why;
        return false;
    }
    return conn_exec(m->conn,
                     "ROLLBACK TO SAVEPOINT archiver_create;"
                     "RELEASE SAVEPOINT archiver_create",
                     err);
}

/* The same; what is refused is noted as left out. */
static bool attempt_or_note(struct making *m, const char *sql, const char *what, const char *name,
                            struct err *err)
{
    struct err why = ERR_INIT;
    bool done;

    if (!attempt(m, sql, &done, &why, err))
        return false;
    if (!done)
        buf_addf(m->notes, "%s \"%s\" is left out: %s\n", what, name, why.why);
    return true;
}

static bool ask(struct making *m, const char *sql, size_t count, const char *const *values,
                bool *ret_true, struct err *err)
{
    struct buf value = BUF_INIT;
    bool found;
    bool ok = conn_value(m->conn, sql, count, values, &value, &found, err);

    *ret_true = ok && found && buf_str(&value)[0] == 't';
    buf_done(&value);
    return ok;
}

/* --- place and name --- */

static bool make_schema(struct making *m, struct err *err)
{
    static const char sql[] =
        "SELECT CASE WHEN to_regnamespace(quote_ident($1)) IS NULL THEN"
        "  CASE WHEN has_database_privilege(current_database(), 'CREATE') THEN 'make' ELSE 'no' END"
        " WHEN has_schema_privilege($1, 'CREATE') THEN 'there' ELSE 'closed' END";
    struct buf state = BUF_INIT, create = BUF_INIT;
    bool found;
    bool ok = conn_value(m->conn, sql, 1, &m->schema, &state, &found, err);

    if (ok && strcmp(buf_str(&state), "make") == 0) {
        buf_adds(&create, "CREATE SCHEMA ");
        conn_add_ident(m->conn, &create, m->schema);
        ok = conn_exec(m->conn, buf_str(&create), err);
        buf_addf(m->notes, "schema \"%s\" is made\n", m->schema);
    } else if (ok && strcmp(buf_str(&state), "there") != 0) {
        bool missing = strcmp(buf_str(&state), "no") == 0;
        ok = err_set(err, ERR_PERMISSION, "a table cannot be made in schema \"%s\"", m->schema);
        err_why(err, missing ? "there is no such schema, and this role may not make one"
                             : "this role may not make tables there");
        err_hint(err, missing ? "CREATE SCHEMA, or GRANT CREATE ON DATABASE to it"
                              : "GRANT USAGE, CREATE ON SCHEMA to it");
    }
    buf_done(&state);
    buf_done(&create);
    return ok;
}

/* Of a relation in the target's schema; indexes and tables share their names. */
static bool is_free(struct making *m, const char *name, bool *ret_free, struct err *err)
{
    return ask(m,
               "SELECT NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n"
               " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)",
               2, (const char *const[]){m->schema, name}, ret_free, err);
}

static bool refuse_taken(struct making *m, struct err *err)
{
    bool is_new;

    if (!is_free(m, m->table, &is_new, err))
        return false;
    if (is_new)
        return true;
    err_set(err, ERR_PREFLIGHT, "there is a \"%s\".\"%s\" already", m->schema, m->table);
    return err_hint(err, "restore into it without --create-table, or choose another name");
}

static bool set_path(struct making *m, const char *path, struct buf *ret_before, struct err *err)
{
    struct buf before = BUF_INIT;
    bool found;
    bool ok = conn_value(m->conn,
                         "SELECT current_setting('search_path'),"
                         " set_config('search_path', $1, true)",
                         1, &path, &before, &found, err);

    if (ok && ret_before)
        buf_adds(ret_before, buf_str(&before));
    buf_done(&before);
    return ok;
}

/* --- types --- */

/* information_schema says "ARRAY" and "USER-DEFINED": then pg_type's own name has to do. */
static void add_type(struct making *m, struct buf *sql, const struct type *type)
{
    if (strcmp(type->name, "ARRAY") == 0 || strcmp(type->name, "USER-DEFINED") == 0)
        conn_add_ident(m->conn, sql, type->udt_name);
    else
        buf_adds(sql, type->name);
}

static bool is_missing(struct making *m, const struct type *type, bool *ret_missing,
                       struct err *err)
{
    struct buf name = BUF_INIT;

    add_type(m, &name, type);
    bool ok = ask(m, "SELECT to_regtype($1) IS NULL", 1, (const char *const[]){buf_str(&name)},
                  ret_missing, err);
    buf_done(&name);
    return ok;
}

static bool refuse_missing_types(struct making *m, struct err *err)
{
    struct buf missing = BUF_INIT;
    bool ok = true;

    for (size_t i = 0; ok && i < m->shape->column_count; i++) {
        const struct column *column = &m->shape->columns[i];
        bool is_one = false;
        ok = is_missing(m, column->type, &is_one, err);
        if (is_one) {
            buf_addf(&missing, "%s", missing.len ? ", " : "");
            add_type(m, &missing, column->type);
            buf_addf(&missing, " (column \"%s\")", column->name);
        }
    }
    if (ok && missing.len > 0) {
        ok = err_set(err, ERR_PREFLIGHT, "types of the table do not exist in database %s",
                     conn_server(m->conn)->database);
        err_why(err, "%s", buf_str(&missing));
        err_hint(err, "create them first: an archive does not hold their definitions");
    }
    buf_done(&missing);
    return ok;
}

/* --- the bare table --- */

static bool add_collation(struct making *m, struct buf *sql, const struct column *column,
                          struct err *err)
{
    struct buf probe = BUF_INIT;
    struct err why = ERR_INIT;
    bool done = false;

    if (!column->collation)
        return true;
    buf_addf(&probe, "SELECT 'a' COLLATE %s", column->collation);
    bool ok = attempt(m, buf_str(&probe), &done, &why, err);
    if (ok && done)
        buf_addf(sql, " COLLATE %s", column->collation);
    else if (ok)
        buf_addf(m->notes, "the collation of column \"%s\" is left out: %s\n", column->name,
                 why.why);
    buf_done(&probe);
    return ok;
}

static bool add_column(struct making *m, struct buf *sql, const struct column *column,
                       bool generated, struct err *err)
{
    conn_add_ident(m->conn, sql, column->name);
    buf_addc(sql, ' ');
    add_type(m, sql, column->type);
    if (!add_collation(m, sql, column, err))
        return false;
    if (column->generated && generated)
        buf_addf(sql, " GENERATED ALWAYS AS (%s) %s", column->default_expr,
                 column->generated == 's' ? "STORED" : "VIRTUAL");
    if (column->identity)
        buf_addf(sql, " GENERATED %s AS IDENTITY",
                 column->identity == 'a' ? "ALWAYS" : "BY DEFAULT");
    if (column->not_null)
        buf_adds(sql, " NOT NULL");
    return true;
}

static bool add_table(struct making *m, struct buf *sql, bool generated, struct err *err)
{
    buf_reset(sql);
    buf_addf(sql, "CREATE TABLE %s (", buf_str(&m->name));
    for (size_t i = 0; i < m->shape->column_count; i++) {
        buf_adds(sql, i ? ", " : "");
        if (!add_column(m, sql, &m->shape->columns[i], generated, err))
            return false;
    }
    buf_addc(sql, ')');
    return true;
}

static bool has_generated(const struct shape *shape)
{
    for (size_t i = 0; i < shape->column_count; i++) {
        if (shape->columns[i].generated)
            return true;
    }
    return false;
}

/* Computed columns whose expression the server does not understand become plain ones, which take
 * the archive's values. */
static bool make_bare_table(struct making *m, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct err why = ERR_INIT;
    bool done = false;
    size_t notes = m->notes->len;
    bool ok = add_table(m, &sql, true, err) && attempt(m, buf_str(&sql), &done, &why, err);

    if (ok && !done && !has_generated(m->shape)) {
        *err = why;
        ok = false;
    } else if (ok && !done) {
        m->notes->len = notes; /* what is said of collations is said again */
        buf_addf(m->notes, "computed columns are plain ones: %s\n", why.why);
        ok = add_table(m, &sql, false, err) && conn_exec(m->conn, buf_str(&sql), err);
    }
    buf_done(&sql);
    return ok;
}

/* --- defaults and sequences --- */

/* The name in the first nextval('name'::regclass) of an expression, as regclass reads it; *ret_at
 * and *ret_end: the literal with its quotes. */
static bool find_sequence(const char *expr, struct buf *ret_name, const char **ret_at,
                          const char **ret_end)
{
    const char *at = strstr(expr, "nextval('");

    if (!at)
        return false;
    *ret_at = at += strlen("nextval(");
    for (at++; *at && (at[0] != '\'' || at[1] == '\''); at++) {
        at += *at == '\'';
        buf_addc(ret_name, *at);
    }
    *ret_end = at + 1;
    return *at == '\'';
}

/* "app"."t_id_seq" or t_id_seq -> t_id_seq as an identifier in SQL: the last part. */
static const char *last_part(const char *name)
{
    const char *last = name;
    bool quoted = false;

    for (const char *p = name; *p; p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '.' && !quoted)
            last = p + 1;
    }
    return last;
}

static const char *sequence_type(const struct column *column)
{
    const char *name = column->type->base ? column->type->base : column->type->name;

    return strcmp(name, "integer") == 0 || strcmp(name, "smallint") == 0 ? name : "bigint";
}

static bool sequence_exists(struct making *m, const char *name, bool *ret, struct err *err)
{
    return ask(m, "SELECT to_regclass($1) IS NOT NULL", 1, &name, ret, err);
}

/* A sequence of the name in the target's schema, owned by the column. */
static bool make_sequence(struct making *m, const struct column *column, const char *name,
                          struct err *err)
{
    struct buf sql = BUF_INIT;

    buf_addf(&sql, "CREATE SEQUENCE %s AS %s OWNED BY %s.", name, sequence_type(column),
             buf_str(&m->name));
    conn_add_ident(m->conn, &sql, column->name);
    bool ok = attempt_or_note(m, buf_str(&sql), "the sequence of column", column->name, err);
    buf_done(&sql);
    return ok;
}

/* The default with a sequence that exists: the one it names, else one of that name beside the
 * table, which is made where it is missing. */
static bool resolve_sequence(struct making *m, const struct column *column, struct buf *ret_expr,
                             struct err *err)
{
    struct buf name = BUF_INIT, own = BUF_INIT;
    const char *at, *end;
    bool ok = true, there;

    if (!find_sequence(column->default_expr, &name, &at, &end)) {
        buf_adds(ret_expr, column->default_expr);
        goto out;
    }
    ok = sequence_exists(m, buf_str(&name), &there, err);
    if (ok && there) {
        buf_addf(m->notes, "column \"%s\" takes its numbers from %s, which is there already\n",
                 column->name, buf_str(&name));
        buf_adds(ret_expr, column->default_expr);
        goto out;
    }
    conn_add_ident(m->conn, &own, m->schema);
    buf_addf(&own, ".%s", last_part(buf_str(&name)));
    ok = ok && sequence_exists(m, buf_str(&own), &there, err) &&
         (there || make_sequence(m, column, buf_str(&own), err));
    buf_addf(ret_expr, "%.*s", (int)(at - column->default_expr), column->default_expr);
    conn_add_literal(m->conn, ret_expr, buf_str(&own));
    buf_adds(ret_expr, end);
out:
    buf_done(&name);
    buf_done(&own);
    return ok;
}

static bool set_default(struct making *m, const struct column *column, struct err *err)
{
    struct buf expr = BUF_INIT, sql = BUF_INIT;
    bool ok = resolve_sequence(m, column, &expr, err);

    buf_addf(&sql, "ALTER TABLE %s ALTER COLUMN ", buf_str(&m->name));
    conn_add_ident(m->conn, &sql, column->name);
    buf_addf(&sql, " SET DEFAULT %s", buf_str(&expr));
    ok = ok && attempt_or_note(m, buf_str(&sql), "the default of column", column->name, err);
    buf_done(&expr);
    buf_done(&sql);
    return ok;
}

static bool set_defaults(struct making *m, struct err *err)
{
    for (size_t i = 0; i < m->shape->column_count; i++) {
        const struct column *column = &m->shape->columns[i];
        if (column->default_expr && !column->generated && !column->identity &&
            !set_default(m, column, err))
            return false;
    }
    return true;
}

/* --- constraints --- */

/* The archive's name for something that stands in the schema: kept where the table keeps its own
 * and nothing else has it. */
static bool keeps_name(struct making *m, const char *name, bool *ret_keeps, struct err *err)
{
    *ret_keeps = false;
    if (!name || strcmp(m->table, m->shape->table) != 0)
        return true;
    return is_free(m, name, ret_keeps, err);
}

/* "id IS NOT NULL", as the earlier archiver lists it: the column says so itself. */
static bool says_not_null(const struct shape *shape, const char *definition)
{
    static const char suffix[] = " IS NOT NULL";
    struct buf text = BUF_INIT;
    bool found = false;

    if (strncmp(definition, "CHECK ", 6) == 0)
        definition += 6;
    for (; *definition; definition++) {
        if (!strchr("()\"", *definition))
            buf_addc(&text, *definition);
    }
    if (text.len > sizeof(suffix) - 1 &&
        strcmp(text.data + text.len - (sizeof(suffix) - 1), suffix) == 0) {
        text.data[text.len - (sizeof(suffix) - 1)] = '\0';
        size_t column = shape_find(shape, text.data);
        found = column != SIZE_MAX && shape->columns[column].not_null;
    }
    buf_done(&text);
    return found;
}

static bool add_constraint(struct making *m, const char *name, const char *definition,
                           const char *what, struct err *err)
{
    struct buf sql = BUF_INIT;

    buf_addf(&sql, "ALTER TABLE %s ADD ", buf_str(&m->name));
    if (name) {
        buf_adds(&sql, "CONSTRAINT ");
        conn_add_ident(m->conn, &sql, name);
        buf_addc(&sql, ' ');
    }
    buf_adds(&sql, definition);
    bool ok = attempt_or_note(m, buf_str(&sql), what, name ? name : definition, err);
    buf_done(&sql);
    return ok;
}

static bool make_check(struct making *m, const struct shape_constraint *c, struct err *err)
{
    struct buf definition = BUF_INIT;

    if (says_not_null(m->shape, c->definition))
        return true;
    if (strncmp(c->definition, "CHECK", 5) == 0)
        buf_adds(&definition, c->definition);
    else
        buf_addf(&definition, "CHECK (%s)", c->definition);
    /* Their names are the table's own affair. */
    bool ok = add_constraint(m, c->name, buf_str(&definition), "check constraint", err);
    buf_done(&definition);
    return ok;
}

/* Primary key, unique, exclude: each has an index, whose name stands in the schema. */
static bool make_keyed(struct making *m, const struct shape_constraint *c, struct err *err)
{
    bool keeps;

    m->has_primary_key = m->has_primary_key || c->type == 'p';
    return keeps_name(m, c->name, &keeps, err) &&
           add_constraint(m, keeps ? c->name : NULL, c->definition,
                          c->type == 'p'   ? "primary key"
                          : c->type == 'u' ? "unique constraint"
                                           : "exclusion constraint",
                          err);
}

static bool make_constraint(struct making *m, const struct shape_constraint *c, struct err *err)
{
    switch (c->type) {
    case 'p':
    case 'u':
    case 'x':
        return make_keyed(m, c, err);
    case 'c':
        return make_check(m, c, err);
    case 'f':
        buf_addf(m->notes, "foreign key \"%s\" is left out: %s\n", c->name, c->definition);
        return true;
    default: /* NOT NULL is the column's, a constraint trigger is a trigger */
        return true;
    }
}

/* Is the name that of an index or constraint? Then the key is not the primary key, but that. */
static bool is_listed(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->constraint_count; i++) {
        if (strcmp(shape->constraints[i].name, name) == 0)
            return true;
    }
    for (size_t i = 0; i < shape->index_count; i++) {
        if (!shape->indexes[i].primary && strcmp(shape->indexes[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The earlier archiver tells the primary key by its columns only. */
static bool make_key_by_columns(struct making *m, struct err *err)
{
    const struct shape *shape = m->shape;
    struct buf definition = BUF_INIT;
    bool keeps;

    if (m->has_primary_key || shape->key_count == 0 || !shape->key_name ||
        is_listed(shape, shape->key_name))
        return true;
    buf_adds(&definition, "PRIMARY KEY (");
    for (size_t i = 0; i < shape->key_count; i++) {
        buf_adds(&definition, i ? ", " : "");
        conn_add_ident(m->conn, &definition, shape->columns[shape->key_columns[i]].name);
    }
    buf_addc(&definition, ')');
    m->has_primary_key = true;
    bool ok =
        keeps_name(m, shape->key_name, &keeps, err) &&
        add_constraint(m, keeps ? shape->key_name : NULL, buf_str(&definition), "primary key", err);
    buf_done(&definition);
    return ok;
}

static bool make_constraints(struct making *m, struct err *err)
{
    for (size_t i = 0; i < m->shape->constraint_count; i++) {
        if (!make_constraint(m, &m->shape->constraints[i], err))
            return false;
    }
    return make_key_by_columns(m, err);
}

/* --- indexes --- */

static bool is_of_constraint(const struct shape *shape, const struct shape_index *index)
{
    for (size_t i = 0; i < shape->constraint_count; i++) {
        const struct shape_constraint *c = &shape->constraints[i];
        if (c->type && strchr("pux", c->type) && strcmp(c->name, index->name) == 0)
            return true;
    }
    return index->primary;
}

static bool make_index(struct making *m, const struct shape_index *index, struct err *err)
{
    struct indexdef definition;
    struct buf sql = BUF_INIT;
    bool keeps;

    if (!indexdef_read(index->definition, &definition)) {
        buf_addf(m->notes, "index \"%s\" is left out: its definition cannot be read\n",
                 index->name);
        return true;
    }
    bool ok = keeps_name(m, index->name, &keeps, err);
    indexdef_add(m->conn, &sql, &definition, ok && keeps ? index->name : NULL, m->schema, m->table);
    ok = ok && attempt_or_note(m, buf_str(&sql), "index", index->name, err);
    buf_done(&sql);
    return ok;
}

static bool make_indexes(struct making *m, struct err *err)
{
    for (size_t i = 0; i < m->shape->index_count; i++) {
        const struct shape_index *index = &m->shape->indexes[i];
        if (!is_of_constraint(m->shape, index) && !make_index(m, index, err))
            return false;
    }
    return true;
}

bool create_table(struct conn *conn, const struct shape *shape, const char *schema,
                  const char *table, struct buf *notes, struct err *err)
{
    struct making m = {
        .conn = conn, .shape = shape, .schema = schema, .table = table, .notes = notes};
    struct buf path = BUF_INIT, before = BUF_INIT;
    bool ok = false;

    conn_add_ident(conn, &path, schema);
    buf_adds(&path, ", public");
    if (!make_schema(&m, err) || !refuse_taken(&m, err) ||
        !set_path(&m, buf_str(&path), &before, err))
        goto out;
    conn_add_table(conn, &m.name, schema, table);
    ok = refuse_missing_types(&m, err) && make_bare_table(&m, err) && set_defaults(&m, err) &&
         make_constraints(&m, err) && make_indexes(&m, err) &&
         set_path(&m, buf_str(&before), NULL, err);
out:
    if (!ok)
        err_in(err, "table \"%s\".\"%s\"", schema, table);
    buf_done(&m.name);
    buf_done(&path);
    buf_done(&before);
    return ok;
}

/* --- sequences past the rows --- */

enum { S_COLUMN, S_SEQUENCE, S_NAME, S_INCREMENT, S_NUMBER, S_MAY };

/* Sequences that belong to a column (identity, serial) or stand in a default. */
static const char sequences_sql[] =
    "SELECT DISTINCT a.attname, s.oid, s.oid::regclass, q.seqincrement, t.typcategory = 'N',"
    " has_sequence_privilege(s.oid, 'UPDATE') AND has_sequence_privilege(s.oid, 'SELECT')"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " JOIN pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN pg_attrdef ad ON ad.adrelid = c.oid AND ad.adnum = a.attnum"
    " JOIN pg_depend d ON"
    "  (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass"
    "   AND d.refobjid = c.oid AND d.refobjsubid = a.attnum AND d.deptype IN ('a', 'i'))"
    "  OR (d.classid = 'pg_attrdef'::regclass AND d.objid = ad.oid"
    "   AND d.refclassid = 'pg_class'::regclass)"
    " JOIN pg_class s ON s.relkind = 'S'"
    "  AND s.oid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE d.refobjid END"
    " JOIN pg_sequence q ON q.seqrelid = s.oid"
    " WHERE n.nspname = $1 AND c.relname = $2 ORDER BY a.attname, s.oid";

/* A sequence that counts down is moved to the lowest value. One statement, so that what others draw
 * meanwhile is seen as far as possible. */
static void add_advance(struct making *m, PGresult *result, int row, struct buf *sql)
{
    bool down = PQgetvalue(result, row, S_INCREMENT)[0] == '-';

    buf_addf(sql, "SELECT pg_catalog.setval(%s, v.edge) FROM (SELECT trunc(%s(",
             PQgetvalue(result, row, S_SEQUENCE), down ? "min" : "max");
    conn_add_ident(m->conn, sql, PQgetvalue(result, row, S_COLUMN));
    buf_addf(sql, ")::numeric)::bigint AS edge FROM %s) v, %s s", buf_str(&m->name),
             PQgetvalue(result, row, S_NAME));
    buf_addf(sql, " WHERE v.edge %c s.last_value OR (v.edge = s.last_value AND NOT s.is_called)",
             down ? '<' : '>');
}

static bool advance(struct making *m, PGresult *result, int row, struct err *err)
{
    const char *column = PQgetvalue(result, row, S_COLUMN);
    const char *name = PQgetvalue(result, row, S_NAME);
    struct buf sql = BUF_INIT, value = BUF_INIT;
    struct err why = ERR_INIT;
    bool done = true, found = false;

    if (PQgetvalue(result, row, S_NUMBER)[0] != 't')
        return true; /* 'A' || nextval(...): no telling what it was */
    if (PQgetvalue(result, row, S_MAY)[0] != 't') {
        buf_addf(m->notes, "sequence %s is not moved: this role may not\n", name);
        return true;
    }
    add_advance(m, result, row, &sql);
    /* Refused where the highest value is beyond the sequence's own bounds. */
    bool ok = conn_exec(m->conn, "SAVEPOINT archiver_create", err);
    done = ok && conn_value(m->conn, buf_str(&sql), 0, NULL, &value, &found, &why);
    if (ok && !done && !is_refusal(&why)) {
        *err = why;
        ok = false;
    }
    ok = ok && conn_exec(m->conn,
                         done ? "RELEASE SAVEPOINT archiver_create"
                              : "ROLLBACK TO SAVEPOINT archiver_create;"
                                "RELEASE SAVEPOINT archiver_create",
                         err);
    if (ok && !done)
        buf_addf(m->notes, "sequence %s is not moved past column \"%s\": %s\n", name, column,
                 why.why);
    else if (ok && found)
        buf_addf(m->notes, "sequence %s goes on after %s\n", name, buf_str(&value));
    buf_done(&sql);
    buf_done(&value);
    return ok;
}

bool create_advance_sequences(struct conn *conn, const char *schema, const char *table,
                              struct buf *notes, struct err *err)
{
    struct making m = {.conn = conn, .schema = schema, .table = table, .notes = notes};
    PGresult *result =
        conn_query(conn, sequences_sql, 2, (const char *const[]){schema, table}, err);
    bool ok = result != NULL;

    conn_add_table(conn, &m.name, schema, table);
    for (int row = 0; ok && row < PQntuples(result); row++)
        ok = advance(&m, result, row, err);
    if (!ok)
        err_in(err, "table \"%s\".\"%s\"", schema, table);
    PQclear(result);
    buf_done(&m.name);
    return ok;
}
