/* SPDX-License-Identifier: PostgreSQL */
#include "member/frame.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/text.h"

/* One of the sixteen numbers that stand for a frame to skip. */
#define COMMENT_MAGIC UINT32_C(0x184D2A5A)

enum { COMMENT_HEADER_BYTES = 8 };

struct frame_packer {
    ZSTD_CCtx *context;
};

struct frame_opener {
    ZSTD_DCtx *context;
};

static bool no_memory(const char *what, struct err *err)
{
    err_set(err, ERR_RESOURCE, "cannot start %s", what);
    return err_why(err, "out of memory");
}

/* --- out --- */

struct frame_packer *frame_packer_new(int level, struct err *err)
{
    struct frame_packer *p = mem_alloc(sizeof(*p));

    p->context = ZSTD_createCCtx();
    if (p->context) {
        ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(p->context, ZSTD_c_checksumFlag, 1);
        return p;
    }
    no_memory("compression", err);
    free(p);
    return NULL;
}

void frame_packer_free(struct frame_packer *packer)
{
    if (!packer)
        return;
    ZSTD_freeCCtx(packer->context);
    free(packer);
}

bool frame_pack(struct frame_packer *packer, const struct buf *lines, const char *comment,
                struct buf *ret, struct err *err)
{
    size_t comment_bytes = comment ? COMMENT_HEADER_BYTES + strlen(comment) : 0;
    size_t bound = ZSTD_compressBound(lines->len);

    if (!buf_reserve(ret, comment_bytes + bound, err))
        return false;
    if (comment) {
        buf_add_le32(ret, COMMENT_MAGIC);
        buf_add_le32(ret, (uint32_t)strlen(comment));
        buf_adds(ret, comment);
    }
    size_t len =
        ZSTD_compress2(packer->context, ret->data + ret->len, bound, buf_str(lines), lines->len);
    if (ZSTD_isError(len)) {
        err_set(err, ERR_RESOURCE, "cannot compress a member");
        return err_why(err, "%s", ZSTD_getErrorName(len));
    }
    ret->len += len;
    ret->data[ret->len] = '\0';
    return true;
}

/* --- back --- */

struct frame_opener *frame_opener_new(struct err *err)
{
    struct frame_opener *o = mem_alloc(sizeof(*o));

    o->context = ZSTD_createDCtx();
    if (o->context)
        return o;
    no_memory("decompression", err);
    free(o);
    return NULL;
}

void frame_opener_free(struct frame_opener *opener)
{
    if (!opener)
        return;
    ZSTD_freeDCtx(opener->context);
    free(opener);
}

bool frame_is(const void *bytes, size_t len)
{
    if (len < 4)
        return false;
    uint32_t magic = text_le32(bytes);

    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/* 0: there is no comment, or not all of it. */
static size_t comment_bytes(const uint8_t *bytes, size_t len)
{
    if (len < COMMENT_HEADER_BYTES || text_le32(bytes) != COMMENT_MAGIC ||
        text_le32(bytes + 4) > len - COMMENT_HEADER_BYTES)
        return 0;
    return COMMENT_HEADER_BYTES + text_le32(bytes + 4);
}

bool frame_open(struct frame_opener *opener, const void *bytes, size_t len, uint64_t line_bytes,
                struct buf *ret_lines, const char **ret_why)
{
    size_t skipped = comment_bytes(bytes, len);
    const uint8_t *frame = (const uint8_t *)bytes + skipped;
    unsigned long long size = ZSTD_getFrameContentSize(frame, len - skipped);

    *ret_why = "its compressed data cannot be read";
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
        return false;
    if (size != line_bytes) {
        *ret_why = size > line_bytes ? "it holds more bytes of lines than its index says"
                                     : "it holds fewer bytes of lines than its index says";
        return false;
    }
    size_t out = ZSTD_decompressDCtx(opener->context, ret_lines->data, (size_t)line_bytes, frame,
                                     len - skipped);
    if (ZSTD_isError(out) || out != line_bytes)
        return false;
    ret_lines->len = out;
    ret_lines->data[out] = '\0';
    return true;
}

bool frame_comment(const void *bytes, size_t len, struct buf *ret_comment)
{
    size_t skipped = comment_bytes(bytes, len);

    if (skipped == 0)
        return false;
    buf_add(ret_comment, (const uint8_t *)bytes + COMMENT_HEADER_BYTES,
            skipped - COMMENT_HEADER_BYTES);
    return true;
}
