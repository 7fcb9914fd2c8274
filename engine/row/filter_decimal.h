/* SPDX-License-Identifier: PostgreSQL
 *
 * Exact decimals of any length, as PostgreSQL's numeric compares them: read in place, never through
 * a double.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_FILTER_DECIMAL_H
#define ARCHIVER_ROW_FILTER_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NaN is the largest of all and equal to itself, as in PostgreSQL. */
enum filter_decimal_class {
    DECIMAL_MINUS_INFINITY,
    DECIMAL_FINITE,
    DECIMAL_INFINITY,
    DECIMAL_NAN,
};

struct filter_decimal {
    enum filter_decimal_class class;
    int sign;             /* -1, 0, 1 */
    int64_t magnitude;    /* digits before the point, from the first that is not 0; may be < 0 */
    const char *at, *end; /* from the first digit that is not 0; a point stands in between; in
                             the text that was read */
    const char *text;     /* all of it */
    size_t text_len;
};

/* The whole text: [+-]digits[.digits][e[+-]digits], NaN, [+-]Infinity. */
bool filter_decimal_read(const char *text, size_t len, struct filter_decimal *ret);
/* -1, 0, 1 */
int filter_decimal_compare(const struct filter_decimal *a, const struct filter_decimal *b);
/* Rounded half away from zero, as numeric::bigint; false where it does not fit. */
bool filter_decimal_to_int(const struct filter_decimal *decimal, int64_t *ret_value);

#endif
