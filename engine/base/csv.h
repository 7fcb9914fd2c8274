/* SPDX-License-Identifier: PostgreSQL
 *
 * Values as CSV (RFC 4180), told apart as COPY ... CSV does: NULL is nothing, an empty string "".
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_BASE_CSV_H
#define ARCHIVER_BASE_CSV_H

#include "base/buf.h"

/* Adds the `column`th value of a line, from 0, with the comma before it. */
void csv_add(struct buf *line, size_t column, const char *text, size_t len, bool null);

#endif
