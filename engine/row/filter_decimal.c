/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_decimal.h"

#include <string.h>
#include <strings.h>

#define EXPONENT_MAX INT64_C(1000000) /* far beyond PostgreSQL's 131072 digits */

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

static bool read_word(const char *text, size_t len, bool negative, struct filter_decimal *ret)
{
    if (is_word(text, len, "infinity") || is_word(text, len, "inf")) {
        ret->class = negative ? DECIMAL_MINUS_INFINITY : DECIMAL_INFINITY;
        return true;
    }
    ret->class = DECIMAL_NAN;
    return is_word(text, len, "nan") && len == ret->text_len; /* without a sign */
}

/* Over digits with a point among them; the digits before it are counted. */
static bool read_digits(const char **at, const char *end, struct filter_decimal *ret)
{
    const char *p = *at;
    bool point = false, some = false;

    ret->at = NULL;
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        some = true;
        if (!ret->at && *p != '0')
            ret->at = p;
        if (ret->at ? !point : point) /* zeros right behind the point count the other way */
            ret->magnitude += ret->at ? 1 : -1;
    }
    *at = p;
    ret->end = p;
    return some;
}

static bool read_exponent(const char *p, const char *end, int64_t *magnitude)
{
    bool negative = false;
    int64_t value = 0;

    if (p == end)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    if (++p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p == end)
        return false;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        value = value * 10 + (*p - '0');
        if (value > EXPONENT_MAX)
            return false;
    }
    *magnitude += negative ? -value : value;
    return true;
}

bool filter_decimal_read(const char *text, size_t len, struct filter_decimal *ret)
{
    const char *p = text, *end = text + len;
    bool negative = false;

    *ret = (struct filter_decimal){.class = DECIMAL_FINITE, .text = text, .text_len = len};
    if (p < end && (*p == '-' || *p == '+'))
        negative = *p++ == '-';
    if (p < end && !is_digit(*p) && *p != '.')
        return read_word(p, (size_t)(end - p), negative, ret);
    if (!read_digits(&p, end, ret) || !read_exponent(p, end, &ret->magnitude))
        return false;
    ret->sign = !ret->at ? 0 : negative ? -1 : 1;
    if (!ret->at)
        ret->at = ret->end;
    return true;
}

/* The next digit; 0 behind the last one, as often as asked. */
static char next_digit(const char **at, const char *end)
{
    if (*at < end && **at == '.')
        (*at)++;
    return *at < end ? *(*at)++ : '0';
}

static int compare_digits(const struct filter_decimal *a, const struct filter_decimal *b)
{
    const char *p = a->at, *q = b->at;

    while (p < a->end || q < b->end) {
        char x = next_digit(&p, a->end), y = next_digit(&q, b->end);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return 0;
}

int filter_decimal_compare(const struct filter_decimal *a, const struct filter_decimal *b)
{
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    if (a->class != DECIMAL_FINITE)
        return 0;
    if (a->sign != b->sign)
        return a->sign < b->sign ? -1 : 1;
    if (a->sign == 0)
        return 0;
    int size = a->magnitude != b->magnitude ? (a->magnitude < b->magnitude ? -1 : 1)
                                            : compare_digits(a, b);
    return size * a->sign;
}

bool filter_decimal_to_int(const struct filter_decimal *decimal, int64_t *ret_value)
{
    const char *p = decimal->at;
    int64_t value = 0; /* negative, for the sake of INT64_MIN */

    if (decimal->class != DECIMAL_FINITE || (decimal->sign != 0 && decimal->magnitude > 19))
        return false;
    for (int64_t i = 0; decimal->sign != 0 && i < decimal->magnitude; i++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, next_digit(&p, decimal->end) - '0', &value))
            return false;
    }
    if (decimal->magnitude >= 0 && next_digit(&p, decimal->end) >= '5' &&
        __builtin_sub_overflow(value, 1, &value))
        return false;
    if (decimal->sign > 0 && __builtin_sub_overflow(0, value, &value))
        return false;
    *ret_value = value;
    return true;
}
