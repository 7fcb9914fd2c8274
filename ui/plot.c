/* SPDX-License-Identifier: PostgreSQL */
#include "plot.h"

#include <math.h>

static void put_sign(struct canvas *canvas, int row, int col, uint32_t ch, int style)
{
    canvas_fill(canvas, (struct area){row, col, 1, 1}, ch, style);
}

void plot_gauge(struct canvas *canvas, int row, int col, int cols, double share, int style)
{
    const struct glyphs *g = canvas->glyphs;
    int inner = cols - 2;

    if (inner < 1)
        return;
    int row_of_cursor = style & STYLE_SELECTED;
    share = share > 1 ? 1 : share >= 0 ? share : 0;
    int eighths = (int)(share * inner * 8 + 1e-9);
    put_sign(canvas, row, col, g->gauge[0], STYLE_LINE | row_of_cursor);
    put_sign(canvas, row, col + cols - 1, g->gauge[1], STYLE_LINE | row_of_cursor);
    for (int i = 0; i < inner; i++) {
        int here = eighths - i * 8;
        here = here > 8 ? 8 : here > 0 ? here : 0;
        if (here == 0 || (here < 4 && !g->utf8))
            put_sign(canvas, row, col + 1 + i, g->utf8 ? ' ' : g->rest,
                     STYLE_GAUGE_REST | row_of_cursor);
        else
            put_sign(canvas, row, col + 1 + i, g->eighths[here], style);
    }
}

static double highest(const double *values, size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    return most;
}

void plot_spark(struct canvas *canvas, int row, int col, int cols, const double *values,
                size_t count, int style)
{
    size_t shown = count < (size_t)cols ? count : (size_t)cols;
    const double *from = values + count - shown;
    double most = highest(from, shown);

    for (size_t i = 0; i < shown; i++) {
        int level = most > 0 && from[i] > 0 ? (int)ceil(from[i] / most * 8 - 1e-9) : 0;
        int at = col + cols - (int)shown + (int)i;
        put_sign(canvas, row, at, canvas->glyphs->rises[level < 0 ? 0 : level], style);
    }
}

/* --- columns --- */

int plot_column_width(int cols, size_t count)
{
    int width = count > 0 ? cols / (int)count : cols;

    return width < 1 ? 1 : width > 8 ? 8 : width;
}

static void draw_column(struct canvas *canvas, struct area area, double share, int style)
{
    int eighths = share > 0 ? (int)(share * area.rows * 8 + 0.5) : 0;

    if (share > 0 && eighths == 0)
        eighths = 1;
    for (int i = 0; i < area.rows; i++) {
        int here = eighths - i * 8;
        here = here > 8 ? 8 : here > 0 ? here : 0;
        if (here > 0)
            canvas_fill(canvas, (struct area){area.row + area.rows - 1 - i, area.col, 1, area.cols},
                        canvas->glyphs->rises[here], style);
    }
}

void plot_columns(struct canvas *canvas, struct area area, const double *values, size_t count,
                  int style)
{
    int width = plot_column_width(area.cols, count);
    size_t shown = (size_t)(area.cols / width) < count ? (size_t)(area.cols / width) : count;
    const double *from = values + count - shown;
    double most = highest(from, shown);

    for (size_t i = 0; i < shown; i++) {
        struct area one = {area.row, area.col + (int)i * width, area.rows,
                           width > 1 ? width - 1 : 1};
        draw_column(canvas, one, most > 0 ? from[i] / most : 0, style);
    }
}

/* --- short texts --- */

void plot_count(struct buf *buf, double count)
{
    static const char units[] = {'k', 'M', 'G', 'T', 'P'};
    size_t unit = 0;

    if (count < 0) {
        buf_addc(buf, '?');
        return;
    }
    if (count < 999.5) {
        buf_addf(buf, "%.0f", count);
        return;
    }
    for (count /= 1000; count >= 999.5 && unit + 1 < sizeof(units); unit++)
        count /= 1000;
    buf_addf(buf, count < 99.95 ? "%.1f%c" : "%.0f%c", count, units[unit]);
}

void plot_clock(struct buf *buf, double seconds)
{
    int64_t s = seconds > 0 ? (int64_t)seconds : 0;

    if (s >= 86400)
        buf_addf(buf, "%dd ", (int)(s / 86400));
    buf_addf(buf, "%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60));
    if (s < 86400)
        buf_addf(buf, ":%02d", (int)(s % 60));
}
