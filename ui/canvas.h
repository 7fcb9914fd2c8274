/* SPDX-License-Identifier: PostgreSQL
 *
 * What a screen is to look like, as cells in memory: widgets draw on it, term shows it, tests read
 * it. Whatever is drawn stays within the area given; a text too long is cut with a sign.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_UI_CANVAS_H
#define ARCHIVER_UI_CANVAS_H

#include "base/buf.h"
#include "glyphs.h"
#include "theme.h"

struct cell {
    uint32_t ch[3]; /* the character and what combines with it */
    uint8_t style;  /* enum theme_style, with STYLE_SELECTED */
    uint8_t width;  /* 1, 2; 0: the right half of the one before */
};

struct canvas {
    int rows, cols;
    struct cell *cells;
    const struct glyphs *glyphs;
    int cursor_row, cursor_col; /* -1: none */
};

struct area {
    int row, col, rows, cols;
};

/* A zeroed canvas with glyphs set is empty and valid. Contents are cleared. */
void canvas_resize(struct canvas *canvas, int rows, int cols);
void canvas_done(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);
const struct cell *canvas_cell(const struct canvas *canvas, int row, int col);

/* At most `cols` columns; gives back how many it took. */
int canvas_put(struct canvas *canvas, int row, int col, int cols, int style, const char *text);
int canvas_putf(struct canvas *canvas, int row, int col, int cols, int style, const char *format,
                ...) ERR_PRINTF(6, 7);
/* The same at the right end of the `cols`. */
void canvas_put_right(struct canvas *canvas, int row, int col, int cols, int style,
                      const char *text);
/* The text from its column `skip` on: a line that is scrolled sideways. */
void canvas_put_from(struct canvas *canvas, int row, int col, int cols, int style, const char *text,
                     int skip);
void canvas_fill(struct canvas *canvas, struct area area, uint32_t ch, int style);
void canvas_box(struct canvas *canvas, struct area area, int style, const char *title);
/* "── title ───────" over the whole width of the area's first row. */
void canvas_rule(struct canvas *canvas, int row, int col, int cols, const char *title);

#endif
