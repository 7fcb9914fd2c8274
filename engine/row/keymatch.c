/* SPDX-License-Identifier: PostgreSQL
 *
 * What is wanted is brought into one spelling when the match is made; of what is compared only the
 * kinds that have several spellings are, the rest (integers, text) is compared byte by byte, since
 * a manifest may hold ten million keys.
 */
#include "row/keymatch.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "row/jsontext.h"
#include "row/scalar.h"

enum spelling { AS_IT_IS, AS_UUID, AS_NUMERIC, AS_FLOAT, AS_TIME, AS_PADDED };

struct part {
    enum spelling spelling;
    struct buf text; /* in its one spelling */
    double real;
    int64_t us;
};

struct keymatch {
    struct part *parts;
    size_t count;
    struct buf scratch, spelled, stack;
};

/* --- one spelling --- */

/* 32 digits, whatever case, braces and hyphens; false where it is no uuid. */
static bool spell_uuid(const char *text, size_t len, struct buf *ret)
{
    buf_reset(ret);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c >= 'A' && c <= 'F')
            c = (char)(c + 32);
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))
            buf_addc(ret, c);
        else if (c != '-' && c != '{' && c != '}')
            return false;
    }
    return ret->len == 32;
}

static size_t digits_at(const char *at, const char *end)
{
    size_t count = 0;

    while (at + count < end && at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

/* "-1.50", "1.5", "15E-1" -> sign, digits without zeros at either end, exponent. */
static bool spell_numeric(const char *text, size_t len, struct buf *ret)
{
    const char *at = text, *end = text + len;
    bool negative = len > 0 && *at == '-';
    int64_t exponent = 0;

    buf_reset(ret);
    at += len > 0 && (*at == '-' || *at == '+');
    size_t whole = digits_at(at, end);
    buf_add(ret, at, whole);
    at += whole;
    if (at < end && *at == '.') {
        size_t fraction = digits_at(++at, end);
        buf_add(ret, at, fraction);
        at += fraction;
        exponent = -(int64_t)fraction;
    }
    if (ret->len == 0) { /* NaN, Infinity */
        buf_add(ret, text, len);
        return len > 0 && digits_at(text, end) == 0 && *text != '.';
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        char *tail = mem_printf("%.*s", (int)(end - at - 1), at + 1);
        int64_t given;
        bool ok = text_to_int(tail + (*tail == '+'), &given) && given < 100000 && given > -100000;
        free(tail);
        if (!ok)
            return false;
        exponent += given;
        at = end;
    }
    size_t zeros = strspn(ret->data, "0");
    memmove(ret->data, ret->data + zeros, ret->len - zeros + 1);
    ret->len -= zeros;
    for (; ret->len > 0 && ret->data[ret->len - 1] == '0'; exponent++)
        ret->data[--ret->len] = '\0';
    if (ret->len > 0)
        buf_addf(ret, "e%" PRId64 "%s", exponent, negative ? "-" : "");
    return at == end;
}

static void spell_padded(const char *text, size_t len, struct buf *ret)
{
    while (len > 0 && text[len - 1] == ' ')
        len--;
    buf_reset(ret);
    buf_add(ret, text, len);
}

/* --- what is wanted --- */

static bool not_a(const char *text, const char *type, struct err *err)
{
    return err_set(err, ERR_USAGE, "\"%s\" is not a value of type %s", text, type);
}

static bool want_text(struct part *p, const struct type *type, const char *text, struct err *err)
{
    size_t len = strlen(text);
    struct buf uuid = BUF_INIT;
    bool is_uuid = spell_uuid(text, len, &uuid);
    bool ok = true;

    buf_adds(&p->text, text);
    if (!type) {
        p->spelling = is_uuid ? AS_UUID : AS_IT_IS;
    } else if (strcmp(type->udt_name, "uuid") == 0) {
        p->spelling = AS_UUID;
        ok = is_uuid || not_a(text, type->name, err);
    } else if (strcmp(type->udt_name, "numeric") == 0) {
        p->spelling = AS_NUMERIC;
        ok = spell_numeric(text, len, &p->text) || not_a(text, type->name, err);
    } else if (strcmp(type->udt_name, "bpchar") == 0) {
        p->spelling = AS_PADDED;
        spell_padded(text, len, &p->text);
    }
    if (p->spelling == AS_UUID) {
        buf_reset(&p->text);
        buf_add(&p->text, uuid.data, uuid.len);
    }
    buf_done(&uuid);
    return ok;
}

static bool want_bytea(struct part *p, const struct type *type, const char *text, struct err *err)
{
    enum scalar_done done = SCALAR_BAD;

    if (strncmp(text, "\\x", 2) == 0)
        done = scalar_hex_to_base64(&p->text, text + 2, strlen(text + 2), err);
    return done == SCALAR_OK || (done == SCALAR_BAD && not_a(text, type->name, err));
}

static bool want(struct part *p, const struct type *type, const char *text, struct err *err)
{
    int64_t number;

    switch (type ? type->kind : TYPE_TEXT) {
    case TYPE_INT:
        if (!text_to_int(text, &number))
            return not_a(text, type->name, err);
        buf_addf(&p->text, "%" PRId64, number);
        return true;
    case TYPE_FLOAT:
        buf_adds(&p->text, text);
        if (strcmp(text, "NaN") == 0 || strcmp(text + (*text == '-'), "Infinity") == 0)
            return true;
        p->spelling = AS_FLOAT;
        return text_to_real(text, &p->real) || not_a(text, type->name, err);
    case TYPE_BOOL:
        buf_adds(&p->text, strchr("tTyY1", *text) && *text ? "true" : "false");
        return (*text && strchr("tTfFyYnN10", *text)) || not_a(text, type->name, err);
    case TYPE_TIMESTAMPTZ:
    case TYPE_TIMESTAMP:
    case TYPE_DATE:
        p->spelling = AS_TIME;
        return text_to_time(text, strlen(text), &p->us) || not_a(text, type->name, err);
    case TYPE_BYTEA:
        return want_bytea(p, type, text, err);
    default:
        return want_text(p, type, text, err);
    }
}

/* The next value of a CSV line; *at moves behind its comma, or becomes NULL at the end. */
static bool take_csv(const char **at, struct buf *ret)
{
    const char *c = *at;

    buf_reset(ret);
    if (*c != '"') {
        size_t len = strcspn(c, ",");
        buf_add(ret, c, len);
        *at = c[len] ? c + len + 1 : NULL;
        return true;
    }
    for (c++; *c && (*c != '"' || c[1] == '"'); c++) {
        c += *c == '"';
        buf_addc(ret, *c);
    }
    if (*c != '"' || (c[1] && c[1] != ','))
        return false;
    *at = c[1] ? c + 2 : NULL;
    return true;
}

static bool wrong_count(const char *text, size_t given, size_t due, struct err *err)
{
    err_set(err, ERR_USAGE, "\"%s\" is %zu values, the key has %zu columns", text, given, due);
    return err_hint(err, "commas between them; a value with a comma in it in double quotes");
}

static bool want_all(struct keymatch *m, const char *text, const struct type *const *types,
                     struct err *err)
{
    const char *at = text;
    size_t given = 0;
    bool ok = true;

    if (m->count == 1 && *text != '"')
        return want(&m->parts[0], types[0], text, err);
    for (; at; given++) {
        if (!take_csv(&at, &m->scratch))
            return err_set(err, ERR_USAGE, "\"%s\": a quote is not closed, or not in its place",
                           text);
        if (ok && given < m->count)
            ok = want(&m->parts[given], types[given], buf_str(&m->scratch), err);
    }
    return given == m->count ? ok : wrong_count(text, given, m->count, err);
}

struct keymatch *keymatch_new(const char *text, const struct type *const *types, size_t count,
                              struct err *err)
{
    struct keymatch *m = mem_alloc(sizeof(*m));

    m->parts = mem_alloc((count + 1) * sizeof(*m->parts));
    m->count = count;
    if (want_all(m, text, types, err))
        return m;
    keymatch_free(m);
    return NULL;
}

void keymatch_free(struct keymatch *match)
{
    if (!match)
        return;
    for (size_t i = 0; i < match->count; i++)
        buf_done(&match->parts[i].text);
    free(match->parts);
    buf_done(&match->scratch);
    buf_done(&match->spelled);
    buf_done(&match->stack);
    free(match);
}

/* --- comparing --- */

static bool same_bytes(const struct buf *wanted, const char *text, size_t len)
{
    return wanted->len == len && memcmp(buf_str(wanted), text, len) == 0;
}

static bool same_real(const struct part *p, const char *text, size_t len, struct buf *scratch)
{
    double real;

    buf_reset(scratch);
    buf_add(scratch, text, len);
    return text_to_real(buf_str(scratch), &real) && real == p->real;
}

static bool same(struct keymatch *m, const struct part *p, const char *text, size_t len)
{
    int64_t us;

    switch (p->spelling) {
    case AS_IT_IS:
        return same_bytes(&p->text, text, len);
    case AS_UUID:
        return spell_uuid(text, len, &m->spelled) &&
               same_bytes(&p->text, m->spelled.data, m->spelled.len);
    case AS_NUMERIC:
        return spell_numeric(text, len, &m->spelled) &&
               same_bytes(&p->text, m->spelled.data, m->spelled.len);
    case AS_PADDED:
        spell_padded(text, len, &m->spelled);
        return same_bytes(&p->text, m->spelled.data, m->spelled.len);
    case AS_FLOAT:
        return same_real(p, text, len, &m->spelled);
    case AS_TIME:
        return text_to_time(text, len, &us) && us == p->us;
    }
    return false;
}

bool keymatch_value(struct keymatch *match, size_t i, const char *json, size_t len, bool *ret_equal,
                    struct err *err)
{
    struct jsontext at = {json, json + len};
    const char *text = json;

    *ret_equal = false;
    if (len == 4 && memcmp(json, "null", 4) == 0)
        return true;
    if (len > 0 && *json == '"' && !jsontext_string(&at, &match->scratch, &text, &len, err))
        return false;
    *ret_equal = same(match, &match->parts[i], text, len);
    return true;
}

bool keymatch_key(struct keymatch *match, const char *json, size_t len, bool *ret_equal,
                  struct err *err)
{
    struct jsontext at = {json, json + len};
    bool equal = true;

    if (match->count == 1 && (len == 0 || *json != '['))
        return keymatch_value(match, 0, json, len, ret_equal, err);
    *ret_equal = false;
    if (!jsontext_take(&at, '['))
        return jsontext_bad(err, "a key of several columns is no array");
    for (size_t i = 0; i < match->count; i++) {
        if (i > 0 && !jsontext_take(&at, ','))
            return jsontext_bad(err, "a key has another number of columns than the table's");
        jsontext_space(&at);
        const char *start = at.at;
        if (!jsontext_skip(&at, &match->stack, err))
            return false;
        if (equal && !keymatch_value(match, i, start, (size_t)(at.at - start), &equal, err))
            return false;
    }
    if (!jsontext_take(&at, ']'))
        return jsontext_bad(err, "a key has another number of columns than the table's");
    *ret_equal = equal;
    return true;
}
