/* SPDX-License-Identifier: PostgreSQL
 *
 * A JSON text as lines of a tree, each of which may be folded. Numbers and strings stay as they are
 * written, keys in their order.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_JSON_TREE_H
#define ARCHIVER_JSON_TREE_H

#include "base/buf.h"

struct json_node {
    size_t key,
        key_len; /* in the text, with quotes; key_len 0: an element of an array, or the top */
    size_t value, value_len;
    int depth;
    size_t index;    /* among those of the same object or array */
    size_t behind;   /* the node behind it and what is in it */
    size_t children; /* of an object or array */
    char kind;       /* { [ or " or, of all else, 0 */
    bool folded;     /* only where there are children */
};

struct json_tree {
    const char *text; /* borrowed */
    struct json_node *nodes;
    size_t count;
};

/* False: it is no JSON, or nested too deeply to be shown as a tree; nothing is kept then. */
bool json_tree_read(struct json_tree *tree, const char *text, size_t len);
void json_tree_done(struct json_tree *tree);
/* What is shown after this one: the next, or behind what is folded. */
size_t json_tree_next(const struct json_tree *tree, size_t node);
#define JSON_TREE_UNFOLDED 1000000 /* deeper than any */
/* All objects and arrays from this depth on; those above are unfolded. */
void json_tree_fold(struct json_tree *tree, int from_depth);

#endif
