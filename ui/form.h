/* SPDX-License-Identifier: PostgreSQL
 *
 * Fields under each other, edited in place and checked as one types. The values belong to the
 * source; what is typed and not yet acceptable belongs to the form.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_UI_FORM_H
#define ARCHIVER_UI_FORM_H

#include "canvas.h"
#include "term.h"

struct form_field {
    const char *label, *value, *help;
    bool secret; /* shown as dots */
    bool set;    /* by the operator; otherwise it is what stands there anyway */
};

struct form_source {
    void *self;
    size_t (*count)(const void *self);
    void (*field)(const void *self, size_t i, struct form_field *ret_field);
    /* The n-th choice; NULL: no more, or any text will do. */
    const char *(*choice)(const void *self, size_t i, size_t n);
    bool (*set)(void *self, size_t i, const char *text, struct err *err);
};

struct form {
    const struct form_source *source;
    size_t cursor, top;
    struct buf text; /* of the field that the cursor is on, as it is typed */
    size_t caret;    /* bytes */
    bool editing;    /* text is not taken: err says why */
    bool touched;    /* something was typed since the cursor came here */
    struct err err;  /* why it is not taken */
    struct area drawn;
};

enum form_act {
    FORM_NOTHING, /* the key is none of the form's */
    FORM_TAKEN,
    FORM_DONE, /* Enter on the last field */
};

void form_init(struct form *form, const struct form_source *source);
void form_done(struct form *form);
/* The source's fields have changed. */
void form_refresh(struct form *form);
enum form_act form_key(struct form *form, const struct term_key *key);
/* Nothing typed is left untaken. False: what is typed is wrong, and form->err says why. */
bool form_settled(struct form *form);
void form_draw(struct form *form, struct canvas *canvas, struct area area);

#endif
