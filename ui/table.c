/* SPDX-License-Identifier: PostgreSQL */
#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { GAP = 1, MARK_COLUMNS = 1, MARK_STEP = 64 };

enum act {
    UP = 1,
    DOWN,
    PAGE_UP,
    PAGE_DOWN,
    FIRST,
    LAST,
    SIDE_LEFT,
    SIDE_RIGHT,
    MARK,
    MARK_ALL,
    CLICK,
};

static const struct keys_binding bindings[] = {
    {UP, {'k', K_UP, K_WHEEL_UP}, NULL, "one row up", false},
    {DOWN, {'j', K_DOWN, K_WHEEL_DOWN}, NULL, "one row down", false},
    {PAGE_UP, {K_PAGE_UP, K_CTRL('b')}, NULL, "one page up", false},
    {PAGE_DOWN, {K_PAGE_DOWN, K_CTRL('f')}, NULL, "one page down", false},
    {FIRST, {'g', K_HOME}, NULL, "the first row", false},
    {LAST, {'G', K_END}, NULL, "the last row", false},
    {SIDE_LEFT, {'h', K_LEFT}, NULL, "columns to the left", false},
    {SIDE_RIGHT, {'l', K_RIGHT}, NULL, "columns to the right", false},
    {MARK, {' '}, NULL, "mark the row, or take the mark off", false},
    {MARK_ALL, {'*'}, NULL, "mark all rows shown, or none", false},
    {CLICK, {K_CLICK}, NULL, "go to the row; on a title: order by it", false},
};

const struct keys table_keys = {bindings, sizeof(bindings) / sizeof(bindings[0])};

/* --- rows --- */

void table_init(struct table *table, const struct table_source *source,
                const struct table_column *columns, size_t column_count)
{
    *table = (struct table){.source = source,
                            .columns = columns,
                            .column_count = column_count,
                            .sort = -1,
                            .empty = "nothing here"};
    table->widths = mem_alloc(column_count * sizeof(*table->widths));
    table->placed = mem_alloc(column_count * sizeof(*table->placed));
}

void table_set_columns(struct table *table, const struct table_column *columns, size_t column_count)
{
    table->columns = columns;
    table->widths = mem_grow(table->widths, column_count * sizeof(*table->widths));
    table->placed = mem_grow(table->placed, column_count * sizeof(*table->placed));
    for (size_t i = table->column_count; i < column_count; i++) {
        table->widths[i] = 0;
        table->placed[i] = (struct area){0};
    }
    table->column_count = column_count;
}

void table_unmark(struct table *table)
{
    for (size_t i = 0; i < table->mark_count; i++)
        free(table->marks[i]);
    free(table->marks);
    table->marks = NULL;
    table->mark_count = 0;
    table->changes++;
}

void table_done(struct table *table)
{
    table_unmark(table);
    free(table->order);
    free(table->widths);
    free(table->placed);
    free(table->cursor_id);
    buf_done(&table->filter);
    buf_done(&table->search);
}

static void read_cell(const struct table *table, size_t row, size_t column, struct buf *text,
                      int *style)
{
    int ignored = STYLE_TEXT;

    buf_reset(text);
    table->source->cell(table->source->self, row, column, text, style ? style : &ignored);
}

static bool row_has(const struct table *table, size_t row, const char *text)
{
    struct buf cell = BUF_INIT;
    bool has = false;

    for (size_t i = 0; !has && i < table->column_count; i++) {
        read_cell(table, row, i, &cell, NULL);
        has = strcasestr(buf_str(&cell), text) != NULL;
    }
    buf_done(&cell);
    return has;
}

static bool passes(const struct table *table, size_t row)
{
    const char *text = buf_str(&table->filter);

    if (table->source->shown && !table->source->shown(table->source->self, row))
        return false;
    if (*text == '!' && text[1])
        return !row_has(table, row, text + 1);
    return *text == '\0' || row_has(table, row, text);
}

static int by_text(const struct table *table, size_t a, size_t b, size_t column)
{
    struct buf one = BUF_INIT, other = BUF_INIT;

    read_cell(table, a, column, &one, NULL);
    read_cell(table, b, column, &other, NULL);
    int order = strcmp(buf_str(&one), buf_str(&other));
    buf_done(&one);
    buf_done(&other);
    return order;
}

static int compare_rows(const void *a, const void *b, void *state)
{
    const struct table *table = state;
    size_t one = *(const size_t *)a, other = *(const size_t *)b;
    size_t column = (size_t)table->sort;
    int order = table->source->compare
                    ? table->source->compare(table->source->self, one, other, column)
                    : by_text(table, one, other, column);

    if (order == 0) /* as the source has them: the order is the same each time */
        return (one > other) - (one < other);
    return table->reverse ? -order : order;
}

size_t table_row(const struct table *table, size_t at)
{
    return table->order ? table->order[at] : at;
}

static bool is_at(const struct table *table, size_t at, const char *id)
{
    return strcmp(table->source->id(table->source->self, table_row(table, at)), id) == 0;
}

static void keep_cursor(struct table *table, const char *id)
{
    if (id && table->cursor < table->count && is_at(table, table->cursor, id))
        return;
    for (size_t i = 0; id && i < table->count; i++) {
        if (is_at(table, i, id)) {
            table->cursor = i;
            return;
        }
    }
    if (table->cursor >= table->count)
        table->cursor = table->count > 0 ? table->count - 1 : 0;
}

static void note_cursor(struct table *table)
{
    free(table->cursor_id);
    table->cursor_id =
        table->count > 0
            ? mem_strdup(table->source->id(table->source->self, table_row(table, table->cursor)))
            : NULL;
}

static void make_order(struct table *table)
{
    size_t rows = table->source->count(table->source->self);

    table->order = mem_grow(table->order, (rows + 1) * sizeof(*table->order));
    table->count = 0;
    for (size_t i = 0; i < rows; i++) {
        if (passes(table, i))
            table->order[table->count++] = i;
    }
    if (table->sort >= 0 && table->count > 1)
        qsort_r(table->order, table->count, sizeof(*table->order), compare_rows, table);
}

void table_refresh(struct table *table)
{
    if (table->sort < 0 && table->filter.len == 0 && !table->source->shown) {
        free(table->order);
        table->order = NULL;
        table->count = table->source->count(table->source->self);
    } else {
        make_order(table);
    }
    keep_cursor(table, table->cursor_id);
    note_cursor(table);
    table->changes++;
}

bool table_current(const struct table *table, size_t *ret_row)
{
    if (table->count == 0)
        return false;
    *ret_row = table_row(table, table->cursor);
    return true;
}

/* --- order, filter, search --- */

static void sort_or_turn(struct table *table, int column)
{
    bool turn = table->sort == column;

    table->reverse = turn ? !table->reverse : table->columns[column].downward;
    table->sort = column;
    table_refresh(table);
    table->cursor = 0; /* who orders wants to see what comes first */
    note_cursor(table);
}

void table_filter(struct table *table, const char *text)
{
    buf_reset(&table->filter);
    buf_adds(&table->filter, text);
    table_refresh(table);
}

static void move_to(struct table *table, size_t at)
{
    table->cursor = at;
    note_cursor(table);
}

void table_go(struct table *table, size_t at)
{
    if (at < table->count)
        move_to(table, at);
}

static bool search(struct table *table, bool back, size_t from)
{
    for (size_t i = 0; table->search.len > 0 && i < table->count; i++) {
        size_t at = (back ? from + table->count - i : from + i) % table->count;
        if (row_has(table, table_row(table, at), buf_str(&table->search))) {
            move_to(table, at);
            return true;
        }
    }
    return false;
}

bool table_search(struct table *table, const char *text)
{
    buf_reset(&table->search);
    buf_adds(&table->search, text);
    return search(table, false, table->cursor);
}

bool table_search_next(struct table *table, bool back)
{
    if (table->count == 0)
        return false;
    return search(table, back, back ? table->cursor + table->count - 1 : table->cursor + 1);
}

/* --- marks --- */

/* Marks are kept by id in order, so that each row of a long list is soon asked about. The place of
 * one, or where it would stand. */
static bool find_mark(const struct table *table, const char *id, size_t *ret_at)
{
    size_t low = 0, high = table->mark_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table->marks[middle], id);
        if (order == 0) {
            *ret_at = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_at = low;
    return false;
}

bool table_is_marked(const struct table *table, size_t row)
{
    size_t at;

    return table->mark_count > 0 &&
           find_mark(table, table->source->id(table->source->self, row), &at);
}

size_t table_marked(const struct table *table)
{
    return table->mark_count;
}

static void make_room(struct table *table)
{
    if (table->mark_count % MARK_STEP == 0)
        table->marks =
            mem_grow(table->marks, (table->mark_count + MARK_STEP) * sizeof(*table->marks));
}

static void add_mark(struct table *table, size_t at, const char *id)
{
    make_room(table);
    memmove(table->marks + at + 1, table->marks + at,
            (table->mark_count - at) * sizeof(*table->marks));
    table->marks[at] = mem_strdup(id);
    table->mark_count++;
    table->changes++;
}

static void take_mark(struct table *table, size_t at)
{
    free(table->marks[at]);
    table->mark_count--;
    memmove(table->marks + at, table->marks + at + 1,
            (table->mark_count - at) * sizeof(*table->marks));
    table->changes++;
}

void table_mark(struct table *table, size_t row)
{
    const char *id = table->source->id(table->source->self, row);
    size_t at;

    if (!find_mark(table, id, &at))
        add_mark(table, at, id);
}

static void toggle_mark(struct table *table)
{
    size_t row, at;

    if (!table_current(table, &row))
        return;
    const char *id = table->source->id(table->source->self, row);
    if (find_mark(table, id, &at))
        take_mark(table, at);
    else
        add_mark(table, at, id);
    if (table->cursor + 1 < table->count)
        move_to(table, table->cursor + 1);
}

static int compare_marks(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All at once, and then put in order: one after the other would move each of them each time. */
static void toggle_all(struct table *table)
{
    bool any = table->mark_count > 0;

    table_unmark(table);
    for (size_t i = 0; !any && i < table->count; i++) {
        make_room(table);
        table->marks[table->mark_count++] =
            mem_strdup(table->source->id(table->source->self, table_row(table, i)));
    }
    if (table->mark_count > 1)
        qsort(table->marks, table->mark_count, sizeof(*table->marks), compare_marks);
    table->changes++;
}

/* --- keys --- */

static void move_by(struct table *table, long rows)
{
    long at = (long)table->cursor + rows;
    long last = table->count > 0 ? (long)table->count - 1 : 0;

    move_to(table, (size_t)(at < 0 ? 0 : at > last ? last : at));
}

struct area table_cell_area(const struct table *table, size_t column)
{
    return table->placed[column];
}

static int column_at(const struct table *table, int col)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (col >= table->placed[i].col && col < table->placed[i].col + table->placed[i].cols)
            return (int)i;
    }
    return -1;
}

static enum table_act click(struct table *table, const struct term_key *key)
{
    int line = key->row - table->drawn.row + (table->headless ? 1 : 0);
    size_t at = table->top + (size_t)(line - 1);

    if (key->row < table->drawn.row || key->row >= table->drawn.row + table->drawn.rows ||
        key->col < table->drawn.col || key->col >= table->drawn.col + table->drawn.cols)
        return TABLE_MOVED;
    if (line == 0) {
        int column = column_at(table, key->col);
        if (column >= 0 && table->columns[column].sort_key)
            sort_or_turn(table, column);
        return TABLE_MOVED;
    }
    if (at >= table->count)
        return TABLE_MOVED;
    if (at == table->cursor)
        return TABLE_OPEN;
    move_to(table, at);
    return TABLE_MOVED;
}

/* The column that this key orders by; -1: none. */
static int sort_column(const struct table *table, int code)
{
    for (size_t i = 0; i < table->column_count; i++) {
        if (code != 0 && table->columns[i].sort_key == code)
            return (int)i;
    }
    return -1;
}

bool table_sorts_by(const struct table *table, int code)
{
    return sort_column(table, code) >= 0;
}

enum table_act table_key(struct table *table, const struct term_key *key)
{
    const struct keys_binding *binding = keys_find(table_keys, key->code);
    long page = table->page > 1 ? table->page - 1 : 1;

    if (table_sorts_by(table, key->code)) {
        sort_or_turn(table, sort_column(table, key->code));
        return TABLE_MOVED;
    }
    if (!binding)
        return TABLE_NOTHING;
    if (binding->action == CLICK)
        return click(table, key);
    if (binding->action == SIDE_LEFT)
        table->left -= table->left > 0;
    else if (binding->action == SIDE_RIGHT)
        table->left += table->right_hidden > 0;
    else if (binding->action == MARK_ALL)
        toggle_all(table);
    else if (table->count == 0)
        return TABLE_MOVED;
    else if (binding->action == MARK)
        toggle_mark(table);
    else if (binding->action == FIRST)
        move_to(table, 0);
    else if (binding->action == LAST)
        move_to(table, table->count - 1);
    else
        move_by(table, binding->action == UP          ? -1
                       : binding->action == DOWN      ? 1
                       : binding->action == PAGE_UP   ? -page
                       : binding->action == PAGE_DOWN ? page
                                                      : 0);
    return TABLE_MOVED;
}

/* --- drawing --- */

static void scroll_to_cursor(struct table *table, int rows)
{
    size_t page = rows > 0 ? (size_t)rows : 1;

    table->page = (int)page;
    if (table->cursor < table->top)
        table->top = table->cursor;
    if (table->cursor >= table->top + page)
        table->top = table->cursor - page + 1;
    if (table->top + page > table->count)
        table->top = table->count > page ? table->count - page : 0;
}

/* As wide as what is seen needs; the widths of rows that were seen before stay, so that columns do
 * not dance. */
static void fit(struct table *table, const struct glyphs *glyphs, int rows)
{
    struct buf cell = BUF_INIT;

    for (size_t i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[i];
        int width = glyph_width(glyphs, column->title) + (column->sort_key != 0);
        width = width > table->widths[i] ? width : table->widths[i];
        width = width > column->min ? width : column->min;
        for (size_t r = table->top; r < table->count && r < table->top + (size_t)rows; r++) {
            read_cell(table, table_row(table, r), i, &cell, NULL);
            int needed = glyph_width(glyphs, buf_str(&cell));
            width = needed > width ? needed : width;
        }
        table->widths[i] = column->max > 0 && width > column->max ? column->max : width;
    }
    buf_done(&cell);
}

/* Frozen columns first, then the others from `left` on, as long as there is room; the last one
 * shown may be cut. */
static void place(struct table *table, struct area area, struct area *placed)
{
    int at = area.col + MARK_COLUMNS, end = area.col + area.cols - MARK_COLUMNS;
    size_t skip = table->left;

    table->right_hidden = 0;
    for (size_t i = 0; i < table->column_count; i++) {
        placed[i] = (struct area){0};
        if (!table->columns[i].frozen && skip > 0) {
            skip--;
            continue;
        }
        int room = end - at;
        int width = table->widths[i] < room ? table->widths[i] : room;
        /* Half a number would be a lie. */
        if (width < 1 || (width < table->widths[i] && (table->columns[i].right || width < 4))) {
            table->right_hidden++;
            at = end;
            continue;
        }
        if (width < table->widths[i])
            table->right_hidden++;
        placed[i] = (struct area){.col = at, .cols = width};
        at += width + GAP;
    }
}

static void draw_head(struct table *table, struct canvas *canvas, struct area area,
                      const struct area *placed)
{
    const struct glyphs *g = canvas->glyphs;

    canvas_fill(canvas, (struct area){area.row, area.col, 1, area.cols}, ' ', STYLE_HEAD);
    for (size_t i = 0; i < table->column_count; i++) {
        bool sorted = table->sort == (int)i;
        const struct table_column *column = &table->columns[i];
        int style = sorted ? STYLE_HEAD_SORTED : STYLE_HEAD;
        if (placed[i].cols == 0)
            continue;
        int cols = placed[i].cols, width = glyph_width(g, column->title) + sorted;
        int at = placed[i].col + (column->right && width < cols ? cols - width : 0);
        int used = canvas_put(canvas, area.row, at, cols - sorted, style, column->title);
        if (sorted)
            canvas_fill(canvas, (struct area){area.row, at + used, 1, 1},
                        table->reverse ? g->down : g->up, style);
    }
    if (table->left > 0)
        canvas_fill(canvas, (struct area){area.row, area.col, 1, 1}, g->less, STYLE_HEAD_SORTED);
    if (table->right_hidden > 0)
        canvas_fill(canvas, (struct area){area.row, area.col + area.cols - 1, 1, 1}, g->more,
                    STYLE_HEAD_SORTED);
}

static void draw_row(struct table *table, struct canvas *canvas, struct area area, int line,
                     size_t at, const struct area *placed)
{
    size_t row = table_row(table, at);
    bool marked = table_is_marked(table, row);
    bool here = at == table->cursor;
    int cursor = here && !table->unfocused ? STYLE_SELECTED : 0;
    struct buf text = BUF_INIT;

    canvas_fill(canvas, (struct area){line, area.col, 1, area.cols}, ' ', STYLE_TEXT | cursor);
    if (marked)
        canvas_fill(canvas, (struct area){line, area.col, 1, 1}, canvas->glyphs->mark,
                    STYLE_MARKED | cursor);
    else if (here && table->unfocused)
        canvas_fill(canvas, (struct area){line, area.col, 1, 1}, '>', STYLE_MARKED);
    for (size_t i = 0; i < table->column_count; i++) {
        int style = marked ? STYLE_MARKED : STYLE_TEXT;
        if (placed[i].cols == 0)
            continue;
        read_cell(table, row, i, &text, &style);
        if (table->columns[i].right)
            canvas_put_right(canvas, line, placed[i].col, placed[i].cols, style | cursor,
                             buf_str(&text));
        else
            canvas_put(canvas, line, placed[i].col, placed[i].cols, style | cursor, buf_str(&text));
    }
    buf_done(&text);
}

void table_draw(struct table *table, struct canvas *canvas, struct area area)
{
    struct area *placed = table->placed;
    int head = table->headless ? 0 : 1, rows = area.rows - head;

    table->drawn = area;
    scroll_to_cursor(table, rows);
    fit(table, canvas->glyphs, rows);
    place(table, area, placed);
    if (head)
        draw_head(table, canvas, area, placed);
    for (int i = 0; i < rows && table->top + (size_t)i < table->count; i++)
        draw_row(table, canvas, area, area.row + head + i, table->top + (size_t)i, placed);
    if (table->count == 0 && rows > 0)
        canvas_put(canvas, area.row + head, area.col + MARK_COLUMNS, area.cols - 1, STYLE_DIM,
                   table->filter.len > 0 ? "no row passes the filter" : table->empty);
}
