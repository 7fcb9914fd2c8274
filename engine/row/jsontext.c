/* SPDX-License-Identifier: PostgreSQL */
#include "row/jsontext.h"

#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"
#include "row/copytext.h"

bool jsontext_bad(struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "row cannot be read");
    return err_why(err, "%s", why);
}

bool jsontext_word(struct jsontext *json, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(json->end - json->at) < len || memcmp(json->at, word, len) != 0)
        return false;
    json->at += len;
    return true;
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *digits(const char *p, const char *end)
{
    while (p < end && is_digit(*p))
        p++;
    return p;
}

bool jsontext_number(struct jsontext *json)
{
    const char *p = json->at, *end = json->end, *start;

    if (p < end && *p == '-')
        p++;
    start = p;
    p = digits(p, end);
    if (p == start || (*start == '0' && p > start + 1))
        return false;
    if (p < end && *p == '.') {
        start = ++p;
        p = digits(p, end);
        if (p == start)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        start = p;
        p = digits(p, end);
        if (p == start)
            return false;
    }
    json->at = p;
    return true;
}

/* The first byte that ends a run inside a string: '"', '\' or a control; `end` where there is none.
 */
static inline const char *run_end(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i top = _mm_set1_epi8(0x1f), slash = _mm_set1_epi8('\\'),
                  quote = _mm_set1_epi8('"');

    while (end - p >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit =
            _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, top), bytes),
                         _mm_or_si128(_mm_cmpeq_epi8(bytes, slash), _mm_cmpeq_epi8(bytes, quote)));
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && *p != '"' && *p != '\\')
        p++;
    return p;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The number of a \uXXXX at p (at the backslash), or -1. */
static int32_t unicode_at(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Over a string without looking at what its escapes mean: PostgreSQL's json keeps \ud800 too. */
static bool skip_string(struct jsontext *json, struct err *err)
{
    const char *p = json->at + 1, *end = json->end;

    for (;;) {
        p = run_end(p, end);
        json->at = p;
        if (p == end)
            return jsontext_bad(err, "the line ends inside a string");
        if (*p == '"') {
            json->at = p + 1;
            return true;
        }
        if (*p != '\\')
            return jsontext_bad(err, "a control character stands inside a string");
        if (end - p >= 2 && p[1] != '\0' && strchr("\"\\/bfnrt", p[1]))
            p += 2;
        else if (unicode_at(p, end) >= 0)
            p += 6;
        else
            return jsontext_bad(err, "a backslash is followed by what is no escape");
    }
}

/* One value that is neither object nor array. */
static bool skip_scalar(struct jsontext *json, struct err *err)
{
    if (json->at == json->end)
        return jsontext_bad(err, "the line ends where a value is due");
    switch (*json->at) {
    case '"':
        return skip_string(json, err);
    case 't':
        return jsontext_word(json, "true") || jsontext_bad(err, "a value is due here");
    case 'f':
        return jsontext_word(json, "false") || jsontext_bad(err, "a value is due here");
    case 'n':
        return jsontext_word(json, "null") || jsontext_bad(err, "a value is due here");
    default:
        return jsontext_number(json) || jsontext_bad(err, "a value is due here");
    }
}

/* "key": */
static bool skip_key(struct jsontext *json, struct err *err)
{
    jsontext_space(json);
    if (json->at == json->end || *json->at != '"')
        return jsontext_bad(err, "a key is due here");
    if (!skip_string(json, err))
        return false;
    if (!jsontext_take(json, ':'))
        return jsontext_bad(err, "a colon is due here");
    return true;
}

static bool push(struct buf *stack, char close, struct err *err)
{
    if (!copytext_room(stack, 1, err))
        return false;
    stack->data[stack->len++] = close;
    return true;
}

bool jsontext_skip(struct jsontext *json, struct buf *stack, struct err *err)
{
    stack->len = 0;
    for (;;) {
        bool opened = false;

        jsontext_space(json);
        if (json->at < json->end && (*json->at == '{' || *json->at == '[')) {
            char close = *json->at++ == '{' ? '}' : ']';

            if (!push(stack, close, err))
                return false;
            opened = true;
            if (!jsontext_take(json, close)) {
                if (close == '}' && !skip_key(json, err))
                    return false;
                continue; /* to the first value inside */
            }
            stack->len--;
        }
        if (!opened && !skip_scalar(json, err))
            return false;
        for (;;) { /* behind a value: close what ends here, or go on to the next one */
            if (stack->len == 0)
                return true;
            char close = stack->data[stack->len - 1];

            if (jsontext_take(json, ',')) {
                if (close == '}' && !skip_key(json, err))
                    return false;
                break;
            }
            if (!jsontext_take(json, close))
                return jsontext_bad(err, close == '}' ? "a comma or } is due here"
                                                      : "a comma or ] is due here");
            stack->len--;
        }
    }
}

/* \uXXXX, or two of them for one character. */
static bool take_unicode(struct jsontext *json, uint32_t *ret_character, struct err *err)
{
    int32_t first = unicode_at(json->at, json->end);

    if (first < 0)
        return jsontext_bad(err, "a backslash is followed by what is no escape");
    if (first == 0)
        return jsontext_bad(err, "PostgreSQL's text cannot hold \\u0000");
    if (first >= 0xd800 && first < 0xe000) {
        int32_t second = unicode_at(json->at + 6, json->end);

        if (first >= 0xdc00 || second < 0xdc00 || second >= 0xe000)
            return jsontext_bad(err, "half of a surrogate pair");
        json->at += 12;
        *ret_character = 0x10000 + ((uint32_t)(first - 0xd800) << 10) + (uint32_t)(second - 0xdc00);
        return true;
    }
    json->at += 6;
    *ret_character = (uint32_t)first;
    return true;
}

/* The characters that COPY text writes as backslash and letter. */
static char copy_letter(uint32_t c)
{
    static const char letters[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v', ['\f'] = 'f', ['\r'] = 'r',
    };

    return c < 0x20 ? letters[c] : c == '\\' ? '\\' : 0;
}

/* One escape of a string, at its backslash. */
static bool add_escape(struct jsontext *json, struct buf *out, bool copy, struct err *err)
{
    static const char bytes[128] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    uint32_t c = json->end - json->at >= 2 ? (unsigned char)json->at[1] : 0;

    c = c < 128 ? (unsigned char)bytes[c] : 0;
    if (c)
        json->at += 2;
    else if (!take_unicode(json, &c, err))
        return false;
    if (!copytext_room(out, 4, err))
        return false;
    char *w = out->data + out->len;
    char letter = copy ? copy_letter(c) : 0;
    if (letter) {
        *w++ = '\\';
        *w++ = letter;
    } else {
        w += text_utf8(c, w);
    }
    out->len = (size_t)(w - out->data);
    return true;
}

static bool add_run(struct buf *out, const char *text, size_t len, struct err *err)
{
    if (!copytext_room(out, len, err))
        return false;
    memcpy(out->data + out->len, text, len);
    out->len += len;
    return true;
}

static bool add_string(struct jsontext *json, struct buf *out, bool copy, struct err *err)
{
    if (json->at == json->end || *json->at != '"')
        return jsontext_bad(err, "a string is due here");
    json->at++;
    for (;;) {
        const char *p = run_end(json->at, json->end);

        if (!add_run(out, json->at, (size_t)(p - json->at), err))
            return false;
        json->at = p;
        if (p == json->end)
            return jsontext_bad(err, "the line ends inside a string");
        if (*p == '"') {
            json->at = p + 1;
            return true;
        }
        if (*p != '\\')
            return jsontext_bad(err, "a control character stands inside a string");
        if (!add_escape(json, out, copy, err))
            return false;
    }
}

bool jsontext_add_plain(struct jsontext *json, struct buf *out, struct err *err)
{
    return add_string(json, out, false, err);
}

bool jsontext_add_copy(struct jsontext *json, struct buf *out, struct err *err)
{
    return add_string(json, out, true, err);
}

bool jsontext_string(struct jsontext *json, struct buf *scratch, const char **ret_text,
                     size_t *ret_len, struct err *err)
{
    if (json->at < json->end && *json->at == '"') {
        const char *p = run_end(json->at + 1, json->end);

        if (p < json->end && *p == '"') {
            *ret_text = json->at + 1;
            *ret_len = (size_t)(p - json->at - 1);
            json->at = p + 1;
            return true;
        }
    }
    scratch->len = 0;
    if (!add_string(json, scratch, false, err))
        return false;
    *ret_text = scratch->data ? scratch->data : "";
    *ret_len = scratch->len;
    return true;
}
