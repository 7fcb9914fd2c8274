/* SPDX-License-Identifier: PostgreSQL
 *
 * The lines around a screen: the one on top, where one is, and the keys at the bottom. They are
 * drawn from what is handed over and know no screen.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_BARS_H
#define ARCHIVER_UI_BARS_H

#include "config/config.h"
#include "hub.h"
#include "keys.h"
#include "table.h"

/* Which configuration and store, and what runs. `path`, `config`: NULL where there is none yet. */
void bars_draw_top(struct canvas *canvas, const char *path, const struct config *config,
                   const struct hub *hub);

struct bars_place {
    char *const *crumbs; /* the names of the screens on top of each other */
    size_t count;
    const struct table *table; /* its filter and marks; NULL: none */
    bool read_only;
};
void bars_draw_place(struct canvas *canvas, int row, const struct bars_place *place);

struct bars_keys {
    const struct keys_binding *items[40];
    size_t count;
};
void bars_add_key(struct bars_keys *keys, const struct keys_binding *binding);
/* The screen's as far as there is room, those that come first before others; the common ones keep
 * theirs. */
void bars_draw_keys(struct canvas *canvas, int row, const struct bars_keys *screen,
                    const struct bars_keys *common);

#endif
