/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT, nested values: PostgreSQL's literal of an array, composite, range or multirange -> JSON.
 *
 * Every container whose JSON form would not read back to the identical literal goes out as that
 * literal in a JSON string, on its own: the containers around it keep their form. So nothing here
 * fails for a value's sake.
 *
 * Threads: one thread per literal_encoder.
 */
#ifndef ARCHIVER_ROW_LITERAL_ENCODE_H
#define ARCHIVER_ROW_LITERAL_ENCODE_H

#include "row/shape.h"

struct literal_encoder {                     /* zeroed: ready */
    struct buf scratch[SHAPE_DEPTH_MAX + 1]; /* an element without its quoting, one a depth */
    const struct type **twins;               /* composites with two fields of one name */
    size_t twin_count;
};

/* Looks through a type once, before its first value. */
void literal_encode_prepare(struct literal_encoder *encoder, const struct type *type);
void literal_encode_done(struct literal_encoder *encoder);
/* Appends the JSON of a literal whose type is a container. False: ERR_RESOURCE. */
bool literal_encode(struct literal_encoder *encoder, const struct type *type, const char *text,
                    size_t len, struct buf *out, struct err *err);
/* Is this the JSON value null, with any white space around it? */
bool literal_is_json_null(const char *text, size_t len);

#endif
