/* SPDX-License-Identifier: PostgreSQL
 *
 * One row as a form: a column each line, JSON as a tree that folds. What is too long for a line is
 * shown whole by Enter.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "json_tree.h"
#include "preview.h"

struct field {
    struct json_tree tree; /* count 0: none */
    const struct browse_value *value;
};

struct line {
    size_t field, node;
    bool is_node; /* of the field's tree; the top one stands in the field's own line */
};

struct screen {
    struct app *app;
    struct pages *pages;
    struct table *rows; /* the preview's */
    size_t row;
    bool known; /* its values are there */
    struct field *fields;
    size_t field_count;
    struct line *lines;
    size_t line_count, room;
    struct table_source source;
    struct table table;
    char id[48];
};

/* --- lines --- */

static void add_line(struct screen *s, struct line line)
{
    if (s->line_count == s->room) {
        s->room = s->room * 2 + 16;
        s->lines = mem_grow(s->lines, s->room * sizeof(*s->lines));
    }
    s->lines[s->line_count++] = line;
}

static void lay_out(struct screen *s)
{
    s->line_count = 0;
    for (size_t i = 0; i < s->field_count; i++) {
        const struct json_tree *tree = &s->fields[i].tree;
        add_line(s, (struct line){i, 0, false});
        for (size_t n = tree->count > 0 ? json_tree_next(tree, 0) : 0; n < tree->count;
             n = json_tree_next(tree, n))
            add_line(s, (struct line){i, n, true});
    }
    table_refresh(&s->table);
}

static void forget(struct screen *s)
{
    for (size_t i = 0; i < s->field_count; i++)
        json_tree_done(&s->fields[i].tree);
    free(s->fields);
    s->fields = NULL;
    s->field_count = 0;
}

static void read_tree(struct screen *s, size_t column)
{
    struct field *field = &s->fields[column];
    const char *text = field->value->text;

    if (field->value->is != BROWSE_VALUE || pages_kind(s->pages, column) == PAGES_PLAIN ||
        (*text != '{' && *text != '['))
        return;
    json_tree_read(&field->tree, text, strlen(text));
}

/* The values may have gone with their page meanwhile: they are looked up anew each time. */
static void read_row(struct screen *s)
{
    size_t count = pages_columns(s->pages);

    s->known = count > 0 && pages_value(s->pages, s->row, 0);
    if (!s->known) {
        forget(s);
        lay_out(s);
        return;
    }
    bool same = s->field_count == count;
    for (size_t i = 0; same && i < count; i++)
        same = s->fields[i].value == pages_value(s->pages, s->row, i);
    if (same)
        return;
    forget(s);
    s->fields = mem_alloc(count * sizeof(*s->fields));
    s->field_count = count;
    for (size_t i = 0; i < count; i++) {
        s->fields[i].value = pages_value(s->pages, s->row, i);
        read_tree(s, i);
    }
    lay_out(s);
}

/* --- the table of them --- */

enum { NAME, VALUE };

static const struct table_column columns[] = {
    [NAME] = {.title = "column", .min = 12, .max = 40, .frozen = true},
    [VALUE] = {.title = "value", .min = 20},
};

static size_t count(const void *self)
{
    return ((const struct screen *)self)->line_count;
}

static const struct json_node *node_of(const struct screen *s, const struct line *line)
{
    const struct json_tree *tree = &s->fields[line->field].tree;

    return tree->count > 0 ? &tree->nodes[line->node] : NULL;
}

static void add_name(const struct screen *s, const struct line *line, struct buf *text)
{
    const struct json_tree *tree = &s->fields[line->field].tree;
    const struct json_node *node = node_of(s, line);

    if (!line->is_node)
        buf_adds(text, pages_column(s->pages, line->field));
    else if (node->key_len > 2)
        buf_addf(text, "%*s%.*s", node->depth * 2, "", (int)node->key_len - 2,
                 tree->text + node->key + 1);
    else
        buf_addf(text, "%*s%zu", node->depth * 2, "", node->index);
}

static void add_node(const struct json_tree *tree, const struct json_node *node, struct buf *text,
                     int *style)
{
    if (node->kind != '{' && node->kind != '[') {
        buf_add(text, tree->text + node->value, node->value_len);
        return;
    }
    if (node->folded || node->children == 0)
        *style = STYLE_DIM;
    buf_addf(text, "%c%s%c", node->kind, node->folded ? ".." : "", node->kind == '{' ? '}' : ']');
    if (node->children > 0)
        buf_addf(text, " %zu", node->children);
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    const struct line *line = &s->lines[row];
    const struct json_node *node = node_of(s, line);

    if (column == NAME)
        add_name(s, line, text);
    else if (node)
        add_node(&s->fields[line->field].tree, node, text, style);
    else
        preview_add_value(text, s->fields[line->field].value, style);
    if (column == NAME && line->is_node)
        *style = STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */
    const struct line *line = &s->lines[row];

    snprintf(s->id, sizeof(s->id), "%zu %zu", line->field, line->node);
    return s->id;
}

/* --- keys --- */

enum action { OPEN = 1, NEXT, PREVIOUS, FOLD, UNFOLD };

static const struct keys_binding bindings[] = {
    {OPEN, {'\r', 'z'}, "fold", "fold or unfold what is here; a long value whole", false},
    {NEXT, {']'}, "next row", "the row below", false},
    {PREVIOUS, {'['}, "previous", "the row above", false},
    {FOLD, {'-'}, "fold all", "fold all JSON", false},
    {UNFOLD, {'+'}, NULL, "unfold all JSON", false},
};

/* As it is, without what tells NULL from a text. */
static void add_whole(const struct screen *s, const struct line *line, struct buf *text)
{
    const struct field *field = &s->fields[line->field];
    const struct json_node *node = node_of(s, line);

    if (node)
        buf_add(text, field->tree.text + node->value, node->value_len);
    else if (field->value->is == BROWSE_VALUE)
        buf_adds(text, field->value->text);
    else if (field->value->is == BROWSE_NULL)
        buf_adds(text, "NULL");
}

static void open_line(struct app *app, struct screen *s)
{
    struct buf text = BUF_INIT, title = BUF_INIT;
    size_t at;

    if (!table_current(&s->table, &at))
        return;
    const struct line *line = &s->lines[at];
    struct json_tree *tree = &s->fields[line->field].tree;
    if (tree->count > 0 && tree->nodes[line->node].children > 0) {
        tree->nodes[line->node].folded = !tree->nodes[line->node].folded;
        lay_out(s);
        return;
    }
    add_name(s, line, &title);
    add_whole(s, line, &text);
    app_page(app, buf_str(&title) + strspn(buf_str(&title), " "), &text);
    buf_done(&title);
}

static void fold_all(struct screen *s, int from_depth)
{
    for (size_t i = 0; i < s->field_count; i++)
        json_tree_fold(&s->fields[i].tree, from_depth);
    lay_out(s);
}

static void move(struct app *app, struct screen *s, bool back)
{
    size_t at = s->rows->cursor;

    if (back ? at == 0 : at + 1 >= s->rows->count) {
        app_say(app, STYLE_DIM, back ? "the first row" : "the last row");
        return;
    }
    table_go(s->rows, back ? at - 1 : at + 1);
    table_current(s->rows, &s->row);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    if (action == OPEN)
        open_line(app, s);
    else if (action == FOLD || action == UNFOLD)
        fold_all(s, action == FOLD ? 0 : JSON_TREE_UNFOLDED);
    else
        move(app, s, action == PREVIOUS);
}

/* --- the screen --- */

static void prepare(void *self)
{
    struct screen *s = self;

    pages_want(s->pages, s->row, 1);
    read_row(s);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    const struct err *err = pages_error(s->pages), *damage = pages_damage(s->pages, s->row);
    struct buf text = BUF_INIT;
    char line[sizeof(struct err)];

    buf_addf(&text, "row %zu of ", s->row + 1);
    text_add_count(&text, pages_rows(s->pages));
    if (err->kind != ERR_NONE || damage) {
        err_line(err->kind != ERR_NONE ? err : damage, line, sizeof(line));
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_BAD, line);
    } else {
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_BOLD, buf_str(&text));
    }
    s->table.empty = s->known ? "" : "reading";
    table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
    buf_done(&text);
}

static void copy(const void *self, struct buf *text)
{
    const struct screen *s = self;
    size_t at;

    if (table_current(&s->table, &at))
        add_whole(s, &s->lines[at], text);
}

static void crumb(const void *self, struct buf *text)
{
    buf_addf(text, "row %zu", ((const struct screen *)self)->row + 1);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    forget(s);
    free(s->lines);
    table_done(&s->table);
    free(s);
}

static const struct screen_class row_class = {.name = "Row",
                                              .keys = KEYS(bindings),
                                              .crumb = crumb,
                                              .act = act,
                                              .table = table_of,
                                              .copy = copy,
                                              .prepare = prepare,
                                              .draw = draw,
                                              .close = close_screen};

void row_open(struct app *app, struct pages *pages, struct table *table)
{
    struct screen *s = mem_alloc(sizeof(*s));

    if (!table_current(table, &s->row)) {
        free(s);
        return;
    }
    s->app = app;
    s->pages = pages;
    s->rows = table;
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->table, &s->source, columns, 2);
    app_push(app, &row_class, s);
}
