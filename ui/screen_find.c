/* SPDX-License-Identifier: PostgreSQL
 *
 * Where a primary key is in the archives: each of them that holds it, as it is found.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "find.h"
#include "preview.h"
#include "screens.h"

struct hit {
    char *table, *key, *line;
    char state[16], archived[24];
    uint64_t row;
};

struct screen {
    struct app *app;
    char *value;
    struct hit *hits;
    size_t count;
    bool ended;
    struct find_report report;
    struct err err;
    struct table_source source;
    struct table table;
    char id[24];
};

/* --- asking --- */

struct ask {
    const struct config *config;
    struct task *task;
    char *database, *schema, *table, *value;
    struct find_report report;
    struct err err;
};

static void free_hit(struct hit *hit)
{
    free(hit->table);
    free(hit->key);
    free(hit->line);
}

static void drop_hit(void *item)
{
    free_hit(item);
    free(item);
}

static bool post_hit(const struct find_hit *found, void *state, struct err *err)
{
    struct ask *ask = state;
    struct hit *hit = mem_alloc(sizeof(*hit));

    *hit =
        (struct hit){.table = mem_printf("%s.%s.%s", found->database, found->schema, found->table),
                     .key = mem_strdup(found->key),
                     .line = mem_printf("%.*s", (int)found->line_len, found->line),
                     .row = found->row};
    snprintf(hit->state, sizeof(hit->state), "%s", found->state);
    snprintf(hit->archived, sizeof(hit->archived), "%.16s",
             found->archived_at ? found->archived_at : "");
    task_post(ask->task, hit);
    return !stop_asked(task_stop(ask->task)) || err_set(err, ERR_INTERRUPTED, "stopped");
}

static void work(struct task *task, void *arg)
{
    struct ask *ask = arg;
    struct find_params params = {.config = ask->config,
                                 .database = ask->database,
                                 .schema = ask->schema,
                                 .table = ask->table,
                                 .value = ask->value,
                                 .stop = task_stop(task)};

    ask->task = task;
    find_run(&params, post_hit, ask, &ask->report, &ask->err);
}

static void drop_ask(void *arg)
{
    struct ask *ask = arg;

    free(ask->database);
    free(ask->schema);
    free(ask->table);
    free(ask->value);
    free(ask);
}

static void take_hit(void *owner, void *item)
{
    struct screen *s = owner;

    s->hits = mem_grow(s->hits, (s->count + 1) * sizeof(*s->hits));
    s->hits[s->count++] = *(struct hit *)item;
    free(item);
    table_refresh(&s->table);
}

static void take_end(void *owner, void *arg)
{
    struct screen *s = owner;
    const struct ask *ask = arg;

    s->ended = true;
    s->report = ask->report;
    s->err = ask->err.kind != ERR_NONE ? ask->err : ask->report.err;
}

static void start(struct screen *s, const char *database, const char *table)
{
    struct ask *ask = mem_alloc(sizeof(*ask));
    const char *dot = table ? strchr(table, '.') : NULL;

    ask->config = app_config(s->app);
    ask->database = database ? mem_strdup(database) : NULL;
    ask->schema = dot ? mem_printf("%.*s", (int)(dot - table), table) : NULL;
    ask->table = table ? mem_strdup(dot ? dot + 1 : table) : NULL;
    ask->value = mem_strdup(s->value);
    struct task_params params = {.title = "finding a key in archives",
                                 .owner = s,
                                 .arg = ask,
                                 .err = &ask->err,
                                 .work = work,
                                 .item = take_hit,
                                 .drop_item = drop_hit,
                                 .done = take_end,
                                 .drop = drop_ask};
    tasks_start(app_tasks(s->app), &params);
}

/* --- the table --- */

enum { TABLE, STATE, MADE, ROW, ARCHIVE, LINE };

static const struct table_column columns[] = {
    [TABLE] = {.title = "table", .min = 20, .max = 36, .frozen = true, .sort_key = 'T'},
    [STATE] = {.title = "state", .min = 9, .sort_key = 'S'},
    [MADE] = {.title = "archived", .min = 16, .sort_key = 'A'},
    [ROW] = {.title = "row", .min = 8, .right = true},
    [ARCHIVE] = {.title = "archive", .min = 20, .max = 50},
    [LINE] = {.title = "its line", .min = 20},
};

static size_t count(const void *self)
{
    return ((const struct screen *)self)->count;
}

static void cell(const void *self, size_t at, size_t column, struct buf *text, int *style)
{
    const struct hit *hit = &((const struct screen *)self)->hits[at];

    switch (column) {
    case TABLE:
        buf_adds(text, hit->table);
        break;
    case STATE:
        buf_adds(text, hit->state);
        break;
    case MADE:
        buf_adds(text, hit->archived);
        break;
    case ROW:
        text_add_count(text, hit->row + 1);
        break;
    case ARCHIVE:
        preview_add_archive(text, hit->key);
        break;
    default:
        buf_adds(text, hit->line);
        *style = STYLE_DIM;
    }
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */

    snprintf(s->id, sizeof(s->id), "%zu", row);
    return s->id;
}

/* --- keys --- */

enum action { ROWS = 1, INFO };

static const struct keys_binding bindings[] = {
    {ROWS, {'\r', 'p'}, "row", "the row among the others of its archive", false},
    {INFO, {'i'}, "archive", "the archive: facts, members, schema", false},
};

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    size_t at;

    if (!table_current(&s->table, &at))
        return;
    struct browse_part part = {s->hits[at].key, BROWSE_ROWS_UNKNOWN};
    struct preview_params params = {.parts = &part, .part_count = 1, .row = s->hits[at].row};
    if (action == ROWS)
        preview_open(app, &params);
    else
        archive_open(app, s->hits[at].key);
}

/* --- the screen --- */

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    struct buf text = BUF_INIT;
    char line[sizeof(struct err)];

    buf_addf(&text, "%s: %zu row%s", s->value, s->count, s->count == 1 ? "" : "s");
    if (s->ended) {
        buf_addf(&text, ", %" PRIu64 " of %" PRIu64 " archives looked into, %" PRIu64 " requests, ",
                 s->report.opened, s->report.known, s->report.requests);
        text_add_bytes(&text, s->report.bytes_received);
    } else {
        buf_addf(&text, ", searching%s", c->glyphs->ellipsis);
    }
    canvas_put(c, area.row, 1, area.cols - 2, STYLE_BOLD, buf_str(&text));
    s->table.empty = !s->ended ? "searching" : s->err.kind != ERR_NONE ? "" : "no archive has it";
    table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 2, area.cols});
    if (s->err.kind != ERR_NONE) {
        err_line(&s->err, line, sizeof(line));
        canvas_put(c, area.row + area.rows - 1, 1, area.cols - 2, STYLE_BAD, line);
    }
    buf_done(&text);
}

static void crumb(const void *self, struct buf *text)
{
    buf_addf(text, "find %s", ((const struct screen *)self)->value);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    for (size_t i = 0; i < s->count; i++)
        free_hit(&s->hits[i]);
    free(s->hits);
    table_done(&s->table);
    free(s->value);
    free(s);
}

static const struct screen_class find_class = {.name = "Find",
                                               .keys = KEYS(bindings),
                                               .crumb = crumb,
                                               .act = act,
                                               .table = table_of,
                                               .draw = draw,
                                               .close = close_screen};

void find_open(struct app *app, const char *database, const char *table, const char *value)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->value = mem_strdup(value);
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    start(s, database, table);
    app_push(app, &find_class, s);
}
