/* SPDX-License-Identifier: PostgreSQL
 *
 * One archive: what is recorded of it, its members by time, its columns, the table's definition as
 * it was then.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "app.h"
#include "base/text.h"
#include "plot.h"
#include "preview.h"
#include "reader.h"
#include "screens.h"

enum { STRIP_ROWS = 3, FACTS = 4 };
enum tab { MEMBERS, COLUMNS, DEFINITION, TABS };

struct lines {
    char **items;
    size_t count;
};

struct screen {
    struct app *app;
    char *key;
    struct reader *reader;  /* the metadata is its own; NULL: not read yet */
    struct stop *stop;      /* the reader's */
    struct err err, locked; /* locked: why members are not known */
    struct lines definition;
    enum tab tab;
    struct table_source sources[TABS];
    struct table tables[TABS];
    char id[24];
};

static const struct metadata *about(const struct screen *s)
{
    return s->reader ? reader_about(s->reader) : NULL;
}

/* --- asking --- */

struct ask {
    const struct config *config;
    char *key;
    struct stop *stop;
    struct reader *reader;
    struct err err, locked;
};

static void look(struct task *task, void *arg)
{
    struct ask *ask = arg;
    struct reader_params params = {.config = ask->config, .key = ask->key, .stop = ask->stop};

    (void)task;
    ask->reader = reader_open(&params, &ask->err);
    if (ask->reader)
        reader_unlock(ask->reader, &ask->locked);
}

static void drop_ask(void *arg)
{
    struct ask *ask = arg;

    reader_close(ask->reader);
    if (ask->stop)
        stop_free(ask->stop);
    free(ask->key);
    free(ask);
}

static void add_line(struct lines *lines, const char *text, size_t len)
{
    lines->items = mem_grow(lines->items, (lines->count + 1) * sizeof(*lines->items));
    lines->items[lines->count++] = mem_printf("%.*s", (int)len, text);
}

static void add_lines(struct lines *lines, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        add_line(lines, text, len);
        text += len + (text[len] == '\n');
    }
}

/* What metadata.json has of the table, besides its columns. */
static void define(struct screen *s)
{
    const struct metadata *m = about(s);
    const struct shape *shape = m->shape;

    if (m->table_ddl)
        add_lines(&s->definition, m->table_ddl);
    for (size_t i = 0; shape && i < shape->index_count; i++)
        add_lines(&s->definition, shape->indexes[i].definition);
    for (size_t i = 0; shape && i < shape->constraint_count; i++) {
        char *line =
            mem_printf("-- %s: %s", shape->constraints[i].name, shape->constraints[i].definition);
        add_lines(&s->definition, line);
        free(line);
    }
}

static void take(void *owner, void *arg)
{
    struct screen *s = owner;
    struct ask *ask = arg;

    s->err = ask->err;
    s->locked = ask->locked;
    s->reader = ask->reader;
    s->stop = ask->stop;
    ask->reader = NULL;
    ask->stop = NULL;
    if (s->reader)
        define(s);
    for (size_t i = 0; i < TABS; i++)
        table_refresh(&s->tables[i]);
}

static void start(struct screen *s)
{
    struct ask *ask = mem_alloc(sizeof(*ask));

    ask->config = app_config(s->app);
    ask->key = mem_strdup(s->key);
    ask->stop = stop_new();
    struct task_params params = {.title = "reading metadata",
                                 .owner = s,
                                 .arg = ask,
                                 .err = &ask->err,
                                 .stop = ask->stop,
                                 .work = look,
                                 .done = take,
                                 .drop = drop_ask};
    tasks_start(app_tasks(s->app), &params);
}

/* --- members --- */

enum { M_FIRST, M_ROWS, M_FROM, M_TO, M_LENGTH, M_LINES, M_KEYS, M_OFFSET };

static const struct table_column member_columns[] = {
    [M_FIRST] = {.title = "first row", .min = 9, .right = true, .frozen = true},
    [M_ROWS] = {.title = "rows", .min = 7, .right = true},
    [M_FROM] = {.title = "from", .min = 19},
    [M_TO] = {.title = "to", .min = 19},
    [M_LENGTH] = {.title = "stored", .min = 8, .right = true},
    [M_LINES] = {.title = "lines", .min = 8, .right = true},
    [M_KEYS] = {.title = "keys", .min = 12, .max = 50},
    [M_OFFSET] = {.title = "offset", .min = 8, .right = true},
};

static size_t member_count(const void *self)
{
    const struct metadata *m = about(self);

    return m ? m->member_count : 0;
}

/* Of an epoch column it is the number. */
static void add_bound(const struct metadata *m, int64_t bound, struct buf *text)
{
    int64_t ignored;
    bool is_time =
        m->min_timestamp && text_to_time(m->min_timestamp, strlen(m->min_timestamp), &ignored);
    struct buf time = BUF_INIT;

    if (bound == INT64_MAX || bound == INT64_MIN)
        return;
    if (is_time) {
        text_add_time(&time, bound);
        buf_addf(text, "%.19s", buf_str(&time));
    } else {
        buf_addf(text, "%" PRId64, bound);
    }
    buf_done(&time);
}

static void member_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct metadata *m = about(self);
    const struct member_index *member = &m->members[row];

    (void)style;
    switch (column) {
    case M_FIRST:
        text_add_count(text, member->first_row + 1);
        break;
    case M_ROWS:
        text_add_count(text, member->rows);
        break;
    case M_FROM:
        add_bound(m, member->min_us, text);
        break;
    case M_TO:
        add_bound(m, member->max_us, text);
        break;
    case M_LENGTH:
        text_add_bytes(text, member->length);
        break;
    case M_LINES:
        text_add_bytes(text, member->line_bytes);
        break;
    case M_KEYS:
        if (member->min_key && member->max_key)
            buf_addf(text, "%s .. %s", member->min_key, member->max_key);
        break;
    default:
        buf_addf(text, "%" PRIu64, member->offset);
    }
}

/* --- columns --- */

enum { C_NAME, C_TYPE, C_MARKS, C_DEFAULT };

static const struct table_column column_columns[] = {
    [C_NAME] = {.title = "column", .min = 16, .max = 40, .frozen = true},
    [C_TYPE] = {.title = "type", .min = 16, .max = 40},
    [C_MARKS] = {.title = "", .min = 14},
    [C_DEFAULT] = {.title = "default", .min = 10},
};

static size_t column_count(const void *self)
{
    const struct metadata *m = about(self);

    return m && m->shape ? m->shape->column_count : 0;
}

static void add_marks(const struct shape *shape, size_t column, struct buf *text)
{
    for (size_t i = 0; i < shape->key_count; i++) {
        if (shape->key_columns[i] == column)
            buf_adds(text, "key ");
    }
    if (shape->timestamp_column == column)
        buf_adds(text, "time ");
    if (shape->columns[column].not_null)
        buf_adds(text, "not null");
}

static void column_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct shape *shape = about(self)->shape;
    const struct column *c = &shape->columns[row];

    if (column == C_NAME)
        buf_adds(text, c->name);
    else if (column == C_TYPE)
        buf_adds(text, c->type->name);
    else if (column == C_MARKS)
        add_marks(shape, row, text);
    else if (c->default_expr)
        buf_adds(text, c->default_expr);
    if (column != C_NAME)
        *style = STYLE_DIM;
}

/* --- definition --- */

static const struct table_column line_columns[] = {{.title = "", .min = 1}};

static size_t line_count(const void *self)
{
    return ((const struct screen *)self)->definition.count;
}

static void line_cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;

    (void)column;
    buf_adds(text, s->definition.items[row]);
    if (strncmp(s->definition.items[row], "--", 2) == 0)
        *style = STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct screen *s = (struct screen *)self; /* only its scratch */

    snprintf(s->id, sizeof(s->id), "%zu", row);
    return s->id;
}

/* --- drawing --- */

static void add_sizes(const struct metadata *m, struct buf *text)
{
    text_add_count(text, m->record_count);
    buf_addf(text, " rows of %s.%s.%s, ", m->database, m->schema, m->table);
    text_add_bytes(text, m->object_bytes);
    if (m->object_bytes > 0 && m->line_bytes > 0)
        buf_addf(text, ", %.1fx smaller than their lines",
                 (double)m->line_bytes / (double)m->object_bytes);
}

static void add_bounds(const struct metadata *m, struct buf *text)
{
    if (m->min_timestamp)
        buf_addf(text, "%s %.19s to %.19s", m->timestamp_column, m->min_timestamp,
                 m->max_timestamp);
    if (metadata_min_key(m))
        buf_addf(text, "%skeys %s to %s", m->min_timestamp ? ", " : "", metadata_min_key(m),
                 metadata_max_key(m));
}

static void add_origin(const struct metadata *m, struct buf *text)
{
    buf_addf(text, "%s", metadata_suffix(m) + 1);
    if (m->key_id)
        buf_addf(text, ", key %s", m->key_id);
    buf_addf(text, ", PostgreSQL %s", m->postgres_version);
    if (m->strategy && *m->strategy)
        buf_addf(text, ", way: %s", m->strategy);
    if (m->cutoff && *m->cutoff)
        buf_addf(text, ", before %.19s", m->cutoff);
    if (m->where)
        buf_addf(text, ", where %s", m->where);
}

/* What a line of facts says, from 0. */
static void add_fact(const struct metadata *m, size_t i, struct buf *text)
{
    if (i == 0)
        add_sizes(m, text);
    else if (i == 1)
        add_bounds(m, text);
    else if (i == 2)
        buf_addf(text, "archived %.19s by run %s, batch %u", m->archived_at, m->run_id,
                 m->batch_number);
    else
        add_origin(m, text);
}

/* Where a moment stands among so many columns of the strip. */
static int place_of(const struct metadata *m, int64_t us, int cols)
{
    double span = (double)m->max_us - (double)m->min_us;
    double share = span > 0 ? ((double)us - (double)m->min_us) / span : 0;

    return (int)(share * (cols - 1) + 0.5);
}

/* Rows of the members, spread over the columns that each takes. */
static void spread(const struct metadata *m, double *values, int cols)
{
    for (size_t i = 0; i < m->member_count; i++) {
        const struct member_index *member = &m->members[i];
        if (member->min_us == INT64_MAX)
            continue;
        int from = place_of(m, member->min_us, cols), to = place_of(m, member->max_us, cols);
        to -= to > from; /* that is where the next one begins */
        for (int at = from; at <= to; at++)
            values[at] += (double)member->rows / (to - from + 1);
    }
}

/* Below the columns: how far the member reaches that the cursor is on. */
static void draw_reach(const struct screen *s, struct canvas *c, struct area area)
{
    const struct metadata *m = about(s);
    size_t at;

    if (!table_current(&s->tables[MEMBERS], &at) || m->members[at].min_us == INT64_MAX)
        return;
    int from = place_of(m, m->members[at].min_us, area.cols);
    int to = place_of(m, m->members[at].max_us, area.cols);
    canvas_fill(c, (struct area){area.row, area.col + from, 1, to - from + 1},
                c->glyphs->horizontal, STYLE_MARKED);
}

static bool has_strip(const struct metadata *m)
{
    return m->member_count > 0 && m->min_us < m->max_us;
}

static int draw_strip(const struct screen *s, struct canvas *c, int row)
{
    const struct metadata *m = about(s);
    struct area area = {row, 1, STRIP_ROWS, c->cols - 2};
    double *values = mem_alloc((size_t)area.cols * sizeof(*values));
    struct buf text = BUF_INIT;

    spread(m, values, area.cols);
    plot_columns(c, area, values, (size_t)area.cols, STYLE_SPARK);
    free(values);
    draw_reach(s, c, (struct area){row + STRIP_ROWS, 1, 1, area.cols});
    add_bound(m, m->min_us, &text);
    canvas_put(c, row + STRIP_ROWS + 1, 1, 20, STYLE_DIM, buf_str(&text));
    buf_reset(&text);
    add_bound(m, m->max_us, &text);
    canvas_put_right(c, row + STRIP_ROWS + 1, area.cols - 20, 21, STYLE_DIM, buf_str(&text));
    buf_done(&text);
    return row + STRIP_ROWS + 2;
}

static void draw_tab(struct screen *s, struct canvas *c, struct area area)
{
    static const char *const titles[] = {"members", "columns", "the table as it was"};
    struct table *table = &s->tables[s->tab];
    char line[sizeof(struct err)] = "";

    canvas_rule(c, area.row, 0, c->cols, titles[s->tab]);
    if (s->locked.kind != ERR_NONE)
        err_line(&s->locked, line, sizeof(line));
    table->empty = *line                                   ? line
                   : s->tab == MEMBERS                     ? "an object without a member index"
                   : s->tab == COLUMNS && !about(s)->shape ? "the archive does not say its columns"
                                                           : "nothing is recorded";
    table_draw(table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
    table->empty = "";
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    const struct metadata *m = about(s);
    int row = area.row, end = area.row + area.rows;
    char line[sizeof(struct err)];

    if (!m) {
        err_line(&s->err, line, sizeof(line));
        canvas_put(c, row, 1, c->cols - 2, s->err.kind != ERR_NONE ? STYLE_BAD : STYLE_DIM,
                   s->err.kind != ERR_NONE ? line : "asking the store");
        return;
    }
    for (size_t i = 0; i < FACTS; i++) {
        struct buf text = BUF_INIT;
        add_fact(m, i, &text);
        canvas_put(c, row++, 1, c->cols - 2, i == 0 ? STYLE_BOLD : STYLE_TEXT, buf_str(&text));
        buf_done(&text);
    }
    if (has_strip(m) && area.rows > FACTS + STRIP_ROWS + 8) {
        canvas_rule(c, row++, 0, c->cols, "rows by time");
        row = draw_strip(s, c, row);
    }
    draw_tab(s, c, (struct area){row, 0, end - row, area.cols});
}

/* --- keys --- */

enum action { ROWS = 1, TAB_MEMBERS, TAB_COLUMNS, TAB_DEFINITION, RAW };

static const struct keys_binding bindings[] = {
    {ROWS, {'\r', 'p'}, "rows", "its rows; from the member on that the cursor is on", false},
    {TAB_MEMBERS, {'m'}, "members", "its members: where rows of which time and keys are", false},
    {TAB_COLUMNS, {'s'}, "schema", "its columns with their types", false},
    {TAB_DEFINITION, {'d'}, "definition", "the table as it was when this was archived", false},
    {RAW, {'i'}, "metadata", "the metadata as `show` prints it", false},
};

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    struct browse_part part = {s->key, BROWSE_ROWS_UNKNOWN};
    struct preview_params params = {.parts = &part, .part_count = 1, .inside = true};
    size_t at;

    if (action == ROWS) {
        if (s->tab == MEMBERS && table_current(&s->tables[MEMBERS], &at))
            params.row = about(s)->members[at].first_row;
        preview_open(app, &params);
    } else if (action == RAW) {
        app_run_words(app, (const char *const[]){"show", s->key, NULL});
    } else {
        s->tab = (enum tab)(action - TAB_MEMBERS);
    }
}

/* --- the screen --- */

static void crumb(const void *self, struct buf *text)
{
    const struct screen *s = self;
    const char *slash = strrchr(s->key, '/');

    buf_adds(text, slash ? slash + 1 : s->key);
}

static struct table *table_of(void *self)
{
    struct screen *s = self;

    return &s->tables[s->tab];
}

static void close_screen(void *self)
{
    struct screen *s = self;

    reader_close(s->reader);
    if (s->stop)
        stop_free(s->stop);
    for (size_t i = 0; i < s->definition.count; i++)
        free(s->definition.items[i]);
    free(s->definition.items);
    for (size_t i = 0; i < TABS; i++)
        table_done(&s->tables[i]);
    free(s->key);
    free(s);
}

static const struct screen_class archive_class = {.name = "Archive",
                                                  .keys = KEYS(bindings),
                                                  .crumb = crumb,
                                                  .act = act,
                                                  .table = table_of,
                                                  .draw = draw,
                                                  .close = close_screen};

void archive_open(struct app *app, const char *key)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->key = mem_strdup(key);
    s->sources[MEMBERS] =
        (struct table_source){.self = s, .count = member_count, .cell = member_cell, .id = id};
    s->sources[COLUMNS] =
        (struct table_source){.self = s, .count = column_count, .cell = column_cell, .id = id};
    s->sources[DEFINITION] =
        (struct table_source){.self = s, .count = line_count, .cell = line_cell, .id = id};
    table_init(&s->tables[MEMBERS], &s->sources[MEMBERS], member_columns,
               sizeof(member_columns) / sizeof(member_columns[0]));
    table_init(&s->tables[COLUMNS], &s->sources[COLUMNS], column_columns,
               sizeof(column_columns) / sizeof(column_columns[0]));
    table_init(&s->tables[DEFINITION], &s->sources[DEFINITION], line_columns, 1);
    s->tables[DEFINITION].headless = true;
    start(s);
    app_push(app, &archive_class, s);
}
