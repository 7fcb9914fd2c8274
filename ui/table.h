/* SPDX-License-Identifier: PostgreSQL
 *
 * Rows under columns: a cursor, order by any column, a filter and a search, marks, sideways
 * scrolling with columns that stay. The rows belong to the source, which is asked for what is seen;
 * where they change, table_refresh keeps the cursor and the marks on the same rows.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_UI_TABLE_H
#define ARCHIVER_UI_TABLE_H

#include "canvas.h"
#include "keys.h"

struct table_column {
    const char *title;
    int min, max;  /* columns of the screen; max 0: as wide as the cells */
    bool right;    /* numbers */
    bool frozen;   /* stays while the others scroll; only from the left on */
    int sort_key;  /* orders by this column, again the other way round; 0: cannot be ordered by */
    bool downward; /* the first order is from the highest */
};

struct table_source {
    void *self;
    size_t (*count)(const void *self);
    /* `ret_style` stays where the cell has none of its own. */
    void (*cell)(const void *self, size_t row, size_t column, struct buf *ret_text, int *ret_style);
    /* NULL: by the cells' texts. */
    int (*compare)(const void *self, size_t a, size_t b, size_t column);
    /* What stays the same when rows come and go. */
    const char *(*id)(const void *self, size_t row);
    /* Whether a row is there at all, before the filter. NULL: all are. */
    bool (*shown)(const void *self, size_t row);
};

struct table {
    const struct table_source *source; /* borrowed, with the columns */
    const struct table_column *columns;
    size_t column_count;
    size_t *order; /* rows of the source as they stand; NULL: all, in the source's order */
    size_t count;
    size_t cursor, top; /* in order */
    size_t left;        /* scrolled columns that went out */
    int sort;           /* a column; -1: as the source has them */
    bool reverse;
    struct buf filter, search;
    char *cursor_id;
    char **marks; /* ids, in order */
    size_t mark_count;
    unsigned changes; /* counts them, of rows and of marks: what is made of these may be kept */
    int *widths;
    struct area *placed; /* of the last drawing, a column each */
    int page;            /* rows of the last drawing */
    int right_hidden;
    bool unfocused;    /* the keys go elsewhere: its cursor is dim */
    bool headless;     /* no titles, no marks: lines of a text */
    const char *empty; /* what stands there when there are no rows; borrowed */
    struct area drawn;
};

void table_init(struct table *table, const struct table_source *source,
                const struct table_column *columns, size_t column_count);
/* Others, of which those that were there before come first. */
void table_set_columns(struct table *table, const struct table_column *columns,
                       size_t column_count);
void table_done(struct table *table);
void table_refresh(struct table *table);
/* Rows where some cell holds the text, in any case; "!text": where none does. "" ends it. */
void table_filter(struct table *table, const char *text);
/* The next row below (or above) with the text; goes round. False: there is none. */
bool table_search(struct table *table, const char *text);
bool table_search_next(struct table *table, bool back);
/* The row of the source that the cursor is on; false: there are no rows. */
bool table_current(const struct table *table, size_t *ret_row);
void table_go(struct table *table, size_t at);          /* by its place */
size_t table_row(const struct table *table, size_t at); /* the row of the source there */
bool table_is_marked(const struct table *table, size_t row);
void table_mark(struct table *table, size_t row); /* of the source */
size_t table_marked(const struct table *table);
void table_unmark(struct table *table);

enum table_act {
    TABLE_NOTHING, /* the key is none of the table's */
    TABLE_MOVED,
    TABLE_OPEN, /* a click on the row that the cursor was on */
};
/* Moves, marks and orders. */
enum table_act table_key(struct table *table, const struct term_key *key);
/* Does some column have this key? */
bool table_sorts_by(const struct table *table, int code);
/* Where the cells of a column were drawn; cols 0: not at all. Only col and cols are set. */
struct area table_cell_area(const struct table *table, size_t column);
extern const struct keys table_keys; /* for the help */

void table_draw(struct table *table, struct canvas *canvas, struct area area);

#endif
