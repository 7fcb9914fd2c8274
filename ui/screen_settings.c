/* SPDX-License-Identifier: PostgreSQL
 *
 * The configuration file as forms, a part each: what it says, what holds where it says nothing, the
 * help of the table of options. Saving keeps its comments and order, after what changes was shown.
 */
#include <stdlib.h>

#include "app.h"
#include "config/edit.h"
#include "form.h"
#include "screens.h"

struct settings {
    struct app *app;
    struct edit *edit; /* NULL: err says why */
    struct err err;
    struct table_source source;
    struct table table;
};

/* --- one part --- */

struct part {
    struct settings *settings;
    size_t group;
    struct form_source source;
    struct form form;
    struct buf help;
};

static const struct option_row *row_at(const struct part *p, size_t i)
{
    return edit_option(p->settings->edit, p->group, i);
}

static size_t field_count(const void *self)
{
    size_t n = 0;

    while (row_at(self, n))
        n++;
    return n;
}

static void add_range(const struct option_row *row, struct buf *help)
{
    buf_adds(help, row->help);
    if (row->min != 0 || row->max != 0)
        buf_addf(help, " (%.0f to %.0f%s%s)", row->min, row->max, row->unit ? " " : "",
                 row->unit ? row->unit : "");
    else if (row->unit)
        buf_addf(help, " (%s)", row->unit);
    if (row->fallback)
        buf_addf(help, ". By default %s", row->fallback);
    else if (row->example)
        buf_addf(help, ". For example %s", row->example);
}

static void field(const void *self, size_t i, struct form_field *ret)
{
    struct part *p = (struct part *)self; /* only its scratch */
    const struct option_row *row = row_at(p, i);
    const char *said = edit_said(p->settings->edit, p->group, row);
    const char *otherwise = edit_inherited(p->settings->edit, p->group, row);

    buf_reset(&p->help);
    add_range(row, &p->help);
    *ret = (struct form_field){.label = row->name,
                               .value = row->secret && said ? "********"
                                        : said              ? said
                                        : otherwise         ? otherwise
                                                            : "",
                               .help = buf_str(&p->help),
                               .secret = row->secret,
                               .set = said != NULL};
}

static const char *choice(const void *self, size_t i, size_t n)
{
    static const char *const truths[] = {"true", "false"};
    const struct option_row *row = row_at(self, i);

    if (row->type == OPTION_BOOL)
        return n < 2 ? truths[n] : NULL;
    for (size_t c = 0; row->choices && row->choices[c].text; c++) {
        if (!row->choices[c].later && n-- == 0)
            return row->choices[c].text;
    }
    return NULL;
}

static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct part *p = self;

    return edit_set(p->settings->edit, p->group, row_at(p, i), text, err);
}

enum part_action { UNSAY = 1, MOVE };

static const struct keys_binding part_keys[] = {
    {UNSAY,
     {K_CTRL('d')},
     "say nothing",
     "take the option out of the file: its default holds",
     true},
    {MOVE,
     {K_DOWN},
     NULL,
     "Up, Down, Tab, Enter: from field to field; Left, Right: choices",
     false},
};

static void part_act(struct app *app, void *self, int action)
{
    struct part *p = self;
    struct err err;

    if (action == UNSAY &&
        !edit_set(p->settings->edit, p->group, row_at(p, p->form.cursor), NULL, &err))
        app_say(app, STYLE_BAD, "%s", err.what);
    form_refresh(&p->form);
}

/* Read-only: one may look, not type. */
static bool part_key(struct app *app, void *self, const struct term_key *key)
{
    struct part *p = self;
    bool moves = key->code == '\r' || key->code == '\t' || key->code == K_UP ||
                 key->code == K_DOWN || key->code == K_BACKTAB;

    if (app_read_only(app) && !moves) {
        bool typed = key->code >= ' ' && key->code < 0x110000;
        if (typed)
            app_say(app, STYLE_WARN, "read-only: the file stays as it is");
        return typed;
    }
    return form_key(&p->form, key) != FORM_NOTHING;
}

static void part_draw(void *self, struct canvas *canvas, struct area area)
{
    form_draw(&((struct part *)self)->form, canvas, area);
}

static void part_crumb(const void *self, struct buf *text)
{
    const struct part *p = self;
    struct edit_group group;

    if (edit_group(p->settings->edit, p->group, &group))
        buf_adds(text, group.title);
}

static void part_close(void *self)
{
    struct part *p = self;

    form_done(&p->form);
    buf_done(&p->help);
    free(p);
}

static const struct screen_class part_class = {.name = "Part of the settings",
                                               .keys = KEYS(part_keys),
                                               .crumb = part_crumb,
                                               .act = part_act,
                                               .key = part_key,
                                               .draw = part_draw,
                                               .close = part_close};

static void open_part(struct settings *s, size_t group)
{
    struct part *p = mem_alloc(sizeof(*p));

    p->settings = s;
    p->group = group;
    p->source = (struct form_source){
        .self = p, .count = field_count, .field = field, .choice = choice, .set = set};
    form_init(&p->form, &p->source);
    app_push(s->app, &part_class, p);
}

/* --- the parts --- */

enum { PART, SAID };
static const struct table_column columns[] = {
    [PART] = {.title = "part", .min = 40, .frozen = true, .sort_key = 'T'},
    [SAID] = {.title = "what it says", .min = 20},
};

static size_t group_count(const void *self)
{
    const struct settings *s = self;
    struct edit_group group;
    size_t n = 0;

    while (s->edit && edit_group(s->edit, n, &group))
        n++;
    return n;
}

static void add_said(const struct settings *s, size_t group, struct buf *text)
{
    const struct option_row *row;

    for (size_t i = 0; (row = edit_option(s->edit, group, i)); i++) {
        const char *said = edit_said(s->edit, group, row);
        if (said)
            buf_addf(text, "%s%s: %s", text->len > 0 ? ", " : "", row->name,
                     row->secret ? "********" : said);
    }
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct settings *s = self;
    struct edit_group group;

    if (!edit_group(s->edit, row, &group))
        return;
    if (column == PART)
        buf_adds(text, group.title);
    else
        add_said(s, row, text);
    if (!group.there || column == SAID)
        *style = STYLE_DIM;
}

static const char *id(const void *self, size_t row)
{
    struct edit_group group = {.title = ""};

    edit_group(((const struct settings *)self)->edit, row, &group);
    return group.title;
}

static void open_file(struct settings *s)
{
    edit_free(s->edit);
    s->err = ERR_INIT;
    s->edit = edit_open(app_path(s->app), &s->err);
    table_refresh(&s->table);
}

/* --- saving --- */

static void save(struct app *app, void *arg)
{
    struct settings *s = arg;
    struct err err;

    if (!edit_save(s->edit, &err)) {
        app_fail(app, &err);
        return;
    }
    app_pop(app); /* what changes has changed */
    open_file(s);
    app_say(app, STYLE_GOOD, "written; runs that start from now on go by it");
}

static void ask_save(struct settings *s)
{
    struct buf diff = BUF_INIT;
    struct err err;

    if (!edit_diff(s->edit, &diff, &err)) {
        app_fail(s->app, &err);
    } else if (diff.len == 0) {
        app_say(s->app, STYLE_DIM, "nothing was changed");
    } else {
        char *text = mem_printf("%s\nEsc shows what changes.", app_path(s->app));
        struct app_question question = {.title = "Write the configuration?",
                                        .text = text,
                                        .verb = "write it",
                                        .key = 'y',
                                        .yes = save,
                                        .arg = s};
        app_page(s->app, "what changes", &diff);
        app_ask(s->app, &question);
        free(text);
    }
    buf_done(&diff);
}

enum action { OPEN = 1, SAVE, RELOAD };

static const struct keys_binding bindings[] = {
    {OPEN, {'\r'}, "edit", "the options of this part", false},
    {SAVE, {'w'}, "write", "show what changes, and write it", true},
    {RELOAD, {'r', K_CTRL('r')}, "forget changes", "read the file again", false},
};

static bool offers(const void *self, int action)
{
    const struct settings *s = self;

    return action == RELOAD || s->edit;
}

static void act(struct app *app, void *self, int action)
{
    struct settings *s = self;
    size_t row;

    (void)app;
    if (action == RELOAD)
        open_file(s);
    else if (action == SAVE)
        ask_save(s);
    else if (table_current(&s->table, &row))
        open_part(s, row);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct settings *s = self;
    size_t changes = s->edit ? edit_changes(s->edit) : 0;

    s->table.empty = s->err.what;
    if (changes > 0)
        canvas_putf(c, area.row, 1, area.cols - 2, STYLE_WARN, "%zu change%s not written yet (w)",
                    changes, changes == 1 ? "" : "s");
    else
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_DIM, app_path(s->app));
    table_draw(&s->table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
}

static struct table *table_of(void *self)
{
    return &((struct settings *)self)->table;
}

static void close_settings(void *self)
{
    struct settings *s = self;

    table_done(&s->table);
    edit_free(s->edit);
    free(s);
}

static const struct screen_class settings_class = {.name = "Settings",
                                                   .keys = KEYS(bindings),
                                                   .offers = offers,
                                                   .act = act,
                                                   .table = table_of,
                                                   .draw = draw,
                                                   .close = close_settings};

void settings_open(struct app *app)
{
    struct settings *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->source = (struct table_source){.self = s, .count = group_count, .cell = cell, .id = id};
    table_init(&s->table, &s->source, columns, 2);
    open_file(s);
    app_push(app, &settings_class, s);
}
