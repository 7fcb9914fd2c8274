/* SPDX-License-Identifier: PostgreSQL */
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"

#define US_PER_SECOND   INT64_C(1000000)
#define FAULT_JUMP_DAYS 400

/* --- numbers --- */

bool text_to_int(const char *text, int64_t *ret_value)
{
    char *end;

    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno == ERANGE)
        return false;
    *ret_value = value;
    return true;
}

bool text_to_real(const char *text, double *ret_value)
{
    char *end;

    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || errno == ERANGE || !isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

/* --- time --- */

/* Days since 1970-01-01 in the proleptic Gregorian calendar; year 0 is 1 BC. */
static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned year_of_era = (unsigned)(year - era * 400);
    unsigned day_of_year = (153 * (month + (month > 2 ? -3u : 9u)) + 2) / 5 + day - 1;
    unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned day_of_era = (unsigned)(days - era * 146097);
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned mp = (5 * day_of_year + 2) / 153;

    *ret_day = day_of_year - (153 * mp + 2) / 5 + 1;
    *ret_month = mp < 10 ? mp + 3 : mp - 9;
    *ret_year = (int64_t)year_of_era + era * 400 + (*ret_month <= 2);
}

struct cursor {
    const char *at, *end;
};

static bool take_digits(struct cursor *c, int min, int max, int64_t *ret_value)
{
    int64_t value = 0;
    int n = 0;

    while (c->at < c->end && n < max && (unsigned)(*c->at - '0') < 10) {
        value = value * 10 + (*c->at++ - '0');
        n++;
    }
    *ret_value = value;
    return n >= min;
}

static bool take_char(struct cursor *c, char wanted)
{
    if (c->at >= c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_fraction(struct cursor *c, int64_t *ret_us)
{
    int64_t scale = 100000;

    *ret_us = 0;
    if (c->at >= c->end || (unsigned)(*c->at - '0') > 9)
        return false;
    for (; c->at < c->end && (unsigned)(*c->at - '0') < 10; c->at++, scale /= 10)
        *ret_us += (*c->at - '0') * scale; /* past six digits scale is 0 */
    return true;
}

static bool take_time(struct cursor *c, int64_t *ret_us)
{
    int64_t hour, minute, second = 0, us = 0;

    if (!take_digits(c, 2, 2, &hour) || !take_char(c, ':') || !take_digits(c, 2, 2, &minute))
        return false;
    if (take_char(c, ':')) {
        if (!take_digits(c, 2, 2, &second))
            return false;
        if (take_char(c, '.') && !take_fraction(c, &us))
            return false;
    }
    *ret_us = ((hour * 60 + minute) * 60 + second) * US_PER_SECOND + us;
    return minute < 60 && second <= 60 && *ret_us <= TEXT_US_PER_DAY;
}

static bool take_zone(struct cursor *c, int64_t *ret_us)
{
    int64_t hours, minutes = 0, seconds = 0;
    int sign;

    *ret_us = 0;
    if (c->at >= c->end || take_char(c, 'Z'))
        return true;
    if (*c->at != '+' && *c->at != '-')
        return true;
    sign = *c->at++ == '-' ? -1 : 1;
    if (!take_digits(c, 2, 2, &hours))
        return false;
    if (take_char(c, ':') && !take_digits(c, 2, 2, &minutes))
        return false;
    if (take_char(c, ':') && !take_digits(c, 2, 2, &seconds))
        return false;
    *ret_us = sign * ((hours * 60 + minutes) * 60 + seconds) * US_PER_SECOND;
    return hours < 16 && minutes < 60 && seconds < 60;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* Year 0 is 1 BC. */
static bool is_day(int64_t year, int64_t month, int64_t day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
           (month != 2 || day < 29 || leap);
}

bool text_to_moment(const char *text, size_t len, struct text_moment *ret_moment)
{
    struct cursor c = {text, text + len};
    struct text_moment moment = {0};
    int64_t year, month, day;

    if (is_word(text, len, "infinity") || is_word(text, len, "-infinity")) {
        moment.day = *text == '-' ? INT64_MIN : INT64_MAX;
        *ret_moment = moment;
        return true;
    }
    if (!take_digits(&c, 4, 7, &year) || !take_char(&c, '-') || !take_digits(&c, 2, 2, &month) ||
        !take_char(&c, '-') || !take_digits(&c, 2, 2, &day))
        return false;
    if ((take_char(&c, ' ') || take_char(&c, 'T'))) {
        if (c.end - c.at == 2 && memcmp(c.at, "BC", 2) == 0)
            c.at--; /* a date with BC: give the space back */
        else if (!take_time(&c, &moment.us) || !take_zone(&c, &moment.zone_us))
            return false;
    }
    if (year == 0)
        return false;
    if (c.end - c.at == 3 && memcmp(c.at, " BC", 3) == 0) {
        year = 1 - year;
        c.at += 3;
    }
    if (c.at != c.end || !is_day(year, month, day))
        return false;
    moment.day = days_from_civil(year, (unsigned)month, (unsigned)day);
    if (moment.us == TEXT_US_PER_DAY) { /* 24:00, or a leap second */
        moment.day++;
        moment.us = 0;
    }
    *ret_moment = moment;
    return true;
}

bool text_to_time(const char *text, size_t len, int64_t *ret_us)
{
    struct text_moment moment;
    int64_t us;

    if (!text_to_moment(text, len, &moment))
        return false;
    if (moment.day == INT64_MAX || moment.day == INT64_MIN) {
        *ret_us = moment.day;
        return true;
    }
    if (__builtin_mul_overflow(moment.day, TEXT_US_PER_DAY, &us) ||
        __builtin_add_overflow(us, moment.us - moment.zone_us, &us))
        return false;
    *ret_us = us;
    return true;
}

static int64_t floor_days(int64_t us)
{
    return us / TEXT_US_PER_DAY - (us % TEXT_US_PER_DAY < 0);
}

void text_add_time(struct buf *buf, int64_t us)
{
    int64_t year;
    unsigned month, day;
    int64_t days = floor_days(us);
    int64_t rest = us - days * TEXT_US_PER_DAY;

    if (us == INT64_MAX || us == INT64_MIN) {
        buf_adds(buf, us == INT64_MAX ? "infinity" : "-infinity");
        return;
    }
    civil_from_days(days, &year, &month, &day);
    int64_t second = rest / US_PER_SECOND, fraction = rest % US_PER_SECOND;
    buf_addf(buf, "%04lld-%02u-%02uT%02d:%02d:%02d", (long long)(year > 0 ? year : 1 - year), month,
             day, (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    if (fraction > 0)
        buf_addf(buf, ".%06d", (int)fraction);
    buf_adds(buf, year > 0 ? "+00:00" : "+00:00 BC");
}

void text_civil(int64_t us, int *ret_year, int *ret_month, int *ret_day)
{
    int64_t year;
    unsigned month, day;

    civil_from_days(floor_days(us), &year, &month, &day);
    *ret_year = (int)year;
    *ret_month = (int)month;
    *ret_day = (int)day;
}

void text_add_stamp(struct buf *buf, int64_t us)
{
    int year, month, day;
    int64_t rest = us - floor_days(us) * TEXT_US_PER_DAY;
    int second = (int)(rest / US_PER_SECOND);

    text_civil(us, &year, &month, &day);
    buf_addf(buf, "%04d%02d%02dT%02d%02d%02dZ", year, month, day, second / 3600, second / 60 % 60,
             second % 60);
}

void text_run_id(char ret_id[40])
{
    struct buf stamp = BUF_INIT;
    uint32_t random = 0;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
        random = (uint32_t)getpid() ^ (uint32_t)text_monotonic_us();
    text_add_stamp(&stamp, text_now_us());
    snprintf(ret_id, 40, "%s-%04x", buf_str(&stamp), (unsigned)(random & 0xffff));
    buf_done(&stamp);
}

bool text_from_stamp(const char *text, size_t len, int64_t *ret_us)
{
    struct cursor c = {text, text + len};
    int64_t year, month, day, hour, minute, second;

    if (len != 16 || !take_digits(&c, 4, 4, &year) || !take_digits(&c, 2, 2, &month) ||
        !take_digits(&c, 2, 2, &day) || !take_char(&c, 'T') || !take_digits(&c, 2, 2, &hour) ||
        !take_digits(&c, 2, 2, &minute) || !take_digits(&c, 2, 2, &second) || !take_char(&c, 'Z'))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *ret_us = days_from_civil(year, (unsigned)month, (unsigned)day) * TEXT_US_PER_DAY +
              ((hour * 60 + minute) * 60 + second) * US_PER_SECOND;
    return true;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t text_now_us(void)
{
    int64_t now = clock_us(CLOCK_REALTIME);

    return fault_is("clock.now", "jump") ? now + FAULT_JUMP_DAYS * TEXT_US_PER_DAY : now;
}

int64_t text_monotonic_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/* --- for people --- */

void text_add_bytes(struct buf *buf, uint64_t bytes)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    uint64_t unit = 1;
    size_t name = 0;

    /* Rounding must not give "1000.0 kB". */
    while (name + 1 < sizeof(names) / sizeof(names[0]) && bytes >= unit * 1000 - unit / 20) {
        unit *= 1000;
        name++;
    }
    if (name == 0) {
        buf_addf(buf, "%" PRIu64 " B", bytes);
        return;
    }
    uint64_t tenths = bytes / unit * 10 + (bytes % unit * 10 + unit / 2) / unit;
    buf_addf(buf, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10, names[name]);
}

void text_add_count(struct buf *buf, uint64_t count)
{
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            buf_addc(buf, ',');
        buf_addc(buf, digits[i]);
    }
}

void text_add_duration(struct buf *buf, double seconds)
{
    long whole = (long)(seconds + 0.5);

    if (seconds < 9.995)
        buf_addf(buf, "%.2f s", seconds);
    else if (whole < 60)
        buf_addf(buf, "%ld s", whole);
    else if (whole < 3600)
        buf_addf(buf, "%ldm%02ld", whole / 60, whole % 60);
    else if (whole < 86400)
        buf_addf(buf, "%ldh%02ld", whole / 3600, whole / 60 % 60);
    else
        buf_addf(buf, "%ldd%02ldh", whole / 86400, whole / 3600 % 24);
}

/* --- hex, base64 --- */

uint32_t text_le32(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

void text_hex(const uint8_t *bytes, size_t len, char *ret_hex)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        ret_hex[2 * i] = digits[bytes[i] >> 4];
        ret_hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_hex[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_from_hex(const char *hex, size_t len, uint8_t *ret_bytes)
{
    if (len % 2 != 0)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(struct buf *buf, const uint8_t *bytes, size_t len)
{
    buf_need(buf, (len + 2) / 3 * 4);
    char *out = buf->data + buf->len;

    for (size_t i = 0; i < len; i += 3) {
        unsigned left = (unsigned)(len - i);
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0u);
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63];
        *out++ = left > 1 ? base64_digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? base64_digits[group & 63] : '=';
    }
    *out = '\0';
    buf->len = (size_t)(out - buf->data);
}

static int base64_value(char c)
{
    const char *at = c ? strchr(base64_digits, c) : NULL;

    return at ? (int)(at - base64_digits) : -1;
}

bool text_from_base64(struct buf *buf, const char *text, size_t len)
{
    if (len % 4 != 0)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        int pad = last ? (text[i + 3] == '=') + (text[i + 3] == '=' && text[i + 2] == '=') : 0;
        int32_t group = 0;
        for (int k = 0; k < 4; k++) {
            int value = k >= 4 - pad ? 0 : base64_value(text[i + (size_t)k]);
            if (value < 0)
                return false;
            group = group << 6 | value;
        }
        for (int k = 0; k < 3 - pad; k++)
            buf_addc(buf, (char)(group >> (16 - 8 * k) & 255));
    }
    return true;
}

/* --- digests --- */

void text_sha256(const void *bytes, size_t len, uint8_t ret_digest[32])
{
    EVP_Digest(bytes, len, ret_digest, NULL, EVP_sha256(), NULL);
}

void text_md5(const void *bytes, size_t len, uint8_t ret_digest[16])
{
    EVP_Digest(bytes, len, ret_digest, NULL, EVP_md5(), NULL);
}

struct text_digest {
    EVP_MD_CTX *context;
};

struct text_digest *text_digest_new(void)
{
    struct text_digest *digest = mem_alloc(sizeof(*digest));

    digest->context = EVP_MD_CTX_new();
    if (!digest->context)
        abort();
    EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL);
    return digest;
}

void text_digest_add(struct text_digest *digest, const void *bytes, size_t len)
{
    EVP_DigestUpdate(digest->context, bytes, len);
}

void text_digest_end(struct text_digest *digest, uint8_t ret_digest[32])
{
    EVP_DigestFinal_ex(digest->context, ret_digest, NULL);
    EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL);
}

void text_digest_free(struct text_digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    free(digest);
}

/* --- words --- */

const char *text_take_name(const char *text, const char *ends, struct buf *ret_name)
{
    buf_reset(ret_name);
    if (*text != '"') {
        size_t len = strcspn(text, ends);
        buf_add(ret_name, text, len);
        return text + len;
    }
    for (text++; *text && (*text != '"' || text[1] == '"'); text++) {
        text += *text == '"';
        buf_addc(ret_name, *text);
    }
    return *text ? text + 1 : NULL;
}

void text_add_name(struct buf *buf, const char *name, const char *ends)
{
    if (*name && *name != '"' && !name[strcspn(name, ends)]) {
        buf_adds(buf, name);
        return;
    }
    buf_addc(buf, '"');
    for (; *name; name++)
        buf_addf(buf, *name == '"' ? "%c\"" : "%c", *name);
    buf_addc(buf, '"');
}

/* Two letters that changed places count as one slip, as people make it. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    size_t rows[3][65]; /* this one, the one before, the one before that */

    if (lb > 64 || la > 64)
        return SIZE_MAX;
    for (size_t i = 0; i <= la; i++) {
        size_t *row = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            if (i == 0) {
                row[j] = j;
                continue;
            }
            size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
            size_t other = (before[j] < row[j - 1] ? before[j] : row[j - 1]) + 1;
            row[j] = change < other ? change : other;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                earlier[j - 2] + 1 < row[j])
                row[j] = earlier[j - 2] + 1;
        }
    }
    return rows[la % 3][lb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t limit = strlen(word) / 3, best = SIZE_MAX;
    const char *nearest = NULL;

    if (limit < 1)
        limit = 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, candidates[i]);
        if (distance <= limit && distance < best) {
            best = distance;
            nearest = candidates[i];
        }
    }
    return nearest;
}

size_t text_utf8(uint32_t c, char ret_bytes[4])
{
    static const unsigned char first[] = {0, 0xc0, 0xe0, 0xf0};
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

    ret_bytes[0] = (char)(first[more] | c >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        ret_bytes[i] = (char)(0x80 | (c >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

/* The next code point; an invalid byte counts as one. */
static uint32_t next_point(const unsigned char **at)
{
    const unsigned char *p = *at;
    int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : *p >= 0xc0 ? 1 : 0;
    uint32_t point = more == 3 ? *p & 7u : more == 2 ? *p & 15u : more == 1 ? *p & 31u : *p;

    p++;
    for (; more > 0 && (*p & 0xc0) == 0x80; more--)
        point = point << 6 | (*p++ & 63u);
    *at = p;
    return point;
}

static bool is_wide(uint32_t p)
{
    return (p >= 0x1100 && p <= 0x115f) || (p >= 0x2e80 && p <= 0xa4cf) ||
           (p >= 0xac00 && p <= 0xd7a3) || (p >= 0xf900 && p <= 0xfaff) ||
           (p >= 0xfe30 && p <= 0xfe6f) || (p >= 0xff00 && p <= 0xff60) ||
           (p >= 0xffe0 && p <= 0xffe6) || (p >= 0x1f300 && p <= 0x1faff) ||
           (p >= 0x20000 && p <= 0x3fffd);
}

static bool is_combining(uint32_t p)
{
    return (p >= 0x300 && p <= 0x36f) || (p >= 0x200b && p <= 0x200f) ||
           (p >= 0x20d0 && p <= 0x20ff) || (p >= 0xfe00 && p <= 0xfe0f) || p == 0xfeff;
}

size_t text_width(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t width = 0;

    while (*at) {
        if (*at < 0x80) { /* nearly all of what is printed */
            width++;
            at++;
            continue;
        }
        uint32_t point = next_point(&at);
        width += is_combining(point) ? 0 : is_wide(point) ? 2 : 1;
    }
    return width;
}
