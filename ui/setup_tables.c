/* SPDX-License-Identifier: PostgreSQL
 *
 * The steps that are tables: databases of the server, tables of the databases with what speaks for
 * each, and what is to be kept of those that were chosen.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "plot.h"
#include "setup.h"
#include "wrap.h"

enum { WHY_ROWS = 2 };

/* --- databases --- */

struct databases {
    struct setup *setup;
    struct table_source source;
    struct table table;
};

enum { DB_NAME, DB_SIZE };
static const struct table_column database_columns[] = {
    [DB_NAME] = {.title = "database", .min = 24, .frozen = true, .sort_key = 'D'},
    [DB_SIZE] = {.title = "size", .min = 10, .right = true, .sort_key = 'S', .downward = true},
};

static size_t database_count(const void *self)
{
    return ((const struct databases *)self)->setup->databases.count;
}

static void database_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct discover_database *d =
        &((const struct databases *)self)->setup->databases.items[row];

    (void)style;
    if (column == DB_NAME)
        buf_adds(text, d->name);
    else if (d->bytes > 0)
        text_add_bytes(text, d->bytes);
}

static int database_compare(const void *self, size_t a, size_t b, size_t column)
{
    const struct discover_database *items =
        ((const struct databases *)self)->setup->databases.items;

    if (column == DB_NAME)
        return strcmp(items[a].name, items[b].name);
    return (items[a].bytes > items[b].bytes) - (items[a].bytes < items[b].bytes);
}

static const char *database_id(const void *self, size_t row)
{
    return ((const struct databases *)self)->setup->databases.items[row].name;
}

static void search_tables(struct setup_work *work, const struct stop *stop)
{
    int64_t days = 90;

    text_to_int(wizard_get(work->wizard, "retention-days"), &days);
    for (size_t i = 0; work->words[i] && !stop_asked(stop); i++) {
        struct config_database database;
        work->found = mem_grow(work->found, (i + 1) * sizeof(*work->found));
        struct setup_found *found = &work->found[i];
        *found = (struct setup_found){0};
        wizard_connection(work->wizard, work->words[i], &database);
        if (!discover_tables(&database, days, &found->tables, &work->err))
            return;
        found->database = mem_strdup(work->words[i]);
        work->found_count = i + 1;
    }
}

static void take_tables(struct setup_work *work)
{
    struct setup *setup = work->setup;

    if (work->err.kind != ERR_NONE) {
        app_fail(setup->app, &work->err);
        return;
    }
    setup_forget_found(setup);
    setup->found = work->found;
    setup->found_count = work->found_count;
    work->found = NULL;
    work->found_count = 0;
    setup_open_tables(setup);
}

void setup_discover(struct setup *setup, const char *const *databases)
{
    size_t n = 0;
    char **words = mem_alloc(sizeof(*words));

    for (; databases[n]; n++) {
        words = mem_grow(words, (n + 2) * sizeof(*words));
        words[n] = mem_strdup(databases[n]);
        words[n + 1] = NULL;
    }
    setup_start(&(struct setup_work){.setup = setup,
                                     .owner = setup,
                                     .work = search_tables,
                                     .done = take_tables,
                                     .title = "looking for tables",
                                     .words = words});
}

enum action { NEXT = 1, BACK, DEFAULT_DAYS, COLUMN, EDIT };

static const struct keys_binding database_keys[] = {
    {NEXT, {'\r', K_CTRL('n')}, "look for tables", "in the marked databases, or this one", false},
    {BACK, {K_CTRL('p')}, NULL, "the step before; answers stay", false},
};

static void database_act(struct app *app, void *self, int action)
{
    struct databases *s = self;
    const char **names = mem_alloc((database_count(s) + 1) * sizeof(*names));
    size_t n = 0, row;

    if (action == BACK) {
        app_pop(app);
    } else if (!tasks_busy(app_tasks(app), s->setup)) {
        for (size_t i = 0; i < database_count(s); i++) {
            if (table_is_marked(&s->table, i))
                names[n++] = database_id(s, i);
        }
        if (n == 0 && table_current(&s->table, &row))
            names[n++] = database_id(s, row);
        setup_discover(s->setup, names);
    }
    free(names);
}

static struct table *databases_table(void *self)
{
    return &((struct databases *)self)->table;
}

static void databases_draw(void *self, struct canvas *c, struct area area)
{
    struct databases *s = self;

    canvas_putf(c, area.row, 1, area.cols - 2, STYLE_DIM,
                "PostgreSQL %s. Space marks databases to look into.",
                s->setup->databases.server.version);
    table_draw(&s->table, c, (struct area){area.row + 2, 0, area.rows - 2, area.cols});
}

static void databases_close(void *self)
{
    struct databases *s = self;

    table_done(&s->table);
    free(s);
}

static const struct screen_class databases_class = {.name = "Databases",
                                                    .keys = KEYS(database_keys),
                                                    .act = database_act,
                                                    .table = databases_table,
                                                    .draw = databases_draw,
                                                    .close = databases_close};

void setup_open_databases(struct setup *setup)
{
    struct databases *s = mem_alloc(sizeof(*s));

    s->setup = setup;
    s->source = (struct table_source){.self = s,
                                      .count = database_count,
                                      .cell = database_cell,
                                      .compare = database_compare,
                                      .id = database_id};
    table_init(&s->table, &s->source, database_columns, 2);
    table_refresh(&s->table);
    table_search(&s->table, setup->databases.server.database);
    app_push(setup->app, &databases_class, s);
}

/* --- tables --- */

struct candidate {
    const struct setup_found *found;
    const struct discover_table *table;
    char *id;
};

struct tables {
    struct setup *setup;
    struct candidate *items;
    size_t count, without;
    int64_t cutoff_us;
    struct table_source source;
    struct table table;
};

enum { T_FIT, T_TABLE, T_COLUMN, T_ROWS, T_SIZE, T_OLDER, T_WHY };
static const struct table_column table_columns[] = {
    [T_FIT] = {.title = "fit", .min = 5, .frozen = true, .sort_key = 'F', .downward = true},
    [T_TABLE] = {.title = "table", .min = 20, .max = 40, .frozen = true, .sort_key = 'T'},
    [T_COLUMN] = {.title = "when", .min = 10, .max = 22},
    [T_ROWS] = {.title = "rows", .min = 6, .right = true, .sort_key = 'R', .downward = true},
    [T_SIZE] = {.title = "size", .min = 8, .right = true, .sort_key = 'S', .downward = true},
    [T_OLDER] = {.title = "older", .min = 5, .right = true, .sort_key = 'O', .downward = true},
    [T_WHY] = {.title = "why", .min = 10},
};

static double older_share(const struct tables *s, const struct candidate *c)
{
    return discover_share(&c->table->columns[0], s->cutoff_us);
}

static size_t table_count(const void *self)
{
    return ((const struct tables *)self)->count;
}

/* Good fits are those that everything speaks for. */
static const char *fit_of(const struct discover_table *t, int *style)
{
    *style = t->score >= 90 ? STYLE_GOOD : t->score >= 60 ? STYLE_TEXT : STYLE_DIM;
    return t->score >= 90 ? "good" : t->score >= 60 ? "maybe" : "poor";
}

static void table_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct tables *s = self;
    const struct candidate *c = &s->items[row];
    const struct discover_table *t = c->table;

    switch (column) {
    case T_FIT:
        buf_adds(text, fit_of(t, style));
        break;
    case T_TABLE:
        buf_adds(text, c->id);
        break;
    case T_COLUMN:
        buf_addf(text, "%s%s", t->columns[0].name, t->columns[0].indexed ? "" : " (no index)");
        *style = t->columns[0].indexed ? *style : STYLE_WARN;
        break;
    case T_ROWS:
        if (t->rows >= 0)
            buf_addc(text, '~');
        plot_count(text, (double)t->rows);
        break;
    case T_SIZE:
        text_add_bytes(text, t->bytes);
        break;
    case T_OLDER:
        if (older_share(s, c) >= 0)
            buf_addf(text, "%.0f%%", older_share(s, c) * 100);
        else
            buf_addc(text, '?');
        break;
    default:
        buf_adds(text, t->why);
        *style = STYLE_DIM;
    }
}

static int table_compare(const void *self, size_t a, size_t b, size_t column)
{
    const struct tables *s = self;
    const struct candidate *one = &s->items[a], *other = &s->items[b];
    double x, y;

    if (column == T_TABLE)
        return strcmp(one->id, other->id);
    x = column == T_ROWS    ? (double)one->table->rows
        : column == T_SIZE  ? (double)one->table->bytes
        : column == T_OLDER ? older_share(s, one)
                            : one->table->score;
    y = column == T_ROWS    ? (double)other->table->rows
        : column == T_SIZE  ? (double)other->table->bytes
        : column == T_OLDER ? older_share(s, other)
                            : other->table->score;
    return (x > y) - (x < y);
}

static const char *table_id(const void *self, size_t row)
{
    return ((const struct tables *)self)->items[row].id;
}

static const struct keys_binding tables_keys[] = {
    {NEXT,
     {'\r', K_CTRL('n')},
     "take the marked",
     "go on with the marked tables, or this one",
     false},
    {BACK, {K_CTRL('p')}, NULL, "the step before; answers stay", false},
};

static void take_candidate(struct tables *s, const struct candidate *c)
{
    struct wizard_table *t =
        wizard_find_table(s->setup->wizard, c->found->database, c->table->schema, c->table->name);

    if (!t)
        t = wizard_add_table(s->setup->wizard, c->found->database, c->table->schema,
                             c->table->name);
    if (!*t->timestamp_column)
        wizard_table_column(t, c->table->columns[0].name);
    t->rows = c->table->rows;
    t->bytes = c->table->bytes;
}

static void tables_act(struct app *app, void *self, int action)
{
    struct tables *s = self;
    size_t row;

    if (action == BACK) {
        app_pop(app);
        return;
    }
    bool marked = table_marked(&s->table) > 0;
    for (size_t i = 0; marked && i < s->count; i++) {
        const struct candidate *c = &s->items[i];
        if (table_is_marked(&s->table, i))
            take_candidate(s, c);
        else
            wizard_remove_table(s->setup->wizard, c->found->database, c->table->schema,
                                c->table->name);
    }
    if (!marked && table_current(&s->table, &row))
        take_candidate(s, &s->items[row]);
    if (wizard_table_at(s->setup->wizard, 0))
        setup_open_keep(s->setup);
    else
        app_say(app, STYLE_WARN, "no table is marked: Space marks one");
}

static struct table *tables_table(void *self)
{
    return &((struct tables *)self)->table;
}

/* What is missing to archive the table, as the statement that gives it. */
static void draw_help(const struct tables *s, struct canvas *c, int row)
{
    struct buf text = BUF_INIT;
    size_t at;

    canvas_rule(c, row, 0, c->cols, NULL);
    if (!table_current(&s->table, &at))
        return;
    const struct discover_table *t = s->items[at].table;
    const char *why = t->why;
    for (int i = 1; i <= WHY_ROWS && *why; i++) {
        char *line = wrap_next(c->glyphs, &why, c->cols - 2);
        canvas_put(c, row + i, 1, c->cols - 2, STYLE_TEXT, line);
        free(line);
    }
    if (discover_grant(t, s->setup->databases.server.user, &text) ||
        discover_index(t, &t->columns[0], &text))
        canvas_put(c, row + WHY_ROWS + 1, 1, c->cols - 2, STYLE_WARN, buf_str(&text));
    buf_done(&text);
}

static void tables_draw(void *self, struct canvas *c, struct area area)
{
    struct tables *s = self;

    canvas_putf(c, area.row, 1, area.cols - 2, STYLE_DIM,
                "%zu tables tell when (%zu do not). The likeliest first; Space marks.", s->count,
                s->without);
    table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 3 - WHY_ROWS, area.cols});
    draw_help(s, c, area.row + area.rows - 2 - WHY_ROWS);
}

static void tables_close(void *self)
{
    struct tables *s = self;

    for (size_t i = 0; i < s->count; i++)
        free(s->items[i].id);
    free(s->items);
    table_done(&s->table);
    free(s);
}

static const struct screen_class tables_class = {.name = "Tables",
                                                 .keys = KEYS(tables_keys),
                                                 .act = tables_act,
                                                 .table = tables_table,
                                                 .draw = tables_draw,
                                                 .close = tables_close};

static void add_candidates(struct tables *s, const struct setup_found *found)
{
    s->items = mem_grow(s->items, (s->count + found->tables.count + 1) * sizeof(*s->items));
    for (size_t i = 0; i < found->tables.count; i++) {
        const struct discover_table *t = &found->tables.items[i];
        char *id = s->setup->found_count > 1
                       ? mem_printf("%s.%s.%s", found->database, t->schema, t->name)
                       : mem_printf("%s.%s", t->schema, t->name);
        s->items[s->count++] = (struct candidate){found, t, id};
    }
    s->without += found->tables.without;
}

void setup_open_tables(struct setup *setup)
{
    struct tables *s = mem_alloc(sizeof(*s));
    int64_t days = 90;

    s->setup = setup;
    text_to_int(wizard_get(setup->wizard, "retention-days"), &days);
    s->cutoff_us = text_now_us() - days * TEXT_US_PER_DAY;
    for (size_t i = 0; i < setup->found_count; i++)
        add_candidates(s, &setup->found[i]);
    s->source = (struct table_source){.self = s,
                                      .count = table_count,
                                      .cell = table_cell,
                                      .compare = table_compare,
                                      .id = table_id};
    table_init(&s->table, &s->source, table_columns,
               sizeof(table_columns) / sizeof(table_columns[0]));
    s->table.empty = "no table here has a column that tells when";
    table_refresh(&s->table);
    for (size_t i = 0; i < s->count; i++) { /* those that were chosen before */
        const struct candidate *c = &s->items[i];
        if (wizard_find_table(setup->wizard, c->found->database, c->table->schema, c->table->name))
            table_mark(&s->table, i);
    }
    app_push(setup->app, &tables_class, s);
}

/* --- what to keep --- */

struct keep {
    struct setup *setup;
    struct table_source source;
    struct table table;
    char id[400];
    int64_t typed_days; /* while one types: for the row, or for all; 0: nothing is typed */
    bool typing_for_all;
};

enum { K_TABLE, K_WHEN, K_KEEP, K_LEAVES, K_BYTES, K_MONTH };
static const struct table_column keep_columns[] = {
    [K_TABLE] = {.title = "table", .min = 22, .max = 40, .frozen = true, .sort_key = 'T'},
    [K_WHEN] = {.title = "when", .min = 10, .max = 22},
    [K_KEEP] = {.title = "keep", .min = 6, .right = true},
    [K_LEAVES] = {.title = "leaves now", .min = 10, .right = true},
    [K_BYTES] = {.title = "size", .min = 9, .right = true},
    [K_MONTH] = {.title = "a month", .min = 8, .right = true},
};

static const struct discover_column *column_of(const struct keep *s, const struct wizard_table *t)
{
    const struct discover_table *found = setup_find(s->setup, t);

    for (size_t i = 0; found && i < found->column_count; i++) {
        if (strcmp(found->columns[i].name, t->timestamp_column) == 0)
            return &found->columns[i];
    }
    return NULL;
}

static int64_t days_for_all(const struct keep *s)
{
    int64_t days = 90;

    if (s->typed_days > 0 && s->typing_for_all)
        return s->typed_days;
    text_to_int(wizard_get(s->setup->wizard, "retention-days"), &days);
    return days;
}

static int64_t days_of(const struct keep *s, size_t row)
{
    const struct wizard_table *t = wizard_table_at(s->setup->wizard, row);
    size_t current;

    if (s->typed_days > 0 && !s->typing_for_all && table_current(&s->table, &current) &&
        current == row)
        return s->typed_days;
    return t->retention_days > 0 ? t->retention_days : days_for_all(s);
}

static double share_of(const struct keep *s, size_t row)
{
    const struct discover_column *column = column_of(s, wizard_table_at(s->setup->wizard, row));

    return column ? discover_share(column, text_now_us() - days_of(s, row) * TEXT_US_PER_DAY) : -1;
}

static size_t keep_count(const void *self)
{
    size_t n = 0;

    while (wizard_table_at(((const struct keep *)self)->setup->wizard, n))
        n++;
    return n;
}

static void keep_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct keep *s = self;
    const struct wizard_table *t = wizard_table_at(s->setup->wizard, row);
    const struct discover_column *when = column_of(s, t);
    double share = share_of(s, row);

    switch (column) {
    case K_TABLE:
        buf_addf(text, "%s.%s.%s", t->database, t->schema, t->table);
        break;
    case K_WHEN:
        buf_adds(text, t->timestamp_column);
        break;
    case K_KEEP:
        buf_addf(text, "%" PRId64 "d", days_of(s, row));
        *style = t->retention_days > 0 ? STYLE_ACCENT : STYLE_TEXT;
        break;
    case K_LEAVES:
        if (share >= 0 && t->rows >= 0)
            buf_addc(text, '~');
        plot_count(text, share >= 0 && t->rows >= 0 ? share * (double)t->rows : -1);
        break;
    case K_BYTES:
        if (share >= 0)
            text_add_bytes(text, (uint64_t)(share * (double)t->bytes));
        break;
    default:
        if (when && discover_share_a_month(when) >= 0 && t->rows >= 0) {
            buf_addc(text, '~');
            plot_count(text, discover_share_a_month(when) * (double)t->rows);
        }
    }
}

static const char *keep_id(const void *self, size_t row)
{
    struct keep *s = (struct keep *)self; /* only its scratch */
    const struct wizard_table *t = wizard_table_at(s->setup->wizard, row);

    snprintf(s->id, sizeof(s->id), "%s.%s.%s", t->database, t->schema, t->table);
    return s->id;
}

static const struct keys_binding keep_keys[] = {
    {NEXT, {K_CTRL('n')}, "go on", "the next step: the store", false},
    {EDIT, {'\r', 'e'}, "days", "how many days rows of this table are kept", false},
    {DEFAULT_DAYS, {'d'}, "days for all", "for tables that do not say otherwise", false},
    {COLUMN, {'c'}, "column", "another column that tells when", false},
    {BACK, {K_CTRL('p')}, NULL, "the step before; answers stay", false},
};

/* The numbers move with what is typed. */
static void follow_days(struct app *app, void *self, const char *text)
{
    struct keep *s = self;
    int64_t days;

    (void)app;
    s->typed_days = text && text_to_int(text, &days) && days > 0 && days < 100000 ? days : 0;
}

static void take_days(struct app *app, void *self, const char *text)
{
    struct keep *s = self;
    int64_t days = 0;
    struct err err;
    size_t row;

    if (s->typing_for_all) {
        if (!wizard_set(s->setup->wizard, "retention-days", text, &err))
            app_say(app, STYLE_BAD, "%s", err.what);
        return;
    }
    if (*text && (!text_to_int(text, &days) || days < 1 || days >= 100000)) {
        app_say(app, STYLE_BAD, "a number of days is expected, or nothing: as for all");
        return;
    }
    if (table_current(&s->table, &row))
        wizard_table_at(s->setup->wizard, row)->retention_days = days;
}

static void ask_days(struct keep *s, bool for_all)
{
    char initial[24] = "";
    size_t row;

    if (!for_all && !table_current(&s->table, &row))
        return;
    s->typing_for_all = for_all;
    snprintf(initial, sizeof(initial), "%" PRId64, for_all ? days_for_all(s) : days_of(s, row));
    app_prompt(s->setup->app,
               &(struct app_prompt){.label = for_all ? "days to keep, for all: " : "days to keep: ",
                                    .initial = initial,
                                    .entered = take_days,
                                    .changed = follow_days,
                                    .self = s});
}

static void turn_column(struct keep *s)
{
    size_t row, at = 0;

    if (!table_current(&s->table, &row))
        return;
    struct wizard_table *t = wizard_table_at(s->setup->wizard, row);
    const struct discover_table *found = setup_find(s->setup, t);
    while (found && at < found->column_count &&
           strcmp(found->columns[at].name, t->timestamp_column) != 0)
        at++;
    if (!found || found->column_count < 2) {
        app_say(s->setup->app, STYLE_DIM, "it has no other column that tells when");
        return;
    }
    wizard_table_column(t, found->columns[(at + 1) % found->column_count].name);
}

static void note_shares(struct keep *s)
{
    for (size_t i = 0; i < keep_count(s); i++) {
        struct wizard_table *t = wizard_table_at(s->setup->wizard, i);
        const struct discover_column *when = column_of(s, t);
        t->share = share_of(s, i);
        t->share_a_month = when ? discover_share_a_month(when) : -1;
    }
}

static void keep_act(struct app *app, void *self, int action)
{
    struct keep *s = self;

    if (action == BACK) {
        app_pop(app);
    } else if (action == NEXT) {
        note_shares(s);
        setup_open_form(s->setup, WIZARD_STORE);
    } else if (action == COLUMN) {
        turn_column(s);
    } else {
        ask_days(s, action == DEFAULT_DAYS);
    }
}

static struct table *keep_table(void *self)
{
    return &((struct keep *)self)->table;
}

static void keep_draw(void *self, struct canvas *c, struct area area)
{
    struct keep *s = self;
    double rows = 0, bytes = 0;
    struct buf text = BUF_INIT;

    table_refresh(&s->table);
    for (size_t i = 0; i < keep_count(s); i++) {
        const struct wizard_table *t = wizard_table_at(s->setup->wizard, i);
        double share = share_of(s, i);
        rows += share > 0 && t->rows > 0 ? share * (double)t->rows : 0;
        bytes += share > 0 ? share * (double)t->bytes : 0;
    }
    buf_addf(&text,
             "Kept %" PRId64 " days where a table does not say otherwise. Leaves now: about ",
             days_for_all(s));
    plot_count(&text, rows);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, (uint64_t)bytes);
    canvas_put(c, area.row, 1, area.cols - 2, STYLE_DIM, buf_str(&text));
    table_draw(&s->table, c, (struct area){area.row + 2, 0, area.rows - 2, area.cols});
    buf_done(&text);
}

static void keep_close(void *self)
{
    struct keep *s = self;

    table_done(&s->table);
    free(s);
}

static const struct screen_class keep_class = {.name = "Keep",
                                               .keys = KEYS(keep_keys),
                                               .act = keep_act,
                                               .table = keep_table,
                                               .draw = keep_draw,
                                               .close = keep_close};

void setup_open_keep(struct setup *setup)
{
    struct keep *s = mem_alloc(sizeof(*s));

    s->setup = setup;
    s->source =
        (struct table_source){.self = s, .count = keep_count, .cell = keep_cell, .id = keep_id};
    table_init(&s->table, &s->source, keep_columns, sizeof(keep_columns) / sizeof(keep_columns[0]));
    table_refresh(&s->table);
    app_push(setup->app, &keep_class, s);
}
