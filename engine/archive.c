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
#include "archive_part.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"

#define VERSIONS_MAX 100

double batch_seconds_since(int64_t start_us)
{
    return (double)(text_monotonic_us() - start_us) / 1e6;
}

static void move(struct batch *b, enum batch_state to)
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

void batch_show(struct batch *b, struct progress_news news)
{
    news.table = b->archiver->params.number;
    progress_tell(b->archiver->params.progress, &news);
}

void batch_show_phase(struct batch *b, const char *phase)
{
    batch_show(b, (struct progress_news){.phase = phase});
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
    static const enum batch_state next[] = {
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
    bool ok = begin(b, err) && batch_prepare(b, err) && batch_stream(b, copy->sql, err);

    if (ok && copy->streamed)
        copy->streamed(copy->state);
    ok = batch_join_writer(b, ok, err);
    if (!ok || !batch_counts_agree(b, err))
        return false;
    if (b->rows_encoded == 0)
        return true;
    if (witness && !witness->agrees(witness->state, err))
        return false;
    batch_show_phase(b, "store");
    if (!batch_put_data(b, err))
        return false;
    move(b, STORED);
    if (!fault_point("put.data.done", err) || !batch_put_envelope(b, err) ||
        !batch_put_metadata(b, metadata, err) || !batch_put_manifest(b, err))
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
    batch_show_phase(b, "commit");
    int64_t start = text_monotonic_us();
    if (!commit(b, err)) {
        if (b->state != UNKNOWN)
            undo(b);
        return false;
    }
    catalog_entry_from(&metadata, CATALOG_SETTLED, &entry);
    bool ok = settle(b, &entry, err);
    add_phases(b, batch_seconds_since(start));
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
        batch_show(b, (struct progress_news){.rows = -b->rows_shown});
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
    archiver_spares_free(a);
    catalog_writer_free(a->catalog);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->settling);
    free(a);
}
