/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_kind.h"

#include "row/literal_decode.h"
#include "row/literal_encode.h"

static const char *const names[] = {
    [FILTER_UNKNOWN] = "unknown",
    [FILTER_BOOL] = "boolean",
    [FILTER_INT] = "integer",
    [FILTER_NUMERIC] = "numeric",
    [FILTER_REAL] = "real",
    [FILTER_DOUBLE] = "double precision",
    [FILTER_TEXT] = "text",
    [FILTER_CHAR] = "character",
    [FILTER_DATE] = "date",
    [FILTER_TIMESTAMP] = "timestamp",
    [FILTER_TIMESTAMPTZ] = "timestamptz",
    [FILTER_TIME] = "time",
    [FILTER_UUID] = "uuid",
    [FILTER_BYTEA] = "bytea",
    [FILTER_JSON] = "json",
    [FILTER_JSONB] = "jsonb",
    [FILTER_SAME] = "text",
    [FILTER_OPAQUE] = "text",
};

const char *filter_kind_name(enum filter_kind kind)
{
    return names[kind];
}

/* --- columns --- */

/* Types that are one string in the archive: pg_type.typname, and the name of a domain's base where
 * that is another. */
static const struct text_kind {
    const char *typname, *name;
    enum filter_kind kind;
} text_kinds[] = {
    {"text", NULL, FILTER_TEXT},
    {"varchar", "character varying", FILTER_TEXT},
    {"name", NULL, FILTER_TEXT},
    {"char", "\"char\"", FILTER_TEXT},
    {"bpchar", "character", FILTER_CHAR},
    {"numeric", NULL, FILTER_NUMERIC},
    {"time", "time without time zone", FILTER_TIME},
    {"uuid", NULL, FILTER_UUID},
    /* Equal values of these may have two texts, or their = is not equality. */
    {"interval", NULL, FILTER_OPAQUE},
    {"timetz", "time with time zone", FILTER_OPAQUE},
    {"xml", NULL, FILTER_OPAQUE},
    {"point", NULL, FILTER_OPAQUE},
    {"line", NULL, FILTER_OPAQUE},
    {"lseg", NULL, FILTER_OPAQUE},
    {"box", NULL, FILTER_OPAQUE},
    {"path", NULL, FILTER_OPAQUE},
    {"polygon", NULL, FILTER_OPAQUE},
    {"circle", NULL, FILTER_OPAQUE},
    {"jsonpath", NULL, FILTER_OPAQUE},
    {"citext", NULL, FILTER_OPAQUE},
    {"geometry", NULL, FILTER_OPAQUE},
    {"geography", NULL, FILTER_OPAQUE},
    {"cube", NULL, FILTER_OPAQUE},
    {"seg", NULL, FILTER_OPAQUE},
};

/* "numeric(10,2)" is numeric, "time(3) without time zone" is time without time zone. */
static bool is_named(const char *name, const char *wanted)
{
    while (*name == *wanted && *name) {
        name++;
        wanted++;
    }
    if (*name == '(')
        name += strcspn(name, ")") + 1;
    return strcmp(name, wanted) == 0;
}

static bool is_text_kind(const struct text_kind *kind, const struct type *type)
{
    const char *dot = strrchr(type->base ? type->base : type->name, '.');

    if (dot && kind->kind != FILTER_OPAQUE)
        return false; /* of a schema of somebody's own, whatever it is called */
    if (!type->base)
        return strcmp(kind->typname, type->udt_name) == 0;
    return is_named(dot ? dot + 1 : type->base, kind->name ? kind->name : kind->typname);
}

static enum filter_kind kind_of_text(const struct type *type)
{
    for (size_t i = 0; i < sizeof(text_kinds) / sizeof(text_kinds[0]); i++) {
        if (is_text_kind(&text_kinds[i], type))
            return text_kinds[i].kind;
    }
    return FILTER_SAME;
}

/* Are two equal values of this type always the same text? */
static bool is_steady(const struct type *type)
{
    switch (filter_kind_of(type)) {
    case FILTER_NUMERIC: /* 1.0 and 1.00 */
    case FILTER_REAL:    /* 0 and -0 */
    case FILTER_DOUBLE:
    case FILTER_JSON:
    case FILTER_JSONB:
    case FILTER_OPAQUE:
        return false;
    default:
        return true;
    }
}

static enum filter_kind kind_of_container(const struct type *type)
{
    if (type->kind != TYPE_COMPOSITE)
        return is_steady(type->element) ? FILTER_SAME : FILTER_OPAQUE;
    for (size_t i = 0; i < type->field_count; i++) {
        if (!is_steady(type->fields[i].type))
            return FILTER_OPAQUE;
    }
    return FILTER_SAME;
}

enum filter_kind filter_kind_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_INT:
        return FILTER_INT;
    case TYPE_FLOAT:
        return strcmp(type->base ? type->base : type->udt_name, type->base ? "real" : "float4") == 0
                   ? FILTER_REAL
                   : FILTER_DOUBLE;
    case TYPE_BOOL:
        return FILTER_BOOL;
    case TYPE_JSON:
        return strcmp(type->base ? type->base : type->udt_name, "jsonb") == 0 ? FILTER_JSONB
                                                                              : FILTER_JSON;
    case TYPE_BYTEA:
        return FILTER_BYTEA;
    case TYPE_TIMESTAMPTZ:
        return FILTER_TIMESTAMPTZ;
    case TYPE_TIMESTAMP:
        return FILTER_TIMESTAMP;
    case TYPE_DATE:
        return FILTER_DATE;
    case TYPE_TEXT:
        return kind_of_text(type);
    default:
        return kind_of_container(type);
    }
}

/* Its way to JSON and back tells: only what PostgreSQL prints takes it without becoming a string.
 */
bool filter_kind_prints(const struct type *type, const char *text, size_t len)
{
    struct literal_encoder encoder = {0};
    struct literal_decoder decoder = {0};
    struct buf json = BUF_INIT, back = BUF_INIT;
    struct err err;
    bool null;

    literal_encode_prepare(&encoder, type);
    bool ok = literal_encode(&encoder, type, text, len, &json, &err) && json.data[0] != '"';
    struct jsontext cursor = {buf_str(&json), buf_str(&json) + json.len};
    ok = ok && literal_decode(&decoder, type, &cursor, &back, &null, &err) && !null &&
         back.len == len && memcmp(back.data, text, len) == 0;
    literal_encode_done(&encoder);
    literal_decode_done(&decoder);
    buf_done(&json);
    buf_done(&back);
    return ok;
}

/* --- casts --- */

static const struct filter_cast casts[] = {
    {"int", FILTER_INT, INT32_MIN, INT32_MAX},
    {"integer", FILTER_INT, INT32_MIN, INT32_MAX},
    {"int4", FILTER_INT, INT32_MIN, INT32_MAX},
    {"bigint", FILTER_INT, INT64_MIN, INT64_MAX},
    {"int8", FILTER_INT, INT64_MIN, INT64_MAX},
    {"smallint", FILTER_INT, INT16_MIN, INT16_MAX},
    {"int2", FILTER_INT, INT16_MIN, INT16_MAX},
    {"numeric", FILTER_NUMERIC, 0, 0},
    {"decimal", FILTER_NUMERIC, 0, 0},
    {"real", FILTER_REAL, 0, 0},
    {"float4", FILTER_REAL, 0, 0},
    {"float8", FILTER_DOUBLE, 0, 0},
    {"text", FILTER_TEXT, 0, 0},
    {"varchar", FILTER_TEXT, 0, 0},
    {"date", FILTER_DATE, 0, 0},
    {"timestamp", FILTER_TIMESTAMP, 0, 0},
    {"timestamptz", FILTER_TIMESTAMPTZ, 0, 0},
    {"time", FILTER_TIME, 0, 0},
    {"boolean", FILTER_BOOL, 0, 0},
    {"bool", FILTER_BOOL, 0, 0},
    {"uuid", FILTER_UUID, 0, 0},
    {"bytea", FILTER_BYTEA, 0, 0},
    {"json", FILTER_JSON, 0, 0},
    {"jsonb", FILTER_JSONB, 0, 0},
};

const struct filter_cast *filter_kind_cast(const char *name)
{
    for (size_t i = 0; i < sizeof(casts) / sizeof(casts[0]); i++) {
        if (strcmp(casts[i].name, name) == 0)
            return &casts[i];
    }
    return NULL;
}
