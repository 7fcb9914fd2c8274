/* SPDX-License-Identifier: PostgreSQL */
#include "json_tree.h"

#include <stdlib.h>

#include "row/jsontext.h"

enum { DEPTH_MAX = 100 };

struct reading {
    struct json_tree *tree;
    struct jsontext json;
    struct buf scratch;
};

static size_t add_node(struct reading *r, int depth)
{
    struct json_tree *t = r->tree;

    if ((t->count & (t->count + 1)) == 0) /* room doubles */
        t->nodes = mem_grow(t->nodes, (t->count + 1) * 2 * sizeof(*t->nodes));
    t->nodes[t->count] = (struct json_node){.depth = depth};
    return t->count++;
}

static bool read_string(struct reading *r)
{
    const char *ignored_text;
    size_t ignored;
    struct err err;

    return jsontext_string(&r->json, &r->scratch, &ignored_text, &ignored, &err);
}

static bool read_scalar(struct reading *r, char kind)
{
    if (kind == '"')
        return read_string(r);
    return jsontext_number(&r->json) || jsontext_word(&r->json, "null") ||
           jsontext_word(&r->json, "true") || jsontext_word(&r->json, "false");
}

static size_t here(const struct reading *r)
{
    return (size_t)(r->json.at - r->tree->text);
}

static bool read_key(struct reading *r, struct json_node *node)
{
    jsontext_space(&r->json);
    node->key = here(r);
    if (!read_string(r))
        return false;
    node->key_len = here(r) - node->key;
    return jsontext_take(&r->json, ':');
}

static bool read_value(struct reading *r, size_t at, int depth);

static bool read_children(struct reading *r, size_t at, int depth, char close)
{
    r->json.at++;
    if (jsontext_take(&r->json, close))
        return true;
    do {
        size_t child = add_node(r, depth + 1);
        r->tree->nodes[child].index = r->tree->nodes[at].children++;
        if (close == '}' && !read_key(r, &r->tree->nodes[child]))
            return false;
        if (!read_value(r, child, depth + 1))
            return false;
    } while (jsontext_take(&r->json, ','));
    return jsontext_take(&r->json, close);
}

/* DEPTH_MAX deep at most. */
static bool read_value(struct reading *r, size_t at, int depth)
{
    bool ok;

    jsontext_space(&r->json);
    if (r->json.at == r->json.end || depth > DEPTH_MAX)
        return false;
    size_t start = here(r);
    char kind = *r->json.at;
    if (kind == '{' || kind == '[')
        ok = read_children(r, at, depth, kind == '{' ? '}' : ']');
    else
        ok = read_scalar(r, kind = kind == '"' ? '"' : '\0');
    struct json_node *node = &r->tree->nodes[at];
    node->kind = kind;
    node->value = start;
    node->value_len = here(r) - start;
    node->behind = r->tree->count;
    return ok;
}

bool json_tree_read(struct json_tree *tree, const char *text, size_t len)
{
    struct reading r = {.tree = tree, .json = {text, text + len}};

    *tree = (struct json_tree){.text = text};
    bool ok = read_value(&r, add_node(&r, 0), 0);
    jsontext_space(&r.json);
    ok = ok && r.json.at == r.json.end;
    buf_done(&r.scratch);
    if (!ok)
        json_tree_done(tree);
    return ok;
}

void json_tree_done(struct json_tree *tree)
{
    free(tree->nodes);
    *tree = (struct json_tree){0};
}

size_t json_tree_next(const struct json_tree *tree, size_t node)
{
    return tree->nodes[node].folded ? tree->nodes[node].behind : node + 1;
}

void json_tree_fold(struct json_tree *tree, int from_depth)
{
    for (size_t i = 0; i < tree->count; i++) {
        struct json_node *node = &tree->nodes[i];
        node->folded = node->children > 0 && node->depth >= from_depth;
    }
}
