/* SPDX-License-Identifier: PostgreSQL
 *
 * A metadata.json that is read is believed by restore and recover, so whatever can be checked
 * against itself is: the members follow one another without a gap from the first byte and row to
 * the last, and their sums are the counts.
 *
 * A manifest can hold tens of millions of keys; its reader is a scanner that keeps one key.
 */
#include "catalog/metadata.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "catalog/blocks.h"
#include "catalog/key.h"

/* One key, or one small object of a manifest: past this it is no manifest. */
#define VALUE_MAX ((size_t)64 << 20)

static const char *const member_fields[] = {"offset",     "length", "first_row", "rows",
                                            "line_bytes", "sha256", "min_us",    "max_us",
                                            "min_key",    "max_key"};

enum {
    FIELD_OFFSET,
    FIELD_LENGTH,
    FIELD_FIRST_ROW,
    FIELD_ROWS,
    FIELD_LINE_BYTES,
    FIELD_SHA256,
    FIELD_MIN_US,
    FIELD_MAX_US,
    FIELD_MIN_KEY,
    FIELD_MAX_KEY,
    FIELD_COUNT
};

/* --- metadata out --- */

static void put_raw(struct json_out *j, const char *key, const char *json)
{
    json_key(j, key);
    if (json)
        json_add_raw(j, json, strlen(json));
    else
        json_add_null(j);
}

static void put_uint(struct json_out *j, const char *key, uint64_t value)
{
    json_key(j, key);
    json_add_uint(j, value);
}

/* 64 bits without a sign do not survive every JSON reader as a number. */
static void put_uint_text(struct json_out *j, const char *key, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    json_put_str(j, key, text);
}

static void put_digest(struct json_out *j, const char *key, const uint8_t digest[32])
{
    char hex[65];

    text_hex(digest, 32, hex);
    json_put_str(j, key, hex);
}

static bool no_bounds(int64_t min_us, int64_t max_us)
{
    return min_us == INT64_MAX && max_us == INT64_MIN;
}

/* A member is one line, since there may be ten thousand of them. */
static void add_member(struct json_out *j, const struct member_index *m, bool encrypted,
                       struct buf *line)
{
    char hex[65];

    text_hex(m->sha256, 32, hex);
    buf_reset(line);
    buf_addf(line, "[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, m->offset,
             m->length, m->first_row, m->rows, m->line_bytes);
    if (encrypted)
        buf_adds(line, ",null,");
    else
        buf_addf(line, ",\"%s\",", hex);
    if (no_bounds(m->min_us, m->max_us))
        buf_adds(line, "null,null,");
    else
        buf_addf(line, "%" PRId64 ",%" PRId64 ",", m->min_us, m->max_us);
    buf_addf(line, "%s,%s]", m->min_key && !encrypted ? m->min_key : "null",
             m->max_key && !encrypted ? m->max_key : "null");
    json_add_raw(j, line->data, line->len);
}

static void write_batch_info(const struct metadata *m, struct json_out *j)
{
    json_key(j, "batch_info");
    json_begin_object(j);
    json_put_str(j, "database", m->database);
    json_put_str(j, "schema", m->schema);
    json_put_str(j, "table", m->table);
    json_put_int(j, "batch_number", m->batch_number);
    json_put_str(j, "batch_id", m->batch_id);
    json_put_str(j, "run_id", m->run_id);
    json_put_str(j, "archived_at", m->archived_at);
    json_put_str(j, "archiver_version", m->archiver_version);
    json_end(j);
}

static void write_source(const struct metadata *m, struct json_out *j)
{
    json_key(j, "source");
    json_begin_object(j);
    json_put_str(j, "postgres_version", m->postgres_version);
    json_put_str(j, "system_identifier", m->system_identifier);
    json_put_str(j, "timeline", m->timeline);
    put_uint_text(j, "txid", m->txid);
    json_end(j);
    json_put_str(j, "cutoff", m->cutoff);
    json_put_str(j, "strategy", m->strategy);
    json_put_str(j, "where", m->where);
}

static void write_data_info(const struct metadata *m, struct json_out *j)
{
    double saved =
        m->line_bytes > 0 ? 100.0 * (1.0 - (double)m->object_bytes / (double)m->line_bytes) : 0.0;

    json_key(j, "data_info");
    json_begin_object(j);
    json_put_str(j, "key", m->data_key);
    json_put_str(j, "compression", packing_name(m->packing));
    put_uint(j, "record_count", m->record_count);
    put_uint(j, "uncompressed_size_bytes", m->line_bytes);
    put_uint(j, "compressed_size_bytes", m->object_bytes);
    json_put_real(j, "compression_ratio", saved, 2);
    json_end(j);
    json_key(j, "checksums");
    json_begin_object(j);
    if (m->key_id)
        json_put_str(j, "jsonl_sha256", NULL);
    else
        put_digest(j, "jsonl_sha256", m->lines_sha256);
    put_digest(j, "compressed_sha256", m->object_sha256);
    json_end(j);
}

bool metadata_key_integer(const char *json, int64_t *ret)
{
    char digits[32];
    size_t len = json ? strlen(json) : 0;

    if (len >= 2 && json[0] == '[' && json[len - 1] == ']') {
        json++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(digits))
        return false;
    memcpy(digits, json, len);
    digits[len] = '\0';
    return text_to_int(digits, ret);
}

/* The least (sign 1) or greatest (-1) of the members' keys where all are integers, else NULL. */
static const char *member_key(const struct metadata *m, int sign)
{
    const char *best = NULL;
    int64_t best_value = 0;

    for (size_t i = 0; i < m->member_count; i++) {
        const char *key = sign > 0 ? m->members[i].min_key : m->members[i].max_key;
        int64_t value;
        if (!metadata_key_integer(key, &value))
            return NULL;
        if (!best || (sign > 0 ? value < best_value : value > best_value)) {
            best = key;
            best_value = value;
        }
    }
    return best;
}

const char *metadata_min_key(const struct metadata *m)
{
    return m->min_key ? m->min_key : member_key(m, 1);
}

const char *metadata_max_key(const struct metadata *m)
{
    return m->max_key ? m->max_key : member_key(m, -1);
}

const char *metadata_suffix(const struct metadata *m)
{
    return packing_suffix(m->packing, m->key_id != NULL);
}

size_t metadata_member_of(const struct metadata *m, uint64_t row)
{
    size_t low = 0, high = m->member_count;

    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (m->members[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void write_ranges(const struct metadata *m, struct json_out *j)
{
    json_key(j, "timestamp_range");
    json_begin_object(j);
    json_put_str(j, "column", m->timestamp_column);
    json_put_str(j, "min", m->min_timestamp);
    json_put_str(j, "max", m->max_timestamp);
    json_end(j);
    json_key(j, "key_range");
    json_begin_object(j);
    put_raw(j, "min", m->key_id ? NULL : metadata_min_key(m));
    put_raw(j, "max", m->key_id ? NULL : metadata_max_key(m));
    json_end(j);
}

static void write_encryption(const struct metadata *m, struct json_out *j)
{
    if (!m->key_id)
        return;
    json_key(j, "encryption");
    json_begin_object(j);
    json_put_str(j, "algorithm", CIPHER_ALGORITHM);
    json_put_str(j, "key_id", m->key_id);
    put_uint(j, "head_bytes", m->head_bytes);
    json_put_str(j, "sealed_index", m->sealed_index);
    json_end(j);
}

static void write_members(const struct metadata *m, struct json_out *j)
{
    struct buf line = BUF_INIT;

    buf_addc(&line, '[');
    for (size_t i = 0; i < FIELD_COUNT; i++)
        buf_addf(&line, "%s\"%s\"", i ? "," : "", member_fields[i]);
    buf_addc(&line, ']');
    put_raw(j, "member_fields", line.data);
    json_key(j, "members");
    json_begin_array(j);
    for (size_t i = 0; i < m->member_count; i++)
        add_member(j, &m->members[i], m->key_id != NULL, &line);
    json_end(j);
    buf_done(&line);
}

void metadata_write(const struct metadata *metadata, struct buf *ret_json)
{
    buf_reset(ret_json);
    struct json_out j = json_out(ret_json, 2);

    json_begin_object(&j);
    json_put_str(&j, "version", "3");
    write_batch_info(metadata, &j);
    write_source(metadata, &j);
    write_data_info(metadata, &j);
    write_encryption(metadata, &j);
    write_ranges(metadata, &j);
    if (metadata->shape) {
        json_key(&j, "table_schema");
        shape_write(metadata->shape, &j);
    }
    json_put_str(&j, "table_ddl", metadata->table_ddl);
    write_members(metadata, &j);
    json_end(&j);
    buf_addc(ret_json, '\n');
}

/* --- metadata in --- */

/* Where a field is looked for, and what an error calls it. */
struct section {
    struct json_object *object;
    const char *name; /* "batch_info"; "" for the document itself */
    struct arena *arena;
};

static bool damaged(struct err *err, const char *why, ...) ERR_PRINTF(2, 3);
static bool damaged(struct err *err, const char *why, ...)
{
    char text[sizeof(err->why) + 1]; /* one more, so that err_why cuts it visibly */
    va_list args;

    va_start(args, why);
    vsnprintf(text, sizeof(text), why, args);
    va_end(args);
    err_set(err, ERR_DATA, "metadata is damaged");
    return err_why(err, "%s", text);
}

static const char *dot(const struct section *s)
{
    return s->name[0] ? "." : "";
}

static bool section_of(struct json_object *root, const char *name, struct arena *arena,
                       struct section *ret, struct err *err)
{
    struct json_object *o = json_opt(root, name);

    if (!o || !json_object_is_type(o, json_type_object))
        return damaged(err, "%s is missing or no object", name);
    *ret = (struct section){.object = o, .name = name, .arena = arena};
    return true;
}

/* A text in the arena; NULL for null or absent, which is an error unless `optional`. */
static bool take_text(const struct section *s, const char *field, bool optional, const char **ret,
                      struct err *err)
{
    struct json_object *o = json_opt(s->object, field);

    if (o && json_object_is_type(o, json_type_string)) {
        size_t len = (size_t)json_object_get_string_len(o);
        const char *text = json_object_get_string(o);
        if (strlen(text) != len)
            return damaged(err, "%s%s%s has a NUL in it", s->name, dot(s), field);
        *ret = arena_strdup(s->arena, text);
        return true;
    }
    if (!o && optional)
        return true;
    return damaged(err, "%s%s%s is %s", s->name, dot(s), field, o ? "no text" : "missing");
}

/* json-c cuts integers at the ends of their range, so the largest one means "more than that". */
static bool count_from(struct json_object *o, uint64_t *ret)
{
    if (!o || !json_object_is_type(o, json_type_int))
        return false;
    int64_t value = json_object_get_int64(o);
    if (value < 0 || value == INT64_MAX)
        return false;
    *ret = (uint64_t)value;
    return true;
}

static bool take_count(const struct section *s, const char *field, uint64_t *ret, struct err *err)
{
    struct json_object *o = json_opt(s->object, field);

    if (count_from(o, ret))
        return true;
    return damaged(err, "%s%s%s is %s", s->name, dot(s), field, o ? "no count" : "missing");
}

static bool digest_from(struct json_object *o, uint8_t ret[32])
{
    return o && json_object_is_type(o, json_type_string) && json_object_get_string_len(o) == 64 &&
           text_from_hex(json_object_get_string(o), 64, ret);
}

/* `sealed`: there is none, since it is in the sealed index. */
static bool take_digest(const struct section *s, const char *field, bool sealed, uint8_t ret[32],
                        struct err *err)
{
    if (sealed && !json_opt(s->object, field))
        return true;
    if (digest_from(json_opt(s->object, field), ret))
        return true;
    return damaged(err, "%s%s%s is no SHA-256 in hex", s->name, dot(s), field);
}

static bool take_txid(const struct section *s, uint64_t *ret, struct err *err)
{
    const char *text = NULL;
    uint64_t value = 0;

    if (!take_text(s, "txid", false, &text, err))
        return false;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return damaged(err, "source.txid is no transaction number");
    }
    if (!*text)
        return damaged(err, "source.txid is no transaction number");
    *ret = value;
    return true;
}

static bool read_batch_info(struct metadata *m, struct json_object *root, bool ours,
                            struct err *err)
{
    struct section s;
    uint64_t number;

    if (!section_of(root, "batch_info", m->arena, &s, err))
        return false;
    const char *database = ours || json_opt(s.object, "database") ? "database" : "database_name";
    const char *table = ours || json_opt(s.object, "table") ? "table" : "table_name";
    if (!take_text(&s, database, false, &m->database, err) ||
        !take_text(&s, "schema", !ours, &m->schema, err) ||
        !take_text(&s, table, false, &m->table, err) ||
        !take_count(&s, "batch_number", &number, err) ||
        !take_text(&s, "batch_id", false, &m->batch_id, err) ||
        !take_text(&s, "run_id", !ours, &m->run_id, err) ||
        !take_text(&s, "archived_at", false, &m->archived_at, err) ||
        !take_text(&s, "archiver_version", true, &m->archiver_version, err))
        return false;
    if (number > UINT32_MAX)
        return damaged(err, "batch_info.batch_number is no count");
    m->batch_number = (unsigned)number;
    return true;
}

static bool read_source(struct metadata *m, struct json_object *root, struct err *err)
{
    struct section top = {.object = root, .name = "", .arena = m->arena}, s;

    return section_of(root, "source", m->arena, &s, err) &&
           take_text(&s, "postgres_version", true, &m->postgres_version, err) &&
           take_text(&s, "system_identifier", false, &m->system_identifier, err) &&
           take_text(&s, "timeline", false, &m->timeline, err) && take_txid(&s, &m->txid, err) &&
           take_text(&top, "cutoff", true, &m->cutoff, err) &&
           take_text(&top, "strategy", true, &m->strategy, err) &&
           take_text(&top, "where", true, &m->where, err) &&
           take_text(&top, "table_ddl", true, &m->table_ddl, err);
}

static bool read_data_info(struct metadata *m, struct json_object *root, bool ours, struct err *err)
{
    struct section s, sums;

    if (!section_of(root, "data_info", m->arena, &s, err) ||
        !section_of(root, "checksums", m->arena, &sums, err) ||
        !take_count(&s, "record_count", &m->record_count, err) ||
        !take_count(&s, "uncompressed_size_bytes", &m->line_bytes, err) ||
        !take_count(&s, "compressed_size_bytes", &m->object_bytes, err) ||
        !take_digest(&sums, "jsonl_sha256", m->key_id, m->lines_sha256, err) ||
        !take_digest(&sums, "compressed_sha256", false, m->object_sha256, err))
        return false;
    if (!ours)
        return true;
    const char *compression = NULL;

    return take_text(&s, "key", false, &m->data_key, err) &&
           take_text(&s, "compression", false, &compression, err) &&
           (packing_of(compression, &m->packing) ||
            damaged(err, "data_info.compression is none of gzip, zstd and none"));
}

static bool read_encryption(struct metadata *m, struct json_object *root, struct err *err)
{
    const char *algorithm = NULL;
    struct section s;

    if (!json_opt(root, "encryption"))
        return true;
    if (!section_of(root, "encryption", m->arena, &s, err) ||
        !take_text(&s, "algorithm", false, &algorithm, err))
        return false;
    if (strcmp(algorithm, CIPHER_ALGORITHM) != 0) {
        err_set(err, ERR_DATA, "the archive is encrypted in a way this program does not know");
        err_why(err, "algorithm \"%s\"", algorithm);
        return err_hint(err, "a newer archiver-tui may know it");
    }
    return take_text(&s, "key_id", false, &m->key_id, err) &&
           take_count(&s, "head_bytes", &m->head_bytes, err) &&
           take_text(&s, "sealed_index", false, &m->sealed_index, err);
}

static const char *raw_json(struct arena *arena, struct json_object *o)
{
    int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

    return o ? arena_strdup(arena, json_object_to_json_string_ext(o, flags)) : NULL;
}

static bool read_ranges(struct metadata *m, struct json_object *root, struct err *err)
{
    struct section s;
    struct json_object *keys = json_opt(root, "key_range");

    if (!section_of(root, "timestamp_range", m->arena, &s, err) ||
        !take_text(&s, "column", true, &m->timestamp_column, err) ||
        !take_text(&s, "min", true, &m->min_timestamp, err) ||
        !take_text(&s, "max", true, &m->max_timestamp, err))
        return false;
    if (keys && json_object_is_type(keys, json_type_object)) {
        m->min_key = raw_json(m->arena, json_opt(keys, "min"));
        m->max_key = raw_json(m->arena, json_opt(keys, "max"));
    }
    return true;
}

static bool bound_from(struct json_object *o, int64_t none, int64_t *ret)
{
    *ret = none;
    if (!o)
        return true;
    if (!json_object_is_type(o, json_type_int))
        return false;
    *ret = json_object_get_int64(o);
    return true;
}

/* One line of the index; returns the name of the field that is wrong, or NULL. */
static const char *read_member(struct json_object *line, bool encrypted, struct arena *arena,
                               struct member_index *ret)
{
    struct json_object *f[FIELD_COUNT];
    uint64_t *counts[] = {&ret->offset, &ret->length, &ret->first_row, &ret->rows,
                          &ret->line_bytes};

    if (!line || !json_object_is_type(line, json_type_array) ||
        json_object_array_length(line) != FIELD_COUNT)
        return "number of fields";
    for (size_t i = 0; i < FIELD_COUNT; i++)
        f[i] = json_object_array_get_idx(line, i);
    for (size_t i = FIELD_OFFSET; i <= FIELD_LINE_BYTES; i++) {
        if (!count_from(f[i], counts[i]))
            return member_fields[i];
    }
    if (!(encrypted && !f[FIELD_SHA256]) && !digest_from(f[FIELD_SHA256], ret->sha256))
        return member_fields[FIELD_SHA256];
    if (!bound_from(f[FIELD_MIN_US], INT64_MAX, &ret->min_us))
        return member_fields[FIELD_MIN_US];
    if (!bound_from(f[FIELD_MAX_US], INT64_MIN, &ret->max_us))
        return member_fields[FIELD_MAX_US];
    ret->min_key = (char *)raw_json(arena, f[FIELD_MIN_KEY]);
    ret->max_key = (char *)raw_json(arena, f[FIELD_MAX_KEY]);
    return NULL;
}

/* The members follow one another: each begins where the one before ends. Counts are below 2^63 and
 * so is their sum while it is not above the total, so nothing here can wrap. */
static const char *member_breaks(const struct metadata *m, const struct member_index *at,
                                 uint64_t offset, uint64_t row)
{
    if (at->offset != offset)
        return member_fields[FIELD_OFFSET];
    if (at->length == 0 || at->length > m->object_bytes - offset)
        return member_fields[FIELD_LENGTH];
    if (at->first_row != row)
        return member_fields[FIELD_FIRST_ROW];
    if (at->rows == 0 || at->rows > m->record_count - row)
        return member_fields[FIELD_ROWS];
    if (at->line_bytes < at->rows)
        return member_fields[FIELD_LINE_BYTES];
    return NULL;
}

static bool check_sums(const struct metadata *m, uint64_t bytes, uint64_t rows, uint64_t line_bytes,
                       struct err *err)
{
    if (rows != m->record_count)
        return damaged(err, "members hold %" PRIu64 " rows, data_info.record_count is %" PRIu64,
                       rows, m->record_count);
    if (bytes != m->object_bytes)
        return damaged(err,
                       "members end at byte %" PRIu64
                       ", data_info.compressed_size_bytes is %" PRIu64,
                       bytes, m->object_bytes);
    if (line_bytes != m->line_bytes)
        return damaged(err,
                       "members hold %" PRIu64
                       " bytes of lines, data_info.uncompressed_size_bytes is %" PRIu64,
                       line_bytes, m->line_bytes);
    return true;
}

static bool read_members(struct metadata *m, struct json_object *root, struct err *err)
{
    struct json_object *list = json_opt(root, "members");
    uint64_t bytes = m->head_bytes, rows = 0, line_bytes = 0;

    if (!list || !json_object_is_type(list, json_type_array))
        return damaged(err, "members is missing or no array");
    if (m->head_bytes > m->object_bytes)
        return damaged(err, "encryption.head_bytes is more than the object has");
    m->member_count = json_object_array_length(list);
    m->members = arena_alloc(m->arena, (m->member_count + 1) * sizeof(*m->members));
    for (size_t i = 0; i < m->member_count; i++) {
        struct member_index *at = &m->members[i];
        const char *bad = read_member(json_object_array_get_idx(list, i), m->key_id, m->arena, at);
        if (bad)
            return damaged(err, "members[%zu]: %s is not what it should be", i, bad);
        bad = member_breaks(m, at, bytes, rows);
        if (bad)
            return damaged(err, "members[%zu]: %s does not follow from the one before", i, bad);
        bytes += at->length;
        rows += at->rows;
        if (__builtin_add_overflow(line_bytes, at->line_bytes, &line_bytes))
            return damaged(err, "members[%zu]: line_bytes is not what it should be", i);
        m->min_us = at->min_us < m->min_us ? at->min_us : m->min_us;
        m->max_us = at->max_us > m->max_us ? at->max_us : m->max_us;
    }
    return check_sums(m, bytes, rows, line_bytes, err);
}

static bool read_ours(struct metadata *m, struct json_object *root, struct err *err)
{
    struct json_object *schema = json_opt(root, "table_schema");

    if (!read_batch_info(m, root, true, err) || !read_source(m, root, err) ||
        !read_encryption(m, root, err) || !read_data_info(m, root, true, err) ||
        !read_ranges(m, root, err) || !read_members(m, root, err))
        return false;
    if (!schema)
        return damaged(err, "table_schema is missing");
    m->shape = shape_read(schema, err);
    return m->shape != NULL;
}

/* Version "1.0". Only the first batch of a run has its table_schema. */
static bool read_earlier(struct metadata *m, struct json_object *root, const char *key,
                         struct err *err)
{
    struct buf data_key = BUF_INIT;

    m->schema = "public";
    m->run_id = m->system_identifier = m->timeline = m->postgres_version = "";
    m->archiver_version = m->cutoff = m->strategy = "";
    m->packing = PACKING_GZIP;
    if (!read_batch_info(m, root, false, err) || !read_data_info(m, root, false, err) ||
        !read_ranges(m, root, err))
        return false;
    key_sibling(key, KEY_DATA, NULL, &data_key);
    m->data_key = arena_strdup(m->arena, buf_str(&data_key));
    buf_done(&data_key);
    if (m->min_timestamp && !text_to_time(m->min_timestamp, strlen(m->min_timestamp), &m->min_us))
        return damaged(err, "timestamp_range.min is no timestamp");
    if (m->max_timestamp && !text_to_time(m->max_timestamp, strlen(m->max_timestamp), &m->max_us))
        return damaged(err, "timestamp_range.max is no timestamp");
    struct json_object *schema = json_opt(root, "table_schema");
    if (!schema)
        return true;
    m->shape = shape_read(schema, err);
    return m->shape != NULL;
}

static bool read_version(struct metadata *m, struct json_object *root, const char *key,
                         struct err *err)
{
    struct section top = {.object = root, .name = "", .arena = m->arena};

    if (!json_object_is_type(root, json_type_object))
        return damaged(err, "the document is no object");
    if (!take_text(&top, "version", false, &m->version, err))
        return false;
    if (strcmp(m->version, "3") == 0)
        return read_ours(m, root, err);
    if (strcmp(m->version, "1.0") == 0)
        return read_earlier(m, root, key, err);
    err_set(err, ERR_DATA, "metadata is of a version this program does not know");
    err_why(err, "version \"%s\"", m->version);
    return err_hint(err, "a newer archiver-tui may know it");
}

struct metadata *metadata_read(const char *json, size_t len, const char *key, struct err *err)
{
    struct json_object *root = json_parse(json, len, key, err);
    struct metadata *m = NULL;

    if (!root)
        return NULL;
    struct arena *arena = arena_new();
    m = arena_alloc(arena, sizeof(*m));
    m->arena = arena;
    m->min_us = INT64_MAX;
    m->max_us = INT64_MIN;
    if (!read_version(m, root, key, err)) {
        err_in(err, "%s", key);
        metadata_free(m);
        m = NULL;
    }
    json_object_put(root);
    return m;
}

struct metadata *metadata_get(struct store *store, const char *metadata_key, struct err *err)
{
    struct buf json = BUF_INIT;
    struct metadata *m = NULL;

    if (store_get(store, metadata_key, 0, UINT64_MAX, &json, err))
        m = metadata_read(buf_str(&json), json.len, metadata_key, err);
    buf_done(&json);
    return m;
}

void metadata_free(struct metadata *metadata)
{
    if (!metadata)
        return;
    shape_free(metadata->shape);
    cipher_free(metadata->cipher);
    arena_free(metadata->arena); /* and *metadata with it */
}

/* --- manifest out --- */

void manifest_head(const struct manifest_head *head, struct buf *ret_json)
{
    buf_reset(ret_json);
    buf_adds(ret_json, "{\"version\":\"3\",\"manifest_info\":");
    struct json_out j = json_out(ret_json, 0);

    json_begin_object(&j);
    json_put_str(&j, "database", head->database);
    json_put_str(&j, "schema", head->schema);
    json_put_str(&j, "table", head->table);
    json_put_int(&j, "batch_number", head->batch_number);
    json_put_str(&j, "batch_id", head->batch_id);
    json_put_str(&j, "run_id", head->run_id);
    json_key(&j, "primary_key_columns");
    json_begin_array(&j);
    for (size_t i = 0; head->shape && i < head->shape->key_count; i++)
        json_add_str(&j, head->shape->columns[head->shape->key_columns[i]].name);
    json_end(&j);
    json_put_str(&j, "deleted_at", head->deleted_at);
    json_end(&j);
    buf_adds(ret_json, ",\"primary_keys\":[");
}

void manifest_keys(struct buf *ret, const struct buf *keys, bool first)
{
    const char *at = buf_str(keys);
    const char *end = at + keys->len;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline : end;
        buf_add(ret, first ? "\n" : ",\n", first ? 1 : 2);
        buf_add(ret, at, (size_t)(next - at));
        first = false;
        at = next + 1;
    }
}

void manifest_tail(uint64_t record_count, struct buf *ret_json)
{
    buf_reset(ret_json);
    buf_addf(ret_json, "\n],\"deletion_info\":{\"deleted_count\":%" PRIu64 "}}\n", record_count);
}

/* --- manifest in --- */

/* Everything but the keys themselves goes to `rest`, which is then a small document that the JSON
 * parser checks; the keys go to `each` one by one. */
struct scan {
    const char *key;
    manifest_each each;
    void *state;
    struct buf rest;
    struct buf value;   /* the key being read */
    size_t name, depth; /* where in rest the last string at depth 1 begins; open brackets */
    uint64_t keys;
    bool in_keys, in_string, escaped, after_comma;
};

static bool manifest_damaged(const struct scan *s, struct err *err, const char *why)
{
    err_set(err, ERR_DATA, "manifest is damaged");
    err_in(err, "%s", s->key);
    return err_why(err, "%s", why);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool give_key(struct scan *s, bool last, struct err *err)
{
    size_t len = s->value.len;

    while (len > 0 && is_space(s->value.data[len - 1]))
        len--;
    if (len == 0) {
        bool empty = last && !s->after_comma;
        return empty || manifest_damaged(s, err, "a key is missing between two commas");
    }
    s->value.data[len] = '\0';
    s->keys++;
    bool ok = s->each(s->value.data, len, s->state, err);
    buf_reset(&s->value);
    s->after_comma = !last;
    return ok;
}

static bool starts_keys(const struct scan *s)
{
    static const char name[] = "\"primary_keys\"";

    return s->depth == 1 && s->rest.len - s->name >= sizeof(name) - 1 &&
           memcmp(s->rest.data + s->name, name, sizeof(name) - 1) == 0;
}

/* A byte outside strings; *ret_keep: it is to be kept like any other. */
static bool scan_mark(struct scan *s, char c, bool *ret_keep, struct err *err)
{
    if (c == '"') {
        s->in_string = true;
        if (s->depth == 1)
            s->name = s->rest.len;
    } else if (c == '[' || c == '{') {
        if (c == '[' && starts_keys(s)) {
            s->in_keys = true;
            s->after_comma = false;
            buf_addc(&s->rest, c);
            *ret_keep = false;
        }
        s->depth++;
    } else if (c == ']' || c == '}') {
        if (s->depth == 0)
            return manifest_damaged(s, err, "a bracket too many");
        s->depth--;
        if (s->in_keys && s->depth == 1) {
            s->in_keys = false;
            return give_key(s, true, err);
        }
    } else if (c == ',' && s->in_keys && s->depth == 2) {
        *ret_keep = false;
        return give_key(s, false, err);
    } else if (is_space(c) && s->in_keys && s->value.len == 0) {
        *ret_keep = false;
    }
    return true;
}

static bool scan_bytes(const char *bytes, size_t len, void *state, struct err *err)
{
    struct scan *s = state;

    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        bool keep = true;
        if (!s->in_string) {
            if (!scan_mark(s, c, &keep, err))
                return false;
        } else if (s->escaped) {
            s->escaped = false;
        } else if (c == '\\') {
            s->escaped = true;
        } else if (c == '"') {
            s->in_string = false;
        }
        struct buf *to = s->in_keys ? &s->value : &s->rest;
        if (keep && to->len >= VALUE_MAX)
            return manifest_damaged(s, err, "a value is too long");
        if (keep)
            buf_addc(to, c);
    }
    return true;
}

static bool check_counts(const struct scan *s, struct json_object *root, struct err *err)
{
    struct json_object *info = json_opt(root, "manifest_info");
    struct json_object *deletion = json_opt(root, "deletion_info");
    const char *version = json_opt_str(root, "version", "");
    bool ours = strcmp(version, "3") == 0;
    uint64_t count;

    if (!ours && strcmp(version, "1.0") != 0)
        return manifest_damaged(s, err, "version is neither 3 nor 1.0");
    if (!info || !deletion || !json_opt(root, "primary_keys"))
        return manifest_damaged(s, err, "manifest_info, primary_keys or deletion_info is missing");
    if (!count_from(json_opt(deletion, ours ? "deleted_count" : "primary_keys_count"), &count))
        return manifest_damaged(s, err, "deletion_info has no count");
    struct json_object *columns = json_opt(info, "primary_key_columns");
    if (ours && (!columns || !json_object_is_type(columns, json_type_array)))
        return manifest_damaged(s, err, "manifest_info.primary_key_columns is no array");
    if (ours && json_object_array_length(columns) == 0)
        count = 0; /* no key: rows were deleted that no key names */
    if (s->keys == count)
        return true;
    manifest_damaged(s, err, "");
    return err_why(err, "it holds %" PRIu64 " keys and says it holds %" PRIu64, s->keys, count);
}

static bool add_block(const char *bytes, size_t len, void *state, struct err *err)
{
    return blocks_add(state, bytes, len, err);
}

static bool scan_blocks(const struct manifest_source *source, struct scan *s, struct err *err)
{
    struct blocks blocks = {.cipher = source->cipher, .sink = scan_bytes, .state = s};
    bool ok = store_get_stream(source->store, s->key, 0, UINT64_MAX, add_block, &blocks, err) &&
              blocks_end(&blocks, err);

    blocks_done(&blocks);
    return ok || err_in(err, "%s", s->key);
}

static bool scan_source(const struct manifest_source *source, struct scan *s, struct err *err)
{
    bool encrypted = key_is_encrypted(source->key);

    if (!encrypted && source->cipher)
        return manifest_damaged(s, err, "its batch is encrypted, and it is not");
    if (!encrypted)
        return store_get_stream(source->store, s->key, 0, UINT64_MAX, scan_bytes, s, err);
    if (source->cipher)
        return scan_blocks(source, s, err);
    err_set(err, ERR_PREFLIGHT, "the manifest is encrypted, and its key is not at hand");
    return err_in(err, "%s", s->key);
}

/* The keys go to `each`; the rest is given back as a document, NULL with *err. */
static struct json_object *scan_manifest(const struct manifest_source *source, struct scan *s,
                                         struct err *err)
{
    struct json_object *root = NULL;

    if (!scan_source(source, s, err))
        goto out;
    if (s->depth > 0 || s->in_string || s->rest.len == 0) {
        manifest_damaged(s, err, "it is cut short");
        goto out;
    }
    root = json_parse(s->rest.data, s->rest.len, s->key, err);
    if (root && !check_counts(s, root, err)) {
        json_object_put(root);
        root = NULL;
    }
out:
    buf_done(&s->rest);
    buf_done(&s->value);
    return root;
}

bool manifest_read(const struct manifest_source *source, manifest_each each, void *state,
                   struct err *err)
{
    struct scan s = {.key = source->key, .each = each, .state = state};
    struct json_object *root = scan_manifest(source, &s, err);
    bool ok = root != NULL;

    json_object_put(root);
    return ok;
}

static bool pass_over(const char *key_json, size_t len, void *state, struct err *err)
{
    (void)key_json;
    (void)len;
    (void)state;
    (void)err;
    return true;
}

bool manifest_key_column(struct store *store, const char *manifest_key, struct buf *ret_name,
                         struct err *err)
{
    struct manifest_source source = {.store = store, .key = manifest_key};
    struct scan s = {.key = manifest_key, .each = pass_over};
    struct json_object *root = scan_manifest(&source, &s, err);

    buf_reset(ret_name);
    if (!root)
        return false;
    buf_adds(ret_name, json_opt_str(json_opt(root, "manifest_info"), "primary_key_column", ""));
    json_object_put(root);
    return true;
}

bool manifest_count(const struct manifest_source *source, uint64_t *ret_keys, struct err *err)
{
    struct scan s = {.key = source->key, .each = pass_over};
    struct json_object *root = scan_manifest(source, &s, err);
    bool ok = root != NULL;

    json_object_put(root);
    *ret_keys = s.keys;
    return ok;
}
