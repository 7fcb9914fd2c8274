/* SPDX-License-Identifier: PostgreSQL */
#include "member/open.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "member/frame.h"

#define PACKED_KEEP_BYTES ((size_t)4 << 20)

enum {
    HEADER_BYTES = 10,
    TRAILER_BYTES = 8,
    FLAG_HCRC = 0x02,
    FLAG_EXTRA = 0x04,
    FLAG_NAME = 0x08,
    FLAG_COMMENT = 0x10,
    FLAG_RESERVED = 0xe0,
    DEFLATE_RATIO_MAX = 1032,
    ZSTD_RATIO_MAX = 128 * 1024, /* a block of 128 KiB takes four bytes at least */
};

struct opener {
    struct libdeflate_decompressor *decompressor;
    struct frame_opener *frames; /* made by the first member of zstd */
    const struct cipher *cipher; /* NULL: in the clear */
    struct buf packed;           /* a member decrypted */
};

/* --- gzip header (RFC 1952) --- */

struct gzip_header {
    size_t len;
    const char *comment; /* NULL: none */
    size_t comment_len;
};

static bool is_gzip(const uint8_t *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Steps over a NUL-ended text; false where it does not end within the bytes. */
static bool skip_text(const uint8_t *bytes, size_t len, size_t *at)
{
    const uint8_t *nul = *at < len ? memchr(bytes + *at, 0, len - *at) : NULL;

    if (!nul)
        return false;
    *at = (size_t)(nul - bytes) + 1;
    return true;
}

/* False: not gzip, or more header than there are bytes. */
static bool read_header(const uint8_t *bytes, size_t len, struct gzip_header *ret)
{
    size_t at = HEADER_BYTES;

    *ret = (struct gzip_header){0};
    if (len < HEADER_BYTES || !is_gzip(bytes, len) || bytes[2] != 8 || bytes[3] & FLAG_RESERVED)
        return false;
    if (bytes[3] & FLAG_EXTRA) {
        if (len - at < 2)
            return false;
        at += 2 + (size_t)(bytes[at] | bytes[at + 1] << 8);
    }
    if (bytes[3] & FLAG_NAME && !skip_text(bytes, len, &at))
        return false;
    if (bytes[3] & FLAG_COMMENT) {
        size_t start = at;
        if (!skip_text(bytes, len, &at))
            return false;
        ret->comment = (const char *)bytes + start;
        ret->comment_len = at - start - 1;
    }
    if (bytes[3] & FLAG_HCRC)
        at += 2;
    ret->len = at;
    return at <= len;
}

bool open_comment(const void *bytes, size_t len, struct buf *ret_comment)
{
    struct gzip_header header;

    buf_reset(ret_comment);
    if (frame_comment(bytes, len, ret_comment))
        return true;
    if (!read_header(bytes, len, &header) || !header.comment)
        return false;
    buf_add(ret_comment, header.comment, header.comment_len);
    return true;
}

/* --- whole members --- */

struct opener *opener_new(const struct cipher *cipher, struct err *err)
{
    struct opener *o = mem_alloc(sizeof(*o));

    o->cipher = cipher;
    o->decompressor = libdeflate_alloc_decompressor();
    if (o->decompressor)
        return o;
    err_set(err, ERR_RESOURCE, "cannot start decompression");
    err_why(err, "out of memory");
    free(o);
    return NULL;
}

void opener_free(struct opener *opener)
{
    if (!opener)
        return;
    libdeflate_free_decompressor(opener->decompressor);
    frame_opener_free(opener->frames);
    buf_done(&opener->packed);
    free(opener);
}

static bool damaged(struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "a member is damaged");
    return err_why(err, "%s", why);
}

static bool inflate_member(struct opener *o, const uint8_t *sealed, size_t len, uint64_t line_bytes,
                           struct buf *ret_lines, struct err *err)
{
    struct gzip_header header;
    size_t in = 0, out = 0;

    if (!read_header(sealed, len, &header) || len - header.len < TRAILER_BYTES)
        return damaged(err, "it has no whole gzip header");
    size_t deflated = len - header.len - TRAILER_BYTES;
    const uint8_t *trailer = sealed + header.len + deflated;
    enum libdeflate_result result =
        libdeflate_deflate_decompress_ex(o->decompressor, sealed + header.len, deflated,
                                         ret_lines->data, (size_t)line_bytes, &in, &out);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE)
        return damaged(err, "it holds more bytes of lines than its index says");
    if (result != LIBDEFLATE_SUCCESS)
        return damaged(err, "its compressed data cannot be read");
    if (in != deflated)
        return damaged(err, "its compressed data ends before the member does");
    if (out != line_bytes)
        return damaged(err, "it holds fewer bytes of lines than its index says");
    if (libdeflate_crc32(0, ret_lines->data, out) != text_le32(trailer))
        return damaged(err, "its CRC is another");
    if ((uint32_t)out != text_le32(trailer + 4))
        return damaged(err, "its size is not what it says at its end");
    ret_lines->len = out;
    ret_lines->data[out] = '\0';
    return true;
}

static bool open_frame(struct opener *o, const void *sealed, size_t len, uint64_t line_bytes,
                       struct buf *ret_lines, struct err *err)
{
    const char *why = NULL;

    if (!o->frames && !(o->frames = frame_opener_new(err)))
        return false;
    return frame_open(o->frames, sealed, len, line_bytes, ret_lines, &why) || damaged(err, why);
}

static bool check_digest(const struct buf *lines, const uint8_t *sha256, struct err *err)
{
    uint8_t digest[32];

    text_sha256(lines->data, lines->len, digest);
    if (memcmp(digest, sha256, sizeof(digest)) == 0)
        return true;
    return damaged(err, "the SHA-256 of its lines is not that of its index");
}

static bool open_clear(struct opener *opener, const void *sealed, size_t len,
                       const struct member_index *index, struct buf *ret_lines, struct err *err)
{
    uint64_t line_bytes = index->line_bytes;
    bool zstd = frame_is(sealed, len), ok;

    /* A wrong index shall not make us ask for memory that no such member could fill. */
    if (line_bytes / (zstd ? ZSTD_RATIO_MAX : DEFLATE_RATIO_MAX) > len)
        return damaged(err, "its index says more bytes of lines than it can hold");
    if (!buf_reserve(ret_lines, (size_t)line_bytes, err))
        return false;
    /* Plain lines cannot begin like the others, and only their digest can say that they are whole.
     */
    if (zstd) {
        ok = open_frame(opener, sealed, len, line_bytes, ret_lines, err);
    } else if (!is_gzip(sealed, len) && len == line_bytes) {
        buf_add(ret_lines, sealed, len);
        ok = true;
    } else {
        ok = inflate_member(opener, sealed, len, line_bytes, ret_lines, err);
    }
    return ok && check_digest(ret_lines, index->sha256, err);
}

/* Openers are kept while an archive is read: one huge row must not keep its memory. */
static bool open_encrypted(struct opener *o, const void *sealed, size_t len,
                           const struct member_index *index, struct buf *ret_lines, struct err *err)
{
    struct cipher_place place = {CIPHER_MEMBER, index->first_row};

    buf_trim(&o->packed, PACKED_KEEP_BYTES);
    buf_reset(&o->packed);
    if (cipher_open(o->cipher, place, sealed, len, &o->packed, err))
        return open_clear(o, buf_str(&o->packed), o->packed.len, index, ret_lines, err);
    if (err->kind != ERR_DATA)
        return false;
    return damaged(err, "it was changed after it was encrypted: its tag is another");
}

bool open_member(struct opener *opener, const void *sealed, size_t len,
                 const struct member_index *index, struct buf *ret_lines, struct err *err)
{
    buf_reset(ret_lines);
    bool ok = opener->cipher ? open_encrypted(opener, sealed, len, index, ret_lines, err)
                             : open_clear(opener, sealed, len, index, ret_lines, err);
    if (!ok)
        buf_reset(ret_lines);
    return ok;
}
