/* SPDX-License-Identifier: PostgreSQL */
#include "verify_schema.h"

#include <stdlib.h>

struct comparison {
    const struct metadata *before, *now;
    struct verify_report *report;
};

/* The earlier archiver's batches have no run. */
static bool same_run(const struct comparison *c)
{
    return *c->now->run_id && strcmp(c->before->run_id, c->now->run_id) == 0;
}

static void say(const struct comparison *c, const char *kind, const char *column, const char *text)
{
    const char *key = c->now->data_key;

    if (same_run(c))
        verify_report_problem(c->report, key, "bad_schema",
                              "%s \"%s\" %s, and the batch before is of the same run", kind, column,
                              text);
    else
        verify_report_note(c->report, key, kind, "\"%s\" %s since %s", column, text,
                           c->before->data_key);
}

static void compare_columns(const struct comparison *c)
{
    const struct shape *before = c->before->shape, *now = c->now->shape;

    for (size_t i = 0; i < now->column_count; i++) {
        const struct column *column = &now->columns[i];
        size_t at = shape_find(before, column->name);
        if (at == SIZE_MAX) {
            say(c, "column_added", column->name, "is there");
        } else if (strcmp(before->columns[at].type->name, column->type->name) != 0) {
            char *text =
                mem_printf("is %s, was %s", column->type->name, before->columns[at].type->name);
            say(c, "column_retyped", column->name, text);
            free(text);
        }
    }
    for (size_t i = 0; i < before->column_count; i++) {
        if (shape_find(now, before->columns[i].name) == SIZE_MAX)
            say(c, "column_removed", before->columns[i].name, "is gone");
    }
}

static void key_text(const struct shape *shape, struct buf *ret)
{
    for (size_t i = 0; i < shape->key_count; i++)
        buf_addf(ret, "%s%s", i ? ", " : "", shape->columns[shape->key_columns[i]].name);
}

static void compare_keys(const struct comparison *c)
{
    struct buf before = BUF_INIT, now = BUF_INIT;

    key_text(c->before->shape, &before);
    key_text(c->now->shape, &now);
    if (strcmp(buf_str(&before), buf_str(&now)) != 0) {
        char *text = mem_printf("is the key, was \"%s\"", buf_str(&before));
        say(c, "key_changed", buf_str(&now), text);
        free(text);
    }
    buf_done(&before);
    buf_done(&now);
}

void verify_schema_take(struct verify_schema *schema, struct metadata *metadata,
                        struct verify_report *report)
{
    struct comparison c = {.before = schema->last, .now = metadata, .report = report};

    if (!metadata->shape) {
        metadata_free(metadata);
        return;
    }
    if (schema->last) {
        compare_columns(&c);
        compare_keys(&c);
    }
    metadata_free(schema->last);
    schema->last = metadata;
}

void verify_schema_done(struct verify_schema *schema)
{
    metadata_free(schema->last);
    schema->last = NULL;
}
