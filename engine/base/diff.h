/* SPDX-License-Identifier: PostgreSQL
 *
 * What differs between two texts, line by line, as `diff -u` shows it.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_BASE_DIFF_H
#define ARCHIVER_BASE_DIFF_H

#include "base/buf.h"

/* Appends "-line", "+line" and " line", three unchanged ones around each change; nothing where both
 * are the same. */
void diff_lines(const char *before, const char *after, struct buf *ret_text);

#endif
