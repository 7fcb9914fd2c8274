/* SPDX-License-Identifier: PostgreSQL
 *
 * Values that are neither text nor made of others: integers, times, bytea. PostgreSQL's form <->
 * JSON's, on plain bytes.
 *
 * Not for: finding where a value ends in COPY text or JSON (copytext, jsontext).
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_SCALAR_H
#define ARCHIVER_ROW_SCALAR_H

#include <stdint.h>

#include "row/shape.h"

#define SCALAR_TIME_MAX 40 /* bytes scalar_put_time writes at most */

/* Bytes of an integer -?[0-9]{1,20} in canonical form at `text`; 0: there is none. */
size_t scalar_int(const char *text, const char *end);
/* The value; false where it does not fit (an oid always does). */
bool scalar_int_value(const char *text, size_t len, int64_t *ret_value);

/* Bytes of a timestamp or timestamptz in its plain form at `text` ("2024-01-01 00:00:00.5+00", year
 * of four digits, UTC); 0: in another form (infinity, BC, ...), which stands in JSON as it is. */
size_t scalar_plain_time(enum type_kind kind, const char *text, const char *end);
/* "2024-01-01T00:00:00.5+00:00" with its quotes, from the plain form; returns the end. */
char *scalar_put_time(enum type_kind kind, const char *text, size_t len, char *w);
/* The way back, without quotes; NULL and nothing written where the text is in another form, which
 * is PostgreSQL's already. */
char *scalar_put_time_back(enum type_kind kind, const char *text, size_t len, char *w);
/* Microseconds since 1970 UTC of a date, timestamp or timestamptz. */
bool scalar_time_value(const char *text, size_t len, int64_t *ret_us);

enum scalar_done {
    SCALAR_OK,
    SCALAR_BAD,    /* not such a value; nothing was added */
    SCALAR_FAILED, /* *err is filled */
};
/* Hex digits (behind the \x) -> base64, appended. */
enum scalar_done scalar_hex_to_base64(struct buf *out, const char *hex, size_t len,
                                      struct err *err);
/* Base64 with its padding -> lower-case hex digits, appended. */
enum scalar_done scalar_base64_to_hex(struct buf *out, const char *base64, size_t len,
                                      struct err *err);

#endif
