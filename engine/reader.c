/* SPDX-License-Identifier: PostgreSQL */
#include "reader.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "catalog/earlier.h"
#include "keyring.h"
#include "member/open.h"
#include "member/unpack.h"
#include "row/copytext.h"
#include "row/decode.h"
#include "row/filter.h"
#include "store/store.h"

struct reader {
    const struct config *config;
    const struct stop *stop;
    struct store *store;
    struct buf data_key, metadata_json;
    struct metadata *metadata;
    struct keyring *keyring;
    struct opener *opener; /* NULL: no member was opened yet */
    struct decoder *decoder;
    struct filter *filter; /* NULL: every row */
    struct buf sealed, lines;
    uint64_t first, end; /* rows whose lines are held; the same: none */
    uint64_t at;         /* the row that position stands before */
    size_t position;     /* in lines */
    uint64_t row;        /* the next one that is asked for */
    uint64_t until;      /* none from here on */
    bool row_is_bad;     /* the last one that was asked for, alone */
    const char *line;    /* the current one */
    size_t line_len;
    struct decode_span *spans; /* of the current line */
    bool spans_known;
    struct buf copy;     /* the current line as COPY text */
    size_t *copy_starts; /* of its fields */
    bool copy_known;
};

static bool find_schema(struct reader *r, const char *metadata_key, struct err *err)
{
    struct earlier_schemas *schemas = earlier_schemas_new(r->store);
    bool ok = earlier_schemas_fill(schemas, metadata_key, r->metadata, err);

    earlier_schemas_free(schemas);
    return ok;
}

static bool find_keys(struct reader *r, const char *given, struct err *err)
{
    const char *prefix = r->config->s3.prefix;
    size_t len = strlen(prefix);
    struct buf key = BUF_INIT, metadata_key = BUF_INIT;
    bool ok = false;

    if (len > 0 && (strncmp(given, prefix, len) != 0 || given[len] != '/'))
        buf_addf(&key, "%s/", prefix);
    buf_adds(&key, given);
    if (!key_sibling(buf_str(&key), KEY_METADATA, NULL, &metadata_key)) {
        err_set(err, ERR_USAGE, "%s is not the name of an archive", given);
        err_hint(err, "`archiver-tui list` shows the names");
        goto out;
    }
    if (!store_get(r->store, buf_str(&metadata_key), 0, UINT64_MAX, &r->metadata_json, err)) {
        if (err->kind == ERR_NOT_FOUND)
            err_hint(err, "`archiver-tui list` shows the names");
        goto out;
    }
    r->metadata =
        metadata_read(r->metadata_json.data, r->metadata_json.len, buf_str(&metadata_key), err);
    if (!r->metadata)
        goto out;
    const char *suffix = metadata_suffix(r->metadata);
    ok = key_sibling(buf_str(&metadata_key), KEY_DATA, suffix, &r->data_key) &&
         find_schema(r, buf_str(&metadata_key), err);
out:
    buf_done(&key);
    buf_done(&metadata_key);
    return ok;
}

/* What an archive is can be said without its key, so that is asked for when its rows are. */
bool reader_unlock(struct reader *r, struct err *err)
{
    if (r->opener)
        return true;
    if (!keyring_open(r->keyring, r->store, buf_str(&r->data_key), r->metadata, err))
        return false;
    r->opener = opener_new(r->metadata->cipher, err);
    return r->opener != NULL;
}

static bool open_filter(struct reader *r, const char *where, struct err *err)
{
    if (!reader_unlock(r, err)) /* it goes by the members' bounds */
        return false;
    if (r->metadata->shape)
        r->filter = filter_new(where, r->metadata->shape, err);
    else
        err_set(err, ERR_USAGE, "the archive does not say its columns");
    return r->filter || err_in(err, "--where, %s", buf_str(&r->data_key));
}

struct reader *reader_open(const struct reader_params *params, struct err *err)
{
    struct reader *r = mem_alloc(sizeof(*r));

    r->config = params->config;
    r->stop = params->stop;
    r->until = UINT64_MAX;
    r->keyring = keyring_new(params->config);
    r->store = store_open(&params->config->s3, params->stop, err);
    if (!r->store || !find_keys(r, params->key, err))
        goto fail;
    if (r->metadata->shape) {
        r->decoder = decoder_new(r->metadata->shape, err);
        if (!r->decoder)
            goto fail;
        r->spans = mem_alloc(r->metadata->shape->column_count * sizeof(*r->spans));
        r->copy_starts = mem_alloc(r->metadata->shape->column_count * sizeof(*r->copy_starts));
    }
    if (params->where && !open_filter(r, params->where, err))
        goto fail;
    return r;
fail:
    reader_close(r);
    return NULL;
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    free(r->spans);
    free(r->copy_starts);
    buf_done(&r->copy);
    decoder_free(r->decoder);
    filter_free(r->filter);
    opener_free(r->opener);
    metadata_free(r->metadata);
    keyring_free(r->keyring);
    store_close(r->store);
    buf_done(&r->data_key);
    buf_done(&r->metadata_json);
    buf_done(&r->sealed);
    buf_done(&r->lines);
    free(r);
}

const char *reader_key(const struct reader *r)
{
    return buf_str(&r->data_key);
}

const char *reader_metadata(const struct reader *r, size_t *ret_len)
{
    *ret_len = r->metadata_json.len;
    return buf_str(&r->metadata_json);
}

const struct metadata *reader_about(const struct reader *r)
{
    return r->metadata;
}

void reader_stats(const struct reader *r, struct store_stats *ret_stats)
{
    store_stats(r->store, ret_stats);
}

uint64_t reader_rows(const struct reader *r)
{
    return r->metadata->record_count;
}

uint64_t reader_row(const struct reader *r)
{
    return r->row > 0 ? r->row - 1 : 0;
}

uint64_t reader_tell(const struct reader *r)
{
    return r->row;
}

size_t reader_column_count(const struct reader *r)
{
    return r->metadata->shape ? r->metadata->shape->column_count : 0;
}

const char *reader_column(const struct reader *r, size_t i)
{
    return r->metadata->shape->columns[i].name;
}

size_t reader_find_column(const struct reader *r, const char *name)
{
    return r->metadata->shape ? shape_find(r->metadata->shape, name) : SIZE_MAX;
}

static bool keep_lines(const char *bytes, size_t len, void *state, struct err *err)
{
    struct reader *r = state;

    if (!buf_reserve(&r->lines, len, err))
        return false;
    buf_add(&r->lines, bytes, len);
    return true;
}

/* An object without member index (the earlier archiver's) is read whole: its batches were small. */
static bool load_whole(struct reader *r, struct err *err)
{
    uint8_t digest[32];
    struct unpack *stream = unpack_new(r->metadata->packing, keep_lines, r, err);
    bool ok = stream &&
              store_get(r->store, buf_str(&r->data_key), 0, UINT64_MAX, &r->sealed, err) &&
              unpack_add(stream, r->sealed.data, r->sealed.len, err) && unpack_end(stream, err);

    unpack_free(stream);
    if (!ok)
        return false;
    text_sha256(r->lines.data, r->lines.len, digest);
    if (memcmp(digest, r->metadata->lines_sha256, 32) != 0)
        return err_set(err, ERR_DATA, "the lines' SHA-256 is not the one in the metadata");
    return true;
}

static bool load_indexed(struct reader *r, size_t member, struct err *err)
{
    const struct member_index *m = &r->metadata->members[member];

    if (!store_get(r->store, buf_str(&r->data_key), m->offset, m->length, &r->sealed, err))
        return false;
    if (r->metadata->packing == PACKING_NONE) {
        buf_add(&r->lines, r->sealed.data, r->sealed.len);
        return true;
    }
    return open_member(r->opener, r->sealed.data, r->sealed.len, m, &r->lines, err);
}

static bool load(struct reader *r, struct err *err)
{
    const struct metadata *m = r->metadata;
    size_t member = metadata_member_of(m, r->row);

    if (stop_asked(r->stop))
        return err_set(err, ERR_INTERRUPTED, "reading was stopped");
    r->first = r->end = 0;
    buf_reset(&r->lines);
    buf_reset(&r->sealed);
    if (!reader_unlock(r, err))
        return false;
    bool ok = m->member_count > 0 ? load_indexed(r, member, err) : load_whole(r, err);
    if (!ok)
        return err_in(err, "%s, member %zu", buf_str(&r->data_key), member);
    r->first = m->member_count > 0 ? m->members[member].first_row : 0;
    r->end = m->member_count > 0 ? r->first + m->members[member].rows : m->record_count;
    r->at = r->first;
    r->position = 0;
    return true;
}

static bool is_held(const struct reader *r)
{
    return r->row >= r->first && r->row < r->end;
}

static bool take_line(struct reader *r)
{
    if (r->position >= r->lines.len)
        return false;
    const char *start = r->lines.data + r->position;
    const char *eol = memchr(start, '\n', r->lines.len - r->position);

    r->line = start;
    r->line_len = eol ? (size_t)(eol - start) : r->lines.len - r->position;
    r->position += r->line_len + 1;
    r->spans_known = r->copy_known = false;
    return true;
}

void reader_seek(struct reader *r, uint64_t row)
{
    r->row = row;
}

void reader_until(struct reader *r, uint64_t row)
{
    r->until = row;
}

void reader_skip(struct reader *r)
{
    const struct metadata *m = r->metadata;
    size_t member = metadata_member_of(m, r->row);

    if (r->row_is_bad) /* it is behind it already */
        return;
    r->row = m->member_count > 0 ? m->members[member].first_row + m->members[member].rows
                                 : m->record_count;
}

static bool is_over(const struct reader *r)
{
    return r->row >= r->metadata->record_count || r->row >= r->until;
}

/* Within what is held, from its first row where we are beyond. False: it ends before. */
static bool skip_to_row(struct reader *r)
{
    if (r->at > r->row) {
        r->at = r->first;
        r->position = 0;
    }
    while (r->at < r->row) {
        if (!take_line(r))
            return false;
        r->at++;
    }
    return true;
}

static bool next_line(struct reader *r, const char **ret_line, size_t *ret_len, struct err *err)
{
    *ret_line = NULL;
    *ret_len = 0;
    if (is_over(r))
        return true;
    if (!is_held(r) && !load(r, err))
        return false;
    if (!skip_to_row(r) || !take_line(r)) {
        err_set(err, ERR_DATA, "the archive holds fewer rows than its metadata says");
        return err_in(err, "%s, row %" PRIu64, buf_str(&r->data_key), r->row);
    }
    r->row++;
    r->at++;
    *ret_line = r->line;
    *ret_len = r->line_len;
    return true;
}

/* The line as PostgreSQL would take it back: what stands between two fields alone (JSON null, space
 * around a value) is only known to the whole row. */
static bool know_copy(struct reader *r, struct err *err)
{
    size_t column = 0;

    if (r->copy_known)
        return true;
    buf_reset(&r->copy);
    decoder_at_row(r->decoder, r->row);
    if (!decode_row(r->decoder, r->line, r->line_len, &r->copy, err))
        return err_in(err, "%s, row %" PRIu64, buf_str(&r->data_key), r->row);
    r->copy_starts[column++] = 0;
    for (size_t i = 0; i < r->copy.len; i++) {
        if (r->copy.data[i] == '\t')
            r->copy_starts[column++] = i + 1;
    }
    return r->copy_known = true;
}

/* Goes over the members from this row on that hold no match, fetching none of them. What the
 * earlier archiver says of a whole object is not taken for a proof. */
static void pass_over(struct reader *r)
{
    const struct metadata *m = r->metadata;

    while (m->member_count > 0 && !is_over(r)) {
        const struct member_index *at = &m->members[metadata_member_of(m, r->row)];
        struct filter_bounds bounds = {at->min_us, at->max_us, at->min_key, at->max_key};
        if (filter_may_match(r->filter, &bounds))
            return;
        r->row = at->first_row + at->rows;
    }
}

bool reader_next(struct reader *r, const char **ret_line, size_t *ret_len, struct err *err)
{
    bool match = !r->filter;

    r->row_is_bad = false;
    do {
        if (r->filter && !is_held(r))
            pass_over(r);
        if (!next_line(r, ret_line, ret_len, err))
            return false;
        if (!*ret_line || match)
            return true;
        if (!know_copy(r, err)) {
            r->row_is_bad = true;
            return false;
        }
        if (!filter_row(r->filter, r->copy.data, r->copy.len, &match, err)) {
            r->row_is_bad = true;
            return err_in(err, "%s, row %" PRIu64, buf_str(&r->data_key), r->row - 1);
        }
    } while (!match);
    return true;
}

bool reader_json(struct reader *r, size_t column, const char **ret_json, size_t *ret_len,
                 struct err *err)
{
    if (!r->spans_known) {
        if (!decode_spans(r->decoder, r->line, r->line_len, r->spans, err))
            return err_in(err, "%s, row %" PRIu64, buf_str(&r->data_key), r->row);
        r->spans_known = true;
    }
    *ret_json = r->line + r->spans[column].start;
    *ret_len = r->spans[column].len;
    return true;
}

bool reader_value(struct reader *r, size_t column, struct buf *ret_text, bool *ret_null,
                  struct err *err)
{
    if (!know_copy(r, err))
        return false;
    const char *start = r->copy.data + r->copy_starts[column];
    struct copytext field = {start, r->copy.data + r->copy.len - 1};
    *ret_null = strncmp(start, "\\N", 2) == 0;
    buf_reset(ret_text);
    if (*ret_null)
        return true;
    bool ok = copytext_to_plain(&field, ret_text, err);
    if (ret_text->data)
        ret_text->data[ret_text->len] = '\0';
    return ok;
}

bool reader_loss(const struct reader *r, size_t i, struct buf *ret_text)
{
    size_t count = 0;
    const struct decode_loss *losses = r->decoder ? decoder_losses(r->decoder, &count) : NULL;

    buf_reset(ret_text);
    if (i >= count)
        return false;
    decode_loss_add(&losses[i], ret_text);
    return true;
}
