/* SPDX-License-Identifier: PostgreSQL
 *
 * The rows of archives, as a table. Only the pages that are looked at are fetched; with a filter by
 * expression, the rows that match, as they are found.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "preview.h"
#include "screens.h"

enum { MARKS_MAX = 100000 };

struct screen {
    struct app *app;
    struct pages *pages;
    char *where, *search;
    char *asked;    /* what is being looked for, as the operator wrote it */
    bool failed;    /* the last reading; it was told */
    bool inside;    /* the archive's screen is below */
    uint64_t start; /* the cursor goes there once rows are known */
    size_t column_count;
    size_t frozen;
    struct table_column *columns;
    struct table_source source;
    struct table table;
    char id[24];
};

static const struct screen_class preview_class;
static struct screen *new_screen(struct app *app, const struct preview_params *params);

/* --- cells --- */

void preview_add_archive(struct buf *text, const char *key)
{
    const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;

    buf_add(text, name, strcspn(name, "."));
}

void preview_add_value(struct buf *text, const struct browse_value *value, int *ret_style)
{
    const char *plain = value->is == BROWSE_VALUE ? value->text : "";

    if (value->is == BROWSE_UNREADABLE) {
        *ret_style = STYLE_BAD;
        buf_adds(text, "damaged");
    } else if (value->is == BROWSE_NULL || (value->is == BROWSE_VALUE && *plain == '\0')) {
        *ret_style = STYLE_DIM;
        buf_adds(text, value->is == BROWSE_NULL ? "NULL" : "''");
    } else if (strcmp(plain, "NULL") == 0 || strcmp(plain, "''") == 0) {
        buf_addf(text, "\"%s\"", plain);
    } else {
        buf_adds(text, plain);
    }
}

static bool many(const struct screen *s)
{
    size_t count;

    pages_parts(s->pages, &count);
    return count > 1;
}

static size_t count(const void *self)
{
    const struct screen *s = self;

    return s->column_count > 0 ? (size_t)pages_rows(s->pages) : 0;
}

static void add_place(const struct screen *s, size_t row, struct buf *text)
{
    size_t count, part;
    const struct browse_part *parts = pages_parts(s->pages, &count);
    uint64_t place, own;

    if (pages_place(s->pages, row, &place, &part, &own))
        preview_add_archive(text, parts[part].key);
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    size_t own = many(s) ? column - 1 : column;

    if (many(s) && column == 0) {
        add_place(s, row, text);
        return;
    }
    const struct browse_value *value = pages_value(s->pages, row, own);
    if (value) {
        preview_add_value(text, value, style);
        return;
    }
    buf_adds(text, own == 0 ? app_glyphs(s->app)->ellipsis : "");
    *style = STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */

    snprintf(s->id, sizeof(s->id), "row %zu", row + 1);
    return s->id;
}

size_t preview_row_of(const char *row_id)
{
    return (size_t)strtoull(row_id + strlen("row "), NULL, 10) - 1;
}

static void freeze(struct screen *s, size_t columns)
{
    s->frozen = columns;
    for (size_t i = 0; i < s->column_count; i++)
        s->columns[i].frozen = i < columns;
}

/* Columns come with the archives. What the table knows of widths and cursor stays in it. */
static void know_columns(struct screen *s)
{
    size_t first = many(s) ? 1 : 0, count = pages_columns(s->pages) + first;

    if (count == first || count == s->column_count)
        return;
    s->columns = mem_grow(s->columns, count * sizeof(*s->columns));
    for (size_t i = 0; i < count; i++)
        s->columns[i] =
            (struct table_column){.title =
                                      i < first ? "archive" : pages_column(s->pages, i - first),
                                  .min = 4,
                                  .max = 40};
    s->column_count = count;
    freeze(s, s->frozen);
    table_set_columns(&s->table, s->columns, count);
}

/* Once; the line above the rows goes on to say it. */
static void tell_error(struct screen *s)
{
    const struct err *err = pages_error(s->pages);
    bool is_new = err->kind != ERR_NONE && !s->failed;

    s->failed = err->kind != ERR_NONE;
    if (is_new && err->kind != ERR_INTERRUPTED)
        app_fail(s->app, err);
}

static void changed(void *owner)
{
    struct screen *s = owner;

    tell_error(s);
    know_columns(s);
    table_refresh(&s->table);
    if (s->start > 0 && s->table.count > s->start) {
        table_go(&s->table, s->start);
        s->start = 0;
    }
}

static void found(void *owner, bool is_found, uint64_t row, const struct err *err)
{
    struct screen *s = owner;

    if (err->kind == ERR_INTERRUPTED)
        app_say(s->app, STYLE_WARN, "the search was stopped");
    else if (err->kind != ERR_NONE)
        app_fail(s->app, err);
    else if (!is_found)
        app_say(s->app, STYLE_WARN, "not found: %s", s->asked);
    else
        table_go(&s->table, (size_t)row);
    if (is_found)
        app_say(s->app, STYLE_GOOD, "row %" PRIu64, row + 1);
}

static void note_asked(struct screen *s, const char *text)
{
    free(s->asked);
    s->asked = mem_strdup(text);
}

/* --- going somewhere --- */

static void take_row(struct app *app, void *self, const char *text)
{
    struct screen *s = self;
    uint64_t rows = pages_rows(s->pages);
    int64_t row;

    if (!text_to_int(text, &row) || row < 1 || (uint64_t)row > rows)
        app_say(app, STYLE_BAD, "a row from 1 to %" PRIu64 " is expected", rows);
    else
        table_go(&s->table, (size_t)row - 1);
}

static void add_quoted(struct buf *text, const char *word, char quote)
{
    buf_addc(text, quote);
    for (; *word; word++) {
        if (*word == quote)
            buf_addc(text, quote);
        buf_addc(text, *word);
    }
    buf_addc(text, quote);
}

static void take_time(struct app *app, void *self, const char *text)
{
    struct screen *s = self;
    struct buf where = BUF_INIT;
    struct browse_wanted wanted = {.is_where = true};

    (void)app;
    add_quoted(&where, pages_timestamp(s->pages), '"');
    buf_adds(&where, " >= ");
    add_quoted(&where, text, '\'');
    wanted.text = buf_str(&where);
    note_asked(s, text);
    pages_search(s->pages, &wanted);
    buf_done(&where);
}

static void take_key(struct app *app, void *self, const char *text)
{
    struct screen *s = self;

    (void)app;
    if (*text == '\0')
        return;
    note_asked(s, text);
    pages_find(s->pages, text);
}

/* --- search and filter --- */

static void take_where(struct app *app, void *self, const char *text)
{
    struct screen *s = self;
    size_t count;
    struct preview_params params = {.parts = pages_parts(s->pages, &count),
                                    .where = *text ? text : NULL,
                                    .inside = s->inside};

    params.part_count = count;
    struct screen *other = new_screen(app, &params); /* copies what goes with this one */
    app_pop(app);
    app_push(app, &preview_class, other);
}

static void ask_where(struct app *app, void *self)
{
    struct screen *s = self;
    struct app_prompt prompt = {
        .label = "where: ", .initial = s->where, .entered = take_where, .self = s};

    app_prompt(app, &prompt);
}

static bool searchable(struct app *app, const struct screen *s)
{
    if (s->where)
        app_say(app, STYLE_DIM,
                "this is a search's result: w changes it, o shows it among the others");
    else if (!pages_opened(s->pages))
        app_say(app, STYLE_DIM, "nothing is there yet");
    return !s->where && pages_opened(s->pages);
}

static void search_again(struct app *app, void *self, bool back)
{
    struct screen *s = self;
    struct browse_wanted wanted = {.text = s->search, .back = back};

    if (!searchable(app, s))
        return;
    if (!s->search) {
        app_say(app, STYLE_WARN, "nothing was searched for: \\ does");
    } else if (back ? s->table.cursor == 0 : s->table.cursor + 1 >= s->table.count) {
        app_say(app, STYLE_WARN, "not found: %s", s->search);
    } else {
        note_asked(s, s->search);
        wanted.from = back ? s->table.cursor - 1 : s->table.cursor + 1;
        pages_search(s->pages, &wanted);
    }
}

static void take_search(struct app *app, void *self, const char *text)
{
    struct screen *s = self;
    struct browse_wanted wanted = {.text = text, .from = s->table.cursor};

    (void)app;
    if (*text == '\0')
        return;
    free(s->search);
    s->search = mem_strdup(text);
    note_asked(s, text);
    pages_search(s->pages, &wanted);
}

static void ask_search(struct app *app, void *self)
{
    struct screen *s = self;
    struct app_prompt prompt = {
        .label = "text or expression: ", .initial = s->search, .entered = take_search, .self = s};

    if (searchable(app, s))
        app_prompt(app, &prompt);
}

static const struct screen_search own_search = {ask_where, ask_search, search_again};

static void take_path(struct app *app, void *self, const char *text)
{
    struct screen *s = self;

    preview_export(app, s->pages, &s->table, s->where, text);
}

static void ask_path(struct app *app, struct screen *s)
{
    struct buf label = BUF_INIT;
    struct app_prompt prompt = {.entered = take_path, .self = s};

    if (table_marked(&s->table) > 0)
        buf_addf(&label, "%zu marked rows", table_marked(&s->table));
    else
        buf_adds(&label, s->where ? "all rows that match" : "all rows");
    buf_adds(&label, " into (.csv, .jsonl): ");
    prompt.label = buf_str(&label);
    app_prompt(app, &prompt);
    buf_done(&label);
}

/* --- keys --- */

enum action { FORM = 1, WHERE, GOTO, TIME, KEY, EXPORT, THERE, INFO, LESS, MORE, RETRY };

static const struct keys_binding bindings[] = {
    {FORM, {'\r', 'f'}, "row", "this row as a form, JSON unfolded", false},
    {WHERE, {'w'}, "where", "only rows of which an expression is true (doc/where.md)", false},
    {GOTO, {'J'}, "go to row", "by its number", false},
    {TIME, {'T'}, "to time", "the first row that is not older", false},
    {KEY, {'K'}, "to key", "the row with this primary key", false},
    {EXPORT, {'E'}, "export", "marked rows, else all that are shown, into a file", false},
    {THERE, {'o'}, "among others", "this match among all rows of its archive", false},
    {INFO, {'i'}, "archive", "the archive of this row: facts, members, schema", false},
    {LESS, {'<'}, NULL, "one frozen column less", false},
    {MORE, {'>'}, NULL, "one frozen column more", false},
    {RETRY, {'r', K_CTRL('r')}, NULL, "read again what could not be read", false},
};

static bool offers(const void *self, int action)
{
    const struct screen *s = self;

    switch ((enum action)action) {
    case TIME:
        return !s->where && pages_timestamp(s->pages);
    case KEY:
        return !s->where && pages_opened(s->pages);
    case THERE:
        return s->where && s->table.count > 0;
    case FORM:
    case EXPORT:
    case INFO:
        return s->table.count > 0;
    default:
        return true;
    }
}

static void open_place(struct app *app, const struct screen *s, bool info)
{
    struct preview_params params = {.part_count = 1, .inside = s->inside};
    size_t count, part, row;
    uint64_t place;

    if (!table_current(&s->table, &row) || !pages_place(s->pages, row, &place, &part, &params.row))
        return;
    params.parts = pages_parts(s->pages, &count) + part;
    if (info)
        archive_open(app, params.parts->key);
    else
        preview_open(app, &params);
}

static void ask(struct app *app, struct screen *s, const char *label,
                void (*entered)(struct app *app, void *self, const char *text))
{
    struct app_prompt prompt = {.label = label, .entered = entered, .self = s};

    app_prompt(app, &prompt);
}

/* Of a row that cannot be read there is only why. */
static void open_row(struct app *app, struct screen *s)
{
    size_t row = 0;

    table_current(&s->table, &row);
    const struct browse_value *value = pages_value(s->pages, row, 0);
    if (value && value->is == BROWSE_UNREADABLE)
        app_fail(app, pages_damage(s->pages, row));
    else
        row_open(app, s->pages, &s->table);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    switch ((enum action)action) {
    case FORM:
        open_row(app, s);
        break;
    case WHERE:
        ask_where(app, s);
        break;
    case GOTO:
        ask(app, s, "row: ", take_row);
        break;
    case TIME:
        ask(app, s, "time: ", take_time);
        break;
    case KEY:
        ask(app, s, "key: ", take_key);
        break;
    case EXPORT:
        ask_path(app, s);
        break;
    case THERE:
    case INFO:
        open_place(app, s, action == INFO);
        break;
    case LESS:
    case MORE:
        freeze(s, action == MORE ? s->frozen + (s->frozen < s->column_count)
                                 : s->frozen - (s->frozen > 0));
        break;
    case RETRY:
        pages_retry(s->pages);
        break;
    }
}

static bool take_any_key(struct app *app, void *self, const struct term_key *key)
{
    struct screen *s = self;

    if (key->code == '*' && table_marked(&s->table) == 0 && s->table.count > MARKS_MAX) {
        app_say(app, STYLE_WARN, "too many to mark; E without marks takes all of them");
        return true;
    }
    if (key->code != K_ESC || !pages_searching(s->pages))
        return false;
    pages_cancel(s->pages);
    return true;
}

/* --- the screen --- */

static void add_head(const struct screen *s, struct buf *text)
{
    size_t parts;

    pages_parts(s->pages, &parts);
    if (s->table.count > 0)
        buf_addf(text, "row %zu of ", s->table.cursor + 1);
    text_add_count(text, pages_rows(s->pages));
    if (s->where)
        buf_addf(text, " that match%s: %s",
                 pages_whole(s->pages)  ? ""
                 : pages_full(s->pages) ? " (more are not shown)"
                                        : " so far",
                 s->where);
    else if (parts > 1)
        buf_addf(text, " in %zu archives", parts);
}

static void draw_head(const struct screen *s, struct canvas *c, struct area area)
{
    const struct store_stats *cost = pages_cost(s->pages);
    const struct err *over = pages_passed_over(s->pages);
    const struct err *err = pages_error(s->pages),
                     *damage = pages_damage(s->pages, s->table.cursor);
    struct buf text = BUF_INIT;

    buf_addf(&text, "%s%" PRIu64 " requests, ", pages_searching(s->pages) ? "searching, " : "",
             cost->requests);
    text_add_bytes(&text, cost->bytes_received);
    int room = area.cols - 4 - glyph_width(c->glyphs, buf_str(&text));
    canvas_put_right(c, area.row, 1, area.cols - 2, STYLE_DIM, buf_str(&text));
    buf_reset(&text);
    if (err->kind != ERR_NONE) {
        canvas_putf(c, area.row, 1, room, STYLE_BAD, "r reads again: %s", err->what);
    } else if (damage) {
        canvas_putf(c, area.row, 1, room, STYLE_BAD, "%s: %s", damage->what, damage->why);
    } else if (over) {
        canvas_putf(c, area.row, 1, room, STYLE_BAD,
                    "%" PRIu64 " match; not all rows could be read: %s", pages_rows(s->pages),
                    *over->why ? over->why : over->what);
    } else if (!pages_opened(s->pages)) {
        canvas_putf(c, area.row, 1, room, STYLE_DIM, "opening%s", c->glyphs->ellipsis);
    } else {
        add_head(s, &text);
        canvas_put(c, area.row, 1, room, STYLE_BOLD, buf_str(&text));
    }
    buf_done(&text);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;

    draw_head(s, c, area);
    s->table.empty = s->where && !pages_whole(s->pages) ? "searching" : "no row";
    if (s->column_count > 0)
        table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
}

static void prepare(void *self)
{
    struct screen *s = self;
    size_t page = s->table.page > 0 ? (size_t)s->table.page : 1, cursor = s->table.cursor;
    size_t first = s->start > 0                    ? (size_t)s->start
                   : cursor < s->table.top         ? cursor
                   : cursor >= s->table.top + page ? cursor - page + 1
                                                   : s->table.top;

    pages_want(s->pages, first, page);
}

static void copy(const void *self, struct buf *text)
{
    const struct screen *s = self;
    size_t row;

    if (!table_current(&s->table, &row))
        return;
    for (size_t i = 0; i < pages_columns(s->pages); i++) {
        const struct browse_value *value = pages_value(s->pages, row, i);
        if (i > 0)
            buf_addc(text, '\t');
        if (value && value->is == BROWSE_VALUE)
            buf_adds(text, value->text);
        else if (value && value->is == BROWSE_NULL)
            buf_adds(text, "NULL");
    }
}

static void crumb(const void *self, struct buf *text)
{
    const struct screen *s = self;
    size_t parts;
    const char *key = pages_parts(s->pages, &parts)->key, *slash = strrchr(key, '/');

    if (s->inside)
        buf_adds(text, "rows");
    else if (parts == 1)
        buf_adds(text, slash ? slash + 1 : key);
    else
        buf_addf(text, "%zu archives", parts);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    pages_free(s->pages);
    table_done(&s->table);
    free(s->columns);
    free(s->where);
    free(s->search);
    free(s->asked);
    free(s);
}

static const struct screen_class preview_class = {.name = "Rows",
                                                  .keys = KEYS(bindings),
                                                  .search = &own_search,
                                                  .crumb = crumb,
                                                  .offers = offers,
                                                  .act = act,
                                                  .table = table_of,
                                                  .copy = copy,
                                                  .key = take_any_key,
                                                  .prepare = prepare,
                                                  .draw = draw,
                                                  .close = close_screen};

static struct screen *new_screen(struct app *app, const struct preview_params *params)
{
    static const struct table_column none[] = {{.title = ""}};
    struct screen *s = mem_alloc(sizeof(*s));
    struct pages_params pages = {.app = app,
                                 .parts = params->parts,
                                 .part_count = params->part_count,
                                 .where = params->where,
                                 .owner = s,
                                 .changed = changed,
                                 .found = found};

    s->app = app;
    s->pages = pages_new(&pages);
    s->where = params->where ? mem_strdup(params->where) : NULL;
    s->inside = params->inside;
    s->start = params->row;
    s->frozen = 1;
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->table, &s->source, none, 1);
    return s;
}

void preview_open(struct app *app, const struct preview_params *params)
{
    app_push(app, &preview_class, new_screen(app, params));
}
