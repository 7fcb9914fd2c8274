/* SPDX-License-Identifier: PostgreSQL
 *
 * Invariants, asserted by move():
 *   1. COMMIT is sent only in PROVED: data, metadata, manifest and, of an encrypted batch, its
 * envelope are durable under names no catalog line has, and rows by COPY's tag == rows encoded ==
 * rows counted while reading back what was compressed.
 *   2. Objects are removed only in UNDONE, that is: COMMIT was never sent on this transaction, or
 * the server answered that it failed.
 *   3. A catalog line is written only in COMMITTED.
 *   4. In UNKNOWN nothing is touched.
 *   5. What the DELETE returns is the whole row: the columns are compared with those the encoder
 * was made for under the lock that keeps them so until COMMIT.
 *   6. COMMIT is never sent on a batch into a spool, whose objects are not the store's.
 *   7. metadata.json is removed last: while any other object of a batch is there, so is the txid
 * that decides it (or the data object's own comment, when metadata.json was not yet written). The
 * model of this protocol is tests/model/batch.pml; doc/architecture.md maps the one to the other.
 */
#include "archive.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/blocks.h"
#include "catalog/sealed.h"
#include "member/seal.h"
#include "postgres/export.h"
#include "row/encode.h"

/* Every how many rows the clock is read for the phase times: often enough to be right, too seldom
 * to cost. */
#define CLOCK_ROWS   16
#define VERSIONS_MAX 100

enum state { IDLE, OPEN, STORED, PROVED, COMMITTED, SETTLED, UNDONE, UNKNOWN, SPOOLED };

struct archiver {
    struct archive_params params;
    struct key_table key_table;
    pthread_mutex_t settling; /* of the catalog: one line after another */
    struct catalog_writer *catalog;
    pthread_mutex_t lock;  /* of all that follows, and of the phases */
    unsigned batch_number; /* the last one given out */
    unsigned version;      /* of the next batch's names */
    struct member **spare;
    size_t spare_count, spare_cap;
    struct sealer **sealers;
    size_t sealer_count, sealer_cap;
    double compress_seconds;
};

/* One batch in work. Before the writer starts and after it was joined, all of it is the table
 * worker's. */
struct batch {
    struct archiver *archiver;
    struct conn *conn;
    const struct introspect_leaf *leaf;
    enum state state;
    bool part; /* of a transaction that is not its own */
    unsigned number, version;
    struct archive_transaction transaction;
    struct buf archived_at, ddl, stem, data_key, metadata_key, manifest_key, comment;
    char batch_id[17];
    struct cipher *cipher; /* NULL: in the clear */
    struct buf sealed_index;
    struct encoder *encoder;
    struct lane *lane;
    int64_t rows_encoded, rows_copied, rows_shown;
    int64_t min_us, max_us;
    struct buf min_timestamp, max_timestamp;
    double select_seconds, encode_seconds, verify_seconds;
    bool data_stored, envelope_stored, metadata_stored, manifest_stored;
    /* the writer's until it is joined */
    pthread_t writer;
    bool writer_runs;
    struct store_put *data, *manifest;
    struct text_digest *lines_digest, *object_digest;
    struct member_index *members;
    size_t member_count, member_cap;
    uint64_t rows_written, object_bytes, line_bytes, head_bytes;
    uint64_t manifest_block; /* the next one, where they are encrypted */
    double upload_seconds;
    struct err writer_err;
};

static double seconds_since(int64_t start_us)
{
    return (double)(text_monotonic_us() - start_us) / 1e6;
}

static void move(struct batch *b, enum state to)
{
    static const bool allowed[9][9] = {
        [IDLE] = {[OPEN] = true, [UNDONE] = true},
        [OPEN] = {[STORED] = true, [UNDONE] = true},
        [STORED] = {[PROVED] = true, [UNDONE] = true},
        [PROVED] = {[COMMITTED] = true, [UNKNOWN] = true, [UNDONE] = true, [SPOOLED] = true},
        [COMMITTED] = {[SETTLED] = true, [UNKNOWN] = true},
    };

    assert(allowed[b->state][to]);
    assert(to != PROVED ||
           (b->data_stored && b->metadata_stored && b->manifest_stored &&
            b->envelope_stored == (b->cipher != NULL) && b->rows_copied == b->rows_encoded &&
            b->rows_encoded == (int64_t)b->rows_written));
    assert((to == SPOOLED) <= b->archiver->params.into_spool);
    assert((to == COMMITTED || to == UNKNOWN) <= !b->archiver->params.into_spool);
    b->state = to;
}

/* --- members and sealers that are used again --- */

static struct member *member_borrow(struct archiver *a)
{
    struct member *m = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->spare_count > 0)
        m = a->spare[--a->spare_count];
    pthread_mutex_unlock(&a->lock);
    return m ? m : mem_alloc(sizeof(*m));
}

static void member_free(struct member *m)
{
    if (!m)
        return;
    buf_done(&m->lines);
    buf_done(&m->keys);
    buf_done(&m->sealed);
    free(m);
}

static void member_return(struct archiver *a, struct member *m)
{
    /* One huge row must not keep its memory for the rest of the run. */
    size_t keep = (size_t)a->params.table->settings.member_kb * 1024 * 3;

    if (!m)
        return;
    buf_trim(&m->lines, keep);
    buf_trim(&m->keys, keep);
    buf_trim(&m->sealed, keep);
    free(m->index.min_key);
    free(m->index.max_key);
    m->index = (struct member_index){0};
    pthread_mutex_lock(&a->lock);
    if (a->spare_count == a->spare_cap) {
        a->spare_cap = a->spare_cap ? a->spare_cap * 2 : 16;
        a->spare = mem_grow(a->spare, a->spare_cap * sizeof(struct member *));
    }
    a->spare[a->spare_count++] = m;
    pthread_mutex_unlock(&a->lock);
}

/* `none` is stored blocks in gzip members: one format less, and it says whose an object is. */
static enum packing packing_in(const struct archiver *a)
{
    bool zstd = a->params.table->settings.compression == COMPRESSION_ZSTD;

    return zstd ? PACKING_ZSTD : PACKING_GZIP;
}

static struct sealer *sealer_borrow(struct archiver *a, struct err *err)
{
    const struct config_settings *s = &a->params.table->settings;
    struct sealer *sealer = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->sealer_count > 0)
        sealer = a->sealers[--a->sealer_count];
    pthread_mutex_unlock(&a->lock);
    if (sealer)
        return sealer;
    return sealer_new(packing_in(a),
                      s->compression == COMPRESSION_NONE ? 0 : (int)s->compression_level, err);
}

static void sealer_return(struct archiver *a, struct sealer *sealer, double seconds)
{
    pthread_mutex_lock(&a->lock);
    if (a->sealer_count == a->sealer_cap) {
        a->sealer_cap = a->sealer_cap ? a->sealer_cap * 2 : 8;
        a->sealers = mem_grow(a->sealers, a->sealer_cap * sizeof(struct sealer *));
    }
    a->sealers[a->sealer_count++] = sealer;
    a->compress_seconds += seconds;
    pthread_mutex_unlock(&a->lock);
}

/* --- the pool's part: seal --- */

static bool seal_work(void *item, void *state, struct err *err)
{
    struct batch *b = state;
    struct member *m = item;
    int64_t start = text_monotonic_us();
    struct sealer *sealer = sealer_borrow(b->archiver, err);

    if (!sealer)
        return false;
    /* The first member says whose the object is, for recover, should metadata.json never come; of
     * an encrypted object its head does. */
    bool says = m->index.first_row == 0 && !b->cipher;
    bool ok = seal_member(sealer, m, says ? buf_str(&b->comment) : NULL, b->cipher, err);
    sealer_return(b->archiver, sealer, seconds_since(start));
    return ok;
}

static void seal_drop(void *item, void *state)
{
    struct batch *b = state;

    member_return(b->archiver, item);
}

/* --- the writer's part: hash and store, in order --- */

static bool manifest_add(struct batch *b, const struct buf *bytes, struct err *err)
{
    struct buf sealed = BUF_INIT;

    if (!b->cipher)
        return store_put_add(b->manifest, bytes->data, bytes->len, err);
    bool ok = blocks_seal(b->cipher, &b->manifest_block, bytes->data, bytes->len, &sealed, err) &&
              store_put_add(b->manifest, buf_str(&sealed), sealed.len, err);
    buf_done(&sealed);
    return ok;
}

/* What an encrypted object says in the clear: whose it is. */
static bool data_head(struct batch *b, struct err *err)
{
    struct buf head = BUF_INIT;

    if (!b->cipher)
        return true;
    seal_head(buf_str(&b->comment), &head);
    text_digest_add(b->object_digest, head.data, head.len);
    bool ok = store_put_add(b->data, head.data, head.len, err);
    b->object_bytes = b->head_bytes = head.len;
    buf_done(&head);
    return ok;
}

static bool writer_open(struct batch *b, struct err *err)
{
    struct archiver *a = b->archiver;
    struct store_put_params data = {.key = buf_str(&b->data_key),
                                    .content_type = "application/x-ndjson"};
    struct store_put_params manifest = {.key = buf_str(&b->manifest_key),
                                        .content_type = "application/json",
                                        .about = true};
    struct buf head = BUF_INIT;

    if (!fault_point("put.data", err))
        return false;
    b->data = store_put(a->params.store, &data, err);
    if (!b->data)
        return false;
    b->manifest = store_put(a->params.store, &manifest, err);
    if (!b->manifest)
        return false;
    struct manifest_head h = {.database = a->params.database->name,
                              .schema = a->params.table->schema,
                              .table = a->params.table->name,
                              .run_id = a->params.run_id,
                              .batch_id = b->batch_id,
                              .batch_number = b->number,
                              .shape = a->params.info->shape,
                              .deleted_at = buf_str(&b->archived_at)};
    manifest_head(&h, &head);
    bool ok = data_head(b, err) && manifest_add(b, &head, err);
    buf_done(&head);
    return ok;
}

static void writer_remember(struct batch *b, struct member *m)
{
    if (b->member_count == b->member_cap) {
        b->member_cap = b->member_cap ? b->member_cap * 2 : 64;
        b->members = mem_grow(b->members, b->member_cap * sizeof(*b->members));
    }
    b->members[b->member_count] = m->index;
    b->members[b->member_count++].offset = b->object_bytes;
    m->index.min_key = m->index.max_key = NULL; /* the batch's index has them now */
}

static bool writer_add(struct batch *b, struct member *m, struct buf *keys, struct err *err)
{
    int64_t start = text_monotonic_us();
    bool first = !b->data;

    if (first && !writer_open(b, err))
        return false;
    text_digest_add(b->lines_digest, m->lines.data, m->lines.len);
    text_digest_add(b->object_digest, m->sealed.data, m->sealed.len);
    if (!store_put_add(b->data, m->sealed.data, m->sealed.len, err))
        return false;
    buf_reset(keys);
    manifest_keys(keys, &m->keys, first);
    if (!manifest_add(b, keys, err))
        return false;
    writer_remember(b, m);
    b->object_bytes += m->sealed.len;
    b->line_bytes += m->lines.len;
    b->rows_written += m->index.rows;
    b->upload_seconds += seconds_since(start);
    return true;
}

static void *writer_main(void *arg)
{
    struct batch *b = arg;
    struct buf keys = BUF_INIT;
    void *item = NULL;

    pthread_setname_np(pthread_self(), "writer");
    while (lane_take(b->lane, &item, &b->writer_err) && item) {
        struct member *m = item;
        bool ok = writer_add(b, m, &keys, &b->writer_err);
        member_return(b->archiver, m);
        if (!ok) {
            lane_cancel(b->lane, &b->writer_err);
            break;
        }
    }
    buf_done(&keys);
    return NULL;
}

/* --- the table worker's part --- */

static void show(struct batch *b, struct progress_news news)
{
    news.table = b->archiver->params.number;
    progress_tell(b->archiver->params.progress, &news);
}

static void show_phase(struct batch *b, const char *phase)
{
    show(b, (struct progress_news){.phase = phase});
}

static void show_rows(struct batch *b)
{
    show(b, (struct progress_news){.rows = b->rows_encoded - b->rows_shown});
    b->rows_shown = b->rows_encoded;
}

/* `whole`: it takes as long as a leaf takes; only its statements are bounded. */
static bool begin_statements(const struct archive_params *p, struct conn *conn, bool whole,
                             struct err *err)
{
    const struct config_settings *s = &p->table->settings;
    struct buf sql = BUF_INIT;

    if (!fault_point("archive.begin", err))
        return false;
    buf_addf(&sql,
             "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;"
             "SET LOCAL lock_timeout = '%" PRId64 "s';"
             "SET LOCAL statement_timeout = '%" PRId64 "min';"
             "SET LOCAL idle_in_transaction_session_timeout = '%" PRId64 "min'",
             s->lock_timeout_seconds, s->transaction_timeout_minutes,
             s->transaction_timeout_minutes);
    if (!whole && conn_server(conn)->version_num >= 170000)
        buf_addf(&sql, ";SET LOCAL transaction_timeout = '%" PRId64 "min'",
                 s->transaction_timeout_minutes);
    bool ok = conn_exec(conn, buf_str(&sql), err);
    buf_done(&sql);
    return ok;
}

bool archive_begin(const struct archive_params *params, struct conn *conn,
                   const struct introspect_leaf *leaf, bool whole, struct archive_transaction *ret,
                   struct err *err)
{
    PGresult *result = NULL;
    bool ok = false;

    if (!begin_statements(params, conn, whole, err))
        return false;
    /* At least `on`: an answered COMMIT must survive a crash of the server; stronger settings stay.
     */
    result = conn_query(conn,
                        "SELECT txid_current(), clock_timestamp(),"
                        " set_config('synchronous_commit', CASE WHEN"
                        " current_setting('synchronous_commit') IN ('off', 'local') THEN 'on'"
                        " ELSE current_setting('synchronous_commit') END, true)",
                        0, NULL, err);
    if (!result)
        goto out;
    ret->txid = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    if (!text_to_time(PQgetvalue(result, 0, 1), strlen(PQgetvalue(result, 0, 1)), &ret->began_us)) {
        err_set(err, ERR_DATABASE, "cannot read the server's clock");
        err_why(err, "it says %s", PQgetvalue(result, 0, 1));
        goto out;
    }
    ok = introspect_freeze(conn, params->info, leaf, err) && fault_point("archive.txid", err);
out:
    PQclear(result);
    return ok;
}

static bool begin(struct batch *b, struct err *err)
{
    if (!b->part) {
        bool ok =
            archive_begin(&b->archiver->params, b->conn, b->leaf, false, &b->transaction, err);
        if (!ok)
            return false;
    }
    move(b, OPEN);
    text_add_time(&b->archived_at, b->transaction.began_us);
    return true;
}

/* Names: stem, keys, batch id, and what the data object says of itself. */
static void name_batch(struct batch *b)
{
    struct archiver *a = b->archiver;
    const struct conn_server *server = conn_server(b->conn);
    const char *suffix = packing_suffix(packing_in(a), keyring_id(a->params.keyring) != NULL);
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
    show(b, (struct progress_news){.object = buf_str(&b->data_key)});
    buf_addf(&b->comment, "archiver-tui 3 cluster=%s txid=%" PRIu64 " run=%s batch=%s",
             server->system_identifier, b->transaction.txid, a->params.run_id, b->batch_id);
    buf_done(&seed);
}

static bool prepare(struct batch *b, struct err *err)
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
                               .work = seal_work,
                               .drop = seal_drop,
                               .state = b};
    b->lane = lane_new(&lane);
    int rc = pthread_create(&b->writer, NULL, writer_main, b);
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
        *member = member_borrow(a);
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

static bool stream(struct batch *b, const char *copy_sql, struct err *err)
{
    struct export *export = export_open(b->conn, copy_sql, b->archiver->params.stop, err);
    struct member *member = NULL;
    bool ok = false;

    if (!export)
        return false;
    show_phase(b, "archive");
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
            b->encode_seconds += seconds_since(t1) * weight;
    }
    ok = (!member || hand_over(b, &member, err)) && export_end(export, &b->rows_copied, err) &&
         fault_point("archive.encoded", err);
out:
    member_return(b->archiver, member);
    export_close(export);
    return ok;
}

/* Ends the writer; its error is the first one where it has any. */
static bool join_writer(struct batch *b, bool ok, struct err *err)
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

static bool counts_agree(const struct batch *b, struct err *err)
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

static bool put_data(struct batch *b, struct err *err)
{
    struct store_object object;
    struct store_put *put = b->data;
    int64_t start = text_monotonic_us();

    b->data = NULL;
    if (!store_put_end(put, &object, err))
        return false;
    b->data_stored = true;
    b->verify_seconds += seconds_since(start);
    if (object.size != b->object_bytes) {
        err_set(err, ERR_STORE, "the store holds another size than it was sent");
        return err_why(err, "%" PRIu64 " bytes instead of %" PRIu64, object.size, b->object_bytes);
    }
    move(b, STORED);
    return fault_point("put.data.done", err);
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
        .packing = packing_in(b->archiver),
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

/* Before the metadata: where that is, the data can be opened. */
static bool put_envelope(struct batch *b, struct err *err)
{
    const struct archive_params *p = &b->archiver->params;

    if (!b->cipher)
        return true;
    b->envelope_stored = fault_point("put.envelope", err) &&
                         keyring_seal(p->keyring, p->store, buf_str(&b->data_key), b->cipher, err);
    return b->envelope_stored && fault_point("put.envelope.done", err);
}

static bool put_metadata(struct batch *b, struct metadata *metadata, struct err *err)
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

static bool put_manifest(struct batch *b, struct err *err)
{
    struct buf tail = BUF_INIT;
    bool ok;

    manifest_tail(b->rows_written, &tail);
    ok = fault_point("put.manifest", err) && manifest_add(b, &tail, err);
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

/* What COMMIT came to. The tag counts: a failed transaction answers COMMIT with ROLLBACK, without
 * an error. */
static enum archive_commit commit_answer(PGconn *pg, PGresult *result, struct err *err)
{
    if (result && PQresultStatus(result) == PGRES_COMMAND_OK &&
        strcmp(PQcmdStatus(result), "COMMIT") == 0)
        return COMMIT_DONE;
    if (PQstatus(pg) == CONNECTION_OK && result) {
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            err_set(err, ERR_DATABASE, "the server rolled the batch back instead of committing it");
        else
            err_pg(err, pg, result, "COMMIT failed");
        return COMMIT_REFUSED;
    }
    err_pg(err, pg, result, "COMMIT was not answered");
    return COMMIT_UNANSWERED;
}

enum archive_commit archive_commit(struct conn *conn, struct err *err)
{
    PGconn *pg = conn_pg(conn);
    PGresult *result = NULL, *next;

    if (!fault_point("archive.before_commit", err))
        return COMMIT_UNSENT;
    if (fault_is("archive.commit_lost", "unsent"))
        shutdown(PQsocket(pg), SHUT_RDWR);
    int sent = PQsendQuery(pg, "COMMIT");
    if (fault_is("archive.commit_lost", "lost")) {
        PQflush(pg);
        poll(NULL, 0, 200); /* long enough for the server to have committed */
        shutdown(PQsocket(pg), SHUT_RDWR);
    }
    struct err ignored;
    if (!fault_point("archive.commit_sent", &ignored))
        shutdown(PQsocket(pg), SHUT_RDWR);
    while (sent && (next = PQgetResult(pg))) {
        PQclear(result);
        result = next;
    }
    enum archive_commit answer = commit_answer(pg, result, err);
    PQclear(result);
    return answer;
}

static bool commit(struct batch *b, struct err *err)
{
    static const enum state next[] = {
        [COMMIT_DONE] = COMMITTED, [COMMIT_REFUSED] = UNDONE, [COMMIT_UNANSWERED] = UNKNOWN};
    enum archive_commit answer = archive_commit(b->conn, err);

    if (answer != COMMIT_UNSENT)
        move(b, next[answer]);
    return answer == COMMIT_DONE;
}

static bool add_to_catalog(struct archiver *a, const struct catalog_entry *entry, struct err *err)
{
    pthread_mutex_lock(&a->settling);
    bool ok = catalog_settle(a->catalog, entry, err);
    pthread_mutex_unlock(&a->settling);
    return ok;
}

static bool settle(struct batch *b, const struct catalog_entry *entry, struct err *err)
{
    if (!fault_point("archive.committed", err) || !add_to_catalog(b->archiver, entry, err)) {
        /* The rows are safe in their object: only the line is missing, and recover writes it. */
        move(b, UNKNOWN);
        return err_hint(err, "the rows are archived; `archiver-tui recover` settles the batch");
    }
    move(b, SETTLED);
    return true;
}

static void remove_object(struct batch *b, const struct buf *key)
{
    struct err err;

    if (!store_remove(b->archiver->params.store, buf_str(key), &err))
        log_err(LOG_WARN, &err); /* recover will find it */
}

static void remove_envelope(struct batch *b)
{
    struct buf key = BUF_INIT;

    key_envelope(buf_str(&b->data_key), keyring_id(b->archiver->params.keyring), &key);
    remove_object(b, &key);
    buf_done(&key);
}

static void undo(struct batch *b)
{
    struct err ignored;

    if (!b->part && conn_alive(b->conn) && PQtransactionStatus(conn_pg(b->conn)) != PQTRANS_IDLE)
        conn_exec(b->conn, "ROLLBACK", &ignored);
    if (b->state != UNDONE)
        move(b, UNDONE);
    store_put_drop(b->data);
    store_put_drop(b->manifest);
    b->data = b->manifest = NULL;
    if (b->data_stored)
        remove_object(b, &b->data_key);
    if (b->manifest_stored)
        remove_object(b, &b->manifest_key);
    if (b->envelope_stored)
        remove_envelope(b);
    if (b->metadata_stored)
        remove_object(b, &b->metadata_key);
}

/* The rows stay in the table. A ROLLBACK that is not answered is one all the same. */
static bool end_spooled(struct batch *b, struct err *err)
{
    struct err ignored;

    conn_exec(b->conn, "ROLLBACK", &ignored);
    move(b, SPOOLED);
    return fault_point("spool.rolled_back", err);
}

/* What only an object in the making needs. */
static void forget_work(struct batch *b)
{
    lane_free(b->lane);
    encoder_free(b->encoder);
    text_digest_free(b->lines_digest);
    text_digest_free(b->object_digest);
    for (size_t i = 0; i < b->member_count; i++) {
        free(b->members[i].min_key);
        free(b->members[i].max_key);
    }
    free(b->members);
    buf_done(&b->sealed_index);
    b->lane = NULL;
    b->encoder = NULL;
    b->lines_digest = b->object_digest = NULL;
    b->members = NULL;
    b->member_count = b->member_cap = 0;
}

static void batch_done(struct batch *b)
{
    forget_work(b);
    cipher_free(b->cipher);
    struct buf *bufs[] = {&b->archived_at,   &b->stem,          &b->data_key,
                          &b->metadata_key,  &b->manifest_key,  &b->comment,
                          &b->min_timestamp, &b->max_timestamp, &b->ddl};
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        buf_done(bufs[i]);
}

static void add_phases(struct batch *b, double commit_seconds)
{
    struct archiver *a = b->archiver;
    double *phases = a->params.phases;

    pthread_mutex_lock(&a->lock);
    phases[PHASE_SELECT] += b->select_seconds;
    phases[PHASE_ENCODE] += b->encode_seconds;
    phases[PHASE_COMPRESS] += a->compress_seconds;
    phases[PHASE_UPLOAD] += b->upload_seconds;
    phases[PHASE_VERIFY] += b->verify_seconds;
    phases[PHASE_COMMIT] += commit_seconds;
    a->compress_seconds = 0;
    pthread_mutex_unlock(&a->lock);
}

/* OPEN to PROVED. */
static bool export_batch(struct batch *b, const struct archive_copy *copy,
                         struct metadata *metadata, struct err *err)
{
    const struct archive_witness *witness = b->archiver->params.witness;
    bool ok = begin(b, err) && prepare(b, err) && stream(b, copy->sql, err);

    if (ok && copy->streamed)
        copy->streamed(copy->state);
    ok = join_writer(b, ok, err);
    if (!ok || !counts_agree(b, err))
        return false;
    if (b->rows_encoded == 0)
        return true;
    if (witness && !witness->agrees(witness->state, err))
        return false;
    show_phase(b, "store");
    if (!put_data(b, err) || !put_envelope(b, err) || !put_metadata(b, metadata, err) ||
        !put_manifest(b, err))
        return false;
    move(b, PROVED);
    return true;
}

static bool run_batch(struct batch *b, const struct archive_copy *copy, struct archive_batch *ret,
                      struct err *err)
{
    struct metadata metadata;
    struct catalog_entry entry;

    if (!export_batch(b, copy, &metadata, err)) {
        undo(b);
        return false;
    }
    if (b->rows_encoded == 0) {
        undo(b);
        ret->outcome = ARCHIVE_EMPTY;
        return true;
    }
    if (b->archiver->params.into_spool)
        return end_spooled(b, err);
    show_phase(b, "commit");
    int64_t start = text_monotonic_us();
    if (!commit(b, err)) {
        if (b->state != UNKNOWN)
            undo(b);
        return false;
    }
    catalog_entry_from(&metadata, CATALOG_SETTLED, &entry);
    bool ok = settle(b, &entry, err);
    add_phases(b, seconds_since(start));
    return ok;
}

static struct batch new_batch(struct archiver *a, struct conn *conn,
                              const struct introspect_leaf *leaf)
{
    struct batch b = {
        .archiver = a, .conn = conn, .leaf = leaf, .min_us = INT64_MAX, .max_us = INT64_MIN};

    pthread_mutex_lock(&a->lock);
    b.number = ++a->batch_number;
    b.version = a->version;
    pthread_mutex_unlock(&a->lock);
    return b;
}

/* A taken name is tried again under the next version; a name once used is never used again. A
 * number that was not used goes to the next batch, unless another has one after it by now. */
static void next_name(const struct batch *b, bool used, const struct err *err)
{
    struct archiver *a = b->archiver;

    pthread_mutex_lock(&a->lock);
    if (used)
        a->version = 1;
    else if (err && err->kind == ERR_EXISTS && a->version < VERSIONS_MAX)
        a->version++;
    if (!used && a->batch_number == b->number)
        a->batch_number--;
    pthread_mutex_unlock(&a->lock);
}

static void describe(const struct batch *b, struct archive_batch *ret)
{
    ret->txid = b->transaction.txid;
    ret->rows = b->rows_encoded;
    ret->rows_shown = b->rows_shown;
    ret->bytes = b->object_bytes;
    ret->line_bytes = b->line_bytes;
    buf_reset(&ret->key);
    buf_add(&ret->key, buf_str(&b->data_key), b->data_key.len);
    buf_reset(&ret->max_timestamp);
    buf_add(&ret->max_timestamp, buf_str(&b->max_timestamp), b->max_timestamp.len);
}

bool archive_batch(struct archiver *a, struct conn *conn, const struct introspect_leaf *leaf,
                   const struct archive_copy *copy, struct archive_batch *ret, struct err *err)
{
    struct batch b = new_batch(a, conn, leaf);

    *ret = (struct archive_batch){.outcome = ARCHIVE_UNDONE};
    bool ok = run_batch(&b, copy, ret, err);
    if (b.state == SETTLED)
        ret->outcome = ARCHIVE_SETTLED;
    else if (b.state == UNKNOWN)
        ret->outcome = ARCHIVE_UNKNOWN;
    else if (b.state == SPOOLED)
        ret->outcome = ARCHIVE_SPOOLED;
    next_name(&b, b.state == SETTLED || b.state == UNKNOWN, ok ? NULL : err);
    describe(&b, ret);
    batch_done(&b);
    return ok;
}

void archive_batch_done(struct archive_batch *batch)
{
    buf_done(&batch->key);
    buf_done(&batch->max_timestamp);
}

/* --- several objects, one transaction --- */

struct archive_part {
    struct batch batch;
    struct arena *arena;
    struct catalog_entry entry; /* its texts in the arena: the members are not kept */
};

bool archive_part_prove(struct archiver *a, struct conn *conn, const struct introspect_leaf *leaf,
                        const struct archive_copy *copy, struct archive_part **ret, struct err *err)
{
    struct archive_part *part = mem_alloc(sizeof(*part));
    struct batch *b = &part->batch;
    struct metadata metadata;

    *ret = NULL;
    *b = new_batch(a, conn, leaf);
    b->part = true;
    b->transaction = *copy->transaction;
    bool ok = export_batch(b, copy, &metadata, err);
    next_name(b, ok && b->rows_encoded > 0, ok ? NULL : err);
    if (!ok || b->rows_encoded == 0) {
        show(b, (struct progress_news){.rows = -b->rows_shown});
        undo(b);
        archive_part_free(part);
        return ok;
    }
    part->arena = arena_new();
    catalog_entry_from(&metadata, CATALOG_SETTLED, &part->entry);
    catalog_entry_keep(&part->entry, part->arena);
    forget_work(b);
    add_phases(b, 0);
    *ret = part;
    return true;
}

void archive_part_describe(const struct archive_part *part, struct archive_batch *ret)
{
    describe(&part->batch, ret);
}

void archive_part_undo(struct archive_part *part)
{
    undo(&part->batch);
}

bool archive_part_end(struct archive_part *part, bool committed, struct err *err)
{
    if (!committed) {
        move(&part->batch, UNKNOWN);
        return true;
    }
    move(&part->batch, COMMITTED);
    return settle(&part->batch, &part->entry, err);
}

void archive_part_free(struct archive_part *part)
{
    if (!part)
        return;
    batch_done(&part->batch);
    arena_free(part->arena);
    free(part);
}

/* A foreign key that deletes or changes other tables' rows along with ours would lose what is in no
 * archive. */
static bool refuse_cascades(const struct introspect_table *info, struct err *err)
{
    if (info->cascades == 0)
        return true;
    err_set(err, ERR_PREFLIGHT, "deleting its rows would delete or change rows of other tables");
    err_why(err, "foreign keys with ON DELETE CASCADE or SET: %s", info->cascades_text);
    return err_hint(err, "archive those tables first, or make the keys NO ACTION");
}

bool archive_allowed(const struct introspect_table *info, const struct config_table *table,
                     const struct conn *conn, struct err *err)
{
    if (!info->can_select || !info->can_delete) {
        err_set(err, ERR_PERMISSION, "no right to %s", info->can_select ? "delete" : "read");
        return err_hint(err, "GRANT SELECT, DELETE ON \"%s\".\"%s\" TO \"%s\"", table->schema,
                        table->name, conn_server(conn)->user);
    }
    if (info->row_security) {
        err_set(err, ERR_PREFLIGHT, "row security hides rows from this role");
        return err_hint(err, "use a role with BYPASSRLS, or the table's owner");
    }
    return refuse_cascades(info, err);
}

struct archiver *archiver_new(const struct archive_params *params, struct err *err)
{
    struct archiver *a = mem_alloc(sizeof(*a));

    (void)err;
    a->params = *params;
    a->version = 1;
    a->key_table = (struct key_table){.prefix = params->config->s3.prefix,
                                      .database = params->database->name,
                                      .schema = params->table->schema,
                                      .table = params->table->name};
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->settling, NULL);
    a->catalog = catalog_writer_new(params->store, &a->key_table, params->run_id, text_now_us());
    return a;
}

void archiver_phases(struct archiver *a, double ret[PHASE_COUNT])
{
    pthread_mutex_lock(&a->lock);
    memcpy(ret, a->params.phases, PHASE_COUNT * sizeof(*ret));
    pthread_mutex_unlock(&a->lock);
}

void archiver_free(struct archiver *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->spare_count; i++)
        member_free(a->spare[i]);
    for (size_t i = 0; i < a->sealer_count; i++)
        sealer_free(a->sealers[i]);
    free(a->spare);
    free(a->sealers);
    catalog_writer_free(a->catalog);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->settling);
    free(a);
}
