/* SPDX-License-Identifier: PostgreSQL
 *
 * What works in the background, and taking it back.
 */
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "logbook.h"
#include "plot.h"
#include "screens.h"

enum { TASKS_MAX = 200 };

struct tasklist {
    struct tasks *tasks;
    struct task_info infos[TASKS_MAX];
    size_t count;
    struct table_source source;
    struct table table;
    char id[16];
};

enum action { CANCEL = 1 };

static const struct keys_binding bindings[] = {
    {CANCEL, {'x', K_DELETE}, "cancel", "ask the task to stop", false},
};

enum column { TITLE, STATE, SINCE, SHARE, PROGRESS };
static const struct table_column columns[] = {
    [TITLE] = {.title = "task", .min = 22, .max = 30, .sort_key = 'T'},
    [STATE] = {.title = "state", .min = 8},
    [SINCE] = {.title = "for", .min = 8, .right = true},
    [SHARE] = {.title = "", .min = 10, .max = 10},
    [PROGRESS] = {.title = "how far", .min = 24},
};

static size_t count_tasks(const void *self)
{
    return ((const struct tasklist *)self)->count;
}

static void task_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct task_info *info = &((const struct tasklist *)self)->infos[row];

    switch ((enum column)column) {
    case TITLE:
        buf_adds(text, info->title);
        break;
    case STATE:
        buf_adds(text, info->cancelled ? "stopping" : "working");
        break;
    case SINCE:
        plot_clock(text, (double)(text_monotonic_us() - info->since_us) / 1e6);
        break;
    case SHARE: /* drawn over */
        break;
    case PROGRESS:
        buf_adds(text, info->progress);
        break;
    }
    *style = info->cancelled ? STYLE_WARN : *style;
}

static const char *task_id(const void *self, size_t row)
{
    struct tasklist *list = (struct tasklist *)self; /* only its scratch */

    snprintf(list->id, sizeof(list->id), "%u", list->infos[row].id);
    return list->id;
}

static void look(struct app *app, void *self)
{
    struct tasklist *list = self;

    (void)app;
    list->count = tasks_list(list->tasks, list->infos, TASKS_MAX);
    table_refresh(&list->table);
}

static void act(struct app *app, void *self, int action)
{
    struct tasklist *list = self;
    size_t row;

    if (action == CANCEL && table_current(&list->table, &row))
        tasks_cancel(list->tasks, list->infos[row].id);
    look(app, self);
}

static struct table *table_of(void *self)
{
    return &((struct tasklist *)self)->table;
}

/* Where a task knows how far it is. */
static void draw_gauges(const struct tasklist *list, struct canvas *canvas)
{
    const struct table *table = &list->table;
    struct area gauge = table_cell_area(table, SHARE);

    for (size_t i = 0; i < (size_t)table->page && table->top + i < table->count; i++) {
        double share = list->infos[table_row(table, table->top + i)].share;
        int cursor = table->top + i == table->cursor ? STYLE_SELECTED : 0;
        if (gauge.cols > 2 && share >= 0)
            plot_gauge(canvas, table->drawn.row + 1 + (int)i, gauge.col, gauge.cols, share,
                       STYLE_GAUGE | cursor);
    }
}

static void draw(void *self, struct canvas *canvas, struct area area)
{
    struct tasklist *list = self;

    look(NULL, list);
    table_draw(&list->table, canvas, area);
    draw_gauges(list, canvas);
}

static void close_list(void *self)
{
    struct tasklist *list = self;

    table_done(&list->table);
    free(list);
}

static const struct screen_class tasklist_class = {.name = "Tasks",
                                                   .keys = KEYS(bindings),
                                                   .act = act,
                                                   .table = table_of,
                                                   .tick = look,
                                                   .draw = draw,
                                                   .close = close_list};

void tasks_open(struct app *app)
{
    struct tasklist *list = mem_alloc(sizeof(*list));

    list->tasks = app_tasks(app);
    list->source =
        (struct table_source){.self = list, .count = count_tasks, .cell = task_cell, .id = task_id};
    table_init(&list->table, &list->source, columns, sizeof(columns) / sizeof(columns[0]));
    list->table.empty = "nothing works in the background";
    look(app, list);
    app_push(app, &tasklist_class, list);
}

void app_log(struct app *app)
{
    struct buf text = BUF_INIT;

    logbook_read(&text);
    if (text.len == 0)
        buf_adds(&text, "nothing was logged\n");
    app_page(app, "log", &text);
}
