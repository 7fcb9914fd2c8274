/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/blocks.h"

enum { LENGTH_BYTES = 4, BLOCK_BYTES = 1 << 20 };

bool blocks_seal(const struct cipher *cipher, uint64_t *block, const void *bytes, size_t len,
                 struct buf *ret, struct err *err)
{
    for (const char *at = bytes; len > 0;) {
        size_t part = len < BLOCK_BYTES ? len : BLOCK_BYTES;
        size_t sealed = part + CIPHER_TAG_BYTES;
        const uint8_t head[LENGTH_BYTES] = {(uint8_t)(sealed >> 24), (uint8_t)(sealed >> 16),
                                            (uint8_t)(sealed >> 8), (uint8_t)sealed};
        struct cipher_place place = {CIPHER_MANIFEST, (*block)++};
        buf_add(ret, head, sizeof(head));
        if (!cipher_seal(cipher, place, at, part, ret, err))
            return false;
        at += part;
        len -= part;
    }
    return true;
}

static bool damaged(const struct blocks *b, struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "block %llu is damaged", (unsigned long long)b->block);
    return err_why(err, "%s", why);
}

/* Takes one whole block off `pending` from *at; *ret_more is false where there is none yet. */
static bool take_block(struct blocks *b, size_t *at, bool *ret_more, struct err *err)
{
    const uint8_t *head = (const uint8_t *)b->pending.data + *at;
    size_t left = b->pending.len - *at;

    *ret_more = false;
    if (left < LENGTH_BYTES)
        return true;
    size_t sealed = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    if (sealed <= CIPHER_TAG_BYTES || sealed > BLOCK_BYTES + CIPHER_TAG_BYTES)
        return damaged(b, err, "its length is none that a block can have");
    if (left - LENGTH_BYTES < sealed)
        return true;
    struct cipher_place place = {CIPHER_MANIFEST, b->block};
    buf_reset(&b->plain);
    if (!cipher_open(b->cipher, place, head + LENGTH_BYTES, sealed, &b->plain, err))
        return err->kind == ERR_DATA ? damaged(b, err, "it was changed after it was encrypted")
                                     : false;
    b->block++;
    *at += LENGTH_BYTES + sealed;
    *ret_more = true;
    return b->sink(b->plain.data, b->plain.len, b->state, err);
}

bool blocks_add(struct blocks *b, const char *bytes, size_t len, struct err *err)
{
    size_t at = 0;
    bool more = true;

    buf_add(&b->pending, bytes, len);
    while (more) {
        if (!take_block(b, &at, &more, err))
            return false;
    }
    memmove(b->pending.data, b->pending.data + at, b->pending.len - at);
    b->pending.len -= at;
    return true;
}

bool blocks_end(const struct blocks *b, struct err *err)
{
    return b->pending.len == 0 || damaged(b, err, "it is cut short");
}

void blocks_done(struct blocks *b)
{
    buf_done(&b->pending);
    buf_done(&b->plain);
}
