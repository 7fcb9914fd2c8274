/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: one JSON line -> one line of COPY text, by the shape from the metadata; never by guessing.
 *
 * Fields that are no column of the shape (_archived_at, ...) are passed over; a column that is
 * missing is an error. What encode wrote comes back as the identical COPY text for all canonical
 * output of PostgreSQL, and in any case as text that gives an equal value.
 *
 * Threads: one thread per decoder.
 */
#ifndef ARCHIVER_ROW_DECODE_H
#define ARCHIVER_ROW_DECODE_H

#include "row/shape.h"

struct decoder;
struct decoder *decoder_new(const struct shape *shape, struct err *err);
void decoder_free(struct decoder *decoder);
/* Appends one COPY line with its '\n'. ERR_DATA says column and position. */
bool decode_row(struct decoder *decoder, const char *json_line, size_t len, struct buf *copy_lines,
                struct err *err);
/* One value: JSON text of a column -> PostgreSQL's text (not COPY-escaped); *ret_null where SQL
 * NULL. */
bool decode_value(struct decoder *decoder, const struct type *type, const char *json, size_t len,
                  struct buf *ret_text, bool *ret_null, struct err *err);
/* Where each of the shape's columns stands in the line: spans into json_line, len 0 where absent.
 * The caller gives room for shape->column_count. */
struct decode_span {
    size_t start, len;
};
bool decode_spans(struct decoder *decoder, const char *json_line, size_t len,
                  struct decode_span *ret_spans, struct err *err);

#endif
