/* SPDX-License-Identifier: PostgreSQL */
#include "row/earlier_type.h"

#include <inttypes.h>

/* By pg_type.typname. What is not here is guessed from each value. */
static const struct named_rule {
    const char *typname;
    enum earlier_rule rule;
    const char *element; /* ranges and multiranges */
} named_rules[] = {
    {"text", EARLIER_TEXT, NULL},
    {"varchar", EARLIER_TEXT, NULL},
    {"bpchar", EARLIER_TEXT, NULL},
    {"name", EARLIER_TEXT, NULL},
    {"citext", EARLIER_TEXT, NULL},
    {"uuid", EARLIER_TEXT, NULL},
    {"xml", EARLIER_TEXT, NULL},
    {"money", EARLIER_TEXT, NULL},
    {"inet", EARLIER_TEXT, NULL},
    {"cidr", EARLIER_TEXT, NULL},
    {"macaddr", EARLIER_TEXT, NULL},
    {"macaddr8", EARLIER_TEXT, NULL},
    {"tsvector", EARLIER_TEXT, NULL},
    {"tsquery", EARLIER_TEXT, NULL},
    {"jsonpath", EARLIER_TEXT, NULL},
    {"hstore", EARLIER_TEXT, NULL},
    {"ltree", EARLIER_TEXT, NULL},
    {"lquery", EARLIER_TEXT, NULL},
    {"ltxtquery", EARLIER_TEXT, NULL},
    {"regclass", EARLIER_TEXT, NULL},
    {"regproc", EARLIER_TEXT, NULL},
    {"regprocedure", EARLIER_TEXT, NULL},
    {"regoper", EARLIER_TEXT, NULL},
    {"regoperator", EARLIER_TEXT, NULL},
    {"regtype", EARLIER_TEXT, NULL},
    {"regrole", EARLIER_TEXT, NULL},
    {"regnamespace", EARLIER_TEXT, NULL},
    {"regconfig", EARLIER_TEXT, NULL},
    {"regdictionary", EARLIER_TEXT, NULL},
    {"int8", EARLIER_INT, NULL},
    {"int4", EARLIER_INT, NULL},
    {"int2", EARLIER_INT, NULL},
    {"oid", EARLIER_INT, NULL},
    {"xid", EARLIER_INT, NULL},
    {"xid8", EARLIER_INT, NULL},
    {"cid", EARLIER_INT, NULL},
    {"float4", EARLIER_FLOAT4, NULL},
    {"float8", EARLIER_FLOAT8, NULL},
    {"bool", EARLIER_BOOL, NULL},
    {"json", EARLIER_JSON, NULL},
    {"jsonb", EARLIER_JSON, NULL},
    {"bytea", EARLIER_BYTEA, NULL},
    {"char", EARLIER_CHAR, NULL},
    {"numeric", EARLIER_NUMERIC, NULL},
    {"date", EARLIER_DATE, NULL},
    {"time", EARLIER_TIME, NULL},
    {"timetz", EARLIER_TIME, NULL},
    {"timestamp", EARLIER_TIMESTAMP, NULL},
    {"timestamptz", EARLIER_TIMESTAMPTZ, NULL},
    {"interval", EARLIER_INTERVAL, NULL},
    {"pg_lsn", EARLIER_LSN, NULL},
    {"bit", EARLIER_BIT, NULL},
    {"varbit", EARLIER_BIT, NULL},
    {"path", EARLIER_GONE, NULL},
    {"polygon", EARLIER_GONE, NULL},
    {"point", EARLIER_POINT, NULL},
    {"line", EARLIER_LINE, NULL},
    {"lseg", EARLIER_LSEG, NULL},
    {"box", EARLIER_BOX, NULL},
    {"circle", EARLIER_CIRCLE, NULL},
    {"txid_snapshot", EARLIER_SNAPSHOT, NULL},
    {"pg_snapshot", EARLIER_SNAPSHOT, NULL},
    {"tid", EARLIER_TID, NULL},
    {"int2vector", EARLIER_VECTOR, NULL},
    {"oidvector", EARLIER_VECTOR, NULL},
    {"int4range", EARLIER_RANGE, "int4"},
    {"int8range", EARLIER_RANGE, "int8"},
    {"numrange", EARLIER_RANGE, "numeric"},
    {"tsrange", EARLIER_RANGE, "timestamp"},
    {"tstzrange", EARLIER_RANGE, "timestamptz"},
    {"daterange", EARLIER_RANGE, "date"},
    {"int4multirange", EARLIER_MULTIRANGE, "int4range"},
    {"int8multirange", EARLIER_MULTIRANGE, "int8range"},
    {"nummultirange", EARLIER_MULTIRANGE, "numrange"},
    {"tsmultirange", EARLIER_MULTIRANGE, "tsrange"},
    {"tstzmultirange", EARLIER_MULTIRANGE, "tstzrange"},
    {"datemultirange", EARLIER_MULTIRANGE, "daterange"},
};

static const struct named_rule *find_rule(const char *typname)
{
    for (size_t i = 0; i < sizeof(named_rules) / sizeof(named_rules[0]); i++)
        if (strcmp(named_rules[i].typname, typname) == 0)
            return &named_rules[i];
    return NULL;
}

enum earlier_rule earlier_type_rule(const struct type *type)
{
    const struct named_rule *rule = find_rule(type->udt_name);

    switch (type->kind) { /* a domain has a name of its own and its base's kind */
    case TYPE_INT:
        return EARLIER_INT;
    case TYPE_FLOAT:
        return rule && rule->rule == EARLIER_FLOAT4 ? EARLIER_FLOAT4 : EARLIER_FLOAT8;
    case TYPE_BOOL:
        return EARLIER_BOOL;
    case TYPE_JSON:
        return EARLIER_JSON;
    case TYPE_BYTEA:
        return EARLIER_BYTEA;
    case TYPE_TIMESTAMPTZ:
        return EARLIER_TIMESTAMPTZ;
    case TYPE_TIMESTAMP:
        return EARLIER_TIMESTAMP;
    case TYPE_DATE:
        return EARLIER_DATE;
    case TYPE_ARRAY:
        return EARLIER_ARRAY;
    case TYPE_COMPOSITE:
        return EARLIER_COMPOSITE;
    case TYPE_RANGE:
        return EARLIER_RANGE;
    case TYPE_MULTIRANGE:
        return EARLIER_MULTIRANGE;
    default:
        return rule ? rule->rule : EARLIER_GUESS;
    }
}

/* ---- types by their names ---- */

static bool is_plain_name(const char *name)
{
    if (!((*name >= 'a' && *name <= 'z') || *name == '_'))
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789$")] == '\0';
}

/* As SQL names it; types of the user's own without their schema, which nothing tells. */
static const char *sql_name(struct shape *shape, const char *typname)
{
    struct buf quoted = BUF_INIT;

    if (is_plain_name(typname) && strcmp(typname, "char") != 0)
        return arena_strdup(shape->arena, typname);
    buf_addc(&quoted, '"');
    for (const char *c = typname; *c; c++) {
        if (*c == '"')
            buf_addc(&quoted, '"');
        buf_addc(&quoted, *c);
    }
    buf_addc(&quoted, '"');
    const char *name = arena_strdup(shape->arena, buf_str(&quoted));
    buf_done(&quoted);
    return name;
}

static void fill_type(struct shape *shape, struct type *type);

static const struct type *type_named(struct shape *shape, const char *typname)
{
    struct type *type = shape_add_type(shape, TYPE_TEXT, sql_name(shape, typname), typname);

    fill_type(shape, type);
    return type;
}

/* A type that is no array. */
static void fill_type(struct shape *shape, struct type *type)
{
    const struct named_rule *rule = find_rule(type->udt_name);

    type->kind = shape_kind_of(type->udt_name);
    if (rule && rule->element) {
        type->kind = rule->rule == EARLIER_RANGE ? TYPE_RANGE : TYPE_MULTIRANGE;
        type->element = type_named(shape, rule->element);
    }
}

/* With what the metadata tells of its modifier. */
static const char *column_type_name(struct shape *shape, struct json_object *column,
                                    const char *data_type, const char *udt_name)
{
    int64_t length = json_opt_int(column, "character_maximum_length", -1);
    int64_t precision = json_opt_int(column, "numeric_precision", -1);

    if (strcmp(data_type, "ARRAY") == 0 && udt_name[0] == '_')
        return arena_printf(shape->arena, "%s[]", sql_name(shape, udt_name + 1));
    if (strcmp(data_type, "USER-DEFINED") == 0 || strcmp(data_type, "ARRAY") == 0)
        return sql_name(shape, udt_name);
    if (strcmp(udt_name, "numeric") == 0 && precision >= 0)
        return arena_printf(shape->arena, "numeric(%" PRId64 ",%" PRId64 ")", precision,
                            json_opt_int(column, "numeric_scale", 0));
    if (length >= 0)
        return arena_printf(shape->arena, "%s(%" PRId64 ")", data_type, length);
    return data_type;
}

void earlier_type_read(struct shape *shape, struct json_object *column, struct type *type)
{
    const char *udt_name = type->udt_name;
    /* "_addr" alone may be a composite's name. */
    bool array = strcmp(type->name, "ARRAY") == 0 && udt_name[0] == '_' && udt_name[1] != '\0';

    type->name = arena_strdup(shape->arena, column_type_name(shape, column, type->name, udt_name));
    if (!array) {
        fill_type(shape, type);
        return;
    }
    type->kind = TYPE_ARRAY;
    type->delimiter = strcmp(udt_name, "_box") == 0 ? ';' : ',';
    type->element = type_named(shape, udt_name + 1);
}

/* ---- constraints ---- */

static size_t length_of(struct json_object *o, const char *key, struct json_object **ret)
{
    *ret = json_opt(o, key);
    return *ret && json_object_is_type(*ret, json_type_array) ? json_object_array_length(*ret) : 0;
}

/* "(a, b)"; false where there are none. */
static bool add_names(struct shape *shape, struct buf *text, struct json_object *o, const char *key)
{
    struct json_object *names;
    size_t count = length_of(o, key, &names);

    buf_addc(text, '(');
    for (size_t i = 0; i < count; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        buf_adds(text, i > 0 ? ", " : "");
        buf_adds(text, sql_name(shape, name ? name : ""));
    }
    buf_addc(text, ')');
    return count > 0;
}

static bool define_check(struct shape *shape, struct json_object *o, struct buf *text)
{
    const char *clause = json_opt_str(o, "check_clause", NULL);
    size_t len = clause ? strlen(clause) : 0;

    (void)shape;
    if (!clause ||
        (len > 12 && strcmp(clause + len - 12, " IS NOT NULL") == 0 && !strpbrk(clause, "()")))
        return false;
    buf_addf(text, "CHECK (%s)", clause);
    return true;
}

static bool define_unique(struct shape *shape, struct json_object *o, struct buf *text)
{
    buf_adds(text, "UNIQUE ");
    return add_names(shape, text, o, "columns");
}

static bool define_foreign(struct shape *shape, struct json_object *o, struct buf *text)
{
    const char *schema = json_opt_str(o, "referenced_schema", "public");
    const char *table = json_opt_str(o, "referenced_table", NULL);

    buf_adds(text, "FOREIGN KEY ");
    if (!table || !add_names(shape, text, o, "columns"))
        return false;
    buf_addf(text, " REFERENCES %s.%s", sql_name(shape, schema), sql_name(shape, table));
    return add_names(shape, text, o, "referenced_columns");
}

static void add_constraints(struct shape *shape, struct json_object *table_schema, const char *key,
                            char type,
                            bool (*define)(struct shape *, struct json_object *, struct buf *))
{
    struct json_object *list;
    size_t count = length_of(table_schema, key, &list);
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *name = json_object_is_type(o, json_type_object)
                               ? json_opt_str(o, "constraint_name", NULL)
                               : NULL;
        buf_reset(&text);
        if (name && define(shape, o, &text))
            shape->constraints[shape->constraint_count++] = (struct shape_constraint){
                .name = arena_strdup(shape->arena, name),
                .definition = arena_strdup(shape->arena, buf_str(&text)),
                .type = type,
            };
    }
    buf_done(&text);
}

void earlier_type_constraints(struct shape *shape, struct json_object *table_schema)
{
    struct json_object *list;
    size_t most = length_of(table_schema, "check_constraints", &list) +
                  length_of(table_schema, "unique_constraints", &list) +
                  length_of(table_schema, "foreign_keys", &list);

    shape->constraints = arena_alloc(shape->arena, (most + 1) * sizeof(*shape->constraints));
    add_constraints(shape, table_schema, "check_constraints", 'c', define_check);
    add_constraints(shape, table_schema, "unique_constraints", 'u', define_unique);
    add_constraints(shape, table_schema, "foreign_keys", 'f', define_foreign);
}
