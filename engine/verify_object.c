/* SPDX-License-Identifier: PostgreSQL */
#include "verify_object.h"

#include <inttypes.h>

#include "base/text.h"
#include "member/open.h"
#include "member/unpack.h"
#include "row/decode.h"
#include "verify_rows.h"

/* One object being read, member by member. */
struct reading {
    const struct verify_object_params *params;
    struct verify_report *report;
    const struct metadata *metadata;
    struct text_digest *object_digest, *lines_digest;
    struct opener *opener;
    struct unpack *stream;    /* where there is no member index */
    struct decoder *decoder;  /* NULL: schema not known */
    struct verify_rows *deep; /* NULL: not asked for */
    struct buf pending, lines, row;
    size_t member;
    uint64_t bytes, rows, head_left;
};

/* --- the data object --- */

static bool check_rows(struct reading *r, const char *bytes, size_t len, struct err *err)
{
    const char *end = bytes + len;

    while (bytes < end) {
        const char *eol = memchr(bytes, '\n', (size_t)(end - bytes));
        size_t line = eol ? (size_t)(eol - bytes) : (size_t)(end - bytes);
        buf_reset(&r->row);
        if (r->decoder && !decode_row(r->decoder, bytes, line, &r->row, err))
            return err_in(err, "row %" PRIu64, r->rows + 1);
        if (r->deep)
            verify_rows_line(r->deep, bytes, line, &r->row);
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

    if (!open_member(r->opener, r->pending.data, m->length, m, &r->lines, err))
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

/* What an encrypted object says in the clear is proved by the digest of the object alone. */
static void pass_head(struct reading *r, const char **bytes, size_t *len)
{
    uint64_t left = r->head_left < *len ? r->head_left : *len;

    r->head_left -= left;
    *bytes += left;
    *len -= (size_t)left;
}

static bool read_bytes(const char *bytes, size_t len, void *state, struct err *err)
{
    struct reading *r = state;

    text_digest_add(r->object_digest, bytes, len);
    r->bytes += len;
    if (r->params->read)
        r->params->read(r->bytes, r->params->state);
    pass_head(r, &bytes, &len);
    if (r->stream)
        return unpack_add(r->stream, bytes, len, err);
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

    r->head_left = m->head_bytes;
    r->object_digest = text_digest_new();
    r->lines_digest = text_digest_new();
    if (m->shape) {
        r->decoder = decoder_new(m->shape, err);
        if (!r->decoder)
            return false;
    }
    if (r->decoder && r->params->deep && m->member_count > 0) {
        r->deep = verify_rows_new(m, r->report, err);
        if (!r->deep)
            return false;
    }
    if (m->member_count > 0 && m->packing != PACKING_NONE) {
        r->opener = opener_new(m->cipher, err);
        return r->opener != NULL;
    }
    r->stream = unpack_new(m->packing, stream_lines, r, err);
    return r->stream != NULL;
}

static void reading_done(struct reading *r)
{
    text_digest_free(r->object_digest);
    text_digest_free(r->lines_digest);
    opener_free(r->opener);
    unpack_free(r->stream);
    decoder_free(r->decoder);
    verify_rows_free(r->deep);
    buf_done(&r->pending);
    buf_done(&r->lines);
    buf_done(&r->row);
}

static bool digests_match(struct reading *r)
{
    uint8_t object[32], lines[32];
    bool ok = true;

    text_digest_end(r->object_digest, object);
    text_digest_end(r->lines_digest, lines);
    if (memcmp(object, r->metadata->object_sha256, 32) != 0) {
        verify_report_problem(r->report, r->metadata->data_key, "bad_checksum",
                              "the object's SHA-256 is not the one in its metadata");
        ok = false;
    }
    if (memcmp(lines, r->metadata->lines_sha256, 32) != 0) {
        verify_report_problem(r->report, r->metadata->data_key, "bad_checksum",
                              "the lines' SHA-256 is not the one in the metadata");
        ok = false;
    }
    return ok;
}

/* What an archive of the earlier archiver no longer holds: known, said, and no problem. */
static void note_losses(const struct reading *r, const char *key)
{
    struct buf text = BUF_INIT;
    size_t count = 0;
    const struct decode_loss *losses = r->decoder ? decoder_losses(r->decoder, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        buf_reset(&text);
        decode_loss_add(&losses[i], &text);
        verify_report_note(r->report, key, losses[i].gone ? "lost" : "uncertain", "%s",
                           buf_str(&text));
    }
    buf_done(&text);
}

static bool check_data(const struct verify_object_params *params, struct verify_report *report)
{
    const struct metadata *m = params->metadata;
    const char *key = params->batch->data_key;
    struct reading r = {.params = params, .report = report, .metadata = m};
    struct err err;
    bool ok = reading_open(&r, &err) &&
              store_get_stream(params->store, key, 0, UINT64_MAX, read_bytes, &r, &err) &&
              (!r.stream || unpack_end(r.stream, &err));

    /* The earlier archiver's last line has no newline. */
    if (ok && r.stream && r.lines.len > 0)
        ok = check_rows(&r, r.lines.data, r.lines.len, &err);
    if (!ok)
        verify_report_problem_err(report, key, err.kind == ERR_DATA ? "bad_member" : "unreadable",
                                  &err);
    if (ok && r.rows != m->record_count) {
        verify_report_problem(report, key, "bad_count",
                              "%" PRIu64 " rows, its metadata says %" PRIu64, r.rows,
                              m->record_count);
        ok = false;
    }
    if (ok)
        ok = digests_match(&r);
    if (r.deep && r.rows == m->record_count)
        ok &= verify_rows_manifest(r.deep, params->store, params->batch->manifest_key);
    if (ok)
        note_losses(&r, key);
    report->rows += (int64_t)r.rows;
    report->bytes += r.bytes;
    reading_done(&r);
    return ok;
}

/* --- the manifest --- */

static bool check_manifest(const struct verify_object_params *params, struct verify_report *report)
{
    const struct metadata *m = params->metadata;
    const struct batch *b = params->batch;
    /* A table without a key has a manifest without keys. */
    bool keyless = m->shape && m->shape->key_count == 0;
    uint64_t keys;
    struct err err;

    if (!b->manifest_key) {
        verify_report_problem(report, b->data_key, "missing_manifest",
                              "there is no manifest beside it");
        return false;
    }
    struct manifest_source manifest = {.store = params->store,
                                       .key = b->manifest_key,
                                       .cipher = m->cipher};
    if (!manifest_count(&manifest, &keys, &err)) {
        verify_report_problem_err(report, b->manifest_key, "bad_count", &err);
        return false;
    }
    if (keys == m->record_count || (keyless && keys == 0))
        return true;
    verify_report_problem(report, b->manifest_key, "bad_count",
                          "%" PRIu64 " keys, %" PRIu64 " rows", keys, m->record_count);
    return false;
}

bool verify_object(const struct verify_object_params *params, struct verify_report *report)
{
    const struct batch *b = params->batch;
    bool ok;

    if (params->metadata->object_bytes != b->data_bytes) {
        verify_report_problem(report, b->data_key, "bad_size",
                              "%" PRIu64 " bytes, its metadata says %" PRIu64, b->data_bytes,
                              params->metadata->object_bytes);
        ok = false;
    } else {
        ok = check_data(params, report);
    }
    return check_manifest(params, report) && ok;
}
