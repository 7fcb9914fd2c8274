/* SPDX-License-Identifier: PostgreSQL
 *
 * Restore, the last step: all of it once more, and then the run.
 */
#include <stdlib.h>

#include "base/text.h"
#include "restoring.h"

enum { KEYS_SHOWN = 10 };

struct screen {
    struct restoring *r;
    struct listing listing;
    char *confirmation; /* what is to be typed */
    bool started;
};

/* --- what will be done --- */

static void add_answer(struct screen *s, const struct restore_plan_question *q)
{
    struct buf text = BUF_INIT; /* an answer may be long */

    buf_addf(&text, "  %-18s %s", q->prompt, restore_plan_get(s->r->plan, q->id));
    listing_add(&s->listing, STYLE_TEXT, text.data, text.len);
    buf_done(&text);
}

/* A line each, the first ones. */
static void add_keys(struct screen *s)
{
    const char *rest = restore_plan_get(s->r->plan, "keys");
    size_t n = 0;

    for (rest += strspn(rest, " "); *rest && n < KEYS_SHOWN; rest += strspn(rest, " ")) {
        size_t len = strcspn(rest, " ");
        listing_addf(&s->listing, STYLE_TEXT, "  %-18s %.*s", n++ > 0 ? "" : "Archives", (int)len,
                     rest);
        rest += len;
    }
    if (*rest)
        listing_addf(&s->listing, STYLE_DIM, "  %-18s ... and more", "");
}

static void add_source(struct screen *s)
{
    const struct restore_plan_question *q;

    listing_addf(&s->listing, STYLE_BOLD, "%s",
                 restore_plan_is(s->r->plan, "source", "rollback")
                     ? "A whole run is brought back; its archives are marked as rolled back"
                     : "Rows are brought back");
    for (size_t i = 0; (q = restore_plan_question(i)); i++) {
        if (q->step != PLAN_SOURCE || strcmp(q->id, "source") == 0 ||
            !restore_plan_applies(s->r->plan, q) || !restore_plan_is_answered(s->r->plan, q->id))
            continue;
        if (strcmp(q->id, "keys") == 0)
            add_keys(s);
        else
            add_answer(s, q);
    }
}

/* "5 same, 1 renamed" */
static void add_columns(const struct restore_comparison *of, struct buf *text)
{
    size_t counts[BECOMES_MISSING + 1] = {0};
    bool some = false;

    for (size_t i = 0; i < of->column_count; i++)
        counts[of->columns[i].becomes]++;
    for (int i = 0; i <= BECOMES_MISSING; i++) {
        if (counts[i] == 0)
            continue;
        buf_addf(text, "%s%zu %s", some ? ", " : "", counts[i],
                 restore_becomes_name((enum restore_becomes)i));
        some = true;
    }
}

static void add_table(struct screen *s, const struct restore_comparison *of)
{
    struct buf text = BUF_INIT;

    listing_addf(&s->listing, STYLE_ACCENT, "%s -> %s.%s.%s%s", of->from, of->database, of->schema,
                 of->table, of->exists ? "" : " (will be made)");
    buf_addf(&text, "  %-18s %zu, with ", "Archives", of->archives);
    text_add_count(&text, of->rows);
    buf_adds(&text, " rows in all, ");
    text_add_bytes(&text, of->bytes);
    listing_add_text(&s->listing, STYLE_TEXT, buf_str(&text));
    buf_reset(&text);
    buf_addf(&text, "  %-18s ", "Columns");
    add_columns(of, &text);
    listing_add_text(&s->listing, STYLE_TEXT, buf_str(&text));
    buf_done(&text);
}

static void add_answers(struct screen *s)
{
    const struct restore_plan_question *q;

    for (size_t i = 0; (q = restore_plan_question(i)); i++) {
        bool matters = strcmp(q->id, "on-conflict") == 0 ||
                       (q->step == PLAN_CONFLICT && restore_plan_is_answered(s->r->plan, q->id));
        if (matters)
            add_answer(s, q);
    }
}

static void compose(struct screen *s)
{
    const struct restore_compare *all = &s->r->compare;
    char *command = restoring_command(s->r);

    listing_clear(&s->listing);
    add_source(s);
    for (size_t i = 0; i < all->table_count; i++)
        add_table(s, &all->tables[i]);
    add_answers(s);
    listing_add_text(&s->listing, STYLE_BOLD, "Counted by a dry run");
    restoring_add_counts(s->r, "Ctrl-R does, in the step before", &s->listing);
    listing_add_text(&s->listing, STYLE_BOLD, "The same from a shell");
    listing_add(&s->listing, STYLE_DIM, command, strlen(command));
    listing_show(&s->listing);
    free(command);
}

/* --- starting it --- */

static void start(struct app *app, void *self, const char *typed)
{
    struct screen *s = self;
    struct restore_plan_call call;

    if (strcmp(typed, s->confirmation) != 0) {
        app_say(app, STYLE_WARN, "not started: \"%s\" is not \"%s\"", typed, s->confirmation);
        return;
    }
    restore_plan_make(s->r->plan, app_config(app), &call);
    app_start(app, call.words);
    restore_plan_call_done(&call);
    s->started = true;
    if (!s->r->counting)
        restoring_forget_counts(s->r); /* what was counted is another table by then */
    compose(s);
}

enum action { START = 1, BACK };

static const struct keys_binding bindings[] = {
    {START, {'s', '\r'}, "start", "start it, after the table's name is typed", true},
    {BACK, {K_CTRL('p')}, "a step back", "the step before; answers stay", false},
};

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    if (action == BACK) {
        app_pop(app);
        return;
    }
    char *label = mem_printf("type %s to start: ", s->confirmation);
    app_prompt(app, &(struct app_prompt){.label = label, .entered = start, .self = s});
    free(label);
}

/* --- the screen --- */

static void tick(struct app *app, void *self)
{
    (void)app;
    compose(self); /* the dry run may go on */
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;

    if (app_read_only(s->r->app))
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_WARN,
                   "read-only: nothing is started from here; the command below does it elsewhere");
    else if (s->started)
        canvas_put(c, area.row, 1, area.cols - 2, STYLE_WARN,
                   "Started from here: Runs (2) has it. s starts it once more.");
    else
        canvas_putf(c, area.row, 1, area.cols - 2, STYLE_DIM,
                    "Nothing is written yet. s starts it, once \"%s\" is typed.", s->confirmation);
    table_draw(&s->listing.table, c, (struct area){area.row + 1, 0, area.rows - 1, area.cols});
}

static struct table *table_of(void *self)
{
    return &((struct screen *)self)->listing.table;
}

static void close_screen(void *self)
{
    struct screen *s = self;

    listing_done(&s->listing);
    free(s->confirmation);
    free(s);
}

static const struct screen_class summary_class = {.name = "Summary",
                                                  .keys = KEYS(bindings),
                                                  .act = act,
                                                  .table = table_of,
                                                  .tick = tick,
                                                  .draw = draw,
                                                  .close = close_screen};

void restoring_open_summary(struct restoring *r)
{
    const struct restore_comparison *first = &r->compare.tables[0];
    struct screen *s = mem_alloc(sizeof(*s));

    s->r = r;
    s->confirmation = mem_strdup(r->compare.table_count > 1 ? first->database : first->table);
    listing_init(&s->listing);
    compose(s);
    app_push(r->app, &summary_class, s);
}
