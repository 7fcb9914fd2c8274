/* SPDX-License-Identifier: PostgreSQL
 *
 * A stream encrypted block by block, for the manifest: each block is its length (4 bytes, the
 * largest first), ciphertext and tag. Blocks are authenticated with their number, so that none can
 * be moved, taken out or changed; what ends early the reader of the content has to notice.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_CATALOG_BLOCKS_H
#define ARCHIVER_CATALOG_BLOCKS_H

#include "member/cipher.h"

/* Appends the bytes as blocks, from number *block on, which is moved. */
bool blocks_seal(const struct cipher *cipher, uint64_t *block, const void *bytes, size_t len,
                 struct buf *ret, struct err *err);

/* Back: bytes in, any cut; what was sealed goes to `sink`. */
typedef bool (*blocks_sink)(const char *bytes, size_t len, void *state, struct err *err);
struct blocks {
    const struct cipher *cipher;
    blocks_sink sink;
    void *state;
    uint64_t block;
    struct buf pending, plain;
};
bool blocks_add(struct blocks *blocks, const char *bytes, size_t len, struct err *err);
/* ERR_DATA: cut short. */
bool blocks_end(const struct blocks *blocks, struct err *err);
void blocks_done(struct blocks *blocks);

#endif
