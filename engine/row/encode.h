/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT: one line of COPY text -> one JSON line, bit for bit (doc/format.md has the table of types).
 *
 * The hot path of the product: no malloc a row once buffers are warm. A value whose JSON form could
 * not be read back exactly (array bounds that do not start at 1, a JSON null inside an array of
 * json, ...) goes out as PostgreSQL's literal in a string; decode takes a string there as just
 * that.
 *
 * A column named like a row-metadata field (_batch_id, ...) wins over that field. Columns of json
 * whose value is JSON null are named in `_json_null` (with more underscores in front where a column
 * has that name).
 *
 * Threads: one thread per encoder.
 */
#ifndef ARCHIVER_ROW_ENCODE_H
#define ARCHIVER_ROW_ENCODE_H

#include <stdint.h>

#include "row/shape.h"

struct encode_metadata { /* NULL fields are left out */
    const char *archived_at, *batch_id, *source_database, *source_table;
};

struct encode_bounds { /* of the rows since encode_bounds_reset; text as in JSON without quotes, len
                          0: none */
    struct buf min_key,
        max_key; /* JSON array of the key's values; set only where the key has 1 integer column,
                    else first and last are not meaningful and both stay empty */
    int64_t min_us,
        max_us; /* timestamp column (time types) or raw integer (epoch); INT64_MAX/MIN: no row */
    struct buf max_timestamp; /* COPY text of the largest, as PostgreSQL would take it back */
    struct buf min_timestamp;
};

struct encoder;
struct encoder *encoder_new(const struct shape *shape, const struct encode_metadata *metadata,
                            struct err *err);
void encoder_free(struct encoder *encoder);
/* Appends the JSON line with its '\n' to `lines`. `copy_line` is without or with its newline. Where
 * `keys` is not NULL, the row's key is appended to it as a JSON value: the value itself for one
 * column, an array for more. ERR_DATA with row and column where the text is not what the shape
 * says. */
bool encode_row(struct encoder *encoder, const char *copy_line, size_t len, struct buf *lines,
                struct buf *keys, struct err *err);
/* Bounds since the last reset; borrowed. */
const struct encode_bounds *encode_bounds(const struct encoder *encoder);
void encode_bounds_reset(struct encoder *encoder);

#endif
