/* SPDX-License-Identifier: PostgreSQL
 *
 * What things look like: one table from what a thing means to colours and attributes, for 256, 16
 * and 8 colours and none. A meaning is never told by colour alone: a letter or sign says the same.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_UI_THEME_H
#define ARCHIVER_UI_THEME_H

#include <stdbool.h>

enum theme_style {
    STYLE_TEXT,
    STYLE_DIM,
    STYLE_BOLD,
    STYLE_BAR,      /* the line on top */
    STYLE_BAR_NAME, /* the program's name in it */
    STYLE_BAR_GOOD,
    STYLE_BAR_BAD,
    STYLE_CRUMB,
    STYLE_HEAD,        /* of columns */
    STYLE_HEAD_SORTED, /* of the column that orders the rows */
    STYLE_GOOD,
    STYLE_WARN,
    STYLE_BAD,
    STYLE_ACCENT, /* numbers that move, names one looks for */
    STYLE_KEY,    /* in the bottom line */
    STYLE_LABEL,  /* what that key does */
    STYLE_GAUGE,
    STYLE_GAUGE_REST,
    STYLE_SPARK,
    STYLE_MARKED, /* a row that Space marked */
    STYLE_MATCH,  /* a text that was searched for */
    STYLE_LINE,   /* of boxes and between panes */
    STYLE_BUTTON, /* the one that Enter presses */
    STYLE_COUNT
};
/* Or-ed to a style: the row that the cursor is on. */
#define STYLE_SELECTED 0x40

enum theme_depth { THEME_MONO, THEME_8, THEME_16, THEME_256, THEME_DEPTHS };

struct theme_look {
    short fg, bg; /* the terminal's colour number; -1: its own */
    bool bold, dim, reverse, underline;
};

/* `colors` as the terminal has them (0: none). */
enum theme_depth theme_depth_of(int colors, bool no_color);
/* `style` may carry STYLE_SELECTED. */
struct theme_look theme_look(enum theme_depth depth, int style);

#endif
