/* SPDX-License-Identifier: PostgreSQL
 *
 * The signs that lines, gauges and plots are made of, for a UTF-8 terminal and for any other; and
 * what a text takes of a line: UTF-8 decoded, wide and combining characters, control bytes made
 * harmless.
 *
 * Threads: any thread (no state); widths are those of the process's locale.
 */
#ifndef ARCHIVER_UI_GLYPHS_H
#define ARCHIVER_UI_GLYPHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct glyphs {
    bool utf8;
    uint32_t horizontal, vertical, corner[4]; /* clockwise from the top left */
    uint32_t tee_down, tee_up;
    uint32_t eighths[9];  /* of a cell from the left: none to all */
    uint32_t rises[9];    /* of a cell from below: none to all */
    uint32_t gauge[2];    /* its ends */
    uint32_t cut;         /* a text that goes on */
    uint32_t mark;        /* a row that Space marked */
    uint32_t up, down;    /* the order of a column */
    uint32_t more, less;  /* there is more to the right, to the left */
    uint32_t rest;        /* the empty part of a bar */
    const char *ellipsis; /* something is on its way */
    const char *crumb;    /* between the parts of where one is */
};
const struct glyphs *glyphs_of(bool utf8);

/* One character that takes place, with the combining ones behind it. */
struct glyph {
    uint32_t ch[3]; /* 0: none */
    int width;      /* 1 or 2 */
};
/* Takes the next of `*text` ("" ends it). What cannot be shown as it is becomes a sign: control
 * and direction characters a dot, what is no UTF-8 or not of this terminal a question mark. */
bool glyph_next(const struct glyphs *glyphs, const char **text, struct glyph *ret_glyph);
/* Columns that the text takes. */
int glyph_width(const struct glyphs *glyphs, const char *text);

#endif
