/* SPDX-License-Identifier: PostgreSQL
 *
 * One pass over the row: each column's function reads its field up to the tab and writes the JSON
 * behind the prepared `,"name":`. The metadata fields are one prepared tail. Nothing is allocated
 * once `lines` and the scratch buffers have grown to the size of the rows.
 */
#include "row/encode.h"

#include <stdlib.h>

#include "row/copytext.h"
#include "row/jsontext.h"
#include "row/literal_encode.h"
#include "row/scalar.h"

#define KEY_BLOCK 32 /* keys are padded to it, so that most are copied without a loop */

struct encode_column {
    const char *key; /* ,"name": padded */
    uint32_t key_len;
    enum type_kind kind;
    bool is_key, is_time, is_only_key; /* has its place in keys; in the bounds */
    const struct type *type;
    struct {
        size_t start, end;
    } json; /* of a key column: where its value stands in this row, from the row's start */
};

struct encoder {
    struct encode_column *columns;
    size_t column_count;
    const struct shape *shape;
    const char *tail; /* ,"_archived_at":"..."... without the brace */
    size_t tail_len;
    const char *json_null; /* ,"_json_null":[ */
    size_t json_null_len;
    size_t *null_columns; /* json columns of this row that hold JSON null */
    size_t null_count;
    uint64_t rows;
    struct encode_bounds bounds;
    int64_t min_key, max_key;
    struct buf plain; /* a field without COPY's escapes */
    struct literal_encoder literal;
    struct arena *arena;
};

/* ---- preparing ---- */

static bool add_tail(struct buf *tail, const struct shape *shape, const char *name,
                     const char *value, struct err *err)
{
    if (!value || shape_find(shape, name) != SIZE_MAX)
        return true;
    buf_addc(tail, ',');
    if (!copytext_quote(tail, name, strlen(name), err))
        return false;
    buf_addc(tail, ':');
    return copytext_quote(tail, value, strlen(value), err);
}

static bool prepare_tail(struct encoder *encoder, const struct encode_metadata *metadata,
                         struct err *err)
{
    static const struct encode_metadata none;
    const struct encode_metadata *m = metadata ? metadata : &none;
    const struct shape *shape = encoder->shape;
    struct buf tail = BUF_INIT;

    bool ok = add_tail(&tail, shape, "_archived_at", m->archived_at, err) &&
              add_tail(&tail, shape, "_batch_id", m->batch_id, err) &&
              add_tail(&tail, shape, "_source_database", m->source_database, err) &&
              add_tail(&tail, shape, "_source_table", m->source_table, err);
    if (ok) {
        encoder->tail = arena_strndup(encoder->arena, buf_str(&tail), tail.len);
        encoder->tail_len = tail.len;
        encoder->json_null =
            arena_printf(encoder->arena, ",\"%s\":[", shape_json_null_name(shape, encoder->arena));
        encoder->json_null_len = strlen(encoder->json_null);
    }
    buf_done(&tail);
    return ok;
}

static bool prepare_column(struct encoder *encoder, size_t i, struct err *err)
{
    const struct shape *shape = encoder->shape;
    struct encode_column *column = &encoder->columns[i];
    struct buf key = BUF_INIT;

    column->type = shape->columns[i].type;
    column->kind = column->type->kind;
    for (size_t k = 0; k < shape->key_count; k++)
        column->is_key |= shape->key_columns[k] == i;
    column->is_only_key = column->is_key && shape->key_count == 1 && column->kind == TYPE_INT;
    column->is_time = shape->timestamp_column == i;
    literal_encode_prepare(&encoder->literal, column->type);
    if (i > 0)
        buf_addc(&key, ',');
    bool ok = copytext_quote(&key, shape->columns[i].name, strlen(shape->columns[i].name), err);
    if (ok) {
        buf_addc(&key, ':');
        char *padded = arena_alloc(encoder->arena, key.len + KEY_BLOCK);
        memcpy(padded, key.data, key.len);
        column->key = padded;
        column->key_len = (uint32_t)key.len;
    }
    buf_done(&key);
    return ok;
}

struct encoder *encoder_new(const struct shape *shape, const struct encode_metadata *metadata,
                            struct err *err)
{
    struct encoder *encoder = mem_alloc(sizeof(*encoder));

    encoder->arena = arena_new();
    encoder->shape = shape;
    encoder->column_count = shape->column_count;
    encoder->columns = arena_alloc(encoder->arena, shape->column_count * sizeof(*encoder->columns));
    encoder->null_columns =
        arena_alloc(encoder->arena, shape->column_count * sizeof(*encoder->null_columns));
    encode_bounds_reset(encoder);
    bool ok = prepare_tail(encoder, metadata, err);
    for (size_t i = 0; ok && i < shape->column_count; i++)
        ok = prepare_column(encoder, i, err);
    if (ok)
        return encoder;
    encoder_free(encoder);
    return NULL;
}

void encoder_free(struct encoder *encoder)
{
    if (!encoder)
        return;
    buf_done(&encoder->bounds.min_key);
    buf_done(&encoder->bounds.max_key);
    buf_done(&encoder->bounds.min_timestamp);
    buf_done(&encoder->bounds.max_timestamp);
    buf_done(&encoder->plain);
    literal_encode_done(&encoder->literal);
    arena_free(encoder->arena);
    free(encoder);
}

/* ---- bounds ---- */

const struct encode_bounds *encode_bounds(const struct encoder *encoder)
{
    return &encoder->bounds;
}

void encode_bounds_reset(struct encoder *encoder)
{
    struct encode_bounds *bounds = &encoder->bounds;

    bounds->min_us = INT64_MAX;
    bounds->max_us = INT64_MIN;
    buf_reset(&bounds->min_key);
    buf_reset(&bounds->max_key);
    buf_reset(&bounds->min_timestamp);
    buf_reset(&bounds->max_timestamp);
}

static void set_text(struct buf *buf, const char *text, size_t len)
{
    buf_reset(buf);
    buf_add(buf, text, len);
}

static void note_time(struct encoder *encoder, enum type_kind kind, const char *text, size_t len)
{
    struct encode_bounds *bounds = &encoder->bounds;
    int64_t us;

    if (!(kind == TYPE_INT ? scalar_int_value(text, len, &us)
                           : scalar_time_value(text, len, &us))) {
        /* Beyond what microseconds can say: the bounds must still hold for this row. */
        bounds->min_us = INT64_MIN;
        bounds->max_us = INT64_MAX;
        return;
    }
    if (us < bounds->min_us || bounds->min_timestamp.len == 0) {
        bounds->min_us = us < bounds->min_us ? us : bounds->min_us;
        set_text(&bounds->min_timestamp, text, len);
    }
    if (us > bounds->max_us || bounds->max_timestamp.len == 0) {
        bounds->max_us = us > bounds->max_us ? us : bounds->max_us;
        set_text(&bounds->max_timestamp, text, len);
    }
}

static void note_key(struct encoder *encoder, const char *text, size_t len)
{
    struct encode_bounds *bounds = &encoder->bounds;
    int64_t value;

    if (!scalar_int_value(text, len, &value))
        return; /* no integer type of PostgreSQL is that wide */
    if (bounds->min_key.len == 0 || value < encoder->min_key) {
        encoder->min_key = value;
        set_text(&bounds->min_key, text, len);
    }
    if (bounds->max_key.len == 0 || value > encoder->max_key) {
        encoder->max_key = value;
        set_text(&bounds->max_key, text, len);
    }
}

/* ---- fields ---- */

static bool malformed(struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "row cannot be written as JSON");
    return err_why(err, "%s", why);
}

static inline bool ends_field(const struct copytext *field, const char *p)
{
    return p == field->end || *p == '\t';
}

static const char *field_end(const struct copytext *field)
{
    const char *tab = memchr(field->at, '\t', (size_t)(field->end - field->at));

    return tab ? tab : field->end;
}

static bool add(struct buf *out, const char *bytes, size_t len, struct err *err)
{
    if (!copytext_room(out, len, err))
        return false;
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
    return true;
}

static bool encode_int(struct encoder *encoder, const struct encode_column *column,
                       struct copytext *field, struct buf *out, struct err *err)
{
    size_t len = scalar_int(field->at, field->end);

    if (len == 0 || !ends_field(field, field->at + len))
        return malformed(err, "an integer is due here");
    if (column->is_only_key)
        note_key(encoder, field->at, len);
    if (column->is_time)
        note_time(encoder, TYPE_INT, field->at, len);
    if (!add(out, field->at, len, err))
        return false;
    field->at += len;
    return true;
}

static bool encode_float(struct copytext *field, struct buf *out, struct err *err)
{
    struct jsontext number = {field->at, field->end};

    if (!jsontext_number(&number) || !ends_field(field, number.at)) {
        size_t len = (size_t)(field_end(field) - field->at);
        bool special = (len == 3 && memcmp(field->at, "NaN", 3) == 0) ||
                       (len == 8 && memcmp(field->at, "Infinity", 8) == 0) ||
                       (len == 9 && memcmp(field->at, "-Infinity", 9) == 0);
        return special ? copytext_to_string(field, out, err)
                       : malformed(err, "a number is due here");
    }
    if (!add(out, field->at, (size_t)(number.at - field->at), err))
        return false;
    field->at = number.at;
    return true;
}

static bool encode_bool(struct copytext *field, struct buf *out, struct err *err)
{
    if (field->at == field->end || (*field->at != 't' && *field->at != 'f') ||
        !ends_field(field, field->at + 1))
        return malformed(err, "t or f is due here");
    bool ok = *field->at == 't' ? add(out, "true", 4, err) : add(out, "false", 5, err);
    field->at += ok;
    return ok;
}

static bool encode_json(struct encoder *encoder, size_t column, struct copytext *field,
                        struct buf *out, struct err *err)
{
    size_t start = out->len;
    const char *before = field->at;

    if (!copytext_to_json(field, out, err))
        return false;
    const char *json = out->data + start;
    size_t len = out->len - start;
    if (len == 0) {
        field->at = before;
        return malformed(err, "JSON is due here");
    }
    /* the first byte rules out all but null and values with space before them */
    if ((*json == 'n' || *json == ' ' || *json == '\t') && literal_is_json_null(json, len))
        encoder->null_columns[encoder->null_count++] = column;
    return true;
}

static bool encode_bytea(struct copytext *field, struct buf *out, struct err *err)
{
    const char *end = field_end(field);

    if (end - field->at < 3 || memcmp(field->at, "\\\\x", 3) != 0)
        return malformed(err, "bytea in hex form (\\x...) is due here");
    if (!add(out, "\"", 1, err))
        return false;
    switch (scalar_hex_to_base64(out, field->at + 3, (size_t)(end - field->at - 3), err)) {
    case SCALAR_OK:
        field->at = end;
        return add(out, "\"", 1, err);
    case SCALAR_BAD:
        return malformed(err, "bytea in hex form (\\x...) is due here");
    default:
        return false;
    }
}

static bool encode_time(struct encoder *encoder, const struct encode_column *column,
                        struct copytext *field, struct buf *out, struct err *err)
{
    size_t len =
        column->kind == TYPE_DATE ? 0 : scalar_plain_time(column->kind, field->at, field->end);

    if (len == 0 || !ends_field(field, field->at + len)) {
        const char *text = field->at;
        bool ok = copytext_to_string(field, out, err);
        if (ok && column->is_time)
            note_time(encoder, column->kind, text, (size_t)(field->at - text));
        return ok;
    }
    if (!copytext_room(out, SCALAR_TIME_MAX, err))
        return false;
    char *start = out->data + out->len;
    out->len += (size_t)(scalar_put_time(column->kind, field->at, len, start) - start);
    if (column->is_time)
        note_time(encoder, column->kind, field->at, len);
    field->at += len;
    return true;
}

static bool encode_nested(struct encoder *encoder, const struct encode_column *column,
                          struct copytext *field, struct buf *out, struct err *err)
{
    encoder->plain.len = 0;
    return copytext_to_plain(field, &encoder->plain, err) &&
           literal_encode(&encoder->literal, column->type,
                          encoder->plain.data ? encoder->plain.data : "", encoder->plain.len, out,
                          err);
}

static bool encode_field(struct encoder *encoder, size_t i, struct copytext *field, struct buf *out,
                         struct err *err)
{
    const struct encode_column *column = &encoder->columns[i];

    if (field->end - field->at >= 2 && field->at[0] == '\\' && field->at[1] == 'N') {
        field->at += 2;
        return add(out, "null", 4, err);
    }
    switch (column->kind) {
    case TYPE_TEXT:
        return copytext_to_string(field, out, err);
    case TYPE_INT:
        return encode_int(encoder, column, field, out, err);
    case TYPE_FLOAT:
        return encode_float(field, out, err);
    case TYPE_BOOL:
        return encode_bool(field, out, err);
    case TYPE_JSON:
        return encode_json(encoder, i, field, out, err);
    case TYPE_BYTEA:
        return encode_bytea(field, out, err);
    case TYPE_TIMESTAMPTZ:
    case TYPE_TIMESTAMP:
    case TYPE_DATE:
        return encode_time(encoder, column, field, out, err);
    default:
        return encode_nested(encoder, column, field, out, err);
    }
}

/* ---- rows ---- */

static inline bool add_key(const struct encode_column *column, struct buf *out, struct err *err)
{
    if (!copytext_room(out, column->key_len, err))
        return false;
    if (column->key_len <= KEY_BLOCK)
        memcpy(out->data + out->len, column->key, KEY_BLOCK); /* into the slack */
    else
        memcpy(out->data + out->len, column->key, column->key_len);
    out->len += column->key_len;
    return true;
}

/* All columns; *ret_column is where it stopped. */
static bool encode_columns(struct encoder *encoder, struct copytext *field, struct buf *out,
                           size_t row_start, size_t *ret_column, struct err *err)
{
    for (size_t i = 0; i < encoder->column_count; i++) {
        struct encode_column *column = &encoder->columns[i];

        *ret_column = i;
        if (i > 0 && (field->at == field->end || *field->at++ != '\t'))
            return malformed(err, "the row ends before this column");
        if (!add_key(column, out, err))
            return false;
        size_t start = out->len;
        if (!encode_field(encoder, i, field, out, err))
            return false;
        if (!ends_field(field, field->at))
            return malformed(err, "a tab is due here");
        column->json.start = start - row_start;
        column->json.end = out->len - row_start;
    }
    return field->at == field->end || malformed(err, "the row goes on behind the last column");
}

static bool add_json_nulls(struct encoder *encoder, struct buf *out, struct err *err)
{
    if (!add(out, encoder->json_null, encoder->json_null_len, err))
        return false;
    for (size_t i = 0; i < encoder->null_count; i++) {
        const char *name = encoder->shape->columns[encoder->null_columns[i]].name;

        if ((i > 0 && !add(out, ",", 1, err)) || !copytext_quote(out, name, strlen(name), err))
            return false;
    }
    return add(out, "]", 1, err);
}

static bool add_tail_of_row(struct encoder *encoder, struct buf *out, struct err *err)
{
    size_t skip = encoder->column_count == 0 && encoder->tail_len > 0; /* the comma */

    if (!add(out, encoder->tail + skip, encoder->tail_len - skip, err))
        return false;
    if (encoder->null_count > 0 && !add_json_nulls(encoder, out, err))
        return false;
    return add(out, "}\n", 2, err);
}

static bool add_keys(const struct encoder *encoder, const char *row, struct buf *keys,
                     struct err *err)
{
    const struct shape *shape = encoder->shape;

    if (shape->key_count > 1 && !add(keys, "[", 1, err))
        return false;
    for (size_t i = 0; i < shape->key_count; i++) {
        const struct encode_column *column = &encoder->columns[shape->key_columns[i]];

        if ((i > 0 && !add(keys, ",", 1, err)) ||
            !add(keys, row + column->json.start, column->json.end - column->json.start, err))
            return false;
    }
    return shape->key_count <= 1 || add(keys, "]", 1, err);
}

static bool encode_fields(struct encoder *encoder, struct copytext *field, struct buf *lines,
                          size_t *ret_column, struct err *err)
{
    size_t start = lines->len;

    return add(lines, "{", 1, err) &&
           encode_columns(encoder, field, lines, start, ret_column, err) &&
           add_tail_of_row(encoder, lines, err);
}

bool encode_row(struct encoder *encoder, const char *copy_line, size_t len, struct buf *lines,
                struct buf *keys, struct err *err)
{
    size_t lines_before = lines->len, keys_before = keys ? keys->len : 0, column = 0;
    struct copytext field = {copy_line, copy_line + len};

    if (len > 0 && copy_line[len - 1] == '\n')
        field.end--;
    encoder->null_count = 0;
    encoder->rows++;
    bool ok = encode_fields(encoder, &field, lines, &column, err);
    if (!ok && column < encoder->column_count)
        err_in(err, "row %llu, column \"%s\", byte %zu", (unsigned long long)encoder->rows,
               encoder->shape->columns[column].name, (size_t)(field.at - copy_line));
    else if (!ok)
        err_in(err, "row %llu", (unsigned long long)encoder->rows);
    if (ok && keys)
        ok = add_keys(encoder, lines->data + lines_before, keys, err);
    if (!ok) {
        lines->len = lines_before;
        if (keys)
            keys->len = keys_before;
    }
    if (lines->data)
        lines->data[lines->len] = '\0';
    if (keys && keys->data)
        keys->data[keys->len] = '\0';
    return ok;
}
