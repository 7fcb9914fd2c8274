/* SPDX-License-Identifier: PostgreSQL
 *
 * Which key does what: tables of bindings. The same rows dispatch, make the bottom line and the
 * help, so that none can say what another does not do.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_UI_KEYS_H
#define ARCHIVER_UI_KEYS_H

#include "base/buf.h"
#include "term.h"

enum { KEYS_CODES = 4 };

struct keys_binding {
    int action;            /* of the screen's own counting, from 1 */
    int codes[KEYS_CODES]; /* 0: none; the first is the one that is shown */
    const char *label;     /* in the bottom line; NULL: not there */
    const char *help;
    bool dangerous; /* deletes, writes or stops something: gone with --read-only */
};

struct keys {
    const struct keys_binding *items;
    size_t count;
};
#define KEYS(array) ((struct keys){(array), sizeof(array) / sizeof((array)[0])})

/* NULL: none has it. */
const struct keys_binding *keys_find(struct keys keys, int code);
/* "Enter", "^L", "PgDn", "x". */
void keys_add_name(struct buf *text, int code);
/* All of a binding's: "k, Up". */
void keys_add_names(struct buf *text, const struct keys_binding *binding);

#endif
