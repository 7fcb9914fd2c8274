/* SPDX-License-Identifier: PostgreSQL
 *
 * PostgreSQL's regular expressions as POSIX extended ones, as far as only the question "does it
 * match" is asked: \d \w \s \y and the like, (?:...), quantifiers that are not greedy, escapes in
 * brackets. Look-around, back references, embedded options and the like are refused.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_FILTER_REGEX_H
#define ARCHIVER_ROW_FILTER_REGEX_H

#include "row/filter_value.h"

/* Appends to `out`; ERR_USAGE says what does not go. */
bool filter_regex_translate(struct filter_text pattern, struct buf *out, struct err *err);

#endif
