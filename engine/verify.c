/* SPDX-License-Identifier: PostgreSQL */
#include "verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/earlier.h"
#include "member/open.h"
#include "row/decode.h"
#include "store/store.h"
#include "targets.h"

/* The objects of one batch, as listed. */
struct batch {
    char *stem;
    char *data_key, *metadata_key, *manifest_key; /* NULL: not there */
    uint64_t data_bytes;
};

struct verification {
    const struct verify_params *params;
    struct verify_report *report;
    struct store *store;
    struct catalog *catalog;
    struct earlier_schemas *schemas;
    const struct key_table *table; /* whose archives are asked for; NULL: whatever the keys name */
    bool own_place;                /* the batches lie where ours do, not only the earlier ones */
    struct batch *batches;
    size_t count;
};

/* One object being read, member by member. */
struct reading {
    const struct metadata *metadata;
    const char *key;
    struct text_digest *object_digest, *lines_digest;
    struct opener *opener;
    struct open_stream *stream; /* where there is no member index */
    struct decoder *decoder;    /* NULL: schema not known */
    struct buf pending, lines, row;
    size_t member;
    uint64_t bytes, rows;
};

static void problem(struct verification *v, const char *key, const char *kind, const char *format,
                    ...) ERR_PRINTF(4, 5);

static void problem(struct verification *v, const char *key, const char *kind, const char *format,
                    ...)
{
    struct verify_report *r = v->report;
    char detail[600];
    va_list args;

    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    r->problems = mem_grow(r->problems, (r->problem_count + 1) * sizeof(*r->problems));
    r->problems[r->problem_count++] =
        (struct verify_problem){.key = mem_strdup(key), .kind = kind, .detail = mem_strdup(detail)};
}

static void problem_err(struct verification *v, const char *key, const char *kind,
                        const struct err *err)
{
    char line[600];

    err_line(err, line, sizeof(line));
    problem(v, key, kind, "%s", line);
}

static void orphan(struct verification *v, const char *key)
{
    struct verify_report *r = v->report;

    if (!key)
        return;
    r->orphans = mem_grow(r->orphans, (r->orphan_count + 1) * sizeof(*r->orphans));
    r->orphans[r->orphan_count++] = mem_strdup(key);
}

/* --- what is there --- */

static struct batch *batch_for(struct verification *v, const char *key, size_t stem_len)
{
    if (v->count > 0) {
        struct batch *last = &v->batches[v->count - 1];
        if (strncmp(last->stem, key, stem_len) == 0 && last->stem[stem_len] == '\0')
            return last;
    }
    v->batches = mem_grow(v->batches, (v->count + 1) * sizeof(*v->batches));
    struct batch *b = &v->batches[v->count++];
    *b = (struct batch){.stem = mem_printf("%.*s", (int)stem_len, key)};
    return b;
}

static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct verification *v = state;
    size_t stem_len;
    enum key_kind kind = key_kind(object->key, &stem_len);

    if (stop_asked(v->params->stop))
        return err_set(err, ERR_INTERRUPTED, "verify was stopped");
    if (kind == KEY_OTHER)
        return true;
    struct batch *b = batch_for(v, object->key, stem_len);
    char **place = kind == KEY_DATA       ? &b->data_key
                   : kind == KEY_METADATA ? &b->metadata_key
                                          : &b->manifest_key;
    free(*place);
    *place = mem_strdup(object->key);
    if (kind == KEY_DATA)
        b->data_bytes = object->size;
    return true;
}

static void batches_drop(struct verification *v)
{
    for (size_t i = 0; i < v->count; i++) {
        free(v->batches[i].stem);
        free(v->batches[i].data_key);
        free(v->batches[i].metadata_key);
        free(v->batches[i].manifest_key);
    }
    free(v->batches);
    v->batches = NULL;
    v->count = 0;
}

/* --- reading one object --- */

static bool check_rows(struct reading *r, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;

    while (bytes < end) {
        const char *eol = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t line = eol ? (size_t)(eol - bytes) : (size_t)(end - bytes);
        buf_reset(&r->row);
        if (r->decoder && !decode_row(r->decoder, bytes, line, &r->row, err))
            return err_in(err, "row %" PRIu64, r->rows + 1);
        r->rows++;
        bytes += line + 1;
    }
    return true;
}

/* Lines of a stream may be cut anywhere: the rest waits for its newline. */
static bool stream_lines(const char *bytes, size_t len, void *state, struct err *err)
{
    struct reading *r = state;
    const char *last = memrchr(bytes, '\n', len);

    text_digest_add(r->lines_digest, bytes, len);
    if (!last) {
        buf_add(&r->lines, bytes, len);
        return true;
    }
    size_t head = (size_t)(last - bytes) + 1;
    buf_add(&r->lines, bytes, head);
    bool ok = check_rows(r, r->lines.data, r->lines.len, err);
    buf_reset(&r->lines);
    buf_add(&r->lines, bytes + head, len - head);
    return ok;
}

static bool check_member(struct reading *r, struct err *err)
{
    const struct member_index *m = &r->metadata->members[r->member];
    uint64_t before = r->rows;

    if (!open_member(r->opener, r->pending.data, m->length, m->line_bytes, m->sha256, &r->lines,
                     err))
        return err_in(err, "member %zu at offset %" PRIu64, r->member, m->offset);
    text_digest_add(r->lines_digest, r->lines.data, r->lines.len);
    if (!check_rows(r, r->lines.data, r->lines.len, err))
        return false;
    if (r->rows - before != m->rows) {
        err_set(err, ERR_DATA, "member %zu holds another number of rows than its index says",
                r->member);
        return err_why(err, "%" PRIu64 " instead of %" PRIu64, r->rows - before, m->rows);
    }
    memmove(r->pending.data, r->pending.data + m->length, r->pending.len - m->length);
    r->pending.len -= m->length;
    r->member++;
    return true;
}

static bool read_bytes(const char *bytes, size_t len, void *state, struct err *err)
{
    struct reading *r = state;

    text_digest_add(r->object_digest, bytes, len);
    r->bytes += len;
    if (r->stream)
        return open_stream_add(r->stream, bytes, len, err);
    if (!buf_reserve(&r->pending, len, err))
        return false;
    buf_add(&r->pending, bytes, len);
    while (r->member < r->metadata->member_count &&
           r->pending.len >= r->metadata->members[r->member].length) {
        if (!check_member(r, err))
            return false;
    }
    return true;
}

static bool reading_open(struct reading *r, struct err *err)
{
    const struct metadata *m = r->metadata;

    r->object_digest = text_digest_new();
    r->lines_digest = text_digest_new();
    if (m->shape) {
        r->decoder = decoder_new(m->shape, err);
        if (!r->decoder)
            return false;
    }
    if (m->member_count > 0 && strcmp(m->compression, "gzip") == 0) {
        r->opener = opener_new(err);
        return r->opener != NULL;
    }
    r->stream = open_stream_new(strcmp(m->compression, "none") != 0, stream_lines, r, err);
    return r->stream != NULL;
}

static void reading_done(struct reading *r)
{
    text_digest_free(r->object_digest);
    text_digest_free(r->lines_digest);
    opener_free(r->opener);
    open_stream_free(r->stream);
    decoder_free(r->decoder);
    buf_done(&r->pending);
    buf_done(&r->lines);
    buf_done(&r->row);
}

static void note_losses(struct verification *v, const struct reading *r)
{
    struct verify_report *report = v->report;
    struct buf text = BUF_INIT;
    size_t count;
    const struct decode_loss *losses = decoder_losses(r->decoder, &count);

    for (size_t i = 0; i < count; i++) {
        buf_reset(&text);
        decode_loss_add(&losses[i], &text);
        report->notes = mem_grow(report->notes, (report->note_count + 1) * sizeof(*report->notes));
        report->notes[report->note_count++] = (struct verify_note){.key = mem_strdup(r->key),
                                                                   .gone = losses[i].gone,
                                                                   .detail = buf_steal(&text)};
    }
    buf_done(&text);
}

static bool digests_match(struct verification *v, struct reading *r)
{
    uint8_t object[32], lines[32];
    bool ok = true;

    text_digest_end(r->object_digest, object);
    text_digest_end(r->lines_digest, lines);
    if (memcmp(object, r->metadata->object_sha256, 32) != 0) {
        problem(v, r->key, "bad_checksum", "the object's SHA-256 is not the one in its metadata");
        ok = false;
    }
    if (memcmp(lines, r->metadata->lines_sha256, 32) != 0) {
        problem(v, r->key, "bad_checksum", "the lines' SHA-256 is not the one in the metadata");
        ok = false;
    }
    return ok;
}

static bool check_object(struct verification *v, const struct batch *b,
                         const struct metadata *metadata)
{
    struct reading r = {.metadata = metadata, .key = b->data_key};
    struct err err;
    bool ok = reading_open(&r, &err) &&
              store_get_stream(v->store, b->data_key, 0, UINT64_MAX, read_bytes, &r, &err) &&
              (!r.stream || open_stream_end(r.stream, &err));

    /* The earlier archiver's last line has no newline. */
    if (ok && r.stream && r.lines.len > 0)
        ok = check_rows(&r, r.lines.data, r.lines.len, &err);
    if (!ok)
        problem_err(v, b->data_key, err.kind == ERR_DATA ? "bad_member" : "unreadable", &err);
    if (ok && r.rows != metadata->record_count) {
        problem(v, b->data_key, "bad_count", "%" PRIu64 " rows, its metadata says %" PRIu64, r.rows,
                metadata->record_count);
        ok = false;
    }
    if (ok)
        ok = digests_match(v, &r);
    if (ok && r.decoder)
        note_losses(v, &r);
    v->report->rows += (int64_t)r.rows;
    v->report->bytes += r.bytes;
    reading_done(&r);
    return ok;
}

/* --- the rest of a batch --- */

static bool count_key(const char *key, size_t len, void *state, struct err *err)
{
    (void)key;
    (void)len;
    (void)err;
    ++*(uint64_t *)state;
    return true;
}

static bool check_manifest(struct verification *v, const struct batch *b,
                           const struct metadata *metadata)
{
    uint64_t keys = 0;
    struct err err;
    /* A table without a key has a manifest without keys. */
    bool keyless = metadata->shape && metadata->shape->key_count == 0;

    if (!b->manifest_key) {
        problem(v, b->data_key, "missing_manifest", "there is no manifest beside it");
        return false;
    }
    if (!manifest_read(v->store, b->manifest_key, count_key, &keys, &err)) {
        problem_err(v, b->manifest_key, "bad_count", &err);
        return false;
    }
    if (keys == metadata->record_count || (keyless && keys == 0))
        return true;
    problem(v, b->manifest_key, "bad_count", "%" PRIu64 " keys, %" PRIu64 " rows", keys,
            metadata->record_count);
    return false;
}

static bool check_settled(struct verification *v, const struct batch *b,
                          const struct metadata *metadata)
{
    const struct catalog_entry *entry = catalog_find(v->catalog, b->data_key);

    if (earlier_wrote(metadata) || (entry && entry->state == CATALOG_SETTLED))
        return true;
    problem(v, b->data_key, "unsettled", "no catalog line names it: run `archiver-tui recover`");
    return false;
}

/* Is the batch one of the table asked for? The earlier archiver's of several tables may share a
 * place, and what has no metadata there is anybody's. */
static bool is_asked(const struct verification *v, const struct metadata *metadata)
{
    if (!v->table)
        return true;
    if (!metadata || !earlier_wrote(metadata))
        return v->own_place;
    return earlier_is_of(metadata, v->table);
}

/* A batch without its data or its metadata. */
static bool check_part(struct verification *v, const struct batch *b)
{
    if (!b->data_key) {
        if (b->metadata_key)
            problem(v, b->metadata_key, "missing_data", "there is no data object beside it");
        orphan(v, b->metadata_key);
    } else {
        problem(v, b->data_key, "missing_metadata",
                "there is no metadata beside it: run `archiver-tui recover`");
        orphan(v, b->data_key);
    }
    orphan(v, b->manifest_key);
    return false;
}

static bool check_whole(struct verification *v, const struct batch *b, struct metadata *metadata)
{
    struct err err;
    bool ok = true;

    if (!earlier_schemas_fill(v->schemas, b->metadata_key, metadata, &err)) {
        problem_err(v, b->metadata_key, "unreadable", &err);
        ok = false;
    }
    if (metadata->object_bytes != b->data_bytes) {
        problem(v, b->data_key, "bad_size", "%" PRIu64 " bytes, its metadata says %" PRIu64,
                b->data_bytes, metadata->object_bytes);
        ok = false;
    } else {
        ok &= check_object(v, b, metadata);
    }
    ok &= check_manifest(v, b, metadata);
    ok &= check_settled(v, b, metadata);
    return ok;
}

static void check_batch(struct verification *v, const struct batch *b)
{
    struct metadata *metadata = NULL;
    struct err err;
    bool ok = false;

    if (b->metadata_key)
        metadata = metadata_get(v->store, b->metadata_key, &err);
    if (!is_asked(v, metadata))
        goto out;
    if (!b->data_key || !b->metadata_key)
        ok = check_part(v, b);
    else if (metadata)
        ok = check_whole(v, b, metadata);
    else
        problem_err(v, b->metadata_key, "bad_metadata", &err);
    v->report->archives_checked++;
    v->report->ok += ok;
    if (v->params->each)
        v->params->each(b->data_key ? b->data_key : b->stem, ok, v->params->state);
out:
    metadata_free(metadata);
}

static void check_all(struct verification *v)
{
    for (size_t i = 0; i < v->count && !stop_asked(v->params->stop); i++)
        check_batch(v, &v->batches[i]);
}

/* Settled batches whose data object is not there at all. */
static void check_catalog(struct verification *v)
{
    size_t next = 0;

    for (size_t i = 0; i < v->catalog->count; i++) {
        const struct catalog_entry *entry = &v->catalog->entries[i];
        if (entry->state != CATALOG_SETTLED)
            continue;
        while (next < v->count &&
               (!v->batches[next].data_key || strcmp(v->batches[next].data_key, entry->key) < 0))
            next++;
        if (next < v->count && strcmp(v->batches[next].data_key, entry->key) == 0)
            continue;
        problem(v, entry->key, "missing_data",
                "the catalog says it is settled, but there is no such object");
    }
}

static bool verify_table(struct verification *v, const struct key_table *table, struct err *err)
{
    struct buf prefix = BUF_INIT;

    key_table_prefix(table, &prefix);
    v->table = table;
    v->own_place = true;
    v->catalog = catalog_read(v->store, table, err);
    bool ok = v->catalog && store_list(v->store, buf_str(&prefix), NULL, collect, v, err);
    if (ok) {
        check_all(v);
        check_catalog(v);
        batches_drop(v);
        v->own_place = false;
        ok = earlier_list(v->store, table, collect, v, err);
    }
    if (ok)
        check_all(v);
    v->table = NULL;
    catalog_free(v->catalog);
    v->catalog = NULL;
    batches_drop(v);
    buf_done(&prefix);
    return ok;
}

/* --- single archives --- */

static bool with_prefix(const struct verification *v, const char *key, struct buf *ret_key)
{
    const char *prefix = v->params->config->s3.prefix;
    size_t len = strlen(prefix);

    if (len > 0 && (strncmp(key, prefix, len) != 0 || key[len] != '/'))
        buf_addf(ret_key, "%s/%s", prefix, key);
    else
        buf_adds(ret_key, key);
    return true;
}

static bool verify_key(struct verification *v, const char *given, struct err *err)
{
    struct buf key = BUF_INIT, stem = BUF_INIT, database = BUF_INIT, schema = BUF_INIT,
               table = BUF_INIT;
    const char *prefix = v->params->config->s3.prefix;
    size_t stem_len;
    bool ok = false;

    with_prefix(v, given, &key);
    if (key_kind(buf_str(&key), &stem_len) == KEY_OTHER ||
        !key_parse(buf_str(&key), prefix, &database, &schema, &table)) {
        err_set(err, ERR_USAGE, "%s is not the name of an archive", given);
        err_hint(err, "`archiver-tui list` shows the names");
        goto out;
    }
    struct key_table t = {.prefix = prefix,
                          .database = buf_str(&database),
                          .schema = buf_str(&schema),
                          .table = buf_str(&table)};
    buf_addf(&stem, "%.*s.", (int)stem_len, buf_str(&key));
    v->catalog = catalog_read(v->store, &t, err);
    if (!v->catalog || !store_list(v->store, buf_str(&stem), NULL, collect, v, err))
        goto out;
    if (v->count == 0) {
        err_set(err, ERR_NOT_FOUND, "there is no archive %s", given);
        err_hint(err, "`archiver-tui list` shows the names");
        goto out;
    }
    check_all(v);
    ok = true;
out:
    catalog_free(v->catalog);
    v->catalog = NULL;
    batches_drop(v);
    buf_done(&key);
    buf_done(&stem);
    buf_done(&database);
    buf_done(&schema);
    buf_done(&table);
    return ok;
}

static bool verify_tables(struct verification *v, struct err *err)
{
    const struct verify_params *p = v->params;
    struct targets targets;
    bool ok = targets_find(p->config, p->database, p->schema, p->table, &targets, err);

    for (size_t i = 0; ok && i < targets.count && !stop_asked(p->stop); i++) {
        struct key_table table = {.prefix = p->config->s3.prefix,
                                  .database = targets.items[i].database->name,
                                  .schema = targets.items[i].table->schema,
                                  .table = targets.items[i].table->name};
        ok = verify_table(v, &table, err);
    }
    targets_done(&targets);
    return ok;
}

bool verify_run(const struct verify_params *params, struct verify_report *report, struct err *err)
{
    struct verification v = {.params = params, .report = report};
    bool ok;

    *report = (struct verify_report){0};
    v.store = store_open(&params->config->s3, params->stop, err);
    if (!v.store)
        return false;
    v.schemas = earlier_schemas_new(v.store);
    ok = params->key_count > 0 || verify_tables(&v, err);
    for (size_t i = 0; ok && i < params->key_count; i++)
        ok = verify_key(&v, params->keys[i], err);
    if (ok && stop_asked(params->stop))
        ok = err_set(err, ERR_INTERRUPTED, "verify was stopped");
    earlier_schemas_free(v.schemas);
    store_close(v.store);
    return ok;
}

void verify_report_done(struct verify_report *report)
{
    for (size_t i = 0; i < report->problem_count; i++) {
        free(report->problems[i].key);
        free(report->problems[i].detail);
    }
    for (size_t i = 0; i < report->orphan_count; i++)
        free(report->orphans[i]);
    for (size_t i = 0; i < report->note_count; i++) {
        free(report->notes[i].key);
        free(report->notes[i].detail);
    }
    free(report->problems);
    free(report->notes);
    free(report->orphans);
    *report = (struct verify_report){0};
}

void verify_report_write(const struct verify_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_int(j, "archives_checked", report->archives_checked);
    json_put_int(j, "ok", report->ok);
    json_put_int(j, "rows", report->rows);
    json_put_int(j, "bytes", (int64_t)report->bytes);
    json_key(j, "problems");
    json_begin_array(j);
    for (size_t i = 0; i < report->problem_count; i++) {
        json_begin_object(j);
        json_put_str(j, "key", report->problems[i].key);
        json_put_str(j, "kind", report->problems[i].kind);
        json_put_str(j, "detail", report->problems[i].detail);
        json_end(j);
    }
    json_end(j);
    json_key(j, "orphans");
    json_begin_array(j);
    for (size_t i = 0; i < report->orphan_count; i++)
        json_add_str(j, report->orphans[i]);
    json_end(j);
    json_key(j, "notes");
    json_begin_array(j);
    for (size_t i = 0; i < report->note_count; i++) {
        json_begin_object(j);
        json_put_str(j, "key", report->notes[i].key);
        json_put_str(j, "kind", report->notes[i].gone ? "lost" : "uncertain");
        json_put_str(j, "detail", report->notes[i].detail);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
