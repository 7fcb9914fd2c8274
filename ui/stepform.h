/* SPDX-License-Identifier: PostgreSQL
 *
 * A step of a flow that is a form: a screen with a line that says what it is about, fields, and the
 * keys to go on and back. The screens of a flow lie on each other, so that going back finds a step
 * as it was left.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_STEPFORM_H
#define ARCHIVER_UI_STEPFORM_H

#include "app.h"
#include "form.h"

struct stepform {
    const char *crumb, *intro;
    struct form_source source; /* its self is the step's own, and owns the step's tasks */
    void (*forwards)(struct app *app, void *self); /* what was typed is taken by then */
    /* STEPFORM_KEYS and more, with codes that no field takes; what those others do, who leave the
     * screen where it is. */
    struct keys keys;
    void (*act)(struct app *app, void *self, int action);
    bool (*offers)(const void *self, int action); /* of the others; NULL: always */
    /* Below the fields, where there is room; NULL: nothing. */
    void (*draw)(const void *self, struct canvas *canvas, struct area area);
    void (*tick)(struct app *app, void *self); /* NULL: nothing */
    void (*close)(void *self);                 /* frees it */
};

enum {
    STEPFORM_NEXT = 1,
    STEPFORM_BACK,
    STEPFORM_MOVE,
    STEPFORM_OWN /* the first of the others */
};
/* clang-format off */
#define STEPFORM_KEYS(next, help)                                                                  \
    {STEPFORM_NEXT, {K_CTRL('n')}, next, help, false},                                             \
    {STEPFORM_BACK, {K_CTRL('p')}, "a step back", "the step before; answers stay", false},         \
    {STEPFORM_MOVE, {K_DOWN}, NULL,                                                                \
     "Up, Down, Tab, Enter: from field to field; Left, Right: choices", false}
/* clang-format on */

/* Copied; what it points to is the step's. */
void stepform_open(struct app *app, const struct stepform *step);

#endif
