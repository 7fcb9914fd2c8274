/* SPDX-License-Identifier: PostgreSQL */
#include "member/open.h"

#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/text.h"

#define GZIP_KEEP_BYTES ((size_t)4 << 20)

enum {
    HEADER_BYTES = 10,
    TRAILER_BYTES = 8,
    FLAG_HCRC = 0x02,
    FLAG_EXTRA = 0x04,
    FLAG_NAME = 0x08,
    FLAG_COMMENT = 0x10,
    FLAG_RESERVED = 0xe0,
    STREAM_BYTES = 64 * 1024,
    DEFLATE_RATIO_MAX = 1032,
};

struct opener {
    struct libdeflate_decompressor *decompressor;
    const struct cipher *cipher; /* NULL: in the clear */
    struct buf gzip;             /* a member decrypted */
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

    if (!read_header(bytes, len, &header) || !header.comment)
        return false;
    buf_reset(ret_comment);
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
    buf_done(&opener->gzip);
    free(opener);
}

static bool damaged(struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "a member is damaged");
    return err_why(err, "%s", why);
}

static uint32_t le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
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
    if (libdeflate_crc32(0, ret_lines->data, out) != le32(trailer))
        return damaged(err, "its CRC is another");
    if ((uint32_t)out != le32(trailer + 4))
        return damaged(err, "its size is not what it says at its end");
    ret_lines->len = out;
    ret_lines->data[out] = '\0';
    return true;
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
    bool ok;

    /* A wrong index shall not make us ask for memory that no such member could fill. */
    if (line_bytes / DEFLATE_RATIO_MAX > len)
        return damaged(err, "its index says more bytes of lines than it can hold");
    if (!buf_reserve(ret_lines, (size_t)line_bytes, err))
        return false;
    /* Plain lines cannot begin like gzip, and only their digest can say that they are whole. */
    if (!is_gzip(sealed, len) && len == line_bytes) {
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

    buf_trim(&o->gzip, GZIP_KEEP_BYTES);
    buf_reset(&o->gzip);
    if (cipher_open(o->cipher, place, sealed, len, &o->gzip, err))
        return open_clear(o, buf_str(&o->gzip), o->gzip.len, index, ret_lines, err);
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

/* --- a stream --- */

struct open_stream {
    bool gzip;
    bool begun;  /* inside a member */
    bool any;    /* at least one member has ended */
    bool broken; /* nothing more may be added */
    open_sink sink;
    void *state;
    uint64_t offset; /* bytes taken so far, for errors */
    z_stream z;
    char out[STREAM_BYTES];
};

struct open_stream *open_stream_new(bool gzip, open_sink sink, void *state, struct err *err)
{
    struct open_stream *s = mem_alloc(sizeof(*s));

    s->gzip = gzip;
    s->sink = sink;
    s->state = state;
    /* 15 + 16: the largest window, gzip only */
    if (!gzip || inflateInit2(&s->z, 15 + 16) == Z_OK)
        return s;
    err_set(err, ERR_RESOURCE, "cannot start decompression");
    err_why(err, "out of memory");
    free(s);
    return NULL;
}

void open_stream_free(struct open_stream *stream)
{
    if (!stream)
        return;
    if (stream->gzip)
        inflateEnd(&stream->z);
    free(stream);
}

/* The member's own end was reached: the next byte, if any, begins another one. */
static void next_member(struct open_stream *s)
{
    s->begun = false;
    s->any = true;
    inflateReset(&s->z);
}

static bool inflate_failed(struct open_stream *s, int code, struct err *err)
{
    if (code == Z_MEM_ERROR) {
        err_set(err, ERR_RESOURCE, "cannot decompress");
        return err_why(err, "out of memory");
    }
    err_set(err, ERR_DATA, "compressed data is damaged");
    err_in(err, "byte %" PRIu64, s->offset);
    return err_why(err, "%s", s->z.msg ? s->z.msg : "it cannot be read");
}

/* Gives out what there is; *ret_more: the output was full, so there may be more. */
static bool inflate_some(struct open_stream *s, bool *ret_more, struct err *err)
{
    size_t before = s->z.avail_in;

    s->z.next_out = (Bytef *)s->out;
    s->z.avail_out = sizeof(s->out);
    s->begun = true;
    int code = inflate(&s->z, Z_NO_FLUSH);
    s->offset += before - s->z.avail_in;
    size_t produced = sizeof(s->out) - s->z.avail_out;
    *ret_more = s->z.avail_out == 0 && code == Z_OK;
    /* no progress, for want of more input, is no failure */
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return inflate_failed(s, code, err);
    if (produced > 0 && !s->sink(s->out, produced, s->state, err))
        return false;
    if (code == Z_STREAM_END)
        next_member(s);
    return true;
}

/* zlib counts input in 32 bits. */
static bool inflate_bytes(struct open_stream *s, const char *bytes, size_t len, struct err *err)
{
    bool more = false;

    while (len > 0) {
        uInt part = len > (1u << 30) ? 1u << 30 : (uInt)len;
        s->z.next_in = (Bytef *)(uintptr_t)bytes;
        s->z.avail_in = part;
        while (s->z.avail_in > 0 || more) {
            if (!inflate_some(s, &more, err))
                return false;
        }
        bytes += part;
        len -= part;
    }
    return true;
}

bool open_stream_add(struct open_stream *stream, const void *bytes, size_t len, struct err *err)
{
    bool ok;

    if (len == 0)
        return true;
    if (stream->gzip) {
        ok = inflate_bytes(stream, bytes, len, err);
    } else {
        stream->offset += len;
        ok = stream->sink(bytes, len, stream->state, err);
    }
    stream->broken |= !ok;
    return ok;
}

bool open_stream_end(struct open_stream *stream, struct err *err)
{
    if (!stream->broken && (!stream->gzip || (stream->any && !stream->begun)))
        return true;
    err_set(err, ERR_DATA, "compressed data is cut short");
    return err_in(err, "byte %" PRIu64, stream->offset);
}
