/* SPDX-License-Identifier: PostgreSQL
 *
 * A text to read, wrapped to the window; and the help of a screen, which is one made of its keys.
 * Both are tables, so that moving, filter and search are those of every other screen.
 */
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "screens.h"
#include "wrap.h"

struct pager {
    char *title;
    struct buf text;
    char **lines; /* as wrapped for `cols` */
    size_t count;
    int cols;
    struct table_source source;
    struct table table;
    char id[24];
};

static size_t count_lines(const void *self)
{
    return ((const struct pager *)self)->count;
}

static void line_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct pager *pager = self;

    (void)column;
    (void)style;
    buf_adds(text, pager->lines[row]);
}

static const char *line_id(const void *self, size_t row)
{
    struct pager *pager = (struct pager *)self; /* only its scratch */

    snprintf(pager->id, sizeof(pager->id), "%zu", row);
    return pager->id;
}

static void drop_lines(struct pager *pager)
{
    for (size_t i = 0; i < pager->count; i++)
        free(pager->lines[i]);
    free(pager->lines);
    pager->lines = NULL;
    pager->count = 0;
}

static void wrap(struct pager *pager, const struct glyphs *glyphs, int cols)
{
    const char *rest = buf_str(&pager->text);
    size_t room = 0;

    drop_lines(pager);
    pager->cols = cols;
    while (*rest) {
        if (pager->count == room) {
            room = room * 2 + 64;
            pager->lines = mem_grow(pager->lines, room * sizeof(*pager->lines));
        }
        pager->lines[pager->count++] = wrap_next(glyphs, &rest, cols);
    }
    table_refresh(&pager->table);
}

/* --- the screen --- */

static void pager_crumb(const void *self, struct buf *text)
{
    buf_adds(text, ((const struct pager *)self)->title);
}

static struct table *pager_table(void *self)
{
    return &((struct pager *)self)->table;
}

static void pager_draw(void *self, struct canvas *canvas, struct area area)
{
    struct pager *pager = self;

    if (area.cols - 2 != pager->cols)
        wrap(pager, canvas->glyphs, area.cols - 2);
    table_draw(&pager->table, canvas, area);
}

static void pager_close(void *self)
{
    struct pager *pager = self;

    table_done(&pager->table);
    drop_lines(pager);
    buf_done(&pager->text);
    free(pager->title);
    free(pager);
}

static const struct screen_class pager_class = {.name = "page",
                                                .crumb = pager_crumb,
                                                .table = pager_table,
                                                .draw = pager_draw,
                                                .close = pager_close};

void app_page(struct app *app, const char *title, struct buf *text)
{
    static const struct table_column columns[] = {{.title = "", .min = 1}};
    struct pager *pager = mem_alloc(sizeof(*pager));

    pager->title = mem_strdup(title);
    pager->text = *text;
    *text = BUF_INIT;
    pager->source = (struct table_source){.self = pager,
                                          .count = count_lines,
                                          .cell = line_cell,
                                          .id = line_id};
    table_init(&pager->table, &pager->source, columns, 1);
    pager->table.headless = true;
    app_push(app, &pager_class, pager);
}

/* --- help --- */

static void add_keys(struct buf *text, const char *title, struct keys keys, bool read_only)
{
    struct buf names = BUF_INIT;

    if (keys.count == 0)
        return;
    buf_addf(text, "%s\n", title);
    for (size_t i = 0; i < keys.count; i++) {
        buf_reset(&names);
        keys_add_names(&names, &keys.items[i]);
        buf_addf(text, "  %-18s %s%s\n", buf_str(&names), keys.items[i].help,
                 keys.items[i].dangerous && read_only ? " (not in read-only)" : "");
    }
    buf_adds(text, "\n");
    buf_done(&names);
}

static void add_orders(struct buf *text, const struct table *table)
{
    bool any = false;

    for (size_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].sort_key)
            continue;
        buf_addf(text, "%s  %-18c by %s\n", any ? "" : "Order (again: the other way round)\n",
                 table->columns[i].sort_key, table->columns[i].title);
        any = true;
    }
    buf_adds(text, any ? "\n" : "");
}

void help_open(struct app *app, const struct screen_class *of, struct table *table,
               struct keys common)
{
    struct buf text = BUF_INIT, title = BUF_INIT;

    buf_addf(&title, "keys of %s", of->name);
    add_keys(&text, "This screen", of->keys, app_read_only(app));
    if (table && !table->headless)
        add_orders(&text, table);
    if (table)
        add_keys(&text, "In a table", table_keys, false);
    add_keys(&text, "Everywhere", common, app_read_only(app));
    app_page(app, buf_str(&title), &text);
    buf_done(&title);
}
