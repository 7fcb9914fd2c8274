/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>

#include "archive_part.h"
#include "base/fault.h"
#include "base/text.h"
#include "catalog/sealed.h"

bool batch_put_data(struct batch *b, struct err *err)
{
    struct store_object object;
    struct store_put *put = b->data;
    int64_t start = text_monotonic_us();

    b->data = NULL;
    if (!store_put_end(put, &object, err))
        return false;
    b->data_stored = true;
    b->verify_seconds += batch_seconds_since(start);
    if (object.size != b->object_bytes) {
        err_set(err, ERR_STORE, "the store holds another size than it was sent");
        return err_why(err, "%" PRIu64 " bytes instead of %" PRIu64, object.size, b->object_bytes);
    }
    return true;
}

/* How to have a table again; of a partition that is dropped, how to have that one. */
static const char *ddl_of(struct batch *b)
{
    const struct introspect_leaf *leaf = b->leaf;
    const char *table = b->archiver->params.ddl;

    if (!b->part || !table)
        return table;
    buf_addf(&b->ddl, "%s-- The rows' own partition: CREATE TABLE ", table);
    conn_add_table(b->conn, &b->ddl, leaf->schema, leaf->table);
    buf_adds(&b->ddl, " PARTITION OF ");
    conn_add_table(b->conn, &b->ddl, leaf->parent_schema, leaf->parent_table);
    buf_addf(&b->ddl, " %s;\n", leaf->bounds);
    return buf_str(&b->ddl);
}

static void fill_metadata(struct batch *b, struct metadata *m)
{
    const struct archive_params *p = &b->archiver->params;
    const struct conn_server *server = conn_server(b->conn);
    size_t ts = p->info->shape->timestamp_column;

    *m = (struct metadata){
        .version = "3",
        .database = p->database->name,
        .schema = p->table->schema,
        .table = p->table->name,
        .run_id = p->run_id,
        .batch_id = b->batch_id,
        .batch_number = b->number,
        .archived_at = buf_str(&b->archived_at),
        .archiver_version = PACKAGE_VERSION,
        .postgres_version = server->version,
        .system_identifier = server->system_identifier,
        .timeline = server->timeline,
        .txid = b->transaction.txid,
        .cutoff = p->plan->cutoff,
        .strategy = b->part ? p->plan->strategy : plan_way_name(p->plan->way),
        .where = p->table->settings.where,
        .data_key = buf_str(&b->data_key),
        .packing = archiver_packing(b->archiver),
        .key_id = keyring_id(p->keyring),
        .head_bytes = b->head_bytes,
        .cipher = b->cipher,
        .record_count = b->rows_written,
        .line_bytes = b->line_bytes,
        .object_bytes = b->object_bytes,
        .min_us = b->min_us,
        .max_us = b->max_us,
        .timestamp_column =
            ts < p->info->shape->column_count ? p->info->shape->columns[ts].name : NULL,
        .min_timestamp = b->min_timestamp.len > 0 ? buf_str(&b->min_timestamp) : NULL,
        .max_timestamp = b->max_timestamp.len > 0 ? buf_str(&b->max_timestamp) : NULL,
        .table_ddl = ddl_of(b),
        .shape = p->info->shape,
        .members = b->members,
        .member_count = b->member_count,
    };
    text_digest_end(b->lines_digest, m->lines_sha256);
    text_digest_end(b->object_digest, m->object_sha256);
}

bool batch_put_envelope(struct batch *b, struct err *err)
{
    const struct archive_params *p = &b->archiver->params;

    if (!b->cipher)
        return true;
    b->envelope_stored = fault_point("put.envelope", err) &&
                         keyring_seal(p->keyring, p->store, buf_str(&b->data_key), b->cipher, err);
    return b->envelope_stored && fault_point("put.envelope.done", err);
}

bool batch_put_metadata(struct batch *b, struct metadata *metadata, struct err *err)
{
    struct store_put_params params = {.key = buf_str(&b->metadata_key),
                                      .content_type = "application/json",
                                      .about = true};
    struct buf json = BUF_INIT;

    fill_metadata(b, metadata);
    bool ok = !b->cipher || sealed_write(metadata, &b->sealed_index, err);
    if (ok) {
        metadata->sealed_index = buf_str(&b->sealed_index);
        metadata_write(metadata, &json);
        ok = fault_point("put.metadata", err) &&
             store_put_bytes(b->archiver->params.store, &params, json.data, json.len, err);
    }
    buf_done(&json);
    b->metadata_stored = ok;
    return ok && fault_point("put.metadata.done", err);
}

bool batch_put_manifest(struct batch *b, struct err *err)
{
    struct buf tail = BUF_INIT;
    bool ok;

    manifest_tail(b->rows_written, &tail);
    ok = fault_point("put.manifest", err) && batch_manifest_add(b, &tail, err);
    buf_done(&tail);
    if (!ok)
        return false;
    struct store_put *put = b->manifest;
    b->manifest = NULL;
    if (!store_put_end(put, NULL, err))
        return false;
    b->manifest_stored = true;
    return fault_point("put.manifest.done", err);
}
