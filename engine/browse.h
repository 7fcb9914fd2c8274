/* SPDX-License-Identifier: PostgreSQL
 *
 * Rows of one archive, or of several behind each other, as one long list: pages of it, the next row
 * that matches, a key. Read by ranges: a page costs the members that it stands in, and those that
 * are held cost nothing.
 *
 *   browse_new -> browse_open -> { browse_read, browse_search, browse_find } ... -> browse_free
 *
 * A damaged member does not hide the others: its rows are there as unreadable ones, with why.
 *
 * Threads: one thread at a time, but for browse_stop, which any may call; blocks.
 */
#ifndef ARCHIVER_BROWSE_H
#define ARCHIVER_BROWSE_H

#include "config/config.h"
#include "reader.h"

struct browse;

#define BROWSE_ROWS_UNKNOWN UINT64_MAX

struct browse_part {
    const char *key;
    uint64_t rows; /* as the catalog has it; BROWSE_ROWS_UNKNOWN: its metadata is asked */
};
struct browse_params {
    const struct config *config;
    const struct browse_part *parts; /* copied */
    size_t part_count;
    const char *where; /* NULL: all rows. Copied */
};

struct browse *browse_new(const struct browse_params *params);
void browse_free(struct browse *browse); /* NULL allowed */
/* What reads is asked to end by it, for good. */
struct stop *browse_stop(struct browse *browse);

/* Reads the metadata of the first archive, and of those whose rows nobody told. */
bool browse_open(struct browse *browse, struct err *err);
uint64_t browse_rows(const struct browse *browse);          /* of all archives, whatever `where` */
const uint64_t *browse_firsts(const struct browse *browse); /* the first row of each archive */
/* The archive that a row of the list stands in. */
size_t browse_part_of(const uint64_t *firsts, size_t count, uint64_t row);
/* Columns by name, of the first archive and then what others have besides: they grow as archives
 * are opened. `type` NULL: not known. An archive that does not say its columns has one, "row". */
size_t browse_column_count(const struct browse *browse);
const char *browse_column(const struct browse *browse, size_t i);
const struct type *browse_type(const struct browse *browse, size_t i);
/* A column that stands before those that archives bring. */
void browse_know_column(struct browse *browse, const char *name);
/* The first archive's timestamp column; NULL: none. */
const char *browse_timestamp(const struct browse *browse);

enum browse_cell { BROWSE_VALUE, BROWSE_NULL, BROWSE_ABSENT, BROWSE_UNREADABLE };
struct browse_value {
    enum browse_cell is;
    char *text; /* of a BROWSE_VALUE */
};
struct browse_page {
    uint64_t first; /* of its rows in the list; of a filter, in the list of matches */
    size_t rows, columns;
    struct browse_value *values; /* row by row */
    uint64_t *places;            /* of each row, in the list of all rows */
    struct err err;              /* why some are unreadable */
};
void browse_page_free(struct browse_page *page); /* NULL allowed */
/* At most `rows` rows from `first` on; with `where`, the next that match, whatever `first`. NULL:
 * nothing could be read at all. */
struct browse_page *browse_read(struct browse *browse, uint64_t first, size_t rows,
                                struct err *err);
bool browse_at_end(const struct browse *browse); /* of the matches */

struct browse_wanted {
    const char *text; /* an expression (doc/where.md), else what a value has to hold, in any case */
    bool is_where;    /* an expression, or an error */
    uint64_t from;    /* that row is looked at, too */
    bool back;
};
/* True with *ret_found, or an error. */
bool browse_search(struct browse *browse, const struct browse_wanted *wanted, bool *ret_found,
                   uint64_t *ret_row, struct err *err);
/* The first row with this key, as `find` takes it. */
bool browse_find(struct browse *browse, const char *value, bool *ret_found, uint64_t *ret_row,
                 struct err *err);

/* What it cost so far. */
void browse_stats(const struct browse *browse, struct store_stats *ret_stats);

#endif
