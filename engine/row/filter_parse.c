/* SPDX-License-Identifier: PostgreSQL
 *
 * One function a level of precedence, loosest first, as in PostgreSQL's grammar: OR, AND, NOT, IS,
 * comparison, LIKE IN BETWEEN, other operators, sign, cast.
 */
#include "row/filter_parse.h"

#include <stdlib.h>

#include "base/text.h"

#define NESTING_MAX 100

struct parse {
    struct filter_maker maker;
    struct filter_lex *lex;
    unsigned nesting; /* of parentheses and NOT: this file's own recursion */
};

/* Arguments that are being collected. */
struct args {
    struct filter_node **items;
    size_t count;
};

static struct filter_node *parse_or(struct parse *p);
static struct filter_node *parse_operation(struct parse *p);

static void add_arg(struct args *args, struct filter_node *arg)
{
    if ((args->count & (args->count - 1)) == 0) /* full at each power of two */
        args->items = mem_grow(args->items, (args->count * 2 + 1) * sizeof(struct filter_node *));
    args->items[args->count++] = arg;
}

static struct filter_node *fail(struct parse *p, const char *what)
{
    filter_lex_fail(p->lex, p->lex->at, "%s", what);
    return NULL;
}

/* What is due here; at the end, that it is missing. */
static struct filter_node *due(struct parse *p, const char *what)
{
    const struct filter_lex *lex = p->lex;

    if (lex->kind == TOKEN_END)
        filter_lex_fail(p->lex, lex->at, "%s is due here", what);
    else
        filter_lex_fail(p->lex, lex->at, "%s is due here, not %s", what, lex->token.at);
    return NULL;
}

static bool expect(struct parse *p, const char *word, const char *what)
{
    if (filter_lex_take(p->lex, word))
        return true;
    due(p, what);
    return false;
}

static bool enter(struct parse *p)
{
    if (++p->nesting <= NESTING_MAX)
        return true;
    fail(p, "the expression is nested too deep");
    return false;
}

/* --- names --- */

static struct filter_node *no_column(struct parse *p, const char *name, size_t at)
{
    const struct shape *shape = p->maker.shape;
    const char **names = mem_alloc((shape->column_count + 1) * sizeof(*names));

    for (size_t i = 0; i < shape->column_count; i++)
        names[i] = shape->columns[i].name;
    const char *nearest = text_nearest(name, names, shape->column_count);
    filter_lex_fail(p->lex, at, "there is no column \"%s\"", name);
    if (nearest)
        filter_lex_hint(p->lex, "did you mean \"%s\"?", nearest);
    free(names);
    return NULL;
}

static bool is_reserved(const char *word)
{
    static const char *const words[] = {"and",   "or",     "not",     "in",       "like",
                                        "ilike", "is",     "between", "distinct", "from",
                                        "case",  "select", "cast",    "collate"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

/* The name of a type at the token: one word, or two to four; NULL: none. The token behind it is
 * then at hand. */
static const char *take_type(struct parse *p)
{
    static const char *const long_names[][4] = {
        {"double", "precision"},
        {"character", "varying"},
        {"timestamp", "with", "time", "zone"},
        {"timestamp", "without", "time", "zone"},
    };
    struct filter_lex before = *p->lex;

    for (size_t i = 0; i < sizeof(long_names) / sizeof(long_names[0]); i++) {
        size_t word = 0;
        while (word < 4 && long_names[i][word] && filter_lex_take(p->lex, long_names[i][word]))
            word++;
        if (word == 4 || (word > 0 && !long_names[i][word]))
            return i == 0 ? "float8" : i == 1 ? "text" : i == 2 ? "timestamptz" : "timestamp";
        if (p->lex->failed)
            return NULL;
        *p->lex = before;
    }
    if (p->lex->kind != TOKEN_WORD || !filter_kind_cast(before.token.at))
        return NULL;
    filter_lex_next(p->lex);
    return before.token.at;
}

/* date '2026-01-31' and the like; NULL without an error where none stands here. */
static struct filter_node *parse_typed_literal(struct parse *p)
{
    struct filter_lex before = *p->lex;
    const char *type = take_type(p);

    if (type && p->lex->kind == TOKEN_STRING) {
        struct filter_text text = p->lex->token;
        size_t at = p->lex->at;
        filter_lex_next(p->lex);
        return filter_node_cast(&p->maker, filter_node_const(&p->maker, FILTER_UNKNOWN, text, at),
                                type, before.at);
    }
    if (!p->lex->failed)
        *p->lex = before;
    return NULL;
}

static struct filter_node *parse_name(struct parse *p)
{
    const char *name = p->lex->token.at;
    bool quoted = p->lex->kind == TOKEN_NAME;
    size_t at = p->lex->at, column = shape_find(p->maker.shape, name);

    if (!quoted && is_reserved(name))
        return due(p, "a value");
    filter_lex_next(p->lex);
    if (p->lex->failed)
        return NULL;
    if (filter_lex_is(p->lex, "(")) {
        filter_lex_fail(p->lex, at, "there are no functions here: %s", name);
        return NULL;
    }
    if (p->lex->kind == TOKEN_STRING) {
        filter_lex_fail(p->lex, at, "there is no type %s for a literal here", name);
        return NULL;
    }
    if (filter_lex_is(p->lex, "."))
        return fail(p, "a column stands here without its table");
    if (column == SIZE_MAX)
        return no_column(p, name, at);
    return filter_node_column(&p->maker, column, at);
}

/* --- values --- */

static struct filter_node *parse_parentheses(struct parse *p)
{
    struct filter_node *node;

    if (!enter(p))
        return NULL;
    filter_lex_next(p->lex);
    node = parse_or(p);
    p->nesting--;
    if (node && filter_lex_is(p->lex, ","))
        return fail(p, "rows cannot be compared, only single values");
    return node && expect(p, ")", "a closing parenthesis") ? node : NULL;
}

/* `sign`: where a minus or plus stands before it; NULL: none does. */
static struct filter_node *parse_number(struct parse *p, const char *sign, size_t at)
{
    struct filter_text text = p->lex->token;
    bool whole = strspn(text.at, "0123456789") == text.len;

    if (sign) {
        const char *all = arena_printf(p->maker.arena, "%s%s", *sign == '-' ? "-" : "", text.at);
        text = (struct filter_text){all, strlen(all)};
    }
    filter_lex_next(p->lex);
    struct filter_value value;
    struct err ignored;
    /* A whole number that is too long is a numeric, as in PostgreSQL. */
    whole = whole && filter_value_read(FILTER_INT, text, NULL, &value, &ignored);
    return filter_node_const(&p->maker, whole ? FILTER_INT : FILTER_NUMERIC, text, at);
}

static struct filter_node *parse_word(struct parse *p)
{
    const char *word = p->lex->token.at;
    size_t at = p->lex->at;

    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0 || strcmp(word, "null") == 0) {
        struct filter_text text = p->lex->token;
        filter_lex_next(p->lex);
        return *word == 'n' ? filter_node_null(&p->maker, at)
                            : filter_node_const(&p->maker, FILTER_BOOL, text, at);
    }
    struct filter_node *literal = parse_typed_literal(p);
    if (literal || p->lex->failed)
        return literal;
    return parse_name(p);
}

static struct filter_node *parse_value(struct parse *p)
{
    struct filter_lex *lex = p->lex;
    struct filter_text text = lex->token;
    size_t at = lex->at;

    switch (lex->kind) {
    case TOKEN_NUMBER:
        return parse_number(p, NULL, at);
    case TOKEN_STRING:
        filter_lex_next(lex);
        return filter_node_const(&p->maker, FILTER_UNKNOWN, text, at);
    case TOKEN_WORD:
        return parse_word(p);
    case TOKEN_NAME:
        return parse_name(p);
    default:
        return filter_lex_is(lex, "(") ? parse_parentheses(p) : due(p, "a value");
    }
}

/* Text is compared byte by byte, so the one collation is "C". */
static bool take_collation(struct parse *p)
{
    const struct filter_lex *lex = p->lex;

    if (lex->kind == TOKEN_NAME &&
        (strcmp(lex->token.at, "C") == 0 || strcmp(lex->token.at, "POSIX") == 0)) {
        filter_lex_next(p->lex);
        return true;
    }
    fail(p, "the only collation here is \"C\"");
    return false;
}

static struct filter_node *parse_casts(struct parse *p)
{
    struct filter_lex *lex = p->lex;
    struct filter_node *node;

    if (filter_lex_is(lex, "-") || filter_lex_is(lex, "+")) {
        const char *sign = lex->token.at;
        size_t at = lex->at;
        filter_lex_next(lex);
        if (lex->kind != TOKEN_NUMBER)
            return due(p, "a number");
        node = parse_number(p, sign, at);
    } else {
        node = parse_value(p);
    }
    while (node) {
        size_t at = lex->at;
        if (filter_lex_take(lex, "collate")) {
            if (!take_collation(p))
                return NULL;
        } else if (filter_lex_take(lex, "::")) {
            at = lex->at;
            const char *type = take_type(p);
            if (!type) {
                filter_lex_fail(lex, at, "there is no cast to \"%s\" here", lex->token.at);
                return NULL;
            }
            node = filter_node_cast(&p->maker, node, type, at);
        } else {
            break;
        }
    }
    return node;
}

/* --- operators --- */

static bool is_among(const struct filter_lex *lex, const char *const *operators)
{
    for (; *operators; operators++) {
        if (filter_lex_is(lex, *operators))
            return true;
    }
    return false;
}

static struct filter_node *parse_operation(struct parse *p)
{
    static const char *const paths[] = {"->", "->>", "#>", "#>>", NULL};
    static const char *const regexes[] = {"~", "~*", "!~", "!~*", NULL};
    struct filter_lex *lex = p->lex;
    struct filter_node *node = parse_casts(p);

    while (node) {
        const char *operation = lex->token.at;
        size_t at = lex->at;
        bool path = is_among(lex, paths);
        if (!path && !is_among(lex, regexes))
            break;
        filter_lex_next(lex);
        struct filter_node *right = parse_casts(p);
        if (path) {
            node = filter_node_path(&p->maker, node, operation, right, at);
        } else {
            bool fold = operation[strlen(operation) - 1] == '*';
            node = filter_node_regex(&p->maker, node, right, fold, at);
            if (*operation == '!')
                node = filter_node_negate(node);
        }
    }
    return node;
}

static struct filter_node *parse_between(struct parse *p, struct filter_node *value, size_t at)
{
    struct filter_node *args[3] = {value};

    args[1] = parse_operation(p);
    if (!args[1] || !expect(p, "and", "AND"))
        return NULL;
    args[2] = parse_operation(p);
    return filter_node_among(&p->maker, FILTER_BETWEEN, args, 3, at);
}

static struct filter_node *parse_in(struct parse *p, struct filter_node *value, size_t at)
{
    struct args args = {0};
    struct filter_node *node = NULL;

    add_arg(&args, value);
    if (expect(p, "(", "a list in parentheses")) {
        do {
            add_arg(&args, enter(p) ? parse_or(p) : NULL);
            p->nesting--;
        } while (filter_lex_take(p->lex, ","));
        if (expect(p, ")", "a comma or a closing parenthesis"))
            node = filter_node_among(&p->maker, FILTER_IN, args.items, args.count, at);
    }
    free(args.items);
    return node;
}

static struct filter_node *parse_like(struct parse *p, struct filter_node *value, bool fold,
                                      size_t at)
{
    struct filter_node *pattern = parse_operation(p), *escape = NULL;

    if (pattern && filter_lex_take(p->lex, "escape")) {
        escape = parse_operation(p);
        if (!escape)
            return NULL;
    }
    return filter_node_like(&p->maker, value, pattern, escape, fold, at);
}

static struct filter_node *parse_among(struct parse *p)
{
    struct filter_lex *lex = p->lex;
    struct filter_node *node = parse_operation(p);
    size_t at = lex->at;

    if (!node)
        return NULL;
    bool negated = filter_lex_take(lex, "not");
    if (filter_lex_take(lex, "between"))
        node = parse_between(p, node, at);
    else if (filter_lex_take(lex, "in"))
        node = parse_in(p, node, at);
    else if (filter_lex_take(lex, "like"))
        node = parse_like(p, node, false, at);
    else if (filter_lex_take(lex, "ilike"))
        node = parse_like(p, node, true, at);
    else
        return negated ? due(p, "LIKE, ILIKE, IN or BETWEEN") : node;
    return negated ? filter_node_negate(node) : node;
}

static struct filter_node *parse_comparison(struct parse *p)
{
    static const char *const operators[] = {"=", "<>", "!=", "<", "<=", ">", ">=", NULL};
    struct filter_lex *lex = p->lex;
    struct filter_node *left = parse_among(p);

    if (!left || !is_among(lex, operators))
        return left;
    const char *operation = lex->token.at;
    size_t at = lex->at;
    filter_lex_next(lex);
    struct filter_node *right = parse_among(p);
    if (right && is_among(lex, operators))
        return fail(p, "comparisons do not chain: put AND or parentheses between them");
    return filter_node_compare(&p->maker, operation, left, right, at);
}

static struct filter_node *parse_is_what(struct parse *p, struct filter_node *node, size_t at)
{
    struct filter_lex *lex = p->lex;
    bool negated = filter_lex_take(lex, "not");
    struct filter_value what = {.null = true};

    if (filter_lex_take(lex, "distinct")) {
        if (!expect(p, "from", "FROM"))
            return NULL;
        struct filter_node *args[2] = {node, parse_comparison(p)};
        node = filter_node_among(&p->maker, FILTER_DISTINCT, args, 2, at);
    } else if (filter_lex_take(lex, "null")) {
        node = filter_node_is(&p->maker, node, what, false, at);
    } else if (filter_lex_take(lex, "unknown")) {
        node = filter_node_is(&p->maker, node, what, true, at);
    } else if (filter_lex_is(lex, "true") || filter_lex_is(lex, "false")) {
        what = (struct filter_value){.truth = *lex->token.at == 't'};
        filter_lex_next(lex);
        node = filter_node_is(&p->maker, node, what, true, at);
    } else {
        return due(p, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM");
    }
    return negated ? filter_node_negate(node) : node;
}

static struct filter_node *parse_is(struct parse *p)
{
    struct filter_node *node = parse_comparison(p);
    size_t at = p->lex->at;

    while (node && filter_lex_take(p->lex, "is")) {
        node = parse_is_what(p, node, at);
        at = p->lex->at;
    }
    return node;
}

/* --- logic --- */

static struct filter_node *parse_not(struct parse *p)
{
    size_t at = p->lex->at;

    if (!filter_lex_take(p->lex, "not"))
        return parse_is(p);
    struct filter_node *arg = enter(p) ? parse_not(p) : NULL;
    p->nesting--;
    return filter_node_logic(&p->maker, FILTER_NOT, &arg, 1, at);
}

static struct filter_node *parse_chain(struct parse *p, const char *word, enum filter_op op,
                                       struct filter_node *(*parse_one)(struct parse *))
{
    struct args args = {0};
    size_t at = p->lex->at;

    do
        add_arg(&args, parse_one(p));
    while (args.items[args.count - 1] && filter_lex_take(p->lex, word));
    struct filter_node *node = args.count == 1
                                   ? args.items[0]
                                   : filter_node_logic(&p->maker, op, args.items, args.count, at);
    free(args.items);
    return node;
}

static struct filter_node *parse_and(struct parse *p)
{
    return parse_chain(p, "and", FILTER_AND, parse_not);
}

static struct filter_node *parse_or(struct parse *p)
{
    return parse_chain(p, "or", FILTER_OR, parse_and);
}

struct filter_node *filter_parse(const char *text, const struct shape *shape, struct arena *arena,
                                 struct filter_node **ret_nodes, struct err *err)
{
    struct parse p = {.maker = {.lex = {.text = text, .next = text, .arena = arena, .err = err},
                                .shape = shape,
                                .arena = arena}};

    p.lex = &p.maker.lex;
    filter_lex_next(p.lex);
    struct filter_node *root = parse_or(&p);
    if (root && p.lex->kind != TOKEN_END)
        root = due(&p, "AND, OR or an operator");
    root = filter_node_condition(&p.maker, root);
    *ret_nodes = p.maker.nodes;
    return p.lex->failed ? NULL : root;
}
