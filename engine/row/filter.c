/* SPDX-License-Identifier: PostgreSQL
 *
 * A row is looked at only as far as the answer needs: its fields are found from the left up to the
 * last one asked for, AND and OR stop where they are decided, values are read in place.
 */
#include "row/filter.h"

#include <stdlib.h>

#include "row/copytext.h"
#include "row/filter_bounds.h"
#include "row/filter_parse.h"

struct filter {
    const struct shape *shape;
    struct arena *arena;
    struct filter_node *root, *nodes;
    struct filter_json json;
    struct filter_text *fields; /* of the row at hand, known from the left */
    size_t field_count;
    const char *at, *end; /* what of the row was not looked at yet */
    bool more;            /* there is a further field at `at` */
};

static bool answer(struct filter *f, struct filter_node *node, struct filter_value *ret,
                   struct err *err);

struct filter *filter_new(const char *text, const struct shape *shape, struct err *err)
{
    struct filter *f = mem_alloc(sizeof(*f));

    f->shape = shape;
    f->arena = arena_new();
    f->fields = arena_alloc(f->arena, (shape->column_count + 1) * sizeof(*f->fields));
    f->root = filter_parse(text, shape, f->arena, &f->nodes, err);
    if (f->root)
        return f;
    filter_free(f);
    return NULL;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    filter_nodes_free(f->nodes);
    filter_json_done(&f->json);
    arena_free(f->arena);
    free(f);
}

bool filter_may_match(const struct filter *f, const struct filter_bounds *bounds)
{
    return filter_bounds_may_be_true(f->root, f->shape, bounds);
}

/* --- fields --- */

static bool find_field(struct filter *f, size_t column, struct err *err)
{
    while (f->field_count <= column) {
        if (!f->more)
            return err_set(err, ERR_DATA, "the row has fewer fields than its table has columns");
        const char *tab = memchr(f->at, '\t', (size_t)(f->end - f->at));
        const char *end = tab ? tab : f->end;
        f->fields[f->field_count++] = (struct filter_text){f->at, (size_t)(end - f->at)};
        f->more = tab != NULL;
        f->at = end + f->more;
    }
    return true;
}

/* PostgreSQL's text of a field: where it stands, or in `scratch` where COPY escaped any of it. */
static bool plain_text(enum filter_kind kind, struct filter_text *field, struct buf *scratch,
                       struct err *err)
{
    bool bytea = kind == FILTER_BYTEA && field->len >= 3 && memcmp(field->at, "\\\\x", 3) == 0;

    if (bytea) { /* \\x and digits: the escape is left out by beginning later */
        field->at++;
        field->len--;
        return true;
    }
    if (!memchr(field->at, '\\', field->len))
        return true;
    struct copytext text = {field->at, field->at + field->len};
    buf_reset(scratch);
    if (!copytext_to_plain(&text, scratch, err))
        return false;
    *field = (struct filter_text){scratch->data, scratch->len};
    return true;
}

static bool read_column(struct filter *f, struct filter_node *node, struct filter_value *ret,
                        struct err *err)
{
    if (!find_field(f, node->column, err))
        return false;
    struct filter_text field = f->fields[node->column];
    ret->null = field.len == 2 && field.at[0] == '\\' && field.at[1] == 'N';
    if (ret->null)
        return true;
    if (plain_text(node->kind, &field, &node->scratch, err) &&
        filter_value_read_own(node->kind, field, &node->scratch, ret, err))
        return true;
    return err_in(err, "column \"%s\"", f->shape->columns[node->column].name);
}

/* --- values --- */

/* The column that a value comes from, for an error about it. */
static bool in_column(const struct filter *f, const struct filter_node *node, struct err *err)
{
    while (node->arg_count > 0)
        node = node->args[0];
    if (node->op == FILTER_COLUMN)
        err_in(err, "column \"%s\"", f->shape->columns[node->column].name);
    return false;
}

static bool cast_value(struct filter *f, struct filter_node *node, struct filter_value *ret,
                       struct err *err)
{
    struct filter_value value;

    if (!answer(f, node->args[0], &value, err))
        return false;
    ret->null = value.null;
    if (value.null)
        return true;
    if (!filter_value_cast(node->args[0]->kind, node->kind, &value, &node->scratch, ret, err))
        return in_column(f, node, err);
    if (node->kind == FILTER_INT && (ret->integer < node->min || ret->integer > node->max)) {
        err_set(err, ERR_DATA, "a value is out of range for integer");
        return in_column(f, node, err);
    }
    return true;
}

static bool walk_path(struct filter *f, struct filter_node *node, struct filter_value *ret,
                      struct err *err)
{
    bool binary = node->args[0]->kind == FILTER_JSONB, found = true;

    if (!answer(f, node->args[0], ret, err))
        return false;
    for (size_t i = 0; i < node->step_count && !ret->null; i++) {
        if (!filter_json_step(&f->json, &node->steps[i], binary, &ret->text, &found, err))
            return in_column(f, node, err);
        ret->null = !found;
    }
    if (ret->null || !node->as_text)
        return true;
    return filter_json_text(ret->text, &node->scratch, ret, err) || in_column(f, node, err);
}

/* --- comparisons --- */

static bool compare(struct filter *f, struct filter_node *node, struct filter_value *ret,
                    struct err *err)
{
    struct filter_value left, right;

    if (!answer(f, node->args[0], &left, err) ||
        (!left.null && !answer(f, node->args[1], &right, err)))
        return false;
    ret->null = left.null || right.null;
    if (!ret->null) {
        int order = filter_value_compare(node->as, &left, &right);
        ret->truth = node->accepts >> (order + 1) & 1;
    }
    return true;
}

static bool differ(struct filter *f, struct filter_node *node, struct filter_value *ret,
                   struct err *err)
{
    struct filter_value left, right;

    if (!answer(f, node->args[0], &left, err) || !answer(f, node->args[1], &right, err))
        return false;
    ret->null = false;
    if (left.null || right.null)
        ret->truth = left.null != right.null;
    else
        ret->truth = filter_value_compare(node->as, &left, &right) != 0;
    return true;
}

/* value >= low AND value <= high: false as soon as one is, whatever the other. */
static bool between(struct filter *f, struct filter_node *node, struct filter_value *ret,
                    struct err *err)
{
    struct filter_value value, low, high;

    if (!answer(f, node->args[0], &value, err) || !answer(f, node->args[1], &low, err) ||
        !answer(f, node->args[2], &high, err))
        return false;
    bool below = !value.null && !low.null && filter_value_compare(node->as, &value, &low) < 0;
    bool above = !value.null && !high.null && filter_value_compare(node->as, &value, &high) > 0;
    ret->null = !below && !above && (value.null || low.null || high.null);
    ret->truth = !below && !above;
    return true;
}

static bool is_listed(const struct filter_node *node, const struct filter_value *value)
{
    size_t low = 0, high = node->list_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = filter_value_compare(node->as, value, &node->list[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool in_list(struct filter *f, struct filter_node *node, struct filter_value *ret,
                    struct err *err)
{
    struct filter_value value, item;
    bool nulls = node->list_null;

    if (!answer(f, node->args[0], &value, err))
        return false;
    ret->truth = false;
    if (node->list && !value.null)
        ret->truth = is_listed(node, &value);
    for (size_t i = 1; !node->list && i < node->arg_count && !ret->truth; i++) {
        if (!answer(f, node->args[i], &item, err))
            return false;
        if (item.null)
            nulls = true;
        else
            ret->truth = !value.null && filter_value_compare(node->as, &value, &item) == 0;
    }
    ret->null = value.null || (!ret->truth && nulls);
    return true;
}

static bool match(struct filter *f, struct filter_node *node, struct filter_value *ret,
                  struct err *err)
{
    struct filter_value text;

    if (!answer(f, node->args[0], &text, err))
        return false;
    ret->null = text.null;
    return text.null || filter_pattern_match(node->pattern, text.text, &ret->truth, err);
}

static bool is(struct filter *f, struct filter_node *node, struct filter_value *ret,
               struct err *err)
{
    struct filter_value value;

    if (!answer(f, node->args[0], &value, err))
        return false;
    ret->null = false;
    if (node->value.null)
        ret->truth = value.null;
    else
        ret->truth = !value.null && value.truth == node->value.truth;
    return true;
}

/* --- logic --- */

/* AND is decided by a false, OR by a true; else NULL wins over the rest. */
static bool chain(struct filter *f, struct filter_node *node, struct filter_value *ret,
                  struct err *err)
{
    bool decides = node->op == FILTER_OR, nulls = false;
    struct filter_value value;

    for (size_t i = 0; i < node->arg_count; i++) {
        if (!answer(f, node->args[i], &value, err))
            return false;
        if (!value.null && value.truth == decides) {
            *ret = value;
            return true;
        }
        nulls = nulls || value.null;
    }
    ret->null = nulls;
    ret->truth = !decides;
    return true;
}

static bool answer_as_is(struct filter *f, struct filter_node *node, struct filter_value *ret,
                         struct err *err)
{
    switch (node->op) {
    case FILTER_CONST:
        *ret = node->value;
        return true;
    case FILTER_COLUMN:
        return read_column(f, node, ret, err);
    case FILTER_CAST:
        return cast_value(f, node, ret, err);
    case FILTER_PATH:
        return walk_path(f, node, ret, err);
    case FILTER_COMPARE:
        return compare(f, node, ret, err);
    case FILTER_DISTINCT:
        return differ(f, node, ret, err);
    case FILTER_BETWEEN:
        return between(f, node, ret, err);
    case FILTER_IN:
        return in_list(f, node, ret, err);
    case FILTER_MATCH:
        return match(f, node, ret, err);
    case FILTER_IS:
        return is(f, node, ret, err);
    case FILTER_NOT:
        if (!answer(f, node->args[0], ret, err))
            return false;
        if (!ret->null)
            ret->truth = !ret->truth;
        return true;
    default:
        return chain(f, node, ret, err);
    }
}

static bool answer(struct filter *f, struct filter_node *node, struct filter_value *ret,
                   struct err *err)
{
    if (!answer_as_is(f, node, ret, err))
        return false;
    if (node->negated && !ret->null)
        ret->truth = !ret->truth;
    return true;
}

bool filter_row(struct filter *f, const char *copy_line, size_t len, bool *ret_match,
                struct err *err)
{
    struct filter_value value;

    if (len > 0 && copy_line[len - 1] == '\n')
        len--;
    f->at = copy_line;
    f->end = copy_line + len;
    f->field_count = 0;
    f->more = true;
    if (!answer(f, f->root, &value, err))
        return false;
    *ret_match = !value.null && value.truth;
    return true;
}
