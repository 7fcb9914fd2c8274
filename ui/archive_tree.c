/* SPDX-License-Identifier: PostgreSQL
 *
 * Branches are kept in order of their names and stay where they are; the lines that are seen are
 * made anew from those that are open.
 */
#include "archive_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct archive_day {
    struct archive_day *parent; /* NULL: all archives */
    char *name, *id;
    struct archive_day **children;
    size_t child_count;
    int level; /* 0 all, 1 a database, 2 a table, 3 a day */
    bool open;
    uint64_t archives;
};

struct archive_tree {
    struct archive_day *root;
    const struct archive_day *chosen; /* as it was last told */
    struct archive_day **lines;
    size_t line_count, room;
    struct table_source source;
    struct table table;
};

/* --- branches --- */

static struct archive_day *new_branch(struct archive_day *parent, const char *name)
{
    struct archive_day *branch = mem_alloc(sizeof(*branch));

    branch->parent = parent;
    branch->name = mem_strdup(name);
    branch->id = parent ? mem_printf("%s\t%s", parent->id, name) : mem_strdup("");
    branch->level = parent ? parent->level + 1 : 0;
    branch->open = branch->level < 2;
    return branch;
}

/* Four levels. */
static void free_branch(struct archive_day *branch)
{
    for (size_t i = 0; i < branch->child_count; i++)
        free_branch(branch->children[i]);
    free(branch->children);
    free(branch->name);
    free(branch->id);
    free(branch);
}

/* Where it is among the children, or would be. Days go from the latest on. */
static bool find_child(const struct archive_day *in, const char *name, size_t *ret_at)
{
    size_t low = 0, high = in->child_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(in->children[middle]->name, name);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (in->level == 2 ? order > 0 : order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_at = low;
    return false;
}

static struct archive_day *child(struct archive_day *in, const char *name)
{
    size_t at;

    if (find_child(in, name, &at))
        return in->children[at];
    in->children = mem_grow(in->children, (in->child_count + 1) * sizeof(struct archive_day *));
    memmove(in->children + at + 1, in->children + at,
            (in->child_count - at) * sizeof(struct archive_day *));
    in->child_count++;
    return in->children[at] = new_branch(in, name);
}

const struct archive_day *archive_tree_add(struct archive_tree *t, const char *database,
                                           const char *name, const char *day)
{
    size_t len = strlen(database);
    const char *table =
        strncmp(name, database, len) == 0 && name[len] == '.' ? name + len + 1 : name;
    struct archive_day *leaf =
        child(child(child(t->root, database), table), *day ? day : "no date");

    for (struct archive_day *at = leaf; at; at = at->parent)
        at->archives++;
    return leaf;
}

/* --- lines --- */

/* Four levels. */
static void add_lines(struct archive_tree *t, struct archive_day *branch)
{
    if (t->line_count == t->room) {
        t->room = t->room * 2 + 32;
        t->lines = mem_grow(t->lines, t->room * sizeof(*t->lines));
    }
    t->lines[t->line_count++] = branch;
    for (size_t i = 0; branch->open && i < branch->child_count; i++)
        add_lines(t, branch->children[i]);
}

void archive_tree_refresh(struct archive_tree *t)
{
    t->line_count = 0;
    add_lines(t, t->root);
    table_refresh(&t->table);
}

static size_t count(const void *self)
{
    return ((const struct archive_tree *)self)->line_count;
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct archive_day *branch = ((const struct archive_tree *)self)->lines[row];

    if (column == 1) {
        text_add_count(text, branch->archives);
        *style = STYLE_DIM;
        return;
    }
    buf_addf(text, "%*s%c %s", branch->level * 2, "",
             branch->child_count == 0 ? ' '
             : branch->open           ? '-'
                                      : '+',
             branch->name);
}

static const char *id(const void *self, size_t row)
{
    return ((const struct archive_tree *)self)->lines[row]->id;
}

struct table *archive_tree_table(struct archive_tree *t)
{
    return &t->table;
}

static struct archive_day *current(const struct archive_tree *t)
{
    size_t row;

    return table_current(&t->table, &row) ? t->lines[row] : t->root;
}

bool archive_tree_moved(struct archive_tree *t)
{
    const struct archive_day *before = t->chosen;

    t->chosen = current(t);
    return t->chosen != before;
}

bool archive_tree_holds(const struct archive_tree *t, const struct archive_day *day)
{
    while (day && day != t->chosen)
        day = day->parent;
    return day != NULL;
}

void archive_tree_add_choice(const struct archive_tree *t, struct buf *text)
{
    const struct archive_day *at = t->chosen;

    if (at->level == 3)
        buf_addf(text, "%s.%s, %s", at->parent->parent->name, at->parent->name, at->name);
    else if (at->level == 2)
        buf_addf(text, "%s.%s", at->parent->name, at->name);
    else if (at->level == 1)
        buf_adds(text, at->name);
}

static void go_to(struct archive_tree *t, const struct archive_day *branch)
{
    for (size_t i = 0; i < t->table.count; i++) {
        if (t->lines[table_row(&t->table, i)] == branch)
            table_go(&t->table, i);
    }
}

void archive_tree_open(struct archive_tree *t, bool open)
{
    struct archive_day *at = current(t);

    if (open || (at->open && at->child_count > 0)) {
        at->open = open;
        archive_tree_refresh(t);
    } else if (at->parent) {
        go_to(t, at->parent);
    }
}

bool archive_tree_is_open(const struct archive_tree *t)
{
    const struct archive_day *at = current(t);

    return at->open && at->child_count > 0;
}

/* --- the whole --- */

struct archive_tree *archive_tree_new(void)
{
    static const struct table_column columns[] = {
        {.title = "archives of", .min = 12},
        {.title = "", .min = 5, .right = true},
    };
    struct archive_tree *t = mem_alloc(sizeof(*t));

    t->root = new_branch(NULL, "all");
    t->chosen = t->root;
    t->source = (struct table_source){.self = t, .count = count, .cell = cell, .id = id};
    table_init(&t->table, &t->source, columns, 2);
    archive_tree_refresh(t);
    return t;
}

void archive_tree_clear(struct archive_tree *t)
{
    free_branch(t->root);
    t->root = new_branch(NULL, "all");
    t->chosen = t->root;
    archive_tree_refresh(t);
}

void archive_tree_free(struct archive_tree *t)
{
    if (!t)
        return;
    free_branch(t->root);
    free(t->lines);
    table_done(&t->table);
    free(t);
}
