/* SPDX-License-Identifier: PostgreSQL
 *
 * The bytes of COPY's text format: one field to a JSON string, to JSON, or to plain text; and plain
 * text to a field. Knows escapes, not types.
 *
 * The functions that read a field take a cursor at its first byte and leave it at the tab behind it
 * or at the end of the line; on failure, at the byte that is wrong. Errors are ERR_DATA without a
 * place (the caller knows the column), or ERR_RESOURCE. What was added to `out` before a failure
 * stays there. `out` is not NUL-ended in between: whoever has the whole row ends it.
 *
 * Not for: the NULL marker \N, which the caller looks for first.
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_COPYTEXT_H
#define ARCHIVER_ROW_COPYTEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define COPYTEXT_SLACK 32 /* bytes behind what is needed that block copies may scribble on */

struct copytext {
    const char *at, *end; /* next byte; end of the line, without its newline */
};

/* Room for n bytes and the slack. */
static inline bool copytext_room(struct buf *out, size_t n, struct err *err)
{
    return out->cap - out->len > n + COPYTEXT_SLACK || buf_reserve(out, n + COPYTEXT_SLACK, err);
}

/* The field as a JSON string, with its quotes. */
bool copytext_to_string(struct copytext *field, struct buf *out, struct err *err);
/* A field that is JSON, as it is; line breaks, which can only stand between tokens, become spaces.
 */
bool copytext_to_json(struct copytext *field, struct buf *out, struct err *err);
/* The field as PostgreSQL's text for the value. */
bool copytext_to_plain(struct copytext *field, struct buf *out, struct err *err);
/* Plain text as (a part of) a field. */
bool copytext_add(struct buf *out, const char *text, size_t len, struct err *err);
/* Plain text as a JSON string, with its quotes. */
bool copytext_quote(struct buf *out, const char *text, size_t len, struct err *err);

#endif
