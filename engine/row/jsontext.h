/* SPDX-License-Identifier: PostgreSQL
 *
 * The tokens of a JSON text, strictly by RFC 8259, read in place: no tree, no copy, no recursion.
 *
 * A cursor stands at the next byte; on failure it stands at the byte that is wrong. Errors are
 * ERR_DATA without a place, or ERR_RESOURCE. Bytes of 0x80 and above are passed through as they are
 * (the database's encoding is not ours to judge).
 *
 * Not for: documents of which a tree is wanted (base/json).
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_JSONTEXT_H
#define ARCHIVER_ROW_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct jsontext {
    const char *at, *end;
};

bool jsontext_bad(struct err *err, const char *why); /* false, with the error of a bad token */

static inline void jsontext_space(struct jsontext *json)
{
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        json->at++;
}

/* Takes `c`, with space before it; false and nothing taken where another byte stands there. */
static inline bool jsontext_take(struct jsontext *json, char c)
{
    jsontext_space(json);
    if (json->at == json->end || *json->at != c)
        return false;
    json->at++;
    return true;
}

/* Takes `word` (null, true, false) where it stands there. */
bool jsontext_word(struct jsontext *json, const char *word);
/* Over one number, and no further; false where there is none. No error is set. */
bool jsontext_number(struct jsontext *json);
/* Over one whole value of any kind. `stack` is scratch; its contents do not matter. */
bool jsontext_skip(struct jsontext *json, struct buf *stack, struct err *err);
/* The characters of a string: borrowed from the text, or from `scratch` where it has escapes. */
bool jsontext_string(struct jsontext *json, struct buf *scratch, const char **ret_text,
                     size_t *ret_len, struct err *err);
/* Appends the characters of a string as plain text, or as a field of COPY text. */
bool jsontext_add_plain(struct jsontext *json, struct buf *out, struct err *err);
bool jsontext_add_copy(struct jsontext *json, struct buf *out, struct err *err);

#endif
