/* SPDX-License-Identifier: PostgreSQL
 *
 * A text broken into lines of so many columns, at spaces where there are any.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_UI_WRAP_H
#define ARCHIVER_UI_WRAP_H

#include "glyphs.h"

/* The next line, malloc'd, of what `*rest` has left; at least one character of it. Ends at a
 * newline, which is taken. */
char *wrap_next(const struct glyphs *glyphs, const char **rest, int cols);

#endif
