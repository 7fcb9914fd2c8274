/* SPDX-License-Identifier: PostgreSQL
 *
 * Recursion follows the repr and ends at DEPTH_MAX. Every function reads one construct at the
 * cursor, appends what it stands for and is false where it is something else; then the whole value
 * is given up, so nothing is undone in between.
 */
#include "row/pyrepr.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/text.h"
#include "row/canonical.h"
#include "row/earlier_type.h"
#include "row/earlier_value.h"
#include "row/literal_decode.h"

#define DEPTH_MAX 24
#define ARGS_MAX  8

struct pyrepr {
    const char *at, *end;
    int depth;
    unsigned losses;
    bool failed; /* not for the repr's sake: *err is filled */
    struct err *err;
};

static bool read_value(struct pyrepr *p, const struct type *type, struct buf *out, bool *ret_null);

static bool looking_at(const struct pyrepr *p, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(p->end - p->at) >= len && memcmp(p->at, text, len) == 0;
}

static bool take(struct pyrepr *p, const char *text)
{
    if (!looking_at(p, text))
        return false;
    p->at += strlen(text);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* ---- strings ---- */

/* The number of the hex digits behind \x, \u or \U. */
static bool take_hex(struct pyrepr *p, int digits, uint32_t *ret)
{
    *ret = 0;
    if (p->end - p->at < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        char c = *p->at++;
        uint32_t digit = is_digit(c)            ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 16;
        if (digit > 15)
            return false;
        *ret = *ret << 4 | digit;
    }
    return true;
}

static bool add_character(struct buf *out, uint32_t c)
{
    if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return false; /* not in a PostgreSQL text */
    char bytes[4];
    buf_add(out, bytes, text_utf8(c, bytes));
    return true;
}

/* One escape, behind its backslash. */
static bool take_escape(struct pyrepr *p, uint32_t *ret_character)
{
    static const char letters[] = "nrtabfv\\'\"";
    static const char meanings[] = "\n\r\t\a\b\f\v\\'\"";

    if (p->at == p->end)
        return false;
    char c = *p->at++;
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) {
        *ret_character = (unsigned char)meanings[letter - letters];
        return true;
    }
    return (c == 'x' || c == 'u' || c == 'U') && take_hex(p,
                                                          c == 'x'   ? 2
                                                          : c == 'u' ? 4
                                                                     : 8,
                                                          ret_character);
}

/* 'text' or "text"; of `bytes`, each as two hex digits. */
static bool read_string(struct pyrepr *p, bool bytes, struct buf *out)
{
    if (p->at == p->end || (*p->at != '\'' && *p->at != '"'))
        return false;
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        uint32_t c = (unsigned char)*p->at++;
        bool escaped = c == '\\';
        if (escaped && !take_escape(p, &c))
            return false;
        if (bytes && c < 0x100)
            buf_addf(out, "%02x", c);
        else if (bytes || (escaped && !add_character(out, c)))
            return false;
        else if (!escaped)
            buf_addc(out, (char)c);
    }
    return take(p, quote == '\'' ? "'" : "\"");
}

/* ---- numbers ---- */

static bool read_number(struct pyrepr *p, const struct type *type, struct buf *out)
{
    struct jsontext json = {p->at, p->end};
    enum earlier_rule rule = type ? earlier_type_rule(type) : EARLIER_GUESS;
    const char *start = p->at;
    bool real = take(p, "nan") || take(p, "inf") || take(p, "-inf");

    if (!real) {
        if (!jsontext_number(&json))
            return false;
        p->at = json.at;
    }
    size_t len = (size_t)(p->at - start);
    real |= memchr(start, '.', len) || memchr(start, 'e', len);
    if (rule == EARLIER_LSN)
        return earlier_value_lsn(out, start, len);
    if (rule == EARLIER_FLOAT4)
        return canonical_float4(out, start, len);
    if (real || rule == EARLIER_FLOAT8)
        return canonical_float8(out, start, len);
    buf_add(out, start, len);
    return true;
}

/* ---- calls: datetime.date(2024, 1, 1) ---- */

struct args {
    int64_t numbers[ARGS_MAX];
    const char *names[ARGS_MAX]; /* not NUL-ended; NULL: by position */
    size_t name_lens[ARGS_MAX];
    size_t count;
    bool zoned;
    int64_t offset_s; /* of tzinfo */
};

static bool read_args(struct pyrepr *p, struct args *ret);

static bool read_integer(struct pyrepr *p, int64_t *ret)
{
    bool negative = take(p, "-");
    const char *start = p->at;

    *ret = 0;
    for (; p->at < p->end && is_digit(*p->at) && p->at - start < 18; p->at++)
        *ret = *ret * 10 + (*p->at - '0');
    if (negative)
        *ret = -*ret;
    return p->at > start;
}

/* An argument by its name, or by its position among those without one. */
static int64_t arg(const struct args *args, const char *name, size_t position)
{
    for (size_t i = 0; i < args->count; i++) {
        if (args->names[i] ? strlen(name) == args->name_lens[i] &&
                                 memcmp(args->names[i], name, args->name_lens[i]) == 0
                           : i == position)
            return args->numbers[i];
    }
    return 0;
}

/* datetime.timedelta(days=-1, seconds=57600), at its bracket */
static bool read_delta(struct pyrepr *p, int64_t *ret_days, int64_t *ret_us)
{
    struct args args;

    if (!read_args(p, &args))
        return false;
    *ret_days = arg(&args, "days", 0);
    *ret_us = arg(&args, "seconds", 1) * 1000000 + arg(&args, "microseconds", 2);
    return *ret_us >= 0 && *ret_us < INT64_C(86400000000);
}

static bool read_zone(struct pyrepr *p, int64_t *ret_offset_s)
{
    static const char *const utc[] = {"datetime.timezone.utc", "<UTC>", "UTC",
                                      "zoneinfo.ZoneInfo(key='UTC')"};
    int64_t days, us;

    *ret_offset_s = 0;
    for (size_t i = 0; i < sizeof(utc) / sizeof(utc[0]); i++)
        if (take(p, utc[i]))
            return true;
    if (!take(p, "datetime.timezone(datetime.timedelta") || !read_delta(p, &days, &us))
        return false;
    *ret_offset_s = days * 86400 + us / 1000000;
    struct buf name = BUF_INIT;
    bool ok = !take(p, ", ") || read_string(p, false, &name);
    buf_done(&name);
    return ok && take(p, ")");
}

/* "(1, 2, name=3, tzinfo=...)" */
static bool read_args(struct pyrepr *p, struct args *ret)
{
    *ret = (struct args){0};
    if (!take(p, "("))
        return false;
    if (take(p, ")"))
        return true;
    do {
        const char *name = p->at;
        while (p->at < p->end && is_letter(*p->at))
            p->at++;
        size_t len = (size_t)(p->at - name);
        if (len > 0 && !take(p, "="))
            return false;
        if (len == 6 && memcmp(name, "tzinfo", 6) == 0) {
            ret->zoned = true;
            if (!read_zone(p, &ret->offset_s))
                return false;
            continue;
        }
        if (ret->count == ARGS_MAX || !read_integer(p, &ret->numbers[ret->count]))
            return false;
        ret->names[ret->count] = len > 0 ? name : NULL;
        ret->name_lens[ret->count++] = len;
    } while (take(p, ", "));
    return take(p, ")");
}

static void add_clock(struct buf *text, const struct args *args, size_t first)
{
    buf_addf(text, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%06" PRId64, arg(args, "hour", first),
             arg(args, "minute", first + 1), arg(args, "second", first + 2),
             arg(args, "microsecond", first + 3));
    if (!args->zoned)
        return;
    int64_t offset = args->offset_s < 0 ? -args->offset_s : args->offset_s;
    buf_addf(text, "%c%02" PRId64 ":%02" PRId64, args->offset_s < 0 ? '-' : '+', offset / 3600,
             offset / 60 % 60);
    if (offset % 60 != 0)
        buf_addf(text, ":%02" PRId64, offset % 60);
}

static bool is_date(const struct args *args)
{
    int64_t year = arg(args, "year", 0), month = arg(args, "month", 1), day = arg(args, "day", 2);

    return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* datetime.date, .datetime, .time, .timedelta: by way of the text that stands in JSON for them. */
static bool read_moment(struct pyrepr *p, const char *name, const struct type *type,
                        struct buf *out)
{
    struct buf text = BUF_INIT;
    struct args args;
    int64_t days, us;
    bool ok = false;

    if (strcmp(name, "timedelta") == 0) {
        ok = read_delta(p, &days, &us);
        if (ok)
            earlier_value_interval(out, days, us, &p->losses);
        return ok;
    }
    if (!read_args(p, &args))
        return false;
    if (strcmp(name, "time") == 0) {
        add_clock(&text, &args, 0);
        ok = canonical_time(out, buf_str(&text), text.len);
    } else if (is_date(&args)) {
        buf_addf(&text, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, arg(&args, "year", 0),
                 arg(&args, "month", 1), arg(&args, "day", 2));
        if (strcmp(name, "date") == 0) {
            ok = earlier_value_date(out, buf_str(&text), text.len, &p->losses);
        } else {
            buf_addc(&text, 'T');
            add_clock(&text, &args, 3);
            /* as isoformat() has it, by which the extremes are known */
            if (!args.zoned && arg(&args, "microsecond", 6) == 0)
                text.len -= strlen(".000000");
            bool zoned = args.zoned || (type && type->kind == TYPE_TIMESTAMPTZ);
            ok = earlier_value_timestamp(out, buf_str(&text), text.len, zoned, &p->losses);
        }
    }
    buf_done(&text);
    return ok;
}

/* Decimal('1.5'), UUID('...'), IPv4Address('...'), at the bracket */
static bool read_named_string(struct pyrepr *p, const char *name, const struct type *type,
                              struct buf *out)
{
    struct buf text = BUF_INIT;

    bool ok = take(p, "(") && read_string(p, false, &text) && take(p, ")");
    if (ok && strcmp(name, "Decimal") == 0)
        ok = earlier_value_numeric(out, buf_str(&text), text.len, type, &p->losses);
    else if (ok)
        buf_add(out, buf_str(&text), text.len);
    buf_done(&text);
    return ok;
}

/* ---- tuples: geometry ---- */

/* (asyncpg.pgproto.types.Point((1.0, 2.0)), 3.0) as nested lists, by way of which JSON has it. */
static bool read_sequence(struct pyrepr *p, struct buf *list)
{
    struct jsontext json;

    if (++p->depth > DEPTH_MAX)
        return false;
    const char *name = p->at;
    while (p->at < p->end && (is_letter(*p->at) || *p->at == '.'))
        p->at++;
    bool named = p->at > name && looking_at(p, "((");
    if (named)
        p->at++;
    else if (!looking_at(p, "("))
        p->at = name; /* nan, inf, a number, a list */
    if (take(p, "(") || take(p, "[")) {
        buf_addc(list, '[');
        while (!take(p, ")") && !take(p, "]")) {
            if (list->data[list->len - 1] != '[')
                buf_addc(list, ',');
            if (!read_sequence(p, list))
                return false;
            if (!take(p, ", ") && !take(p, ",") && !looking_at(p, ")") && !looking_at(p, "]"))
                return false;
        }
        buf_addc(list, ']');
    } else if (take(p, "nan")) {
        buf_adds(list, "NaN");
    } else if (take(p, "inf") || take(p, "-inf")) {
        buf_adds(list, p->at[-4] == '-' ? "-Infinity" : "Infinity");
    } else {
        json = (struct jsontext){p->at, p->end};
        if (!jsontext_number(&json))
            return false;
        buf_add(list, p->at, (size_t)(json.at - p->at));
        p->at = json.at;
    }
    p->depth--;
    return !named || take(p, ")");
}

static bool form_of(const char *name, const char *list, const struct type *type,
                    enum canonical_form *ret_form)
{
    enum earlier_rule rule = type ? earlier_type_rule(type) : EARLIER_GUESS;
    size_t commas = 0, len = strlen(list);

    for (const char *c = list; *c; c++)
        commas += *c == ',';
    if (rule >= EARLIER_POINT)
        *ret_form = (enum canonical_form)(rule - EARLIER_POINT);
    else if (strcmp(name, "Point") == 0)
        *ret_form = CANONICAL_POINT;
    else if (strcmp(name, "Box") == 0)
        *ret_form = CANONICAL_BOX;
    else if (strcmp(name, "LineSegment") == 0)
        *ret_form = CANONICAL_LSEG;
    else if (strcmp(name, "Circle") == 0 || (strncmp(list, "[[", 2) == 0 && commas == 2))
        *ret_form = CANONICAL_CIRCLE;
    else if (len > 2 && strcmp(list + len - 2, "]]") == 0 && list[1] != '[')
        *ret_form = CANONICAL_SNAPSHOT;
    else if (strcmp(name, "Line") == 0 || commas == 2)
        *ret_form = CANONICAL_LINE;
    else if (commas == 1 && !strchr(list, '.'))
        *ret_form = CANONICAL_TID;
    else
        return false;
    return true;
}

static bool read_tuple(struct pyrepr *p, const char *name, const struct type *type, struct buf *out)
{
    struct buf list = BUF_INIT;
    enum canonical_form form;

    bool twice = *name && take(p, "((");
    if (twice)
        p->at--;
    bool ok = read_sequence(p, &list) && (!twice || take(p, ")")) &&
              form_of(name, buf_str(&list), type, &form);
    if (ok) {
        struct jsontext json = {list.data, list.data + list.len};
        ok = canonical_sequence(out, form, &json) && json.at == json.end;
    }
    buf_done(&list);
    return ok;
}

/* ---- containers ---- */

/* One element with its quotes; None as `none`. */
static bool read_element(struct pyrepr *p, const struct type *type,
                         enum literal_container container, char delimiter, struct buf *out)
{
    size_t start = out->len;
    bool null;

    if (!read_value(p, type, out, &null))
        return false;
    if (null)
        buf_adds(out, container == LITERAL_ARRAY ? "NULL" : "");
    p->failed = !null && !literal_quote(out, start, container, delimiter, p->err);
    return !p->failed;
}

/* [a, b], nested for more dimensions; `type`: of the elements. */
static bool read_list(struct pyrepr *p, const struct type *type, char delimiter, struct buf *out)
{
    bool flat = type && earlier_type_rule(type) == EARLIER_MULTIRANGE;
    bool first = true;

    if (!take(p, "[") || ++p->depth > DEPTH_MAX)
        return false;
    buf_addc(out, '{');
    while (!take(p, "]")) {
        if (!first && !take(p, ", "))
            return false;
        if (!first)
            buf_addc(out, delimiter);
        first = false;
        if (looking_at(p, "[") && !flat ? !read_list(p, type, delimiter, out)
                                        : !read_element(p, type, LITERAL_ARRAY, delimiter, out))
            return false;
    }
    buf_addc(out, '}');
    p->depth--;
    return true;
}

static bool read_range(struct pyrepr *p, const struct type *type, struct buf *out)
{
    const struct type *element = type && type->kind == TYPE_RANGE ? type->element : NULL;

    if (take(p, "empty>")) {
        buf_adds(out, "empty");
        return true;
    }
    if (!looking_at(p, "[") && !looking_at(p, "("))
        return false;
    buf_addc(out, *p->at++);
    if (!looking_at(p, ", ") && !read_element(p, element, LITERAL_RANGE, '\0', out))
        return false;
    if (!take(p, ", "))
        return false;
    buf_addc(out, ',');
    if (!looking_at(p, "]>") && !looking_at(p, ")>") &&
        !read_element(p, element, LITERAL_RANGE, '\0', out))
        return false;
    if (!looking_at(p, "]>") && !looking_at(p, ")>"))
        return false;
    buf_addc(out, *p->at);
    p->at += 2;
    return true;
}

/* A multirange's ranges stand in it without quotes. */
static bool read_multirange(struct pyrepr *p, const struct type *type, struct buf *out)
{
    bool first = true;

    if (!take(p, "["))
        return false;
    buf_addc(out, '{');
    while (!take(p, "]")) {
        if (!first && !take(p, ", "))
            return false;
        if (!first)
            buf_addc(out, ',');
        first = false;
        if (!take(p, "<Range ") || !read_range(p, type->element, out))
            return false;
    }
    buf_addc(out, '}');
    return true;
}

/* A field's name stands bare, so where it ends is only known by the type, or by its '='. */
static bool take_field_name(struct pyrepr *p, const char *name)
{
    size_t len = name ? strlen(name) : 0;

    if (name && (size_t)(p->end - p->at) > len && memcmp(p->at, name, len) == 0 &&
        p->at[len] == '=') {
        p->at += len + 1;
        return true;
    }
    const char *equals = memchr(p->at, '=', (size_t)(p->end - p->at));
    if (!equals)
        return false;
    p->at = equals + 1;
    return true;
}

static bool read_record(struct pyrepr *p, const struct type *type, struct buf *out)
{
    bool known = type && type->kind == TYPE_COMPOSITE;

    if (++p->depth > DEPTH_MAX)
        return false;
    buf_addc(out, '(');
    for (size_t i = 0; !take(p, ">"); i++) {
        const struct type_field *field = known && i < type->field_count ? &type->fields[i] : NULL;
        if (i > 0 && !take(p, " "))
            return false;
        if (i > 0)
            buf_addc(out, ',');
        if (!take_field_name(p, field ? field->name : NULL) ||
            !read_element(p, field ? field->type : NULL, LITERAL_COMPOSITE, '\0', out))
            return false;
    }
    buf_addc(out, ')');
    p->depth--;
    return true;
}

static bool read_bits(struct pyrepr *p, struct buf *out)
{
    for (; p->at < p->end && *p->at != '>'; p->at++) {
        if (*p->at == '0' || *p->at == '1')
            buf_addc(out, *p->at);
        else if (*p->at != ' ')
            return false;
    }
    return take(p, ">");
}

/* "<asyncpg.pgproto.types.Path object at 0x7fc7ad6e4280>" */
static bool take_address(struct pyrepr *p)
{
    const char *close = memchr(p->at, '>', (size_t)(p->end - p->at));
    const char *object = close ? memmem(p->at, (size_t)(close - p->at), " object at 0x", 13) : NULL;

    if (!object)
        return false;
    for (const char *c = p->at + 1; c < object; c++)
        if (!is_letter(*c) && !is_digit(*c) && *c != '.')
            return false;
    for (const char *c = object + 13; c < close; c++)
        if (!is_digit(*c) && (*c < 'a' || *c > 'f'))
            return false;
    p->at = close + 1;
    return true;
}

static bool read_angle(struct pyrepr *p, const struct type *type, struct buf *out, bool *ret_null)
{
    if (take(p, "<Record "))
        return read_record(p, type, out);
    if (take(p, "<Record>")) {
        buf_adds(out, "()");
        return true;
    }
    if (take(p, "<Range "))
        return read_range(p, type, out);
    if (take(p, "<BitString "))
        return read_bits(p, out);
    if (!take_address(p))
        return false;
    p->losses |= EARLIER_ADDRESS;
    return *ret_null = true;
}

/* ---- dictionaries: json that was parsed on its way ---- */

static bool read_json(struct pyrepr *p, struct buf *out)
{
    struct buf text = BUF_INIT;
    bool dict = looking_at(p, "{"), ok = true;

    if (looking_at(p, "'") || looking_at(p, "\"")) {
        ok = read_string(p, false, &text);
        if (ok)
            json_quote(out, buf_str(&text), text.len);
        buf_done(&text);
        return ok;
    }
    if (take(p, "None"))
        buf_adds(out, "null");
    else if (take(p, "True"))
        buf_adds(out, "true");
    else if (take(p, "False"))
        buf_adds(out, "false");
    else if (!dict && !looking_at(p, "["))
        return read_number(p, NULL, out);
    else if (++p->depth > DEPTH_MAX)
        return false;
    else {
        const char *close = dict ? "}" : "]", *start = ++p->at;
        buf_addc(out, dict ? '{' : '[');
        while (!take(p, close)) {
            if (p->at != start && !take(p, ", "))
                return false;
            buf_adds(out, out->data[out->len - 1] == (dict ? '{' : '[') ? "" : ", ");
            if ((dict && (!read_json(p, out) || !take(p, ": "))))
                return false;
            buf_adds(out, dict ? ": " : "");
            if (!read_json(p, out))
                return false;
        }
        buf_addc(out, *close);
        p->depth--;
    }
    return true;
}

/* ---- any value ---- */

/* A word, or a call whose last name tells what it makes. */
static bool read_name(struct pyrepr *p, const struct type *type, struct buf *out, bool *ret_null)
{
    static const char *const strings[] = {"Decimal",       "UUID",         "IPv4Address",
                                          "IPv6Address",   "IPv4Network",  "IPv6Network",
                                          "IPv4Interface", "IPv6Interface"};
    static const char *const moments[] = {"date", "datetime", "time", "timedelta"};
    char name[32];

    if (take(p, "None"))
        return *ret_null = true;
    if (take(p, "True") || take(p, "False")) {
        buf_addc(out, p->at[-2] == 'u' ? 't' : 'f'); /* Tr-u-e, Fal-s-e */
        return true;
    }
    if (looking_at(p, "nan") || looking_at(p, "inf"))
        return read_number(p, type, out);
    const char *start = p->at;
    while (p->at < p->end && (is_letter(*p->at) || is_digit(*p->at) || *p->at == '.')) {
        if (*p->at == '.')
            start = p->at + 1;
        p->at++;
    }
    size_t len = (size_t)(p->at - start);
    if (len == 0 || len >= sizeof(name) || !looking_at(p, "("))
        return false;
    memcpy(name, start, len);
    name[len] = '\0';
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        if (strcmp(name, strings[i]) == 0)
            return read_named_string(p, name, type, out);
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
        if (strcmp(name, moments[i]) == 0)
            return read_moment(p, name, type, out);
    return read_tuple(p, name, type, out);
}

static bool read_list_of(struct pyrepr *p, const struct type *type, struct buf *out)
{
    enum earlier_rule rule = type ? earlier_type_rule(type) : EARLIER_GUESS;

    if (rule == EARLIER_MULTIRANGE)
        return read_multirange(p, type, out);
    if (rule == EARLIER_JSON)
        return read_json(p, out);
    if (rule == EARLIER_VECTOR)
        return read_tuple(p, "", type, out);
    if (rule == EARLIER_ARRAY)
        return read_list(p, type->element, type->delimiter, out);
    return read_list(p, NULL, looking_at(p, "[asyncpg.pgproto.types.Box(") ? ';' : ',', out);
}

static bool read_value(struct pyrepr *p, const struct type *type, struct buf *out, bool *ret_null)
{
    bool ok = false;

    *ret_null = false;
    if (p->at == p->end || ++p->depth > DEPTH_MAX)
        return false;
    char c = *p->at;
    if (c == '\'' || c == '"') {
        ok = read_string(p, false, out);
    } else if (looking_at(p, "b'") || looking_at(p, "b\"")) {
        p->at++;
        buf_adds(out, "\\x");
        ok = read_string(p, true, out);
    } else if (c == '<') {
        ok = read_angle(p, type, out, ret_null);
    } else if (c == '[') {
        ok = read_list_of(p, type, out);
    } else if (c == '(') {
        ok = read_tuple(p, "", type, out);
    } else if (c == '{') {
        ok = read_json(p, out);
    } else if (is_digit(c) || c == '-') {
        ok = read_number(p, type, out);
    } else {
        ok = read_name(p, type, out, ret_null);
    }
    p->depth--;
    return ok;
}

bool pyrepr_is(const char *text, size_t len)
{
    struct pyrepr p = {.at = text, .end = text + len};

    if (len == 0 || *text != '<' || text[len - 1] != '>')
        return false;
    return looking_at(&p, "<Record ") || looking_at(&p, "<Range ") ||
           looking_at(&p, "<BitString ") || looking_at(&p, "<Record>") || take_address(&p);
}

bool pyrepr_decode(const struct type *type, const char *text, size_t len, struct buf *out,
                   bool *ret_null, unsigned *losses, struct err *err)
{
    struct pyrepr p = {.at = text, .end = text + len, .err = err};
    size_t start = out->len;

    if (!buf_reserve(out, len * 2, err)) /* as a rule nothing grows behind this */
        return false;
    bool ok = read_value(&p, type, out, ret_null) && p.at == p.end;
    if (p.failed)
        return false;
    if (!ok) {
        p.losses = EARLIER_UNREAD;
        *ret_null = true;
    }
    if (*ret_null) {
        out->len = start;
        out->data[start] = '\0';
    }
    *losses |= p.losses;
    return true;
}
