/* SPDX-License-Identifier: PostgreSQL
 *
 * Shapes for the tests of the row codec: one column "v" of a type that is given by its name.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_TESTS_ROW_CODEC_H
#define ARCHIVER_TESTS_ROW_CODEC_H

#include <stdlib.h>

#include "cases.h"
#include "row/shape.h"

static inline struct type *codec_type(struct shape *shape, const char *name)
{
    size_t len = strlen(name);

    if (len > 2 && strcmp(name + len - 2, "[]") == 0) {
        char *element = mem_printf("%.*s", (int)len - 2, name);
        struct type *type = shape_add_type(shape, TYPE_ARRAY, name, "_x");
        type->element = codec_type(shape, element);
        type->delimiter = strcmp(element, "box") == 0 ? ';' : ',';
        free(element);
        return type;
    }
    if (strcmp(name, "int4range") == 0 || strcmp(name, "tsrange") == 0 ||
        strcmp(name, "textrange") == 0) {
        struct type *type = shape_add_type(shape, TYPE_RANGE, name, name);
        type->element = codec_type(shape, name[0] == 'i'   ? "int4"
                                          : name[1] == 's' ? "timestamp"
                                                           : "text");
        return type;
    }
    if (strcmp(name, "int4multirange") == 0) {
        struct type *type = shape_add_type(shape, TYPE_MULTIRANGE, name, name);
        type->element = codec_type(shape, "int4range");
        return type;
    }
    if (strcmp(name, "pair") == 0) {
        struct type *type = shape_add_type(shape, TYPE_COMPOSITE, name, name);
        type->fields = arena_alloc(shape->arena, 2 * sizeof(*type->fields));
        type->fields[0] = (struct type_field){"a", codec_type(shape, "int4")};
        type->fields[1] = (struct type_field){"b c", codec_type(shape, "text")};
        type->field_count = 2;
        return type;
    }
    return shape_add_type(shape, shape_kind_of(name), name, name);
}

/* Columns from {"name", "type"} pairs; the first is the key, `timestamp` names the time column. */
static inline struct shape *codec_shape(const char *const (*columns)[2], size_t count,
                                        const char *timestamp)
{
    struct shape *shape = shape_new();

    shape->schema = "public";
    shape->table = "t";
    shape->columns = arena_alloc(shape->arena, (count + 1) * sizeof(*shape->columns));
    for (size_t i = 0; i < count; i++) {
        shape->columns[i].name = columns[i][0];
        shape->columns[i].type = codec_type(shape, columns[i][1]);
    }
    shape->column_count = count;
    shape->key_columns = arena_alloc(shape->arena, sizeof(size_t));
    shape->key_count = 1;
    shape->timestamp_column = timestamp ? shape_find(shape, timestamp) : SIZE_MAX;
    return shape;
}

#endif
