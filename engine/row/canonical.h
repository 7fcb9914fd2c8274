/* SPDX-License-Identifier: PostgreSQL
 *
 * Values as another program wrote them -> the text that PostgreSQL prints for them: digits, times,
 * intervals, geometry. Each appends to `out`; false and nothing added where the text is in none of
 * the forms it knows.
 *
 * Not for: our own rows, which hold PostgreSQL's text already.
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_CANONICAL_H
#define ARCHIVER_ROW_CANONICAL_H

#include <stdint.h>

#include "row/jsontext.h"

/* A float's shortest digits in any notation ("1e-10", "16777216.0", "NaN", "-inf"), as float8out
 * prints it. */
bool canonical_float8(struct buf *out, const char *text, size_t len);
/* The digits of a real that was widened to double: as float4out prints it. */
bool canonical_float4(struct buf *out, const char *text, size_t len);
/* A decimal with an exponent ("1E-30", "1.00E+10") without it; others as they are. */
bool canonical_numeric(struct buf *out, const char *text, size_t len);
/* "12:34:56.789000+05:30" -> "12:34:56.789+05:30". */
bool canonical_time(struct buf *out, const char *text, size_t len);
/* "2024-02-29T12:34:56.500000Z", "...+00:00", "...+00:00Z" -> "2024-02-29 12:34:56.5", with "+00"
 * where `zone`. Without `zone`, another offset than UTC's is none of its forms. */
bool canonical_timestamp(struct buf *out, const char *text, size_t len, bool zone);
/* Days and microseconds of any sign, brought to one sign. */
void canonical_interval(struct buf *out, int64_t days, int64_t us);
/* "1 day, 2:03:04.500000", "-2 days, 21:56:56" -> the two numbers. */
bool canonical_read_delta(const char *text, size_t len, int64_t *ret_days, int64_t *ret_us);

/* What a nested sequence of numbers stands for. */
enum canonical_form {
    CANONICAL_POINT,    /* [x,y] */
    CANONICAL_LINE,     /* [a,b,c] */
    CANONICAL_LSEG,     /* [[x,y],[x,y]] */
    CANONICAL_BOX,      /* the same */
    CANONICAL_CIRCLE,   /* [[x,y],r] */
    CANONICAL_SNAPSHOT, /* [xmin,xmax,[xip,...]] */
    CANONICAL_TID,      /* [block,offset] */
    CANONICAL_VECTOR,   /* [1,2,...]: int2vector, oidvector */
};
/* Over such a sequence; the cursor stands at what is wrong where it is of another form. */
bool canonical_sequence(struct buf *out, enum canonical_form form, struct jsontext *json);
/* Over a JSON number, or NaN, Infinity, -Infinity as Python writes them. */
bool canonical_number(struct jsontext *json);

#endif
