/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what a table looks like, as far as rows and archives need it: columns, types, key.
 *
 * postgres/introspect fills one from the catalogs; shape_read fills one from metadata.json; encode
 * and decode follow it, never guessing. Plain data in an arena of its own.
 *
 * Threads: immutable once filled.
 */
#ifndef ARCHIVER_ROW_SHAPE_H
#define ARCHIVER_ROW_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* Types nested deeper than this stand in JSON as PostgreSQL's literal (metadata.json must stay
 * within the nesting that JSON readers accept). */
#define SHAPE_DEPTH_MAX 12

/* How a value stands in JSON (design 4). From TYPE_ARRAY on: made of other types. */
enum type_kind {
    TYPE_TEXT,  /* string, PostgreSQL's own text: numeric, money, uuid, enum, inet, interval,
                   extension types... */
    TYPE_INT,   /* number: int2, int4, int8, oid */
    TYPE_FLOAT, /* number; NaN and infinities as strings */
    TYPE_BOOL,
    TYPE_JSON, /* json and jsonb: nested */
    TYPE_BYTEA,
    TYPE_TIMESTAMPTZ,
    TYPE_TIMESTAMP,
    TYPE_DATE,
    TYPE_ARRAY,
    TYPE_COMPOSITE,
    TYPE_RANGE,
    TYPE_MULTIRANGE,
};

struct type_field;

struct type {
    enum type_kind kind;        /* domains: that of their base */
    const char *name;           /* format_type() with typmod: "numeric(10,2)", "my.\"Enum\"[]" */
    const char *udt_name;       /* pg_type.typname of the column's type: "int8", "_text" */
    const char *base;           /* domains: name of the type below all domains; NULL: no domain,
                                   or not recorded */
    char delimiter;             /* arrays: ',' or ';' (box) */
    const struct type *element; /* array element, range subtype, multirange's range */
    struct type_field *fields;  /* composite, attribute order, dropped ones left out */
    size_t field_count;
};

struct type_field {
    const char *name;
    const struct type *type;
};

struct column {
    const char *name;
    const struct type *type;
    bool not_null;
    const char *default_expr; /* NULL: none */
    char identity;            /* 'a', 'd' or '\0' */
    char generated;           /* 's' stored or '\0' */
    const char *collation;    /* NULL: default */
};

struct shape_index {
    const char *name, *definition;
    bool unique, primary;
};

struct shape_constraint {
    const char *name, *definition; /* pg_get_constraintdef */
    char type;                     /* p u c f x */
};

struct shape {
    struct arena *arena;
    const char *schema, *table;
    struct column *columns; /* in attnum order, dropped ones left out */
    size_t column_count;
    size_t *key_columns;     /* positions in columns; primary key, else what the config names */
    size_t key_count;        /* 0: no key */
    const char *key_name;    /* constraint name or NULL */
    size_t timestamp_column; /* position; SIZE_MAX: none */
    struct shape_index *indexes;
    size_t index_count;
    struct shape_constraint *constraints;
    size_t constraint_count;
    bool earlier; /* rows are as the earlier archiver wrote them: decode follows row/earlier */
};

struct shape *shape_new(void);
void shape_free(struct shape *shape); /* NULL allowed */
/* The kind of a base type by pg_type.typname ("int8", "jsonb", ...); TYPE_TEXT for all it does not
 * know. */
enum type_kind shape_kind_of(const char *typname);
/* A type in the shape's arena, names copied, delimiter ','; the caller adds element or fields. */
struct type *shape_add_type(struct shape *shape, enum type_kind kind, const char *name,
                            const char *udt_name);
/* Position of a column by name, SIZE_MAX where there is none. */
size_t shape_find(const struct shape *shape, const char *name);
/* The field of a row that lists its json columns whose value is JSON null: "_json_null", with more
 * underscores in front until no column has that name. In `arena`. */
const char *shape_json_null_name(const struct shape *shape, struct arena *arena);
/* As the "table_schema" object of metadata.json, and back. Reading what shape_write wrote gives an
 * equal shape. A schema whose columns have no "encoding" is the earlier archiver's: types are told
 * by their names, and `earlier` is set. */
void shape_write(const struct shape *shape, struct json_out *j);
struct shape *shape_read(struct json_object *table_schema, struct err *err);

#endif
