/* SPDX-License-Identifier: PostgreSQL
 *
 * THE WAY BACK, its first half: the rows of one archive as COPY text, member by member and in
 * order. Only members that can hold a wanted row are fetched, neighbours in one request; they are
 * opened, checked, decoded and filtered in parallel while the caller writes the ones before.
 *
 *   fetch (thread) -> lane [ pool: open, check, decode, filter ] -> rows_next
 *
 *   rows_open -> rows_next ... -> rows_close
 *
 * Memory is bounded by a few members. Rows are given out only after the checksum of their member
 * was found right; of an archive without member index, the last chunk comes only after the checksum
 * of all lines was.
 *
 * Threads: one thread at a time per handle; starts one thread and uses the pool it is given.
 */
#ifndef ARCHIVER_ROWS_H
#define ARCHIVER_ROWS_H

#include "base/queue.h"
#include "catalog/metadata.h"
#include "row/decode.h"
#include "store/store.h"

struct rows_params {
    struct store *store;
    struct pool *pool;
    const struct stop *stop;
    const struct metadata *metadata; /* with a shape, and opened; must outlive the handle */
    const char *data_key;
    const char *where;     /* row/filter.h; NULL: all rows */
    uint64_t from_row;     /* rows of the archive before this one are passed over */
    const size_t *project; /* positions of the columns wanted, in this order; NULL: all */
    size_t project_count;
    bool skip_damaged; /* a damaged member becomes a chunk that says so */
};

struct rows_chunk {
    uint64_t first_row;      /* of the archive */
    uint64_t read;           /* rows decoded */
    uint64_t kept;           /* rows in `lines` */
    const uint32_t *kept_at; /* of each kept row: its place behind first_row; NULL: all were kept */
    const char *lines;       /* COPY text, each with its newline */
    size_t len;
    bool damaged;                     /* nothing of it is given; */
    struct err err;                   /* this is why */
    const struct member_index *index; /* NULL: the archive has none */
};

struct rows;
struct rows *rows_open(const struct rows_params *params, struct err *err);
void rows_close(struct rows *rows); /* NULL allowed; at any time */
/* The next chunk, borrowed until the next call; *ret_chunk NULL: the end. */
bool rows_next(struct rows *rows, const struct rows_chunk **ret_chunk, struct err *err);

/* What rows of the earlier archiver's lacked so far, for each column and reason; call it when no
 * chunk is awaited. */
void rows_losses(struct rows *rows, void (*each)(const struct decode_loss *loss, void *state),
                 void *state);

/* What a call with these parameters would fetch: bytes of members, and rows in them. */
bool rows_plan(const struct rows_params *params, uint64_t *ret_bytes, uint64_t *ret_rows,
               struct err *err);

#endif
