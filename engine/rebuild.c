/* SPDX-License-Identifier: PostgreSQL */
#include "rebuild.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "catalog/batches.h"

struct rebuild {
    struct store *store;
    struct keyring *keyring;
    struct recover_report *report;
    struct catalog *catalog;
    struct catalog_writer *writer;
};

struct catalog *rebuild_read_catalog(struct store *store, const struct key_table *table,
                                     struct err *err)
{
    struct catalog *catalog = catalog_read(store, table, err);
    uint64_t damaged;

    if (catalog || err->kind != ERR_DATA)
        return catalog;
    log_err(LOG_WARN, err);
    if (!catalog_set_aside(store, table, &damaged, err))
        return NULL;
    log_msg(LOG_WARN, "%" PRIu64 " damaged catalog objects renamed to *.damaged", damaged);
    return catalog_read(store, table, err);
}

/* False where the store cannot be asked; else *ret_why is NULL or what is missing. */
static bool find_fault(struct rebuild *r, const struct batch *b, struct metadata *metadata,
                       const char **ret_why, struct err *err)
{
    struct manifest_source manifest = {.store = r->store, .key = b->manifest_key};
    bool keyless = metadata->shape && metadata->shape->key_count == 0;
    uint64_t keys = 0;

    *ret_why = NULL;
    if (b->data_bytes != metadata->object_bytes) {
        *ret_why = "its data object has another size than its metadata says";
        return true;
    }
    if (!b->manifest_key) {
        *ret_why = "it has no manifest: its COMMIT was never sent";
        return true;
    }
    if (!keyring_open(r->keyring, r->store, b->metadata_key, metadata, err)) {
        *ret_why = "it is encrypted, and its key is not to be had: its manifest cannot be counted";
        return err->kind != ERR_NETWORK && err->kind != ERR_INTERRUPTED;
    }
    manifest.cipher = metadata->cipher;
    if (!manifest_count(&manifest, &keys, err)) {
        *ret_why = "its manifest is damaged";
        return err->kind == ERR_DATA;
    }
    if (keys != metadata->record_count && !(keyless && keys == 0))
        *ret_why = "its manifest does not hold its keys";
    return true;
}

static bool settle(struct rebuild *r, const struct batch *b, const struct metadata *metadata,
                   struct err *err)
{
    struct catalog_entry entry;

    catalog_entry_from(metadata, CATALOG_SETTLED, &entry);
    if (!catalog_settle(r->writer, &entry, err))
        return false;
    recover_note(r->report, b->data_key, RECOVER_SETTLED,
                 "it is whole; no database was asked whether its transaction committed");
    return true;
}

static bool decide(struct rebuild *r, const struct batch *b, struct err *err)
{
    const char *why = "it has no metadata: its COMMIT was never sent";
    struct metadata *metadata = NULL;
    bool ok = true;

    if (b->data_key && b->metadata_key) {
        metadata = metadata_get(r->store, b->metadata_key, err);
        if (!metadata && err->kind != ERR_DATA)
            return false;
        why = "its metadata cannot be read";
    } else if (b->metadata_key) {
        why = "its data object is gone: look for a version of it in the bucket";
    } else if (b->manifest_key && !b->data_key) {
        why = "a manifest without data and metadata";
    }
    if (metadata && strcmp(metadata->version, "3") != 0) { /* the earlier archiver's: no catalog */
        metadata_free(metadata);
        return true;
    }
    if (metadata)
        ok = find_fault(r, b, metadata, &why, err);
    if (ok && !why)
        ok = settle(r, b, metadata, err);
    else if (ok)
        recover_note(r->report, b->data_key ? b->data_key : b->stem, RECOVER_UNDECIDED, why);
    metadata_free(metadata);
    return ok || err_in(err, "%s", b->stem);
}

static bool is_unsettled(const struct batch *b, void *state)
{
    const struct rebuild *r = state;
    const struct catalog_entry *entry = b->data_key ? catalog_find(r->catalog, b->data_key) : NULL;

    return !entry || entry->state != CATALOG_SETTLED;
}

bool rebuild_offline(const struct recover_target *target, struct store *store,
                     struct recover_report *report, struct err *err)
{
    struct rebuild r = {.store = store, .keyring = target->keyring, .report = report};
    struct key_table table = {.prefix = target->config->s3.prefix,
                              .database = target->database->name,
                              .schema = target->table->schema,
                              .table = target->table->name};
    struct batches batches = {0};
    struct buf prefix = BUF_INIT;
    bool ok = false;

    key_table_prefix(&table, &prefix);
    r.catalog = rebuild_read_catalog(store, &table, err);
    if (!r.catalog || !batches_list(store, buf_str(&prefix), is_unsettled, &r, NULL, &batches, err))
        goto out;
    r.writer = catalog_writer_new(store, &table, target->run_id, text_now_us());
    ok = true;
    for (size_t i = 0; ok && i < batches.count; i++)
        ok = decide(&r, &batches.items[i], err);
out:
    batches_done(&batches);
    catalog_writer_free(r.writer);
    catalog_free(r.catalog);
    buf_done(&prefix);
    return ok;
}
