/* SPDX-License-Identifier: PostgreSQL
 *
 * Every reader here takes what PostgreSQL's output functions write and nothing else: text that only
 * its input functions would accept (spaces between elements, quotes where none are needed inside a
 * word) would not come back as the same text, so it is UNFIT and its container becomes a string.
 *
 * A JSON null, or an element of json in an array of more than one dimension, would read back as
 * something else ([[1]]: one element [1], or two dimensions?), so these are UNFIT too.
 */
#include "row/literal_encode.h"

#include <stdlib.h>

#include "row/copytext.h"
#include "row/jsontext.h"
#include "row/scalar.h"

#define DIMENSIONS_MAX 6 /* PostgreSQL's MAXDIM */

enum fit { FIT, UNFIT, FAILED };

/* One run over a literal. */
struct walk {
    struct literal_encoder *encoder;
    struct buf *out;
    struct err *err;
    int depth; /* of the container being read; 0 is the column's */
};

struct text {
    const char *at, *end;
};

static enum fit encode_value(struct walk *walk, const struct type *type, struct text text);

static enum fit fit_of(bool ok)
{
    return ok ? FIT : FAILED;
}

static enum fit add(struct walk *walk, const char *bytes, size_t len)
{
    if (!copytext_room(walk->out, len, walk->err))
        return FAILED;
    memcpy(walk->out->data + walk->out->len, bytes, len);
    walk->out->len += len;
    return FIT;
}

static enum fit add_string(struct walk *walk, struct text text)
{
    return fit_of(copytext_quote(walk->out, text.at, (size_t)(text.end - text.at), walk->err));
}

static bool equals(struct text text, const char *word)
{
    size_t len = (size_t)(text.end - text.at);

    return len == strlen(word) && memcmp(text.at, word, len) == 0;
}

/* ---- values that are made of nothing else ---- */

bool literal_is_json_null(const char *text, size_t len)
{
    struct jsontext json = {text, text + len};

    jsontext_space(&json);
    if (!jsontext_word(&json, "null"))
        return false;
    jsontext_space(&json);
    return json.at == json.end;
}

static enum fit encode_json(struct walk *walk, struct text text)
{
    size_t len = (size_t)(text.end - text.at);

    if (literal_is_json_null(text.at, len))
        return UNFIT;
    size_t start = walk->out->len;
    enum fit fit = add(walk, text.at, len);
    if (fit != FIT)
        return fit;
    for (char *p = walk->out->data + start, *end = p + len; p < end; p++) {
        if (*p == '\n' || *p == '\r')
            *p = ' ';
        else if ((unsigned char)*p < 0x20 && *p != '\t')
            return UNFIT;
    }
    return FIT;
}

static enum fit encode_number(struct walk *walk, struct text text, bool integer)
{
    struct jsontext json = {text.at, text.end};

    if (!integer && (equals(text, "NaN") || equals(text, "Infinity") || equals(text, "-Infinity")))
        return add_string(walk, text);
    if (!(integer ? scalar_int(text.at, text.end) == (size_t)(text.end - text.at)
                  : jsontext_number(&json) && json.at == text.end))
        return UNFIT;
    return add(walk, text.at, (size_t)(text.end - text.at));
}

static enum fit encode_bytea(struct walk *walk, struct text text)
{
    if (text.end - text.at < 2 || text.at[0] != '\\' || text.at[1] != 'x')
        return UNFIT;
    if (add(walk, "\"", 1) == FAILED)
        return FAILED;
    switch (
        scalar_hex_to_base64(walk->out, text.at + 2, (size_t)(text.end - text.at - 2), walk->err)) {
    case SCALAR_OK:
        return add(walk, "\"", 1);
    case SCALAR_BAD:
        return UNFIT;
    default:
        return FAILED;
    }
}

static enum fit encode_time(struct walk *walk, enum type_kind kind, struct text text)
{
    size_t len = (size_t)(text.end - text.at);

    if (len == 0 || scalar_plain_time(kind, text.at, text.end) != len)
        return add_string(walk, text);
    if (!copytext_room(walk->out, SCALAR_TIME_MAX, walk->err))
        return FAILED;
    char *start = walk->out->data + walk->out->len;
    walk->out->len += (size_t)(scalar_put_time(kind, text.at, len, start) - start);
    return FIT;
}

/* ---- elements: quoted and not ---- */

/* What ends, and what spoils, an element that is not quoted. */
struct quoting {
    const char *spoils; /* bytes that PostgreSQL would have quoted */
    bool doubled;       /* "" inside quotes is one quote, as \" is in arrays */
};

static const struct quoting array_quoting = {"\"\\{ \t\n\r\v\f", false},
                            composite_quoting = {"\"\\( \t\n\r\v\f", true},
                            range_quoting = {"\"\\([)], \t\n\r\v\f", true};

/* A quoted element at its quote. The text is borrowed from the literal where it has nothing to
 * undo, else it stands in this depth's scratch. */
static enum fit take_quoted(struct walk *walk, struct text *at, const struct quoting *quoting,
                            struct text *ret_text)
{
    struct buf *scratch = &walk->encoder->scratch[walk->depth];
    const char *start = ++at->at, *p = start;

    while (p < at->end && *p != '"' && *p != '\\')
        p++;
    if (p == at->end)
        return UNFIT;
    if (*p == '"' && !(quoting->doubled && at->end - p > 1 && p[1] == '"')) {
        *ret_text = (struct text){start, p};
        at->at = p + 1;
        return FIT;
    }
    if (!copytext_room(scratch, (size_t)(at->end - start), walk->err))
        return FAILED;
    memcpy(scratch->data, start, (size_t)(p - start));
    char *w = scratch->data + (p - start);
    for (;; p++) {
        if (p == at->end)
            return UNFIT;
        if (*p == '\\') {
            char escaped = at->end - p > 1 ? p[1] : '\0';
            if (escaped != '\\' && (escaped != '"' || quoting->doubled))
                return UNFIT;
            p++;
        } else if (*p == '"') {
            if (!quoting->doubled || at->end - p < 2 || p[1] != '"')
                break;
            p++;
        }
        *w++ = *p;
    }
    *ret_text = (struct text){scratch->data, w};
    at->at = p + 1;
    return FIT;
}

/* An element that is not quoted, up to one of two bytes that end it (which must come). */
static enum fit take_bare(struct text *at, char end1, char end2, const struct quoting *quoting,
                          struct text *ret_text)
{
    const char *p = at->at;

    for (; p < at->end && *p != end1 && *p != end2; p++)
        if (*p == '\0' || strchr(quoting->spoils, *p))
            return UNFIT;
    if (p == at->end)
        return UNFIT;
    *ret_text = (struct text){at->at, p};
    at->at = p;
    return FIT;
}

/* ---- containers ---- */

/* One element at its first byte. */
static enum fit encode_element(struct walk *walk, const struct type *type, struct text *at)
{
    struct text text;
    enum fit fit;

    if (*at->at == '"') {
        fit = take_quoted(walk, at, &array_quoting, &text);
    } else {
        fit = take_bare(at, type->delimiter, '}', &array_quoting, &text);
        if (fit == FIT && text.at == text.end)
            return UNFIT;
        if (fit == FIT && equals(text, "NULL"))
            return add(walk, "null", 4);
    }
    return fit == FIT ? encode_value(walk, type->element, text) : fit;
}

static bool is_ambiguous_nested(enum type_kind element)
{
    return element == TYPE_ARRAY || element == TYPE_MULTIRANGE || element == TYPE_JSON;
}

static enum fit encode_array(struct walk *walk, const struct type *type, struct text at)
{
    int open = 0, most = is_ambiguous_nested(type->element->kind) ? 1 : DIMENSIONS_MAX;
    bool due = true; /* an element or an opening brace, not a delimiter */

    while (at.at < at.end) {
        char c = *at.at;
        enum fit fit;

        if (c == '}' && open > 0 && (!due || at.at[-1] == '{')) {
            fit = add(walk, "]", 1);
            at.at++;
            due = false;
            if (--open == 0)
                return fit == FIT && at.at != at.end ? UNFIT : fit;
        } else if (!due && c == type->delimiter) {
            fit = add(walk, ",", 1);
            at.at++;
            due = true;
        } else if (due && c == '{') {
            fit = ++open > most ? UNFIT : add(walk, "[", 1);
            at.at++;
        } else if (due && open > 0) {
            fit = encode_element(walk, type, &at);
            due = false;
        } else {
            return UNFIT;
        }
        if (fit != FIT)
            return fit;
    }
    return UNFIT;
}

static enum fit encode_field(struct walk *walk, const struct type_field *field, bool first,
                             struct text *at)
{
    struct text text = {NULL, NULL};
    enum fit fit;

    if (!first && add(walk, ",", 1) == FAILED)
        return FAILED;
    if (!copytext_quote(walk->out, field->name, strlen(field->name), walk->err) ||
        add(walk, ":", 1) == FAILED)
        return FAILED;
    if (at->at == at->end)
        return UNFIT;
    if (*at->at == '"') {
        fit = take_quoted(walk, at, &composite_quoting, &text);
    } else {
        fit = take_bare(at, ',', ')', &composite_quoting, &text);
        if (fit == FIT && text.at == text.end)
            return add(walk, "null", 4);
    }
    return fit == FIT ? encode_value(walk, field->type, text) : fit;
}

static bool has_twins(const struct literal_encoder *encoder, const struct type *type)
{
    for (size_t i = 0; i < encoder->twin_count; i++)
        if (encoder->twins[i] == type)
            return true;
    return false;
}

static enum fit encode_composite(struct walk *walk, const struct type *type, struct text at)
{
    if (at.end - at.at < 2 || *at.at != '(' || has_twins(walk->encoder, type))
        return UNFIT;
    at.at++;
    if (add(walk, "{", 1) == FAILED)
        return FAILED;
    for (size_t i = 0; i < type->field_count; i++) {
        if (i > 0 && (at.at == at.end || *at.at++ != ','))
            return UNFIT;
        enum fit fit = encode_field(walk, &type->fields[i], i == 0, &at);
        if (fit != FIT)
            return fit;
    }
    if (at.end - at.at != 1 || *at.at != ')')
        return UNFIT;
    return add(walk, "}", 1);
}

static enum fit encode_bound(struct walk *walk, const struct type *type, char end1, char end2,
                             struct text *at)
{
    struct text text;
    enum fit fit;

    if (at->at == at->end)
        return UNFIT;
    if (*at->at == '"') {
        fit = take_quoted(walk, at, &range_quoting, &text);
    } else {
        fit = take_bare(at, end1, end2, &range_quoting, &text);
        if (fit == FIT && text.at == text.end)
            return add(walk, "null", 4);
    }
    return fit == FIT ? encode_value(walk, type->element, text) : fit;
}

/* One range that is not empty, at its first bracket; leaves the cursor behind it. */
static enum fit encode_range_at(struct walk *walk, const struct type *type, struct text *at)
{
    static const char lower_key[] = "{\"lower\":", upper_key[] = ",\"upper\":";
    char tail[] = ",\"bounds\":\"[)\"}";
    enum fit fit;

    if (at->at == at->end || (*at->at != '[' && *at->at != '('))
        return UNFIT;
    tail[11] = *at->at++;
    if (add(walk, lower_key, sizeof(lower_key) - 1) == FAILED)
        return FAILED;
    fit = encode_bound(walk, type, ',', ',', at);
    if (fit != FIT)
        return fit;
    if (at->at == at->end || *at->at++ != ',')
        return UNFIT;
    if (add(walk, upper_key, sizeof(upper_key) - 1) == FAILED)
        return FAILED;
    fit = encode_bound(walk, type, ']', ')', at);
    if (fit != FIT)
        return fit;
    if (at->at == at->end || (*at->at != ']' && *at->at != ')'))
        return UNFIT;
    tail[12] = *at->at++;
    return add(walk, tail, sizeof(tail) - 1);
}

static enum fit encode_range(struct walk *walk, const struct type *type, struct text at)
{
    if (equals(at, "empty"))
        return add(walk, "{\"empty\":true}", 14);
    enum fit fit = encode_range_at(walk, type, &at);
    return fit == FIT && at.at != at.end ? UNFIT : fit;
}

static enum fit encode_multirange(struct walk *walk, const struct type *type, struct text at)
{
    if (at.end - at.at < 2 || *at.at != '{' || type->element->kind != TYPE_RANGE)
        return UNFIT;
    at.at++;
    if (add(walk, "[", 1) == FAILED)
        return FAILED;
    while (at.at < at.end && *at.at != '}') {
        enum fit fit = encode_range_at(walk, type->element, &at);
        if (fit != FIT)
            return fit;
        if (at.end - at.at >= 2 && *at.at == ',' && at.at[1] != '}') {
            at.at++;
            if (add(walk, ",", 1) == FAILED)
                return FAILED;
        } else if (at.at == at.end || *at.at != '}') {
            return UNFIT;
        }
    }
    if (at.end - at.at != 1)
        return UNFIT;
    return add(walk, "]", 1);
}

/* A container, or its literal as a string. */
static enum fit encode_container(struct walk *walk, const struct type *type, struct text text)
{
    size_t start = walk->out->len;
    enum fit fit = UNFIT;

    if (walk->depth < SHAPE_DEPTH_MAX) {
        switch (type->kind) {
        case TYPE_ARRAY:
            fit = encode_array(walk, type, text);
            break;
        case TYPE_COMPOSITE:
            fit = encode_composite(walk, type, text);
            break;
        case TYPE_RANGE:
            fit = encode_range(walk, type, text);
            break;
        default:
            fit = encode_multirange(walk, type, text);
            break;
        }
    }
    if (fit != UNFIT)
        return fit;
    walk->out->len = start;
    return add_string(walk, text);
}

static enum fit encode_value(struct walk *walk, const struct type *type, struct text text)
{
    enum fit fit;

    switch (type->kind) {
    case TYPE_TEXT:
    case TYPE_DATE:
        return add_string(walk, text);
    case TYPE_INT:
    case TYPE_FLOAT:
        return encode_number(walk, text, type->kind == TYPE_INT);
    case TYPE_BOOL:
        return equals(text, "t")   ? add(walk, "true", 4)
               : equals(text, "f") ? add(walk, "false", 5)
                                   : UNFIT;
    case TYPE_JSON:
        return encode_json(walk, text);
    case TYPE_BYTEA:
        return encode_bytea(walk, text);
    case TYPE_TIMESTAMPTZ:
    case TYPE_TIMESTAMP:
        return encode_time(walk, type->kind, text);
    default:
        walk->depth++;
        fit = encode_container(walk, type, text);
        walk->depth--;
        return fit;
    }
}

void literal_encode_prepare(struct literal_encoder *encoder, const struct type *type)
{
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_RANGE || type->kind == TYPE_MULTIRANGE)
        literal_encode_prepare(encoder, type->element);
    if (type->kind != TYPE_COMPOSITE)
        return;
    for (size_t i = 0; i < type->field_count; i++) {
        literal_encode_prepare(encoder, type->fields[i].type);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(type->fields[i].name, type->fields[k].name) != 0)
                continue;
            if (has_twins(encoder, type))
                break;
            encoder->twins =
                mem_grow(encoder->twins, (encoder->twin_count + 1) * sizeof(*encoder->twins));
            encoder->twins[encoder->twin_count++] = type;
        }
    }
}

void literal_encode_done(struct literal_encoder *encoder)
{
    for (size_t i = 0; i <= SHAPE_DEPTH_MAX; i++)
        buf_done(&encoder->scratch[i]);
    free(encoder->twins);
}

bool literal_encode(struct literal_encoder *encoder, const struct type *type, const char *text,
                    size_t len, struct buf *out, struct err *err)
{
    struct walk walk = {.encoder = encoder, .out = out, .err = err};

    return encode_container(&walk, type, (struct text){text, text + len}) == FIT;
}
