/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK, any one value: JSON of a known type -> PostgreSQL's text, with the quoting that its own
 * output functions would have used, so that the text is the one that went out.
 *
 * Threads: one thread per literal_decoder.
 */
#ifndef ARCHIVER_ROW_LITERAL_DECODE_H
#define ARCHIVER_ROW_LITERAL_DECODE_H

#include "row/jsontext.h"
#include "row/shape.h"

struct literal_span {
    size_t start, len;
};

struct literal_decoder {                   /* zeroed: ready */
    struct buf spans[SHAPE_DEPTH_MAX + 2]; /* where a composite's fields stand, one a depth */
    struct buf string, stack;              /* a string with escapes; jsontext_skip's */
};

void literal_decode_done(struct literal_decoder *decoder);
/* Appends the text of the value at the cursor (space around it taken as well); *ret_null and
 * nothing appended where it is null. Where the type is json, all bytes up to what ends the value
 * belong to it. ERR_DATA: the cursor stands at what is wrong. */
bool literal_decode(struct literal_decoder *decoder, const struct type *type, struct jsontext *json,
                    struct buf *out, bool *ret_null, struct err *err);

enum literal_container { LITERAL_ARRAY = 1, LITERAL_COMPOSITE = 2, LITERAL_RANGE = 4 };
/* What was appended from `start` on is an element of such a literal: quotes it in place, if it must
 * be. `delimiter`: of an array. */
bool literal_quote(struct buf *out, size_t start, enum literal_container container, char delimiter,
                   struct err *err);

#endif
