/* SPDX-License-Identifier: PostgreSQL
 *
 * Rows come as encode wrote them: keys in the shape's order, without spaces, the same metadata
 * fields behind them as in the row before. Such a row is decoded in one pass. The first byte that
 * is otherwise sends the row the long way: find where every column stands, then decode in order.
 * Both ways take the same values and refuse the same ones. The earlier archiver's rows go the same
 * two ways: Python's separators are in the prepared keys.
 */
#include "row/decode.h"

#include <inttypes.h>
#include <stdlib.h>

#include "row/copytext.h"
#include "row/earlier.h"
#include "row/earlier_value.h"
#include "row/literal_decode.h"
#include "row/scalar.h"

struct decode_column {
    const char *name, *key; /* key: "name": as it stands behind the comma or brace */
    size_t name_len, key_len;
    const struct type *type;
    enum earlier_rule rule;
    bool overridden; /* the earlier archiver has a field of this name */
};

struct extra { /* a key that is no column, in extra_names */
    size_t start, len;
};

struct decoder {
    struct decode_column *columns;
    size_t column_count;
    struct literal_span *spans; /* of the row at hand; space around the value is part of it */
    bool *json_null;            /* the row says: JSON null, not SQL NULL */
    size_t *slots;              /* hash table of names: position + 1 */
    size_t slot_mask;
    const char *json_null_name;
    size_t json_null_len;
    struct buf tail; /* what stood behind the last column in an earlier row, found good */
    struct buf extras, extra_names;
    struct buf name, plain, stack;
    struct literal_decoder literal;
    bool is_earlier;
    struct earlier_decoder earlier;
    unsigned *lost;              /* earlier_loss bits of the row at hand, one a column */
    uint64_t rows;               /* decoded, for the losses */
    struct decode_loss *losses;  /* EARLIER_LOSSES for each column */
    struct decode_loss *unknown; /* of fields that are no column */
    struct decode_loss *found;   /* what decoder_losses gave out */
    size_t unknown_count, unknown_cap;
    struct arena *arena;
};

/* Where a row stopped. */
struct place {
    struct jsontext json;
    size_t column; /* SIZE_MAX: in no column */
};

/* ---- preparing ---- */

static uint64_t hash_of(const char *name, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)name[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static void prepare_slots(struct decoder *decoder)
{
    size_t size = 4;

    while (size < decoder->column_count * 2)
        size *= 2;
    decoder->slot_mask = size - 1;
    decoder->slots = arena_alloc(decoder->arena, size * sizeof(*decoder->slots));
    for (size_t i = 0; i < decoder->column_count; i++) {
        const struct decode_column *column = &decoder->columns[i];
        size_t slot = hash_of(column->name, column->name_len) & decoder->slot_mask;

        while (decoder->slots[slot])
            slot = (slot + 1) & decoder->slot_mask;
        decoder->slots[slot] = i + 1;
    }
}

static size_t find_column(const struct decoder *decoder, const char *name, size_t len)
{
    size_t slot = hash_of(name, len) & decoder->slot_mask;

    for (; decoder->slots[slot]; slot = (slot + 1) & decoder->slot_mask) {
        const struct decode_column *column = &decoder->columns[decoder->slots[slot] - 1];

        if (column->name_len == len && memcmp(column->name, name, len) == 0)
            return decoder->slots[slot] - 1;
    }
    return SIZE_MAX;
}

/* Does the earlier archiver add a field of this name to every row? */
static bool is_own_field(const char *name)
{
    static const char *const own[] = {"_archived_at", "_batch_id", "_source_database",
                                      "_source_table"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i], name) == 0)
            return true;
    return false;
}

static bool prepare_column(struct decoder *decoder, const struct column *from, size_t i,
                           struct err *err)
{
    struct decode_column *column = &decoder->columns[i];
    struct buf key = BUF_INIT;

    column->name = from->name;
    column->name_len = strlen(from->name);
    column->type = from->type;
    column->rule = decoder->is_earlier ? earlier_type_rule(from->type) : EARLIER_GUESS;
    column->overridden = decoder->is_earlier && is_own_field(from->name);
    if (decoder->is_earlier && i > 0)
        buf_addc(&key, ' ');
    bool ok = copytext_quote(&key, column->name, column->name_len, err);
    if (ok) {
        buf_adds(&key, decoder->is_earlier ? ": " : ":");
        column->key = arena_strndup(decoder->arena, key.data, key.len);
        column->key_len = key.len;
    }
    buf_done(&key);
    return ok;
}

struct decoder *decoder_new(const struct shape *shape, struct err *err)
{
    struct decoder *decoder = mem_alloc(sizeof(*decoder));
    size_t count = shape->column_count;
    bool ok = true;

    decoder->arena = arena_new();
    decoder->is_earlier = shape->earlier;
    decoder->column_count = count;
    decoder->columns = arena_alloc(decoder->arena, count * sizeof(*decoder->columns));
    decoder->spans = arena_alloc(decoder->arena, count * sizeof(*decoder->spans));
    decoder->json_null = arena_alloc(decoder->arena, count * sizeof(*decoder->json_null));
    if (decoder->is_earlier) {
        decoder->lost = arena_alloc(decoder->arena, count * sizeof(*decoder->lost));
        decoder->losses =
            arena_alloc(decoder->arena, count * EARLIER_LOSSES * sizeof(*decoder->losses));
    }
    decoder->json_null_name = shape_json_null_name(shape, decoder->arena);
    decoder->json_null_len = strlen(decoder->json_null_name);
    for (size_t i = 0; ok && i < count; i++)
        ok = prepare_column(decoder, &shape->columns[i], i, err);
    if (!ok) {
        decoder_free(decoder);
        return NULL;
    }
    prepare_slots(decoder);
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (!decoder)
        return;
    literal_decode_done(&decoder->literal);
    earlier_done(&decoder->earlier);
    free(decoder->unknown);
    free(decoder->found);
    buf_done(&decoder->tail);
    buf_done(&decoder->extras);
    buf_done(&decoder->extra_names);
    buf_done(&decoder->name);
    buf_done(&decoder->plain);
    buf_done(&decoder->stack);
    arena_free(decoder->arena);
    free(decoder);
}

/* ---- values to COPY text ---- */

static bool add(struct buf *out, const char *bytes, size_t len, struct err *err)
{
    if (!copytext_room(out, len, err))
        return false;
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
    return true;
}

static bool decode_json(struct decoder *decoder, const char *start, struct jsontext *json,
                        struct buf *out, struct err *err)
{
    if (!jsontext_skip(json, &decoder->stack, err))
        return false;
    jsontext_space(json);
    return copytext_add(out, start, (size_t)(json->at - start), err);
}

static bool decode_bytea(struct decoder *decoder, struct jsontext *json, struct buf *out,
                         struct err *err)
{
    const char *start = json->at, *text;
    size_t len;

    if (!jsontext_string(json, &decoder->plain, &text, &len, err) || !add(out, "\\\\x", 3, err))
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

static bool decode_time(struct decoder *decoder, enum type_kind kind, struct jsontext *json,
                        struct buf *out, struct err *err)
{
    const char *start = json->at, *text;
    size_t len;

    if (!jsontext_string(json, &decoder->plain, &text, &len, err) || !copytext_room(out, len, err))
        return false;
    char *end = scalar_put_time_back(kind, text, len, out->data + out->len);
    if (end) {
        out->len = (size_t)(end - out->data);
        return true;
    }
    json->at = start;
    return jsontext_add_copy(json, out, err);
}

/* Numbers other than plain ones, booleans and containers: by way of PostgreSQL's text. */
static bool decode_other(struct decoder *decoder, const struct type *type, struct jsontext *json,
                         struct buf *out, struct err *err)
{
    bool null;

    if (type->kind >= TYPE_ARRAY && json->at < json->end && *json->at == '"')
        return jsontext_add_copy(json, out, err); /* the literal itself */
    decoder->plain.len = 0;
    if (!literal_decode(&decoder->literal, type, json, &decoder->plain, &null, err))
        return false;
    return copytext_add(out, buf_str(&decoder->plain), decoder->plain.len, err);
}

/* The value of column `i` in a row of the earlier archiver, with the space around it. */
static bool decode_earlier(struct decoder *decoder, size_t i, struct jsontext *json,
                           struct buf *out, struct err *err)
{
    const struct decode_column *column = &decoder->columns[i];
    bool null = column->overridden;

    jsontext_space(json);
    decoder->earlier.losses = 0;
    if (column->overridden) {
        decoder->earlier.losses = EARLIER_OVERRIDDEN;
        if (!earlier_skip(&decoder->earlier, json, err))
            return false;
    } else if (column->rule == EARLIER_TEXT && json->at < json->end && *json->at == '"') {
        if (!jsontext_add_copy(json, out, err))
            return false;
    } else {
        buf_reset(&decoder->plain);
        if (!earlier_decode(&decoder->earlier, column->type, column->rule, json, &decoder->plain,
                            &null, err) ||
            (!null && !copytext_add(out, buf_str(&decoder->plain), decoder->plain.len, err)))
            return false;
    }
    decoder->lost[i] = decoder->earlier.losses;
    jsontext_space(json);
    return !null || add(out, "\\N", 2, err);
}

/* The same, whosever row it is. */
static bool decode_field(struct decoder *decoder, size_t i, bool json_null, struct jsontext *json,
                         struct buf *out, struct err *err)
{
    const struct type *type = decoder->columns[i].type;
    const char *start = json->at;
    bool ok;

    if (decoder->is_earlier)
        return decode_earlier(decoder, i, json, out, err);

    jsontext_space(json);
    const char *value = json->at;
    if (value < json->end && *value == 'n' && !json_null)
        ok = jsontext_word(json, "null") ? add(out, "\\N", 2, err)
                                         : jsontext_bad(err, "a value is due here");
    else if (type->kind == TYPE_JSON)
        return decode_json(decoder, start, json, out, err);
    else if (type->kind == TYPE_TEXT || type->kind == TYPE_DATE)
        ok = jsontext_add_copy(json, out, err);
    else if ((type->kind == TYPE_INT || type->kind == TYPE_FLOAT) && jsontext_number(json))
        ok = add(out, value, (size_t)(json->at - value), err);
    else if (type->kind == TYPE_TIMESTAMPTZ || type->kind == TYPE_TIMESTAMP)
        ok = decode_time(decoder, type->kind, json, out, err);
    else if (type->kind == TYPE_BYTEA)
        ok = decode_bytea(decoder, json, out, err);
    else
        ok = decode_other(decoder, type, json, out, err);
    jsontext_space(json);
    return ok;
}

/* ---- the long way: where everything stands ---- */

static bool note_extra(struct decoder *decoder, const char *name, size_t len, struct err *err)
{
    struct extra extra = {decoder->extra_names.len, len};

    return add(&decoder->extra_names, name, len, err) &&
           add(&decoder->extras, (const char *)&extra, sizeof(extra), err);
}

static int compare_extras(const void *a, const void *b, void *names)
{
    const struct extra *left = a, *right = b;

    if (left->len != right->len)
        return left->len < right->len ? -1 : 1;
    return memcmp((const char *)names + left->start, (const char *)names + right->start, left->len);
}

static bool extras_differ(struct decoder *decoder, struct err *err)
{
    struct extra *extras = (struct extra *)(void *)decoder->extras.data;
    size_t count = decoder->extras.len / sizeof(*extras);

    if (count < 2)
        return true;
    qsort_r(extras, count, sizeof(*extras), compare_extras, decoder->extra_names.data);
    for (size_t i = 1; i < count; i++)
        if (compare_extras(&extras[i - 1], &extras[i], decoder->extra_names.data) == 0)
            return jsontext_bad(err, "a key comes twice");
    return true;
}

/* ["col", ...] */
static bool read_json_nulls(struct decoder *decoder, struct jsontext *json, struct err *err)
{
    const char *name;
    size_t len;

    if (!jsontext_take(json, '['))
        return jsontext_bad(err, "an array of column names is due here");
    if (jsontext_take(json, ']'))
        return true;
    do {
        jsontext_space(json);
        const char *start = json->at;
        if (!jsontext_string(json, &decoder->name, &name, &len, err))
            return false;
        size_t column = find_column(decoder, name, len);
        if (column == SIZE_MAX || decoder->columns[column].type->kind != TYPE_JSON) {
            json->at = start;
            return jsontext_bad(err, "this is no column of json");
        }
        decoder->json_null[column] = true;
        if (jsontext_take(json, ']'))
            return true;
    } while (jsontext_take(json, ','));
    return jsontext_bad(err, "a comma or ] is due here");
}

/* One "key": value. */
static bool find_member(struct decoder *decoder, const char *line, struct place *place,
                        struct err *err)
{
    struct jsontext *json = &place->json;
    const char *name, *start;
    size_t len;

    jsontext_space(json);
    start = json->at;
    if (!jsontext_string(json, &decoder->name, &name, &len, err))
        return false;
    size_t column = find_column(decoder, name, len);
    if (column != SIZE_MAX && decoder->spans[column].len > 0) {
        json->at = start;
        return jsontext_bad(err, "a key comes twice");
    }
    bool is_nulls = column == SIZE_MAX && !decoder->is_earlier && len == decoder->json_null_len &&
                    memcmp(name, decoder->json_null_name, len) == 0;
    if (column == SIZE_MAX && !note_extra(decoder, name, len, err))
        return false;
    if (!jsontext_take(json, ':'))
        return jsontext_bad(err, "a colon is due here");
    place->column = column;
    const char *value = json->at;
    if (is_nulls              ? !read_json_nulls(decoder, json, err)
        : decoder->is_earlier ? !earlier_skip(&decoder->earlier, json, err)
                              : !jsontext_skip(json, &decoder->stack, err))
        return false;
    jsontext_space(json);
    place->column = SIZE_MAX;
    if (column != SIZE_MAX)
        decoder->spans[column] =
            (struct literal_span){(size_t)(value - line), (size_t)(json->at - value)};
    return true;
}

static bool find_members(struct decoder *decoder, const char *line, struct place *place,
                         struct err *err)
{
    struct jsontext *json = &place->json;

    memset(decoder->spans, 0, decoder->column_count * sizeof(*decoder->spans));
    memset(decoder->json_null, 0, decoder->column_count * sizeof(*decoder->json_null));
    decoder->extras.len = decoder->extra_names.len = 0;
    if (!jsontext_take(json, '{'))
        return jsontext_bad(err, "an object is due here");
    if (!jsontext_take(json, '}')) {
        do {
            if (!find_member(decoder, line, place, err))
                return false;
        } while (jsontext_take(json, ','));
        if (!jsontext_take(json, '}'))
            return jsontext_bad(err, "a comma or } is due here");
    }
    jsontext_space(json);
    if (json->at != json->end)
        return jsontext_bad(err, "the line goes on behind its object");
    return extras_differ(decoder, err);
}

static bool is_null(const char *line, const struct literal_span *span)
{
    struct jsontext json = {line + span->start, line + span->start + span->len};

    jsontext_space(&json);
    return json.at < json.end && *json.at == 'n';
}

/* The next field of the row that is neither a column nor the earlier archiver's own, or NULL. */
static const struct extra *next_unknown(const struct decoder *decoder, size_t *at)
{
    const struct extra *extras = (const struct extra *)(const void *)decoder->extras.data;

    for (; *at < decoder->extras.len / sizeof(*extras); ++*at) {
        const struct extra *extra = &extras[*at];
        const char *name = decoder->extra_names.data + extra->start;
        char text[24] = "";

        if (extra->len < sizeof(text))
            memcpy(text, name, extra->len);
        if (!is_own_field(text)) {
            ++*at;
            return extra;
        }
    }
    return NULL;
}

static bool has_unknown(const struct decoder *decoder)
{
    size_t at = 0;

    return next_unknown(decoder, &at) != NULL;
}

/* Keeps what stands behind the last column for the rows to come, if it tells nothing of this row:
 * a row that has the same bytes there, and its columns in order before, need not be read there. */
static bool keep_tail(struct decoder *decoder, const char *line, size_t len, struct err *err)
{
    const struct literal_span *last = &decoder->spans[decoder->column_count - 1];

    for (size_t i = 0; i < decoder->column_count; i++)
        if (decoder->json_null[i] || decoder->spans[i].start > last->start ||
            decoder->spans[i].len == 0)
            return true;
    if (decoder->is_earlier && has_unknown(decoder))
        return true;
    decoder->tail.len = 0;
    return add(&decoder->tail, line + last->start + last->len, len - last->start - last->len, err);
}

static bool decode_any_order(struct decoder *decoder, const char *line, size_t len,
                             struct place *place, struct buf *out, struct err *err)
{
    if (!find_members(decoder, line, place, err))
        return false;
    for (size_t i = 0; i < decoder->column_count; i++) {
        const struct literal_span *span = &decoder->spans[i];

        place->column = i;
        if (span->len == 0 && decoder->is_earlier) {
            decoder->lost[i] = EARLIER_ABSENT;
            if (!add(out, i > 0 ? "\t\\N" : "\\N", i > 0 ? 3 : 2, err))
                return false;
            continue;
        }
        if (span->len == 0)
            return jsontext_bad(err, "the column is missing");
        place->json = (struct jsontext){line + span->start, line + span->start + span->len};
        if (decoder->json_null[i] && !is_null(line, span))
            return jsontext_bad(err, "said to be JSON null, but is not");
        if ((i > 0 && !add(out, "\t", 1, err)) ||
            !decode_field(decoder, i, decoder->json_null[i], &place->json, out, err))
            return false;
    }
    place->column = SIZE_MAX;
    return decoder->column_count == 0 || keep_tail(decoder, line, len, err);
}

/* ---- the short way ---- */

enum way { DONE, FAILED, LONG_WAY };

static enum way decode_in_order(struct decoder *decoder, struct place *place, struct buf *out,
                                struct err *err)
{
    struct jsontext *json = &place->json;

    if (decoder->tail.len == 0)
        return LONG_WAY;
    for (size_t i = 0; i < decoder->column_count; i++) {
        const struct decode_column *column = &decoder->columns[i];

        if ((size_t)(json->end - json->at) <= column->key_len || *json->at != (i > 0 ? ',' : '{') ||
            memcmp(json->at + 1, column->key, column->key_len) != 0)
            return LONG_WAY;
        json->at += 1 + column->key_len;
        place->column = i;
        if ((i > 0 && !add(out, "\t", 1, err)) || !decode_field(decoder, i, false, json, out, err))
            return FAILED;
        place->column = SIZE_MAX;
    }
    return (size_t)(json->end - json->at) == decoder->tail.len &&
                   memcmp(json->at, decoder->tail.data, decoder->tail.len) == 0
               ? DONE
               : LONG_WAY;
}

/* ---- what the earlier archiver's rows lack ---- */

static void count_loss(struct decoder *decoder, struct decode_loss *loss, const char *column,
                       enum earlier_loss reason)
{
    if (loss->rows < DECODE_LOSS_SAMPLE)
        loss->sample[loss->rows] = decoder->rows;
    loss->rows++;
    loss->column = column;
    loss->reason = earlier_value_reason(reason);
    loss->gone = earlier_value_is_gone(reason);
}

static void count_unknown(struct decoder *decoder, const char *name, size_t len)
{
    for (size_t i = 0; i < decoder->unknown_count; i++) {
        struct decode_loss *loss = &decoder->unknown[i];
        if (strlen(loss->column) == len && memcmp(loss->column, name, len) == 0) {
            count_loss(decoder, loss, loss->column, EARLIER_UNKNOWN);
            return;
        }
    }
    if (decoder->unknown_count == decoder->unknown_cap) {
        decoder->unknown_cap = decoder->unknown_cap ? decoder->unknown_cap * 2 : 8;
        decoder->unknown =
            mem_grow(decoder->unknown, decoder->unknown_cap * sizeof(*decoder->unknown));
    }
    struct decode_loss *loss = &decoder->unknown[decoder->unknown_count++];
    *loss = (struct decode_loss){0};
    count_loss(decoder, loss, arena_strndup(decoder->arena, name, len), EARLIER_UNKNOWN);
}

/* Of a row that was decoded whole. */
static void count_losses(struct decoder *decoder, enum way way)
{
    const struct extra *extra;
    size_t at = 0;

    for (size_t i = 0; i < decoder->column_count; i++)
        for (unsigned bit = 0; decoder->lost[i] >> bit != 0; bit++)
            if (decoder->lost[i] >> bit & 1)
                count_loss(decoder, &decoder->losses[i * EARLIER_LOSSES + bit],
                           decoder->columns[i].name, (enum earlier_loss)(1U << bit));
    while (way == LONG_WAY && (extra = next_unknown(decoder, &at)))
        count_unknown(decoder, decoder->extra_names.data + extra->start, extra->len);
}

void decoder_at_row(struct decoder *decoder, uint64_t row)
{
    decoder->rows = row - 1;
}

void decode_loss_add(const struct decode_loss *loss, struct buf *text)
{
    buf_addf(text, "column \"%s\": %s (%" PRIu64 " row%s: ", loss->column, loss->reason, loss->rows,
             loss->rows == 1 ? "" : "s");
    for (size_t i = 0; i < loss->rows && i < DECODE_LOSS_SAMPLE; i++)
        buf_addf(text, "%s%" PRIu64, i > 0 ? ", " : "", loss->sample[i]);
    buf_adds(text, loss->rows > DECODE_LOSS_SAMPLE ? ", ...)" : ")");
}

const struct decode_loss *decoder_losses(struct decoder *decoder, size_t *ret_count)
{
    size_t most = decoder->is_earlier ? decoder->column_count * EARLIER_LOSSES : 0;
    size_t count = 0;

    decoder->found =
        mem_grow(decoder->found, (most + decoder->unknown_count + 1) * sizeof(*decoder->found));
    for (size_t i = 0; i < most; i++)
        if (decoder->losses[i].rows > 0)
            decoder->found[count++] = decoder->losses[i];
    for (size_t i = 0; i < decoder->unknown_count; i++)
        decoder->found[count++] = decoder->unknown[i];
    *ret_count = count;
    return decoder->found;
}

bool decode_row(struct decoder *decoder, const char *json_line, size_t len, struct buf *copy_lines,
                struct err *err)
{
    size_t before = copy_lines->len;

    if (len > 0 && json_line[len - 1] == '\n')
        len--;
    const struct place start = {{json_line, json_line + len}, SIZE_MAX};
    struct place place = start;
    enum way way = decode_in_order(decoder, &place, copy_lines, err);
    bool ok = way == DONE;
    if (way == LONG_WAY) {
        copy_lines->len = before;
        place = start;
        ok = decode_any_order(decoder, json_line, len, &place, copy_lines, err);
    }
    if (!ok && place.column < decoder->column_count)
        err_in(err, "column \"%s\", byte %zu", decoder->columns[place.column].name,
               (size_t)(place.json.at - json_line));
    else if (!ok)
        err_in(err, "byte %zu", (size_t)(place.json.at - json_line));
    ok = ok && add(copy_lines, "\n", 1, err);
    decoder->rows++;
    if (ok && decoder->is_earlier)
        count_losses(decoder, way);
    if (!ok)
        copy_lines->len = before;
    if (copy_lines->data)
        copy_lines->data[copy_lines->len] = '\0';
    return ok;
}

bool decode_value(struct decoder *decoder, const struct type *type, const char *json, size_t len,
                  struct buf *ret_text, bool *ret_null, struct err *err)
{
    struct jsontext text = {json, json + len};

    buf_reset(ret_text);
    bool ok = decoder->is_earlier
                  ? earlier_decode(&decoder->earlier, type, earlier_type_rule(type), &text,
                                   ret_text, ret_null, err)
                  : literal_decode(&decoder->literal, type, &text, ret_text, ret_null, err);
    if (ok && text.at != text.end)
        ok = jsontext_bad(err, "the value goes on behind its end");
    if (!ok)
        ret_text->len = 0;
    if (ret_text->data)
        ret_text->data[ret_text->len] = '\0';
    return ok || err_in(err, "byte %zu", (size_t)(text.at - json));
}

/* Takes the space around a value off its span. */
static struct decode_span trimmed(const char *line, const struct literal_span *span)
{
    struct jsontext json = {line + span->start, line + span->start + span->len};

    jsontext_space(&json);
    while (json.end > json.at && strchr(" \t\n\r", json.end[-1]))
        json.end--;
    return (struct decode_span){(size_t)(json.at - line), (size_t)(json.end - json.at)};
}

bool decode_spans(struct decoder *decoder, const char *json_line, size_t len,
                  struct decode_span *ret_spans, struct err *err)
{
    struct place place = {{json_line, json_line + len}, SIZE_MAX};

    if (!find_members(decoder, json_line, &place, err))
        return err_in(err, "byte %zu", (size_t)(place.json.at - json_line));
    for (size_t i = 0; i < decoder->column_count; i++)
        ret_spans[i] = decoder->spans[i].len > 0 ? trimmed(json_line, &decoder->spans[i])
                                                 : (struct decode_span){0, 0};
    return true;
}
