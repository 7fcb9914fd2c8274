/* SPDX-License-Identifier: PostgreSQL
 *
 * The rows of archives as a preview has them: the pages that are looked at, fetched by tasks, and
 * those that were looked at lately.
 *
 *   pages_new -> { pages_want as one moves; pages_search, pages_find } ... -> pages_free
 *
 * Threads: the painting thread.
 */
#ifndef ARCHIVER_UI_PAGES_H
#define ARCHIVER_UI_PAGES_H

#include "app.h"
#include "browse.h"

struct pages;

struct pages_params {
    struct app *app;
    const struct browse_part *parts; /* copied, with the expression */
    size_t part_count;
    const char *where; /* NULL: all rows */
    void *owner;       /* a screen */
    void (*changed)(void *owner);
    /* A search has ended; `err` is of kind ERR_NONE where it could look everywhere. */
    void (*found)(void *owner, bool found, uint64_t row, const struct err *err);
};

struct pages *pages_new(const struct pages_params *params);
/* What works for it goes on to its end by itself (tasks_forget comes first). */
void pages_free(struct pages *pages); /* NULL allowed */

bool pages_opened(const struct pages *pages);
/* Why nothing is read any more; ERR_NONE: it is. */
const struct err *pages_error(const struct pages *pages);
void pages_retry(struct pages *pages);
void pages_cancel(struct pages *pages); /* the search; not the pages */

uint64_t pages_rows(const struct pages *pages); /* of a filter: found so far */
bool pages_whole(const struct pages *pages);    /* there are no more */
bool pages_full(const struct pages *pages);     /* of a filter: more are not shown */
const struct browse_part *pages_parts(const struct pages *pages, size_t *ret_count);
/* Columns grow as archives are opened. */
size_t pages_columns(const struct pages *pages);
const char *pages_column(const struct pages *pages, size_t i);
enum pages_kind { PAGES_PLAIN, PAGES_JSON, PAGES_UNKNOWN };
enum pages_kind pages_kind(const struct pages *pages, size_t i);
const char *pages_timestamp(const struct pages *pages); /* NULL: none */

/* NULL: it was not fetched yet. */
const struct browse_value *pages_value(const struct pages *pages, size_t row, size_t column);
/* Why a filter could not look at some rows; NULL: it looked at all. */
const struct err *pages_passed_over(const struct pages *pages);
/* Why it cannot be read, or a value of it; NULL: it can. */
const struct err *pages_damage(const struct pages *pages, size_t row);
/* Where it stands: in the list of all rows, and in which archive. False: not known yet. */
bool pages_place(const struct pages *pages, size_t row, uint64_t *ret_place, size_t *ret_part,
                 uint64_t *ret_row);

/* These are seen: what lacks is fetched, and what comes behind. */
void pages_want(struct pages *pages, size_t first, size_t rows);
/* One at a time; the last one asked for. Not in a filter. */
void pages_search(struct pages *pages, const struct browse_wanted *wanted);
void pages_find(struct pages *pages, const char *key);
bool pages_searching(const struct pages *pages);

/* What it cost so far. */
const struct store_stats *pages_cost(const struct pages *pages);

#endif
