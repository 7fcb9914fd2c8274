/* SPDX-License-Identifier: PostgreSQL */
#include "table.h"

#include "cases.h"
#include "screen.h"

struct rows {
    size_t count;
    char id[24];
    size_t first; /* number of row 0 */
};

static size_t count_rows(const void *self)
{
    return ((const struct rows *)self)->count;
}

static void row_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    size_t number = ((const struct rows *)self)->first + row;

    (void)style;
    if (column == 0)
        buf_addf(text, "row%zu", number);
    else
        buf_addf(text, "%zu", number * (column == 1 ? 7 : 3) % 100);
}

static int compare_rows(const void *self, size_t a, size_t b, size_t column)
{
    const struct rows *rows = self;
    size_t factor = column == 0 ? 1 : column == 1 ? 7 : 3;
    size_t x = (rows->first + a) * factor % 100, y = (rows->first + b) * factor % 100;

    return (x > y) - (x < y);
}

static const char *row_id(const void *self, size_t row)
{
    struct rows *rows = (struct rows *)self; /* its scratch */

    snprintf(rows->id, sizeof(rows->id), "row%zu", rows->first + row);
    return rows->id;
}

static const struct table_column columns[] = {
    {.title = "name", .min = 6, .frozen = true, .sort_key = 'A'},
    {.title = "seven", .min = 6, .right = true, .sort_key = 'S', .downward = true},
    {.title = "three", .min = 6, .right = true},
};

struct fixture {
    struct rows rows;
    struct table_source source;
    struct table table;
    struct canvas canvas;
};

static void open_table(struct fixture *f, size_t count, int cols)
{
    *f = (struct fixture){.rows = {.count = count}, .canvas = {.glyphs = glyphs_of(false)}};
    f->source = (struct table_source){.self = &f->rows,
                                      .count = count_rows,
                                      .cell = row_cell,
                                      .compare = compare_rows,
                                      .id = row_id};
    table_init(&f->table, &f->source, columns, 3);
    table_refresh(&f->table);
    canvas_resize(&f->canvas, 6, cols);
}

static void draw(struct fixture *f)
{
    canvas_clear(&f->canvas);
    table_draw(&f->table, &f->canvas, (struct area){0, 0, f->canvas.rows, f->canvas.cols});
}

static void press(struct fixture *f, int code)
{
    struct term_key key = {.code = code};

    table_key(&f->table, &key);
    draw(f);
}

static const char *current(struct fixture *f)
{
    size_t row;

    return table_current(&f->table, &row) ? row_id(&f->rows, row) : "none";
}

static void close_table(struct fixture *f)
{
    table_done(&f->table);
    canvas_done(&f->canvas);
}

static void rows_stand_under_their_columns(void)
{
    struct fixture f;

    open_table(&f, 3, 40);
    draw(&f);
    CHECK_STR(screen_row(&f.canvas, 0), " name    seven  three");
    CHECK_STR(screen_row(&f.canvas, 2), " row1        7      3");
    CHECK(canvas_cell(&f.canvas, 1, 1)->style & STYLE_SELECTED);
    close_table(&f);
}

static void the_window_follows_the_cursor(void)
{
    struct fixture f;

    open_table(&f, 100, 40);
    draw(&f);
    press(&f, 'G');
    CHECK_STR(current(&f), "row99");
    CHECK_STR(screen_row(&f.canvas, 5), " row99      93     97");
    press(&f, K_PAGE_UP);
    CHECK_STR(current(&f), "row95");
    press(&f, 'g');
    press(&f, 'j');
    CHECK_STR(current(&f), "row1");
    press(&f, 'k');
    press(&f, 'k');
    CHECK_STR(current(&f), "row0");
    close_table(&f);
}

static bool is_even(const void *self, size_t row)
{
    return (((const struct rows *)self)->first + row) % 2 == 0;
}

static void rows_that_are_not_shown_are_not_there(void)
{
    struct fixture f;

    open_table(&f, 10, 30);
    CHECK(f.table.order == NULL); /* all rows, in their order, need no list of them */
    f.source.shown = is_even;
    table_refresh(&f.table);
    CHECK(f.table.count == 5 && table_row(&f.table, 1) == 2);
    press(&f, 'j');
    CHECK_STR(current(&f), "row2");
    f.source.shown = NULL;
    table_refresh(&f.table);
    CHECK(f.table.count == 10);
    CHECK_STR(current(&f), "row2");
    close_table(&f);
}

static void many_marks_are_found_again(void)
{
    struct fixture f;
    unsigned changes;

    open_table(&f, 1000, 30);
    press(&f, '*');
    CHECK(table_marked(&f.table) == 1000);
    changes = f.table.changes;
    press(&f, ' '); /* takes row0's off, goes on to row1 */
    CHECK(f.table.changes != changes && table_marked(&f.table) == 999);
    for (size_t i = 1; i < 1000; i++)
        CHECK(table_is_marked(&f.table, i));
    CHECK(!table_is_marked(&f.table, 0));
    table_mark(&f.table, 0);
    table_mark(&f.table, 0);
    CHECK(table_marked(&f.table) == 1000 && table_is_marked(&f.table, 0));
    press(&f, '*');
    CHECK(table_marked(&f.table) == 0 && !table_is_marked(&f.table, 500));
    close_table(&f);
}

static void cursor_and_marks_stay_with_their_rows(void)
{
    struct fixture f;

    open_table(&f, 10, 40);
    draw(&f);
    press(&f, 'j');
    press(&f, ' ');   /* marks row1 and goes on to row2 */
    f.rows.first = 1; /* row0 went, row10 came */
    table_refresh(&f.table);
    CHECK_STR(current(&f), "row2");
    CHECK(table_is_marked(&f.table, 0));
    CHECK(!table_is_marked(&f.table, 1));
    f.rows.first = 5; /* the row of the cursor went, too */
    f.rows.count = 1;
    table_refresh(&f.table);
    CHECK_STR(current(&f), "row5");
    f.rows.count = 0;
    table_refresh(&f.table);
    CHECK_STR(current(&f), "none");
    press(&f, 'j');
    press(&f, ' ');
    CHECK_STR(screen_row(&f.canvas, 1), " nothing here");
    close_table(&f);
}

static void a_key_orders_by_its_column_and_again_the_other_way(void)
{
    struct fixture f;

    open_table(&f, 10, 40);
    draw(&f);
    press(&f, 'S');
    CHECK_STR(screen_row(&f.canvas, 0), " name   sevenv  three");
    CHECK_STR(screen_row(&f.canvas, 1), " row9       63     27");
    CHECK_STR(current(&f), "row9"); /* who orders wants to see what comes first */
    press(&f, 'S');
    CHECK_STR(screen_row(&f.canvas, 1), " row0        0      0");
    press(&f, 'A');
    CHECK_STR(screen_row(&f.canvas, 0), " name^   seven  three");
    close_table(&f);
}

static void a_filter_leaves_what_has_the_text_or_has_it_not(void)
{
    struct fixture f;

    open_table(&f, 30, 40);
    table_filter(&f.table, "ROW2");
    CHECK_INT(f.table.count, 11); /* 2, 20 to 29 */
    table_filter(&f.table, "!row2");
    CHECK_INT(f.table.count, 19);
    table_filter(&f.table, "nowhere");
    CHECK_STR(current(&f), "none");
    draw(&f);
    CHECK_STR(screen_row(&f.canvas, 1), " no row passes the filter");
    table_filter(&f.table, "");
    CHECK_INT(f.table.count, 30);
    CHECK(table_search(&f.table, "row7"));
    CHECK_STR(current(&f), "row7");
    CHECK(table_search(&f.table, "row1"));
    CHECK_STR(current(&f), "row10");
    CHECK(table_search_next(&f.table, true));
    CHECK_STR(current(&f), "row1");
    CHECK(table_search_next(&f.table, true)); /* goes round */
    CHECK_STR(current(&f), "row19");
    CHECK(!table_search(&f.table, "nowhere"));
    close_table(&f);
}

static void columns_scroll_sideways_but_for_the_frozen(void)
{
    struct fixture f;

    open_table(&f, 3, 16);
    draw(&f);
    CHECK_STR(screen_row(&f.canvas, 0), " name    seven >");
    press(&f, 'l');
    CHECK_STR(screen_row(&f.canvas, 0), "<name    three");
    press(&f, 'l'); /* there is no more */
    CHECK_STR(screen_row(&f.canvas, 0), "<name    three");
    press(&f, 'h');
    CHECK_STR(screen_row(&f.canvas, 0), " name    seven >");
    close_table(&f);
}

static void a_hundred_thousand_rows_are_drawn_by_the_window(void)
{
    struct fixture f;

    open_table(&f, 100000, 40);
    draw(&f);
    press(&f, 'G');
    CHECK_STR(current(&f), "row99999");
    press(&f, 'S');
    CHECK_STR(screen_row(&f.canvas, 0), " name     sevenv  three");
    close_table(&f);
}

static const struct test_case cases[] = {
    {"rows_stand_under_their_columns", rows_stand_under_their_columns},
    {"the_window_follows_the_cursor", the_window_follows_the_cursor},
    {"rows_that_are_not_shown_are_not_there", rows_that_are_not_shown_are_not_there},
    {"many_marks_are_found_again", many_marks_are_found_again},
    {"cursor_and_marks_stay_with_their_rows", cursor_and_marks_stay_with_their_rows},
    {"a_key_orders_by_its_column_and_again_the_other_way",
     a_key_orders_by_its_column_and_again_the_other_way},
    {"a_filter_leaves_what_has_the_text_or_has_it_not",
     a_filter_leaves_what_has_the_text_or_has_it_not},
    {"columns_scroll_sideways_but_for_the_frozen", columns_scroll_sideways_but_for_the_frozen},
    {"a_hundred_thousand_rows_are_drawn_by_the_window",
     a_hundred_thousand_rows_are_drawn_by_the_window},
    {NULL, NULL},
};
const struct test_suite ui_table_suite = {"ui/table", cases};
