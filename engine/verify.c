/* SPDX-License-Identifier: PostgreSQL */
#include "verify.h"

#include "base/file.h"
#include "catalog/batches.h"
#include "catalog/catalog.h"
#include "catalog/earlier.h"
#include "keyring.h"
#include "store/store.h"
#include "targets.h"
#include "verify_keys.h"
#include "verify_object.h"
#include "verify_schema.h"

struct verification {
    const struct verify_params *params;
    struct verify_report *report;
    struct store *store;
    struct keyring *keyring;
    struct catalog *catalog;
    struct verify_keys *keys; /* NULL: no database is asked */
    struct verify_schema schema;
    struct batches batches;
    struct earlier_schemas *schemas;
    const struct key_table *table; /* whose archives are asked for; NULL: whatever the keys name */
    bool own_place;                /* the batches lie where ours do, not only the earlier ones */
    struct verify_progress progress;
    uint64_t passed_bytes; /* of the archives gone through */
};

/* --- how far --- */

static void tell(struct verification *v)
{
    v->progress.now = v->report;
    if (v->params->watch)
        v->params->watch(&v->progress, v->params->state);
}

static void tell_read(uint64_t bytes, void *state)
{
    struct verification *v = state;

    v->progress.bytes = v->passed_bytes + bytes;
    tell(v);
}

static void tell_begun(struct verification *v, const struct batch *b)
{
    v->progress.key = b->data_key ? b->data_key : b->stem;
    tell(v);
}

static void tell_passed(struct verification *v, const struct batch *b)
{
    v->passed_bytes += b->data_bytes;
    v->progress.bytes = v->passed_bytes;
    v->progress.archives++;
    tell(v);
}

/* Keeps none: of a large table they would be many. */
static bool count_batch(const struct batch *b, void *state)
{
    struct verification *v = state;

    v->progress.archives_total++;
    v->progress.bytes_total += b->data_bytes;
    if (v->progress.archives_total % 1000 == 0)
        tell(v);
    return false;
}

static bool count_table(struct verification *v, const struct key_table *table, struct err *err)
{
    struct buf prefix = BUF_INIT;
    struct batches batches = {0};

    key_table_prefix(table, &prefix);
    bool ok =
        batches_list(v->store, buf_str(&prefix), count_batch, v, v->params->stop, &batches, err);
    batches_done(&batches);
    ok = ok && batches_list_earlier(v->store, table, v->params->stop, &batches, err);
    for (size_t i = 0; ok && i < batches.count; i++)
        count_batch(&batches.items[i], v);
    batches_done(&batches);
    buf_done(&prefix);
    return ok;
}

/* --- one archive --- */

static bool check_entry(struct verification *v, const struct catalog_entry *entry,
                        const struct metadata *m)
{
    const char *bad = entry->records != m->record_count           ? "number of rows"
                      : entry->bytes != m->object_bytes           ? "size"
                      : strcmp(entry->batch_id, m->batch_id) != 0 ? "batch"
                      : strcmp(entry->run_id, m->run_id) != 0     ? "run"
                                                                  : NULL;

    if (bad)
        verify_report_problem(v->report, entry->key, "bad_catalog",
                              "its catalog line says another %s than its metadata", bad);
    return !bad;
}

/* Not rolled back: those keys are in the table again, on purpose. */
static bool is_gone_from_table(const struct verification *v, const struct batch *b)
{
    const struct catalog_entry *entry = catalog_find(v->catalog, b->data_key);

    return entry && entry->state == CATALOG_SETTLED;
}

static bool check_settled(struct verification *v, const struct batch *b,
                          const struct metadata *metadata)
{
    if (strcmp(metadata->version, "3") != 0)
        return true;
    if (catalog_is_settled(catalog_find(v->catalog, b->data_key)))
        return check_entry(v, catalog_find(v->catalog, b->data_key), metadata);
    verify_report_problem(v->report, b->data_key, "unsettled",
                          "no catalog line names it: run `archiver-tui recover`");
    return false;
}

/* Where data or metadata are missing. */
static void report_part(struct verification *v, const struct batch *b)
{
    struct verify_report *r = v->report;

    if (b->metadata_key)
        verify_report_problem(r, b->metadata_key, "missing_data",
                              "there is no data object beside it");
    if (b->data_key)
        verify_report_problem(r, b->data_key, "missing_metadata",
                              "there is no metadata beside it: run `archiver-tui recover`");
    verify_report_orphan(r, b->data_key);
    verify_report_orphan(r, b->metadata_key);
    verify_report_orphan(r, b->manifest_key);
    verify_report_orphan(r, b->envelope_key);
}

/* False where the store went away; *ret_open: rows and keys can be looked at. */
static bool unlock(struct verification *v, const struct batch *b, struct metadata *metadata,
                   bool *ret_open, struct err *err)
{
    struct err why;

    *ret_open = keyring_open(v->keyring, v->store, b->data_key, metadata, &why);
    if (*ret_open)
        return true;
    if (why.kind == ERR_NETWORK || why.kind == ERR_INTERRUPTED) {
        *err = why;
        return false;
    }
    verify_report_problem_err(v->report, b->data_key, why.kind == ERR_DATA ? "bad_seal" : "no_key",
                              &why);
    return true;
}

/* Tables of one name share a place in the earlier archiver's keys. */
static bool is_asked(const struct verification *v, const struct metadata *metadata)
{
    if (!v->table)
        return true;
    if (!metadata || !earlier_wrote(metadata))
        return v->own_place;
    return earlier_is_of(metadata, v->table);
}

/* Takes the metadata. False where verifying cannot go on; *ret_ok: the batch has no problem. */
static bool check_whole(struct verification *v, const struct batch *b, struct metadata *metadata,
                        bool *ret_ok, struct err *err)
{
    bool keys_ok = true, done = true, open;

    if (!earlier_schemas_fill(v->schemas, b->metadata_key, metadata, err) ||
        !unlock(v, b, metadata, &open, err)) {
        metadata_free(metadata);
        return false;
    }
    if (!open) { /* a problem of its own, and said */
        *ret_ok = false;
        check_settled(v, b, metadata);
        metadata_free(metadata);
        return true;
    }
    struct verify_object_params params = {.store = v->store,
                                          .batch = b,
                                          .metadata = metadata,
                                          .deep = v->params->deep,
                                          .read = tell_read,
                                          .state = v};
    *ret_ok = verify_object(&params, v->report);
    *ret_ok &= check_settled(v, b, metadata);
    if (v->keys && is_gone_from_table(v, b))
        done = verify_keys_check(v->keys, b, metadata, &keys_ok, err);
    *ret_ok &= keys_ok;
    verify_schema_take(&v->schema, metadata, v->report);
    return done;
}

/* *ret_asked: the batch is of the table that is verified. */
static bool check_batch(struct verification *v, const struct batch *b, bool *ret_asked,
                        bool *ret_ok, struct err *err)
{
    struct err bad = ERR_INIT;
    struct metadata *metadata =
        b->metadata_key ? metadata_get(v->store, b->metadata_key, &bad) : NULL;

    *ret_ok = false;
    *ret_asked = is_asked(v, metadata);
    if (!*ret_asked)
        goto out;
    if (!b->data_key || !b->metadata_key)
        report_part(v, b);
    else if (!metadata)
        verify_report_problem_err(v->report, b->metadata_key, "bad_metadata", &bad);
    else
        return check_whole(v, b, metadata, ret_ok, err);
out:
    metadata_free(metadata);
    return true;
}

static bool check_all(struct verification *v, struct err *err)
{
    for (size_t i = 0; i < v->batches.count && !stop_asked(v->params->stop); i++) {
        const struct batch *b = &v->batches.items[i];
        bool asked, ok;
        tell_begun(v, b);
        if (!check_batch(v, b, &asked, &ok, err))
            return false;
        if (stop_now(v->params->stop)) /* in the middle of it: nothing is known of it */
            return true;
        tell_passed(v, b);
        if (!asked)
            continue;
        v->report->archives_checked++;
        v->report->ok += ok;
        if (v->params->each)
            v->params->each(b->data_key ? b->data_key : b->stem, ok, v->params->state);
    }
    return true;
}

/* Settled batches whose data object is not there at all. */
static void check_catalog(struct verification *v)
{
    const struct batches *all = &v->batches;
    size_t next = 0;

    for (size_t i = 0; i < v->catalog->count; i++) {
        const struct catalog_entry *entry = &v->catalog->entries[i];
        if (!catalog_is_settled(entry))
            continue;
        while (next < all->count &&
               (!all->items[next].data_key || strcmp(all->items[next].data_key, entry->key) < 0))
            next++;
        if (next < all->count && strcmp(all->items[next].data_key, entry->key) == 0)
            continue;
        verify_report_problem(v->report, entry->key, "missing_data",
                              "the catalog says it is settled, but there is no such object");
    }
}

static bool open_keys(struct verification *v, const struct target *target, struct err *err)
{
    struct verify_keys_params params = {.target = target,
                                        .store = v->store,
                                        .report = v->report,
                                        .sample = v->params->lookup == LOOKUP_SAMPLE};

    if (v->params->lookup == LOOKUP_NONE)
        return true;
    v->keys = verify_keys_open(&params, err);
    return v->keys != NULL;
}

static void table_done(struct verification *v)
{
    catalog_free(v->catalog);
    v->catalog = NULL;
    verify_keys_close(v->keys);
    v->keys = NULL;
    verify_schema_done(&v->schema);
    batches_done(&v->batches);
}

static struct key_table key_table_of(const struct verification *v, const struct target *target)
{
    return (struct key_table){.prefix = v->params->config->s3.prefix,
                              .database = target->database->name,
                              .schema = target->table->schema,
                              .table = target->table->name};
}

static bool verify_table(struct verification *v, const struct target *target, struct err *err)
{
    struct key_table table = key_table_of(v, target);
    struct buf prefix = BUF_INIT;

    key_table_prefix(&table, &prefix);
    bool ok = open_keys(v, target, err);
    if (ok) {
        v->catalog = catalog_read(v->store, &table, err);
        ok = v->catalog && batches_list(v->store, buf_str(&prefix), NULL, NULL, v->params->stop,
                                        &v->batches, err);
    }
    v->table = &table;
    v->own_place = true;
    ok = ok && check_all(v, err);
    if (ok && !stop_asked(v->params->stop))
        check_catalog(v);
    v->own_place = false;
    batches_done(&v->batches);
    ok = ok && batches_list_earlier(v->store, &table, v->params->stop, &v->batches, err) &&
         check_all(v, err);
    v->table = NULL;
    table_done(v);
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

static bool open_keys_of(struct verification *v, const struct key_table *table, struct err *err)
{
    struct targets targets = {0};
    bool ok = targets_find(v->params->config, table->database, table->schema, table->table,
                           &targets, err) &&
              open_keys(v, &targets.items[0], err);

    targets_done(&targets);
    return ok;
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
    if (v->params->lookup != LOOKUP_NONE && !open_keys_of(v, &t, err))
        goto out;
    v->catalog = catalog_read(v->store, &t, err);
    if (!v->catalog ||
        !batches_list(v->store, buf_str(&stem), NULL, NULL, v->params->stop, &v->batches, err))
        goto out;
    if (v->batches.count == 0) {
        err_set(err, ERR_NOT_FOUND, "there is no archive %s", given);
        err_hint(err, "`archiver-tui list` shows the names");
        goto out;
    }
    ok = check_all(v, err);
out:
    table_done(v);
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

    for (size_t i = 0; ok && p->watch && i < targets.count && !stop_asked(p->stop); i++) {
        struct key_table table = key_table_of(v, &targets.items[i]);
        ok = count_table(v, &table, err);
    }
    tell(v);
    for (size_t i = 0; ok && i < targets.count && !stop_asked(p->stop); i++)
        ok = verify_table(v, &targets.items[i], err);
    targets_done(&targets);
    return ok;
}

static void note_key_uses(struct verification *v)
{
    const struct config_key *key;

    for (size_t i = 0; (key = keyring_key(v->keyring, i)); i++)
        verify_report_key_use(v->report, key->id, keyring_opened(v->keyring, i));
}

bool verify_run(const struct verify_params *params, struct verify_report *report, struct err *err)
{
    struct verification v = {.params = params, .report = report};
    bool ok;

    *report = (struct verify_report){0};
    v.store = store_open(&params->config->s3, params->stop, err);
    if (!v.store)
        return false;
    v.keyring = keyring_new(params->config);
    v.schemas = earlier_schemas_new(v.store);
    v.progress.archives_total = params->key_count;
    ok = params->key_count > 0 || verify_tables(&v, err);
    for (size_t i = 0; ok && i < params->key_count; i++)
        ok = verify_key(&v, params->keys[i], err);
    if (ok && stop_asked(params->stop))
        ok = err_set(err, ERR_INTERRUPTED, "verify was stopped");
    note_key_uses(&v);
    keyring_free(v.keyring);
    earlier_schemas_free(v.schemas);
    store_close(v.store);
    return ok;
}

bool verify_write_page(const struct verify_params *params, const struct verify_report *report,
                       const char *path, struct err *err)
{
    const struct config_s3 *s3 = &params->config->s3;
    struct buf what = BUF_INIT, html = BUF_INIT;

    buf_addf(&what, "%s, prefix \"%s\"", s3->bucket, s3->prefix);
    if (params->database)
        buf_addf(&what, ", database %s", params->database);
    if (params->table)
        buf_addf(&what, ", table %s", params->table);
    if (params->key_count > 0)
        buf_addf(&what, ", %zu archives asked for", params->key_count);
    verify_report_html(report, buf_str(&what), &html);
    bool ok =
        file_write(&(struct file_params){.path = path, .mode = 0666}, html.data, html.len, err);
    buf_done(&what);
    buf_done(&html);
    return ok;
}
