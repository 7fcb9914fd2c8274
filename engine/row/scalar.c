/* SPDX-License-Identifier: PostgreSQL */
#include "row/scalar.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/text.h"
#include "row/copytext.h"

#define INT_DIGITS_MAX 20
#define TIME_BYTES     19 /* 2024-01-01 00:00:00 */
#define DATE_BYTES     10

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

size_t scalar_int(const char *text, const char *end)
{
    const char *p = text;

    if (p < end && *p == '-')
        p++;
    const char *digits = p;
    while (p < end && is_digit(*p))
        p++;
    size_t count = (size_t)(p - digits);
    if (count == 0 || count > INT_DIGITS_MAX || (*digits == '0' && (count > 1 || digits > text)))
        return 0;
    return (size_t)(p - text);
}

bool scalar_int_value(const char *text, size_t len, int64_t *ret_value)
{
    bool negative = len > 0 && text[0] == '-';
    int64_t value = 0;

    for (size_t i = negative; i < len; i++) {
        int digit = text[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* negative, for the sake of INT64_MIN */
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *ret_value = value;
    return true;
}

/* "dddd-dd-dd", `separator`, "dd:dd:dd" */
static inline bool is_date_time(const char *p, char separator)
{
#ifdef __SSE2__
    enum { DIGITS = 0xdb6f, OTHERS = 0xffff ^ DIGITS };
    const __m128i form =
        _mm_setr_epi8(0, 0, 0, 0, '-', 0, 0, '-', 0, 0, separator, 0, 0, ':', 0, 0);
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
    __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
    unsigned are_digits = (unsigned)_mm_movemask_epi8(digits);
    unsigned are_others = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, form));

    return (are_digits & DIGITS) == DIGITS && (are_others & OTHERS) == OTHERS && p[16] == ':' &&
           is_digit(p[17]) && is_digit(p[18]);
#else
    static const char form[] = "dddd-dd-ddsdd:dd:dd";

    for (size_t i = 0; i < TIME_BYTES; i++) {
        if (form[i] == 'd' ? !is_digit(p[i]) : p[i] != (form[i] == 's' ? separator : form[i]))
            return false;
    }
    return true;
#endif
}

/* The plain form, with `separator` before the time and `zone` behind it. */
static size_t plain_time(const char *text, const char *end, char separator, const char *zone)
{
    const char *p = text + TIME_BYTES;
    size_t zone_len = strlen(zone);

    if (end - text < TIME_BYTES || !is_date_time(text, separator))
        return 0;
    if (p < end && *p == '.') {
        const char *digits = ++p;
        while (p < end && is_digit(*p))
            p++;
        if (p == digits || p - digits > 6)
            return 0;
    }
    if ((size_t)(end - p) < zone_len || memcmp(p, zone, zone_len) != 0)
        return 0;
    return (size_t)(p - text) + zone_len;
}

size_t scalar_plain_time(enum type_kind kind, const char *text, const char *end)
{
    return plain_time(text, end, ' ', kind == TYPE_TIMESTAMPTZ ? "+00" : "");
}

char *scalar_put_time(enum type_kind kind, const char *text, size_t len, char *w)
{
    *w++ = '"';
    memcpy(w, text, len);
    w[DATE_BYTES] = 'T';
    w += len;
    if (kind == TYPE_TIMESTAMPTZ) {
        memcpy(w, ":00", 3);
        w += 3;
    }
    *w++ = '"';
    return w;
}

char *scalar_put_time_back(enum type_kind kind, const char *text, size_t len, char *w)
{
    const char *zone = kind == TYPE_TIMESTAMPTZ ? "+00:00" : "";

    if (len == 0 || plain_time(text, text + len, 'T', zone) != len)
        return NULL;
    memcpy(w, text, len);
    w[DATE_BYTES] = ' ';
    return w + len - (kind == TYPE_TIMESTAMPTZ ? 3 : 0);
}

static inline int two_digits(const char *p)
{
    return (p[0] - '0') * 10 + (p[1] - '0');
}

/* Days since 1970-01-01 in the Gregorian calendar, year >= 0. */
static int64_t days_of(int year, int month, int day)
{
    if (month <= 2) {
        year--;
        month += 12;
    }
    int era = (year + 400) / 400 - 1;
    int of_era = year - era * 400;
    int of_year = (153 * (month - 3) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

bool scalar_time_value(const char *text, size_t len, int64_t *ret_us)
{
    size_t plain = plain_time(text, text + len, ' ', "");

    /* PostgreSQL prints valid dates only; what is not plain is rare enough for the general way. */
    if (plain == 0 || (plain != len && (len - plain != 3 || memcmp(text + plain, "+00", 3) != 0)))
        return text_to_time(text, len, ret_us);
    int64_t days = days_of(two_digits(text) * 100 + two_digits(text + 2), two_digits(text + 5),
                           two_digits(text + 8));
    int64_t seconds = days * 86400 + two_digits(text + 11) * 3600 + two_digits(text + 14) * 60 +
                      two_digits(text + 17);
    int64_t fraction = 0;
    if (plain > TIME_BYTES) {
        for (size_t i = TIME_BYTES + 1; i <= TIME_BYTES + 6; i++)
            fraction = fraction * 10 + (i < plain ? text[i] - '0' : 0);
    }
    *ret_us = seconds * 1000000 + fraction;
    return true;
}

/* ---- bytea ---- */

static const char base64_letters[64] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define X 0xff
/* clang-format off */
static const uint8_t hex_values[256] = {
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, 0,1,2,3,4,5,6,7,8,9,X,X,X,X,X,X,
    X,10,11,12,13,14,15,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,10,11,12,13,14,15,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
};
static const uint8_t base64_values[256] = {
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,62,X,X,X,63, 52,53,54,55,56,57,58,59,60,61,X,X,X,X,X,X,
    X,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14, 15,16,17,18,19,20,21,22,23,24,25,X,X,X,X,X,
    X,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40, 41,42,43,44,45,46,47,48,49,50,51,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
    X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X, X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,X,
};
/* clang-format on */
#undef X

/* One byte of two hex digits; above 0xff where they are none. */
static inline unsigned hex_byte(const char *p)
{
    unsigned high = hex_values[(unsigned char)p[0]], low = hex_values[(unsigned char)p[1]];

    return high << 4 | low | (low & 0x80) << 1; /* no digit is 0xff, so bit 8 or more gets set */
}

enum scalar_done scalar_hex_to_base64(struct buf *out, const char *hex, size_t len, struct err *err)
{
    const char *p = hex, *end = hex + len;
    unsigned bad = 0;

    if (len % 2)
        return SCALAR_BAD;
    if (!copytext_room(out, (len / 2 + 2) / 3 * 4, err))
        return SCALAR_FAILED;
    char *w = out->data + out->len;
    for (; end - p >= 6; p += 6, w += 4) {
        unsigned a = hex_byte(p), b = hex_byte(p + 2), c = hex_byte(p + 4);
        bad |= a | b | c;
        w[0] = base64_letters[a >> 2 & 63];
        w[1] = base64_letters[(a << 4 | b >> 4) & 63];
        w[2] = base64_letters[(b << 2 | c >> 6) & 63];
        w[3] = base64_letters[c & 63];
    }
    if (p < end) {
        unsigned a = hex_byte(p), b = end - p > 2 ? hex_byte(p + 2) : 0;
        bad |= a | b;
        w[0] = base64_letters[a >> 2 & 63];
        w[1] = base64_letters[(a << 4 | b >> 4) & 63];
        w[2] = end - p > 2 ? base64_letters[b << 2 & 63] : '=';
        w[3] = '=';
        w += 4;
    }
    if (bad > 0xff)
        return SCALAR_BAD;
    out->len = (size_t)(w - out->data);
    return SCALAR_OK;
}

static inline char *put_hex(char *w, unsigned byte)
{
    static const char hex[] = "0123456789abcdef";

    w[0] = hex[byte >> 4 & 15];
    w[1] = hex[byte & 15];
    return w + 2;
}

enum scalar_done scalar_base64_to_hex(struct buf *out, const char *base64, size_t len,
                                      struct err *err)
{
    const uint8_t *p = (const uint8_t *)base64;
    size_t padding = 0;

    if (len % 4)
        return SCALAR_BAD;
    if (len > 0 && base64[len - 1] == '=')
        padding = base64[len - 2] == '=' ? 2 : 1;
    if (!copytext_room(out, len / 4 * 6, err))
        return SCALAR_FAILED;
    char *w = out->data + out->len;
    uint8_t bad = 0;
    size_t whole = len - (padding ? 4 : 0);
    for (size_t i = 0; i < whole; i += 4, p += 4) {
        uint8_t a = base64_values[p[0]], b = base64_values[p[1]], c = base64_values[p[2]],
                d = base64_values[p[3]];
        unsigned three = (unsigned)a << 18 | (unsigned)b << 12 | (unsigned)c << 6 | d;
        bad |= a | b | c | d;
        w = put_hex(put_hex(put_hex(w, three >> 16), three >> 8), three);
    }
    if (padding) {
        uint8_t a = base64_values[p[0]], b = base64_values[p[1]],
                c = padding == 1 ? base64_values[p[2]] : 0;
        unsigned three = (unsigned)a << 18 | (unsigned)b << 12 | (unsigned)c << 6;
        bad |= a | b | c;
        if (three & (padding == 1 ? 0xffu : 0xffffu)) /* bits that no byte takes */
            return SCALAR_BAD;
        w = put_hex(w, three >> 16);
        if (padding == 1)
            w = put_hex(w, three >> 8);
    }
    if (bad & 0x80)
        return SCALAR_BAD;
    out->len = (size_t)(w - out->data);
    return SCALAR_OK;
}
