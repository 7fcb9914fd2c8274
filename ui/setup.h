/* SPDX-License-Identifier: PostgreSQL
 *
 * The wizard in the console: a screen a step, each on top of the one before, so that going back
 * finds everything as it was left. What is answered is in the engine's wizard; what a server has is
 * asked by tasks, which work on a copy of it.
 *
 *   connect -> databases -> tables -> what to keep -> store -> review, save -> a dry run
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_SETUP_H
#define ARCHIVER_UI_SETUP_H

#include "app.h"
#include "wizard.h"

/* Can this terminal show it? */
bool setup_fits(void);
/* The exit code: 0 where a configuration was written. `wizard` is borrowed. */
int setup_run(struct wizard *wizard, const struct stop *stop, bool no_color, struct err *err);

/* --- between its files --- */

struct setup_found { /* tables of one database */
    char *database;
    struct discover_tables tables;
};
struct setup {
    struct app *app;
    struct wizard *wizard; /* borrowed */
    struct discover_databases databases;
    struct setup_found *found;
    size_t found_count;
    bool saved;
};

void setup_open_form(struct setup *setup, enum wizard_step step); /* WIZARD_CONNECT, WIZARD_STORE */
void setup_open_databases(struct setup *setup);
void setup_open_tables(struct setup *setup);
void setup_open_keep(struct setup *setup);
void setup_open_review(struct setup *setup);
/* The tables of these databases (NULL-ended; copied), then the screen with them. */
void setup_discover(struct setup *setup, const char *const *databases);
void setup_forget_found(struct setup *setup);
/* What was discovered of a table; NULL: it was not. */
const struct discover_table *setup_find(const struct setup *setup, const struct wizard_table *t);

/* Work on a copy of the answers; `done` in the painting thread, with what `work` filled in. */
struct setup_work {
    struct setup *setup;
    void *owner; /* a screen */
    struct wizard *wizard;
    void (*work)(struct setup_work *work, const struct stop *stop);
    void (*done)(struct setup_work *work);
    const char *title;
    char **words; /* what `work` goes by; NULL-ended, owned */
    struct err err;
    struct discover_databases databases;
    struct setup_found *found;
    size_t found_count;
    struct check_report report;
};
void setup_start(const struct setup_work *work);

#endif
