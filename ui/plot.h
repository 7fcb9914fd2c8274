/* SPDX-License-Identifier: PostgreSQL
 *
 * Numbers as pictures of a line or more: gauges, sparklines, columns; and as short texts.
 *
 * Threads: one thread at a time per canvas.
 */
#ifndef ARCHIVER_UI_PLOT_H
#define ARCHIVER_UI_PLOT_H

#include "canvas.h"

/* share: 0 to 1, more is 1; negative: not known, an empty one. */
void plot_gauge(struct canvas *canvas, int row, int col, int cols, double share, int style);
/* The last `cols` of the values, the newest at the right; negative ones are gaps. */
void plot_spark(struct canvas *canvas, int row, int col, int cols, const double *values,
                size_t count, int style);
/* A column each value, as high as the area, as wide as there is room (the last ones where there is
 * not enough). */
void plot_columns(struct canvas *canvas, struct area area, const double *values, size_t count,
                  int style);
/* The width of one of those columns, with the gap behind it. */
int plot_column_width(int cols, size_t count);

/* "318", "41.2k", "1.7M"; negative is "?". */
void plot_count(struct buf *buf, double count);
/* "02:14:07", "3d 04:11". */
void plot_clock(struct buf *buf, double seconds);

#endif
