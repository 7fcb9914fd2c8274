/* SPDX-License-Identifier: PostgreSQL
 *
 * Verify & audit: a verification as it goes and what it found, what it means and what to do; and
 * the batches that are not settled, for recover. The verification itself is the console's
 * (proofs.h): it goes on when this screen is left.
 */
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "base/text.h"
#include "preview.h"
#include "proofs_head.h"
#include "screens.h"
#include "unsettled.h"
#include "verify_kind.h"

enum { FOOT_ROWS = 4, MARKED_MAX = 500 };

enum what { PROBLEM, UNSETTLED, ORPHAN, NOTE };

struct row {
    enum what what;
    size_t at; /* of the findings, or of the unsettled batches */
};

struct screen {
    struct app *app;
    struct unsettled unsettled;
    bool *named; /* of the unsettled ones: the verification has them too */
    bool recovering;
    struct row *rows;
    size_t count;
    size_t found; /* what the rows were made of */
    int64_t begun;
    unsigned looks;
    struct table_source source;
    struct table table;
    char id[300];
};

static const struct proofs_view *view_of(const struct screen *s)
{
    return proofs_view(app_proofs(s->app));
}

/* --- the rows --- */

/* What recover would settle or remove is one row, whoever found it. */
static void mark_found(struct screen *s, const struct proofs_finding *f)
{
    if (strcmp(f->kind, "unsettled") != 0 && strcmp(f->kind, "missing_metadata") != 0 &&
        f->what != PROOFS_ORPHAN)
        return;
    size_t at = unsettled_find(&s->unsettled, f->key);
    if (at < s->unsettled.count)
        s->named[at] = true;
}

static void add_rows(struct screen *s, enum what what)
{
    static const enum what of_finding[] = {
        [PROOFS_PROBLEM] = PROBLEM, [PROOFS_ORPHAN] = ORPHAN, [PROOFS_NOTE] = NOTE};
    const struct proofs_view *v = view_of(s);

    for (size_t i = 0; what != UNSETTLED && i < v->count; i++) {
        if (of_finding[v->findings[i].what] == what)
            s->rows[s->count++] = (struct row){what, i};
    }
    for (size_t i = 0; what == UNSETTLED && i < s->unsettled.count; i++) {
        if (!s->named[i])
            s->rows[s->count++] = (struct row){what, i};
    }
}

/* Only where something came, for there may be many. */
static void gather(void *self)
{
    struct screen *s = self;
    const struct proofs_view *v = view_of(s);

    if (s->rows && s->found == v->count && s->begun == v->begun_us &&
        s->looks == s->unsettled.looks)
        return;
    s->looks = s->unsettled.looks;
    s->found = v->count;
    s->begun = v->begun_us;
    s->named = mem_grow(s->named, s->unsettled.count + 1);
    memset(s->named, 0, s->unsettled.count);
    for (size_t i = 0; i < v->count; i++)
        mark_found(s, &v->findings[i]);
    s->rows = mem_grow(s->rows, (v->count + s->unsettled.count + 1) * sizeof(*s->rows));
    s->count = 0;
    for (enum what what = PROBLEM; what <= NOTE; what++)
        add_rows(s, what);
    table_refresh(&s->table);
}

static const char *key_of(const struct screen *s, const struct row *row)
{
    return row->what == UNSETTLED ? s->unsettled.batches[row->at].key
                                  : view_of(s)->findings[row->at].key;
}

static const char *kind_of(const struct screen *s, const struct row *row)
{
    return row->what == UNSETTLED ? "unsettled" : view_of(s)->findings[row->at].kind;
}

static void add_detail(const struct screen *s, const struct row *row, struct buf *text)
{
    if (row->what != UNSETTLED) {
        buf_adds(text, view_of(s)->findings[row->at].detail);
        return;
    }
    const struct unsettled_batch *b = &s->unsettled.batches[row->at];
    buf_adds(text, "no catalog line names it");
    if (b->rows > 0) {
        buf_adds(text, ": ");
        text_add_count(text, b->rows);
        buf_adds(text, " rows");
    }
    if (b->archived_at[0])
        buf_addf(text, ", archived %.16s", b->archived_at);
}

/* --- the table --- */

enum shown { WHAT, KIND, OBJECT, DETAIL };

static const struct table_column columns[] = {
    [WHAT] = {.title = "what", .min = 9, .frozen = true, .sort_key = 'W'},
    [KIND] = {.title = "kind", .min = 12, .sort_key = 'K'},
    [OBJECT] = {.title = "object", .min = 20, .max = 48, .sort_key = 'O'},
    [DETAIL] = {.title = "what was found", .min = 20, .sort_key = 'D'},
};

static const struct {
    const char *name;
    enum theme_style style;
} whats[] = {
    [PROBLEM] = {"problem", STYLE_BAD},
    [UNSETTLED] = {"unsettled", STYLE_WARN},
    [ORPHAN] = {"orphan", STYLE_WARN},
    [NOTE] = {"note", STYLE_DIM},
};

static size_t count(const void *self)
{
    return ((const struct screen *)self)->count;
}

static void cell(const void *self, size_t at, size_t column, struct buf *text, int *style)
{
    const struct screen *s = self;
    const struct row *row = &s->rows[at];
    const char *slash = strrchr(key_of(s, row), '/');

    switch ((enum shown)column) {
    case WHAT:
        buf_adds(text, whats[row->what].name);
        *style = (int)whats[row->what].style;
        break;
    case KIND:
        buf_adds(text, kind_of(s, row));
        break;
    case OBJECT:
        buf_adds(text, slash ? slash + 1 : key_of(s, row));
        break;
    case DETAIL:
        add_detail(s, row, text);
        break;
    }
}

/* One object may have several findings of one kind. */
static const char *id(const void *self, size_t at)
{
    struct screen *s = (struct screen *)self; /* only its scratch */
    const struct row *row = &s->rows[at];

    snprintf(s->id, sizeof(s->id), "%s %zu %.200s", whats[row->what].name, row->at + 1,
             key_of(s, row));
    return s->id;
}

/* --- one finding --- */

static void show_finding(struct screen *s, const struct row *row)
{
    const struct verify_kind *kind = verify_kind(kind_of(s, row));
    struct buf text = BUF_INIT;

    buf_addf(&text, "%s: %s\n\n%s\n\n", whats[row->what].name, kind_of(s, row), key_of(s, row));
    size_t before = text.len;
    add_detail(s, row, &text);
    if (text.len > before)
        buf_adds(&text, "\n\n");
    buf_addf(&text, "What it means\n%s\n\nWhat to do\n%s\n\n", kind->means, kind->next);
    buf_adds(&text, "In the list: i shows what is recorded of its archive, p its rows");
    if (!app_read_only(s->app))
        buf_adds(&text, ", R recovers");
    buf_adds(&text, ".\n");
    app_page(s->app, kind_of(s, row), &text);
}

/* --- a report --- */

struct save {
    struct screen *screen;
    char *path;
};

static void drop_save(void *arg)
{
    struct save *save = arg;

    free(save->path);
    free(save);
}

static void write_report(struct app *app, void *arg)
{
    struct save *save = arg;
    struct err err;

    if (proofs_save(app_proofs(app), save->path, &err))
        app_say(app, STYLE_GOOD, "written: %s", save->path);
    else
        app_fail(app, &err);
    drop_save(save);
}

static void take_path(struct app *app, void *self, const char *path)
{
    struct save *save;

    if (!*path)
        return;
    save = mem_alloc(sizeof(*save));
    *save = (struct save){.screen = self, .path = mem_strdup(path)};
    if (access(path, F_OK) != 0) {
        write_report(app, save);
        return;
    }
    struct app_question question = {.title = "Replace the file?",
                                    .text = save->path,
                                    .verb = "replace it",
                                    .key = 'y',
                                    .yes = write_report,
                                    .drop = drop_save,
                                    .arg = save};
    app_ask(app, &question);
}

static void ask_path(struct screen *s)
{
    struct buf name = BUF_INIT;
    struct app_prompt prompt = {.label = "report (.html, .json): ",
                                .entered = take_path,
                                .self = s};

    buf_adds(&name, "verify-");
    text_add_stamp(&name, text_now_us());
    buf_adds(&name, ".html");
    prompt.initial = buf_str(&name);
    app_prompt(s->app, &prompt);
    buf_done(&name);
}

/* --- recover --- */

static void recover(struct app *app, void *arg)
{
    struct screen *s = arg;

    s->recovering = true;
    app_run_words(app, (const char *const[]){"recover", NULL});
}

static void ask_recover(struct screen *s)
{
    struct buf text = BUF_INIT;

    if (s->unsettled.count == 0)
        buf_adds(&text, "No unsettled batch is known.\n");
    else
        buf_addf(&text, "%zu unsettled batch%s known.\n", s->unsettled.count,
                 s->unsettled.count == 1 ? " is" : "es are");
    buf_adds(&text, "All tables of the configuration, each under its lock: what was committed is "
                    "settled, what was rolled back is removed, what cannot be decided is left and "
                    "reported. Other ways: :recover --help");
    struct app_question question = {.title = "Recover?",
                                    .text = buf_str(&text),
                                    .verb = "recover",
                                    .key = 'y',
                                    .yes = recover,
                                    .arg = s};
    app_ask(s->app, &question);
    buf_done(&text);
}

/* --- keys --- */

enum action { FINDING = 1, VERIFY, CANCEL, SHOW, ROWS, RECOVER, SAVE, RELOAD };

static const struct keys_binding bindings[] = {
    {VERIFY, {'c'}, "verify", "archives: all, a table's, or those marked", false},
    {CANCEL, {'x'}, "cancel", "stop verifying; what was found stays", false},
    {FINDING, {'\r'}, "finding", "what it means and what to do", false},
    {RECOVER, {'R'}, "recover", "settle or remove what is unsettled", true},
    {SAVE, {'w'}, "report", "write it to a file, as a page or as JSON", false},
    {SHOW, {'i'}, "archive", "its archive: facts, members, schema", false},
    {ROWS, {'p'}, NULL, "the rows of its archive", false},
    {RELOAD, {'r', K_CTRL('r')}, NULL, "look for unsettled batches again", false},
};

static bool offers(const void *self, int action)
{
    const struct screen *s = self;
    enum proofs_state state = view_of(s)->state;

    switch ((enum action)action) {
    case VERIFY:
        return state != PROOFS_WORKING;
    case CANCEL:
        return state == PROOFS_WORKING;
    case SAVE:
        return state == PROOFS_WHOLE;
    case FINDING:
    case SHOW:
    case ROWS:
        return s->table.count > 0;
    default:
        return true;
    }
}

/* The archives of what is marked, for verifying them again. */
static void verify_marked(struct screen *s)
{
    struct buf keys = BUF_INIT;
    size_t marked = table_marked(&s->table) > 0 ? s->count : 0;

    if (table_marked(&s->table) > MARKED_MAX) {
        app_say(s->app, STYLE_WARN, "%d at a time; a table's name takes all of its archives",
                MARKED_MAX);
        return;
    }
    for (size_t i = 0, n = 0; i < marked && n < MARKED_MAX; i++) {
        if (!table_is_marked(&s->table, i))
            continue;
        buf_adds(&keys, n > 0 ? " " : "");
        text_add_name(&keys, key_of(s, &s->rows[i]), " ");
        n++;
    }
    verify_form_open(s->app, buf_str(&keys));
    buf_done(&keys);
}

static void act_row(struct screen *s, int action, const struct row *row)
{
    struct browse_part part = {key_of(s, row), BROWSE_ROWS_UNKNOWN};
    struct preview_params rows = {.parts = &part, .part_count = 1};

    if (action == FINDING)
        show_finding(s, row);
    else if (action == SHOW)
        archive_open(s->app, part.key);
    else
        preview_open(s->app, &rows);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;
    size_t at;

    switch ((enum action)action) {
    case VERIFY:
        verify_marked(s);
        break;
    case CANCEL:
        proofs_cancel(app_proofs(app));
        app_say(app, STYLE_DIM, "stopping");
        break;
    case RECOVER:
        ask_recover(s);
        break;
    case SAVE:
        ask_path(s);
        break;
    case RELOAD:
        unsettled_look(&s->unsettled);
        break;
    default:
        if (table_current(&s->table, &at))
            act_row(s, action, &s->rows[at]);
    }
}

/* --- drawing --- */

static void draw_counts(const struct screen *s, struct canvas *c, int row)
{
    const struct proofs_view *v = view_of(s);
    char text[160], line[sizeof(struct err)];
    int at = 1;

    if (v->state != PROOFS_NONE) {
        snprintf(text, sizeof(text), "%zu problem%s, %zu orphan%s, %zu note%s", v->problems,
                 v->problems == 1 ? "" : "s", v->orphans, v->orphans == 1 ? "" : "s", v->notes,
                 v->notes == 1 ? "" : "s");
        at += canvas_put(c, row, at, c->cols - 2,
                         v->problems + v->orphans > 0 ? STYLE_BAD : STYLE_TEXT, text);
        at += canvas_put(c, row, at, c->cols - at, STYLE_TEXT, "; ");
    }
    if (s->unsettled.err.kind != ERR_NONE) {
        err_line(&s->unsettled.err, line, sizeof(line));
        canvas_putf(c, row, at, c->cols - at - 1, STYLE_BAD, "unsettled not known: %s", line);
    } else if (s->unsettled.looks == 0) {
        canvas_putf(c, row, at, c->cols - at - 1, STYLE_DIM, "looking for unsettled batches%s",
                    c->glyphs->ellipsis);
    } else {
        size_t n = s->unsettled.count;
        canvas_putf(c, row, at, c->cols - at - 1, n > 0 ? STYLE_WARN : STYLE_TEXT,
                    "%zu unsettled batch%s", n, n == 1 ? "" : "es");
    }
}

static void draw_foot(const struct screen *s, struct canvas *c, int line)
{
    size_t at;

    struct buf text = BUF_INIT;

    canvas_rule(c, line, 0, c->cols, NULL);
    if (!table_current(&s->table, &at))
        return;
    add_detail(s, &s->rows[at], &text);
    canvas_put(c, line + 1, 1, c->cols - 2, STYLE_TEXT,
               verify_kind(kind_of(s, &s->rows[at]))->means);
    canvas_put(c, line + 2, 1, c->cols - 2, STYLE_TEXT, buf_str(&text));
    proofs_head_key(c, line + 3, "", key_of(s, &s->rows[at]));
    buf_done(&text);
}

static const char *said_of_none(const struct screen *s)
{
    switch (view_of(s)->state) {
    case PROOFS_NONE:
        return "c begins";
    case PROOFS_WORKING:
        return "nothing found so far";
    default:
        return "nothing was found";
    }
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    const struct proofs_view *v = view_of(s);
    int head = proofs_head_rows(v) + 1;

    proofs_head_draw(v, c, area.row);
    draw_counts(s, c, area.row + head - 1);
    s->table.empty = said_of_none(s);
    table_draw(&s->table, c,
               (struct area){area.row + head, 0, area.rows - head - FOOT_ROWS, c->cols});
    draw_foot(s, c, area.row + area.rows - FOOT_ROWS);
}

/* After a recover there is another list. */
static void tick(struct app *app, void *self)
{
    struct screen *s = self;

    if (!s->recovering || tasks_busy(app_tasks(app), app))
        return;
    s->recovering = false;
    unsettled_look(&s->unsettled);
}

/* Between two paintings another verification may have begun, whose findings are others. */
static struct table *table_of(void *self)
{
    gather(self);
    return &((struct screen *)self)->table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    unsettled_done(&s->unsettled);
    free(s->named);
    free(s->rows);
    table_done(&s->table);
    free(s);
}

static const struct screen_class verify_class = {.name = "Verify & audit",
                                                 .keys = KEYS(bindings),
                                                 .offers = offers,
                                                 .act = act,
                                                 .table = table_of,
                                                 .tick = tick,
                                                 .prepare = gather,
                                                 .draw = draw,
                                                 .close = close_screen};

void verify_open(struct app *app)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->source = (struct table_source){.self = s, .count = count, .cell = cell, .id = id};
    table_init(&s->table, &s->source, columns, sizeof(columns) / sizeof(columns[0]));
    unsettled_init(&s->unsettled, app_tasks(app), app_config(app));
    unsettled_look(&s->unsettled);
    gather(s);
    app_push(app, &verify_class, s);
}
