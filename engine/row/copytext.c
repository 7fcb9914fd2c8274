/* SPDX-License-Identifier: PostgreSQL
 *
 * All conversions are one loop: copy a run of bytes that need nothing, treat the one byte that
 * stopped the run, go on. Runs are found and copied 16 bytes at a time. Room is asked for a chunk
 * at a time, for the worst case of that chunk, so that a field of 100 MB needs no field of 600 MB.
 */
#include "row/copytext.h"

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define CHUNK_BYTES 2048
#define WORST       6 /* one byte becomes \u00XX */

enum stop_at {
    STOP_CONTROL_BACKSLASH, /* below 0x20, and '\' */
    STOP_ALSO_QUOTE,        /* and '"' */
};

/* The letter behind the backslash in COPY text, by control character; 0: stands raw. */
static const char copy_letters[32] = {
    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v', ['\f'] = 'f', ['\r'] = 'r',
};

/* The byte for the letter behind the backslash in COPY text; 0: COPY does not write that. */
static const char copy_bytes[256] = {
    ['b'] = '\b', ['t'] = '\t', ['n'] = '\n',  ['v'] = '\v',
    ['f'] = '\f', ['r'] = '\r', ['\\'] = '\\',
};

static inline bool stops(unsigned char c, enum stop_at stop)
{
    return c < 0x20 || c == '\\' || (stop == STOP_ALSO_QUOTE && c == '"');
}

/* Copies up to the first byte that stops, or to `end`; returns where it stopped. May write
 * COPYTEXT_SLACK bytes past *w. */
static inline __attribute__((always_inline)) const char *copy_run(const char *p, const char *end,
                                                                  char **w, enum stop_at stop)
{
    char *out = *w;

#ifdef __SSE2__
    const __m128i top = _mm_set1_epi8(0x1f), slash = _mm_set1_epi8('\\'),
                  quote = _mm_set1_epi8('"');

    while (end - p >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, top), bytes),
                                   _mm_cmpeq_epi8(bytes, slash));
        if (stop == STOP_ALSO_QUOTE)
            hit = _mm_or_si128(hit, _mm_cmpeq_epi8(bytes, quote));
        _mm_storeu_si128((__m128i *)(void *)out, bytes);
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask) {
            unsigned n = (unsigned)__builtin_ctz(mask);
            *w = out + n;
            return p + n;
        }
        p += 16;
        out += 16;
    }
#endif
    while (p < end && !stops((unsigned char)*p, stop))
        *out++ = *p++;
    *w = out;
    return p;
}

static bool malformed(struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "row cannot be written as JSON");
    return err_why(err, "%s", why);
}

static char *put_unicode(char *w, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    memcpy(w, "\\u00", 4);
    w[4] = hex[c >> 4];
    w[5] = hex[c & 15];
    return w + 6;
}

static inline const char *chunk_end(const char *p, const char *end)
{
    return end - p > CHUNK_BYTES ? p + CHUNK_BYTES : end;
}

/* What a field becomes. */
enum target { TO_STRING, TO_JSON, TO_PLAIN };

/* Treats the byte that stopped a run: an escape, a quote or a raw control. NULL: malformed. */
static inline __attribute__((always_inline)) const char *
copy_stop(const char *p, const char *end, char **w, enum target target, struct err *err)
{
    unsigned char c = (unsigned char)*p;
    char *out = *w;

    if (c == '\\') {
        char byte = end - p > 1 ? copy_bytes[(unsigned char)p[1]] : 0;
        if (!byte) {
            malformed(err, "a backslash is followed by what COPY does not write");
            return NULL;
        }
        if (target == TO_STRING && byte != '\v') {
            *out++ = '\\'; /* JSON has the same letters */
            *out++ = p[1];
        } else if (target == TO_STRING) {
            out = put_unicode(out, '\v');
        } else if (target == TO_JSON && (byte == '\n' || byte == '\r')) {
            *out++ = ' ';
        } else if (target == TO_JSON && byte != '\\' && byte != '\t') {
            malformed(err, "a control character stands in JSON");
            return NULL;
        } else {
            *out++ = byte;
        }
        *w = out;
        return p + 2;
    }
    if (c == '"') {
        *out++ = '\\';
        *out++ = '"';
    } else if (c == '\n' || c == '\r') {
        malformed(err, "a raw line break stands inside the row");
        return NULL;
    } else if (target == TO_JSON) {
        malformed(err, "a control character stands in JSON");
        return NULL;
    } else if (target == TO_STRING) {
        out = put_unicode(out, c);
    } else {
        *out++ = (char)c;
    }
    *w = out;
    return p + 1;
}

static inline __attribute__((always_inline)) bool convert(struct copytext *field, struct buf *out,
                                                          enum target target, struct err *err)
{
    const char *p = field->at, *end = field->end;
    const enum stop_at stop = target == TO_STRING ? STOP_ALSO_QUOTE : STOP_CONTROL_BACKSLASH;
    bool open = true;

    while (open && p < end) {
        const char *limit = chunk_end(p, end);

        if (!copytext_room(out, (size_t)(limit - p + 1) * (target == TO_STRING ? WORST : 1), err)) {
            field->at = p;
            return false;
        }
        char *w = out->data + out->len;
        while (p < limit) {
            p = copy_run(p, limit, &w, stop);
            if (p == limit)
                break;
            if (*p == '\t') {
                open = false;
                break;
            }
            field->at = p;
            p = copy_stop(p, end, &w, target, err);
            if (!p)
                return false;
        }
        out->len = (size_t)(w - out->data);
    }
    field->at = p;
    return true;
}

bool copytext_to_string(struct copytext *field, struct buf *out, struct err *err)
{
    if (!copytext_room(out, 2, err))
        return false;
    out->data[out->len++] = '"';
    if (!convert(field, out, TO_STRING, err) || !copytext_room(out, 1, err))
        return false;
    out->data[out->len++] = '"';
    return true;
}

bool copytext_to_json(struct copytext *field, struct buf *out, struct err *err)
{
    return convert(field, out, TO_JSON, err);
}

bool copytext_to_plain(struct copytext *field, struct buf *out, struct err *err)
{
    return convert(field, out, TO_PLAIN, err);
}

bool copytext_add(struct buf *out, const char *text, size_t len, struct err *err)
{
    const char *p = text, *end = text + len;

    while (p < end) {
        const char *limit = chunk_end(p, end);

        if (!copytext_room(out, (size_t)(limit - p) * 2, err))
            return false;
        char *w = out->data + out->len;
        while ((p = copy_run(p, limit, &w, STOP_CONTROL_BACKSLASH)) < limit) {
            char letter = *p == '\\' ? '\\' : copy_letters[(unsigned char)*p];
            if (letter) {
                *w++ = '\\';
                *w++ = letter;
            } else {
                *w++ = *p;
            }
            p++;
        }
        out->len = (size_t)(w - out->data);
    }
    return true;
}

bool copytext_quote(struct buf *out, const char *text, size_t len, struct err *err)
{
    const char *p = text, *end = text + len;

    if (!copytext_room(out, 2, err))
        return false;
    out->data[out->len++] = '"';
    while (p < end) {
        const char *limit = chunk_end(p, end);

        if (!copytext_room(out, (size_t)(limit - p) * WORST + 1, err))
            return false;
        char *w = out->data + out->len;
        while ((p = copy_run(p, limit, &w, STOP_ALSO_QUOTE)) < limit) {
            unsigned char c = (unsigned char)*p++;
            char letter = c == '\v' ? 0 : c < 0x20 ? copy_letters[c] : (char)c;
            if (letter) {
                *w++ = '\\';
                *w++ = letter;
            } else {
                w = put_unicode(w, c);
            }
        }
        out->len = (size_t)(w - out->data);
    }
    if (!copytext_room(out, 1, err))
        return false;
    out->data[out->len++] = '"';
    return true;
}
