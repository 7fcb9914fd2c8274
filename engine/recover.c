/* SPDX-License-Identifier: PostgreSQL
 *
 * Decides by evidence only, in the order of recover.h.
 */
#include "recover.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "evidence.h"
#include "failover.h"
#include "leftover.h"
#include "member/open.h"
#include "postgres/aside.h"
#include "postgres/introspect.h"
#include "postgres/lock.h"
#include "rebuild.h"
#include "runs.h"
#include "targets.h"

/* Enough of an object to hold the gzip header with our comment. */
#define HEAD_BYTES 1024

/* One batch, as listed. */
struct found {
    struct leftover batch;
    bool by_keys; /* its transaction cannot be asked: decided after all that can */
    bool gone;    /* removed in this pass */
    bool settled; /* in this pass */
    /* From its metadata; unknown bounds are as wide as they can be. */
    int64_t archived_us, min_us, max_us;
};

struct recovery {
    const struct recover_target *target;
    struct conn *conn;
    struct store *store;
    struct recover_report *report;
    struct key_table key_table;
    struct catalog *catalog;
    struct catalog_writer *writer;
    struct introspect_table *info; /* asked for when keys have to be looked up */
    struct found *found;
    size_t found_count;
};

const char *recover_verdict_name(enum recover_verdict verdict)
{
    static const char *const names[] = {"settled", "removed", "in_progress", "undecided",
                                        "undone",  "pending", "foreign"};

    return names[verdict];
}

void recover_note(struct recover_report *report, const char *key, enum recover_verdict verdict,
                  const char *detail)
{
    report->batches = mem_grow(report->batches, (report->count + 1) * sizeof(*report->batches));
    struct recover_batch *b = &report->batches[report->count++];
    *b = (struct recover_batch){.key = mem_strdup(key), .verdict = verdict};
    snprintf(b->detail, sizeof(b->detail), "%s", detail);
    report->settled += verdict == RECOVER_SETTLED;
    report->removed += verdict == RECOVER_REMOVED || verdict == RECOVER_UNDONE;
    report->left += verdict == RECOVER_IN_PROGRESS || verdict == RECOVER_UNDECIDED ||
                    verdict == RECOVER_PENDING || verdict == RECOVER_FOREIGN;
}

static void note(struct recovery *r, const char *key, enum recover_verdict verdict,
                 const char *detail)
{
    recover_note(r->report, key, verdict, detail);
}

/* --- what is there --- */

static bool is_settled(const struct recovery *r, const struct found *f)
{
    const struct catalog_entry *entry =
        f->batch.data_key ? catalog_find(r->catalog, f->batch.data_key) : NULL;
    struct buf key = BUF_INIT;

    for (size_t i = 0; !f->batch.data_key && !entry && key_data_suffix(i); i++) {
        key_of(f->batch.stem, KEY_DATA, key_data_suffix(i), &key);
        entry = catalog_find(r->catalog, buf_str(&key));
    }
    buf_done(&key);
    return catalog_is_settled(entry);
}

/* All objects of the one found last are known; of the very many that are settled none is kept. */
static void close_last(struct recovery *r)
{
    if (r->found_count == 0 || !is_settled(r, &r->found[r->found_count - 1]))
        return;
    leftover_done(&r->found[--r->found_count].batch);
}

static struct found *found_for(struct recovery *r, const char *key, size_t stem_len)
{
    /* Keys come in order, so the objects of one batch follow each other. */
    if (r->found_count > 0) {
        struct found *last = &r->found[r->found_count - 1];
        if (strncmp(last->batch.stem, key, stem_len) == 0 && last->batch.stem[stem_len] == '\0')
            return last;
    }
    close_last(r);
    r->found = mem_grow(r->found, (r->found_count + 1) * sizeof(*r->found));
    struct found *f = &r->found[r->found_count++];
    *f = (struct found){.batch.stem = mem_printf("%.*s", (int)stem_len, key),
                        .min_us = INT64_MIN,
                        .max_us = INT64_MAX};
    return f;
}

static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct recovery *r = state;
    size_t stem_len;
    enum key_kind kind = key_kind(object->key, &stem_len);

    (void)err;
    if (kind == KEY_OTHER)
        return true;
    struct found *f = found_for(r, object->key, stem_len);
    if (kind == KEY_DATA) {
        f->batch.data_key = mem_strdup(object->key);
    } else if (kind == KEY_METADATA) {
        f->batch.metadata_key = mem_strdup(object->key);
    } else if (kind == KEY_MANIFEST) {
        f->batch.manifest_key = mem_strdup(object->key);
    } else {
        leftover_add_envelope(&f->batch, object->key);
    }
    return true;
}

/* --- acting on a verdict --- */

static bool remove_batch(struct recovery *r, struct found *f, enum recover_verdict verdict,
                         const char *why, struct err *err)
{
    if (r->target->rebuild) {
        note(r, leftover_name(&f->batch), RECOVER_PENDING, why);
        return true;
    }
    if (!leftover_remove(&f->batch, r->store, err))
        return false;
    f->gone = true;
    note(r, leftover_name(&f->batch), verdict, why);
    return true;
}

static bool settle_batch(struct recovery *r, struct found *f, const struct metadata *metadata,
                         const char *why, struct err *err)
{
    struct catalog_entry entry;

    if (!f->batch.data_key || f->batch.data_bytes != metadata->object_bytes) {
        note(
            r, leftover_name(&f->batch), RECOVER_UNDECIDED,
            f->batch.data_key
                ? "committed, but the data object has another size than its metadata says: "
                  "look for another version of it in the bucket"
                : "committed, but the data object is gone: look for a version of it in the bucket");
        return true;
    }
    catalog_entry_from(metadata, CATALOG_SETTLED, &entry);
    /* Settled from here on under the timeline that vouched for it. */
    entry.timeline = conn_server(r->conn)->timeline;
    if (!fault_point("recover.settle", err) || !catalog_settle(r->writer, &entry, err))
        return false;
    f->settled = true;
    note(r, f->batch.data_key, RECOVER_SETTLED, why);
    return true;
}

static bool evidence_of(struct recovery *r, const struct manifest_source *manifest,
                        uint64_t records, struct evidence_params *ret_params, struct err *err)
{
    if (!r->info)
        r->info = introspect_table(r->conn, r->target->table, err);
    *ret_params = (struct evidence_params){.conn = r->conn,
                                           .info = r->info,
                                           .manifest = *manifest,
                                           .records = records};
    return r->info != NULL;
}

/* What cannot be read is no reason to stop, but to leave the batch to people. */
static bool leave_unreadable(struct recovery *r, const char *key, const struct err *err)
{
    struct buf detail = BUF_INIT;

    if (err->kind == ERR_NETWORK || err->kind == ERR_INTERRUPTED)
        return false;
    buf_adds(&detail, err->what);
    if (*err->hint)
        buf_addf(&detail, " (%s)", err->hint);
    note(r, key, RECOVER_UNDECIDED, buf_str(&detail));
    buf_done(&detail);
    return true;
}

/* Does the manifest of another batch hold one of the keys? */
static bool shares_with(struct recovery *r, const struct evidence_keys *keys,
                        const char *manifest_key, bool *ret_shared, struct err *err)
{
    bool encrypted;
    struct cipher *cipher =
        keyring_cipher(r->target->keyring, r->store, manifest_key, &encrypted, err);
    struct manifest_source other = {.store = r->store, .key = manifest_key, .cipher = cipher};
    bool ok = (cipher || !encrypted) && evidence_keys_shared(keys, &other, ret_shared, err);

    cipher_free(cipher);
    return ok;
}

/* Can one of the batches listed hold rows of another at all? Not when it was settled before the
 * other was begun, and not when their timestamps are apart. */
static bool may_share(const struct found *other, const struct found *f)
{
    if (other->settled && other->archived_us < f->archived_us)
        return false;
    return other->min_us <= f->max_us && f->min_us <= other->max_us;
}

/* Does another batch, settled or not, hold one of the keys? *ret_other is its stem or key. */
static bool find_sharing(struct recovery *r, const struct found *f, const struct metadata *metadata,
                         const char **ret_other, struct err *err)
{
    struct manifest_source own = {.store = r->store,
                                  .key = f->batch.manifest_key,
                                  .cipher = metadata->cipher};
    struct evidence_keys *keys = evidence_keys_load(&own, err);
    struct buf manifest = BUF_INIT;
    bool ok = keys != NULL, shared = false;

    *ret_other = NULL;
    for (size_t i = 0; ok && !*ret_other && i < r->catalog->count; i++) {
        const struct catalog_entry *entry = &r->catalog->entries[i];
        if (!evidence_may_share(entry, metadata))
            continue;
        ok = key_sibling(entry->key, KEY_MANIFEST, NULL, &manifest) &&
             shares_with(r, keys, buf_str(&manifest), &shared, err);
        *ret_other = shared ? entry->key : NULL;
    }
    for (size_t i = 0; ok && !*ret_other && i < r->found_count; i++) {
        const struct found *other = &r->found[i];
        if (other == f || other->gone || !other->batch.manifest_key || !may_share(other, f))
            continue;
        ok = shares_with(r, keys, other->batch.manifest_key, &shared, err);
        *ret_other = shared ? other->batch.stem : NULL;
    }
    evidence_keys_free(keys);
    buf_done(&manifest);
    return ok;
}

/* None of its keys in the table is what a committed batch leaves behind, and also one that was
 * rolled back and whose rows another batch has taken since. */
static bool settle_by_keys(struct recovery *r, struct found *f, const struct metadata *metadata,
                           struct err *err)
{
    const char *key = leftover_name(&f->batch);
    const char *other;
    char detail[200];

    if (!find_sharing(r, f, metadata, &other, err))
        return leave_unreadable(r, key, err);
    if (!other)
        return settle_batch(r, f, metadata, "none of its keys is in the table", err);
    snprintf(detail, sizeof(detail), "its rows are in %s too: compare by hand", other);
    note(r, key, RECOVER_UNDECIDED, detail);
    return true;
}

/* committed, aborted, in progress, or "" where the server cannot tell. */
static bool ask_txid(struct recovery *r, uint64_t txid, struct buf *ret_status, struct err *err)
{
    char number[24];
    bool found;

    snprintf(number, sizeof(number), "%" PRIu64, txid);
    /* A number from the future is an error to txid_status: it is not known, then. */
    return conn_value(r->conn,
                      "SELECT CASE WHEN $1::bigint < txid_snapshot_xmax(txid_current_snapshot())"
                      " THEN txid_status($1::bigint) ELSE '' END",
                      1, (const char *const[]){number}, ret_status, &found, err);
}

/* Keys of a cluster that cannot be told from another count only where its transaction says the
 * same: rows of another one that happen to have them do not take a batch away. */
static bool txid_agrees(struct recovery *r, const struct metadata *metadata,
                        enum evidence_answer answer, bool *ret_agrees, struct err *err)
{
    struct buf status = BUF_INIT;
    bool ok = ask_txid(r, metadata->txid, &status, err);
    bool aborted = strcmp(buf_str(&status), "aborted") == 0;

    *ret_agrees =
        answer == EVIDENCE_ALL ? aborted : !aborted && strcmp(buf_str(&status), "in progress") != 0;
    buf_done(&status);
    return ok;
}

/* Who rebuilds the catalog meets batches whose rows a restore brought back long ago. Only what was
 * archived is restored, so the ledger's line proves the batch. */
static bool settle_restored(struct recovery *r, struct found *f, const struct metadata *metadata,
                            bool *ret_done, struct err *err)
{
    *ret_done = false;
    if (!r->target->rebuild || !f->batch.data_key)
        return true;
    if (!evidence_restored(r->conn, r->info->shape, f->batch.data_key, ret_done, err))
        return false;
    return !*ret_done || settle_batch(r, f, metadata, "a restore brought its rows back", err);
}

static bool decide_by_keys(struct recovery *r, struct found *f, struct metadata *metadata,
                           struct err *err)
{
    const char *key = leftover_name(&f->batch);
    struct manifest_source manifest = {.store = r->store, .key = f->batch.manifest_key};
    struct evidence_params evidence;
    enum evidence_answer answer;
    bool restored;

    if (!keyring_open(r->target->keyring, r->store, f->batch.stem, metadata, err))
        return leave_unreadable(r, key, err);
    manifest.cipher = metadata->cipher;
    if (!evidence_of(r, &manifest, metadata->record_count, &evidence, err) ||
        !evidence_in_table(&evidence, &answer, err))
        return leave_unreadable(r, key, err);
    if (!settle_restored(r, f, metadata, &restored, err))
        return false;
    if (restored)
        return true;
    bool agrees = true;
    if ((answer == EVIDENCE_ALL || answer == EVIDENCE_NONE) &&
        evidence_cluster_unknown(r->conn, metadata->system_identifier) &&
        !txid_agrees(r, metadata, answer, &agrees, err))
        return false;
    if (!agrees) {
        note(r, key, RECOVER_UNDECIDED,
             "its keys and its transaction say different things, and the role may not ask which "
             "cluster this is: GRANT EXECUTE ON FUNCTION pg_control_system(), compare by hand");
        return true;
    }
    switch (answer) {
    case EVIDENCE_NONE:
        return settle_by_keys(r, f, metadata, err);
    case EVIDENCE_ALL:
        return remove_batch(r, f, RECOVER_REMOVED, "all of its keys are in the table", err);
    case EVIDENCE_SOME:
        note(r, key, RECOVER_UNDECIDED,
             "some of its keys are in the table and some are not: compare by hand, nothing was "
             "touched");
        return true;
    default:
        note(r, key, RECOVER_UNDECIDED,
             "its transaction is not known any more and there is no key or manifest to look rows "
             "up by");
        return true;
    }
}

static bool decide_by_txid(struct recovery *r, struct found *f, const struct metadata *metadata,
                           struct err *err)
{
    struct buf status = BUF_INIT;
    bool ok = ask_txid(r, metadata->txid, &status, err);

    if (!ok)
        goto out;
    if (strcmp(buf_str(&status), "committed") == 0)
        ok = settle_batch(r, f, metadata, "its transaction committed", err);
    else if (strcmp(buf_str(&status), "aborted") == 0)
        ok = remove_batch(r, f, RECOVER_REMOVED, "its transaction was rolled back", err);
    else if (strcmp(buf_str(&status), "in progress") == 0)
        note(r, leftover_name(&f->batch), RECOVER_IN_PROGRESS,
             "its transaction is still in progress: run recover again when it has ended");
    else
        f->by_keys = true;
out:
    buf_done(&status);
    return ok;
}

/* What the first bytes of a data object say of it: "archiver-tui 3 cluster=N txid=N ...". */
static bool read_origin(struct recovery *r, const struct found *f, struct buf *ret_cluster,
                        uint64_t *ret_txid, bool *ret_ours, struct err *err)
{
    static const char mark[] = "archiver-tui 3 cluster=";
    struct buf head = BUF_INIT, comment = BUF_INIT;
    uint64_t want = f->batch.data_bytes < HEAD_BYTES ? f->batch.data_bytes : HEAD_BYTES;
    bool ok = store_get(r->store, f->batch.data_key, 0, want, &head, err);

    *ret_ours = ok && open_comment(head.data, head.len, &comment) &&
                comment.len >= sizeof(mark) - 1 &&
                memcmp(comment.data, mark, sizeof(mark) - 1) == 0;
    if (*ret_ours) {
        const char *cluster = comment.data + sizeof(mark) - 1;
        const char *txid = strstr(cluster, " txid=");
        buf_add(ret_cluster, cluster, strcspn(cluster, " "));
        *ret_txid = txid ? strtoull(txid + 6, NULL, 10) : 0;
    }
    buf_done(&head);
    buf_done(&comment);
    return ok;
}

/* Data without metadata: ours when its own first bytes say this cluster wrote it. */
static bool decide_without_metadata(struct recovery *r, struct found *f, struct err *err)
{
    struct buf cluster = BUF_INIT, status = BUF_INIT;
    uint64_t txid = 0;
    bool ours;
    bool ok = read_origin(r, f, &cluster, &txid, &ours, err);

    if (!ok || !ours)
        goto out;
    if (evidence_cluster_unknown(r->conn, buf_str(&cluster))) {
        /* Perhaps of a run that is at work on another cluster: its lock is not to be seen here. */
        ok = ask_txid(r, txid, &status, err);
        ours = strcmp(buf_str(&status), "aborted") == 0;
    } else {
        ours = strcmp(buf_str(&cluster), conn_server(r->conn)->system_identifier) == 0;
    }
    if (ok && ours)
        ok = remove_batch(r, f, RECOVER_REMOVED, "COMMIT was never sent: it has no metadata", err);
out:
    buf_done(&cluster);
    buf_done(&status);
    return ok;
}

static bool is_gone(struct recovery *r, const char *key, bool *ret_gone, struct err *err)
{
    struct store_object object;

    *ret_gone = !store_head(r->store, key, &object, err);
    return !*ret_gone || err->kind == ERR_NOT_FOUND;
}

static bool metadata_is_gone(struct recovery *r, const char *key, bool *ret_gone, struct err *err)
{
    struct buf metadata = BUF_INIT;

    key_sibling(key, KEY_METADATA, NULL, &metadata);
    bool ok = is_gone(r, buf_str(&metadata), ret_gone, err);
    buf_done(&metadata);
    return ok;
}

/* Neither a manifest's key nor an envelope's says how the data is packed. */
static bool data_is_gone(struct recovery *r, const char *key, bool *ret_gone, struct err *err)
{
    struct buf data = BUF_INIT;
    bool ok = true;

    *ret_gone = true;
    for (size_t i = 0; ok && *ret_gone && key_data_suffix(i); i++) {
        key_sibling(key, KEY_DATA, key_data_suffix(i), &data);
        ok = is_gone(r, buf_str(&data), ret_gone, err);
    }
    buf_done(&data);
    return ok;
}

/* The manifest is put last, so one alone belongs to nothing: its PUT was on the way when its sender
 * died, and arrived after the rest was removed; an envelope's likewise. Asked again, since the
 * listing is older. */
static bool remove_alone(struct recovery *r, struct found *f, struct err *err)
{
    const char *key = f->batch.manifest_key ? f->batch.manifest_key : f->batch.envelopes[0];
    bool data_gone = false, metadata_gone = false;

    if (!data_is_gone(r, key, &data_gone, err) || !metadata_is_gone(r, key, &metadata_gone, err))
        return false;
    if (!data_gone || !metadata_gone)
        return true;
    return remove_batch(r, f, RECOVER_REMOVED,
                        f->batch.manifest_key ? "a manifest without data and metadata"
                                              : "a wrapped data key without data and metadata",
                        err);
}

/* What find_sharing needs to know of each; also of those that are decided before. */
static void take_bounds(struct found *f, const struct metadata *metadata)
{
    text_to_time(metadata->archived_at, strlen(metadata->archived_at), &f->archived_us);
    if (metadata->min_us <= metadata->max_us) {
        f->min_us = metadata->min_us;
        f->max_us = metadata->max_us;
    }
}

static void note_foreign(struct recovery *r, const struct found *f, const struct metadata *metadata)
{
    if (r->target->rebuild && strcmp(metadata->version, "3") == 0)
        note(r, leftover_name(&f->batch), RECOVER_FOREIGN,
             "another PostgreSQL cluster deleted its rows: only that one can prove it");
}

/* Of the few that are to be decided only: a listing with sizes looks at each file of a directory.
 */
static bool read_size(const struct recovery *r, struct found *f, struct err *err)
{
    struct store_object object;

    if (!f->batch.data_key)
        return true;
    if (store_head(r->store, f->batch.data_key, &object, err)) {
        f->batch.data_bytes = object.size;
        return true;
    }
    if (err->kind != ERR_NOT_FOUND)
        return false;
    free(f->batch.data_key);
    f->batch.data_key = NULL;
    return true;
}

static bool decide(struct recovery *r, struct found *f, struct err *err)
{
    const struct conn_server *server = conn_server(r->conn);

    if (!read_size(r, f, err))
        return false;
    if (!f->batch.metadata_key)
        return f->batch.data_key ? decide_without_metadata(r, f, err) : remove_alone(r, f, err);
    struct metadata *metadata = metadata_get(r->store, f->batch.metadata_key, err);
    if (!metadata) {
        if (err->kind != ERR_DATA)
            return false;
        note(r, f->batch.metadata_key, RECOVER_UNDECIDED, "its metadata cannot be read");
        return true;
    }
    bool ok = true, known = !evidence_cluster_unknown(r->conn, metadata->system_identifier);
    take_bounds(f, metadata);
    if (known && strcmp(metadata->system_identifier, server->system_identifier) != 0)
        note_foreign(r, f, metadata); /* another cluster's, or the earlier archiver's */
    else if (known && strcmp(metadata->timeline, server->timeline) == 0)
        ok = decide_by_txid(r, f, metadata, err);
    else
        f->by_keys = true;
    metadata_free(metadata);
    return ok;
}

/* What PostgreSQL knows comes first: a batch that it settles may hold the keys of one that only
 * they can decide. */
static bool decide_all(struct recovery *r, struct err *err)
{
    for (size_t i = 0; i < r->found_count; i++) {
        if (!decide(r, &r->found[i], err))
            return err_in(err, "%s", r->found[i].batch.stem);
    }
    for (size_t i = 0; i < r->found_count; i++) {
        struct found *f = &r->found[i];
        if (!f->by_keys)
            continue;
        struct metadata *metadata = metadata_get(r->store, f->batch.metadata_key, err);
        bool ok = metadata && decide_by_keys(r, f, metadata, err);
        metadata_free(metadata);
        if (!ok)
            return err_in(err, "%s", f->batch.stem);
    }
    return true;
}

/* --- indexes that a restore set aside --- */

static void log_lines(char *text)
{
    char *line;

    while ((line = strsep(&text, "\n"))) {
        if (*line)
            log_msg(LOG_WARN, "recover: %s", line);
    }
}

/* Every table's with the first of the database's: a restore may have gone into one that is not in
 * the configuration. What the server refuses is tried at most twice a run that way. */
static bool put_back_those_due(const struct recovery *r, struct aside_report *aside,
                               struct err *err)
{
    const struct config_table *table = r->target->table;

    if (table == r->target->database->tables)
        return aside_put_back_all(r->conn, table->schema, aside, err);
    return aside_indexes_put_back(r->conn, table->schema, table->name, aside, err);
}

/* Rows are safe without them, so only a lost connection stops what else there is to do. */
static bool put_back_indexes(struct recovery *r, struct err *err)
{
    struct aside_report aside = {0};
    struct err why = ERR_INIT;
    bool ok = put_back_those_due(r, &aside, &why);

    if (!ok && why.kind == ERR_NETWORK)
        *err = why;
    else if (!ok)
        log_err(LOG_WARN, &why);
    r->report->indexes_put_back += (int64_t)aside.done;
    r->report->indexes_left += (int64_t)aside.left;
    if (aside.done > 0)
        log_msg(LOG_INFO, "recover: %zu indexes that a restore had set aside are put back",
                aside.done);
    if (aside.notes.len > 0)
        log_lines(aside.notes.data);
    aside_report_done(&aside);
    return ok || why.kind != ERR_NETWORK;
}

/* --- one table, all tables --- */

static void recovery_done(struct recovery *r)
{
    for (size_t i = 0; i < r->found_count; i++)
        leftover_done(&r->found[i].batch);
    free(r->found);
    introspect_free(r->info);
    catalog_writer_free(r->writer);
    catalog_free(r->catalog);
}

bool recover_table(const struct recover_target *target, struct conn *conn, struct store *store,
                   struct recover_report *report, struct err *err)
{
    struct recovery r = {.target = target, .conn = conn, .store = store, .report = report};
    struct buf prefix = BUF_INIT;
    uint64_t swept = 0;
    bool ok = false;

    r.key_table = (struct key_table){.prefix = target->config->s3.prefix,
                                     .database = target->database->name,
                                     .schema = target->table->schema,
                                     .table = target->table->name};
    key_table_prefix(&r.key_table, &prefix);
    if (!fault_point("recover.begin", err) || !put_back_indexes(&r, err))
        goto out;
    r.catalog = target->rebuild ? rebuild_read_catalog(store, &r.key_table, err)
                                : catalog_read(store, &r.key_table, err);
    if (!r.catalog)
        goto out;
    r.writer = catalog_writer_new(store, &r.key_table, target->run_id, text_now_us());
    struct failover_params failover = {.target = target,
                                       .conn = conn,
                                       .store = store,
                                       .catalog = r.catalog,
                                       .writer = r.writer,
                                       .report = report};
    if ((!target->rebuild && !failover_check(&failover, err)) ||
        !store_list_keys(store, buf_str(&prefix), collect, &r, err))
        goto out;
    close_last(&r);
    /* What is listed was there while we held the lock only if the connection, which is the lock,
     * still lives: otherwise it may be the beginning of another run's batch. */
    if (!conn_exec(conn, "SELECT 1", err))
        goto out;
    if (!decide_all(&r, err))
        goto out;
    ok = target->rebuild || store_sweep(store, buf_str(&prefix),
                                        target->config->s3.stale_upload_hours * 3600, &swept, err);
    report->swept += swept;
out:
    recovery_done(&r);
    buf_done(&prefix);
    return ok;
}

/* What waited in the spool is archived once nothing of the table is undecided. */
static bool play_spool(const struct recover_target *target, struct conn *conn, struct store *store,
                       struct recover_report *report, struct err *err)
{
    struct archive_params archive = {.config = target->config,
                                     .database = target->database,
                                     .table = target->table,
                                     .store = store,
                                     .keyring = target->keyring,
                                     .run_id = target->run_id};

    return spool_recover(&archive, conn, &report->spool, err);
}

static bool recover_target_locked(const struct recover_target *target, struct store *store,
                                  struct recover_report *report, struct err *err)
{
    int64_t left = report->left;
    struct conn *conn = conn_open(target->database, target->run_id, err);
    bool ok = conn && lock_take(conn, target->table->schema, target->table->name, err) &&
              recover_table(target, conn, store, report, err);

    if (ok && report->left == left && !target->rebuild)
        ok = play_spool(target, conn, store, report, err);
    conn_close(conn);
    return ok;
}

/* Where this fails, what was decided of the tables is told all the same. */
static void sweep_reports(const struct recover_params *params, struct store *store,
                          struct recover_report *report)
{
    struct err failure;

    if (params->rebuild || stop_asked(params->stop) ||
        runs_sweep(store, params->config, &report->swept, &failure))
        return;
    log_err(LOG_WARN, &failure);
}

bool recover_run(const struct recover_params *params, struct recover_report *report,
                 struct err *err)
{
    struct targets targets = {0};
    struct store *store = NULL;
    struct keyring *keyring = keyring_new(params->config);
    struct buf run_id = BUF_INIT;
    bool ok = false;

    *report = (struct recover_report){0};
    if (!targets_find(params->config, params->database, params->schema, params->table, &targets,
                      err))
        goto out;
    store = store_open(&params->config->s3, params->stop, err);
    if (!store)
        goto out;
    text_add_stamp(&run_id, text_now_us());
    buf_addf(&run_id, "-recover-%04x", (unsigned)(text_monotonic_us() & 0xffff));
    for (size_t i = 0; i < targets.count && !stop_asked(params->stop); i++) {
        struct recover_target target = {.config = params->config,
                                        .database = targets.items[i].database,
                                        .table = targets.items[i].table,
                                        .keyring = keyring,
                                        .run_id = buf_str(&run_id),
                                        .rebuild = params->rebuild};
        struct err failure;
        report->tables++;
        if (params->offline ? rebuild_offline(&target, store, report, &failure)
                            : recover_target_locked(&target, store, report, &failure))
            continue;
        err_in(&failure, "%s.%s.%s", target.database->name, target.table->schema,
               target.table->name);
        log_err(LOG_ERROR, &failure);
        err_also(&report->err, &failure);
        report->tables_failed++;
    }
    sweep_reports(params, store, report);
    ok = true;
out:
    buf_done(&run_id);
    store_close(store);
    keyring_free(keyring);
    targets_done(&targets);
    return ok;
}

void recover_report_done(struct recover_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->batches[i].key);
    free(report->batches);
    *report = (struct recover_report){0};
}

void recover_report_write(const struct recover_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_int(j, "tables", report->tables);
    json_put_int(j, "tables_failed", report->tables_failed);
    json_put_int(j, "settled", report->settled);
    json_put_int(j, "removed", report->removed);
    json_put_int(j, "left", report->left);
    json_put_int(j, "swept", (int64_t)report->swept);
    json_put_int(j, "spool_uploaded", report->spool.uploaded);
    json_put_int(j, "spool_dropped", report->spool.dropped);
    json_put_int(j, "spool_waiting", report->spool.waiting);
    json_put_int(j, "indexes_put_back", report->indexes_put_back);
    json_put_int(j, "indexes_left", report->indexes_left);
    json_key(j, "batches");
    json_begin_array(j);
    for (size_t i = 0; i < report->count; i++) {
        json_begin_object(j);
        json_put_str(j, "key", report->batches[i].key);
        json_put_str(j, "verdict", recover_verdict_name(report->batches[i].verdict));
        json_put_str(j, "detail", report->batches[i].detail);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
