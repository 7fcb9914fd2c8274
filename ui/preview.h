/* SPDX-License-Identifier: PostgreSQL
 *
 * The rows of archives: as a table, and one of them as a form.
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_PREVIEW_H
#define ARCHIVER_UI_PREVIEW_H

#include "pages.h"

struct preview_params {
    const struct browse_part *parts; /* copied */
    size_t part_count;
    const char *where; /* NULL: all rows */
    bool inside;       /* the archive's own screen is below */
    uint64_t row;      /* where the cursor begins */
};
void preview_open(struct app *app, const struct preview_params *params);
/* The row that the table's cursor is on; moving there moves the cursor. Both outlive the form. */
void row_open(struct app *app, struct pages *pages, struct table *table);

/* The marked rows of the preview's table, else all that `where` leaves, into a file (extract.h). */
void preview_export(struct app *app, const struct pages *pages, const struct table *table,
                    const char *where, const char *path);

/* The row of a preview's table that has this id. */
size_t preview_row_of(const char *id);
/* A value as it is shown: NULL, an empty string and these words as texts can be told apart. */
void preview_add_value(struct buf *text, const struct browse_value *value, int *ret_style);
/* "logs_20260131T..._batch_001" */
void preview_add_archive(struct buf *text, const char *key);

#endif
