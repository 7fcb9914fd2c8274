/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: one JSON line -> one line of COPY text, by the shape from the metadata; never by guessing.
 *
 * Fields that are no column of the shape (_archived_at, ...) are passed over; a column that is
 * missing is an error. What encode wrote comes back as the identical COPY text for all canonical
 * output of PostgreSQL, and in any case as text that gives an equal value.
 *
 * A shape that says `earlier` makes a decoder of the earlier archiver's rows: the same calls, its
 * own rules (row/earlier). What such a row no longer holds does not fail: the value becomes NULL,
 * or the most likely of several, and is counted. So does a column that the row has not, and a field
 * that is no column.
 *
 * Threads: one thread per decoder.
 */
#ifndef ARCHIVER_ROW_DECODE_H
#define ARCHIVER_ROW_DECODE_H

#include <stdint.h>

#include "row/shape.h"

#define DECODE_LOSS_SAMPLE 5

struct decoder;
/* The shape must outlive the decoder. */
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

/* What rows decoded by decode_row lacked: one for each column and reason. */
struct decode_loss {
    const char *column; /* or the field's name, where the row has one that is no column */
    const char *reason; /* for people */
    bool gone; /* NULL in its place (a field: left out); else a value that may be another */
    uint64_t rows;
    uint64_t
        sample[DECODE_LOSS_SAMPLE]; /* the first of them: numbers of the rows decoded, from 1 */
};
/* The next row decoded is number `row`, from 1, in samples. */
void decoder_at_row(struct decoder *decoder, uint64_t row);
/* For people: column "a": the reason (3 rows: 1, 2, 9). Appended. */
void decode_loss_add(const struct decode_loss *loss, struct buf *text);
/* In the shape's order; borrowed until the next call. None for archives of our own. */
const struct decode_loss *decoder_losses(struct decoder *decoder, size_t *ret_count);

#endif
