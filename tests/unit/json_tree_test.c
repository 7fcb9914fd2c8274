/* SPDX-License-Identifier: PostgreSQL */
#include "json_tree.h"

#include "cases.h"

static bool read(struct json_tree *tree, const char *text)
{
    return json_tree_read(tree, text, strlen(text));
}

/* "depth key value" of what is shown, a line each. */
static void shown(const struct json_tree *tree, struct buf *text)
{
    buf_reset(text);
    for (size_t i = 0; i < tree->count; i = json_tree_next(tree, i)) {
        const struct json_node *node = &tree->nodes[i];
        buf_addf(text, "%d %.*s ", node->depth, (int)node->key_len, tree->text + node->key);
        if (node->kind == '{' || node->kind == '[')
            buf_addf(text, "%c%zu\n", node->kind, node->children);
        else
            buf_addf(text, "%.*s\n", (int)node->value_len, tree->text + node->value);
    }
}

static void a_document_is_told_line_by_line(void)
{
    struct json_tree tree;
    struct buf text = BUF_INIT;

    CHECK(read(&tree, " {\"b\" : 1.50, \"a\":[true,{\"x\":null}], \"a\": \"\\u00e9\"} "));
    shown(&tree, &text);
    CHECK_STR(buf_str(&text), "0  {3\n1 \"b\" 1.50\n1 \"a\" [2\n2  true\n2  {1\n3 \"x\" null\n"
                              "1 \"a\" \"\\u00e9\"\n");
    json_tree_fold(&tree, 1);
    shown(&tree, &text);
    CHECK_STR(buf_str(&text), "0  {3\n1 \"b\" 1.50\n1 \"a\" [2\n1 \"a\" \"\\u00e9\"\n");
    json_tree_fold(&tree, 0);
    shown(&tree, &text);
    CHECK_STR(buf_str(&text), "0  {3\n");
    json_tree_done(&tree);
    buf_done(&text);
}

static void what_is_empty_or_alone_is_a_line(void)
{
    struct json_tree tree;
    struct buf text = BUF_INIT;

    CHECK(read(&tree, "[[],{},\"\"]"));
    json_tree_fold(&tree, 1); /* nothing is in them to fold away */
    shown(&tree, &text);
    CHECK_STR(buf_str(&text), "0  [3\n1  [0\n1  {0\n1  \"\"\n");
    CHECK(tree.nodes[3].index == 2);
    json_tree_done(&tree);
    CHECK(read(&tree, "-1e5"));
    CHECK(tree.count == 1);
    json_tree_done(&tree);
    buf_done(&text);
}

static void what_is_no_json_is_refused(void)
{
    static const char *const wrong[] = {"",      "{",        "[1,]",   "{\"a\"}", "{\"a\":}",
                                        "{1:2}", "[1] 2",    "nul",    "\"open",  "{1,2}",
                                        "[1 2]", "{\"a\":1", "\"a\"}", "NaN"};
    struct json_tree tree;
    struct buf deep = BUF_INIT;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(!read(&tree, wrong[i]));
        CHECK(tree.nodes == NULL && tree.count == 0);
    }
    for (int i = 0; i < 100000; i++)
        buf_addc(&deep, '[');
    CHECK(!read(&tree, buf_str(&deep)));
    buf_done(&deep);
}

static const struct test_case cases[] = {
    {"a_document_is_told_line_by_line", a_document_is_told_line_by_line},
    {"what_is_empty_or_alone_is_a_line", what_is_empty_or_alone_is_a_line},
    {"what_is_no_json_is_refused", what_is_no_json_is_refused},
    {NULL, NULL},
};

const struct test_suite json_tree_suite = {"json_tree", cases};
