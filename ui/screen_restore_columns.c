/* SPDX-License-Identifier: PostgreSQL
 *
 * Restore, the third step: the archive's columns and the table's side by side, and what becomes of
 * each. What is changed here is compared again at once; where that fails, the change is taken back.
 */
#include <stdlib.h>

#include "base/text.h"
#include "restoring.h"
#include "wrap.h"

enum { TEXT_ROWS = 2 };

struct row {
    const struct restore_comparison *of;
    const struct restore_column *column;
};

struct screen {
    struct restoring *r;
    struct restore_plan *before; /* the plan that the comparison is of */
    struct row *rows;
    size_t count;
    size_t first; /* of the columns: where all rows are of one table, the heading says which */
    bool refused;
    bool comparing; /* the plan is another one than `before`, and not known to work */
    struct table_source source;
    struct table table;
    char *id;
};

static void take_rows(struct screen *s)
{
    const struct restore_compare *all = &s->r->compare;

    s->count = 0;
    s->refused = false;
    for (size_t t = 0; t < all->table_count; t++) {
        const struct restore_comparison *of = &all->tables[t];
        s->rows = mem_grow(s->rows, (s->count + of->column_count + 1) * sizeof(*s->rows));
        for (size_t i = 0; i < of->column_count; i++)
            s->rows[s->count++] = (struct row){of, &of->columns[i]};
        s->refused = s->refused || of->refused;
    }
    restore_plan_free(s->before);
    s->before = restore_plan_copy(s->r->plan);
    table_refresh(&s->table);
}

/* --- the table --- */

enum column { OF, ARCHIVE, ARCHIVE_TYPE, BECOMES, TARGET, TARGET_TYPE };

static const struct table_column columns[] = {
    [OF] = {.title = "of", .min = 10, .max = 20, .frozen = true},
    [ARCHIVE] = {.title = "archive", .min = 14, .max = 26, .frozen = true},
    [ARCHIVE_TYPE] = {.title = "type", .min = 8, .max = 17},
    [BECOMES] = {.title = "becomes", .min = 9},
    [TARGET] = {.title = "table", .min = 14, .max = 26},
    [TARGET_TYPE] = {.title = "type", .min = 8, .max = 17},
};

static size_t count(const void *self)
{
    return ((const struct screen *)self)->count;
}

static enum theme_style style_of(const struct restore_column *column)
{
    static const enum theme_style styles[] = {
        [BECOMES_SAME] = STYLE_TEXT,     [BECOMES_RENAMED] = STYLE_ACCENT,
        [BECOMES_CAST] = STYLE_ACCENT,   [BECOMES_DROPPED] = STYLE_WARN,
        [BECOMES_COMPUTED] = STYLE_DIM,  [BECOMES_DEFAULTED] = STYLE_DIM,
        [BECOMES_FILLED] = STYLE_ACCENT, [BECOMES_MISSING] = STYLE_BAD,
    };

    return column->refuses ? STYLE_BAD : styles[column->becomes];
}

/* An expression of the operator's own is told from a conversion. */
static void add_becomes(const struct screen *s, const struct restore_column *c, struct buf *text)
{
    const struct restore_plan_rule *rule =
        restore_plan_rule(s->before, c->archive ? c->archive : c->target, !c->archive);

    buf_addf(text, "%s%s%s", c->refuses ? "!" : "", restore_becomes_name(c->becomes),
             rule && rule->using ? " SQL" : "");
}

static void cell(const void *self, size_t at, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    const struct restore_column *c = s->rows[at].column;
    const char *plain[] = {[OF] = s->rows[at].of->from,
                           [ARCHIVE] = c->archive,
                           [ARCHIVE_TYPE] = c->archive_type,
                           [BECOMES] = NULL,
                           [TARGET] = c->target,
                           [TARGET_TYPE] = c->target_type};

    column += s->first;
    if (column == BECOMES) {
        add_becomes(s, c, text);
        *style = (int)style_of(c);
        return;
    }
    buf_adds(text, plain[column] ? plain[column] : "-");
    if (column == ARCHIVE && c->earlier)
        buf_adds(text, " (earlier)");
    if (!plain[column] || column == ARCHIVE_TYPE || column == TARGET_TYPE || column == OF)
        *style = STYLE_DIM;
}

static const char *id(const void *self, size_t at)
{
    struct screen *s = (struct screen *)self; /* only its scratch */
    const struct row *row = &s->rows[at];

    free(s->id);
    s->id = mem_printf("%s %s%s", row->of->from,
                       row->column->archive ? row->column->archive : row->column->target,
                       row->column->archive ? "" : " of the table");
    return s->id;
}

/* --- comparing again --- */

static void compare(struct restoring_work *work, const struct restore_params *params)
{
    restore_compare(params, &work->compare, &work->err);
}

static void take_back(struct screen *s)
{
    restore_plan_free(s->r->plan);
    s->r->plan = restore_plan_copy(s->before);
}

static void take_comparison(struct restoring_work *work)
{
    struct screen *s = work->owner;

    s->comparing = false;
    app_say(s->r->app, STYLE_DIM, "%s", "");
    if (work->err.kind != ERR_NONE) {
        take_back(s);
        app_fail(s->r->app, &work->err);
        app_say(s->r->app, STYLE_WARN, "the change is taken back");
        return;
    }
    restore_compare_done(&s->r->compare);
    s->r->compare = work->compare;
    work->compare = (struct restore_compare){0};
    take_rows(s);
}

static void compare_again(void *owner)
{
    struct screen *s = owner;

    s->comparing = true;
    restoring_start(&(struct restoring_work){.restoring = s->r,
                                             .owner = s,
                                             .title = "comparing columns",
                                             .work = compare,
                                             .done = take_comparison});
}

/* --- keys --- */

enum action { EDIT = 1, NEXT, BACK, UNDO, SHOW };

static const struct keys_binding bindings[] = {
    {EDIT, {'\r'}, "map", "what becomes of this column", false},
    {NEXT, {K_CTRL('n')}, "go on", "what happens to rows that are there already", false},
    {BACK, {K_CTRL('p')}, "a step back", "the step before; answers stay", false},
    {UNDO, {'u'}, "as it was", "take back what was said of this column", false},
    {SHOW, {'m'}, "mapping file", "the file that what was said makes", false},
};

static bool is_comparing(const struct screen *s)
{
    if (s->comparing)
        app_say(s->r->app, STYLE_DIM, "not now: columns are still being compared");
    return s->comparing;
}

/* A mapping file is about one table's columns. */
static bool may_map(const struct screen *s)
{
    struct app *app = s->r->app;

    if (s->r->compare.table_count > 1)
        app_say(app, STYLE_WARN, "rows of %zu tables: name one in the first step to map columns",
                s->r->compare.table_count);
    else if (restore_plan_is_answered(s->r->plan, "mapping"))
        app_say(app, STYLE_WARN, "the columns go by %s; change it there, or take it out (Ctrl-P)",
                restore_plan_get(s->r->plan, "mapping"));
    else
        return !is_comparing(s);
    return false;
}

static void undo(struct screen *s, const struct restore_column *column)
{
    const char *name = column->archive ? column->archive : column->target;

    if (!restore_plan_rule(s->r->plan, name, !column->archive)) {
        app_say(s->r->app, STYLE_DIM, "nothing was said of %s", name);
        return;
    }
    restore_plan_rule_drop(s->r->plan, name, !column->archive);
    compare_again(s);
}

static void go_on(struct screen *s)
{
    if (is_comparing(s))
        return;
    if (s->refused)
        app_say(s->r->app, STYLE_BAD,
                "columns marked ! do not fit: Enter says what becomes of one");
    else
        restoring_open_conflict(s->r);
}

static void show_mapping(struct app *app, const struct screen *s)
{
    struct buf yaml = BUF_INIT;

    restore_plan_write_mapping(s->r->plan, &yaml);
    if (yaml.len > 0)
        app_page(app, "mapping file", &yaml);
    else
        app_say(app, STYLE_DIM, "nothing was said of columns: no mapping file is needed");
    buf_done(&yaml);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    size_t at;

    if (action == BACK)
        app_pop(app);
    else if (action == NEXT)
        go_on(s);
    else if (action == SHOW)
        show_mapping(app, s);
    else if (table_current(&s->table, &at) && may_map(s)) {
        if (action == EDIT)
            restoring_edit_column(s->r, s->rows[at].column, compare_again, s);
        else
            undo(s, s->rows[at].column);
    }
}

/* --- drawing --- */

static void add_heading(const struct screen *s, struct buf *text)
{
    const struct restore_compare *all = &s->r->compare;
    const struct restore_comparison *first = &all->tables[0];
    uint64_t rows = 0;
    size_t archives = 0;

    for (size_t t = 0; t < all->table_count; t++) {
        rows += all->tables[t].rows;
        archives += all->tables[t].archives;
    }
    if (all->table_count > 1)
        buf_addf(text, "%zu tables", all->table_count);
    else
        buf_addf(text, "%s into %s.%s.%s%s", first->from, first->database, first->schema,
                 first->table, first->exists ? "" : ", which will be made");
    buf_addf(text, ": %zu archive%s, ", archives, archives == 1 ? "" : "s");
    text_add_count(text, rows);
    buf_adds(text, " rows");
}

static void draw_text(const struct screen *s, struct canvas *c, struct area area)
{
    size_t at;

    if (!table_current(&s->table, &at))
        return;
    const struct restore_column *column = s->rows[at].column;
    const char *text = *column->text                     ? column->text
                       : column->becomes == BECOMES_SAME ? "as it is"
                                                         : "";
    for (int row = 0; row < area.rows && *text; row++) {
        char *line = wrap_next(c->glyphs, &text, area.cols - 2);
        canvas_put(c, area.row + row, 1, area.cols - 2, style_of(column), line);
        free(line);
    }
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    struct area below = {area.row + area.rows - TEXT_ROWS, 0, TEXT_ROWS, area.cols};
    struct buf text = BUF_INIT;

    add_heading(s, &text);
    canvas_put(c, area.row, 1, area.cols - 2, STYLE_BOLD, buf_str(&text));
    table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - TEXT_ROWS - 2, area.cols});
    canvas_rule(c, below.row - 1, 0, c->cols, NULL);
    draw_text(s, c, below);
    buf_done(&text);
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    if (s->comparing)
        take_back(s);
    restore_plan_free(s->before);
    table_done(&s->table);
    free(s->rows);
    free(s->id);
    free(s);
}

static const struct screen_class columns_class = {.name = "Columns",
                                                  .keys = KEYS(bindings),
                                                  .act = act,
                                                  .table = table_of,
                                                  .draw = draw,
                                                  .close = close_screen};

void restoring_open_columns(struct restoring *r)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->r = r;
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    s->first = r->compare.table_count > 1 ? OF : ARCHIVE;
    table_init(&s->table, &s->source, columns + s->first, TARGET_TYPE + 1 - s->first);
    take_rows(s);
    app_push(r->app, &columns_class, s);
}
