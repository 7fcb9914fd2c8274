/* SPDX-License-Identifier: PostgreSQL */
#include "canvas.h"

#include <stdarg.h>
#include <stdlib.h>

void canvas_resize(struct canvas *canvas, int rows, int cols)
{
    canvas->cells = mem_grow(canvas->cells, (size_t)(rows * cols + 1) * sizeof(*canvas->cells));
    canvas->rows = rows;
    canvas->cols = cols;
    canvas_clear(canvas);
}

void canvas_done(struct canvas *canvas)
{
    free(canvas->cells);
    canvas->cells = NULL;
    canvas->rows = canvas->cols = 0;
}

void canvas_clear(struct canvas *canvas)
{
    for (int i = 0; i < canvas->rows * canvas->cols; i++)
        canvas->cells[i] = (struct cell){.ch = {' '}, .width = 1};
    canvas->cursor_row = canvas->cursor_col = -1;
}

const struct cell *canvas_cell(const struct canvas *canvas, int row, int col)
{
    return &canvas->cells[row * canvas->cols + col];
}

/* --- one cell --- */

/* A wide character that loses a half loses the other too. */
static void blank(struct canvas *canvas, int row, int col)
{
    struct cell *cell = &canvas->cells[row * canvas->cols + col];

    if (cell->width == 0 && col > 0)
        cell[-1] = (struct cell){.ch = {' '}, .style = cell[-1].style, .width = 1};
    if (cell->width == 2 && col + 1 < canvas->cols)
        cell[1] = (struct cell){.ch = {' '}, .style = cell[1].style, .width = 1};
}

static void set(struct canvas *canvas, int row, int col, const struct glyph *glyph, int style)
{
    if (row < 0 || row >= canvas->rows || col < 0 || col + glyph->width > canvas->cols)
        return;
    struct cell *cell = &canvas->cells[row * canvas->cols + col];
    for (int i = 0; i < glyph->width; i++)
        blank(canvas, row, col + i);
    *cell = (struct cell){.style = (uint8_t)style, .width = (uint8_t)glyph->width};
    memcpy(cell->ch, glyph->ch, sizeof(cell->ch));
    if (glyph->width == 2)
        cell[1] = (struct cell){.style = (uint8_t)style};
}

static void set_sign(struct canvas *canvas, int row, int col, uint32_t ch, int style)
{
    set(canvas, row, col, &(struct glyph){.ch = {ch}, .width = 1}, style);
}

/* --- texts --- */

int canvas_put(struct canvas *canvas, int row, int col, int cols, int style, const char *text)
{
    struct glyph glyph;
    int used = 0;

    if (col + cols > canvas->cols)
        cols = canvas->cols - col;
    while (cols > 0 && glyph_next(canvas->glyphs, &text, &glyph)) {
        bool whole = used + glyph.width < cols || (used + glyph.width == cols && !*text);
        if (!whole) {
            set_sign(canvas, row, col + used, canvas->glyphs->cut, style);
            return used + 1;
        }
        set(canvas, row, col + used, &glyph, style);
        used += glyph.width;
    }
    return used;
}

int canvas_putf(struct canvas *canvas, int row, int col, int cols, int style, const char *format,
                ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return canvas_put(canvas, row, col, cols, style, text);
}

void canvas_put_right(struct canvas *canvas, int row, int col, int cols, int style,
                      const char *text)
{
    int width = glyph_width(canvas->glyphs, text);

    if (width < cols) {
        col += cols - width;
        cols = width;
    }
    canvas_put(canvas, row, col, cols, style, text);
}

void canvas_put_from(struct canvas *canvas, int row, int col, int cols, int style, const char *text,
                     int skip)
{
    struct glyph glyph;

    while (skip > 0 && *text && glyph_next(canvas->glyphs, &text, &glyph))
        skip -= glyph.width;
    if (skip < 0) { /* half of a wide one is left */
        col += 1;
        cols -= 1;
    }
    canvas_put(canvas, row, col, cols, style, text);
}

/* --- areas --- */

void canvas_fill(struct canvas *canvas, struct area area, uint32_t ch, int style)
{
    for (int row = area.row; row < area.row + area.rows; row++) {
        for (int col = area.col; col < area.col + area.cols; col++)
            set_sign(canvas, row, col, ch, style);
    }
}

void canvas_box(struct canvas *canvas, struct area a, int style, const char *title)
{
    const struct glyphs *g = canvas->glyphs;
    int bottom = a.row + a.rows - 1, right = a.col + a.cols - 1;

    if (a.rows < 2 || a.cols < 2)
        return;
    canvas_fill(canvas, a, ' ', STYLE_TEXT);
    canvas_fill(canvas, (struct area){a.row, a.col, 1, a.cols}, g->horizontal, style);
    canvas_fill(canvas, (struct area){bottom, a.col, 1, a.cols}, g->horizontal, style);
    canvas_fill(canvas, (struct area){a.row, a.col, a.rows, 1}, g->vertical, style);
    canvas_fill(canvas, (struct area){a.row, right, a.rows, 1}, g->vertical, style);
    set_sign(canvas, a.row, a.col, g->corner[0], style);
    set_sign(canvas, a.row, right, g->corner[1], style);
    set_sign(canvas, bottom, right, g->corner[2], style);
    set_sign(canvas, bottom, a.col, g->corner[3], style);
    if (title && a.cols > 6)
        canvas_putf(canvas, a.row, a.col + 2, a.cols - 4, STYLE_BOLD, " %s ", title);
}

void canvas_rule(struct canvas *canvas, int row, int col, int cols, const char *title)
{
    canvas_fill(canvas, (struct area){row, col, 1, cols}, canvas->glyphs->horizontal, STYLE_LINE);
    if (title && *title && cols > 6)
        canvas_putf(canvas, row, col + 2, cols - 4, STYLE_DIM, " %s ", title);
}
