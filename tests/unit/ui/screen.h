/* SPDX-License-Identifier: PostgreSQL
 *
 * A canvas as lines of text, for tests.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_TESTS_UI_SCREEN_H
#define ARCHIVER_TESTS_UI_SCREEN_H

#include "canvas.h"

/* A row without the blanks at its end; borrowed until the next call. Characters beyond ASCII are
 * '#'. */
static inline const char *screen_row(const struct canvas *canvas, int row)
{
    static char text[600];
    size_t len = 0, end = 0;

    for (int col = 0; col < canvas->cols && len + 1 < sizeof(text); col++) {
        const struct cell *cell = canvas_cell(canvas, row, col);
        if (cell->width == 0)
            continue;
        text[len++] = cell->ch[0] < 0x7f ? (char)cell->ch[0] : '#';
        end = text[len - 1] != ' ' ? len : end;
    }
    text[end] = '\0';
    return text;
}

#endif
