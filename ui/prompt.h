/* SPDX-License-Identifier: PostgreSQL
 *
 * One line that the operator types, edited by readline as its users know it (their ~/.inputrc, its
 * history, Tab), drawn by us.
 *
 *   prompt_begin -> prompt_feed ... until it is over -> prompt_end
 *
 * Threads: the painting thread; one prompt at a time.
 */
#ifndef ARCHIVER_UI_PROMPT_H
#define ARCHIVER_UI_PROMPT_H

#include "canvas.h"
#include "term.h"

enum prompt_kind { PROMPT_COMMAND, PROMPT_FILTER, PROMPT_SEARCH, PROMPT_VALUE, PROMPT_KINDS };

enum prompt_state { PROMPT_GOES_ON, PROMPT_ENTERED, PROMPT_CANCELLED };

/* Completions of the word `word` that begins at `start` of `line`, the `n`th; NULL: no more. The
 * text is borrowed until the next call. */
typedef const char *(*prompt_completer)(const char *line, int start, const char *word, size_t n,
                                        void *state);

/* `label` stands before it and is copied; each kind has a history of its own. `completer` may be
 * NULL. */
void prompt_begin(enum prompt_kind kind, const char *label, const char *initial,
                  prompt_completer completer, void *state);
enum prompt_state prompt_feed(const struct term_key *key);
/* As it stands, and as it was entered. Borrowed until the next call. */
const char *prompt_text(void);
void prompt_end(void);
/* On one row, with the cursor; what could complete it, on the row above. */
void prompt_draw(struct canvas *canvas, int row);

#endif
