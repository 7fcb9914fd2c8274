/* SPDX-License-Identifier: PostgreSQL
 *
 * Runs: those that live on this host, then the past ones of the store's reports.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/json.h"
#include "base/text.h"
#include "plot.h"
#include "runs.h"
#include "screens.h"
#include "words.h"

enum { PAST_MOST = 500 };

struct screen {
    struct app *app;
    struct runs_list past;
    bool known;
    struct err err; /* why the past ones are not known */
    size_t live;
    struct table_source source;
    struct table table;
};

/* --- the past --- */

struct answer {
    const struct config *config;
    struct runs_list past;
    struct err err;
};

static void ask(struct task *task, void *arg)
{
    struct answer *answer = arg;
    struct store *store = store_open(&answer->config->s3, task_stop(task), &answer->err);

    if (store)
        runs_read(store, answer->config, PAST_MOST, &answer->past, &answer->err);
    store_close(store);
}

static void drop(void *arg)
{
    struct answer *answer = arg;

    runs_list_done(&answer->past);
    free(answer);
}

static void take(void *owner, void *arg)
{
    struct screen *s = owner;
    struct answer *answer = arg;

    s->err = answer->err;
    if (answer->err.kind == ERR_NONE) {
        runs_list_done(&s->past);
        s->past = answer->past;
        answer->past = (struct runs_list){0};
        s->known = true;
    }
    table_refresh(&s->table);
}

static void reload(struct screen *s)
{
    if (tasks_busy(app_tasks(s->app), s))
        return;
    struct answer *answer = mem_alloc(sizeof(*answer));
    answer->config = app_config(s->app);
    struct task_params params = {.title = "reading run reports",
                                 .owner = s,
                                 .arg = answer,
                                 .work = ask,
                                 .done = take,
                                 .drop = drop};
    tasks_start(app_tasks(s->app), &params);
}

/* --- rows: the hub's first, then the reports that are not of one of them --- */

static size_t hub_count(const struct screen *s)
{
    size_t n = 0;

    while (hub_run_at(app_hub(s->app), n))
        n++;
    return n;
}

static const struct runs_past *past_of(const struct screen *s, size_t row)
{
    size_t at = row - hub_count(s);

    for (size_t i = 0; i < s->past.count; i++) {
        if (!hub_find(app_hub(s->app), s->past.items[i].run_id) && at-- == 0)
            return &s->past.items[i];
    }
    return NULL;
}

static size_t count(const void *self)
{
    const struct screen *s = self;
    size_t n = hub_count(s);

    for (size_t i = 0; i < s->past.count; i++)
        n += hub_find(app_hub(s->app), s->past.items[i].run_id) == NULL;
    return n;
}

static const char *id(const void *self, size_t row)
{
    const struct screen *s = self;
    const struct hub_run *run = hub_run_at(app_hub(s->app), row);

    return run ? run->run_id : past_of(s, row)->run_id;
}

static const char *state_of(const struct hub_run *run)
{
    if (run->died)
        return "died";
    if (!run->seen)
        return "no answer";
    return run->now->status[0] ? run->now->status : run->now->state;
}

static const char *error_of(const struct hub_run *run)
{
    for (size_t i = 0; i < run->now->table_count; i++) {
        if (run->now->tables[i].error[0])
            return run->now->tables[i].error;
    }
    return run->err.kind != ERR_NONE ? run->err.what : "";
}

/* One shape for both. */
static struct runs_past as_past(const struct screen *s, size_t row)
{
    const struct hub_run *run = hub_run_at(app_hub(s->app), row);
    struct runs_past p = {.rows = -1, .batches = -1};

    if (!run)
        return *past_of(s, row);
    snprintf(p.run_id, sizeof(p.run_id), "%s", run->run_id);
    snprintf(p.kind, sizeof(p.kind), "%s", run->now->kind);
    snprintf(p.status, sizeof(p.status), "%s", state_of(run));
    PROGRESS_SET(p.error, error_of(run));
    if (run->seen) {
        p.started_us = run->now->started_utc_us;
        p.ended_us = p.started_us + (int64_t)(run->now->seconds * 1e6);
        p.rows = run->now->rows_done;
        p.batches = run->now->batches;
        p.bytes = run->now->bytes;
    }
    return p;
}

/* --- the table --- */

enum column { RUN, STATE, KIND, STARTED, TOOK, ROWS, STORED, RATE, BATCHES, ERROR };

static const struct table_column columns[] = {
    [RUN] =
        {.title = "run", .min = 21, .max = 36, .frozen = true, .sort_key = 'I', .downward = true},
    [STATE] = {.title = "state", .min = 8, .sort_key = 'S'},
    [KIND] = {.title = "kind", .min = 7},
    [STARTED] = {.title = "started", .min = 7, .right = true, .sort_key = 'T', .downward = true},
    [TOOK] = {.title = "took", .min = 7, .right = true, .sort_key = 'K', .downward = true},
    [ROWS] = {.title = "rows", .min = 6, .right = true, .sort_key = 'R', .downward = true},
    [STORED] = {.title = "stored", .min = 8, .right = true, .sort_key = 'B', .downward = true},
    [RATE] = {.title = "rows/s", .min = 6, .right = true},
    [BATCHES] = {.title = "batches", .min = 7, .right = true},
    [ERROR] = {.title = "error", .min = 5},
};

static double seconds_of(const struct runs_past *p)
{
    return p->ended_us > p->started_us ? (double)(p->ended_us - p->started_us) / 1e6 : 0;
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    struct runs_past p = as_past(self, row);
    double seconds = seconds_of(&p);

    switch ((enum column)column) {
    case RUN:
        buf_adds(text, p.run_id);
        break;
    case STATE:
        buf_adds(text, p.status);
        *style = (int)words_status_style(p.status);
        break;
    case KIND:
        buf_adds(text, p.kind);
        break;
    case STARTED:
        if (p.started_us > 0)
            words_add_age(text, p.started_us);
        break;
    case TOOK:
        text_add_duration(text, seconds);
        break;
    case ROWS:
        if (p.rows >= 0)
            plot_count(text, (double)p.rows);
        break;
    case STORED:
        text_add_bytes(text, p.bytes);
        break;
    case RATE:
        if (p.rows > 0 && seconds > 0)
            plot_count(text, (double)p.rows / seconds);
        break;
    case BATCHES:
        if (p.batches >= 0)
            buf_addf(text, "%" PRId64, p.batches);
        break;
    case ERROR:
        buf_adds(text, p.error);
        *style = STYLE_BAD;
        break;
    }
}

static int compare(const void *self, size_t a, size_t b, size_t column)
{
    struct runs_past one = as_past(self, a), other = as_past(self, b);
    double x = 0, y = 0;

    switch ((enum column)column) {
    case RUN:
        return strcmp(one.run_id, other.run_id);
    case STATE:
        return strcmp(one.status, other.status);
    case TOOK:
        x = seconds_of(&one);
        y = seconds_of(&other);
        break;
    case ROWS:
        x = (double)one.rows;
        y = (double)other.rows;
        break;
    case STORED:
        x = (double)one.bytes;
        y = (double)other.bytes;
        break;
    default:
        x = (double)one.started_us;
        y = (double)other.started_us;
    }
    return (x > y) - (x < y);
}

/* --- keys --- */

enum action { OPEN = 1, REPORT, ROLL_BACK, RELOAD };

static const struct keys_binding bindings[] = {
    {OPEN, {'\r'}, "open", "the live run, or the report of one that is over", false},
    {REPORT, {'o'}, "report", "the report as it is stored", false},
    {ROLL_BACK, {'b'}, "roll back", "bring back all that this run archived, by steps", false},
    {RELOAD, {'r', K_CTRL('r')}, "reload", "read the store's reports again", false},
};

static bool offers(const void *self, int action)
{
    const struct screen *s = self;
    size_t row;

    return action != ROLL_BACK ||
           (table_current(&s->table, &row) && strcmp(as_past(s, row).kind, "archive") == 0);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    size_t row;

    if (action == RELOAD)
        reload(s);
    else if (table_current(&s->table, &row) && action == OPEN && hub_run_at(app_hub(app), row))
        live_open(app, id(s, row));
    else if (table_current(&s->table, &row) && action == ROLL_BACK)
        restore_open_rollback(app, id(s, row));
    else if (table_current(&s->table, &row))
        report_open(app, id(s, row));
}

/* --- the screen --- */

static void tick(struct app *app, void *self)
{
    struct screen *s = self;
    size_t live = hub_live(app_hub(app));

    if (live < s->live)
        reload(s);
    s->live = live;
    table_refresh(&s->table);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;

    table_refresh(&s->table); /* the hub's rows come and go */
    s->table.empty = s->err.kind != ERR_NONE ? s->err.what : s->known ? "no run so far" : "reading";
    table_draw(&s->table, c, (struct area){area.row, area.col, area.rows - 1, area.cols});
    if (s->err.kind != ERR_NONE)
        canvas_putf(c, area.row + area.rows - 1, 1, c->cols - 2, STYLE_BAD, "past runs: %s: %s",
                    s->err.what, s->err.why);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    runs_list_done(&s->past);
    table_done(&s->table);
    free(s);
}

static const struct screen_class runs_class = {.name = "Runs",
                                               .keys = KEYS(bindings),
                                               .offers = offers,
                                               .act = act,
                                               .table = table_of,
                                               .tick = tick,
                                               .draw = draw,
                                               .close = close_screen};

void runs_open(struct app *app)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->source = (struct table_source){
        .self = s, .count = count, .cell = cell, .compare = compare, .id = id};
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    table_refresh(&s->table);
    reload(s);
    app_push(app, &runs_class, s);
}

/* --- a report --- */

struct report {
    struct app *app;
    char run_id[40];
    struct buf json, text;
    struct err err;
};

static void fetch_report(struct task *task, void *arg)
{
    struct report *report = arg;
    const struct config *config = app_config(report->app);
    struct store *store = store_open(&config->s3, task_stop(task), &report->err);
    struct json_object *object = NULL;

    if (store && runs_report(store, config, report->run_id, &report->json, &report->err))
        object = json_parse(buf_str(&report->json), report->json.len, report->run_id, &report->err);
    if (object)
        json_add_lines(&report->text, object);
    json_object_put(object);
    store_close(store);
}

static void show_report(void *owner, void *arg)
{
    struct report *report = arg;
    char title[60];

    (void)owner;
    snprintf(title, sizeof(title), "report of %s", report->run_id);
    if (report->err.kind != ERR_NONE)
        app_fail(report->app, &report->err);
    else
        app_page(report->app, title, &report->text);
}

static void drop_report(void *arg)
{
    struct report *report = arg;

    buf_done(&report->json);
    buf_done(&report->text);
    free(report);
}

void report_open(struct app *app, const char *run_id)
{
    struct report *report = mem_alloc(sizeof(*report));

    report->app = app;
    snprintf(report->run_id, sizeof(report->run_id), "%s", run_id);
    struct task_params params = {.title = "reading a report",
                                 .owner = app,
                                 .arg = report,
                                 .work = fetch_report,
                                 .done = show_report,
                                 .drop = drop_report};
    tasks_start(app_tasks(app), &params);
}
