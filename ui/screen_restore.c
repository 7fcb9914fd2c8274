/* SPDX-License-Identifier: PostgreSQL
 *
 * Restore, the first two steps: which rows, and where to.
 */
#include <stdlib.h>

#include "restoring.h"
#include "screens.h"
#include "stepform.h"

/* --- where to --- */

static void compare(struct restoring_work *work, const struct restore_params *params)
{
    restore_compare(params, &work->compare, &work->err);
}

static void compare_columns(struct restoring_step *s);

static void forget_rules(struct app *app, void *arg)
{
    struct restoring_step *s = arg;
    const struct restore_plan_rule *rule;

    (void)app;
    while ((rule = restore_plan_rule_at(s->restoring->plan, 0)))
        restore_plan_rule_drop(s->restoring->plan, rule->column, rule->of_table);
    compare_columns(s);
}

/* What was said of columns was said of another table's. */
static void ask_to_forget(struct restoring_step *s, const struct err *err)
{
    char line[sizeof(struct err)];

    err_line(err, line, sizeof(line));
    app_ask(s->restoring->app, &(struct app_question){.title = "Forget the mapping?",
                                                      .text = line,
                                                      .verb = "forget what was said of columns",
                                                      .key = 'f',
                                                      .yes = forget_rules,
                                                      .arg = s});
}

static void take_comparison(struct restoring_work *work)
{
    struct restoring *r = work->restoring;

    app_say(r->app, STYLE_DIM, "%s", "");
    if (!restoring_is_current(work)) { /* something was typed meanwhile */
        compare_columns(work->owner);
        return;
    }
    if (work->err.kind == ERR_CONFIG && restore_plan_rule_at(r->plan, 0)) {
        ask_to_forget(work->owner, &work->err);
        return;
    }
    if (work->err.kind != ERR_NONE) {
        app_fail(r->app, &work->err);
        return;
    }
    restore_compare_done(&r->compare);
    r->compare = work->compare;
    work->compare = (struct restore_compare){0};
    restoring_open_columns(r);
}

static void compare_columns(struct restoring_step *s)
{
    if (tasks_busy(app_tasks(s->restoring->app), s))
        return;
    restoring_start(&(struct restoring_work){.restoring = s->restoring,
                                             .owner = s,
                                             .title = "comparing columns",
                                             .work = compare,
                                             .done = take_comparison});
}

static void from_target(struct app *app, void *self)
{
    struct restoring_step *s = self;
    struct err err;

    if (restore_plan_check(s->restoring->plan, PLAN_TARGET, app_config(app), &err))
        compare_columns(s);
    else
        app_fail(app, &err);
}

void restoring_open_target(struct restoring *r)
{
    static const struct keys_binding bindings[] = {
        STEPFORM_KEYS("compare columns", "compare the archive's columns with the table's")};
    struct restoring_step *s = mem_alloc(sizeof(*s));

    *s = (struct restoring_step){.restoring = r, .step = PLAN_TARGET};
    stepform_open(r->app, &(struct stepform){.crumb = "Target",
                                             .intro = "Where do the rows go? Empty: where they "
                                                      "came from.",
                                             .source = restoring_questions(s),
                                             .forwards = from_target,
                                             .keys = KEYS(bindings),
                                             .close = free});
}

/* --- which rows --- */

static void from_source(struct app *app, void *self)
{
    struct restoring_step *s = self;
    struct err err;

    if (restore_plan_check(s->restoring->plan, PLAN_SOURCE, app_config(app), &err))
        restoring_open_target(s->restoring);
    else
        app_fail(app, &err);
}

/* The first step goes last. */
static void close_source(void *self)
{
    struct restoring_step *s = self;

    restoring_free(s->restoring);
    free(s);
}

enum { FORGET = STEPFORM_OWN };

static void forget_answers(struct app *app, void *self, int action)
{
    struct restoring_step *s = self;

    (void)app;
    (void)action;
    restore_plan_free(s->restoring->plan);
    s->restoring->plan = restore_plan_new();
}

static void open_source(struct app *app, struct restore_plan *take_plan)
{
    static const struct keys_binding bindings[] = {
        STEPFORM_KEYS("where to", "take what is answered, and ask where the rows go"),
        {FORGET, {K_CTRL('d')}, "begin anew", "forget all answers, of every step", false}};
    struct restoring_step *s = mem_alloc(sizeof(*s));
    struct restoring *r = mem_alloc(sizeof(*r));

    *r = (struct restoring){.app = app, .plan = take_plan};
    *s = (struct restoring_step){.restoring = r, .step = PLAN_SOURCE};
    stepform_open(app, &(struct stepform){.crumb = "Restore",
                                          .intro = "Which rows come back? Nothing is written "
                                                   "before the last step.",
                                          .source = restoring_questions(s),
                                          .forwards = from_source,
                                          .keys = KEYS(bindings),
                                          .act = forget_answers,
                                          .close = close_source});
}

void restore_open(struct app *app)
{
    struct restore_plan *left = app_take_kept(app);

    open_source(app, left ? left : restore_plan_new());
}

void restore_open_keys(struct app *app, const char *const *keys)
{
    struct restore_plan *plan = restore_plan_new();
    struct buf text = BUF_INIT;
    struct err err;

    for (size_t i = 0; keys[i]; i++)
        buf_addf(&text, "%s%s", i > 0 ? " " : "", keys[i]);
    restore_plan_set(plan, "source", "archives", &err);
    restore_plan_set(plan, "keys", buf_str(&text), &err);
    buf_done(&text);
    open_source(app, plan);
}

void restore_open_rollback(struct app *app, const char *run_id)
{
    struct restore_plan *plan = restore_plan_new();
    struct err err;

    restore_plan_set(plan, "source", "rollback", &err);
    restore_plan_set(plan, "run", run_id, &err);
    open_source(app, plan);
}
