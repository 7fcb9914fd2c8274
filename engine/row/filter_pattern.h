/* SPDX-License-Identifier: PostgreSQL
 *
 * Patterns of `where`: LIKE and ILIKE, and regular expressions, which PostgreSQL's are turned into
 * POSIX extended ones of this host's regcomp as far as they go; what does not go is refused.
 *
 * Text is UTF-8: `_` and `.` are one character.
 * Threads: one thread at a time per pattern (scratch).
 */
#ifndef ARCHIVER_ROW_FILTER_PATTERN_H
#define ARCHIVER_ROW_FILTER_PATTERN_H

#include "row/filter_value.h"

#define FILTER_NO_ESCAPE (-1)

struct filter_pattern;
/* `escape`: the byte that takes the next one as it is. `fold`: upper and lower case alike.
 * ERR_USAGE says what is wrong with the pattern. */
struct filter_pattern *filter_pattern_like(struct filter_text pattern, int escape, bool fold,
                                           struct err *err);
struct filter_pattern *filter_pattern_regex(struct filter_text pattern, bool fold, struct err *err);
void filter_pattern_free(struct filter_pattern *pattern); /* NULL allowed */
bool filter_pattern_match(struct filter_pattern *pattern, struct filter_text text, bool *ret_match,
                          struct err *err);

#endif
