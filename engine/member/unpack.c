/* SPDX-License-Identifier: PostgreSQL */
#include "member/unpack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/text.h"

#define STREAM_BYTES (64 * 1024)

struct unpack {
    enum packing packing;
    bool begun;  /* inside a member */
    bool any;    /* at least one member has ended */
    bool broken; /* nothing more may be added */
    unpack_sink sink;
    void *state;
    uint64_t offset; /* bytes taken so far, for errors */
    z_stream z;
    ZSTD_DStream *zstd;
    char out[STREAM_BYTES];
};

static bool start(struct unpack *s)
{
    switch (s->packing) {
    case PACKING_GZIP:
        return inflateInit2(&s->z, 15 + 16) == Z_OK; /* the largest window, gzip only */
    case PACKING_ZSTD:
        return (s->zstd = ZSTD_createDStream()) != NULL;
    case PACKING_NONE:
        break;
    }
    return true;
}

struct unpack *unpack_new(enum packing packing, unpack_sink sink, void *state, struct err *err)
{
    struct unpack *s = mem_alloc(sizeof(*s));

    s->packing = packing;
    s->sink = sink;
    s->state = state;
    if (start(s))
        return s;
    err_set(err, ERR_RESOURCE, "cannot start decompression");
    err_why(err, "out of memory");
    free(s);
    return NULL;
}

void unpack_free(struct unpack *unpack)
{
    if (!unpack)
        return;
    if (unpack->packing == PACKING_GZIP)
        inflateEnd(&unpack->z);
    ZSTD_freeDStream(unpack->zstd);
    free(unpack);
}

/* The member's own end was reached: the next byte, if any, begins another one. */
static void next_member(struct unpack *s)
{
    s->begun = false;
    s->any = true;
    inflateReset(&s->z);
}

static bool damaged(const struct unpack *s, const char *why, struct err *err)
{
    err_set(err, ERR_DATA, "compressed data is damaged");
    err_in(err, "byte %" PRIu64, s->offset);
    return err_why(err, "%s", why);
}

static bool inflate_failed(struct unpack *s, int code, struct err *err)
{
    if (code == Z_MEM_ERROR) {
        err_set(err, ERR_RESOURCE, "cannot decompress");
        return err_why(err, "out of memory");
    }
    return damaged(s, s->z.msg ? s->z.msg : "it cannot be read", err);
}

/* Gives out what there is; *ret_more: the output was full, so there may be more. */
static bool inflate_some(struct unpack *s, bool *ret_more, struct err *err)
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
static bool inflate_bytes(struct unpack *s, const char *bytes, size_t len, struct err *err)
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

/* As many frames as come, and those that are skipped. */
static bool unzstd_bytes(struct unpack *s, const void *bytes, size_t len, struct err *err)
{
    ZSTD_inBuffer in = {bytes, len, 0};
    bool full = false;

    while (in.pos < in.size || full) {
        ZSTD_outBuffer out = {s->out, sizeof(s->out), 0};
        size_t before = in.pos;
        size_t left = ZSTD_decompressStream(s->zstd, &out, &in);
        s->offset += in.pos - before;
        if (ZSTD_isError(left))
            return damaged(s, ZSTD_getErrorName(left), err);
        if (out.pos > 0 && !s->sink(s->out, out.pos, s->state, err))
            return false;
        s->begun = left > 0;
        s->any |= left == 0;
        full = left > 0 && out.pos == out.size;
    }
    return true;
}

bool unpack_add(struct unpack *unpack, const void *bytes, size_t len, struct err *err)
{
    bool ok = true;

    if (len == 0)
        return true;
    switch (unpack->packing) {
    case PACKING_GZIP:
        ok = inflate_bytes(unpack, bytes, len, err);
        break;
    case PACKING_ZSTD:
        ok = unzstd_bytes(unpack, bytes, len, err);
        break;
    case PACKING_NONE:
        unpack->offset += len;
        ok = unpack->sink(bytes, len, unpack->state, err);
        break;
    }
    unpack->broken |= !ok;
    return ok;
}

bool unpack_end(struct unpack *unpack, struct err *err)
{
    bool whole = unpack->packing == PACKING_NONE || (unpack->any && !unpack->begun);

    if (!unpack->broken && whole)
        return true;
    err_set(err, ERR_DATA, "compressed data is cut short");
    return err_in(err, "byte %" PRIu64, unpack->offset);
}
