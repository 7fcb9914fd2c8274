/* SPDX-License-Identifier: PostgreSQL
 *
 * One row a table: what waits, what was archived, how the last run went; live runs and totals on
 * top. Each database is asked by a task of its own and the store by another, so that rows fill in
 * as answers come, and one that does not answer shows just that.
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

enum {
    SLOW_US = 3000000, /* an answer that takes longer is worth a word */
    REFRESH_US = 120 * 1000000,
    LAST_RUNS = 30,
    STRIP_MAX = 3, /* live runs shown above the table */
};

enum state { ASKED, KNOWN, FAILED };

struct row {
    const struct config_database *database;
    const struct config_table *table;
    char *name;
    enum state server, store;
    struct overview_table at_server;
    struct overview_archived archived;
    struct err store_err;
    char last_status[16]; /* of the last run that had a turn for it; "" none */
    int64_t last_us, last_rows;
};

struct screen {
    struct app *app;
    struct row *rows;
    size_t count;
    int64_t asked_us; /* monotonic */
    size_t live;      /* runs, when it was last looked */
    bool runs_known;
    struct table_source source;
    struct table table;
};

/* --- asking --- */

struct ask { /* what a task takes along */
    const struct config *config;
    const struct config_database *database; /* NULL: the store */
};

struct answer {
    enum { OF_TABLE, OF_DATABASE, OF_ARCHIVES, OF_STORE, OF_RUNS } of;
    const struct config_database *database;
    const struct config_table *table;
    struct overview_table at_server;
    struct overview_archived archived;
    struct runs_list runs;
    struct err err;
};

static void drop_answer(void *item)
{
    struct answer *answer = item;

    overview_archived_done(&answer->archived);
    runs_list_done(&answer->runs);
    free(answer);
}

struct asking {
    struct task *task;
    const struct config_database *database;
};

static void post_table(const struct overview_table *table, void *state)
{
    const struct asking *asking = state;
    struct answer *answer = mem_alloc(sizeof(*answer));

    *answer = (struct answer){.of = OF_TABLE,
                              .database = asking->database,
                              .table = table->table,
                              .at_server = *table};
    task_post(asking->task, answer);
}

static void post_failure(struct task *task, const struct config_database *database,
                         const struct err *err)
{
    struct answer *answer = mem_alloc(sizeof(*answer));

    answer->of = database ? OF_DATABASE : OF_STORE;
    answer->database = database;
    answer->err = *err;
    task_post(task, answer);
}

static void ask_database(struct task *task, const struct config_database *database)
{
    struct asking asking = {task, database};
    struct err err;

    if (!overview_database(database, task_stop(task), post_table, &asking, &err))
        post_failure(task, database, &err);
}

static void ask_table_archives(struct task *task, struct store *store, const struct config *config,
                               const struct config_database *database,
                               const struct config_table *table)
{
    struct answer *answer = mem_alloc(sizeof(*answer));

    *answer = (struct answer){.of = OF_ARCHIVES, .database = database, .table = table};
    overview_archived(store, config, database, table, &answer->archived, &answer->err);
    task_post(task, answer);
}

static void ask_store(struct task *task, const struct config *config)
{
    const struct stop *stop = task_stop(task);
    struct err err;
    struct store *store = store_open(&config->s3, stop, &err);
    struct answer *runs = mem_alloc(sizeof(*runs));

    if (!store) {
        post_failure(task, NULL, &err);
        free(runs);
        return;
    }
    runs->of = OF_RUNS;
    runs_read(store, config, LAST_RUNS, &runs->runs, &runs->err);
    task_post(task, runs);
    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *database = &config->databases[d];
        for (size_t t = 0; t < database->table_count && !stop_asked(stop); t++)
            ask_table_archives(task, store, config, database, &database->tables[t]);
    }
    store_close(store);
}

static void ask(struct task *task, void *arg)
{
    const struct ask *ask = arg;

    if (ask->database)
        ask_database(task, ask->database);
    else
        ask_store(task, ask->config);
}

/* --- answers --- */

static void take_runs(struct screen *s, const struct runs_list *list);

static void take_one(struct screen *s, struct row *row, struct answer *answer)
{
    bool of_database = answer->database == row->database;
    bool of_table = answer->table == row->table;

    if (answer->of == OF_TABLE && of_table) {
        row->server = answer->at_server.err.kind == ERR_NONE ? KNOWN : FAILED;
        row->at_server = answer->at_server;
    } else if (answer->of == OF_DATABASE && of_database) {
        row->server = FAILED;
        row->at_server.err = answer->err;
    } else if (answer->of == OF_STORE) {
        row->store = FAILED;
        row->store_err = answer->err;
    } else if (answer->of == OF_ARCHIVES && of_table) {
        row->store = answer->err.kind == ERR_NONE ? KNOWN : FAILED;
        row->store_err = answer->err;
        overview_archived_done(&row->archived);
        row->archived = answer->archived;
        answer->archived = (struct overview_archived){0};
    }
    (void)s;
}

static void take_answer(void *owner, void *item)
{
    struct screen *s = owner;
    struct answer *answer = item;

    for (size_t i = 0; i < s->count; i++)
        take_one(s, &s->rows[i], answer);
    if (answer->of == OF_RUNS)
        take_runs(s, &answer->runs);
    drop_answer(answer);
    table_refresh(&s->table);
}

/* The newest run in which it had a turn. Reports have the tables in the order of the configuration,
 * as the rows stand, so that the search begins where it nearly always ends. */
static void take_last(struct row *row, size_t guess, const struct runs_past *run)
{
    for (size_t i = 0; i < run->table_count; i++) {
        const struct runs_table *t = &run->tables[(guess + i) % run->table_count];
        if (strcmp(t->table, row->table->name) == 0 && strcmp(t->schema, row->table->schema) == 0 &&
            strcmp(t->database, row->database->name) == 0) {
            snprintf(row->last_status, sizeof(row->last_status), "%s", t->status);
            row->last_us = run->ended_us;
            row->last_rows = t->rows;
            return;
        }
    }
}

static void take_runs(struct screen *s, const struct runs_list *list)
{
    s->runs_known = true;
    for (size_t i = 0; i < s->count; i++) {
        s->rows[i].last_status[0] = '\0';
        for (size_t r = 0; r < list->count && !s->rows[i].last_status[0]; r++)
            take_last(&s->rows[i], i, &list->items[r]);
    }
}

static void start_asking(struct screen *s, const struct config_database *database)
{
    struct ask *what = mem_alloc(sizeof(*what));
    char *title =
        database ? mem_printf("asking %s", database->name) : mem_strdup("reading catalogs");

    *what = (struct ask){.config = app_config(s->app), .database = database};
    struct task_params params = {.title = title,
                                 .owner = s,
                                 .arg = what,
                                 .work = ask,
                                 .item = take_answer,
                                 .drop_item = drop_answer,
                                 .drop = free};
    tasks_start(app_tasks(s->app), &params);
    free(title);
}

static void reload(struct screen *s)
{
    const struct config *config = app_config(s->app);

    if (tasks_busy(app_tasks(s->app), s))
        return;
    s->asked_us = text_monotonic_us();
    for (size_t i = 0; i < s->count; i++) {
        s->rows[i].server = s->rows[i].server == KNOWN ? KNOWN : ASKED;
        s->rows[i].store = s->rows[i].store == KNOWN ? KNOWN : ASKED;
    }
    for (size_t i = 0; i < config->database_count; i++)
        start_asking(s, &config->databases[i]);
    start_asking(s, NULL);
}

/* --- the table --- */

enum column { TABLE, OLDER, OLDEST, ON_DISK, ARCHIVED, LAST, KEEP, TO_GO, ROWS, BATCHES, NOTE };

static const struct table_column columns[] = {
    [TABLE] = {.title = "table", .min = 22, .max = 44, .frozen = true, .sort_key = 'T'},
    [OLDER] = {.title = "older", .min = 7, .right = true, .sort_key = 'E', .downward = true},
    [OLDEST] = {.title = "oldest", .min = 10, .sort_key = 'O'},
    [ON_DISK] = {.title = "on disk", .min = 8, .right = true, .sort_key = 'D', .downward = true},
    [ARCHIVED] = {.title = "archived", .min = 8, .right = true, .sort_key = 'A', .downward = true},
    [LAST] = {.title = "last run", .min = 11, .max = 20, .sort_key = 'U', .downward = true},
    [KEEP] = {.title = "keep", .min = 4, .right = true, .sort_key = 'K'},
    [TO_GO] = {.title = "to go", .min = 8, .right = true, .sort_key = 'B', .downward = true},
    [ROWS] = {.title = "rows archived", .min = 8, .right = true, .sort_key = 'R', .downward = true},
    [BATCHES] = {.title = "batches", .min = 7, .right = true, .sort_key = 'I', .downward = true},
    [NOTE] = {.title = "note", .min = 10},
};

/* The live run that works on this table, and where it stands in it. */
static const struct progress_table *live_of(const struct screen *s, const struct row *row)
{
    const struct hub_run *run;
    struct buf name = BUF_INIT;
    const struct progress_table *found = NULL;

    buf_addf(&name, "%s.%s", row->table->schema, row->table->name);
    for (size_t i = 0; !found && (run = hub_run_at(app_hub(s->app), i)); i++) {
        for (size_t t = 0; hub_is_live(run) && t < run->now->table_count; t++) {
            const struct progress_table *table = &run->now->tables[t];
            if (table->state == TABLE_RUNNING &&
                strcmp(table->database, row->database->name) == 0 &&
                strcmp(table->table, buf_str(&name)) == 0)
                found = table;
        }
    }
    buf_done(&name);
    return found;
}

static void add_waiting(const struct screen *s, struct buf *text, int *style)
{
    int64_t us = text_monotonic_us() - s->asked_us;

    if (us < SLOW_US) {
        buf_adds(text, app_glyphs(s->app)->ellipsis);
        *style = STYLE_DIM;
    } else {
        buf_addf(text, "waits %ds", (int)(us / 1000000));
        *style = STYLE_WARN;
    }
}

static void server_cell(const struct screen *s, const struct row *row, enum column column,
                        struct buf *text, int *style)
{
    const struct overview_table *t = &row->at_server;

    if (row->server == ASKED) {
        if (column == OLDER)
            add_waiting(s, text, style);
        return;
    }
    if (row->server == FAILED) {
        if (column == OLDER) {
            buf_adds(text, "ERROR");
            *style = STYLE_BAD;
        }
        return;
    }
    if (column == OLDER) {
        buf_adds(text, t->eligible_exact || t->eligible < 0 ? "" : "~");
        plot_count(text, (double)t->eligible);
        *style = t->eligible > 0 ? STYLE_ACCENT : STYLE_DIM;
    } else if (column == OLDEST) {
        buf_addf(text, "%.10s", t->oldest[0] ? t->oldest : t->index ? "-" : "?");
    } else if (column == ON_DISK) {
        text_add_bytes(text, t->bytes);
    } else if (column == TO_GO && t->eligible_bytes > 0) {
        text_add_bytes(text, t->eligible_bytes);
    }
}

static void store_cell(const struct row *row, enum column column, struct buf *text, int *style)
{
    if (row->store == FAILED && column == ARCHIVED) {
        buf_adds(text, "ERROR");
        *style = STYLE_BAD;
    }
    if (row->store != KNOWN)
        return;
    if (column == ARCHIVED)
        text_add_bytes(text, row->archived.bytes);
    else if (column == ROWS)
        text_add_count(text, (uint64_t)row->archived.rows);
    else
        text_add_count(text, (uint64_t)row->archived.archives);
}

static void last_cell(const struct screen *s, const struct row *row, struct buf *text, int *style)
{
    const struct progress_table *live = live_of(s, row);

    if (live) {
        buf_adds(text, live->wait[0] ? "waits" : live->phase);
        if (live->rows_total > 0)
            buf_addf(text, " %d%%",
                     (int)(100.0 * (double)live->rows_done / (double)live->rows_total));
        *style = live->wait[0] ? STYLE_WARN : STYLE_GOOD;
        return;
    }
    if (!row->last_status[0]) {
        buf_adds(text, s->runs_known ? "never" : "");
        *style = STYLE_DIM;
        return;
    }
    bool good = strcmp(row->last_status, "success") == 0;
    buf_addf(text, "%s ", good ? "ok" : row->last_status);
    words_add_age(text, row->last_us);
    *style = (int)words_status_style(row->last_status);
}

/* In words, what is wrong or worth knowing. */
static void add_note(const struct row *row, struct buf *text)
{
    char line[sizeof(struct err)];

    if (row->server == FAILED) {
        err_line(&row->at_server.err, line, sizeof(line));
        buf_adds(text, line);
    } else if (row->store == FAILED) {
        err_line(&row->store_err, line, sizeof(line));
        buf_addf(text, "store: %s", line);
    } else if (row->server == KNOWN && !row->at_server.index) {
        buf_addf(text, "no index starts with %s: every run reads the whole table",
                 row->table->timestamp_column);
    } else if (row->server == KNOWN && row->at_server.partitions > 0) {
        buf_addf(text, "%zu partitions", row->at_server.partitions);
    }
}

static void cell(const void *self, size_t at, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    const struct row *row = &s->rows[at];

    switch ((enum column)column) {
    case TABLE:
        buf_adds(text, row->name);
        break;
    case OLDER:
    case OLDEST:
    case ON_DISK:
    case TO_GO:
        server_cell(s, row, column, text, style);
        break;
    case ARCHIVED:
    case ROWS:
    case BATCHES:
        store_cell(row, column, text, style);
        break;
    case LAST:
        last_cell(s, row, text, style);
        break;
    case KEEP:
        buf_addf(text, "%" PRId64 "d",
                 row->table->settings.retention_days + row->table->settings.safety_buffer_days);
        break;
    case NOTE:
        add_note(row, text);
        break;
    }
}

static double number_of(const struct row *row, enum column column)
{
    switch (column) {
    case OLDER:
        return (double)row->at_server.eligible;
    case ON_DISK:
        return (double)row->at_server.bytes;
    case ARCHIVED:
        return (double)row->archived.bytes;
    case LAST:
        return (double)row->last_us;
    case KEEP:
        return (double)row->table->settings.retention_days;
    case TO_GO:
        return (double)row->at_server.eligible_bytes;
    case ROWS:
        return (double)row->archived.rows;
    default:
        return (double)row->archived.archives;
    }
}

static int compare(const void *self, size_t a, size_t b, size_t column)
{
    const struct row *one = &((const struct screen *)self)->rows[a];
    const struct row *other = &((const struct screen *)self)->rows[b];

    if (column == TABLE)
        return strcmp(one->name, other->name);
    if (column == OLDEST)
        return strcmp(one->at_server.oldest, other->at_server.oldest);
    double x = number_of(one, column), y = number_of(other, column);
    return (x > y) - (x < y);
}

static const char *id(const void *self, size_t row)
{
    return ((const struct screen *)self)->rows[row].name;
}

static size_t count(const void *self)
{
    return ((const struct screen *)self)->count;
}

/* --- drawing --- */

static void draw_live(struct canvas *c, int row, const struct hub_run *run)
{
    const struct progress_snapshot *s = run->now;
    struct buf text = BUF_INIT;
    double share = s->rows_total > 0 ? (double)s->rows_done / (double)s->rows_total : -1;

    canvas_putf(c, row, 1, 30, words_status_style(s->state), "%.24s", run->run_id);
    canvas_put(c, row, 23, 9, STYLE_TEXT, run->seen ? s->state : "no answer");
    int at = 33, gauge = c->cols - at - 42;
    if (gauge >= 8 && share >= 0) {
        plot_gauge(c, row, at, gauge, share, STYLE_GAUGE);
        at += gauge + 1;
    }
    if (share >= 0)
        buf_addf(&text, "%3.0f%% ", share > 1 ? 100 : share * 100);
    plot_count(&text, (double)s->rows_done);
    if (s->rows_total > 0) {
        buf_adds(&text, "/~");
        plot_count(&text, (double)s->rows_total);
    }
    buf_adds(&text, " rows  ");
    plot_count(&text, s->rows_per_second);
    buf_adds(&text, "/s");
    if (s->seconds_left > 0) {
        buf_adds(&text, "  ");
        text_add_duration(&text, s->seconds_left);
        buf_adds(&text, " left");
    }
    canvas_put(c, row, at, c->cols - at, STYLE_TEXT, buf_str(&text));
    buf_done(&text);
}

static int draw_runs(const struct screen *s, struct canvas *c, int row)
{
    const struct hub_run *run;
    int drawn = 0;

    for (size_t i = 0; drawn < STRIP_MAX && (run = hub_run_at(app_hub(s->app), i)); i++) {
        if (hub_is_live(run) && run->seen)
            draw_live(c, row + drawn++, run);
    }
    return drawn;
}

static void draw_totals(const struct screen *s, struct canvas *c, int row)
{
    double eligible = 0, rows = 0;
    uint64_t disk = 0, archived = 0, to_go = 0;
    bool server = false, store = false;
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < s->count; i++) {
        const struct row *r = &s->rows[i];
        eligible += r->at_server.eligible > 0 ? (double)r->at_server.eligible : 0;
        server = server || r->server != ASKED;
        store = store || r->store != ASKED;
        disk += r->at_server.bytes;
        to_go += r->at_server.eligible_bytes;
        archived += r->archived.bytes;
        rows += (double)r->archived.rows;
    }
    buf_addf(&text, "%zu table%s   older: ", s->count, s->count == 1 ? "" : "s");
    if (server) {
        plot_count(&text, eligible);
        buf_adds(&text, " rows, ");
        text_add_bytes(&text, to_go);
        buf_adds(&text, " of ");
        text_add_bytes(&text, disk);
    } else {
        buf_adds(&text, c->glyphs->ellipsis);
    }
    buf_adds(&text, "   archived: ");
    if (store) {
        plot_count(&text, rows);
        buf_adds(&text, " rows in ");
        text_add_bytes(&text, archived);
    } else {
        buf_adds(&text, c->glyphs->ellipsis);
    }
    canvas_put(c, row, 1, c->cols - 2, STYLE_BOLD, buf_str(&text));
    buf_done(&text);
}

/* What the narrow table has no room for, of the row that the cursor is on. */
static void draw_foot(const struct screen *s, struct canvas *c, int row)
{
    size_t at;
    struct buf text = BUF_INIT;

    canvas_rule(c, row, 0, c->cols, NULL);
    if (!table_current(&s->table, &at))
        return;
    const struct row *r = &s->rows[at];
    bool bad = r->server == FAILED || r->store == FAILED;
    add_note(r, &text);
    if (text.len == 0 && r->server == KNOWN)
        buf_addf(&text, "cutoff %.16sZ by %s, batches of %" PRId64 " rows", r->at_server.cutoff,
                 r->table->timestamp_column, r->table->settings.batch_size);
    canvas_put(c, row + 1, 1, c->cols - 2, bad ? STYLE_BAD : STYLE_DIM, buf_str(&text));
    buf_done(&text);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    int runs = draw_runs(s, c, area.row);

    draw_totals(s, c, area.row + runs);
    struct area table = {area.row + runs + 2, area.col, area.rows - runs - 4, area.cols};
    table_draw(&s->table, c, table);
    draw_foot(s, c, area.row + area.rows - 2);
}

/* --- keys --- */

enum action { OPEN = 1, ARCHIVE, DRY_RUN, CHECK, RELOAD };

static const struct keys_binding bindings[] = {
    {OPEN, {'\r'}, "table", "the table: its definition, archives and growth", false},
    {ARCHIVE, {'a'}, "archive", "start a run for the marked tables, or this one", true},
    {DRY_RUN, {'d'}, "dry run", "what a run would take of this table, and how", false},
    {CHECK, {'c'}, "check", "try all that a run of this table needs", false},
    {RELOAD, {'r', K_CTRL('r')}, "reload", "ask servers and store again", false},
};

static void archive_one(struct app *app, void *arg)
{
    const struct row *row = arg;
    char *table = mem_printf("%s.%s", row->table->schema, row->table->name);

    app_start(app, (const char *const[]){"archive", "-d", row->database->name, "-t", table, NULL});
    free(table);
}

struct several {
    struct screen *s;
    size_t rows[64];
    size_t count;
};

/* One run takes the tables that its filters name; marked ones are a run each. */
static void archive_several(struct app *app, void *arg)
{
    struct several *several = arg;

    for (size_t i = 0; i < several->count; i++)
        archive_one(app, &several->s->rows[several->rows[i]]);
    free(several);
}

static void ask_archive(struct screen *s)
{
    struct several *several = mem_alloc(sizeof(*several));
    struct buf text = BUF_INIT;

    several->s = s;
    for (size_t i = 0; i < s->count && several->count < 64; i++) {
        if (table_is_marked(&s->table, i))
            several->rows[several->count++] = i;
    }
    if (several->count == 0 && table_current(&s->table, &several->rows[0]))
        several->count = 1;
    for (size_t i = 0; i < several->count; i++) {
        const struct row *row = &s->rows[several->rows[i]];
        buf_addf(&text, "%s  ", row->name);
        if (row->server == KNOWN) {
            plot_count(&text, (double)row->at_server.eligible);
            buf_addf(&text, " rows before %.10s", row->at_server.cutoff);
        }
        buf_addc(&text, '\n');
    }
    buf_adds(&text, "Rows go to the store, are checked there and then deleted.");
    struct app_question question = {.title = "Archive?",
                                    .text = buf_str(&text),
                                    .verb = "archive",
                                    .key = 'y',
                                    .yes = archive_several,
                                    .drop = free,
                                    .arg = several};
    app_ask(s->app, &question);
    table_unmark(&s->table);
    buf_done(&text);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    size_t at;

    if (action == RELOAD) {
        reload(s);
        return;
    }
    if (!table_current(&s->table, &at))
        return;
    const struct row *row = &s->rows[at];
    char *table = mem_printf("%s.%s", row->table->schema, row->table->name);
    if (action == OPEN)
        detail_open(app, row->database, row->table);
    else if (action == ARCHIVE)
        ask_archive(s);
    else
        app_run_words(app, (const char *const[]){action == CHECK ? "check" : "archive",
                                                 action == CHECK ? "--no-color" : "--dry-run", "-d",
                                                 row->database->name, "-t", table, NULL});
    free(table);
}

/* --- the screen --- */

static void tick(struct app *app, void *self)
{
    struct screen *s = self;
    size_t live = hub_live(app_hub(app));

    /* A run that has ended leaves other numbers behind. */
    if (live < s->live || text_monotonic_us() - s->asked_us > REFRESH_US)
        reload(s);
    s->live = live;
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    for (size_t i = 0; i < s->count; i++) {
        overview_archived_done(&s->rows[i].archived);
        free(s->rows[i].name);
    }
    free(s->rows);
    table_done(&s->table);
    free(s);
}

static const struct screen_class overview_class = {.name = "Overview",
                                                   .keys = KEYS(bindings),
                                                   .act = act,
                                                   .table = table_of,
                                                   .tick = tick,
                                                   .draw = draw,
                                                   .close = close_screen};

static void add_rows(struct screen *s, const struct config_database *database)
{
    s->rows = mem_grow(s->rows, (s->count + database->table_count + 1) * sizeof(*s->rows));
    for (size_t i = 0; i < database->table_count; i++) {
        struct row *row = &s->rows[s->count++];
        struct buf name = BUF_INIT;
        *row = (struct row){.database = database, .table = &database->tables[i]};
        row->at_server.eligible = -1;
        words_add_table(&name, database, row->table);
        row->name = buf_steal(&name);
    }
}

void overview_open(struct app *app)
{
    const struct config *config = app_config(app);
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    for (size_t i = 0; i < config->database_count; i++)
        add_rows(s, &config->databases[i]);
    s->source = (struct table_source){
        .self = s, .count = count, .cell = cell, .compare = compare, .id = id};
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    s->table.empty = "the config names no table";
    table_refresh(&s->table);
    reload(s);
    app_push(app, &overview_class, s);
}
