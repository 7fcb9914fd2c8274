/* SPDX-License-Identifier: PostgreSQL
 *
 * The gzip wrapper (RFC 1952) is written by hand: libdeflate's own writes no comment. Time is 0 and
 * the system "unknown", so that equal lines give equal bytes. It is read back through libdeflate's
 * gzip reader, not ours, so that header, CRC and size are proved as any other tool would see them.
 */
#include "member/seal.h"

#include <assert.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/text.h"
#include "member/deflate.h"
#include "member/frame.h"
#include "member/igzip.h"

/* ISIZE holds 32 bits; half of that also keeps every length within reach of any reader. */
#define LINES_MAX (UINT64_C(2) << 30)

/* Too little for rows to be like others; libdeflate has blocks without a table for it. */
#define SMALL_BYTES 4096

enum { HEADER_BYTES = 10, TRAILER_BYTES = 8, FLAG_COMMENT = 0x10 };

struct sealer {
    enum packing packing;
    struct libdeflate_compressor *compressor; /* of PACKING_GZIP */
    struct igzip *igzip;                      /* of its level 1; NULL: the compressor does it */
    struct deflate *deflate;                  /* of its levels 2 to 6; NULL: of others */
    struct libdeflate_decompressor *decompressor;
    struct frame_packer *frame_packer; /* of PACKING_ZSTD */
    struct frame_opener *frame_opener;
    struct buf again;    /* what came out when read back */
    struct buf gathered; /* what comes of a member next */
};

/* Level 1 is igzip's where there is that, 2 to 6 are deflate's, which knows rows; libdeflate has
 * the others, and what those two do not make smaller (doc/performance.md). */
static bool start_gzip(struct sealer *s, int level, struct err *err)
{
    s->igzip = level == 1 ? igzip_new() : NULL;
    if (level >= DEFLATE_LEAST && level <= DEFLATE_MOST)
        s->deflate = deflate_new(level);
    s->compressor = libdeflate_alloc_compressor(level);
    s->decompressor = libdeflate_alloc_decompressor();
    if (s->compressor && s->decompressor)
        return true;
    err_set(err, ERR_RESOURCE, "cannot start compression");
    return err_why(err, "out of memory");
}

static bool start_zstd(struct sealer *s, int level, struct err *err)
{
    s->frame_packer = frame_packer_new(level, err);
    if (s->frame_packer)
        s->frame_opener = frame_opener_new(err);
    return s->frame_opener != NULL;
}

struct sealer *sealer_new(enum packing packing, int level, struct err *err)
{
    struct sealer *s = mem_alloc(sizeof(*s));

    assert(level >= 0 && level <= 12);
    s->packing = packing;
    if ((packing == PACKING_GZIP && !start_gzip(s, level, err)) ||
        (packing == PACKING_ZSTD && !start_zstd(s, level, err))) {
        sealer_free(s);
        return NULL;
    }
    return s;
}

void sealer_free(struct sealer *sealer)
{
    if (!sealer)
        return;
    if (sealer->compressor)
        libdeflate_free_compressor(sealer->compressor);
    if (sealer->decompressor)
        libdeflate_free_decompressor(sealer->decompressor);
    igzip_free(sealer->igzip);
    deflate_free(sealer->deflate);
    frame_packer_free(sealer->frame_packer);
    frame_opener_free(sealer->frame_opener);
    buf_done(&sealer->again);
    buf_done(&sealer->gathered);
    free(sealer);
}

static void add_header(struct buf *buf, const char *comment)
{
    const uint8_t header[HEADER_BYTES] = {0x1f, 0x8b, 8,   comment ? FLAG_COMMENT : 0, 0, 0, 0,
                                          0,    0,    0xff};

    buf_add(buf, header, sizeof(header));
    if (comment)
        buf_add(buf, comment, strlen(comment) + 1);
}

void seal_head(const char *comment, struct buf *ret)
{
    static const uint8_t nothing[] = {3, 0}; /* a last block that is empty (RFC 1951) */

    add_header(ret, comment);
    buf_add(ret, nothing, sizeof(nothing));
    buf_add_le32(ret, 0);
    buf_add_le32(ret, 0);
}

static size_t deflate(struct sealer *s, const struct buf *lines, char *ret, size_t room)
{
    const char *bytes = buf_str(lines);
    size_t len = 0;

    if (s->igzip)
        len = igzip_deflate(s->igzip, bytes, lines->len, ret, room);
    else if (s->deflate && lines->len >= SMALL_BYTES)
        len = deflate_lines(s->deflate, bytes, lines->len, ret, room);
    return len > 0 ? len : libdeflate_deflate_compress(s->compressor, bytes, lines->len, ret, room);
}

static bool gzip(struct sealer *s, struct member *m, const char *comment, struct err *err)
{
    size_t comment_bytes = comment ? strlen(comment) + 1 : 0;
    size_t bound = libdeflate_deflate_compress_bound(s->compressor, m->lines.len);

    if (!buf_reserve(&m->sealed, HEADER_BYTES + comment_bytes + bound + TRAILER_BYTES, err))
        return false;
    add_header(&m->sealed, comment);
    size_t len = deflate(s, &m->lines, m->sealed.data + m->sealed.len, bound);
    if (len == 0)
        return err_set(err, ERR_DATA, "a member did not fit the room computed for it");
    m->sealed.len += len;
    buf_add_le32(&m->sealed, libdeflate_crc32(0, buf_str(&m->lines), m->lines.len));
    buf_add_le32(&m->sealed, (uint32_t)m->lines.len);
    return true;
}

static bool ungzip(struct sealer *s, const struct member *m)
{
    size_t out = 0;
    enum libdeflate_result result =
        libdeflate_gzip_decompress(s->decompressor, m->sealed.data, m->sealed.len, s->again.data,
                                   m->lines.len, &out);

    s->again.len = result == LIBDEFLATE_SUCCESS ? out : 0;
    return result == LIBDEFLATE_SUCCESS;
}

static bool read_back(struct sealer *s, const struct member *m, struct err *err)
{
    const char *why = NULL;

    buf_reset(&s->again);
    if (!buf_reserve(&s->again, m->lines.len, err))
        return false;
    bool ok = s->packing == PACKING_GZIP ? ungzip(s, m)
                                         : frame_open(s->frame_opener, m->sealed.data,
                                                      m->sealed.len, m->lines.len, &s->again, &why);
    if (ok && s->again.len == m->lines.len &&
        memcmp(s->again.data, buf_str(&m->lines), m->lines.len) == 0)
        return true;
    err_set(err, ERR_DATA, "a compressed member does not give its lines back");
    err_why(err, "%zu bytes in, %zu bytes out", m->lines.len, s->again.len);
    return err_hint(err, "suspect this machine's memory");
}

static bool pack(struct sealer *s, struct member *m, const char *comment, struct err *err)
{
    buf_reset(&m->sealed);
    switch (s->packing) {
    case PACKING_GZIP:
        return gzip(s, m, comment, err) && read_back(s, m, err);
    case PACKING_ZSTD:
        return frame_pack(s->frame_packer, &m->lines, comment, &m->sealed, err) &&
               read_back(s, m, err);
    case PACKING_NONE:
        break;
    }
    if (!buf_reserve(&m->sealed, m->lines.len, err))
        return false;
    buf_add(&m->sealed, m->lines.data, m->lines.len);
    return true;
}

/* Seals what `sealed` holds and opens it again. */
static bool encrypt(struct sealer *s, struct member *m, const struct cipher *cipher,
                    struct err *err)
{
    struct cipher_place place = {CIPHER_MEMBER, m->index.first_row};
    struct buf plain = m->sealed;

    buf_reset(&s->gathered);
    buf_reset(&s->again);
    if (!cipher_seal(cipher, place, buf_str(&plain), plain.len, &s->gathered, err) ||
        !cipher_open(cipher, place, s->gathered.data, s->gathered.len, &s->again, err))
        return err_hint(err, "suspect this machine's memory");
    if (s->again.len != plain.len || memcmp(s->again.data, buf_str(&plain), plain.len) != 0) {
        err_set(err, ERR_DATA, "an encrypted member does not give its bytes back");
        return err_hint(err, "suspect this machine's memory");
    }
    m->sealed = s->gathered;
    s->gathered = plain;
    return true;
}

static uint64_t count_lines(const struct buf *lines)
{
    const char *at = buf_str(lines);
    const char *end = at + lines->len;
    uint64_t count = 0;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
        count++;
        at++;
    }
    return count;
}

bool seal_member(struct sealer *sealer, struct member *member, const char *comment,
                 const struct cipher *cipher, struct err *err)
{
    if (!fault_point("seal.member", err))
        return false;
    if (member->lines.len > LINES_MAX) {
        err_set(err, ERR_DATA, "a member has too many bytes of lines");
        err_why(err, "%zu, and %" PRIu64 " is the most", member->lines.len, LINES_MAX);
        return err_hint(err, "lower member_kb");
    }
    if (!pack(sealer, member, comment, err))
        return false;
    if (cipher && !encrypt(sealer, member, cipher, err))
        return false;
    uint64_t lines = count_lines(&member->lines);
    if (lines != member->index.rows) {
        err_set(err, ERR_DATA, "a member does not hold one line a row");
        return err_why(err, "%" PRIu64 " lines, %" PRIu64 " rows", lines, member->index.rows);
    }
    member->index.length = member->sealed.len;
    member->index.line_bytes = member->lines.len;
    text_sha256(buf_str(&member->lines), member->lines.len, member->index.sha256);
    return true;
}
