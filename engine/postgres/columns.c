/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/columns.h"

#include <stdlib.h>

#include "base/text.h"

/* One table being read. A type is asked for once, however many columns have it. */
struct columns {
    struct conn *conn;
    struct shape *shape;
    const struct columns_params *params;
    struct known {
        char *oid, *typmod;
        const struct type *type;
    } * known;
    size_t known_count;
};

/* --- types --- */

static const struct type *type_load(struct columns *c, const char *oid, const char *typmod,
                                    int depth, struct err *err);

enum { T_NAME, T_UDT, T_TYPE, T_ELEM, T_RELID, T_BASE, T_BASEMOD, T_ARRAY, T_DELIM, T_BUILTIN };

static const char type_sql[] =
    "SELECT format_type(t.oid, $2::int4), t.typname, t.typtype, t.typelem, t.typrelid,"
    " t.typbasetype, t.typtypmod,"
    " t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A'"
    "  AND t.typname NOT IN ('int2vector', 'oidvector'),"
    " coalesce(e.typdelim, ','), n.nspname = 'pg_catalog'"
    " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
    " LEFT JOIN pg_type e ON e.oid = t.typelem WHERE t.oid = $1::oid";

static bool load_fields(struct columns *c, struct type *type, const char *relid, int depth,
                        struct err *err)
{
    static const char sql[] = "SELECT attname, atttypid, atttypmod FROM pg_attribute"
                              " WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped"
                              " ORDER BY attnum";
    PGresult *result = conn_query(c->conn, sql, 1, (const char *const[]){relid}, err);
    bool ok = result != NULL;
    size_t count = result ? (size_t)PQntuples(result) : 0;

    type->fields = arena_alloc(c->shape->arena, (count + 1) * sizeof(*type->fields));
    for (size_t i = 0; ok && i < count; i++) {
        int row = (int)i;
        type->fields[i].name = arena_strdup(c->shape->arena, PQgetvalue(result, row, 0));
        type->fields[i].type =
            type_load(c, PQgetvalue(result, row, 1), PQgetvalue(result, row, 2), depth + 1, err);
        ok = type->fields[i].type != NULL;
    }
    type->field_count = count;
    PQclear(result);
    return ok;
}

/* The subtype of a range, or the range of a multirange. */
static bool load_range(struct columns *c, struct type *type, const char *oid, int depth,
                       struct err *err)
{
    const char *sql = type->kind == TYPE_RANGE
                          ? "SELECT rngsubtype FROM pg_range WHERE rngtypid = $1::oid"
                          : "SELECT rngtypid FROM pg_range WHERE rngmultitypid = $1::oid";
    struct buf element = BUF_INIT;
    bool found;

    if (conn_value(c->conn, sql, 1, (const char *const[]){oid}, &element, &found, err))
        type->element = type_load(c, buf_str(&element), "-1", depth + 1, err);
    buf_done(&element);
    return type->element != NULL;
}

static enum type_kind kind_of(PGresult *row, int depth)
{
    bool deep = depth >= SHAPE_DEPTH_MAX;

    if (PQgetvalue(row, 0, T_ARRAY)[0] == 't')
        return deep ? TYPE_TEXT : TYPE_ARRAY;
    switch (PQgetvalue(row, 0, T_TYPE)[0]) {
    case 'c':
        return deep ? TYPE_TEXT : TYPE_COMPOSITE;
    case 'r':
        return deep ? TYPE_TEXT : TYPE_RANGE;
    case 'm':
        return deep ? TYPE_TEXT : TYPE_MULTIRANGE;
    case 'b':
        /* A type of somebody's own that is called "date" is not ours to know. */
        if (PQgetvalue(row, 0, T_BUILTIN)[0] == 't')
            return shape_kind_of(PQgetvalue(row, 0, T_UDT));
        return TYPE_TEXT;
    default:
        return TYPE_TEXT;
    }
}

/* A domain keeps its own name and is encoded as what it is made of. */
static bool load_domain(struct columns *c, struct type *type, PGresult *row, int depth,
                        struct err *err)
{
    const struct type *base =
        type_load(c, PQgetvalue(row, 0, T_BASE), PQgetvalue(row, 0, T_BASEMOD), depth, err);

    if (!base)
        return false;
    type->base = base->base ? base->base : base->name;
    type->kind = base->kind;
    type->delimiter = base->delimiter;
    type->element = base->element;
    type->fields = base->fields;
    type->field_count = base->field_count;
    return true;
}

static bool load_inside(struct columns *c, struct type *type, PGresult *row, const char *oid,
                        const char *typmod, int depth, struct err *err)
{
    if (PQgetvalue(row, 0, T_TYPE)[0] == 'd')
        return load_domain(c, type, row, depth, err);
    switch (type->kind) {
    case TYPE_ARRAY:
        type->delimiter = PQgetvalue(row, 0, T_DELIM)[0];
        type->element = type_load(c, PQgetvalue(row, 0, T_ELEM), typmod, depth + 1, err);
        return type->element != NULL;
    case TYPE_COMPOSITE:
        return load_fields(c, type, PQgetvalue(row, 0, T_RELID), depth, err);
    case TYPE_RANGE:
    case TYPE_MULTIRANGE:
        return load_range(c, type, oid, depth, err);
    default:
        return true;
    }
}

static const struct type *find_known(const struct columns *c, const char *oid, const char *typmod)
{
    for (size_t i = 0; i < c->known_count; i++) {
        if (strcmp(c->known[i].oid, oid) == 0 && strcmp(c->known[i].typmod, typmod) == 0)
            return c->known[i].type;
    }
    return NULL;
}

static void remember(struct columns *c, const char *oid, const char *typmod,
                     const struct type *type)
{
    struct arena *arena = c->shape->arena;

    c->known = mem_grow(c->known, (c->known_count + 1) * sizeof(*c->known));
    c->known[c->known_count++] = (struct known){.oid = arena_strdup(arena, oid),
                                                .typmod = arena_strdup(arena, typmod),
                                                .type = type};
}

static const struct type *type_load(struct columns *c, const char *oid, const char *typmod,
                                    int depth, struct err *err)
{
    const struct type *known = depth == 0 ? find_known(c, oid, typmod) : NULL;
    PGresult *row;
    struct type *type = NULL;
    bool ok = false;

    if (known)
        return known;
    row = conn_query(c->conn, type_sql, 2, (const char *const[]){oid, typmod}, err);
    if (!row)
        return NULL;
    if (PQntuples(row) != 1) {
        err_set(err, ERR_DATABASE, "type %s is not in pg_type", oid);
        goto out;
    }
    type = shape_add_type(c->shape, kind_of(row, depth), PQgetvalue(row, 0, T_NAME),
                          PQgetvalue(row, 0, T_UDT));
    ok = load_inside(c, type, row, oid, typmod, depth, err);
    if (ok && depth == 0)
        remember(c, oid, typmod, type);
out:
    PQclear(row);
    return ok ? type : NULL;
}

/* --- columns --- */

static const char *text_or_null(struct columns *c, PGresult *result, int row, int column)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    return arena_strdup(c->shape->arena, PQgetvalue(result, row, column));
}

static bool load_column(struct columns *c, struct column *column, PGresult *result, int row,
                        struct err *err)
{
    column->name = arena_strdup(c->shape->arena, PQgetvalue(result, row, 0));
    column->not_null = PQgetvalue(result, row, 3)[0] == 't';
    column->default_expr = text_or_null(c, result, row, 4);
    column->identity = PQgetvalue(result, row, 5)[0];
    column->generated = PQgetvalue(result, row, 6)[0];
    column->collation = text_or_null(c, result, row, 7);
    column->type = type_load(c, PQgetvalue(result, row, 1), PQgetvalue(result, row, 2), 0, err);
    return column->type || err_in(err, "column %s", column->name);
}

static bool load_columns(struct columns *c, struct err *err)
{
    /* attgenerated came with PostgreSQL 12. */
    char *sql = mem_printf(
        "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull,"
        " pg_get_expr(d.adbin, d.adrelid), a.attidentity, %s,"
        " CASE WHEN a.attcollation <> t.typcollation THEN"
        "  quote_ident(n.nspname) || '.' || quote_ident(l.collname) END"
        " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
        " LEFT JOIN pg_collation l ON l.oid = a.attcollation"
        " LEFT JOIN pg_namespace n ON n.oid = l.collnamespace"
        " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        conn_server(c->conn)->version_num >= 120000 ? "a.attgenerated" : "''");
    PGresult *result = conn_query(c->conn, sql, 1, &c->params->oid, err);
    bool ok = result != NULL;
    size_t count = result ? (size_t)PQntuples(result) : 0;

    c->shape->columns = arena_alloc(c->shape->arena, (count + 1) * sizeof(*c->shape->columns));
    for (size_t i = 0; ok && i < count; i++)
        ok = load_column(c, &c->shape->columns[i], result, (int)i, err);
    c->shape->column_count = count;
    PQclear(result);
    free(sql);
    return ok;
}

/* --- key --- */

const char *columns_nearest(const struct shape *shape, const char *name)
{
    const char **names = mem_alloc((shape->column_count + 1) * sizeof(*names));

    for (size_t i = 0; i < shape->column_count; i++)
        names[i] = shape->columns[i].name;
    const char *nearest = text_nearest(name, names, shape->column_count);
    free(names);
    return nearest;
}

static bool key_from_config(struct columns *c, struct err *err)
{
    const struct config_names *key = c->params->key;
    struct shape *shape = c->shape;

    shape->key_columns = arena_alloc(shape->arena, (key->count + 1) * sizeof(size_t));
    for (size_t i = 0; i < key->count; i++) {
        size_t found = shape_find(shape, key->names[i]);
        if (found == SIZE_MAX) {
            const char *nearest = columns_nearest(shape, key->names[i]);
            err_set(err, ERR_PREFLIGHT, "primary_key: there is no column \"%s\"", key->names[i]);
            if (nearest)
                err_hint(err, "did you mean \"%s\"?", nearest);
            return false;
        }
        shape->key_columns[i] = found;
    }
    shape->key_count = key->count;
    return true;
}

/* The primary key; else a unique index over columns that are never null, the smallest first. */
static bool key_from_table(struct columns *c, bool primary, struct err *err)
{
    static const char sql[] =
        "SELECT i.indexrelid::regclass, co.conname, a.attname"
        " FROM (SELECT i.* FROM pg_index i WHERE i.indrelid = $1::oid AND i.indisprimary = $2::bool"
        "   AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL"
        "   AND i.indexprs IS NULL"
        "   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = i.indrelid"
        "    AND a.attnum = ANY(i.indkey) AND NOT a.attnotnull)"
        "   ORDER BY i.indnkeyatts, i.indexrelid LIMIT 1) i"
        " CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) k"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]"
        " LEFT JOIN pg_constraint co ON co.conindid = i.indexrelid AND co.conrelid = i.indrelid"
        "  AND co.contype IN ('p', 'u')"
        " ORDER BY k";
    PGresult *result = conn_query(c->conn, sql, 2,
                                  (const char *const[]){c->params->oid, primary ? "t" : "f"}, err);
    struct shape *shape = c->shape;

    if (!result)
        return false;
    size_t count = (size_t)PQntuples(result);
    shape->key_columns = arena_alloc(shape->arena, (count + 1) * sizeof(size_t));
    for (size_t i = 0; i < count; i++)
        shape->key_columns[i] = shape_find(shape, PQgetvalue(result, (int)i, 2));
    shape->key_count = count;
    if (count > 0)
        shape->key_name = text_or_null(c, result, 0, PQgetisnull(result, 0, 1) ? 0 : 1);
    PQclear(result);
    return true;
}

static bool load_key(struct columns *c, struct err *err)
{
    /* Also where the primary key is the table's own: a name that is not there is a mistake. */
    if (c->params->key->count > 0 && !key_from_config(c, err))
        return false;
    size_t named = c->shape->key_count;
    size_t *columns = c->shape->key_columns;
    if (!key_from_table(c, true, err))
        return false;
    if (c->shape->key_count > 0)
        return true;
    c->shape->key_columns = columns;
    c->shape->key_count = named;
    return named > 0 || key_from_table(c, false, err);
}

/* --- indexes and constraints --- */

static bool load_indexes(struct columns *c, struct err *err)
{
    static const char sql[] = "SELECT x.relname, pg_get_indexdef(i.indexrelid), i.indisunique,"
                              " i.indisprimary FROM pg_index i JOIN pg_class x"
                              " ON x.oid = i.indexrelid WHERE i.indrelid = $1::oid"
                              " ORDER BY NOT i.indisprimary, x.relname";
    PGresult *result = conn_query(c->conn, sql, 1, &c->params->oid, err);
    struct shape *shape = c->shape;

    if (!result)
        return false;
    shape->index_count = (size_t)PQntuples(result);
    shape->indexes = arena_alloc(shape->arena, (shape->index_count + 1) * sizeof(*shape->indexes));
    for (size_t i = 0; i < shape->index_count; i++) {
        shape->indexes[i] =
            (struct shape_index){.name = text_or_null(c, result, (int)i, 0),
                                 .definition = text_or_null(c, result, (int)i, 1),
                                 .unique = PQgetvalue(result, (int)i, 2)[0] == 't',
                                 .primary = PQgetvalue(result, (int)i, 3)[0] == 't'};
    }
    PQclear(result);
    return true;
}

static bool load_constraints(struct columns *c, struct err *err)
{
    static const char sql[] = "SELECT conname, pg_get_constraintdef(oid), contype"
                              " FROM pg_constraint WHERE conrelid = $1::oid ORDER BY conname";
    PGresult *result = conn_query(c->conn, sql, 1, &c->params->oid, err);
    struct shape *shape = c->shape;

    if (!result)
        return false;
    shape->constraint_count = (size_t)PQntuples(result);
    shape->constraints =
        arena_alloc(shape->arena, (shape->constraint_count + 1) * sizeof(*shape->constraints));
    for (size_t i = 0; i < shape->constraint_count; i++) {
        shape->constraints[i] =
            (struct shape_constraint){.name = text_or_null(c, result, (int)i, 0),
                                      .definition = text_or_null(c, result, (int)i, 1),
                                      .type = PQgetvalue(result, (int)i, 2)[0]};
    }
    PQclear(result);
    return true;
}

struct shape *columns_read(struct conn *conn, const struct columns_params *params, struct err *err)
{
    struct columns c = {.conn = conn, .shape = shape_new(), .params = params};
    bool ok;

    c.shape->schema = arena_strdup(c.shape->arena, params->schema);
    c.shape->table = arena_strdup(c.shape->arena, params->table);
    ok = load_columns(&c, err) && load_key(&c, err) && load_indexes(&c, err) &&
         load_constraints(&c, err);
    free(c.known);
    if (ok)
        return c.shape;
    shape_free(c.shape);
    return NULL;
}
