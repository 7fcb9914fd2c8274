/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "row/jsontext.h"
#include "row/scalar.h"

#define SHOWN_BYTES 40 /* of a value in an error */
#define UUID_DIGITS 32

/* What a text that cannot be read as a kind is not. */
static const char *const ones[] = {
    [FILTER_BOOL] = "a boolean",
    [FILTER_INT] = "an integer",
    [FILTER_NUMERIC] = "a number",
    [FILTER_REAL] = "a number",
    [FILTER_DOUBLE] = "a number",
    [FILTER_DATE] = "a date",
    [FILTER_TIMESTAMP] = "a timestamp",
    [FILTER_TIMESTAMPTZ] = "a timestamp",
    [FILTER_TIME] = "a time",
    [FILTER_UUID] = "a uuid",
    [FILTER_BYTEA] = "bytea",
    [FILTER_JSON] = "JSON",
    [FILTER_JSONB] = "JSON",
};

/* --- reading --- */

static bool is_not(enum filter_kind kind, struct filter_text text, struct err *err)
{
    int shown = text.len > SHOWN_BYTES ? SHOWN_BYTES : (int)text.len;

    return err_set(err, ERR_DATA, "\"%.*s%s\" is not %s", shown, text.at,
                   text.len > SHOWN_BYTES ? "..." : "", ones[kind]);
}

static bool out_of_range(enum filter_kind kind, struct err *err)
{
    return err_set(err, ERR_DATA, "a value is out of range for %s", filter_kind_name(kind));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct filter_text trimmed(struct filter_text text)
{
    while (text.len > 0 && is_space(*text.at)) {
        text.at++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.at[text.len - 1]))
        text.len--;
    return text;
}

static struct filter_text without_blanks(struct filter_text text)
{
    while (text.len > 0 && text.at[text.len - 1] == ' ')
        text.len--;
    return text;
}

static bool read_int(struct filter_text text, struct filter_value *ret)
{
    size_t sign = text.len > 0 && (*text.at == '-' || *text.at == '+');

    for (size_t i = sign; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    if (sign && *text.at == '+') {
        text.at++;
        text.len--;
        sign = 0;
    }
    return text.len > sign && scalar_int_value(text.at, text.len, &ret->integer);
}

/* PostgreSQL takes any beginning of true, false, yes and no that is long enough to tell. */
static bool read_bool(struct filter_text text, struct filter_value *ret)
{
    static const struct {
        const char *word;
        size_t min;
        bool truth;
    } words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true}, {"no", 1, false},
                 {"on", 2, true},   {"off", 2, false},   {"1", 1, true},   {"0", 1, false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (text.len >= words[i].min && text.len <= strlen(words[i].word) &&
            strncasecmp(text.at, words[i].word, text.len) == 0) {
            ret->truth = words[i].truth;
            return true;
        }
    }
    return false;
}

/* strtod would take hexadecimal too, and needs an end. */
static bool read_real(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                      struct filter_value *ret)
{
    struct filter_decimal decimal;

    if (!filter_decimal_read(text.at, text.len, &decimal))
        return false;
    buf_reset(scratch);
    buf_add(scratch, text.at, text.len);
    errno = 0;
    ret->real =
        kind == FILTER_REAL ? (double)strtof(scratch->data, NULL) : strtod(scratch->data, NULL);
    return errno != ERANGE || (ret->real != 0 && !isinf(ret->real));
}

static void normalise(struct filter_moment *moment)
{
    if (moment->us < 0) {
        moment->us += TEXT_US_PER_DAY;
        moment->day--;
    } else if (moment->us >= TEXT_US_PER_DAY) {
        moment->us -= TEXT_US_PER_DAY;
        moment->day++;
    }
}

struct filter_moment filter_value_moment(int64_t us)
{
    if (us == INT64_MAX || us == INT64_MIN)
        return (struct filter_moment){us, 0};
    int64_t day = us / TEXT_US_PER_DAY - (us % TEXT_US_PER_DAY < 0);
    return (struct filter_moment){day, us - day * TEXT_US_PER_DAY};
}

static bool is_infinite(const struct filter_moment *moment)
{
    return moment->day == INT64_MAX || moment->day == INT64_MIN;
}

/* More digits of a second than PostgreSQL keeps would have to be rounded as it rounds. */
static bool is_too_fine(struct filter_text text)
{
    const char *point = memchr(text.at, '.', text.len);
    size_t digits = 0;

    if (!point)
        return false;
    for (const char *p = point + 1; p < text.at + text.len && *p >= '0' && *p <= '9'; p++)
        digits++;
    return digits > 6;
}

static bool read_moment(enum filter_kind kind, struct filter_text text, struct filter_value *ret)
{
    struct text_moment moment;

    if (is_too_fine(text) || !text_to_moment(text.at, text.len, &moment))
        return false;
    ret->moment = (struct filter_moment){moment.day, moment.us};
    if (is_infinite(&ret->moment))
        return true;
    if (kind == FILTER_DATE)
        ret->moment.us = 0;
    if (kind == FILTER_TIMESTAMPTZ) /* the others pass a zone over, as PostgreSQL does */
        ret->moment.us -= moment.zone_us;
    normalise(&ret->moment);
    return true;
}

static bool read_time(struct filter_text text, struct filter_value *ret)
{
    char stamp[48];
    struct text_moment moment;
    int len = snprintf(stamp, sizeof(stamp), "1970-01-01 %.*s", (int)text.len, text.at);

    if (text.len > 30 || is_too_fine(text) || !text_to_moment(stamp, (size_t)len, &moment))
        return false;
    ret->integer = moment.day * TEXT_US_PER_DAY + moment.us;
    return true;
}

static char hex_lower(char c)
{
    if (c >= 'A' && c <= 'F')
        return (char)(c - 'A' + 'a');
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? c : '\0';
}

/* Digits in either case, hyphens between groups of four, braces around all. */
static bool read_uuid(struct filter_text text, struct buf *scratch, struct filter_value *ret)
{
    const char *p = text.at, *end = text.at + text.len;
    size_t digits = 0;

    buf_reset(scratch);
    if (p < end && *p == '{') {
        if (end[-1] != '}')
            return false;
        p++;
        end--;
    }
    for (; p < end; p++) {
        if (*p == '-' && digits > 0 && digits % 4 == 0 && digits < UUID_DIGITS && p[-1] != '-')
            continue;
        char digit = hex_lower(*p);
        if (!digit || ++digits > UUID_DIGITS)
            return false;
        if (digits == 9 || digits == 13 || digits == 17 || digits == 21)
            buf_addc(scratch, '-');
        buf_addc(scratch, digit);
    }
    ret->text = (struct filter_text){buf_str(scratch), scratch->len};
    return digits == UUID_DIGITS && end[-1] != '-';
}

static bool add_escaped_byte(const char **at, const char *end, unsigned *ret_byte)
{
    const char *p = *at;

    if (end - p >= 2 && p[1] == '\\') {
        *ret_byte = '\\';
        *at = p + 2;
        return true;
    }
    if (end - p < 4 || p[1] < '0' || p[1] > '3' || p[2] < '0' || p[2] > '7' || p[3] < '0' ||
        p[3] > '7')
        return false;
    *ret_byte = (unsigned)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
    *at = p + 4;
    return true;
}

/* Either of PostgreSQL's forms, into \x and lower-case digits. */
static bool read_bytea(struct filter_text text, struct buf *scratch, struct filter_value *ret)
{
    const char *p = text.at, *end = text.at + text.len;
    bool hex = text.len >= 2 && p[0] == '\\' && p[1] == 'x';
    size_t digits = 0;

    buf_reset(scratch);
    buf_adds(scratch, "\\x");
    for (p += hex ? 2 : 0; p < end;) {
        unsigned byte = (unsigned char)*p;
        if (hex && digits % 2 == 0 && is_space(*p)) {
            p++;
        } else if (hex) {
            char digit = hex_lower(*p++);
            if (!digit)
                return false;
            digits++;
            buf_addc(scratch, digit);
        } else {
            if (byte != '\\')
                p++;
            else if (!add_escaped_byte(&p, end, &byte))
                return false;
            buf_addf(scratch, "%02x", byte);
        }
    }
    ret->text = (struct filter_text){buf_str(scratch), scratch->len};
    return digits % 2 == 0;
}

static bool read_json(struct filter_text text, struct buf *scratch, struct filter_value *ret)
{
    struct jsontext json = {text.at, text.at + text.len};
    struct err ignored;

    ret->text = text;
    if (!jsontext_skip(&json, scratch, &ignored))
        return false;
    jsontext_space(&json);
    return json.at == json.end;
}

static bool read_kind(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                      struct filter_value *ret)
{
    switch (kind) {
    case FILTER_BOOL:
        return read_bool(trimmed(text), ret);
    case FILTER_INT:
        return read_int(trimmed(text), ret);
    case FILTER_NUMERIC:
        text = trimmed(text);
        return filter_decimal_read(text.at, text.len, &ret->decimal);
    case FILTER_REAL:
    case FILTER_DOUBLE:
        return read_real(kind, trimmed(text), scratch, ret);
    case FILTER_DATE:
    case FILTER_TIMESTAMP:
    case FILTER_TIMESTAMPTZ:
        return read_moment(kind, trimmed(text), ret);
    case FILTER_TIME:
        return read_time(trimmed(text), ret);
    case FILTER_UUID:
        return read_uuid(text, scratch, ret);
    case FILTER_BYTEA:
        return read_bytea(text, scratch, ret);
    case FILTER_JSON:
    case FILTER_JSONB:
        return read_json(text, scratch, ret);
    case FILTER_CHAR:
        ret->text = without_blanks(text);
        return true;
    default:
        ret->text = text;
        return true;
    }
}

bool filter_value_read(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                       struct filter_value *ret, struct err *err)
{
    bool copies = kind == FILTER_REAL || kind == FILTER_DOUBLE || kind == FILTER_BYTEA;

    ret->null = false;
    if (copies && !buf_reserve(scratch, text.len * 2 + 2, err))
        return false;
    return read_kind(kind, text, scratch, ret) || is_not(kind, text, err);
}

bool filter_value_read_own(enum filter_kind kind, struct filter_text text, struct buf *scratch,
                           struct filter_value *ret, struct err *err)
{
    int64_t us;

    ret->null = false;
    switch (kind) {
    case FILTER_TIMESTAMPTZ:
    case FILTER_TIMESTAMP:
        if (!scalar_time_value(text.at, text.len, &us) || us == INT64_MAX || us == INT64_MIN)
            break;
        ret->moment = filter_value_moment(us);
        return true;
    case FILTER_UUID:
    case FILTER_BYTEA:
    case FILTER_JSON:
    case FILTER_JSONB:
        ret->text = text;
        return true;
    default:
        break;
    }
    return filter_value_read(kind, text, scratch, ret, err);
}

/* --- casts --- */

bool filter_value_can_cast(enum filter_kind from, enum filter_kind to)
{
    if (to == FILTER_JSONB) /* it would have to be put in its own order and form */
        return from == FILTER_JSONB;
    if (from == to || from == FILTER_TEXT || from == FILTER_CHAR || from == FILTER_SAME)
        return to != FILTER_SAME && to != FILTER_OPAQUE;
    if (to == FILTER_TEXT) /* numbers and times have more than one text once they are computed */
        return from == FILTER_BOOL || from == FILTER_INT || from >= FILTER_UUID;
    if (filter_kind_is_number(from))
        return filter_kind_is_number(to) || (from == FILTER_INT && to == FILTER_BOOL);
    if (filter_kind_is_moment(from))
        return filter_kind_is_moment(to);
    return (from == FILTER_BOOL && to == FILTER_INT) || (from == FILTER_JSONB && to == FILTER_JSON);
}

static bool cast_to_int(enum filter_kind from, const struct filter_value *value,
                        struct filter_value *ret, struct err *err)
{
    if (from == FILTER_BOOL) {
        ret->integer = value->truth;
        return true;
    }
    if (from == FILTER_NUMERIC)
        return filter_decimal_to_int(&value->decimal, &ret->integer) ||
               out_of_range(FILTER_INT, err);
    double whole = rint(value->real);
    if (!(whole >= -0x1p63 && whole < 0x1p63))
        return out_of_range(FILTER_INT, err);
    ret->integer = (int64_t)whole;
    return true;
}

static bool cast_to_decimal(enum filter_kind from, const struct filter_value *value,
                            struct buf *scratch, struct filter_value *ret)
{
    buf_reset(scratch);
    if (from == FILTER_INT)
        buf_addf(scratch, "%" PRId64, value->integer);
    else if (isnan(value->real))
        buf_adds(scratch, "NaN");
    else /* as many digits as the type is sure of, as PostgreSQL takes */
        buf_addf(scratch, "%.*g", from == FILTER_REAL ? 6 : 15, value->real);
    return filter_decimal_read(buf_str(scratch), scratch->len, &ret->decimal);
}

static bool cast_to_real(enum filter_kind from, enum filter_kind to,
                         const struct filter_value *value, struct buf *scratch,
                         struct filter_value *ret, struct err *err)
{
    if (from == FILTER_NUMERIC) {
        struct filter_text text = {value->decimal.text, value->decimal.text_len};
        if (!buf_reserve(scratch, text.len, err))
            return false;
        return read_real(to, text, scratch, ret) || out_of_range(to, err);
    }
    double real = from == FILTER_INT ? (double)value->integer : value->real;
    ret->real = to == FILTER_REAL ? (double)(float)real : real;
    return !isinf(ret->real) == !isinf(real) || out_of_range(to, err);
}

static bool cast_to_text(enum filter_kind from, const struct filter_value *value,
                         struct buf *scratch, struct filter_value *ret)
{
    if (from != FILTER_BOOL && from != FILTER_INT) {
        ret->text = value->text;
        return true;
    }
    buf_reset(scratch);
    if (from == FILTER_BOOL)
        buf_adds(scratch, value->truth ? "true" : "false");
    else
        buf_addf(scratch, "%" PRId64, value->integer);
    ret->text = (struct filter_text){buf_str(scratch), scratch->len};
    return true;
}

bool filter_value_cast(enum filter_kind from, enum filter_kind to, const struct filter_value *value,
                       struct buf *scratch, struct filter_value *ret, struct err *err)
{
    if (from == to) {
        *ret = *value;
        return true;
    }
    ret->null = false;
    if (to == FILTER_TEXT)
        return cast_to_text(from, value, scratch, ret);
    if (from == FILTER_TEXT || from == FILTER_CHAR || from == FILTER_SAME)
        return filter_value_read(to, value->text, scratch, ret, err);
    switch (to) {
    case FILTER_BOOL:
        ret->truth = value->integer != 0;
        return true;
    case FILTER_INT:
        return cast_to_int(from, value, ret, err);
    case FILTER_NUMERIC:
        return cast_to_decimal(from, value, scratch, ret);
    case FILTER_REAL:
    case FILTER_DOUBLE:
        return cast_to_real(from, to, value, scratch, ret, err);
    case FILTER_DATE:
        ret->moment = (struct filter_moment){value->moment.day, 0};
        return true;
    default: /* timestamps of either kind, jsonb as json */
        *ret = *value;
        return true;
    }
}

/* --- comparing --- */

static int compare_ints(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_reals(double a, double b)
{
    if (isnan(a) || isnan(b))
        return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

static int compare_texts(const struct filter_text *a, const struct filter_text *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = len > 0 ? memcmp(a->at, b->at, len) : 0;

    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a->len > b->len) - (a->len < b->len);
}

int filter_value_compare(enum filter_kind kind, const struct filter_value *a,
                         const struct filter_value *b)
{
    switch (kind) {
    case FILTER_BOOL:
        return a->truth - b->truth;
    case FILTER_INT:
    case FILTER_TIME:
        return compare_ints(a->integer, b->integer);
    case FILTER_NUMERIC:
        return filter_decimal_compare(&a->decimal, &b->decimal);
    case FILTER_REAL:
    case FILTER_DOUBLE:
        return compare_reals(a->real, b->real);
    case FILTER_DATE:
    case FILTER_TIMESTAMP:
    case FILTER_TIMESTAMPTZ: {
        int days = compare_ints(a->moment.day, b->moment.day);
        return days != 0 ? days : compare_ints(a->moment.us, b->moment.us);
    }
    default:
        return compare_texts(&a->text, &b->text);
    }
}
