/* SPDX-License-Identifier: PostgreSQL */
#include "row/shape.h"

#include <stdint.h>

#include "row/earlier_type.h"

static const struct base_kind {
    const char *typname;
    enum type_kind kind;
} base_kinds[] = {
    {"int8", TYPE_INT},
    {"int4", TYPE_INT},
    {"int2", TYPE_INT},
    {"oid", TYPE_INT},
    {"float4", TYPE_FLOAT},
    {"float8", TYPE_FLOAT},
    {"bool", TYPE_BOOL},
    {"json", TYPE_JSON},
    {"jsonb", TYPE_JSON},
    {"bytea", TYPE_BYTEA},
    {"timestamptz", TYPE_TIMESTAMPTZ},
    {"timestamp", TYPE_TIMESTAMP},
    {"date", TYPE_DATE},
};

static const char *const kind_names[] = {
    [TYPE_TEXT] = "text",
    [TYPE_INT] = "int",
    [TYPE_FLOAT] = "float",
    [TYPE_BOOL] = "bool",
    [TYPE_JSON] = "json",
    [TYPE_BYTEA] = "bytea",
    [TYPE_TIMESTAMPTZ] = "timestamptz",
    [TYPE_TIMESTAMP] = "timestamp",
    [TYPE_DATE] = "date",
    [TYPE_ARRAY] = "array",
    [TYPE_COMPOSITE] = "composite",
    [TYPE_RANGE] = "range",
    [TYPE_MULTIRANGE] = "multirange",
};

#define KIND_COUNT (sizeof(kind_names) / sizeof(kind_names[0]))

/* Letters of the catalogs <-> words of the metadata. */
static const struct letter_word {
    char letter;
    const char *word;
} identities[] = {{'a', "always"}, {'d', "by default"}, {'\0', NULL}},
  generations[] = {{'s', "stored"}, {'v', "virtual"}, {'\0', NULL}},
  constraint_types[] = {{'p', "primary key"}, {'u', "unique"},  {'c', "check"},
                        {'f', "foreign key"}, {'x', "exclude"}, {'n', "not null"},
                        {'t', "trigger"},     {'\0', NULL}};

struct shape *shape_new(void)
{
    struct arena *arena = arena_new();
    struct shape *shape = arena_alloc(arena, sizeof(*shape));

    shape->arena = arena;
    shape->timestamp_column = SIZE_MAX;
    return shape;
}

void shape_free(struct shape *shape)
{
    if (shape)
        arena_free(shape->arena); /* the shape itself stands in it */
}

enum type_kind shape_kind_of(const char *typname)
{
    for (size_t i = 0; i < sizeof(base_kinds) / sizeof(base_kinds[0]); i++)
        if (strcmp(base_kinds[i].typname, typname) == 0)
            return base_kinds[i].kind;
    return TYPE_TEXT;
}

static const char *name_of_kind(enum type_kind kind)
{
    return kind_names[kind];
}

size_t shape_find(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->column_count; i++)
        if (strcmp(shape->columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

const char *shape_json_null_name(const struct shape *shape, struct arena *arena)
{
    const char *name = "_json_null";

    while (shape_find(shape, name) != SIZE_MAX)
        name = arena_printf(arena, "_%s", name);
    return name;
}

struct type *shape_add_type(struct shape *shape, enum type_kind kind, const char *name,
                            const char *udt_name)
{
    struct type *type = arena_alloc(shape->arena, sizeof(*type));

    type->kind = kind;
    type->name = arena_strdup(shape->arena, name);
    type->udt_name = arena_strdup(shape->arena, udt_name);
    type->delimiter = ',';
    return type;
}

/* ---- out ---- */

static const char *word_of(const struct letter_word *words, char letter)
{
    for (; words->word; words++)
        if (words->letter == letter)
            return words->word;
    return NULL;
}

static void write_encoding(const struct type *type, int depth, struct json_out *j)
{
    enum type_kind kind =
        depth < SHAPE_DEPTH_MAX || type->kind < TYPE_ARRAY ? type->kind : TYPE_TEXT;

    json_put_str(j, "kind", name_of_kind(kind));
    if (depth > 0) { /* the column itself says these beside the encoding */
        json_put_str(j, "type", type->name);
        json_put_str(j, "udt_name", type->udt_name);
    }
    if (type->base)
        json_put_str(j, "base", type->base);
    if (kind == TYPE_ARRAY)
        json_put_str(j, "delimiter", (char[2]){type->delimiter, '\0'});
    if (kind == TYPE_ARRAY || kind == TYPE_RANGE || kind == TYPE_MULTIRANGE) {
        json_key(j, "element");
        json_begin_object(j);
        write_encoding(type->element, depth + 1, j);
        json_end(j);
    }
    if (kind == TYPE_COMPOSITE) {
        json_key(j, "fields");
        json_begin_array(j);
        for (size_t i = 0; i < type->field_count; i++) {
            json_begin_object(j);
            json_put_str(j, "name", type->fields[i].name);
            write_encoding(type->fields[i].type, depth + 1, j);
            json_end(j);
        }
        json_end(j);
    }
}

static void write_column(const struct column *column, size_t position, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "name", column->name);
    json_put_str(j, "data_type", column->type->name);
    json_put_str(j, "udt_name", column->type->udt_name);
    json_put_bool(j, "is_nullable", !column->not_null);
    json_put_str(j, "default", column->default_expr);
    json_put_str(j, "identity", word_of(identities, column->identity));
    json_put_str(j, "generated", word_of(generations, column->generated));
    json_put_str(j, "collation", column->collation);
    json_put_int(j, "ordinal_position", (int64_t)position + 1);
    json_key(j, "encoding");
    json_begin_object(j);
    write_encoding(column->type, 0, j);
    json_end(j);
    json_end(j);
}

static void write_key(const struct shape *shape, struct json_out *j)
{
    json_key(j, "primary_key");
    if (shape->key_count == 0) {
        json_add_null(j);
        return;
    }
    json_begin_object(j);
    json_put_str(j, "constraint_name", shape->key_name);
    json_key(j, "columns");
    json_begin_array(j);
    for (size_t i = 0; i < shape->key_count; i++)
        json_add_str(j, shape->columns[shape->key_columns[i]].name);
    json_end(j);
    json_end(j);
}

static void write_indexes(const struct shape *shape, struct json_out *j)
{
    json_key(j, "indexes");
    json_begin_array(j);
    for (size_t i = 0; i < shape->index_count; i++) {
        json_begin_object(j);
        json_put_str(j, "name", shape->indexes[i].name);
        json_put_str(j, "definition", shape->indexes[i].definition);
        json_put_bool(j, "is_unique", shape->indexes[i].unique);
        json_put_bool(j, "is_primary", shape->indexes[i].primary);
        json_end(j);
    }
    json_end(j);
}

static void write_constraints(const struct shape *shape, struct json_out *j)
{
    json_key(j, "constraints");
    json_begin_array(j);
    for (size_t i = 0; i < shape->constraint_count; i++) {
        json_begin_object(j);
        json_put_str(j, "name", shape->constraints[i].name);
        json_put_str(j, "type", word_of(constraint_types, shape->constraints[i].type));
        json_put_str(j, "definition", shape->constraints[i].definition);
        json_end(j);
    }
    json_end(j);
}

void shape_write(const struct shape *shape, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "table_name", shape->table);
    json_put_str(j, "schema_name", shape->schema);
    json_key(j, "columns");
    json_begin_array(j);
    for (size_t i = 0; i < shape->column_count; i++)
        write_column(&shape->columns[i], i, j);
    json_end(j);
    write_key(shape, j);
    json_put_str(j, "timestamp_column",
                 shape->timestamp_column == SIZE_MAX
                     ? NULL
                     : shape->columns[shape->timestamp_column].name);
    write_indexes(shape, j);
    write_constraints(shape, j);
    json_end(j);
}

/* ---- back ---- */

static bool malformed(struct err *err, const char *name, const char *why)
{
    err_set(err, ERR_DATA, "table schema cannot be read");
    err_why(err, "%s %s", name, why);
    return false;
}

static const char *keep(struct shape *shape, const char *text)
{
    return text ? arena_strdup(shape->arena, text) : NULL;
}

static char letter_of(const struct letter_word *words, const char *word)
{
    for (; word && words->word; words++)
        if (strcmp(words->word, word) == 0)
            return words->letter;
    return '\0';
}

/* An array of objects under `key`; absent or null counts as empty. */
static bool objects_of(struct json_object *o, const char *key, struct json_object **ret_array,
                       size_t *ret_count, struct err *err)
{
    struct json_object *array = json_opt(o, key);

    *ret_array = array;
    *ret_count = 0;
    if (!array)
        return true;
    if (!json_object_is_type(array, json_type_array))
        return malformed(err, key, "is not an array");
    size_t count = json_object_array_length(array);
    for (size_t i = 0; i < count; i++)
        if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_object))
            return malformed(err, key, "holds something that is no object");
    *ret_count = count;
    return true;
}

static bool read_kind(const char *name, enum type_kind *ret_kind, struct err *err)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *ret_kind = (enum type_kind)i;
            return true;
        }
    }
    return malformed(err, name, "is a kind of encoding this version does not know");
}

static bool read_encoding(struct shape *shape, struct json_object *o, int depth, struct type *type,
                          struct err *err);

static bool read_nested(struct shape *shape, struct json_object *o, int depth,
                        const struct type **ret_type, struct err *err)
{
    const char *name, *udt_name;

    if (!json_object_is_type(o, json_type_object))
        return malformed(err, "element", "is not an object");
    if (!json_get_str(o, "type", &name, err) || !json_get_str(o, "udt_name", &udt_name, err))
        return false;
    struct type *type = shape_add_type(shape, TYPE_TEXT, name, udt_name);
    if (!read_encoding(shape, o, depth, type, err))
        return false;
    *ret_type = type;
    return true;
}

static bool read_fields(struct shape *shape, struct json_object *o, int depth, struct type *type,
                        struct err *err)
{
    struct json_object *array;
    const char *name;

    if (!objects_of(o, "fields", &array, &type->field_count, err))
        return false;
    type->fields = arena_alloc(shape->arena, type->field_count * sizeof(*type->fields));
    for (size_t i = 0; i < type->field_count; i++) {
        struct json_object *field = json_object_array_get_idx(array, i);

        if (!json_get_str(field, "name", &name, err) ||
            !read_nested(shape, field, depth + 1, &type->fields[i].type, err))
            return false;
        type->fields[i].name = keep(shape, name);
    }
    return true;
}

static bool read_encoding(struct shape *shape, struct json_object *o, int depth, struct type *type,
                          struct err *err)
{
    struct json_object *element;
    const char *kind, *delimiter;

    if (!json_get_str(o, "kind", &kind, err) || !read_kind(kind, &type->kind, err))
        return false;
    type->base = keep(shape, json_opt_str(o, "base", NULL));
    if (type->kind < TYPE_ARRAY)
        return true;
    if (depth >= SHAPE_DEPTH_MAX)
        return malformed(err, type->name, "is nested too deep");
    if (type->kind == TYPE_COMPOSITE)
        return read_fields(shape, o, depth, type, err);
    delimiter = json_opt_str(o, "delimiter", ",");
    if (strlen(delimiter) != 1)
        return malformed(err, "delimiter", "is not one character");
    type->delimiter = delimiter[0];
    if (!json_get(o, "element", &element, err) ||
        !read_nested(shape, element, depth + 1, &type->element, err))
        return false;
    if (type->kind == TYPE_MULTIRANGE && type->element->kind != TYPE_RANGE)
        return malformed(err, type->name, "is a multirange of something that is no range");
    return true;
}

static bool read_column(struct shape *shape, struct json_object *o, struct column *column,
                        struct err *err)
{
    const char *name, *data_type, *udt_name;

    if (!json_get_str(o, "name", &name, err) || !json_get_str(o, "data_type", &data_type, err) ||
        !json_get_str(o, "udt_name", &udt_name, err))
        return false;
    struct type *type = shape_add_type(shape, TYPE_TEXT, data_type, udt_name);
    struct json_object *encoding = json_opt(o, "encoding");
    if (!encoding) {
        shape->earlier = true;
        earlier_type_read(shape, o, type);
    } else if (!json_object_is_type(encoding, json_type_object)) {
        return malformed(err, name, "has an encoding that is no object");
    } else if (!read_encoding(shape, encoding, 0, type, err)) {
        return err_in(err, "column \"%s\"", name);
    }
    column->name = keep(shape, name);
    column->type = type;
    column->not_null = !json_opt_bool(o, "is_nullable", true);
    column->default_expr = keep(shape, json_opt_str(o, "default", NULL));
    column->identity = letter_of(identities, json_opt_str(o, "identity", NULL));
    column->generated = letter_of(generations, json_opt_str(o, "generated", NULL));
    column->collation = keep(shape, json_opt_str(o, "collation", NULL));
    return true;
}

static bool read_columns(struct shape *shape, struct json_object *o, struct err *err)
{
    struct json_object *array;
    size_t count;

    if (!objects_of(o, "columns", &array, &count, err))
        return false;
    shape->columns = arena_alloc(shape->arena, count * sizeof(*shape->columns));
    for (size_t i = 0; i < count; i++) {
        struct column *column = &shape->columns[i];

        if (!read_column(shape, json_object_array_get_idx(array, i), column, err))
            return false;
        if (shape_find(shape, column->name) != SIZE_MAX)
            return malformed(err, column->name, "is the name of two columns");
        shape->column_count = i + 1;
    }
    return true;
}

static bool read_key(struct shape *shape, struct json_object *o, struct err *err)
{
    struct json_object *key = json_opt(o, "primary_key"), *columns;

    if (!key)
        return true;
    if (!json_object_is_type(key, json_type_object))
        return malformed(err, "primary_key", "is not an object");
    shape->key_name = keep(shape, json_opt_str(key, "constraint_name", NULL));
    columns = json_opt(key, "columns");
    if (!columns)
        return true;
    if (!json_object_is_type(columns, json_type_array))
        return malformed(err, "primary_key columns", "is not an array");
    size_t count = json_object_array_length(columns);
    shape->key_columns = arena_alloc(shape->arena, count * sizeof(*shape->key_columns));
    for (size_t i = 0; i < count; i++) {
        struct json_object *name = json_object_array_get_idx(columns, i);

        if (!json_object_is_type(name, json_type_string))
            return malformed(err, "primary_key", "names something that is no column");
        shape->key_columns[i] = shape_find(shape, json_object_get_string(name));
        if (shape->key_columns[i] == SIZE_MAX)
            return malformed(err, json_object_get_string(name), "is in the key but no column");
    }
    shape->key_count = count;
    return true;
}

static bool read_indexes(struct shape *shape, struct json_object *o, struct err *err)
{
    struct json_object *array;
    size_t count;
    const char *name, *definition;

    if (!objects_of(o, "indexes", &array, &count, err))
        return false;
    shape->indexes = arena_alloc(shape->arena, count * sizeof(*shape->indexes));
    for (size_t i = 0; i < count; i++) {
        struct json_object *index = json_object_array_get_idx(array, i);

        if (!json_get_str(index, "name", &name, err) ||
            !json_get_str(index, "definition", &definition, err))
            return false;
        shape->indexes[i] = (struct shape_index){
            .name = keep(shape, name),
            .definition = keep(shape, definition),
            .unique = json_opt_bool(index, "is_unique", false),
            .primary = json_opt_bool(index, "is_primary", false),
        };
    }
    shape->index_count = count;
    return true;
}

static bool read_constraints(struct shape *shape, struct json_object *o, struct err *err)
{
    struct json_object *array;
    size_t count;
    const char *name, *definition;

    if (shape->earlier) {
        earlier_type_constraints(shape, o);
        return true;
    }
    if (!objects_of(o, "constraints", &array, &count, err))
        return false;
    shape->constraints = arena_alloc(shape->arena, count * sizeof(*shape->constraints));
    for (size_t i = 0; i < count; i++) {
        struct json_object *constraint = json_object_array_get_idx(array, i);

        if (!json_get_str(constraint, "name", &name, err) ||
            !json_get_str(constraint, "definition", &definition, err))
            return false;
        shape->constraints[i] = (struct shape_constraint){
            .name = keep(shape, name),
            .definition = keep(shape, definition),
            .type = letter_of(constraint_types, json_opt_str(constraint, "type", NULL)),
        };
    }
    shape->constraint_count = count;
    return true;
}

static bool read_all(struct shape *shape, struct json_object *o, struct err *err)
{
    const char *table, *schema, *timestamp;

    if (!json_get_str(o, "table_name", &table, err) ||
        !json_get_str(o, "schema_name", &schema, err) || !read_columns(shape, o, err) ||
        !read_key(shape, o, err) || !read_indexes(shape, o, err) ||
        !read_constraints(shape, o, err))
        return false;
    shape->table = keep(shape, table);
    shape->schema = keep(shape, schema);
    timestamp = json_opt_str(o, "timestamp_column", NULL);
    if (timestamp) {
        shape->timestamp_column = shape_find(shape, timestamp);
        if (shape->timestamp_column == SIZE_MAX)
            return malformed(err, timestamp, "is the timestamp column but no column");
    }
    return true;
}

struct shape *shape_read(struct json_object *table_schema, struct err *err)
{
    struct shape *shape = shape_new();

    if (!json_object_is_type(table_schema, json_type_object))
        malformed(err, "table_schema", "is not an object");
    else if (read_all(shape, table_schema, err))
        return shape;
    shape_free(shape);
    return NULL;
}
