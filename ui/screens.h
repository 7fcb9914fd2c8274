/* SPDX-License-Identifier: PostgreSQL
 *
 * The console's screens, each in a file of its own.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_SCREENS_H
#define ARCHIVER_UI_SCREENS_H

#include "app.h"

void overview_open(struct app *app);
void runs_open(struct app *app);
/* One run, live or ended while the console looked at it. */
void live_open(struct app *app, const char *run_id);
void report_open(struct app *app, const char *run_id);
void detail_open(struct app *app, const struct config_database *database,
                 const struct config_table *table);
void archives_open(struct app *app);
/* A key in the archives of a table; `table` NULL: of all, as the other two may be. */
void find_open(struct app *app, const char *database, const char *table, const char *value);
/* One archive: facts, members by time, schema. */
void archive_open(struct app *app, const char *key);
void verify_open(struct app *app);
/* Asks what is verified and how deeply, and begins it. `archives`: those that are chosen, with
 * spaces between; "": none. */
void verify_form_open(struct app *app, const char *archives);
/* The restore flow (restoring.h), from its first step on: with the answers that it was left with,
 */
void restore_open(struct app *app);
/* of these archives (NULL-ended), */
void restore_open_keys(struct app *app, const char *const *keys);
/* of all that a run archived, as a rollback. */
void restore_open_rollback(struct app *app, const char *run_id);
void settings_open(struct app *app);
/* Of the screen that was on top. */
void help_open(struct app *app, const struct screen_class *of, struct table *table,
               struct keys common);
void tasks_open(struct app *app);

#endif
