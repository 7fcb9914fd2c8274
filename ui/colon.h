/* SPDX-License-Identifier: PostgreSQL
 *
 * What is typed behind `:`: screens and a few words of the console's own, and every command of the
 * program, which runs in a process of its own and shows what it printed in a page.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_COLON_H
#define ARCHIVER_UI_COLON_H

#include "app.h"

/* `commands`: the program's, NULL-ended. */
void colon_run(struct app *app, const char *line, const char *const *commands);
/* For the prompt; `state` is `commands`. */
const char *colon_complete(const char *line, int start, const char *word, size_t n, void *state);

#endif
