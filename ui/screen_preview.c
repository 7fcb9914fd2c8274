/* SPDX-License-Identifier: PostgreSQL
 *
 * The rows of one archive. Only the pages that are looked at are fetched, each by the members it
 * stands in; with a filter by expression, the rows that match, as they are found.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "reader.h"
#include "screens.h"

enum {
    PAGE_ROWS = 200,
    PAGES_MAX = 32,     /* kept */
    MATCHES_MAX = 5000, /* shown of a filter */
};

struct page {
    uint64_t number;
    size_t rows, columns;
    char **cells; /* NULL: SQL's NULL */
    int64_t used_us;
};

/* The archive as a worker reads it; a task has it, or the screen does, never both. */
struct source {
    const struct config *config;
    char *key, *where; /* where NULL: all rows */
    struct reader *reader;
    /* what one task is asked for, and what it found */
    uint64_t wanted;
    struct page *found;
    bool end; /* of a filter: there are no more */
    struct err err;
};

struct screen {
    struct app *app;
    char *key, *where;
    struct source *source; /* NULL: a task has it */
    bool opened, end;
    struct err err;
    uint64_t rows; /* of the archive; of a filter: found so far */
    char **names;
    size_t column_count;
    struct table_column *columns;
    struct page **pages;
    size_t page_count;
    struct table_source table_source;
    struct table table;
    char id[24];
};

static void free_page(struct page *page)
{
    for (size_t i = 0; page && i < page->rows * page->columns; i++)
        free(page->cells[i]);
    if (page)
        free(page->cells);
    free(page);
}

static void free_source(void *arg)
{
    struct source *s = arg;

    if (!s)
        return;
    reader_close(s->reader);
    free_page(s->found);
    free(s->key);
    free(s->where);
    free(s);
}

/* --- in the worker --- */

/* The JSON as it stands where nobody knows the columns. */
static bool read_row(struct source *s, struct page *page, const char *line, struct err *err)
{
    struct buf text = BUF_INIT;
    bool raw = reader_column_count(s->reader) == 0, ok = true;

    page->cells = mem_grow(page->cells, (page->rows + 1) * page->columns * sizeof(*page->cells));
    if (raw)
        page->cells[page->rows] = mem_strdup(line);
    for (size_t i = 0; ok && !raw && i < page->columns; i++) {
        bool null;
        ok = reader_value(s->reader, i, &text, &null, err);
        page->cells[page->rows * page->columns + i] =
            ok && !null ? mem_strdup(buf_str(&text)) : NULL;
    }
    page->rows++;
    buf_done(&text);
    return ok;
}

static bool read_page(struct source *s, const struct stop *stop)
{
    struct page *page = s->found;
    const char *line;
    size_t len;

    if (!s->where)
        reader_seek(s->reader, s->wanted * PAGE_ROWS);
    while (page->rows < PAGE_ROWS && !stop_asked(stop)) {
        if (!reader_next(s->reader, &line, &len, &s->err))
            return false;
        s->end = line == NULL;
        if (!line)
            return true;
        if (!read_row(s, page, line, &s->err))
            return false;
    }
    return true;
}

static void load(struct task *task, void *arg)
{
    struct source *s = arg;
    struct reader_params params = {.config = s->config,
                                   .key = s->key,
                                   .where = s->where,
                                   .stop = NULL};

    if (!s->reader)
        s->reader = reader_open(&params, &s->err);
    if (!s->reader)
        return;
    s->found = mem_alloc(sizeof(*s->found));
    s->found->number = s->wanted;
    s->found->columns = reader_column_count(s->reader);
    s->found->columns += s->found->columns == 0;
    read_page(s, task_stop(task));
}

/* --- pages --- */

static struct page *find_page(const struct screen *s, uint64_t number)
{
    for (size_t i = 0; i < s->page_count; i++) {
        if (s->pages[i]->number == number)
            return s->pages[i];
    }
    return NULL;
}

/* The one that was not looked at for the longest makes room. */
static void keep_page(struct screen *s, struct page *page)
{
    size_t oldest = 0;

    page->used_us = text_monotonic_us();
    if (s->page_count < PAGES_MAX || s->where) {
        s->pages = mem_grow(s->pages, (s->page_count + 1) * sizeof(struct page *));
        s->pages[s->page_count++] = page;
        return;
    }
    for (size_t i = 1; i < s->page_count; i++) {
        if (s->pages[i]->used_us < s->pages[oldest]->used_us)
            oldest = i;
    }
    free_page(s->pages[oldest]);
    s->pages[oldest] = page;
}

static void name_columns(struct screen *s, const struct reader *reader)
{
    bool raw = reader_column_count(reader) == 0;

    s->column_count = raw ? 1 : reader_column_count(reader);
    s->names = mem_alloc((s->column_count + 1) * sizeof(char *));
    s->columns = mem_alloc((s->column_count + 1) * sizeof(*s->columns));
    for (size_t i = 0; i < s->column_count; i++) {
        s->names[i] = mem_strdup(raw ? "row" : reader_column(reader, i));
        s->columns[i] =
            (struct table_column){.title = s->names[i], .min = 4, .max = 40, .frozen = i == 0};
    }
    table_done(&s->table);
    table_init(&s->table, &s->table_source, s->columns, s->column_count);
}

static void take(void *owner, void *arg)
{
    struct screen *s = owner;
    struct source *source = arg;

    s->err = source->err;
    if (source->reader && !s->opened) {
        s->opened = true;
        name_columns(s, source->reader);
        s->rows = s->where ? 0 : reader_rows(source->reader);
    }
    if (source->found && source->err.kind == ERR_NONE) {
        if (s->where)
            s->rows += source->found->rows;
        s->end = source->end;
        keep_page(s, source->found);
        source->found = NULL;
    }
    table_refresh(&s->table);
}

/* `drop` comes behind `done`, so that what the screen gets back is moved out of it. */
static void take_and_keep(void *owner, void *arg)
{
    struct screen *s = owner;
    struct source *source = arg, *kept = mem_alloc(sizeof(*kept));

    take(s, source);
    *kept = *source;
    kept->err = ERR_INIT;
    kept->found = NULL;
    *source = (struct source){.found = source->found};
    s->source = kept;
}

static void fetch(struct screen *s, uint64_t number)
{
    if (!s->source || s->err.kind != ERR_NONE)
        return;
    struct source *source = s->source;
    s->source = NULL;
    source->wanted = number;
    struct task_params params = {.title = "reading an archive",
                                 .owner = s,
                                 .arg = source,
                                 .work = load,
                                 .done = take_and_keep,
                                 .drop = free_source};
    tasks_start(app_tasks(s->app), &params);
}

/* What is seen, and what comes behind it. */
static void fetch_seen(void *self)
{
    struct screen *s = self;
    uint64_t first = s->table.top / PAGE_ROWS;
    uint64_t last = (s->table.top + (size_t)(s->table.page > 0 ? s->table.page : 1)) / PAGE_ROWS;

    if (!s->opened) {
        fetch(s, 0);
        return;
    }
    if (s->where) {
        if (!s->end && s->rows < MATCHES_MAX && last + 1 >= s->page_count)
            fetch(s, s->page_count);
        return;
    }
    for (uint64_t n = first; n <= last + 1 && n * PAGE_ROWS < s->rows; n++) {
        struct page *page = find_page(s, n);
        if (page) {
            page->used_us = text_monotonic_us();
        } else {
            fetch(s, n);
            return;
        }
    }
}

/* --- the table --- */

static size_t count(const void *self)
{
    return (size_t)((const struct screen *)self)->rows;
}

/* Of a filter's pages each may be short, so that rows are counted through them. */
static const struct page *page_of(const struct screen *s, size_t row, size_t *ret_at)
{
    if (!s->where) {
        *ret_at = row % PAGE_ROWS;
        return find_page(s, row / PAGE_ROWS);
    }
    for (size_t i = 0; i < s->page_count; i++) {
        if (row < s->pages[i]->rows) {
            *ret_at = row;
            return s->pages[i];
        }
        row -= s->pages[i]->rows;
    }
    return NULL;
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    size_t at;
    const struct page *page = page_of(s, row, &at);

    if (!page || at >= page->rows) {
        buf_adds(text, column == 0 ? app_glyphs(s->app)->ellipsis : "");
        *style = STYLE_DIM;
        return;
    }
    const char *value = page->cells[at * page->columns + column];
    buf_adds(text, value ? value : "NULL");
    *style = value ? *style : STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */

    snprintf(s->id, sizeof(s->id), "row %zu", row + 1);
    return s->id;
}

/* --- keys --- */

enum action { WHERE = 1, GOTO };

static const struct keys_binding bindings[] = {
    {WHERE, {'w'}, "where", "only rows of which an expression is true (doc/where.md)", false},
    {GOTO, {'J'}, "go to row", "by its number", false},
};

static void take_row(struct app *app, void *self, const char *text)
{
    struct screen *s = self;
    int64_t row;

    if (!text_to_int(text, &row) || row < 1 || (uint64_t)row > s->rows)
        app_say(app, STYLE_BAD, "a row from 1 to %" PRIu64 " is expected", s->rows);
    else
        table_go(&s->table, (size_t)row - 1);
}

static void take_where(struct app *app, void *self, const char *text)
{
    const struct screen *s = self;
    char *key = mem_strdup(s->key), *where = mem_strdup(text);

    app_pop(app);
    preview_open_where(app, key, *where ? where : NULL);
    free(key);
    free(where);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    struct app_prompt prompt = {.self = s};

    if (action == WHERE) {
        prompt.label = "where: ";
        prompt.initial = s->where;
        prompt.entered = take_where;
    } else {
        prompt.label = "row: ";
        prompt.entered = take_row;
    }
    app_prompt(app, &prompt);
}

/* --- the screen --- */

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    struct buf text = BUF_INIT;

    if (s->err.kind != ERR_NONE) {
        char line[sizeof(struct err)];
        err_line(&s->err, line, sizeof(line));
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_BAD, line);
    } else if (!s->opened) {
        canvas_putf(c, area.row, 1, area.cols - 2, STYLE_DIM, "opening%s", c->glyphs->ellipsis);
    } else {
        if (s->table.count > 0)
            buf_addf(&text, "row %zu of ", s->table.cursor + 1);
        text_add_count(&text, s->rows);
        buf_addf(&text, "%s", s->where ? s->end ? " that match" : " that match so far" : "");
        if (s->where)
            buf_addf(&text, ": %s", s->where);
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_BOLD, buf_str(&text));
    }
    s->table.empty = s->where && !s->end ? "searching" : "no row";
    if (s->opened)
        table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
    buf_done(&text);
}

static void crumb(const void *self, struct buf *text)
{
    const struct screen *s = self;
    const char *slash = strrchr(s->key, '/');

    buf_adds(text, slash ? slash + 1 : s->key);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    free_source(s->source);
    for (size_t i = 0; i < s->page_count; i++)
        free_page(s->pages[i]);
    for (size_t i = 0; i < s->column_count; i++)
        free(s->names[i]);
    free(s->pages);
    free(s->names);
    table_done(&s->table);
    free(s->columns);
    free(s->key);
    free(s->where);
    free(s);
}

static const struct screen_class preview_class = {.name = "Rows",
                                                  .keys = KEYS(bindings),
                                                  .partial = true,
                                                  .crumb = crumb,
                                                  .act = act,
                                                  .table = table_of,
                                                  .prepare = fetch_seen,
                                                  .draw = draw,
                                                  .close = close_screen};

void preview_open_where(struct app *app, const char *key, const char *where)
{
    static const struct table_column none[] = {{.title = ""}};
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->key = mem_strdup(key);
    s->where = where ? mem_strdup(where) : NULL;
    s->source = mem_alloc(sizeof(*s->source));
    *s->source = (struct source){.config = app_config(app),
                                 .key = mem_strdup(key),
                                 .where = where ? mem_strdup(where) : NULL};
    s->table_source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->table, &s->table_source, none, 1);
    app_push(app, &preview_class, s);
    fetch(s, 0);
}

void preview_open(struct app *app, const char *key)
{
    preview_open_where(app, key, NULL);
}
