/* SPDX-License-Identifier: PostgreSQL
 *
 * `where` on rows: one small language (doc/where.md), typed by the archive's shape, with SQL's
 * answers, NULL included. Evaluated on lines of COPY text, which is what decode makes of every
 * archive's rows; and on the bounds of a member, to pass it over whole.
 *
 *   filter_new -> filter_row ... filter_may_match ... -> filter_free
 *
 * Threads: one thread at a time per filter (it has scratch buffers); make one a thread.
 */
#ifndef ARCHIVER_ROW_FILTER_H
#define ARCHIVER_ROW_FILTER_H

#include <stdint.h>

#include "row/shape.h"

struct filter;
/* ERR_USAGE points at the character: "column 14: there is no column \"lvel\"" with the nearest
 * name, a type that cannot be compared, what was due. The shape must outlive the filter. */
struct filter *filter_new(const char *text, const struct shape *shape, struct err *err);
void filter_free(struct filter *filter); /* NULL allowed */
/* Is the expression true (not false, not NULL) of this row? `copy_line` is without or with its
 * newline. ERR_DATA with the column where a value cannot be read as its type. */
bool filter_row(struct filter *filter, const char *copy_line, size_t len, bool *ret_match,
                struct err *err);

/* What is known of all rows of a member (member_index) or archive. */
struct filter_bounds {
    int64_t min_us, max_us;        /* timestamp column; INT64_MAX and INT64_MIN: none */
    const char *min_key, *max_key; /* a JSON integer, alone or in an array; NULL: not known */
};
/* False only where surely no row of it matches. */
bool filter_may_match(const struct filter *filter, const struct filter_bounds *bounds);

#endif
