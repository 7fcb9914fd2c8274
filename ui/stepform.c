/* SPDX-License-Identifier: PostgreSQL */
#include "stepform.h"

#include <stdlib.h>

enum { FORM_ROWS = 4 /* of a form beside its fields */, BELOW_MIN = 3 };

struct screen {
    struct app *app;
    struct stepform step;
    struct screen_class class; /* with the step's keys */
    struct form form;
};

static size_t count(const struct screen *s)
{
    return s->step.source.count(s->step.source.self);
}

static void forwards(struct app *app, struct screen *s)
{
    if (!form_settled(&s->form))
        app_say(app, STYLE_BAD, "%s", s->form.err.what);
    else
        s->step.forwards(app, s->step.source.self);
}

static void act(struct app *app, void *self, int action)
{
    struct screen *s = self;

    if (action == STEPFORM_BACK)
        app_pop(app);
    else if (action == STEPFORM_NEXT)
        forwards(app, s);
    else if (action >= STEPFORM_OWN) {
        s->step.act(app, s->step.source.self, action);
        if (form_settled(&s->form)) /* it may have answered something */
            form_refresh(&s->form);
    }
}

static bool offers(const void *self, int action)
{
    const struct screen *s = self;

    return action < STEPFORM_OWN || !s->step.offers || s->step.offers(s->step.source.self, action);
}

/* Letters are for the fields; what a form does not take goes on to the bindings. */
static bool take_key(struct app *app, void *self, const struct term_key *key)
{
    struct screen *s = self;
    size_t before = count(s);
    enum form_act done = form_key(&s->form, key);

    if (done == FORM_DONE) {
        forwards(app, s);
        return true;
    }
    if (count(s) != before && form_settled(&s->form)) /* an answer brings other questions */
        form_refresh(&s->form);
    return done != FORM_NOTHING;
}

static void tick(struct app *app, void *self)
{
    struct screen *s = self;

    if (s->step.tick)
        s->step.tick(app, s->step.source.self);
}

static void draw(void *self, struct canvas *c, struct area area)
{
    struct screen *s = self;
    int rows = area.rows - 2, fields = (int)count(s) + FORM_ROWS;

    canvas_put(c, area.row, 1, area.cols - 2, STYLE_DIM, s->step.intro);
    if (s->step.draw && rows - BELOW_MIN < fields)
        fields = rows - BELOW_MIN;
    if (s->step.draw && fields > FORM_ROWS) {
        struct area below = {area.row + 2 + fields, area.col, rows - fields, area.cols};
        rows = fields;
        s->step.draw(s->step.source.self, c, below);
    }
    form_draw(&s->form, c, (struct area){area.row + 2, 0, rows, area.cols});
}

static void crumb(const void *self, struct buf *text)
{
    buf_adds(text, ((const struct screen *)self)->step.crumb);
}

static void close_screen(void *self)
{
    struct screen *s = self;

    tasks_forget(app_tasks(s->app), s->step.source.self);
    form_done(&s->form);
    s->step.close(s->step.source.self);
    free(s);
}

void stepform_open(struct app *app, const struct stepform *step)
{
    struct screen *s = mem_alloc(sizeof(*s));

    s->app = app;
    s->step = *step;
    s->class = (struct screen_class){.name = step->crumb,
                                     .keys = step->keys,
                                     .crumb = crumb,
                                     .offers = offers,
                                     .act = act,
                                     .key = take_key,
                                     .tick = tick,
                                     .draw = draw,
                                     .close = close_screen};
    form_init(&s->form, &s->step.source);
    app_push(app, &s->class, s);
}
