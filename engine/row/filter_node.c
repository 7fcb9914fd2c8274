/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_node.h"

#include <stdlib.h>

/* --- nodes --- */

static struct filter_node *new_node(struct filter_maker *m, enum filter_op op,
                                    enum filter_kind kind, size_t at)
{
    struct filter_node *node = arena_alloc(m->arena, sizeof(*node));

    node->op = op;
    node->kind = kind;
    node->at = at;
    node->column = SIZE_MAX;
    node->next = m->nodes;
    m->nodes = node;
    return node;
}

static struct filter_node *give_args(struct filter_maker *m, struct filter_node *node,
                                     struct filter_node **args, size_t count)
{
    node->args = arena_alloc(m->arena, count * sizeof(struct filter_node *));
    node->arg_count = count;
    for (size_t i = 0; i < count; i++) {
        node->args[i] = args[i];
        if (args[i]->depth >= node->depth)
            node->depth = args[i]->depth + 1;
    }
    if (node->depth <= FILTER_DEPTH_MAX)
        return node;
    filter_lex_fail(&m->lex, node->at, "the expression is nested too deep");
    return NULL;
}

void filter_nodes_free(struct filter_node *nodes)
{
    for (; nodes; nodes = nodes->next) {
        buf_done(&nodes->scratch);
        filter_pattern_free(nodes->pattern);
    }
}

/* What a person would call the type of a node. */
static const char *name_of(const struct filter_node *node)
{
    if (node->kind == FILTER_UNKNOWN)
        return "a literal";
    return node->type ? node->type->name : filter_kind_name(node->kind);
}

/* A failure to read or cast a literal, said at its place. */
static struct filter_node *refuse(struct filter_maker *m, size_t at, const struct err *why)
{
    filter_lex_fail(&m->lex, at, "%s", why->what);
    return NULL;
}

struct filter_node *filter_node_null(struct filter_maker *m, size_t at)
{
    struct filter_node *node = new_node(m, FILTER_CONST, FILTER_UNKNOWN, at);

    node->value.null = true;
    return node;
}

/* Gives a literal its kind. */
static struct filter_node *read_literal(struct filter_maker *m, struct filter_node *node,
                                        enum filter_kind kind)
{
    struct filter_text text = node->value.text;
    struct err err = ERR_INIT;

    node->kind = kind;
    if (node->value.null)
        return node;
    return filter_value_read(kind, text, &node->scratch, &node->value, &err)
               ? node
               : refuse(m, node->at, &err);
}

struct filter_node *filter_node_const(struct filter_maker *m, enum filter_kind kind,
                                      struct filter_text text, size_t at)
{
    struct filter_node *node = new_node(m, FILTER_CONST, kind, at);

    node->value.text = text;
    return kind == FILTER_UNKNOWN ? node : read_literal(m, node, kind);
}

struct filter_node *filter_node_column(struct filter_maker *m, size_t column, size_t at)
{
    const struct type *type = m->shape->columns[column].type;
    struct filter_node *node = new_node(m, FILTER_COLUMN, filter_kind_of(type), at);

    node->column = column;
    node->type = type;
    return node;
}

/* --- casts --- */

/* A column whose text is one of the wanted kind as it stands is read as that. */
static bool reads_as(enum filter_kind from, enum filter_kind to)
{
    if (to == FILTER_TEXT)
        return from != FILTER_BOOL && from != FILTER_CHAR;
    return (from == FILTER_INT && (to == FILTER_NUMERIC || to == FILTER_DOUBLE)) ||
           (from == FILTER_NUMERIC && to == FILTER_DOUBLE);
}

static struct filter_node *cast(struct filter_maker *m, struct filter_node *arg,
                                enum filter_kind kind, size_t at)
{
    struct err err = ERR_INIT;

    if (arg->kind == kind)
        return arg;
    if (arg->op == FILTER_COLUMN && reads_as(arg->kind, kind)) {
        arg->kind = kind;
        arg->type = NULL;
        return arg;
    }
    if (!filter_value_can_cast(arg->kind, kind)) {
        filter_lex_fail(&m->lex, at, "%s cannot be cast to %s here", name_of(arg),
                        filter_kind_name(kind));
        if (arg->kind == FILTER_JSON || arg->kind == FILTER_JSONB)
            filter_lex_hint(&m->lex, "->> gives a text, which can be cast");
        return NULL;
    }
    struct filter_node *node = new_node(m, FILTER_CAST, kind, arg->at);
    node->min = INT64_MIN;
    node->max = INT64_MAX;
    if (arg->op != FILTER_CONST)
        return give_args(m, node, &arg, 1);
    node->op = FILTER_CONST;
    node->value.null = arg->value.null;
    if (!arg->value.null &&
        !filter_value_cast(arg->kind, kind, &arg->value, &node->scratch, &node->value, &err))
        return refuse(m, arg->at, &err);
    return node;
}

struct filter_node *filter_node_cast(struct filter_maker *m, struct filter_node *arg,
                                     const char *type, size_t at)
{
    const struct filter_cast *to = filter_kind_cast(type);

    if (!arg)
        return NULL;
    struct filter_node *node =
        arg->kind == FILTER_UNKNOWN ? read_literal(m, arg, to->kind) : cast(m, arg, to->kind, at);
    if (!node || to->kind != FILTER_INT || to->max == INT64_MAX)
        return node;
    if (node->op == FILTER_CONST && !node->value.null &&
        (node->value.integer < to->min || node->value.integer > to->max)) {
        filter_lex_fail(&m->lex, node->at, "a value is out of range for %s", type);
        return NULL;
    }
    if (node->op == FILTER_CONST)
        return node;
    if (node->op != FILTER_CAST) {
        struct filter_node *range = new_node(m, FILTER_CAST, FILTER_INT, node->at);
        node = give_args(m, range, &node, 1);
        if (!node)
            return NULL;
    }
    node->min = to->min;
    node->max = to->max;
    return node;
}

/* --- what meets what --- */

static bool is_text(enum filter_kind kind)
{
    return kind == FILTER_TEXT || kind == FILTER_CHAR;
}

/* The kind that two are compared as; false: none. */
static bool common_kind(enum filter_kind a, enum filter_kind b, enum filter_kind *ret)
{
    enum filter_kind wider = a > b ? a : b;

    if (a == FILTER_UNKNOWN || b == FILTER_UNKNOWN || a == b)
        *ret = a == FILTER_UNKNOWN ? b : a;
    else if (filter_kind_is_number(a) &&
             filter_kind_is_number(b)) /* a real with anything else is a double */
        *ret = wider == FILTER_REAL ? FILTER_DOUBLE : wider;
    else if (filter_kind_is_moment(a) && filter_kind_is_moment(b))
        *ret = wider;
    else if (is_text(a) && is_text(b))
        *ret = FILTER_TEXT;
    else
        return false;
    return true;
}

static void *cannot_compare(struct filter_maker *m, const struct filter_node *a,
                            const struct filter_node *b, size_t at)
{
    bool quotes =
        (filter_kind_is_number(a->kind) && b->kind == FILTER_TEXT && a->op == FILTER_CONST) ||
        (filter_kind_is_number(b->kind) && a->kind == FILTER_TEXT && b->op == FILTER_CONST);

    filter_lex_fail(&m->lex, at, "%s and %s cannot be compared", name_of(a), name_of(b));
    if (quotes)
        filter_lex_hint(&m->lex, "a text stands in quotes");
    else
        filter_lex_hint(&m->lex, "cast one of them, as in ::%s",
                        filter_value_can_cast(b->kind, a->kind) ? filter_kind_name(a->kind)
                                                                : "text");
    return NULL;
}

static void *has_no_order(struct filter_maker *m, const struct filter_node *node, bool equality,
                          size_t at)
{
    filter_lex_fail(&m->lex, at, equality ? "%s cannot be compared" : "%s has no order here",
                    name_of(node));
    if (node->kind == FILTER_JSON || node->kind == FILTER_JSONB)
        filter_lex_hint(&m->lex, "->> gives a text, which can be compared");
    else
        filter_lex_hint(&m->lex, "compare its text, as PostgreSQL prints it: ::text");
    return NULL;
}

/* A literal of an array, composite or range must be as PostgreSQL prints it: only then are equal
 * values the same text. */
static bool check_same(struct filter_maker *m, const struct filter_node *literal,
                       const struct type *type)
{
    struct filter_text text = literal->value.text;

    if (literal->value.null || type->kind < TYPE_ARRAY ||
        filter_kind_prints(type, text.at, text.len))
        return true;
    return filter_lex_fail(&m->lex, literal->at, "this is not %s as PostgreSQL prints it",
                           type->name);
}

/* Literals of SAME kind, and that all are of one type. */
static bool settle_same(struct filter_maker *m, struct filter_node **args, size_t count, size_t at)
{
    const struct filter_node *first = NULL;

    for (size_t i = 0; i < count; i++) {
        if (args[i]->kind != FILTER_SAME)
            continue;
        if (first && strcmp(first->type->name, args[i]->type->name) != 0)
            return cannot_compare(m, first, args[i], at) != NULL;
        first = args[i];
    }
    for (size_t i = 0; i < count; i++) {
        if (args[i]->kind == FILTER_UNKNOWN && !check_same(m, args[i], first->type))
            return false;
    }
    return true;
}

/* Brings all to the kind they are compared as. */
static bool settle(struct filter_maker *m, struct filter_node **args, size_t count, size_t at,
                   enum filter_kind *ret_as)
{
    enum filter_kind as = FILTER_UNKNOWN;

    for (size_t i = 0; i < count; i++) {
        if (!args[i])
            return false;
        if (!common_kind(as, args[i]->kind, &as)) {
            size_t other = 0; /* the first that does not go with it */
            enum filter_kind ignored;
            while (common_kind(args[other]->kind, args[i]->kind, &ignored))
                other++;
            return cannot_compare(m, args[other], args[i], at) != NULL;
        }
    }
    if (as == FILTER_UNKNOWN)
        as = FILTER_TEXT;
    if (as == FILTER_SAME && !settle_same(m, args, count, at))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (args[i]->kind == FILTER_UNKNOWN)
            args[i] = read_literal(m, args[i], as);
        else if (filter_kind_is_number(as) &&
                 !(as == FILTER_DOUBLE && args[i]->kind == FILTER_REAL))
            args[i] = cast(m, args[i], as, at);
        if (!args[i])
            return false;
    }
    *ret_as = as;
    return true;
}

/* Can values of this kind be compared so? */
static bool check_order(struct filter_maker *m, struct filter_node **args, size_t count,
                        enum filter_kind as, bool equality, size_t at)
{
    bool never = as == FILTER_JSON || as == FILTER_JSONB || as == FILTER_OPAQUE;

    if (!never && (equality || as != FILTER_SAME))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (args[i]->op != FILTER_CONST)
            return has_no_order(m, args[i], never, at) != NULL;
    }
    return has_no_order(m, args[0], never, at) != NULL;
}

static unsigned accepted_by(const char *operation)
{
    if (strcmp(operation, "!=") == 0)
        return FILTER_LESS | FILTER_GREATER;
    return (strchr(operation, '<') ? FILTER_LESS : 0u) |
           (strchr(operation, '=') ? FILTER_EQUAL : 0u) |
           (strchr(operation, '>') ? FILTER_GREATER : 0u);
}

struct filter_node *filter_node_compare(struct filter_maker *m, const char *operation,
                                        struct filter_node *left, struct filter_node *right,
                                        size_t at)
{
    struct filter_node *args[2] = {left, right};
    unsigned accepts = accepted_by(operation);
    bool equality = accepts == FILTER_EQUAL || accepts == (FILTER_LESS | FILTER_GREATER);
    enum filter_kind as;

    if (!settle(m, args, 2, at, &as) || !check_order(m, args, 2, as, equality, at))
        return NULL;
    struct filter_node *node = new_node(m, FILTER_COMPARE, FILTER_BOOL, at);
    node->as = as;
    node->accepts = accepts;
    return give_args(m, node, args, 2);
}

static int compare_constants(const void *a, const void *b, void *kind)
{
    return filter_value_compare(*(const enum filter_kind *)kind, a, b);
}

/* A list of constants is sorted once, so that long ones are searched, not walked. */
static void sort_list(struct filter_maker *m, struct filter_node *node)
{
    for (size_t i = 1; i < node->arg_count; i++) {
        if (node->args[i]->op != FILTER_CONST)
            return;
    }
    node->list = arena_alloc(m->arena, node->arg_count * sizeof(*node->list));
    for (size_t i = 1; i < node->arg_count; i++) {
        const struct filter_value *value = &node->args[i]->value;
        if (value->null)
            node->list_null = true;
        else
            node->list[node->list_count++] = *value;
    }
    qsort_r(node->list, node->list_count, sizeof(*node->list), compare_constants, &node->as);
}

struct filter_node *filter_node_among(struct filter_maker *m, enum filter_op op,
                                      struct filter_node **args, size_t count, size_t at)
{
    enum filter_kind as;

    /* PostgreSQL makes two comparisons of BETWEEN, so a literal is of the value's kind alone. */
    for (size_t i = 1; op == FILTER_BETWEEN && i < count; i++) {
        if (args[0] && args[i] && args[i]->kind == FILTER_UNKNOWN &&
            filter_kind_is_moment(args[0]->kind))
            args[i] = read_literal(m, args[i], args[0]->kind);
    }
    if (!settle(m, args, count, at, &as) ||
        !check_order(m, args, count, as, op != FILTER_BETWEEN, at))
        return NULL;
    struct filter_node *node = new_node(m, op, FILTER_BOOL, at);
    node->as = as;
    node = give_args(m, node, args, count);
    if (node && op == FILTER_IN)
        sort_list(m, node);
    return node;
}

struct filter_node *filter_node_negate(struct filter_node *node)
{
    if (node)
        node->negated = !node->negated;
    return node;
}

/* --- JSON --- */

struct filter_node *filter_node_path(struct filter_maker *m, struct filter_node *json,
                                     const char *operation, struct filter_node *path, size_t at)
{
    if (!json || !path)
        return NULL;
    if (json->kind != FILTER_JSON && json->kind != FILTER_JSONB) {
        filter_lex_fail(&m->lex, at, "%s takes json, not %s", operation, name_of(json));
        if (filter_value_can_cast(json->kind, FILTER_JSON))
            filter_lex_hint(&m->lex, "cast it: ::json");
        return NULL;
    }
    bool text = path->op == FILTER_CONST && !path->value.null &&
                (path->kind == FILTER_UNKNOWN || path->kind == FILTER_TEXT);
    bool position = path->op == FILTER_CONST && !path->value.null && path->kind == FILTER_INT;
    struct filter_node *node = new_node(m, FILTER_PATH, json->kind, at);
    node->as_text = operation[2] == '>';
    if (node->as_text)
        node->kind = FILTER_TEXT;
    if (*operation == '#') {
        if (!text ||
            !filter_json_steps(path->value.text, m->arena, &node->steps, &node->step_count)) {
            filter_lex_fail(&m->lex, path->at, "a path such as '{a,b}' is due behind %s",
                            operation);
            return NULL;
        }
    } else if (text || position) {
        node->steps = arena_alloc(m->arena, sizeof(*node->steps));
        node->step_count = 1;
        if (text)
            node->steps->key = path->value.text;
        else
            *node->steps =
                (struct filter_step){.has_position = true, .position = path->value.integer};
    } else {
        filter_lex_fail(&m->lex, path->at, "a key in quotes or a position is due behind %s",
                        operation);
        return NULL;
    }
    return give_args(m, node, &json, 1);
}

/* --- patterns --- */

/* What LIKE and the like look at: text as it stands, with the blanks of a character(n). */
static struct filter_node *text_of(struct filter_maker *m, struct filter_node *arg, size_t at)
{
    if (arg->kind == FILTER_UNKNOWN)
        return read_literal(m, arg, FILTER_TEXT);
    if (arg->op == FILTER_COLUMN && (arg->kind == FILTER_CHAR || arg->kind == FILTER_SAME))
        arg->kind = FILTER_TEXT;
    if (arg->kind == FILTER_TEXT)
        return arg;
    filter_lex_fail(&m->lex, at, "a pattern is for text, not for %s", name_of(arg));
    filter_lex_hint(&m->lex, "cast it: ::text");
    return NULL;
}

/* A pattern is prepared once, so it has to be known. False: error, or NULL, then *node is NULL. */
static bool literal_of(struct filter_maker *m, const struct filter_node *node,
                       struct filter_text *ret, bool *ret_null)
{
    if (node->op != FILTER_CONST || (node->kind != FILTER_UNKNOWN && node->kind != FILTER_TEXT))
        return filter_lex_fail(&m->lex, node->at, "a pattern is a literal in quotes");
    *ret_null = node->value.null;
    *ret = node->value.text;
    return true;
}

static struct filter_node *null_condition(struct filter_maker *m, size_t at)
{
    struct filter_node *node = filter_node_null(m, at);

    node->kind = FILTER_BOOL;
    return node;
}

static struct filter_node *match_node(struct filter_maker *m, struct filter_node *text,
                                      struct filter_pattern *pattern, const struct err *err,
                                      size_t pattern_at, size_t at)
{
    if (!pattern)
        return refuse(m, pattern_at, err);
    struct filter_node *node = new_node(m, FILTER_MATCH, FILTER_BOOL, at);
    node->pattern = pattern;
    return give_args(m, node, &text, 1);
}

static bool escape_of(struct filter_maker *m, const struct filter_node *node, int *ret_escape,
                      bool *ret_null)
{
    struct filter_text text = {0};

    *ret_escape = '\\';
    if (!node)
        return true;
    if (!literal_of(m, node, &text, ret_null) || *ret_null)
        return !m->lex.failed;
    if (text.len > 1 || (text.len == 1 && (unsigned char)*text.at >= 0x80))
        return filter_lex_fail(&m->lex, node->at, "an escape is one ASCII character, or none");
    *ret_escape = text.len == 0 ? FILTER_NO_ESCAPE : (unsigned char)*text.at;
    return true;
}

struct filter_node *filter_node_like(struct filter_maker *m, struct filter_node *text,
                                     struct filter_node *pattern, struct filter_node *escape,
                                     bool fold, size_t at)
{
    struct filter_text literal;
    struct err err = ERR_INIT;
    bool null = false, escape_null = false;
    int byte;

    text = text && pattern ? text_of(m, text, at) : NULL;
    if (!text || !literal_of(m, pattern, &literal, &null) ||
        !escape_of(m, escape, &byte, &escape_null))
        return NULL;
    if (null || escape_null)
        return null_condition(m, at);
    return match_node(m, text, filter_pattern_like(literal, byte, fold, &err), &err, pattern->at,
                      at);
}

struct filter_node *filter_node_regex(struct filter_maker *m, struct filter_node *text,
                                      struct filter_node *pattern, bool fold, size_t at)
{
    struct filter_text literal;
    struct err err = ERR_INIT;
    bool null = false;

    text = text && pattern ? text_of(m, text, at) : NULL;
    if (!text || !literal_of(m, pattern, &literal, &null))
        return NULL;
    if (null)
        return null_condition(m, at);
    return match_node(m, text, filter_pattern_regex(literal, fold, &err), &err, pattern->at, at);
}

/* --- conditions --- */

struct filter_node *filter_node_condition(struct filter_maker *m, struct filter_node *arg)
{
    if (!arg || arg->kind == FILTER_BOOL)
        return arg;
    if (arg->kind == FILTER_UNKNOWN)
        return read_literal(m, arg, FILTER_BOOL);
    filter_lex_fail(&m->lex, arg->at, "a condition is due here, not a value of %s", name_of(arg));
    return NULL;
}

struct filter_node *filter_node_is(struct filter_maker *m, struct filter_node *arg,
                                   struct filter_value what, bool of_boolean, size_t at)
{
    if (of_boolean)
        arg = filter_node_condition(m, arg);
    if (!arg)
        return NULL;
    if (arg->type && arg->type->kind == TYPE_COMPOSITE) {
        filter_lex_fail(&m->lex, at, "IS NULL asks the fields of %s, which are not known here",
                        name_of(arg));
        filter_lex_hint(&m->lex, "::text IS NULL asks the value itself");
        return NULL;
    }
    struct filter_node *node = new_node(m, FILTER_IS, FILTER_BOOL, at);
    node->value = what;
    return give_args(m, node, &arg, 1);
}

struct filter_node *filter_node_logic(struct filter_maker *m, enum filter_op op,
                                      struct filter_node **args, size_t count, size_t at)
{
    for (size_t i = 0; i < count; i++) {
        args[i] = filter_node_condition(m, args[i]);
        if (!args[i])
            return NULL;
    }
    return give_args(m, new_node(m, op, FILTER_BOOL, at), args, count);
}
