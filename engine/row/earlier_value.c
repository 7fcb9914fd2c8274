/* SPDX-License-Identifier: PostgreSQL */
#include "row/earlier_value.h"

#include <inttypes.h>

#include "row/canonical.h"

#define MONTH_DAYS 30 /* what the earlier archiver took a month for; a year was 365 */

const char *earlier_value_reason(enum earlier_loss loss)
{
    switch (loss) {
    case EARLIER_ADDRESS:
        return "the address of an object stands in its place: NULL";
    case EARLIER_UNREAD:
        return "it stands in a form that is not understood: NULL";
    case EARLIER_OVERRIDDEN:
        return "a field of the earlier archiver's own stands in its place: NULL";
    case EARLIER_ABSENT:
        return "the row has no such column: NULL";
    case EARLIER_UNKNOWN:
        return "the row has this field, the schema no such column: left out";
    case EARLIER_MONTHS:
        return "months and years of an interval were written as 30 and 365 days";
    case EARLIER_INFINITY:
        return "0E-32 is taken for zero; infinities were written so too";
    default:
        return "taken for infinity; the last and first date were written so too";
    }
}

bool earlier_value_is_gone(enum earlier_loss loss)
{
    return loss < EARLIER_MONTHS;
}

static bool is(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static bool is_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len > 0;
}

bool earlier_value_date(struct buf *out, const char *text, size_t len, unsigned *losses)
{
    bool last = is(text, len, "9999-12-31"), first = is(text, len, "0001-01-01");

    if (len != 10 || !is_digits(text, 4) || text[4] != '-' || !is_digits(text + 5, 2) ||
        text[7] != '-' || !is_digits(text + 8, 2))
        return false;
    if (last || first) {
        *losses |= EARLIER_EXTREME;
        buf_adds(out, last ? "infinity" : "-infinity");
    } else {
        buf_add(out, text, len);
    }
    return true;
}

bool earlier_value_timestamp(struct buf *out, const char *text, size_t len, bool zoned,
                             unsigned *losses)
{
    size_t bare = len > 0 && text[len - 1] == 'Z' ? len - 1 : len;
    bool last = is(text, bare, "9999-12-31T23:59:59.999999");

    /* Infinity has no offset, even where the values of its type have one. */
    if (!last && !is(text, bare, "0001-01-01T00:00:00"))
        return canonical_timestamp(out, text, len, zoned);
    if (!zoned)
        *losses |= EARLIER_EXTREME;
    buf_adds(out, last ? "infinity" : "-infinity");
    return true;
}

void earlier_value_interval(struct buf *out, int64_t days, int64_t us, unsigned *losses)
{
    if (days >= MONTH_DAYS || days < -MONTH_DAYS || (days == -MONTH_DAYS && us == 0))
        *losses |= EARLIER_MONTHS;
    canonical_interval(out, days, us);
}

bool earlier_value_numeric(struct buf *out, const char *text, size_t len, const struct type *type,
                           unsigned *losses)
{
    bool bounded = type && strchr(type->name, '(');

    if (is(text, len, "0E-32") && !bounded)
        *losses |= EARLIER_INFINITY;
    return canonical_numeric(out, text, len);
}

bool earlier_value_lsn(struct buf *out, const char *text, size_t len)
{
    uint64_t value = 0;
    bool negative = len > 0 && *text == '-';

    if (!is_digits(text + negative, len - negative))
        return false;
    for (size_t i = negative; i < len; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    value = negative ? -value : value;
    buf_addf(out, "%" PRIX64 "/%" PRIX64, value >> 32, value & UINT32_MAX);
    return true;
}
