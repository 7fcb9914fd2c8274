/* SPDX-License-Identifier: PostgreSQL */
#include "row/canonical.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#define DIGITS_MAX      40 /* of a float; what has more is passed on as it is */
#define FLOAT8_PLAIN    15 /* float8out prints 1e+15, float4out 1e+06 with an exponent */
#define FLOAT4_PLAIN    6
#define FLOAT4_DIGITS   9      /* always read back to the same real */
#define EXPONENT_MAX    131072 /* digits a numeric can have before its point */
#define US_PER_SECOND   INT64_C(1000000)
#define US_PER_DAY      (INT64_C(86400) * US_PER_SECOND)
#define DAYS_DIGITS_MAX 10

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- digits ---- */

struct decimal {
    bool negative;
    char digits[DIGITS_MAX]; /* significant ones: neither zeros in front nor behind */
    int count;               /* 0: zero */
    int exponent;            /* of the first digit */
};

static bool read_exponent(const char **at, const char *end, int *ret_exponent)
{
    const char *p = *at;
    bool negative = false;
    int value = 0;

    if (p == end || (*p != 'e' && *p != 'E')) {
        *ret_exponent = 0;
        return true;
    }
    p++;
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p == end || !is_digit(*p))
        return false;
    for (; p < end && is_digit(*p); p++) {
        if (value > EXPONENT_MAX)
            return false;
        value = value * 10 + (*p - '0');
    }
    *at = p;
    *ret_exponent = negative ? -value : value;
    return true;
}

static bool read_decimal(const char *text, size_t len, struct decimal *ret)
{
    const char *p = text, *end = text + len;
    int exponent, before = 0, seen = 0;
    bool point = false;

    *ret = (struct decimal){0};
    if (p < end && *p == '-') {
        ret->negative = true;
        p++;
    }
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        seen++;
        if (ret->count == 0 && *p == '0') {
            before -= point; /* a zero in front: behind the point it moves the first digit */
            continue;
        }
        if (ret->count == DIGITS_MAX)
            return false;
        ret->digits[ret->count++] = *p;
        before += !point;
    }
    if (seen == 0 || !read_exponent(&p, end, &exponent) || p != end)
        return false;
    while (ret->count > 0 && ret->digits[ret->count - 1] == '0')
        ret->count--;
    ret->exponent = before - 1 + exponent;
    return true;
}

static void add_zeros(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_addc(out, '0');
}

/* `plain`: from this exponent on, the number has one. */
static void add_float(struct buf *out, const struct decimal *d, int plain)
{
    int e = d->exponent;

    if (d->negative)
        buf_addc(out, '-');
    if (d->count == 0) {
        buf_addc(out, '0');
    } else if (e < -4 || e >= plain) {
        buf_addc(out, d->digits[0]);
        if (d->count > 1) {
            buf_addc(out, '.');
            buf_add(out, d->digits + 1, (size_t)d->count - 1);
        }
        buf_addf(out, "e%c%02d", e < 0 ? '-' : '+', abs(e));
    } else if (e < 0) {
        buf_adds(out, "0.");
        add_zeros(out, -e - 1);
        buf_add(out, d->digits, (size_t)d->count);
    } else if (d->count <= e + 1) {
        buf_add(out, d->digits, (size_t)d->count);
        add_zeros(out, e + 1 - d->count);
    } else {
        buf_add(out, d->digits, (size_t)e + 1);
        buf_addc(out, '.');
        buf_add(out, d->digits + e + 1, (size_t)(d->count - e - 1));
    }
}

static bool add_word(struct buf *out, const char *text, size_t len)
{
    static const char *const words[][2] = {
        {"NaN", "NaN"},           {"nan", "NaN"},
        {"Infinity", "Infinity"}, {"-Infinity", "-Infinity"},
        {"inf", "Infinity"},      {"-inf", "-Infinity"},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i][0]) == len && memcmp(words[i][0], text, len) == 0) {
            buf_adds(out, words[i][1]);
            return true;
        }
    }
    return false;
}

bool canonical_float8(struct buf *out, const char *text, size_t len)
{
    struct decimal decimal;

    if (add_word(out, text, len))
        return true;
    if (!read_decimal(text, len, &decimal))
        return false;
    add_float(out, &decimal, FLOAT8_PLAIN);
    return true;
}

bool canonical_float4(struct buf *out, const char *text, size_t len)
{
    char number[DIGITS_MAX + 16];
    struct decimal decimal;

    if (add_word(out, text, len))
        return true;
    if (len >= sizeof(number) || !read_decimal(text, len, &decimal))
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    float value = strtof(number, NULL);
    for (int digits = 1; digits <= FLOAT4_DIGITS; digits++) {
        snprintf(number, sizeof(number), "%.*e", digits - 1, (double)value);
        if (strtof(number, NULL) == value)
            break;
    }
    if (!read_decimal(number, strlen(number), &decimal)) /* past what a real can hold */
        return false;
    add_float(out, &decimal, FLOAT4_PLAIN);
    return true;
}

/* The digits of a decimal, without its point. */
static void add_digits(struct buf *out, const char *text, const char *end)
{
    for (; text < end; text++)
        if (*text != '.')
            buf_addc(out, *text);
}

bool canonical_numeric(struct buf *out, const char *text, size_t len)
{
    const char *end = text + len, *e = memchr(text, 'E', len), *first = text;
    int exponent;

    if (len == 0)
        return false;
    if (!e) {
        buf_add(out, text, len);
        return true;
    }
    if (*first == '-')
        first++;
    const char *point = memchr(first, '.', (size_t)(e - first));
    const char *behind = e;
    size_t digits = (size_t)(e - first) - (point != NULL);
    if (digits == 0 || digits > EXPONENT_MAX || !read_exponent(&behind, end, &exponent) ||
        behind != end)
        return false;
    for (const char *p = first; p < e; p++)
        if (!is_digit(*p) && p != point)
            return false;
    int shift = exponent - (point ? (int)(e - point) - 1 : 0);
    buf_add(out, text, (size_t)(first - text));
    if (shift >= 0) {
        while (first < e - 1 && *first == '0')
            first++;
        bool zero = *first == '0';
        add_digits(out, first, e);
        add_zeros(out, zero ? 0 : shift);
        return true;
    }
    size_t scale = (size_t)-shift;
    if (digits <= scale)
        add_zeros(out, (int)(scale + 1 - digits));
    add_digits(out, first, e);
    size_t at = out->len - scale; /* where the point goes */
    buf_addc(out, '.');
    memmove(out->data + at + 1, out->data + at, out->len - at - 1);
    out->data[at] = '.';
    return true;
}

/* ---- times ---- */

static bool two_digits(const char *p, const char *end)
{
    return end - p >= 2 && is_digit(p[0]) && is_digit(p[1]);
}

/* "12:34:56", and a fraction without the zeros behind it. */
static bool take_clock(struct buf *out, const char **at, const char *end)
{
    const char *p = *at;

    if (end - p < 8 || !two_digits(p, end) || p[2] != ':' || !two_digits(p + 3, end) ||
        p[5] != ':' || !two_digits(p + 6, end))
        return false;
    buf_add(out, p, 8);
    p += 8;
    if (p < end && *p == '.') {
        const char *last = ++p, *start = p;
        for (; p < end && is_digit(*p); p++)
            if (*p != '0')
                last = p + 1;
        if (p == start || p - start > 6)
            return false;
        if (last > start)
            buf_add(out, start - 1, (size_t)(last - start) + 1);
    }
    *at = p;
    return true;
}

/* "+05:30", "-08:00" -> "-08"; with seconds where there are some. */
static bool take_offset(struct buf *out, const char **at, const char *end)
{
    const char *p = *at;
    size_t len = 3;

    if (p == end || (*p != '+' && *p != '-') || !two_digits(p + 1, end))
        return false;
    while (len < 9 && p + len < end && p[len] == ':' && two_digits(p + len + 1, end))
        len += 3;
    *at = p + len;
    while (len > 3 && memcmp(p + len - 3, ":00", 3) == 0)
        len -= 3;
    buf_add(out, p, len);
    return true;
}

static bool undo(struct buf *out, size_t start)
{
    out->len = start;
    if (out->data)
        out->data[start] = '\0';
    return false;
}

bool canonical_time(struct buf *out, const char *text, size_t len)
{
    const char *p = text, *end = text + len;
    size_t start = out->len;

    if (!take_clock(out, &p, end) || (p < end && !take_offset(out, &p, end)) || p != end)
        return undo(out, start);
    return true;
}

bool canonical_timestamp(struct buf *out, const char *text, size_t len, bool zone)
{
    const char *p = text + 11, *end = text + len;
    size_t start = out->len;

    if (len < 19 || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' '))
        return false;
    buf_add(out, text, 10);
    buf_addc(out, ' ');
    if (!take_clock(out, &p, end))
        return undo(out, start);
    size_t bare = out->len;
    bool offset = p < end && take_offset(out, &p, end);
    bool utc = !offset || strcmp(out->data + bare, "+00") == 0;
    if (p < end && *p == 'Z')
        p++;
    if (p != end || (!zone && !utc))
        return undo(out, start);
    if (utc) {
        undo(out, bare);
        buf_adds(out, zone ? "+00" : "");
    }
    return true;
}

void canonical_interval(struct buf *out, int64_t days, int64_t us)
{
    if (days < 0 && us > 0) {
        days++;
        us -= US_PER_DAY;
    } else if (days > 0 && us < 0) {
        days--;
        us += US_PER_DAY;
    }
    if (days != 0)
        buf_addf(out, "%" PRId64 " day%s", days, days == 1 ? "" : "s");
    if (days != 0 && us == 0)
        return;
    int64_t part = us < 0 ? -us : us;
    int64_t seconds = part / US_PER_SECOND, fraction = part % US_PER_SECOND;
    buf_addf(out, "%s%s%02" PRId64 ":%02" PRId64 ":%02" PRId64, days != 0 ? " " : "",
             us < 0 ? "-" : "", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (fraction == 0)
        return;
    buf_addf(out, ".%06" PRId64, fraction);
    while (out->data[out->len - 1] == '0')
        undo(out, out->len - 1);
}

static bool take_count(const char **at, const char *end, int64_t *ret)
{
    const char *p = *at;

    *ret = 0;
    for (; p < end && is_digit(*p) && p - *at < DAYS_DIGITS_MAX; p++)
        *ret = *ret * 10 + (*p - '0');
    bool some = p > *at && (p == end || !is_digit(*p));
    *at = p;
    return some;
}

static bool take_text(const char **at, const char *end, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

/* "2:03:04.500000" */
static bool take_delta_clock(const char **at, const char *end, int64_t *ret_us)
{
    int64_t hours, minutes, seconds, fraction = 0;

    if (!take_count(at, end, &hours) || hours > 23 || !take_text(at, end, ":") ||
        !take_count(at, end, &minutes) || !take_text(at, end, ":") ||
        !take_count(at, end, &seconds))
        return false;
    if (take_text(at, end, ".")) {
        const char *start = *at;
        if (!take_count(at, end, &fraction) || *at - start > 6)
            return false;
        for (ptrdiff_t i = *at - start; i < 6; i++)
            fraction *= 10;
    }
    *ret_us = ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND + fraction;
    return true;
}

bool canonical_read_delta(const char *text, size_t len, int64_t *ret_days, int64_t *ret_us)
{
    const char *p = text, *end = text + len, *clock;
    int64_t days = 0;

    bool negative = take_text(&p, end, "-");
    clock = p;
    if (take_count(&p, end, &days) && (take_text(&p, end, " days") || take_text(&p, end, " day"))) {
        *ret_days = negative ? -days : days;
        *ret_us = 0;
        if (p == end)
            return true;
        return take_text(&p, end, ", ") && take_delta_clock(&p, end, ret_us) && p == end;
    }
    *ret_days = 0;
    p = clock;
    return !negative && take_delta_clock(&p, end, ret_us) && p == end;
}

/* ---- sequences of numbers ---- */

bool canonical_number(struct jsontext *json)
{
    return jsontext_number(json) || jsontext_word(json, "NaN") || jsontext_word(json, "Infinity") ||
           jsontext_word(json, "-Infinity");
}

/* Follows a pattern: 'f' is a float, 'i' an integer, '*' any number of integers with commas;
 * brackets and commas are the sequence's own; all else is what is written. "\v" before a bracket or
 * comma: read, and not written; "\f" before any: written, and not read. */
static bool follow(struct buf *out, const char *pattern, struct jsontext *json)
{
    for (; *pattern; pattern++) {
        const char *start;

        switch (*pattern) {
        case 'f':
        case 'i':
            jsontext_space(json);
            start = json->at;
            if (!canonical_number(json))
                return false;
            if (*pattern == 'i')
                buf_add(out, start, (size_t)(json->at - start));
            else if (!canonical_float8(out, start, (size_t)(json->at - start)))
                return false;
            break;
        case '*':
            for (bool first = true; !jsontext_take(json, ']'); first = false) {
                if (!first && !jsontext_take(json, ','))
                    return false;
                if (!first)
                    buf_addc(out, pattern[1]);
                if (!follow(out, "i", json))
                    return false;
            }
            pattern++;
            break;
        case '\f':
            buf_addc(out, *++pattern);
            break;
        case '\v':
            if (!jsontext_take(json, *++pattern))
                return false;
            break;
        default:
            if (!jsontext_take(json, *pattern))
                return false;
            buf_addc(out, *pattern);
        }
    }
    return true;
}

bool canonical_sequence(struct buf *out, enum canonical_form form, struct jsontext *json)
{
#define PAIR "\v[\f(f,f\v]\f)"
    static const char *const patterns[] = {
        [CANONICAL_POINT] = PAIR,
        [CANONICAL_LINE] = "\v[\f{f,f,f\v]\f}",
        [CANONICAL_LSEG] = "[" PAIR "," PAIR "]",
        [CANONICAL_BOX] = "\v[" PAIR "," PAIR "\v]",
        [CANONICAL_CIRCLE] = "\v[\f<" PAIR ",f\v]\f>",
        [CANONICAL_SNAPSHOT] = "\v[i\v,\f:i\v,\f:\v[*,\v]",
        [CANONICAL_TID] = "\v[\f(i,i\v]\f)",
        [CANONICAL_VECTOR] = "\v[* ",
    };
#undef PAIR
    size_t start = out->len;

    return follow(out, patterns[form], json) || undo(out, start);
}
