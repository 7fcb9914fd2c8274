/* SPDX-License-Identifier: PostgreSQL
 *
 * Lines to read, each in a style of its own, as a table without titles: scrolled, filtered,
 * searched like any other.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_LISTING_H
#define ARCHIVER_UI_LISTING_H

#include "table.h"

struct listing {
    char **texts;
    enum theme_style *styles;
    size_t count;
    struct table_source source;
    struct table table;
    char id[24];
};

void listing_init(struct listing *listing); /* stays where it is: the table points into it */
void listing_done(struct listing *listing);
void listing_clear(struct listing *listing);
void listing_add(struct listing *listing, enum theme_style style, const char *text, size_t len);
/* A line each of the text's. */
void listing_add_text(struct listing *listing, enum theme_style style, const char *text);
/* The same, of 1023 bytes at most. */
void listing_addf(struct listing *listing, enum theme_style style, const char *format, ...)
    ERR_PRINTF(3, 4);
void listing_show(struct listing *listing); /* what was added shows from here on */

#endif
