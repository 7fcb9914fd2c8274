/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK, the earlier archiver's rows: one value of its JSON lines -> PostgreSQL's text, by its own
 * rules (doc/earlier.md): json as text in a string, base64, timestamps with Z, Python's repr, bare
 * NaN.
 *
 * Not for: our own rows (row/literal_decode).
 * Threads: one thread per earlier_decoder.
 */
#ifndef ARCHIVER_ROW_EARLIER_H
#define ARCHIVER_ROW_EARLIER_H

#include "row/earlier_type.h"
#include "row/jsontext.h"

struct earlier_decoder {      /* zeroed: ready */
    struct buf string, stack; /* a string with escapes; jsontext_skip's */
    unsigned losses;          /* what the values since it was last zeroed lack: earlier_loss bits */
};

void earlier_done(struct earlier_decoder *decoder);
/* Appends the text of the value at the cursor; *ret_null and nothing appended where it is null or
 * gone. `rule` is the type's. ERR_DATA: the cursor stands at what is wrong. */
bool earlier_decode(struct earlier_decoder *decoder, const struct type *type,
                    enum earlier_rule rule, struct jsontext *json, struct buf *out, bool *ret_null,
                    struct err *err);
/* Over one whole value, NaN and infinities included. */
bool earlier_skip(struct earlier_decoder *decoder, struct jsontext *json, struct err *err);

#endif
