/* SPDX-License-Identifier: PostgreSQL
 *
 * Each condition gives the set of answers that its rows may give: true, false, NULL. A set may be
 * too large, never too small; so what is not understood gives all three.
 *
 * Bounds are of the values that are not NULL. A column that may be NULL may give NULL besides.
 */
#include "row/filter_bounds.h"

enum { MAY_TRUE = 1, MAY_FALSE = 2, MAY_NULL = 4, MAY_ALL = 7 };

struct bounded {
    const struct shape *shape;
    const struct filter_bounds *bounds;
};

/* The values that an operand takes in the member. */
struct range {
    struct filter_value min, max;
    bool nulls; /* and NULL */
};

static unsigned answers_of(const struct bounded *b, const struct filter_node *node);

/* --- operands --- */

static struct filter_value value_of(enum filter_kind kind, int64_t bound)
{
    struct filter_value value = {.integer = bound};

    if (kind != FILTER_INT)
        value.moment = filter_value_moment(bound);
    return value;
}

/* 5 or [5] */
static bool read_key(const char *json, struct filter_value *ret)
{
    struct filter_text text;
    struct err ignored;

    if (!json)
        return false;
    json += *json == '[';
    text = (struct filter_text){json, strcspn(json, "]")};
    return filter_value_read(FILTER_INT, text, NULL, ret, &ignored);
}

static bool range_of_column(const struct bounded *b, const struct filter_node *node,
                            struct range *ret)
{
    const struct filter_bounds *bounds = b->bounds;
    const struct shape *shape = b->shape;

    ret->nulls = !shape->columns[node->column].not_null;
    if (node->kind == FILTER_INT && shape->key_count == 1 && shape->key_columns[0] == node->column)
        return read_key(bounds->min_key, &ret->min) && read_key(bounds->max_key, &ret->max);
    bool has_kind = node->kind == FILTER_INT || node->kind == FILTER_DATE ||
                    node->kind == FILTER_TIMESTAMP || node->kind == FILTER_TIMESTAMPTZ;
    if (!has_kind || node->column != shape->timestamp_column || bounds->min_us > bounds->max_us)
        return false;
    ret->min = value_of(node->kind, bounds->min_us);
    ret->max = value_of(node->kind, bounds->max_us);
    return true;
}

/* False: nothing is known. */
static bool range_of(const struct bounded *b, const struct filter_node *node, struct range *ret)
{
    switch (node->op) {
    case FILTER_CONST:
        ret->min = ret->max = node->value;
        ret->nulls = false;
        return !node->value.null;
    case FILTER_COLUMN:
        return range_of_column(b, node, ret);
    case FILTER_CAST:
        /* Between dates and timestamps order is kept: a date is its day's beginning. */
        if (!filter_kind_is_moment(node->kind) || !filter_kind_is_moment(node->args[0]->kind) ||
            !range_of(b, node->args[0], ret))
            return false;
        if (node->kind == FILTER_DATE)
            ret->min.moment.us = ret->max.moment.us = 0;
        return true;
    default:
        return false;
    }
}

/* --- comparisons --- */

/* Which orders may two values from these ranges have? */
static unsigned orders_of(enum filter_kind kind, const struct range *a, const struct range *b)
{
    int low = filter_value_compare(kind, &a->min, &b->max);
    int high = filter_value_compare(kind, &a->max, &b->min);

    return (low < 0 ? FILTER_LESS : 0u) | (high > 0 ? FILTER_GREATER : 0u) |
           (low <= 0 && high >= 0 ? FILTER_EQUAL : 0u);
}

static unsigned answers_of_comparison(const struct bounded *b, const struct filter_node *left,
                                      const struct filter_node *right, enum filter_kind as,
                                      unsigned accepts)
{
    struct range l, r;

    if (!range_of(b, left, &l) || !range_of(b, right, &r))
        return MAY_ALL;
    unsigned orders = orders_of(as, &l, &r);
    return (orders & accepts ? MAY_TRUE : 0u) | (orders & ~accepts ? MAY_FALSE : 0u) |
           (l.nulls || r.nulls ? MAY_NULL : 0u);
}

static unsigned negated(unsigned answers)
{
    return (answers & MAY_TRUE ? MAY_FALSE : 0u) | (answers & MAY_FALSE ? MAY_TRUE : 0u) |
           (answers & MAY_NULL);
}

/* --- logic --- */

static unsigned and_of(unsigned a, unsigned b)
{
    unsigned answers = (a | b) & (MAY_FALSE | MAY_NULL);

    return answers | (a & b & MAY_TRUE);
}

static unsigned or_of(unsigned a, unsigned b)
{
    return negated(and_of(negated(a), negated(b)));
}

static unsigned answers_of_in(const struct bounded *b, const struct filter_node *node)
{
    unsigned answers = MAY_FALSE;

    for (size_t i = 1; i < node->arg_count; i++)
        answers = or_of(answers, answers_of_comparison(b, node->args[0], node->args[i], node->as,
                                                       FILTER_EQUAL));
    return answers;
}

static unsigned answers_of_between(const struct bounded *b, const struct filter_node *node)
{
    return and_of(answers_of_comparison(b, node->args[0], node->args[1], node->as,
                                        FILTER_GREATER | FILTER_EQUAL),
                  answers_of_comparison(b, node->args[0], node->args[2], node->as,
                                        FILTER_LESS | FILTER_EQUAL));
}

static unsigned answers_of_logic(const struct bounded *b, const struct filter_node *node)
{
    unsigned answers = answers_of(b, node->args[0]);

    if (node->op == FILTER_NOT)
        return negated(answers);
    for (size_t i = 1; i < node->arg_count; i++) {
        unsigned next = answers_of(b, node->args[i]);
        answers = node->op == FILTER_AND ? and_of(answers, next) : or_of(answers, next);
    }
    return answers;
}

static unsigned answers_of_const(const struct filter_value *value)
{
    return value->null ? MAY_NULL : value->truth ? MAY_TRUE : MAY_FALSE;
}

static unsigned answers_of(const struct bounded *b, const struct filter_node *node)
{
    unsigned answers = MAY_ALL;

    switch (node->op) {
    case FILTER_CONST:
        return answers_of_const(&node->value);
    case FILTER_COMPARE:
        return answers_of_comparison(b, node->args[0], node->args[1], node->as, node->accepts);
    case FILTER_IN:
        answers = answers_of_in(b, node);
        break;
    case FILTER_BETWEEN:
        answers = answers_of_between(b, node);
        break;
    case FILTER_NOT:
    case FILTER_AND:
    case FILTER_OR:
        return answers_of_logic(b, node);
    default:
        break;
    }
    return node->negated ? negated(answers) : answers;
}

bool filter_bounds_may_be_true(const struct filter_node *condition, const struct shape *shape,
                               const struct filter_bounds *bounds)
{
    struct bounded b = {shape, bounds};

    return answers_of(&b, condition) & MAY_TRUE;
}
