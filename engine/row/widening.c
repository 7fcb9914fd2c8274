/* SPDX-License-Identifier: PostgreSQL
 *
 * Types are told apart by their names as format_type() spells them in a session whose search_path
 * is pg_catalog: what stands without a schema is PostgreSQL's own. The earlier archiver wrote
 * information_schema's names, which have no schema at all ("ARRAY", "zoo_mood"): there the udt_name
 * decides.
 */
#include "row/widening.h"

#include <stdlib.h>

#define NAME_MAX_BYTES 300
#define NO_ARGUMENT    INT32_MIN

/* What the numbers in parentheses have to do with it. */
enum rule {
    ANY,       /* nothing */
    LENGTH,    /* at least as long; none: any length */
    PRECISION, /* at least as many digits of a second; none: 6 */
    DIGITS,    /* at least as many digits on both sides of the point */
    INTEGER,   /* room for `digits` before the point */
};

#define TZ     "timestamp with time zone"
#define NO_TZ  "timestamp without time zone"
#define T_TZ   "time with time zone"
#define T_NOTZ "time without time zone"

static const struct row {
    const char *from, *to;
    enum rule rule;
    int digits;
} rows[] = {
    {"smallint", "integer", ANY, 0},
    {"smallint", "bigint", ANY, 0},
    {"integer", "bigint", ANY, 0},
    {"oid", "bigint", ANY, 0},
    {"smallint", "numeric", INTEGER, 5},
    {"integer", "numeric", INTEGER, 10},
    {"bigint", "numeric", INTEGER, 19},
    {"smallint", "real", ANY, 0},
    {"smallint", "double precision", ANY, 0},
    {"integer", "double precision", ANY, 0},
    {"real", "double precision", ANY, 0},
    {"numeric", "numeric", DIGITS, 0},
    {"character varying", "character varying", LENGTH, 0},
    {"character", "character", LENGTH, 0},
    /* The blanks that fill a char(n) are no part of its value. */
    {"character", "character varying", LENGTH, 0},
    {"bit varying", "bit varying", LENGTH, 0},
    {"bit", "bit varying", LENGTH, 0},
    {TZ, TZ, PRECISION, 0},
    {NO_TZ, NO_TZ, PRECISION, 0},
    {T_TZ, T_TZ, PRECISION, 0},
    {T_NOTZ, T_NOTZ, PRECISION, 0},
    {"interval", "interval", PRECISION, 0},
    {"date", NO_TZ, ANY, 0},
    {"jsonb", "json", ANY, 0},
    {"cidr", "inet", ANY, 0},
};

/* PostgreSQL's own types that every server has, beside those in the table. */
static const char *const own[] = {
    "text",      "name",      "bpchar",   "uuid",    "money",     "json",
    "bytea",     "boolean",   "inet",     "macaddr", "macaddr8",  "xml",
    "point",     "line",      "lseg",     "box",     "path",      "polygon",
    "circle",    "tsvector",  "tsquery",  "pg_lsn",  "\"char\"",  "double precision",
    "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
};

/* A name taken apart: "numeric(10,2)[]" is numeric, 10, 2, array. */
struct spelled {
    char base[NAME_MAX_BYTES];
    int first, second; /* NO_ARGUMENT: none */
    bool array;
};

static struct spelled spell(const char *name)
{
    struct spelled s = {.first = NO_ARGUMENT, .second = NO_ARGUMENT};
    size_t len = strlen(name);
    const char *open = strchr(name, '"') ? NULL : strchr(name, '(');
    const char *close = open ? strchr(open, ')') : NULL;
    char *end;

    s.array = len > 2 && strcmp(name + len - 2, "[]") == 0;
    if (s.array)
        len -= 2;
    if (!close) {
        snprintf(s.base, sizeof(s.base), "%.*s", (int)len, name);
        return s;
    }
    s.first = (int)strtol(open + 1, &end, 10);
    if (*end == ',')
        s.second = (int)strtol(end + 1, NULL, 10);
    snprintf(s.base, sizeof(s.base), "%.*s%.*s", (int)(open - name), name,
             (int)(name + len - close - 1), close + 1);
    return s;
}

static bool is_information_schema(const struct type *type)
{
    return strcmp(type->name, "ARRAY") == 0 || strcmp(type->name, "USER-DEFINED") == 0;
}

static const char *below_domains(const struct type *type)
{
    return type->base ? type->base : type->name;
}

static bool has_schema(const char *name)
{
    return strchr(name, '.') != NULL;
}

static bool is_own(const char *base)
{
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strcmp(own[i], base) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].from, base) == 0 || strcmp(rows[i].to, base) == 0)
            return true;
    }
    return false;
}

/* A name without its schema: whose it is has to be told by the name alone. */
static bool is_bare(const struct type *type)
{
    return is_information_schema(type) ||
           (strcmp(type->name, type->udt_name) == 0 && !is_own(type->name));
}

static bool is_equal(const struct type *from, const struct type *to)
{
    if (strcmp(from->name, to->name) == 0)
        return !from->base || !to->base || strcmp(from->base, to->base) == 0;
    return is_bare(from) && strcmp(from->udt_name, to->udt_name) == 0;
}

static bool is_alike(const struct type *from, const struct type *to)
{
    if (strcmp(below_domains(from), below_domains(to)) == 0)
        return true;
    return has_schema(from->name) && has_schema(to->name) && !from->base && !to->base &&
           from->kind == to->kind && strcmp(from->udt_name, to->udt_name) == 0;
}

/* Any type has a text. */
static bool takes_all(const struct spelled *to)
{
    return strcmp(to->base, "text") == 0 ||
           (strcmp(to->base, "character varying") == 0 && to->first == NO_ARGUMENT);
}

static int or_else(int argument, int none)
{
    return argument == NO_ARGUMENT ? none : argument;
}

static bool has_digits(const struct spelled *to, int before, int after)
{
    int scale = or_else(to->second, 0);

    return to->first == NO_ARGUMENT || (to->first - scale >= before && scale >= after);
}

static bool fits(const struct row *row, const struct spelled *from, const struct spelled *to)
{
    switch (row->rule) {
    case ANY:
        return true;
    case LENGTH:
        return or_else(to->first, INT32_MAX) >= or_else(from->first, INT32_MAX);
    case PRECISION:
        return or_else(to->first, 6) >= or_else(from->first, 6);
    case DIGITS:
        if (from->first == NO_ARGUMENT)
            return to->first == NO_ARGUMENT;
        return has_digits(to, from->first - or_else(from->second, 0), or_else(from->second, 0));
    case INTEGER:
        return has_digits(to, row->digits, 0);
    }
    return false;
}

static bool keeps(const char *from_name, const char *to_name)
{
    struct spelled from = spell(from_name), to = spell(to_name);

    if (from.array != to.array)
        return !to.array && takes_all(&to);
    if (takes_all(&to))
        return true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].from, from.base) == 0 && strcmp(rows[i].to, to.base) == 0)
            return fits(&rows[i], &from, &to);
    }
    return false;
}

enum widening widening_of(const struct type *from, const struct type *to)
{
    if (is_equal(from, to))
        return WIDENING_EQUAL;
    if (is_alike(from, to))
        return WIDENING_ALIKE;
    if (keeps(below_domains(from), below_domains(to)))
        return WIDENING_CAST;
    return WIDENING_LOSES;
}

const char *widening_staging(const struct type *type)
{
    struct spelled s = spell(below_domains(type));

    if (is_own(s.base))
        return below_domains(type);
    /* A domain whose base was not recorded: text would turn true into t. */
    return type->kind == TYPE_BOOL ? "boolean" : "text";
}
