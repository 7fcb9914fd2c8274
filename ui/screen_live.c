/* SPDX-License-Identifier: PostgreSQL
 *
 * One run as it goes: the whole and each table, where the time goes, what the server has to bear,
 * the log. What the run's report will say is what stands here at the end.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "app.h"
#include "base/text.h"
#include "plot.h"
#include "screens.h"
#include "words.h"

enum {
    PANES_WIDE = 76, /* below it the panes stand one over the other */
    PHASES_ROWS = 5,
    SPARK_COLS = 8,
    HOLD_COLS = 30,  /* of the last column, to read there what holds a table up */
    HANGS_AFTER = 5, /* seconds without an answer of the server */
    SERVER_LINES = 5,
    TOLD_WITHIN_US = 1500000,
};

struct screen {
    struct app *app;
    char run_id[40];
    enum log_level level; /* lines shown: this and worse */
    struct table_source source;
    struct table table;
    char id[280];
    double asked_ceiling; /* what the run will have said within a moment */
    int64_t asked_us;     /* monotonic */
};

static struct hub_run *run_of(const struct screen *s)
{
    return hub_find(app_hub(s->app), s->run_id);
}

static const struct progress_snapshot *snapshot_of(const struct screen *s)
{
    static const struct progress_snapshot none = {.exit_code = -1};
    const struct hub_run *run = run_of(s);

    return run ? run->now : &none;
}

/* --- tables --- */

enum column {
    TABLE,
    STATE,
    SHARE,
    PERCENT,
    RATE,
    SPARK,
    LEFT,
    DONE,
    BYTES,
    BATCHES,
    SKIPPED,
    OBJECT
};

static const struct table_column columns[] = {
    [TABLE] = {.title = "table", .min = 22, .max = 40, .frozen = true, .sort_key = 'T'},
    [STATE] = {.title = "state", .min = 8, .max = 8},
    [SHARE] = {.title = "", .min = 12, .max = 12},
    [PERCENT] = {.title = "", .min = 4, .max = 4, .right = true},
    [RATE] = {.title = "rows/s", .min = 6, .right = true, .sort_key = 'R', .downward = true},
    [SPARK] = {.title = "", .min = SPARK_COLS, .max = SPARK_COLS},
    [LEFT] = {.title = "left", .min = 6, .right = true},
    [DONE] = {.title = "rows", .min = 7, .right = true, .sort_key = 'D', .downward = true},
    [BYTES] = {.title = "stored", .min = 8, .right = true, .sort_key = 'B', .downward = true},
    [BATCHES] = {.title = "batches", .min = 7, .right = true},
    [SKIPPED] = {.title = "skipped", .min = 7, .right = true},
    [OBJECT] = {.title = "object", .min = 6},
};

static double share_of(const struct progress_table *t)
{
    if (t->state == TABLE_DONE)
        return 1;
    return t->rows_total > 0 ? (double)(t->rows_done + t->rows_in_flight) / (double)t->rows_total
                             : -1;
}

static void state_cell(const struct progress_table *t, struct buf *text, int *style)
{
    static const enum theme_style styles[TABLE_STATES] = {
        [TABLE_WAITING] = STYLE_DIM, [TABLE_RUNNING] = STYLE_ACCENT, [TABLE_DONE] = STYLE_GOOD,
        [TABLE_FAILED] = STYLE_BAD,  [TABLE_SKIPPED] = STYLE_DIM,    [TABLE_STOPPED] = STYLE_WARN};

    *style = (int)styles[t->state];
    if (t->wait[0]) {
        buf_adds(text, "waits");
        *style = STYLE_WARN;
    } else {
        buf_adds(text, t->state == TABLE_RUNNING && t->phase[0] ? t->phase
                                                                : progress_state_name(t->state));
    }
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct progress_table *t = &snapshot_of(self)->tables[row];
    bool running = t->state == TABLE_RUNNING;

    switch ((enum column)column) {
    case TABLE:
        buf_addf(text, "%s.%s", t->database, t->table);
        break;
    case STATE:
        state_cell(t, text, style);
        break;
    case SHARE: /* drawn over */
    case SPARK:
        break;
    case PERCENT:
        if (share_of(t) >= 0)
            buf_addf(text, "%d%%", (int)(share_of(t) > 1 ? 100 : share_of(t) * 100));
        break;
    case RATE:
        if (running && t->rows_per_second >= 0)
            plot_count(text, t->rows_per_second);
        else if (t->seconds > 0 && t->rows_done > 0)
            plot_count(text, (double)t->rows_done / t->seconds);
        break;
    case LEFT:
        if (running && t->seconds_left > 0)
            text_add_duration(text, t->seconds_left);
        break;
    case DONE:
        plot_count(text, (double)t->rows_done);
        break;
    case BYTES:
        text_add_bytes(text, t->bytes);
        break;
    case BATCHES:
        buf_addf(text, "%" PRId64, t->batches);
        break;
    case SKIPPED:
        buf_addf(text, "%" PRId64, t->skipped);
        *style = t->skipped > 0 ? STYLE_WARN : *style;
        break;
    case OBJECT:
        if (t->vacuum_phase[0])
            progress_doing(t, text);
        else
            buf_adds(text, t->error[0] ? t->error : t->wait[0] ? t->why : t->object);
        *style = t->error[0] ? STYLE_BAD : t->wait[0] ? STYLE_WARN : STYLE_DIM;
        break;
    }
}

static int compare(const void *self, size_t a, size_t b, size_t column)
{
    const struct progress_table *one = &snapshot_of(self)->tables[a];
    const struct progress_table *other = &snapshot_of(self)->tables[b];
    double x = column == RATE   ? one->rows_per_second
               : column == DONE ? (double)one->rows_done
                                : (double)one->bytes;
    double y = column == RATE   ? other->rows_per_second
               : column == DONE ? (double)other->rows_done
                                : (double)other->bytes;

    if (column == TABLE)
        return strcmp(one->table, other->table);
    return (x > y) - (x < y);
}

static size_t count(const void *self)
{
    return snapshot_of(self)->table_count;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */
    const struct progress_table *t = &snapshot_of(s)->tables[row];

    snprintf(s->id, sizeof(s->id), "%s.%s", t->database, t->table);
    return s->id;
}

/* What holds a table up, and a VACUUM, stand in the last column; where that is not to be seen, over
 * the numbers, which do not move meanwhile. Sleeps and ceilings come with every batch: over them
 * the numbers would flicker. */
static void draw_hold(const struct screen *s, struct canvas *c, const struct progress_table *t,
                      int line, int cursor)
{
    struct area object = table_cell_area(&s->table, OBJECT);
    struct area rate = table_cell_area(&s->table, RATE);
    bool waits = t->wait[0] && strcmp(t->wait, "sleep") != 0 && strcmp(t->wait, "ceiling") != 0;
    int cols = s->table.drawn.col + s->table.drawn.cols - rate.col - 1;
    struct buf text = BUF_INIT;

    if ((!waits && !t->vacuum_phase[0]) || object.cols >= HOLD_COLS || rate.cols == 0)
        return;
    if (waits)
        buf_adds(&text, t->why);
    else
        progress_doing(t, &text);
    canvas_fill(c, (struct area){line, rate.col, 1, cols}, ' ', STYLE_TEXT | cursor);
    canvas_put(c, line, rate.col, cols, (waits ? STYLE_WARN : STYLE_DIM) | cursor, buf_str(&text));
    buf_done(&text);
}

/* Gauges and sparklines go over the cells that are kept free for them. */
static void draw_pictures(struct screen *s, struct canvas *c)
{
    const struct hub_run *run = run_of(s);
    const struct table *table = &s->table;

    for (size_t i = 0; run && i < (size_t)table->page && table->top + i < table->count; i++) {
        size_t row = table_row(table, table->top + i);
        const struct progress_table *t = &run->now->tables[row];
        int line = table->drawn.row + 1 + (int)i;
        struct area gauge = table_cell_area(table, SHARE), spark = table_cell_area(table, SPARK);
        int cursor = table->top + i == table->cursor ? STYLE_SELECTED : 0;
        if (gauge.cols > 2 && t->state != TABLE_WAITING)
            plot_gauge(c, line, gauge.col, gauge.cols, share_of(t),
                       (t->state == TABLE_FAILED ? STYLE_BAD : STYLE_GAUGE) | cursor);
        if (spark.cols > 0 && row < run->table_count)
            plot_spark(c, line, spark.col, spark.cols, run->tables[row].values,
                       run->tables[row].count, STYLE_SPARK | cursor);
        draw_hold(s, c, t, line, cursor);
    }
}

/* --- the whole --- */

static size_t tables_over(const struct progress_snapshot *n)
{
    size_t over = 0;

    for (size_t i = 0; i < n->table_count; i++)
        over += n->tables[i].state != TABLE_WAITING && n->tables[i].state != TABLE_RUNNING;
    return over;
}

/* Where nobody has counted all rows: tables that are over, and the share of the one in work. */
static double share_of_tables(const struct progress_snapshot *n)
{
    double share = (double)tables_over(n);

    for (size_t i = 0; i < n->table_count; i++) {
        if (n->tables[i].state == TABLE_RUNNING && share_of(&n->tables[i]) > 0)
            share += share_of(&n->tables[i]) < 1 ? share_of(&n->tables[i]) : 1;
    }
    return n->table_count > 0 ? share / (double)n->table_count : 0;
}

static void draw_total(const struct screen *s, struct canvas *c, int row)
{
    const struct hub_run *run = run_of(s);
    const struct progress_snapshot *n = snapshot_of(s);
    bool known = n->exit_code == 0 || n->rows_total > 0;
    double share = n->exit_code == 0   ? 1
                   : n->rows_total > 0 ? (double)n->rows_done / (double)n->rows_total
                                       : share_of_tables(n);
    struct buf text = BUF_INIT;

    if (!known)
        buf_addf(&text, "%zu/%zu tables  ", tables_over(n), n->table_count);
    else
        buf_addf(&text, "%3.0f%%  ", share > 1 ? 100 : share * 100);
    plot_count(&text, (double)n->rows_done);
    if (n->rows_total > 0) {
        buf_adds(&text, n->exit_code >= 0 ? "/" : "/~");
        plot_count(&text, (double)n->rows_total);
    }
    buf_adds(&text, " rows  ");
    text_add_bytes(&text, n->bytes);
    buf_adds(&text, "  ");
    if (n->exit_code >= 0) {
        buf_adds(&text, n->status);
    } else if (n->seconds_left > 0) {
        text_add_duration(&text, n->seconds_left);
        buf_adds(&text, " left");
    }
    int width = glyph_width(c->glyphs, buf_str(&text)), spark = c->cols > 110 ? 40 : 0;
    int gauge = c->cols - 6 - width - 3 - spark;
    canvas_put(c, row, 1, 4, STYLE_BOLD, "ALL");
    if (gauge >= 8)
        plot_gauge(c, row, 5, gauge, share, n->exit_code > 0 ? STYLE_WARN : STYLE_GAUGE);
    if (spark > 0 && run)
        plot_spark(c, row, 5 + gauge + 1, spark - 2, run->total.values, run->total.count,
                   STYLE_SPARK);
    canvas_put(c, row, c->cols - width - 1, width, STYLE_BOLD, buf_str(&text));
    buf_done(&text);
}

/* --- panes --- */

static size_t count_above(const double *phases, double least)
{
    size_t n = 0;

    for (int p = 0; p < PHASE_COUNT; p++)
        n += phases[p] > least;
    return n;
}

static double next_above(const double *phases, double least)
{
    double next = -1;

    for (int p = 0; p < PHASE_COUNT; p++) {
        if (phases[p] > least && (next < 0 || phases[p] < next))
            next = phases[p];
    }
    return next;
}

/* In the order of the data's way; where there are more than rows, the shortest are left out. */
static void draw_phases(const struct screen *s, struct canvas *c, struct area area)
{
    const struct progress_snapshot *n = snapshot_of(s);
    double phases[PHASE_COUNT] = {0}, all = 0, least = 0;
    int row = area.row, name = 9, gauge = area.cols - name - 14;

    for (size_t t = 0; t < n->table_count; t++) {
        for (int p = 0; p < PHASE_COUNT; p++)
            phases[p] += n->tables[t].phases[p];
    }
    for (int p = 0; p < PHASE_COUNT; p++)
        all += phases[p];
    while (count_above(phases, least) > (size_t)area.rows)
        least = next_above(phases, least);
    for (int p = 0; p < PHASE_COUNT && row < area.row + area.rows; p++) {
        struct buf text = BUF_INIT;
        if (phases[p] <= least)
            continue;
        canvas_put(c, row, area.col, name, STYLE_TEXT, progress_phase_name(p));
        if (gauge > 4)
            plot_gauge(c, row, area.col + name, gauge, phases[p] / all, STYLE_SPARK);
        buf_addf(&text, "%3.0f%% ", phases[p] / all * 100);
        text_add_duration(&text, phases[p]);
        canvas_put(c, row, area.col + area.cols - 13, 13, STYLE_TEXT, buf_str(&text));
        buf_done(&text);
        row++;
    }
    if (all <= 0 && area.rows > 0)
        canvas_put(c, row, area.col, area.cols, STYLE_DIM, "not yet");
}

static void add_seconds(struct buf *text, double seconds)
{
    if (seconds < 0)
        buf_adds(text, "-");
    else
        buf_addf(text, seconds < 10 ? "%.1fs" : "%.0fs", seconds);
}

static void draw_server(const struct screen *s, struct canvas *c, struct area area)
{
    const struct progress_snapshot *n = snapshot_of(s);
    const struct progress_server *v = &n->server;
    struct buf lines[SERVER_LINES] = {BUF_INIT};
    enum theme_style styles[SERVER_LINES] = {STYLE_TEXT};

    if (v->answered < 0 && v->asked < HANGS_AFTER) {
        canvas_put(c, area.row, area.col, area.cols, STYLE_DIM, "not yet seen");
        return;
    }
    buf_adds(&lines[0], "lag ");
    add_seconds(&lines[0], v->lag);
    buf_adds(&lines[0], "   xact age ");
    add_seconds(&lines[0], v->transaction_age);
    buf_addf(&lines[1], "blocked by us %" PRId64, v->blocked);
    if (v->blocked_seconds >= 0)
        buf_addf(&lines[1], ", %.0fs", v->blocked_seconds);
    buf_addf(&lines[1], "   locks %" PRId64, v->locks);
    styles[1] = v->blocked > 0 ? STYLE_WARN : STYLE_TEXT;
    buf_addf(&lines[2], "backends %" PRId64 "/%" PRId64, v->backends, v->backends_max);
    if (v->active >= 0)
        buf_addf(&lines[2], ", %" PRId64 " active", v->active);
    buf_adds(&lines[3], "wal ");
    if (v->wal_per_second >= 0)
        text_add_bytes(&lines[3], (uint64_t)v->wal_per_second);
    buf_addf(&lines[3], "%s   %s", v->wal_per_second >= 0 ? "/s" : "?", v->database);
    styles[4] = STYLE_DIM;
    if (v->asked >= HANGS_AFTER) {
        buf_addf(&lines[4], "NO ANSWER for %.0f s", v->asked);
        styles[4] = STYLE_BAD;
    } else if (v->answered >= 0) {
        buf_addf(&lines[4], "as of %.0f s ago", v->answered);
    }
    for (int i = 0; i < SERVER_LINES; i++) {
        if (i < area.rows)
            canvas_put(c, area.row + i, area.col, area.cols, styles[i], buf_str(&lines[i]));
        buf_done(&lines[i]);
    }
}

static void draw_log(const struct screen *s, struct canvas *c, struct area area)
{
    static const enum theme_style styles[] = {STYLE_BAD, STYLE_WARN, STYLE_TEXT};
    const struct hub_run *run = run_of(s);
    int row = area.row + area.rows;

    for (size_t i = 0; run && i < run->line_count && i < HUB_LINES && row > area.row; i++) {
        const struct hub_line *line = &run->lines[(run->line_count - 1 - i) % HUB_LINES];
        struct buf at = BUF_INIT;
        if (line->level > s->level)
            continue;
        text_add_time(&at, line->at_us);
        int used = canvas_putf(c, --row, area.col, 10, STYLE_DIM, "%.8s", buf_str(&at) + 11);
        canvas_put(c, row, area.col + used + 1, area.cols - used - 1,
                   styles[line->level < LOG_INFO ? line->level : LOG_INFO], line->text);
        buf_done(&at);
    }
}

/* --- the layout --- */

static void draw_panes(const struct screen *s, struct canvas *c, struct area area)
{
    int half = area.cols / 2;
    bool wide = area.cols >= PANES_WIDE;
    static const char *const levels[] = {"log  level:error", "log  level:warn", "log  level:info"};
    int row = area.row;

    canvas_rule(c, row, 0, area.cols, "where the time goes");
    if (wide) {
        struct area right = {row + 1, half + 2, PHASES_ROWS, area.cols - half - 3};
        canvas_rule(c, row, half, area.cols - half, "on the server");
        canvas_fill(c, (struct area){row, half, 1, 1}, c->glyphs->tee_down, STYLE_LINE);
        canvas_fill(c, (struct area){row + 1, half, PHASES_ROWS, 1}, c->glyphs->vertical,
                    STYLE_LINE);
        draw_phases(s, c, (struct area){row + 1, 1, PHASES_ROWS, half - 2});
        draw_server(s, c, right);
        row += 1 + PHASES_ROWS;
    } else {
        draw_server(s, c, (struct area){row + 1, 1, 2, area.cols - 2});
        row += 3;
    }
    canvas_rule(c, row, 0, area.cols, levels[s->level]);
    if (wide)
        canvas_fill(c, (struct area){row, half, 1, 1}, c->glyphs->tee_up, STYLE_LINE);
    draw_log(s, c, (struct area){row + 1, 1, area.row + area.rows - row - 1, area.cols - 2});
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    const struct hub_run *run = run_of(s);
    int rows = (int)snapshot_of(s)->table_count + 1;
    int most = area.rows - 1 - (1 + PHASES_ROWS) - 4;

    if (!run || !run->seen) {
        canvas_putf(c, area.row + 1, 1, area.cols - 2, run && run->err.kind ? STYLE_BAD : STYLE_DIM,
                    "%s", run && run->err.kind ? run->err.why : "waiting for the run to show");
        return;
    }
    table_refresh(&s->table);
    draw_total(s, c, area.row);
    rows = rows < most ? rows : most;
    table_draw(&s->table, c, (struct area){area.row + 1, 0, rows, area.cols});
    draw_pictures(s, c);
    draw_panes(s, c, (struct area){area.row + 1 + rows, 0, area.rows - 1 - rows, area.cols});
}

/* --- keys --- */

enum action {
    PAUSE = 1,
    RESUME,
    STOP,
    ABORT,
    FASTER,
    SLOWER,
    NO_LIMIT,
    LIMIT,
    LEVEL,
    DETAIL,
    REPORT
};

static const struct keys_binding bindings[] = {
    {PAUSE, {'p'}, "pause", "hold before the next batch, the lock kept", true},
    {RESUME, {'p'}, "resume", "go on", true},
    {STOP, {'s'}, "stop", "end after the batch in work", true},
    {ABORT, {'X'}, "abort", "end at once: the batch in work is rolled back", true},
    {FASTER, {'+', '='}, "faster", "raise the ceiling of rows a second", true},
    {SLOWER, {'-'}, "slower", "lower it, or begin with one", true},
    {NO_LIMIT, {'0'}, NULL, "no ceiling", true},
    {LIMIT, {'c'}, NULL, "type a ceiling: rows, or MB, a second", true},
    {DETAIL, {'\r'}, "table", "the table that the cursor is on", false},
    {LEVEL, {'e'}, NULL, "which log lines: all, warnings, errors", false},
    {REPORT, {'o'}, "report", "the run's report, once it has ended", false},
};

static bool offers(const void *self, int action)
{
    const struct screen *s = self;
    const struct progress_snapshot *n = snapshot_of(s);
    const struct hub_run *run = run_of(s);
    bool live = run && hub_is_live(run) && n->exit_code < 0;

    switch (action) {
    case PAUSE:
        return live && n->pausable && !n->pause_asked;
    case RESUME:
        return live && n->pause_asked;
    case STOP:
        return live && !n->stop_asked;
    case ABORT:
    case FASTER:
    case SLOWER:
    case NO_LIMIT:
    case LIMIT:
        return live;
    case REPORT:
        return n->exit_code >= 0;
    default:
        return true;
    }
}

static void ask_run(struct screen *s, const char *what)
{
    struct hub_run *run = run_of(s);
    struct err err;

    if (run && hub_ask(run, what, &err))
        app_say(s->app, STYLE_GOOD, "%s: asked", what);
    else if (run)
        app_fail(s->app, &err);
}

static void stop_run(struct app *app, void *arg)
{
    (void)app;
    ask_run(arg, "stop");
}

static void abort_run(struct app *app, void *arg)
{
    (void)app;
    ask_run(arg, "stop now");
}

static void confirm(struct screen *s, bool now)
{
    char *text =
        mem_printf("run %s\n%s", s->run_id,
                   now ? "Ends at once. The batch in work is rolled back: its rows stay in "
                         "the table."
                       : "Ends after the batch in work; the next run goes on from there.");
    struct app_question question = {.title = now ? "Abort this run?" : "Stop this run?",
                                    .text = text,
                                    .verb = now ? "abort" : "stop",
                                    .key = 'y',
                                    .yes = now ? abort_run : stop_run,
                                    .arg = s};

    app_ask(s->app, &question);
    free(text);
}

/* Negative: stays as it is. */
static bool ask_ceilings(struct screen *s, double rows, double mb)
{
    struct hub_run *run = run_of(s);
    struct err err;

    if (!run)
        return false;
    if (!hub_throttle(run, rows, mb, &err)) {
        app_fail(s->app, &err);
        return false;
    }
    if (rows >= 0) {
        s->asked_ceiling = rows;
        s->asked_us = text_monotonic_us();
    }
    return true;
}

/* None of rows is none at all: bytes, too, may go as fast as they can. */
static void set_ceiling(struct screen *s, double rows)
{
    struct buf text = BUF_INIT;

    if (!ask_ceilings(s, rows, rows > 0 ? -1 : 0))
        return;
    plot_count(&text, rows);
    if (rows > 0)
        app_say(s->app, STYLE_GOOD, "at most %s rows a second", buf_str(&text));
    else
        app_say(s->app, STYLE_GOOD, "no ceiling");
    buf_done(&text);
}

static bool is_ceiling(const char *text, double *ret)
{
    return text_to_real(text, ret) && *ret >= 0 && *ret < 1e12;
}

/* "5000" are rows, "5 MB" million bytes. */
static void take_ceiling(struct app *app, void *self, const char *text)
{
    char *number = mem_strdup(text);
    size_t len = strlen(number);
    bool mb = len > 2 && strcasecmp(number + len - 2, "MB") == 0;
    double value;

    for (len -= mb ? 2 : 0; len > 0 && number[len - 1] == ' '; len--)
        ;
    number[len] = '\0';
    if (!is_ceiling(number, &value))
        app_say(app, STYLE_BAD, "a number of rows is expected, or of MB (5 MB), 0 for none: %s",
                text);
    else if (!mb || value == 0)
        set_ceiling(self, value);
    else if (ask_ceilings(self, -1, value))
        app_say(app, STYLE_GOOD, "at most %g MB a second", value);
    free(number);
}

/* As it was just asked for: the run's word comes a moment later, and keys come faster. */
static double ceiling_now(const struct screen *s)
{
    bool fresh = s->asked_us > 0 && text_monotonic_us() - s->asked_us < TOLD_WITHIN_US;

    return fresh ? s->asked_ceiling : snapshot_of(s)->rows_ceiling;
}

/* In steps of a quarter; the first ceiling is below what it does now. */
static void throttle(struct screen *s, int action)
{
    double rate = snapshot_of(s)->rows_per_second, now = ceiling_now(s);
    double next = 0;

    if (action == SLOWER)
        next = (now > 0 ? now : rate > 0 ? rate : 1000) * 0.75;
    else if (action == FASTER && now > 0)
        next = now * 1.25;
    set_ceiling(s, next > 0 && next < 1 ? 1 : (double)(int64_t)next);
}

static void open_table(struct screen *s)
{
    const struct config *config = app_config(s->app);
    size_t row;

    if (!table_current(&s->table, &row))
        return;
    const struct progress_table *t = &snapshot_of(s)->tables[row];
    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *database = &config->databases[d];
        for (size_t i = 0; strcmp(database->name, t->database) == 0 && i < database->table_count;
             i++) {
            char name[300];
            snprintf(name, sizeof(name), "%s.%s", database->tables[i].schema,
                     database->tables[i].name);
            if (strcmp(name, t->table) == 0) {
                detail_open(s->app, database, &database->tables[i]);
                return;
            }
        }
    }
    app_say(s->app, STYLE_WARN, "%s is not in this config", t->table);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    switch (action) {
    case PAUSE:
    case RESUME:
        ask_run(s, action == PAUSE ? "pause" : "resume");
        break;
    case STOP:
    case ABORT:
        confirm(s, action == ABORT);
        break;
    case FASTER:
    case SLOWER:
    case NO_LIMIT:
        throttle(s, action);
        break;
    case LIMIT:
        app_prompt(app, &(struct app_prompt){.label = "rows (or MB) a second: ",
                                             .entered = take_ceiling,
                                             .self = s});
        break;
    case DETAIL:
        open_table(s);
        break;
    case LEVEL:
        s->level = s->level == LOG_INFO ? LOG_WARN : s->level == LOG_WARN ? LOG_ERROR : LOG_INFO;
        break;
    case REPORT:
        report_open(app, s->run_id);
        break;
    }
}

/* --- the screen --- */

static void crumb(const void *self, struct buf *text)
{
    const struct screen *s = self;

    buf_addf(text, "Run %s", s->run_id);
}

static void tick(struct app *app, void *self)
{
    struct screen *s = self;
    struct hub_run *run = run_of(s);

    /* What a run refuses comes as an answer later than the key. */
    if (run && run->err.kind == ERR_USAGE) {
        app_say(app, STYLE_WARN, "%s", run->err.what);
        run->err = ERR_INIT;
    }
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    table_done(&s->table);
    free(s);
}

static const struct screen_class live_class = {.name = "Run",
                                               .keys = KEYS(bindings),
                                               .crumb = crumb,
                                               .offers = offers,
                                               .act = act,
                                               .table = table_of,
                                               .tick = tick,
                                               .draw = draw,
                                               .close = close_screen};

void live_open(struct app *app, const char *run_id)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->level = LOG_INFO;
    snprintf(s->run_id, sizeof(s->run_id), "%s", run_id);
    s->source = (struct table_source){
        .self = s, .count = count, .cell = cell, .compare = compare, .id = id};
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    app_push(app, &live_class, s);
    hub_look(app_hub(app));
}
