/* SPDX-License-Identifier: PostgreSQL
 *
 * The kinds that `where` sorts types into: which a column is, which a cast names, and which of
 * them have something in common.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_FILTER_KIND_H
#define ARCHIVER_ROW_FILTER_KIND_H

#include <stdint.h>

#include "row/shape.h"

enum filter_kind {
    FILTER_UNKNOWN, /* a literal in quotes, or NULL: takes the type of what it meets */
    FILTER_BOOL,
    FILTER_INT, /* smallint to bigint, oid */
    FILTER_NUMERIC,
    FILTER_REAL,
    FILTER_DOUBLE,
    FILTER_TEXT,
    FILTER_CHAR, /* character(n): blanks at the end do not count */
    FILTER_DATE,
    FILTER_TIMESTAMP,
    FILTER_TIMESTAMPTZ,
    FILTER_TIME,
    FILTER_UUID,
    FILTER_BYTEA,
    FILTER_JSON,
    FILTER_JSONB,
    FILTER_SAME,   /* equal where PostgreSQL's text is the same: enums, inet, arrays of integers */
    FILTER_OPAQUE, /* not even that: interval, xml, geometric types */
};

/* What may stand behind :: and before a literal. */
struct filter_cast {
    const char *name;
    enum filter_kind kind;
    int64_t min, max; /* of integers */
};

enum filter_kind filter_kind_of(const struct type *type);
const char *filter_kind_name(enum filter_kind kind);          /* "integer", "double precision" */
const struct filter_cast *filter_kind_cast(const char *name); /* NULL: none */
/* Is this text of a container of SAME kind what PostgreSQL prints? Equal values then have no other
 * text. */
bool filter_kind_prints(const struct type *type, const char *text, size_t len);

static inline bool filter_kind_is_number(enum filter_kind kind)
{
    return kind >= FILTER_INT && kind <= FILTER_DOUBLE;
}

static inline bool filter_kind_is_moment(enum filter_kind kind)
{
    return kind >= FILTER_DATE && kind <= FILTER_TIMESTAMPTZ;
}

#endif
