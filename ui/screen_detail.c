/* SPDX-License-Identifier: PostgreSQL
 *
 * One table: what was archived of it month by month, and its definition as the server has it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "overview.h"
#include "plot.h"
#include "runs.h"
#include "screens.h"
#include "words.h"

enum { PLOT_ROWS = 6 };

struct screen {
    struct app *app;
    const struct config_database *database;
    const struct config_table *table;
    bool growth; /* how it grew is shown above, where there is room */
    struct overview_archived archived;
    bool archived_known, described;
    struct err store_err, server_err;
    struct buf text; /* lines of the definition */
    char **lines;
    size_t line_count;
    struct table_source source;
    struct table list;
    char id[24];
};

/* --- asking --- */

struct answer {
    const struct config *config;
    const struct config_database *database;
    const struct config_table *table;
    bool of_store;
    struct overview_archived archived;
    struct buf text;
    struct err err;
};

static void ask(struct task *task, void *arg)
{
    struct answer *a = arg;

    if (!a->of_store) {
        overview_describe(a->database, a->table, &a->text, &a->err);
        return;
    }
    struct store *store = store_open(&a->config->s3, task_stop(task), &a->err);
    if (store)
        overview_archived(store, a->config, a->database, a->table, &a->archived, &a->err);
    store_close(store);
}

static void drop(void *arg)
{
    struct answer *a = arg;

    overview_archived_done(&a->archived);
    buf_done(&a->text);
    free(a);
}

static void split_lines(struct screen *s)
{
    char *rest = s->text.data, *line;

    free(s->lines);
    s->lines = NULL;
    s->line_count = 0;
    while (rest && (line = strsep(&rest, "\n"))) {
        s->lines = mem_grow(s->lines, (s->line_count + 1) * sizeof(*s->lines));
        s->lines[s->line_count++] = line;
    }
    table_refresh(&s->list);
}

static void take(void *owner, void *arg)
{
    struct screen *s = owner;
    struct answer *a = arg;

    if (a->of_store) {
        s->store_err = a->err;
        s->archived_known = a->err.kind == ERR_NONE;
        overview_archived_done(&s->archived);
        s->archived = a->archived;
        a->archived = (struct overview_archived){0};
        return;
    }
    s->server_err = a->err;
    s->described = true;
    buf_done(&s->text);
    s->text = a->text;
    a->text = BUF_INIT;
    if (a->err.kind != ERR_NONE) {
        char line[sizeof(struct err)];
        err_line(&a->err, line, sizeof(line));
        buf_adds(&s->text, line);
    }
    split_lines(s);
}

static void start_asking(struct screen *s, bool of_store)
{
    struct answer *a = mem_alloc(sizeof(*a));

    *a = (struct answer){.config = app_config(s->app),
                         .database = s->database,
                         .table = s->table,
                         .of_store = of_store};
    struct task_params params = {.title = of_store ? "reading a catalog" : "asking for a table",
                                 .owner = s,
                                 .arg = a,
                                 .work = ask,
                                 .done = take,
                                 .drop = drop};
    tasks_start(app_tasks(s->app), &params);
}

/* --- the definition --- */

static size_t count(const void *self)
{
    return ((const struct screen *)self)->line_count;
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;

    (void)column;
    buf_adds(text, s->lines[row]);
    if (s->server_err.kind != ERR_NONE)
        *style = STYLE_BAD;
    else if (strncmp(s->lines[row], "--", 2) == 0)
        *style = STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */

    snprintf(s->id, sizeof(s->id), "%zu", row);
    return s->id;
}

/* --- drawing --- */

static void draw_summary(const struct screen *s, struct canvas *c, int row)
{
    const struct overview_archived *a = &s->archived;
    struct buf text = BUF_INIT;

    if (s->store_err.kind != ERR_NONE) {
        canvas_putf(c, row, 1, c->cols - 2, STYLE_BAD, "archives: %s: %s", s->store_err.what,
                    s->store_err.why);
        return;
    }
    if (!s->archived_known) {
        canvas_putf(c, row, 1, c->cols - 2, STYLE_DIM, "archives: asking%s", c->glyphs->ellipsis);
        return;
    }
    text_add_count(&text, (uint64_t)a->rows);
    buf_addf(&text, " rows archived in %" PRId64 " batches, ", a->archives);
    text_add_bytes(&text, a->bytes);
    if (a->line_bytes > 0 && a->bytes > 0)
        buf_addf(&text, " (%.1fx smaller than their lines)",
                 (double)a->line_bytes / (double)a->bytes);
    if (a->last_us > 0) {
        buf_adds(&text, ", the last ");
        words_add_age(&text, a->last_us);
    }
    canvas_put(c, row, 1, c->cols - 2, STYLE_BOLD, buf_str(&text));
    buf_done(&text);
}

/* Years under the first month that is seen of each. */
static void draw_months(const struct screen *s, struct canvas *c, struct area area)
{
    const struct overview_archived *a = &s->archived;
    double *values = mem_alloc((a->month_count + 1) * sizeof(*values));
    int width = plot_column_width(area.cols, a->month_count), until = area.col;
    size_t shown =
        (size_t)(area.cols / width) < a->month_count ? (size_t)(area.cols / width) : a->month_count;
    size_t from = a->month_count - shown;

    for (size_t i = 0; i < a->month_count; i++)
        values[i] = (double)a->months[i].rows;
    plot_columns(c, (struct area){area.row, area.col, area.rows - 1, area.cols}, values,
                 a->month_count, STYLE_SPARK);
    for (size_t i = from; i < a->month_count; i++) {
        const struct overview_month *m = &a->months[i];
        int col = area.col + (int)(i - from) * width;
        if (col >= until && (i == from || m->month == 1 || m->year != m[-1].year || width >= 8)) {
            canvas_putf(c, area.row + area.rows - 1, col, 8, STYLE_DIM, "%d-%02d", m->year,
                        m->month);
            until = col + 9;
        }
    }
    free(values);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    int row = area.row;

    draw_summary(s, c, row++);
    if (s->growth && s->archived.month_count > 0 && area.rows > PLOT_ROWS + 6) {
        canvas_rule(c, row++, 0, c->cols, "archived rows by month of the rows");
        draw_months(s, c, (struct area){row, 1, PLOT_ROWS, c->cols - 2});
        row += PLOT_ROWS;
    }
    canvas_rule(c, row++, 0, c->cols, "the table as the server has it");
    s->list.empty = s->described ? "" : "asking the server";
    table_draw(&s->list, c, (struct area){row, 0, area.row + area.rows - row, area.cols});
}

/* --- keys --- */

enum action { ARCHIVES = 1, GROWTH, CHECK, RELOAD };

static const struct keys_binding bindings[] = {
    {ARCHIVES, {'\r', 'a'}, "archives", "its archives, as `list` shows them", false},
    {GROWTH, {'m'}, "growth", "the plot by month: on and off", false},
    {CHECK, {'c'}, "check", "try all that a run of this table needs", false},
    {RELOAD, {'r', K_CTRL('r')}, "reload", "ask again", false},
};

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    char *table = mem_printf("%s.%s", s->table->schema, s->table->name);

    if (action == ARCHIVES || action == CHECK)
        app_run_words(app, (const char *const[]){action == CHECK ? "check" : "list", "-d",
                                                 s->database->name, "-t", table, NULL});
    else if (action == GROWTH)
        s->growth = !s->growth;
    else if (!tasks_busy(app_tasks(app), s)) {
        start_asking(s, true);
        start_asking(s, false);
    }
    free(table);
}

/* --- the screen --- */

static void crumb(const void *self, struct buf *text)
{
    const struct screen *s = self;

    words_add_table(text, s->database, s->table);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->list;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    table_done(&s->list);
    overview_archived_done(&s->archived);
    buf_done(&s->text);
    free(s->lines);
    free(s);
}

static const struct screen_class detail_class = {.name = "Table",
                                                 .keys = KEYS(bindings),
                                                 .crumb = crumb,
                                                 .act = act,
                                                 .table = table_of,
                                                 .draw = draw,
                                                 .close = close_screen};

void detail_open(struct app *app, const struct config_database *database,
                 const struct config_table *table)
{
    static const struct table_column columns[] = {{.title = "", .min = 1}};
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->database = database;
    s->table = table;
    s->growth = true;
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->list, &s->source, columns, 1);
    s->list.headless = true;
    start_asking(s, true);
    start_asking(s, false);
    app_push(app, &detail_class, s);
}
