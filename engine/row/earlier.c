/* SPDX-License-Identifier: PostgreSQL
 *
 * What cannot be read as its rule says is an error where the value could not be anything of that
 * type; a repr that is not understood is a loss, so that the other values of the row come back.
 */
#include "row/earlier.h"

#include "base/text.h"
#include "row/canonical.h"
#include "row/copytext.h"
#include "row/earlier_value.h"
#include "row/literal_decode.h"
#include "row/pyrepr.h"
#include "row/scalar.h"

#define DEPTH_MAX 32 /* of JSON arrays */

void earlier_done(struct earlier_decoder *decoder)
{
    buf_done(&decoder->string);
    buf_done(&decoder->stack);
}

/* ---- single values ---- */

static bool add_string(struct jsontext *json, struct buf *out, struct err *err)
{
    bool ok = jsontext_add_plain(json, out, err);

    if (out->data)
        out->data[out->len] = '\0';
    return ok;
}

/* A number, true or false as it stands. */
static bool add_bare(struct jsontext *json, struct buf *out, struct err *err)
{
    const char *start = json->at;

    if (!canonical_number(json) && !jsontext_word(json, "true") && !jsontext_word(json, "false"))
        return jsontext_bad(err, "a value is due here");
    buf_add(out, start, (size_t)(json->at - start));
    return true;
}

static bool decode_float(enum earlier_rule rule, struct jsontext *json, struct buf *out,
                         struct err *err)
{
    const char *start = json->at;

    if (canonical_number(json)) {
        size_t len = (size_t)(json->at - start);
        if (rule == EARLIER_FLOAT4 ? canonical_float4(out, start, len)
                                   : canonical_float8(out, start, len))
            return true;
        buf_add(out, start, len); /* more digits than a float has: PostgreSQL rounds them */
        return true;
    }
    return jsontext_bad(err, "a number is due here");
}

static bool decode_bool(struct jsontext *json, struct buf *out, struct err *err)
{
    bool value = jsontext_word(json, "true");

    if (!value && !jsontext_word(json, "false"))
        return jsontext_bad(err, "true or false is due here");
    buf_addc(out, value ? 't' : 'f');
    return true;
}

/* A string that holds the JSON; or the JSON itself, where it had been parsed. */
static bool decode_json(struct earlier_decoder *decoder, struct jsontext *json, struct buf *out,
                        struct err *err)
{
    const char *start = json->at;

    if (json->at < json->end && *json->at == '"')
        return add_string(json, out, err);
    if (!jsontext_skip(json, &decoder->stack, err))
        return false;
    buf_add(out, start, (size_t)(json->at - start));
    return true;
}

static bool decode_bytea(const char *text, size_t len, struct buf *out, struct err *err)
{
    buf_adds(out, "\\x");
    switch (scalar_base64_to_hex(out, text, len, err)) {
    case SCALAR_OK:
        return true;
    case SCALAR_BAD:
        return jsontext_bad(err, "this is not base64");
    default:
        return false;
    }
}

/* One byte in base64 ("YQ=="), or the character itself. */
static bool decode_char(const char *text, size_t len, struct buf *out)
{
    struct buf byte = BUF_INIT;

    if (len != 4 || text[2] != '=' || !text_from_base64(&byte, text, len)) {
        buf_add(out, text, len);
    } else if ((unsigned char)byte.data[0] >= 0x80) {
        buf_addf(out, "\\%03o", (unsigned char)byte.data[0]);
    } else if (byte.data[0] != '\0') {
        buf_addc(out, byte.data[0]);
    }
    buf_done(&byte);
    return true;
}

static bool decode_interval(struct earlier_decoder *decoder, const char *text, size_t len,
                            struct buf *out)
{
    int64_t days, us;

    if (!canonical_read_delta(text, len, &days, &us))
        return false;
    earlier_value_interval(out, days, us, &decoder->losses);
    return true;
}

/* Types whose values are strings in a form of their own; one in another form is passed on as it is:
 * PostgreSQL judges it. */
static bool decode_string(struct earlier_decoder *decoder, const struct type *type,
                          enum earlier_rule rule, struct jsontext *json, struct buf *out,
                          bool *ret_null, struct err *err)
{
    const char *start = json->at, *text;
    size_t len;
    bool known;

    if (!jsontext_string(json, &decoder->string, &text, &len, err))
        return false;
    switch (rule) {
    case EARLIER_BYTEA:
        if (decode_bytea(text, len, out, err))
            return true;
        json->at = start;
        return false;
    case EARLIER_CHAR:
        return decode_char(text, len, out);
    case EARLIER_NUMERIC:
        known = earlier_value_numeric(out, text, len, type, &decoder->losses);
        break;
    case EARLIER_DATE:
        known = earlier_value_date(out, text, len, &decoder->losses);
        break;
    case EARLIER_TIME:
        known = canonical_time(out, text, len);
        break;
    case EARLIER_TIMESTAMP:
    case EARLIER_TIMESTAMPTZ:
        known =
            earlier_value_timestamp(out, text, len, rule == EARLIER_TIMESTAMPTZ, &decoder->losses);
        break;
    case EARLIER_INTERVAL:
        known = decode_interval(decoder, text, len, out);
        break;
    default:
        if (rule != EARLIER_TEXT && pyrepr_is(text, len))
            return pyrepr_decode(type, text, len, out, ret_null, &decoder->losses, err);
        known = false;
    }
    if (!known)
        buf_add(out, text, len);
    return true;
}

static bool decode_lsn(struct jsontext *json, struct buf *out, struct err *err)
{
    const char *start = json->at;

    if (jsontext_number(json) && earlier_value_lsn(out, start, (size_t)(json->at - start)))
        return true;
    json->at = start;
    return jsontext_bad(err, "the number of a pg_lsn is due here");
}

/* ---- arrays ---- */

/* Is the array at the cursor one value of this rule (a point, a multirange), not a dimension? Of
 * such a value all brackets come before its first number. */
static bool is_leaf(enum earlier_rule rule, const struct jsontext *json)
{
    static const int brackets[] = {
        [EARLIER_MULTIRANGE] = 1, [EARLIER_POINT] = 1, [EARLIER_LINE] = 1,
        [EARLIER_LSEG] = 2,       [EARLIER_BOX] = 2,   [EARLIER_CIRCLE] = 2,
        [EARLIER_SNAPSHOT] = 1,   [EARLIER_TID] = 1,   [EARLIER_VECTOR] = 1,
    };
    struct jsontext ahead = *json;
    int seen = 0;

    if ((size_t)rule >= sizeof(brackets) / sizeof(brackets[0]) || brackets[rule] == 0)
        return false;
    while (jsontext_take(&ahead, '['))
        seen++;
    jsontext_space(&ahead);
    return seen == brackets[rule] && (ahead.at == ahead.end || *ahead.at != 'n');
}

static bool decode_array(struct earlier_decoder *decoder, const struct type *element,
                         char delimiter, int depth, struct jsontext *json, struct buf *out,
                         struct err *err)
{
    enum earlier_rule rule = earlier_type_rule(element);
    bool first = true, null;

    if (depth > DEPTH_MAX)
        return jsontext_bad(err, "arrays are nested too deep");
    if (!jsontext_take(json, '['))
        return jsontext_bad(err, "an array is due here");
    buf_addc(out, '{');
    while (!jsontext_take(json, ']')) {
        if (!first && !jsontext_take(json, ','))
            return jsontext_bad(err, "a comma or ] is due here");
        if (!first)
            buf_addc(out, delimiter);
        first = false;
        jsontext_space(json);
        size_t start = out->len;
        if (json->at < json->end && *json->at == '[' && !is_leaf(rule, json)) {
            if (!decode_array(decoder, element, delimiter, depth + 1, json, out, err))
                return false;
            continue;
        }
        if (!earlier_decode(decoder, element, rule, json, out, &null, err))
            return false;
        if (null)
            buf_adds(out, "NULL");
        else if (!literal_quote(out, start, LITERAL_ARRAY, delimiter, err))
            return false;
    }
    buf_addc(out, '}');
    return true;
}

/* Its ranges stand in it without quotes; without one of them it is gone as a whole. `range` NULL:
 * not known. */
static bool decode_multirange(struct earlier_decoder *decoder, const struct type *range,
                              struct jsontext *json, struct buf *out, bool *ret_null,
                              struct err *err)
{
    size_t start = out->len;
    bool first = true, null;
    const char *text;
    size_t len;

    if (!jsontext_take(json, '['))
        return jsontext_bad(err, "an array is due here");
    buf_addc(out, '{');
    while (!jsontext_take(json, ']')) {
        if (!first && !jsontext_take(json, ','))
            return jsontext_bad(err, "a comma or ] is due here");
        if (!first)
            buf_addc(out, ',');
        first = false;
        jsontext_space(json);
        if (!jsontext_string(json, &decoder->string, &text, &len, err) ||
            !pyrepr_decode(range, text, len, out, &null, &decoder->losses, err))
            return false;
        *ret_null |= null;
    }
    buf_addc(out, '}');
    if (*ret_null)
        out->len = start;
    return true;
}

/* An array of which the type is not known: a multirange of the user's own, or an array over a
 * domain. */
static bool decode_guessed(struct earlier_decoder *decoder, struct jsontext *json, struct buf *out,
                           bool *ret_null, struct err *err)
{
    static const struct type unknown = {.kind = TYPE_TEXT, .name = "", .udt_name = ""};
    struct jsontext ahead = *json;

    if (jsontext_take(&ahead, '[') && jsontext_take(&ahead, '"') &&
        jsontext_word(&ahead, "<Range "))
        return decode_multirange(decoder, NULL, json, out, ret_null, err);
    return decode_array(decoder, &unknown, ',', 1, json, out, err);
}

static bool decode_sequence(enum earlier_rule rule, struct jsontext *json, struct buf *out,
                            struct err *err)
{
    enum canonical_form form = (enum canonical_form)(rule - EARLIER_POINT);

    return canonical_sequence(out, form, json) ||
           jsontext_bad(err, "numbers of another kind of value");
}

bool earlier_decode(struct earlier_decoder *decoder, const struct type *type,
                    enum earlier_rule rule, struct jsontext *json, struct buf *out, bool *ret_null,
                    struct err *err)
{
    jsontext_space(json);
    *ret_null = jsontext_word(json, "null");
    if (*ret_null)
        return true;
    char c = json->at < json->end ? *json->at : '\0';
    if (rule == EARLIER_JSON)
        return decode_json(decoder, json, out, err);
    if (rule == EARLIER_BOOL)
        return decode_bool(json, out, err);
    if (rule == EARLIER_FLOAT4 || rule == EARLIER_FLOAT8)
        return decode_float(rule, json, out, err);
    if (rule == EARLIER_INT && c == '"')
        return jsontext_bad(err, "a number is due here");
    if (rule == EARLIER_LSN && c != '"')
        return decode_lsn(json, out, err);
    if (c == '"')
        return decode_string(decoder, type, rule, json, out, ret_null, err);
    if (c != '[')
        return add_bare(json, out, err);
    if (rule == EARLIER_ARRAY)
        return decode_array(decoder, type->element, type->delimiter, 1, json, out, err);
    if (rule == EARLIER_MULTIRANGE)
        return decode_multirange(decoder, type->element, json, out, ret_null, err);
    if (rule >= EARLIER_POINT)
        return decode_sequence(rule, json, out, err);
    if (rule == EARLIER_GUESS)
        return decode_guessed(decoder, json, out, ret_null, err);
    return jsontext_bad(err, "a value that is no array is due here");
}

bool earlier_skip(struct earlier_decoder *decoder, struct jsontext *json, struct err *err)
{
    int depth = 0;

    do {
        jsontext_space(json);
        if (jsontext_take(json, '[')) {
            depth++;
            if (!jsontext_take(json, ']'))
                continue;
            depth--;
        } else if (!canonical_number(json) && !jsontext_skip(json, &decoder->stack, err)) {
            return false;
        }
        while (depth > 0 && jsontext_take(json, ']'))
            depth--;
        if (depth > 0 && !jsontext_take(json, ','))
            return jsontext_bad(err, "a comma or ] is due here");
    } while (depth > 0);
    return true;
}
