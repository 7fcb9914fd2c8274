/* SPDX-License-Identifier: PostgreSQL
 *
 * Recursion follows the type, never the JSON, so its depth is bounded by the shape. JSON deeper
 * than its type is skipped or refused by jsontext, which does not recurse.
 */
#include "row/literal_decode.h"

#include <strings.h>

#include "row/copytext.h"
#include "row/scalar.h"

#define DIMENSIONS_MAX 6 /* PostgreSQL's MAXDIM */

static bool decode_at(struct literal_decoder *decoder, int depth, const struct type *type,
                      struct jsontext *json, struct buf *out, bool *ret_null, struct err *err);

static bool add(struct buf *out, const char *bytes, size_t len, struct err *err)
{
    if (!copytext_room(out, len, err))
        return false;
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
    return true;
}

/* ---- values that are made of nothing else ---- */

static bool decode_json(struct literal_decoder *decoder, const char *start, struct jsontext *json,
                        struct buf *out, struct err *err)
{
    if (!jsontext_skip(json, &decoder->stack, err))
        return false;
    jsontext_space(json);
    return add(out, start, (size_t)(json->at - start), err);
}

static bool decode_number(struct literal_decoder *decoder, bool integer, struct jsontext *json,
                          struct buf *out, struct err *err)
{
    const char *start = json->at, *text;
    size_t len;

    if (jsontext_number(json))
        return add(out, start, (size_t)(json->at - start), err);
    if (integer || json->at == json->end || *json->at != '"')
        return jsontext_bad(err, "a number is due here");
    if (!jsontext_string(json, &decoder->string, &text, &len, err))
        return false;
    if ((len == 3 && memcmp(text, "NaN", 3) == 0) ||
        (len == 8 && memcmp(text, "Infinity", 8) == 0) ||
        (len == 9 && memcmp(text, "-Infinity", 9) == 0))
        return add(out, text, len, err);
    json->at = start;
    return jsontext_bad(err, "a number is due here");
}

static bool decode_bool(struct jsontext *json, struct buf *out, struct err *err)
{
    if (jsontext_word(json, "true"))
        return add(out, "t", 1, err);
    if (jsontext_word(json, "false"))
        return add(out, "f", 1, err);
    return jsontext_bad(err, "true or false is due here");
}

static bool decode_bytea(struct literal_decoder *decoder, struct jsontext *json, struct buf *out,
                         struct err *err)
{
    const char *start = json->at, *text;
    size_t len;

    if (!jsontext_string(json, &decoder->string, &text, &len, err) || !add(out, "\\x", 2, err))
        return false;
    switch (scalar_base64_to_hex(out, text, len, err)) {
    case SCALAR_OK:
        return true;
    case SCALAR_BAD:
        json->at = start;
        return jsontext_bad(err, "this is not base64");
    default:
        return false;
    }
}

static bool decode_time(struct literal_decoder *decoder, enum type_kind kind, struct jsontext *json,
                        struct buf *out, struct err *err)
{
    const char *text;
    size_t len;

    if (!jsontext_string(json, &decoder->string, &text, &len, err) || !copytext_room(out, len, err))
        return false;
    char *end = scalar_put_time_back(kind, text, len, out->data + out->len);
    if (!end)
        return add(out, text, len, err);
    out->len = (size_t)(end - out->data);
    return true;
}

/* ---- quoting, as array_out, record_out and range_out do it ---- */

/* In which literals a byte makes quotes necessary (an array's delimiter comes on top). */
static const unsigned char quoted_bytes[256] = {
    [' '] = 7, ['\t'] = 7, ['\n'] = 7, ['\v'] = 7, ['\f'] = 7, ['\r'] = 7, ['"'] = 7, ['\\'] = 7,
    ['{'] = 1, ['}'] = 1,  ['('] = 6,  [')'] = 6,  ['['] = 4,  [']'] = 4,  [','] = 6,
};

static bool needs_quotes(const char *text, size_t len, enum literal_container container,
                         char delimiter)
{
    if (len == 0 || (container == LITERAL_ARRAY && len == 4 && strncasecmp(text, "null", 4) == 0))
        return true;
    for (size_t i = 0; i < len; i++)
        if (quoted_bytes[(unsigned char)text[i]] & container ||
            (container == LITERAL_ARRAY && text[i] == delimiter))
            return true;
    return false;
}

bool literal_quote(struct buf *out, size_t start, enum literal_container container, char delimiter,
                   struct err *err)
{
    size_t len = out->len - start, escapes = 0;

    if (!needs_quotes(buf_str(out) + start, len, container, delimiter))
        return true;
    for (size_t i = start; i < out->len; i++)
        escapes += out->data[i] == '\\' || out->data[i] == '"';
    if (!copytext_room(out, escapes + 2, err))
        return false;
    char *text = out->data + start, *w = text + len + escapes + 2;
    out->len += escapes + 2;
    *--w = '"';
    for (size_t i = len; i-- > 0;) { /* from its end: the text moves to the right */
        *--w = text[i];
        if (text[i] == '\\' || text[i] == '"')
            *--w = container == LITERAL_ARRAY ? '\\' : text[i];
    }
    *--w = '"';
    return true;
}

/* ---- containers; `depth` is the container's own ---- */

/* One element at the cursor, with its quotes; null as `null_text`. */
static bool decode_element(struct literal_decoder *decoder, int depth, const struct type *type,
                           enum literal_container container, char delimiter, struct jsontext *json,
                           struct buf *out, struct err *err)
{
    size_t start = out->len;
    bool null;

    if (!decode_at(decoder, depth + 1, type, json, out, &null, err))
        return false;
    if (null)
        return container == LITERAL_ARRAY ? add(out, "NULL", 4, err) : true;
    return literal_quote(out, start, container, delimiter, err);
}

static bool is_flat_only(enum type_kind element)
{
    return element == TYPE_ARRAY || element == TYPE_MULTIRANGE || element == TYPE_JSON;
}

static bool decode_array(struct literal_decoder *decoder, int depth, const struct type *type,
                         struct jsontext *json, struct buf *out, struct err *err)
{
    int open = 0, most = is_flat_only(type->element->kind) ? 1 : DIMENSIONS_MAX;
    bool due = true; /* an element or a bracket that opens, not a comma */
    bool empty = true;

    for (;;) {
        const char *before = json->at;

        jsontext_space(json);
        if (json->at == json->end)
            return jsontext_bad(err, "the line ends inside an array");
        if (*json->at == ']' && open > 0 && (!due || empty)) {
            json->at++;
            due = empty = false;
            if (!add(out, "}", 1, err))
                return false;
            if (--open == 0)
                return true;
        } else if (!due) {
            if (*json->at != ',')
                return jsontext_bad(err, "a comma or ] is due here");
            json->at++;
            due = true;
            if (!add(out, &type->delimiter, 1, err))
                return false;
        } else if (*json->at == '[' && open < most) {
            json->at++;
            open++;
            empty = true;
            if (!add(out, "{", 1, err))
                return false;
        } else if (open > 0) {
            if (type->element->kind == TYPE_JSON)
                json->at = before; /* space is part of the value */
            if (!decode_element(decoder, depth, type->element, LITERAL_ARRAY, type->delimiter, json,
                                out, err))
                return false;
            due = empty = false;
        } else {
            return jsontext_bad(err, "an array is due here");
        }
    }
}

/* The members of an object, by name, each once: where their values stand, relative to `base`. Space
 * around a value belongs to its span. */
static bool find_members(struct literal_decoder *decoder, struct jsontext *json, const char *base,
                         const struct type_field *fields, size_t count, struct literal_span *spans,
                         struct err *err)
{
    memset(spans, 0, count * sizeof(*spans));
    if (!jsontext_take(json, '{'))
        return jsontext_bad(err, "an object is due here");
    if (jsontext_take(json, '}'))
        return true;
    for (size_t next = 0;; next++) {
        const char *key, *start;
        size_t len, i = next;

        jsontext_space(json);
        start = json->at;
        if (!jsontext_string(json, &decoder->string, &key, &len, err))
            return false;
        /* as a rule they come in order; else look at all */
        if (i >= count || strlen(fields[i].name) != len || memcmp(fields[i].name, key, len) != 0)
            for (i = 0; i < count; i++)
                if (strlen(fields[i].name) == len && memcmp(fields[i].name, key, len) == 0)
                    break;
        if (i == count || spans[i].len > 0) {
            json->at = start;
            return jsontext_bad(err, i == count ? "the type has no field of this name"
                                                : "this key comes twice");
        }
        if (!jsontext_take(json, ':'))
            return jsontext_bad(err, "a colon is due here");
        spans[i].start = (size_t)(json->at - base);
        if (!jsontext_skip(json, &decoder->stack, err))
            return false;
        jsontext_space(json);
        spans[i].len = (size_t)(json->at - base) - spans[i].start;
        if (jsontext_take(json, '}'))
            return true;
        if (!jsontext_take(json, ','))
            return jsontext_bad(err, "a comma or } is due here");
    }
}

/* A value that find_members found. */
static bool decode_member(struct literal_decoder *decoder, int depth, const struct type *type,
                          enum literal_container container, const char *base,
                          const struct literal_span *span, struct jsontext *json, struct buf *out,
                          struct err *err)
{
    struct jsontext value = {base + span->start, base + span->start + span->len};

    if (decode_element(decoder, depth, type, container, '\0', &value, out, err))
        return true;
    json->at = value.at;
    return false;
}

static bool decode_composite(struct literal_decoder *decoder, int depth, const struct type *type,
                             struct jsontext *json, struct buf *out, struct err *err)
{
    const char *base = json->at;
    struct buf *room = &decoder->spans[depth];

    room->len = 0;
    if (!copytext_room(room, type->field_count * sizeof(struct literal_span), err))
        return false;
    struct literal_span *spans = (struct literal_span *)(void *)room->data;
    if (!find_members(decoder, json, base, type->fields, type->field_count, spans, err) ||
        !add(out, "(", 1, err))
        return false;
    for (size_t i = 0; i < type->field_count; i++) {
        if (spans[i].len == 0) {
            json->at = base;
            jsontext_bad(err, "a field is missing here");
            return err_hint(err, "field \"%s\"", type->fields[i].name);
        }
        if ((i > 0 && !add(out, ",", 1, err)) ||
            !decode_member(decoder, depth, type->fields[i].type, LITERAL_COMPOSITE, base, &spans[i],
                           json, out, err))
            return false;
    }
    return add(out, ")", 1, err);
}

static bool is_word(const char *base, const struct literal_span *span, const char *word)
{
    struct jsontext value = {base + span->start, base + span->start + span->len};

    jsontext_space(&value);
    return jsontext_word(&value, word);
}

static bool decode_range(struct literal_decoder *decoder, int depth, const struct type *type,
                         struct jsontext *json, struct buf *out, struct err *err)
{
    enum { LOWER, UPPER, BOUNDS, EMPTY, MEMBERS };
    static const struct type_field members[MEMBERS] = {{"lower", NULL},
                                                       {"upper", NULL},
                                                       {"bounds", NULL},
                                                       {"empty", NULL}};
    struct literal_span spans[MEMBERS];
    const char *base = json->at, *bounds;
    size_t len;

    if (!find_members(decoder, json, base, members, MEMBERS, spans, err))
        return false;
    if (is_word(base, &spans[EMPTY], "true") &&
        spans[LOWER].len + spans[UPPER].len + spans[BOUNDS].len == 0)
        return add(out, "empty", 5, err);
    struct jsontext value = {base + spans[BOUNDS].start,
                             base + spans[BOUNDS].start + spans[BOUNDS].len};
    jsontext_space(&value);
    if (spans[EMPTY].len > 0 || spans[LOWER].len == 0 || spans[UPPER].len == 0 ||
        !jsontext_string(&value, &decoder->string, &bounds, &len, err) || len != 2 ||
        !strchr("[(", bounds[0]) || !strchr("])", bounds[1])) {
        json->at = base;
        return jsontext_bad(err, "this object is no range");
    }
    char open = bounds[0], close = bounds[1]; /* the borrowed text goes with the next string */
    return add(out, &open, 1, err) &&
           decode_member(decoder, depth, type->element, LITERAL_RANGE, base, &spans[LOWER], json,
                         out, err) &&
           add(out, ",", 1, err) &&
           decode_member(decoder, depth, type->element, LITERAL_RANGE, base, &spans[UPPER], json,
                         out, err) &&
           add(out, &close, 1, err);
}

static bool decode_multirange(struct literal_decoder *decoder, int depth, const struct type *type,
                              struct jsontext *json, struct buf *out, struct err *err)
{
    if (!jsontext_take(json, '['))
        return jsontext_bad(err, "an array is due here");
    if (!add(out, "{", 1, err))
        return false;
    if (!jsontext_take(json, ']')) {
        do {
            jsontext_space(json);
            if (!decode_range(decoder, depth, type->element, json, out, err))
                return false;
            if (jsontext_take(json, ']'))
                return add(out, "}", 1, err);
        } while (jsontext_take(json, ',') && add(out, ",", 1, err));
        return jsontext_bad(err, "a comma or ] is due here");
    }
    return add(out, "}", 1, err);
}

static bool decode_container(struct literal_decoder *decoder, int depth, const struct type *type,
                             struct jsontext *json, struct buf *out, struct err *err)
{
    if (json->at < json->end && *json->at == '"') /* the literal itself */
        return jsontext_add_plain(json, out, err);
    if (depth >= SHAPE_DEPTH_MAX)
        return jsontext_bad(err, "the type is nested too deep");
    switch (type->kind) {
    case TYPE_ARRAY:
        return decode_array(decoder, depth, type, json, out, err);
    case TYPE_COMPOSITE:
        return decode_composite(decoder, depth, type, json, out, err);
    case TYPE_RANGE:
        return decode_range(decoder, depth, type, json, out, err);
    default:
        return decode_multirange(decoder, depth, type, json, out, err);
    }
}

static bool decode_kind(struct literal_decoder *decoder, int depth, const struct type *type,
                        struct jsontext *json, struct buf *out, struct err *err)
{
    switch (type->kind) {
    case TYPE_TEXT:
    case TYPE_DATE:
        return jsontext_add_plain(json, out, err);
    case TYPE_INT:
    case TYPE_FLOAT:
        return decode_number(decoder, type->kind == TYPE_INT, json, out, err);
    case TYPE_BOOL:
        return decode_bool(json, out, err);
    case TYPE_BYTEA:
        return decode_bytea(decoder, json, out, err);
    case TYPE_TIMESTAMPTZ:
    case TYPE_TIMESTAMP:
        return decode_time(decoder, type->kind, json, out, err);
    default:
        return decode_container(decoder, depth, type, json, out, err);
    }
}

static bool decode_at(struct literal_decoder *decoder, int depth, const struct type *type,
                      struct jsontext *json, struct buf *out, bool *ret_null, struct err *err)
{
    const char *start = json->at;

    jsontext_space(json);
    *ret_null = jsontext_word(json, "null");
    if (!*ret_null && type->kind == TYPE_JSON)
        return decode_json(decoder, start, json, out, err);
    if (!*ret_null && !decode_kind(decoder, depth, type, json, out, err))
        return false;
    jsontext_space(json);
    return true;
}

void literal_decode_done(struct literal_decoder *decoder)
{
    for (size_t i = 0; i < SHAPE_DEPTH_MAX + 2; i++) {
        buf_done(&decoder->spans[i]);
    }
    buf_done(&decoder->string);
    buf_done(&decoder->stack);
}

bool literal_decode(struct literal_decoder *decoder, const struct type *type, struct jsontext *json,
                    struct buf *out, bool *ret_null, struct err *err)
{
    return decode_at(decoder, 0, type, json, out, ret_null, err);
}
