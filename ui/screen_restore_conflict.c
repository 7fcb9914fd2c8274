/* SPDX-License-Identifier: PostgreSQL
 *
 * Restore, the fourth step: what happens to rows that are there already, and how many there are by
 * a dry run.
 */
#include <stdlib.h>

#include "base/text.h"
#include "restoring.h"
#include "stepform.h"

struct screen {
    struct restoring_step step; /* first: the questions are its */
    struct listing counts;
};

static void show_counts(struct screen *s)
{
    listing_clear(&s->counts);
    restoring_add_counts(s->step.restoring, "Ctrl-R reads the archives, and changes nothing",
                         &s->counts);
    listing_show(&s->counts);
}

/* --- the dry run --- */

static void count_rows(struct restoring_work *work, const struct restore_params *params)
{
    struct restore_params dry = *params;
    char restore_id[40];

    text_run_id(restore_id);
    dry.restore_id = restore_id;
    dry.dry_run = true;
    progress_begin(work->progress, "restore", restore_id);
    restore_run(&dry, &work->report, &work->err);
}

static void take_counts(struct restoring_work *work)
{
    struct screen *s = work->owner;
    struct restoring *r = s->step.restoring;

    r->counting = NULL;
    r->err = work->err;
    restore_report_done(&r->report);
    r->report = work->report;
    work->report = (struct restore_report){0};
    show_counts(s);
}

static void start_counting(struct screen *s)
{
    struct restoring *r = s->step.restoring;

    if (tasks_busy(app_tasks(r->app), s))
        return;
    restoring_forget_counts(r);
    r->counted = restoring_command(r);
    r->counting = restoring_start(&(struct restoring_work){.restoring = r,
                                                           .owner = s,
                                                           .title = "dry run of a restore",
                                                           .work = count_rows,
                                                           .done = take_counts});
    show_counts(s); /* says it, and the keys stay in sight */
    app_say(r->app, STYLE_DIM, "%s", "");
}

static void stop_counting(struct screen *s)
{
    struct restoring *r = s->step.restoring;

    tasks_forget(app_tasks(r->app), s);
    restoring_forget_counts(r);
    show_counts(s);
    app_say(r->app, STYLE_WARN, "not counted to the end");
}

/* --- the screen --- */

enum action { COUNT = STEPFORM_OWN, STOP };

static const struct keys_binding bindings[] = {
    STEPFORM_KEYS("summary", "what will be done, before it is done"),
    {COUNT, {K_CTRL('r')}, "count", "a dry run: how many rows, how many there already", false},
    {STOP, {K_CTRL('x')}, "end counting", "the dry run that works now", false},
};

static bool offers(const void *self, int action)
{
    const struct screen *s = self;

    return (action == STOP) == (s->step.restoring->counting != NULL);
}

static void act(struct app *app, void *self, int action)
{
    (void)app;
    if (action == COUNT)
        start_counting(self);
    else
        stop_counting(self);
}

/* What is counted is of the answers as they are now. */
static bool set(void *self, size_t i, const char *text, struct err *err)
{
    struct screen *s = self;
    struct form_source questions = restoring_questions(&s->step);
    bool ok = questions.set(&s->step, i, text, err);

    show_counts(s);
    return ok;
}

static void forwards(struct app *app, void *self)
{
    (void)app;
    restoring_open_summary(((struct screen *)self)->step.restoring);
}

static void tick(struct app *app, void *self)
{
    struct screen *s = self;

    (void)app;
    if (s->step.restoring->counting)
        show_counts(s);
}

static void draw(const void *self, struct canvas *c, struct area area)
{
    struct screen *s = (struct screen *)self; /* a table keeps what it drew */

    canvas_rule(c, area.row, area.col, area.cols, "dry run: changes nothing");
    table_draw(&s->counts.table, c,
               (struct area){area.row + 1, area.col, area.rows - 1, area.cols});
}

static void close_screen(void *self)
{
    struct screen *s = self;

    if (s->step.restoring->counting) /* it was asked to stop with its owner */
        restoring_forget_counts(s->step.restoring);
    listing_done(&s->counts);
    free(s);
}

void restoring_open_conflict(struct restoring *r)
{
    struct screen *s = mem_alloc(sizeof(*s));
    struct stepform form = {.crumb = "Conflicts",
                            .intro = "What happens to rows that are there already?",
                            .forwards = forwards,
                            .keys = KEYS(bindings),
                            .act = act,
                            .offers = offers,
                            .draw = draw,
                            .tick = tick,
                            .close = close_screen};

    s->step = (struct restoring_step){.restoring = r, .step = PLAN_CONFLICT};
    form.source = restoring_questions(&s->step);
    form.source.set = set;
    listing_init(&s->counts);
    show_counts(s);
    stepform_open(r->app, &form);
}
