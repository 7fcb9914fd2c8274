/* SPDX-License-Identifier: PostgreSQL
 *
 * Single values of the earlier archiver's rows, as they stand in JSON and in Python's repr() alike,
 * -> PostgreSQL's text; and what such a value no longer holds.
 *
 * Each function appends to `out`, adds to *losses, and is false, with nothing added, where the text
 * is in none of the forms it knows.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_EARLIER_VALUE_H
#define ARCHIVER_ROW_EARLIER_VALUE_H

#include <stdint.h>

#include "row/shape.h"

/* What was lost when the value was written; a set of bits. */
enum earlier_loss {
    EARLIER_ADDRESS = 1,    /* an object's address in place of the value: NULL */
    EARLIER_UNREAD = 2,     /* a form that is not understood: NULL */
    EARLIER_OVERRIDDEN = 4, /* a field of the archiver's own in place of the column: NULL */
    EARLIER_ABSENT = 8,     /* the row has no such column: NULL */
    EARLIER_UNKNOWN = 16,   /* the row has a field that is no column: left out */
    EARLIER_MONTHS = 32,    /* an interval of 30 days or more: months, maybe */
    EARLIER_INFINITY = 64,  /* a numeric 0E-32: an infinity, maybe */
    EARLIER_EXTREME = 128,  /* a date or timestamp of infinity: the last or first one, maybe */
};
#define EARLIER_LOSSES 8 /* bits */

/* For people: "the address of an object stands in its place". */
const char *earlier_value_reason(enum earlier_loss loss);
/* The value is gone; otherwise it is the most likely one of several. */
bool earlier_value_is_gone(enum earlier_loss loss);

bool earlier_value_date(struct buf *out, const char *text, size_t len, unsigned *losses);
/* `zoned`: the type is known to have a time zone; else a bare extreme is ambiguous. */
bool earlier_value_timestamp(struct buf *out, const char *text, size_t len, bool zoned,
                             unsigned *losses);
void earlier_value_interval(struct buf *out, int64_t days, int64_t us, unsigned *losses);
/* `type` NULL: not known; with precision it has no infinities. */
bool earlier_value_numeric(struct buf *out, const char *text, size_t len, const struct type *type,
                           unsigned *losses);
/* The number of a pg_lsn, negative where its highest bit is set. */
bool earlier_value_lsn(struct buf *out, const char *text, size_t len);

#endif
