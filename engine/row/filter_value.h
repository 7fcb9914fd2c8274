/* SPDX-License-Identifier: PostgreSQL
 *
 * Values as `where` sees them: read from text, cast, compared; with PostgreSQL's answers.
 *
 * A value borrows from the text it was read from, or from the scratch buffer that was given for it.
 * Time zone is UTC, text is compared byte by byte (collation "C").
 *
 * Not for: what may meet what (filter_node), NULL's logic (filter).
 * Threads: any thread (no state but the buffers given).
 */
#ifndef ARCHIVER_ROW_FILTER_VALUE_H
#define ARCHIVER_ROW_FILTER_VALUE_H

#include <stdint.h>

#include "base/buf.h"
#include "row/filter_decimal.h"
#include "row/filter_kind.h"

struct filter_text {
    const char *at;
    size_t len;
};

struct filter_moment {
    int64_t day; /* since 1970-01-01; INT64_MAX, INT64_MIN: the infinities */
    int64_t us;  /* of the day */
};

struct filter_value {
    bool null;
    union {
        bool truth;                    /* BOOL */
        int64_t integer;               /* INT; TIME in microseconds */
        double real;                   /* REAL, DOUBLE */
        struct filter_decimal decimal; /* NUMERIC */
        struct filter_moment moment;   /* DATE, TIMESTAMP, TIMESTAMPTZ */
        struct filter_text text;       /* all others, in canonical form; CHAR without blanks */
    };
};

/* Text as PostgreSQL's input functions take it, ISO forms of dates alone. ERR_DATA: "\"x\" is not
 * an integer". */
bool filter_value_read(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                       struct filter_value *ret, struct err *err);
/* The same of what its output functions wrote, which need not be looked at as closely. */
bool filter_value_read_own(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                           struct filter_value *ret, struct err *err);
bool filter_value_can_cast(enum filter_kind from, enum filter_kind to);
/* `value` is not NULL and stays what it is; ERR_DATA where it does not fit. */
bool filter_value_cast(enum filter_kind from, enum filter_kind to, const struct filter_value *value,
                       struct buf *scratch, struct filter_value *ret, struct err *err);
/* -1, 0, 1 of two values that are not NULL and of one kind (or two that are compared alike: REAL
 * and DOUBLE, dates and timestamps). NaN is the largest number. */
int filter_value_compare(enum filter_kind kind, const struct filter_value *a,
                         const struct filter_value *b);
/* A day and time from microseconds since 1970, which know INT64_MAX and INT64_MIN as infinities. */
struct filter_moment filter_value_moment(int64_t us);

#endif
