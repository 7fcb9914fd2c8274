/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: a `where` as a tree whose types are settled: filter_parse makes it, filter asks it of
 * rows, filter_bounds of members.
 *
 * The makers below see to it that what meets is of one kind: literals take the kind of what they
 * meet, numbers are cast to the wider one, the rest is an error at its character. They take NULL
 * where an argument could not be made, and then give NULL.
 *
 * Threads: belongs to one filter (scratch buffers).
 */
#ifndef ARCHIVER_ROW_FILTER_NODE_H
#define ARCHIVER_ROW_FILTER_NODE_H

#include "row/filter_json.h"
#include "row/filter_lex.h"
#include "row/filter_pattern.h"

#define FILTER_DEPTH_MAX 200

enum filter_op {
    FILTER_CONST,
    FILTER_COLUMN,
    FILTER_CAST,
    FILTER_PATH, /* into JSON */
    FILTER_COMPARE,
    FILTER_DISTINCT, /* IS DISTINCT FROM; negated: IS NOT DISTINCT FROM */
    FILTER_BETWEEN,
    FILTER_IN,
    FILTER_MATCH, /* LIKE, ILIKE, ~, ~* */
    FILTER_IS,    /* NULL, TRUE, FALSE, UNKNOWN */
    FILTER_NOT,
    FILTER_AND,
    FILTER_OR,
};

/* Which orders a comparison accepts. */
enum { FILTER_LESS = 1, FILTER_EQUAL = 2, FILTER_GREATER = 4 };

struct filter_node {
    enum filter_op op;
    enum filter_kind kind; /* of its value; a column's is read as this */
    size_t at;             /* in the expression, for errors */
    unsigned depth;
    struct filter_node **args;
    size_t arg_count;
    bool negated;              /* NOT BETWEEN, NOT IN, NOT LIKE, IS NOT */
    enum filter_kind as;       /* what COMPARE, DISTINCT, BETWEEN, IN compare their args as */
    unsigned accepts;          /* COMPARE: FILTER_LESS | ... */
    struct filter_value value; /* CONST; IS: what (null: NULL and UNKNOWN) */
    size_t column;             /* COLUMN: position in the shape; else SIZE_MAX */
    const struct type *type;   /* of a column; NULL: of no column */
    int64_t min, max;          /* CAST to an integer: its range */
    struct filter_step *steps; /* PATH */
    size_t step_count;         /* PATH */
    bool as_text;              /* PATH: ->> and #>> */
    struct filter_value *list; /* IN: constants, sorted; args[0] is looked up in it. NULL: args */
    size_t list_count;         /* IN */
    bool list_null;            /* IN: NULL is among the constants */
    struct filter_pattern *pattern; /* MATCH */
    struct buf scratch;
    struct filter_node *next; /* of all nodes, for filter_nodes_free */
};

struct filter_maker {
    struct filter_lex lex;
    const struct shape *shape;
    struct arena *arena;
    struct filter_node *nodes; /* all that were made */
};

void filter_nodes_free(struct filter_node *nodes); /* what does not stand in the arena */
struct filter_node *filter_node_const(struct filter_maker *m, enum filter_kind kind,
                                      struct filter_text text, size_t at);
struct filter_node *filter_node_null(struct filter_maker *m, size_t at);
struct filter_node *filter_node_column(struct filter_maker *m, size_t column, size_t at);
/* To a type by its name in casts, at `at`. */
struct filter_node *filter_node_cast(struct filter_maker *m, struct filter_node *arg,
                                     const char *type, size_t at);
/* -> ->> #> #>>; the right side is a literal. */
struct filter_node *filter_node_path(struct filter_maker *m, struct filter_node *json,
                                     const char *operation, struct filter_node *path, size_t at);
struct filter_node *filter_node_compare(struct filter_maker *m, const char *operation,
                                        struct filter_node *left, struct filter_node *right,
                                        size_t at);
/* DISTINCT, BETWEEN, IN */
struct filter_node *filter_node_among(struct filter_maker *m, enum filter_op op,
                                      struct filter_node **args, size_t count, size_t at);
/* `escape` NULL: backslash, or the regular expression has none. */
struct filter_node *filter_node_like(struct filter_maker *m, struct filter_node *text,
                                     struct filter_node *pattern, struct filter_node *escape,
                                     bool fold, size_t at);
struct filter_node *filter_node_regex(struct filter_maker *m, struct filter_node *text,
                                      struct filter_node *pattern, bool fold, size_t at);
/* IS [NOT] TRUE and FALSE take a boolean, NULL takes anything. */
struct filter_node *filter_node_is(struct filter_maker *m, struct filter_node *arg,
                                   struct filter_value what, bool of_boolean, size_t at);
/* NOT, AND, OR */
struct filter_node *filter_node_logic(struct filter_maker *m, enum filter_op op,
                                      struct filter_node **args, size_t count, size_t at);
/* A condition as a whole: a boolean; NULL with the error where it is not. */
struct filter_node *filter_node_condition(struct filter_maker *m, struct filter_node *arg);
struct filter_node *filter_node_negate(struct filter_node *node); /* NOT BETWEEN and the like */

#endif
