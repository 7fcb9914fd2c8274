/* SPDX-License-Identifier: PostgreSQL
 *
 * From what costs nothing to what costs more: the catalog line's key range, the metadata's, the
 * members'; where these leave more than a few members, the manifest, whose keys stand in the order
 * of the rows. What the manifest says is proved by the row itself.
 */
#include "find.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "catalog/batches.h"
#include "catalog/catalog.h"
#include "keyring.h"
#include "member/open.h"
#include "member/unpack.h"
#include "row/decode.h"
#include "row/jsontext.h"
#include "row/keymatch.h"
#include "store/store.h"
#include "targets.h"

/* So many members are cheaper to look through than their manifest is to read. */
#define FEW_MEMBERS 2

struct finder {
    const struct find_params *params;
    struct find_report *report;
    find_each each;
    void *state;
    struct store *store;
    struct keyring *keyring;
    struct catalog *catalog;
    const struct target *target;
    bool is_integer;   /* VALUE is one, */
    int64_t integer;   /* this one */
    bool fitted;       /* VALUE was a key for some archive; */
    struct err misfit; /* where it was not, why */
    bool ended;        /* the caller wants no more */
};

/* One archive that is looked into. */
struct search {
    struct finder *finder;
    const char *state, *data_key, *manifest_key; /* manifest NULL: not there */
    const struct metadata *metadata;
    struct keymatch *match;
    struct decoder *decoder;
    struct decode_span *spans;
    struct opener *opener;
    struct buf sealed, lines, stack;
    /* without member index: */
    struct buf name; /* "\"id\": ", as it stands in the lines of the earlier archiver */
    struct buf pending;
    struct text_digest *digest;
    /* from the manifest: */
    uint64_t *rows;
    size_t row_count;
    uint64_t next_row;
};

static bool is_json(struct search *s, const char *line, size_t len)
{
    struct jsontext json = {line, line + len};
    struct err ignored;

    return jsontext_skip(&json, &s->stack, &ignored);
}

static bool give(struct search *s, uint64_t row, int64_t member, const char *line, size_t len,
                 struct err *err)
{
    struct finder *f = s->finder;
    const struct metadata *m = s->metadata;
    struct find_hit hit = {.database = f->target ? f->target->database->name : m->database,
                           .schema = f->target ? f->target->table->schema : m->schema,
                           .table = f->target ? f->target->table->name : m->table,
                           .key = s->data_key,
                           .state = s->state,
                           .archived_at = m->archived_at,
                           .batch_id = m->batch_id,
                           .run_id = m->run_id,
                           .row = row,
                           .member = member,
                           .line = line,
                           .line_len = len,
                           .is_json = is_json(s, line, len)};

    f->report->hits++;
    f->ended = !f->each(&hit, f->state, err);
    return !f->ended;
}

/* --- objects with a member index --- */

static bool line_matches(struct search *s, const char *line, size_t len, bool *ret_match,
                         struct err *err)
{
    const struct shape *shape = s->metadata->shape;

    if (!decode_spans(s->decoder, line, len, s->spans, err))
        return false;
    *ret_match = true;
    for (size_t i = 0; *ret_match && i < shape->key_count; i++) {
        const struct decode_span *span = &s->spans[shape->key_columns[i]];
        if (!keymatch_value(s->match, i, line + span->start, span->len, ret_match, err))
            return false;
    }
    return true;
}

/* `row`: the one that has to hold it; UINT64_MAX: any may. */
static bool look_at_rows(struct search *s, size_t member, uint64_t row, struct err *err)
{
    const struct member_index *m = &s->metadata->members[member];
    const char *at = buf_str(&s->lines), *end = at + s->lines.len;
    bool match;

    for (uint64_t i = m->first_row; at < end; i++) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        size_t len = eol ? (size_t)(eol - at) : (size_t)(end - at);
        if (row == UINT64_MAX || row == i) {
            if (!line_matches(s, at, len, &match, err))
                return err_in(err, "row %" PRIu64, i);
            if (match && !give(s, i, (int64_t)member, at, len, err))
                return false;
            if (!match && row == i)
                return err_set(err, ERR_DATA,
                               "the manifest says that row %" PRIu64 " holds the key, it does not",
                               i);
        }
        at += len + 1;
    }
    return true;
}

static bool look_into(struct search *s, size_t member, uint64_t row, struct err *err)
{
    const struct member_index *m = &s->metadata->members[member];

    buf_reset(&s->sealed);
    if (!store_get(s->finder->store, s->data_key, m->offset, m->length, &s->sealed, err))
        return false;
    bool ok = open_member(s->opener, s->sealed.data, s->sealed.len, m, &s->lines, err) &&
              look_at_rows(s, member, row, err);
    return ok || err_in(err, "member %zu", member);
}

static bool may_hold(const struct finder *f, const char *min_key, const char *max_key)
{
    int64_t min, max;

    if (!metadata_key_integer(min_key, &min) || !metadata_key_integer(max_key, &max))
        return true;
    return f->is_integer && min <= f->integer && f->integer <= max;
}

static bool note_row(const char *key_json, size_t len, void *state, struct err *err)
{
    struct search *s = state;
    bool equal;

    if (!keymatch_key(s->match, key_json, len, &equal, err))
        return false;
    if (equal) {
        s->rows = mem_grow(s->rows, (s->row_count + 1) * sizeof(*s->rows));
        s->rows[s->row_count++] = s->next_row;
    }
    s->next_row++;
    return true;
}

static bool read_manifest(struct search *s, struct err *err)
{
    struct manifest_source source = {.store = s->finder->store,
                                     .key = s->manifest_key,
                                     .cipher = s->metadata->cipher};

    return manifest_read(&source, note_row, s, err);
}

static bool look_by_manifest(struct search *s, struct err *err)
{
    if (!read_manifest(s, err))
        return err_in(err, "%s", s->manifest_key);
    for (size_t i = 0; i < s->row_count; i++) {
        if (!look_into(s, metadata_member_of(s->metadata, s->rows[i]), s->rows[i], err))
            return false;
    }
    return true;
}

static bool look_indexed(struct search *s, struct err *err)
{
    const struct metadata *m = s->metadata;
    size_t candidates = 0;

    for (size_t i = 0; i < m->member_count; i++)
        candidates += may_hold(s->finder, m->members[i].min_key, m->members[i].max_key);
    if (candidates > FEW_MEMBERS && s->manifest_key)
        return look_by_manifest(s, err);
    for (size_t i = 0; i < m->member_count; i++) {
        if (may_hold(s->finder, m->members[i].min_key, m->members[i].max_key) &&
            !look_into(s, i, UINT64_MAX, err))
            return false;
    }
    return true;
}

/* --- objects without one: the earlier archiver's --- */

/* The key's value where it stands. Its lines may hold NaN, which is no JSON, so they are not
 * parsed; inside of a string the quotes of `name` would have backslashes. */
static bool earlier_matches(struct search *s, const char *line, size_t len, bool *ret_match,
                            struct err *err)
{
    const char *at = memmem(line, len, s->name.data, s->name.len);
    struct jsontext json = {at ? at + s->name.len : NULL, line + len};

    *ret_match = false;
    if (!at)
        return true;
    const char *start = json.at;
    return jsontext_skip(&json, &s->stack, err) &&
           keymatch_value(s->match, 0, start, (size_t)(json.at - start), ret_match, err);
}

static bool take_lines(struct search *s, bool last, struct err *err)
{
    const char *at = buf_str(&s->pending), *end = at + s->pending.len;
    bool match;

    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        if (!eol && !last)
            break;
        size_t len = eol ? (size_t)(eol - at) : (size_t)(end - at);
        if (!earlier_matches(s, at, len, &match, err))
            return err_in(err, "row %" PRIu64, s->next_row);
        if (match && !give(s, s->next_row, -1, at, len, err))
            return false;
        s->next_row++;
        at += len + (eol != NULL);
    }
    size_t rest = (size_t)(end - at);
    if (rest > 0)
        memmove(s->pending.data, at, rest);
    s->pending.len = rest;
    return true;
}

static bool add_lines(const char *bytes, size_t len, void *state, struct err *err)
{
    struct search *s = state;

    text_digest_add(s->digest, bytes, len);
    if (!buf_reserve(&s->pending, len, err))
        return false;
    buf_add(&s->pending, bytes, len);
    return take_lines(s, false, err);
}

static bool add_bytes(const char *bytes, size_t len, void *state, struct err *err)
{
    return unpack_add(state, bytes, len, err);
}

static bool look_through(struct search *s, struct err *err)
{
    struct unpack *stream = unpack_new(PACKING_GZIP, add_lines, s, err);
    uint8_t digest[32];
    bool ok;

    s->next_row = 0;
    s->digest = text_digest_new();
    ok = stream &&
         store_get_stream(s->finder->store, s->data_key, 0, UINT64_MAX, add_bytes, stream, err) &&
         unpack_end(stream, err) && take_lines(s, true, err);
    unpack_free(stream);
    if (!ok)
        return false;
    text_digest_end(s->digest, digest);
    if (memcmp(digest, s->metadata->lines_sha256, 32) == 0)
        return true;
    return err_set(err, ERR_DATA, "the lines' SHA-256 is not the one in the metadata");
}

static bool look_into_earlier(struct search *s, struct err *err)
{
    if (s->manifest_key) {
        if (!read_manifest(s, err))
            return err_in(err, "%s", s->manifest_key);
        if (s->row_count == 0)
            return true;
    }
    return look_through(s, err);
}

/* --- one archive --- */

static bool open_by_shape(struct search *s, const struct shape *shape, struct err *err)
{
    const struct type **types = mem_alloc((shape->key_count + 1) * sizeof(*types));

    for (size_t i = 0; i < shape->key_count; i++)
        types[i] = shape->columns[shape->key_columns[i]].type;
    if (shape->key_count == 0)
        err_set(err, ERR_USAGE, "the table has no key to find a row by");
    else
        s->match = keymatch_new(s->finder->params->value, types, shape->key_count, err);
    free(types);
    return s->match != NULL;
}

/* What the earlier archiver's metadata does not say, its manifest does. */
static bool open_by_manifest(struct search *s, struct buf *name, struct err *err)
{
    static const struct type *const unknown[] = {NULL};

    if (!s->manifest_key)
        return err_set(err, ERR_DATA, "neither its metadata nor a manifest says which is the key");
    if (!manifest_key_column(s->finder->store, s->manifest_key, name, err))
        return false;
    s->match = keymatch_new(s->finder->params->value, unknown, 1, err);
    return s->match != NULL;
}

static bool search_open(struct search *s, struct err *err)
{
    const struct shape *shape = s->metadata->shape;
    struct buf name = BUF_INIT;
    bool ours = s->metadata->member_count > 0, by_shape = shape && (ours || shape->key_count == 1);
    bool ok = by_shape ? open_by_shape(s, shape, err) : open_by_manifest(s, &name, err);

    if (!ok)
        goto out;
    s->finder->fitted = true;
    if (ours) {
        s->decoder = decoder_new(shape, err);
        s->opener = s->decoder ? opener_new(s->metadata->cipher, err) : NULL;
        s->spans = mem_alloc(shape->column_count * sizeof(*s->spans));
        ok = s->opener != NULL;
    } else {
        if (by_shape)
            buf_adds(&name, shape->columns[shape->key_columns[0]].name);
        json_quote(&s->name, buf_str(&name), name.len);
        buf_adds(&s->name, ": ");
    }
out:
    buf_done(&name);
    return ok;
}

static void search_done(struct search *s)
{
    keymatch_free(s->match);
    decoder_free(s->decoder);
    opener_free(s->opener);
    text_digest_free(s->digest);
    buf_done(&s->sealed);
    buf_done(&s->lines);
    buf_done(&s->name);
    buf_done(&s->pending);
    buf_done(&s->stack);
    free(s->spans);
    free(s->rows);
}

static bool search(struct search *s, struct err *err)
{
    bool ok = search_open(s, err);

    if (!ok && err->kind == ERR_USAGE) {
        err_also(&s->finder->misfit, err);
        return true;
    }
    s->finder->report->opened++;
    if (ok && s->metadata->record_count > 0)
        ok = s->metadata->member_count > 0 ? look_indexed(s, err) : look_into_earlier(s, err);
    return ok;
}

/* What is wrong with one archive keeps nobody from the others. */
static bool count_failure(struct finder *f, const char *key, struct err *err)
{
    if (f->ended || err->kind == ERR_NETWORK || err->kind == ERR_INTERRUPTED ||
        err->kind == ERR_PERMISSION)
        return false;
    err_in(err, "%s", key);
    log_err(LOG_WARN, err);
    err_also(&f->report->err, err);
    f->report->failed++;
    return true;
}

static bool search_archive(struct finder *f, const char *state, const char *data_key,
                           const char *metadata_key, const char *manifest_key, struct err *err)
{
    struct metadata *metadata = metadata_get(f->store, metadata_key, err);
    bool ok = false;

    if (!metadata || !keyring_open(f->keyring, f->store, data_key, metadata, err)) {
        metadata_free(metadata);
        return count_failure(f, metadata_key, err);
    }
    struct search s = {.finder = f,
                       .state = state                                 ? state
                                : strcmp(metadata->version, "3") == 0 ? "pending"
                                                                      : "foreign",
                       .data_key = data_key,
                       .manifest_key = manifest_key,
                       .metadata = metadata};
    if (!may_hold(f, metadata_min_key(metadata), metadata_max_key(metadata)) && f->is_integer)
        ok = f->fitted = true;
    else
        ok = search(&s, err);
    search_done(&s);
    metadata_free(metadata);
    return ok || count_failure(f, data_key, err);
}

/* --- one table --- */

/* By its line alone. */
static bool ruled_out(struct finder *f, const struct catalog_entry *entry)
{
    struct err misfit;

    if (may_hold(f, entry->min_key, entry->max_key))
        return false;
    f->fitted |= f->is_integer;
    if (!f->is_integer) {
        err_set(&misfit, ERR_USAGE, "\"%s\" is not an integer, as the key is", f->params->value);
        err_also(&f->misfit, &misfit);
    }
    return true;
}

static bool search_key(struct finder *f, const char *state, const char *data_key, struct err *err)
{
    struct buf metadata = BUF_INIT, manifest = BUF_INIT;

    f->report->known++;
    key_sibling(data_key, KEY_METADATA, NULL, &metadata);
    key_sibling(data_key, KEY_MANIFEST, NULL, &manifest);
    bool ok = search_archive(f, state, data_key, buf_str(&metadata), buf_str(&manifest), err);
    buf_done(&metadata);
    buf_done(&manifest);
    return ok;
}

static bool search_settled(struct finder *f, const struct catalog_entry *entry, struct err *err)
{
    if (entry->state == CATALOG_UNDONE)
        return true;
    if (!ruled_out(f, entry))
        return search_key(f, catalog_state_name(entry->state), entry->key, err);
    f->report->known++;
    return true;
}

/* Listed, whole enough to be looked into, and not in the catalog. */
static bool is_unsettled(const struct batch *b, void *state)
{
    const struct finder *f = state;

    return b->data_key && b->metadata_key && !catalog_find(f->catalog, b->data_key);
}

static bool search_table(struct finder *f, struct err *err)
{
    struct key_table table = {.prefix = f->params->config->s3.prefix,
                              .database = f->target->database->name,
                              .schema = f->target->table->schema,
                              .table = f->target->table->name};
    struct batches batches = {0};
    struct buf prefix = BUF_INIT;
    bool ok;

    key_table_prefix(&table, &prefix);
    f->catalog = catalog_read(f->store, &table, err);
    ok = f->catalog != NULL;
    for (size_t i = 0; ok && i < f->catalog->count; i++)
        ok = search_settled(f, &f->catalog->entries[i], err);
    ok = ok && batches_list_keys(f->store, buf_str(&prefix), is_unsettled, f, f->params->stop,
                                 &batches, err);
    for (size_t i = 0; ok && i < batches.count; i++) {
        const struct batch *b = &batches.items[i];
        f->report->known++;
        ok = search_archive(f, NULL, b->data_key, b->metadata_key, b->manifest_key, err);
    }
    batches_done(&batches);
    catalog_free(f->catalog);
    f->catalog = NULL;
    buf_done(&prefix);
    return ok;
}

static bool search_tables(struct finder *f, struct err *err)
{
    const struct find_params *p = f->params;
    struct targets targets = {0};
    bool ok = targets_find(p->config, p->database, p->schema, p->table, &targets, err);

    for (size_t i = 0; ok && i < targets.count; i++) {
        f->target = &targets.items[i];
        ok = search_table(f, err);
    }
    targets_done(&targets);
    return ok;
}

bool find_run(const struct find_params *params, find_each each, void *state,
              struct find_report *report, struct err *err)
{
    struct finder f = {.params = params, .report = report, .each = each, .state = state};
    struct store_stats stats;
    bool ok = false;

    *report = (struct find_report){0};
    f.misfit = ERR_INIT;
    f.is_integer = text_to_int(params->value, &f.integer);
    f.keyring = keyring_new(params->config);
    f.store = store_open(&params->config->s3, params->stop, err);
    if (!f.store)
        goto out;
    ok = params->archive ? search_key(&f, "", params->archive, err) : search_tables(&f, err);
    store_stats(f.store, &stats);
    report->requests = stats.requests;
    report->bytes_received = stats.bytes_received;
    if (ok && !f.fitted && f.misfit.kind != ERR_NONE) {
        *err = f.misfit;
        ok = false;
    }
out:
    store_close(f.store);
    keyring_free(f.keyring);
    return ok;
}
