/* SPDX-License-Identifier: PostgreSQL
 *
 * The console around its screens: the loop that waits for keys, runs, tasks and signals; the stack
 * of screens; the lines on top and at the bottom; messages, boxes and the prompt; the keys that
 * work everywhere.
 *
 * A screen is a struct of functions with state of its own. `act` and `key` change the state, `draw`
 * only reads it and is called as often as it pleases.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_APP_H
#define ARCHIVER_UI_APP_H

#include "config/config.h"
#include "hub.h"
#include "keys.h"
#include "proofs.h"
#include "table.h"
#include "task.h"

struct app;

struct screen_search {
    void (*filter)(struct app *app, void *self); /* opens a prompt, as the next one does */
    void (*search)(struct app *app, void *self);
    void (*again)(struct app *app, void *self, bool back);
};

struct screen_class {
    const char *name; /* where one is; `crumb` may say it better */
    struct keys keys;
    /* Filter and search of a screen whose table does not hold all rows; NULL: the table's. */
    const struct screen_search *search;
    bool overlay; /* drawn over the screen below, which goes on being seen */
    void (*crumb)(const void *self, struct buf *text);
    /* Does this key's action make sense now? NULL: always. */
    bool (*offers)(const void *self, int action);
    void (*act)(struct app *app, void *self, int action);
    /* The table that moves by the common keys; NULL: none. */
    struct table *(*table)(void *self);
    /* What `y` copies; NULL: the row as the table has it. */
    void (*copy)(const void *self, struct buf *text);
    /* Keys before any binding; true: taken. NULL: none. */
    bool (*key)(struct app *app, void *self, const struct term_key *key);
    /* `now`: this is the screen on top; about once a second. */
    void (*tick)(struct app *app, void *self);
    /* Before it is drawn: asks for what is seen and not there yet. NULL: nothing. */
    void (*prepare)(void *self);
    void (*draw)(void *self, struct canvas *canvas, struct area area);
    void (*close)(void *self);
};

/* `self` is the screen's from here on. */
void app_push(struct app *app, const struct screen_class *class, void *self);
void app_pop(struct app *app);
/* One of the main screens, 1 to 6. */
void app_go(struct app *app, int number);
void app_quit(struct app *app);

/* What outlives its screen, for the next one of its kind: one thing. `drop` frees it. */
void app_keep(struct app *app, void *take_thing, void (*drop)(void *thing));
void *app_take_kept(struct app *app); /* the caller's again; NULL: there is nothing */

const struct config *app_config(const struct app *app); /* NULL: there is none yet */
/* What commands are told to use; by default, where the config came from. Borrowed. */
void app_set_path(struct app *app, const char *path);
const char *app_path(const struct app *app); /* NULL: there is none yet */
struct tasks *app_tasks(const struct app *app);
struct hub *app_hub(const struct app *app);
struct proofs *app_proofs(const struct app *app);
bool app_read_only(const struct app *app);
const struct glyphs *app_glyphs(const struct app *app);

/* In the bottom line, until the next key or for some seconds. */
void app_say(struct app *app, enum theme_style style, const char *format, ...) ERR_PRINTF(3, 4);
/* A box: what, where, why, what to do. */
void app_fail(struct app *app, const struct err *err);
/* Asks, on another key than the one that led here. Where `key` is pressed, `yes` gets `arg`, which
 * is then its own; where another is, `drop` does (may be NULL). */
struct app_question {
    const char *title, *text; /* copied; several lines */
    const char *verb;         /* "stop it": what `key` does */
    int key;
    void (*yes)(struct app *app, void *arg);
    void (*drop)(void *arg);
    void *arg;
};
void app_ask(struct app *app, const struct app_question *question);
void app_log(struct app *app); /* the log that the console kept, as a page */
/* A text to read, scrolled; `text` is taken. */
void app_page(struct app *app, const char *title, struct buf *text);
/* The value of a prompt; nothing where it is left. `changed` (may be NULL) gets what is typed so
 * far, and NULL where it is left. */
struct app_prompt {
    const char *label, *initial;
    void (*entered)(struct app *app, void *self, const char *text);
    void (*changed)(struct app *app, void *self, const char *text);
    void *self;
};
void app_prompt(struct app *app, const struct app_prompt *prompt);
/* Starts a run: the program itself with these words (NULL-ended) and --detach, in the background;
 * then shows it, or what it had to say. */
void app_start(struct app *app, const char *const *words);
/* Another command, whose output comes in a page. */
void app_run_words(struct app *app, const char *const *words);

struct app_params {
    const struct config *config;              /* NULL: there is none yet, and `open` asks for it */
    void (*open)(struct app *app, void *arg); /* NULL: the Overview */
    void *arg;
    const struct stop *stop; /* the process is asked to end */
    bool read_only, no_color;
    const char *const *commands; /* the program's, for `:`; NULL-ended */
};
/* Until the operator quits, the process is asked to end, or the terminal is gone. The exit code. */
int app_run(const struct app_params *params, struct err *err);

#endif
