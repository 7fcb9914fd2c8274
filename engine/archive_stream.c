/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>

#include "archive_part.h"
#include "base/fault.h"
#include "base/text.h"
#include "postgres/export.h"

/* Every how many rows the clock is read for the phase times: often enough to be right, too seldom
 * to cost. */
#define CLOCK_ROWS 16

/* And the phase: another batch that is stored meanwhile has said its own. */
static void show_rows(struct batch *b)
{
    batch_show(b,
               (struct progress_news){.rows = b->rows_encoded - b->rows_shown, .phase = "archive"});
    b->rows_shown = b->rows_encoded;
}

/* Names: stem, keys, batch id, and what the data object says of itself. */
static void name_batch(struct batch *b)
{
    struct archiver *a = b->archiver;
    const struct conn_server *server = conn_server(b->conn);
    const char *suffix = packing_suffix(archiver_packing(a), keyring_id(a->params.keyring) != NULL);
    struct buf seed = BUF_INIT;
    uint8_t digest[32];
    char hex[65];

    key_stem(&a->key_table, b->transaction.began_us, b->transaction.began_us, b->number, b->version,
             &b->stem);
    key_of(buf_str(&b->stem), KEY_DATA, suffix, &b->data_key);
    key_of(buf_str(&b->stem), KEY_METADATA, suffix, &b->metadata_key);
    key_of(buf_str(&b->stem), KEY_MANIFEST, suffix, &b->manifest_key);
    buf_addf(&seed, "%s/%" PRIu64 "/%s/%u", server->system_identifier, b->transaction.txid,
             a->params.run_id, b->number);
    text_sha256(seed.data, seed.len, digest);
    text_hex(digest, 32, hex);
    memcpy(b->batch_id, hex, 16);
    batch_show(b, (struct progress_news){.object = buf_str(&b->data_key)});
    buf_addf(&b->comment, "archiver-tui 3 cluster=%s txid=%" PRIu64 " run=%s batch=%s",
             server->system_identifier, b->transaction.txid, a->params.run_id, b->batch_id);
    buf_done(&seed);
}

bool batch_prepare(struct batch *b, struct err *err)
{
    struct archiver *a = b->archiver;
    bool full = a->params.table->settings.row_metadata == ROW_METADATA_FULL;
    struct encode_metadata metadata = {0};

    name_batch(b);
    if (keyring_id(a->params.keyring)) {
        b->cipher = cipher_new(b->batch_id, err);
        if (!b->cipher)
            return false;
    }
    if (full) {
        metadata = (struct encode_metadata){.archived_at = buf_str(&b->archived_at),
                                            .batch_id = b->batch_id,
                                            .source_database = a->params.database->name,
                                            .source_table = a->params.table->name};
    }
    b->encoder = encoder_new(a->params.info->shape, &metadata, err);
    if (!b->encoder)
        return false;
    b->lines_digest = text_digest_new();
    b->object_digest = text_digest_new();
    struct lane_params lane = {.pool = a->params.pool,
                               .depth = pool_threads(a->params.pool) * 2 + 2,
                               .work = batch_seal,
                               .drop = batch_seal_drop,
                               .state = b};
    b->lane = lane_new(&lane);
    int rc = pthread_create(&b->writer, NULL, batch_writer_main, b);
    if (rc != 0)
        return err_sys(err, ERR_RESOURCE, rc, "cannot start the writer thread");
    b->writer_runs = true;
    return true;
}

static void take_bounds(struct batch *b, struct member *m)
{
    const struct encode_bounds *bounds = encode_bounds(b->encoder);

    m->index.min_us = bounds->min_us;
    m->index.max_us = bounds->max_us;
    if (bounds->min_key.len > 0)
        m->index.min_key = mem_strdup(bounds->min_key.data);
    if (bounds->max_key.len > 0)
        m->index.max_key = mem_strdup(bounds->max_key.data);
    if (bounds->max_timestamp.len > 0 && bounds->max_us >= b->max_us) {
        b->max_us = bounds->max_us;
        buf_reset(&b->max_timestamp);
        buf_add(&b->max_timestamp, bounds->max_timestamp.data, bounds->max_timestamp.len);
    }
    if (bounds->min_timestamp.len > 0 && bounds->min_us <= b->min_us) {
        b->min_us = bounds->min_us;
        buf_reset(&b->min_timestamp);
        buf_add(&b->min_timestamp, bounds->min_timestamp.data, bounds->min_timestamp.len);
    }
    encode_bounds_reset(b->encoder);
}

static bool hand_over(struct batch *b, struct member **member, struct err *err)
{
    struct member *m = *member;

    take_bounds(b, m);
    if (!lane_put(b->lane, m, err))
        return false;
    *member = NULL;
    show_rows(b);
    return true;
}

static bool encode_into(struct batch *b, struct member **member, const char *line, size_t len,
                        struct err *err)
{
    struct archiver *a = b->archiver;
    const struct archive_witness *witness = a->params.witness;
    size_t full = (size_t)a->params.table->settings.member_kb * 1024;
    bool has_key = a->params.info->shape->key_count > 0;

    if (witness && !witness->row(witness->state, line, len, err))
        return false;
    if (!*member) {
        *member = batch_member_borrow(a);
        (*member)->index.first_row = (uint64_t)b->rows_encoded;
    }
    struct member *m = *member;
    if (!encode_row(b->encoder, line, len, &m->lines, has_key ? &m->keys : NULL, err))
        return err_in(err, "row %" PRId64 " of the batch", b->rows_encoded + 1);
    if (has_key)
        buf_addc(&m->keys, '\n');
    b->rows_encoded++;
    m->index.rows++;
    /* A member is closed before it would outgrow its size, unless it is a single row. */
    return m->lines.len < full || hand_over(b, member, err);
}

bool batch_stream(struct batch *b, const char *copy_sql, struct err *err)
{
    struct export *export = export_open(b->conn, copy_sql, b->archiver->params.stop, err);
    struct member *member = NULL;
    bool ok = false;

    if (!export)
        return false;
    batch_show_phase(b, "archive");
    int64_t t0 = text_monotonic_us();
    for (int64_t n = 0;; n++) {
        const char *line;
        size_t len;
        bool timed = n % CLOCK_ROWS == 0;
        int weight = n == 0 ? 1 : CLOCK_ROWS;

        if (timed)
            t0 = text_monotonic_us();
        if (!export_line(export, &line, &len, err))
            goto out;
        int64_t t1 = timed ? text_monotonic_us() : 0;
        if (timed)
            b->select_seconds += (double)(t1 - t0) / 1e6 * weight;
        if (!line)
            break;
        if (!encode_into(b, &member, line, len, err))
            goto out;
        if (timed)
            b->encode_seconds += batch_seconds_since(t1) * weight;
    }
    ok = (!member || hand_over(b, &member, err)) && export_end(export, &b->rows_copied, err) &&
         fault_point("archive.encoded", err);
out:
    batch_member_return(b->archiver, member);
    export_close(export);
    return ok;
}

bool batch_join_writer(struct batch *b, bool ok, struct err *err)
{
    if (!b->writer_runs)
        return ok;
    if (ok)
        lane_end(b->lane);
    else
        lane_cancel(b->lane, err);
    pthread_join(b->writer, NULL);
    b->writer_runs = false;
    if (ok && b->writer_err.kind != ERR_NONE) {
        *err = b->writer_err;
        return false;
    }
    return ok;
}

bool batch_counts_agree(const struct batch *b, struct err *err)
{
    if (b->rows_copied == b->rows_encoded && b->rows_encoded == (int64_t)b->rows_written)
        return true;
    err_set(err, ERR_DATA, "the counts of the batch differ");
    err_why(err,
            "the server deleted %" PRId64 " rows, %" PRId64 " were encoded, %" PRIu64
            " were read back",
            b->rows_copied, b->rows_encoded, b->rows_written);
    return err_hint(err, "nothing was deleted; please report this with the log");
}
