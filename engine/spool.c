/* SPDX-License-Identifier: PostgreSQL
 *
 * What a crash leaves, and who removes it:
 *
 *   before the rollback, or between it and the mark   objects without a mark: the next one here
 *   after the mark                                    an entry
 *   after the replay's COMMIT                         an entry whose rows are gone: dropped
 *   between the mark's removal and the objects'       objects without a mark
 */
#include "spool.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "keylist.h"
#include "postgres/bykey.h"

#define MARK ".spooled.json"

struct spool {
    const struct archive_params *archive;
    struct conn *conn;
    struct config_s3 s3; /* the directory as a store */
    char *endpoint, *bucket;
    struct store *store;
    struct buf prefix; /* of the table */
};

/* What the mark says. */
struct mark {
    int64_t rows;
    int64_t spooled_us;
    char digest[65]; /* SHA-256 of the rows as COPY gave them, in the order of their keys */
    const char *data_key, *metadata_key, *manifest_key;
    const char *leaf_schema, *leaf_table;
};

/* Watches a batch: the digest of its rows, and in a replay whether they are what they were. */
struct watch {
    struct text_digest *digest;
    int64_t rows;
    const struct mark *expected; /* NULL: only watched */
    char found[65];
    bool differs;
};

/* --- the directory --- */

static bool make_directory(const char *path, struct err *err)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return true;
    err_sys(err, ERR_RESOURCE, errno, "cannot make a directory of the spool");
    err_in(err, "%s", path);
    return err_hint(err, "make it by hand, or correct s3.spool_dir");
}

static void spool_close(struct spool *s)
{
    store_close(s->store);
    free(s->endpoint);
    free(s->bucket);
    buf_done(&s->prefix);
}

static void name_directory(struct spool *s)
{
    const char *cluster = conn_server(s->conn)->system_identifier;

    /* Clusters whose roles may not ask which one they are share a directory; the rows decide. */
    s->bucket = mem_printf("cluster-%s", cluster);
    s->endpoint = mem_printf("file://%s", s->archive->config->s3.spool_dir);
    s->s3 = (struct config_s3){.endpoint = s->endpoint, .bucket = s->bucket, .prefix = ""};
}

static void name_prefix(struct spool *s)
{
    struct key_table table = {.prefix = s->archive->config->s3.prefix,
                              .database = s->archive->database->name,
                              .schema = s->archive->table->schema,
                              .table = s->archive->table->name};

    key_table_prefix(&table, &s->prefix);
}

static bool spool_open(struct spool *s, const struct archive_params *archive, struct conn *conn,
                       struct err *err)
{
    *s = (struct spool){.archive = archive, .conn = conn};
    name_directory(s);
    name_prefix(s);
    char *path = mem_printf("%s/%s", archive->config->s3.spool_dir, s->bucket);
    bool ok = make_directory(archive->config->s3.spool_dir, err) && make_directory(path, err);

    free(path);
    if (ok)
        s->store = store_open(&s->s3, archive->stop, err);
    if (s->store)
        return true;
    spool_close(s);
    return false;
}

/* --- entries --- */

struct keys {
    char **items;
    size_t count;
    uint64_t bytes; /* of the objects */
};

static void keys_done(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->items[i]);
    free(keys->items);
}

static bool keys_add(const struct store_object *object, void *state, struct err *err)
{
    struct keys *keys = state;

    (void)err;
    keys->items = mem_grow(keys->items, (keys->count + 1) * sizeof(*keys->items));
    keys->items[keys->count++] = mem_strdup(object->key);
    keys->bytes += object->size;
    return true;
}

static bool is_mark(const char *key)
{
    size_t len = strlen(key);

    return len > sizeof(MARK) - 1 && strcmp(key + len - (sizeof(MARK) - 1), MARK) == 0;
}

static size_t stem_len(const char *key)
{
    const char *name = strrchr(key, '/');
    const char *dot = strchr(name ? name : key, '.');

    return dot ? (size_t)(dot - key) : strlen(key);
}

static bool has_mark(const struct keys *keys, const char *key)
{
    size_t len = stem_len(key);

    for (size_t i = 0; i < keys->count; i++) {
        if (is_mark(keys->items[i]) && stem_len(keys->items[i]) == len &&
            strncmp(keys->items[i], key, len) == 0)
            return true;
    }
    return false;
}

/* The mark first: what is left without one is no entry. */
static bool drop(struct spool *s, const char *mark_key, struct err *err)
{
    struct buf stem = BUF_INIT;
    struct keys keys = {0};
    bool ok = store_remove(s->store, mark_key, err) && fault_point("spool.unmarked", err);

    buf_add(&stem, mark_key, stem_len(mark_key));
    buf_addc(&stem, '.');
    ok = ok && store_list(s->store, buf_str(&stem), NULL, keys_add, &keys, err);
    for (size_t i = 0; ok && i < keys.count; i++)
        ok = store_remove(s->store, keys.items[i], err);
    keys_done(&keys);
    buf_done(&stem);
    return ok;
}

/* This table's objects, without what crashes left: nobody else writes here under our lock. */
static bool list_entries(struct spool *s, struct keys *ret_keys, struct err *err)
{
    uint64_t swept = 0;

    if (!store_sweep(s->store, buf_str(&s->prefix), 0, &swept, err) ||
        !store_list(s->store, buf_str(&s->prefix), NULL, keys_add, ret_keys, err))
        return false;
    for (size_t i = 0; i < ret_keys->count; i++) {
        if (!has_mark(ret_keys, ret_keys->items[i]) &&
            !store_remove(s->store, ret_keys->items[i], err))
            return false;
    }
    return true;
}

/* --- watching --- */

static bool watch_row(void *state, const char *copy_line, size_t len, struct err *err)
{
    struct watch *w = state;

    (void)err;
    text_digest_add(w->digest, copy_line, len);
    text_digest_add(w->digest, "\n", 1);
    w->rows++;
    return true;
}

static bool watch_agrees(void *state, struct err *err)
{
    struct watch *w = state;
    uint8_t digest[32];

    text_digest_end(w->digest, digest);
    text_hex(digest, sizeof(digest), w->found);
    if (!w->expected)
        return true;
    w->differs = w->rows != w->expected->rows || strcmp(w->found, w->expected->digest) != 0;
    if (!w->differs)
        return true;
    err_set(err, ERR_DATA, "the rows are not those that were spooled");
    return err_why(err, "%" PRId64 " of %" PRId64 " are there%s", w->rows, w->expected->rows,
                   w->rows == w->expected->rows ? ", and some were changed" : "");
}

/* One batch, watched. */
static bool archive_watched(const struct archive_params *params, struct conn *conn,
                            const struct introspect_leaf *leaf, const char *copy_sql,
                            struct watch *watch, struct archive_batch *ret_batch, struct err *err)
{
    struct archive_copy copy = {.sql = copy_sql};
    struct archive_witness witness = {watch_row, watch_agrees, watch};
    struct archive_params watched = *params;
    bool ok = false;

    watched.witness = &witness;
    watch->digest = text_digest_new();
    struct archiver *archiver = archiver_new(&watched, err);
    for (unsigned version = 0; archiver; version++) {
        ok = archive_batch(archiver, conn, leaf, &copy, ret_batch, err);
        /* A name that is taken: the archiver goes on to its next version. */
        if (ok || err->kind != ERR_EXISTS || ret_batch->outcome != ARCHIVE_UNDONE || version > 99)
            break;
        text_digest_end(watch->digest, (uint8_t[32]){0});
        watch->rows = 0;
        archive_batch_done(ret_batch);
        *ret_batch = (struct archive_batch){0};
    }
    archiver_free(archiver);
    text_digest_free(watch->digest);
    return ok;
}

/* --- keeping --- */

static bool put_mark(struct spool *s, const struct archive_batch *batch,
                     const struct introspect_leaf *leaf, const struct watch *watch, struct err *err)
{
    struct buf key = BUF_INIT, json = BUF_INIT, manifest = BUF_INIT, metadata = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    key_sibling(buf_str(&batch->key), KEY_MANIFEST, NULL, &manifest);
    key_sibling(buf_str(&batch->key), KEY_METADATA, NULL, &metadata);
    json_begin_object(&j);
    json_put_int(&j, "version", 1);
    json_put_str(&j, "run_id", s->archive->run_id);
    json_put_time(&j, "spooled_at", text_now_us());
    json_put_int(&j, "rows", watch->rows);
    json_put_str(&j, "rows_sha256", watch->found);
    json_put_str(&j, "schema", leaf->schema);
    json_put_str(&j, "table", leaf->table);
    json_put_str(&j, "data_key", buf_str(&batch->key));
    json_put_str(&j, "metadata_key", buf_str(&metadata));
    json_put_str(&j, "manifest_key", buf_str(&manifest));
    json_end(&j);
    buf_add(&key, batch->key.data, stem_len(buf_str(&batch->key)));
    buf_adds(&key, MARK);
    struct store_put_params put = {.key = buf_str(&key), .small = true};
    bool ok = fault_point("spool.mark", err) &&
              store_put_bytes(s->store, &put, json.data, json.len, err) &&
              fault_point("spool.marked", err);
    buf_done(&key);
    buf_done(&json);
    buf_done(&manifest);
    buf_done(&metadata);
    return ok;
}

static bool has_room(struct spool *s, struct err *err)
{
    struct keys all = {0};
    int64_t most = s->archive->config->s3.spool_max_mb;
    bool ok = store_list(s->store, "", NULL, keys_add, &all, err);
    uint64_t bytes = all.bytes;

    keys_done(&all);
    if (!ok || most == 0 || bytes < (uint64_t)most << 20)
        return ok;
    err_set(err, ERR_RESOURCE, "the spool is full");
    err_in(err, "%s", store_name(s->store));
    err_why(err, "%" PRIu64 " MiB, and s3.spool_max_mb is %" PRId64, bytes >> 20, most);
    return err_hint(err, "make it larger, or bring the store back");
}

static bool keep(struct spool *s, const struct introspect_leaf *leaf, const char *copy_sql,
                 enum spool_outcome *ret, int64_t *ret_rows, struct err *err)
{
    struct archive_params params = *s->archive;
    struct archive_batch batch = {0};
    struct watch watch = {0};

    params.store = s->store;
    params.into_spool = true;
    bool ok = fault_point("spool.begin", err) && has_room(s, err) &&
              archive_watched(&params, s->conn, leaf, copy_sql, &watch, &batch, err);
    if (ok && batch.outcome == ARCHIVE_SPOOLED) {
        *ret = SPOOL_KEPT;
        *ret_rows = watch.rows;
        ok = put_mark(s, &batch, leaf, &watch, err);
    }
    archive_batch_done(&batch);
    return ok;
}

bool spool_keep(const struct archive_params *archive, struct conn *conn,
                const struct introspect_leaf *leaf, const char *copy_sql, enum spool_outcome *ret,
                int64_t *ret_rows, struct err *err)
{
    struct spool s;
    struct keys keys = {0};

    *ret = SPOOL_NOT;
    *ret_rows = 0;
    /* Rows without a key could not be found again. */
    if (!archive->config->s3.spool_dir || archive->info->shape->key_count == 0)
        return true;
    if (!spool_open(&s, archive, conn, err))
        return false;
    bool ok = list_entries(&s, &keys, err);
    for (size_t i = 0; ok && i < keys.count && *ret == SPOOL_NOT; i++)
        *ret = is_mark(keys.items[i]) ? SPOOL_WAITING : SPOOL_NOT;
    if (ok && *ret == SPOOL_NOT)
        ok = keep(&s, leaf, copy_sql, ret, ret_rows, err);
    keys_done(&keys);
    spool_close(&s);
    return ok;
}

/* --- replaying --- */

static bool read_mark(struct json_object *root, struct mark *ret, struct err *err)
{
    const char *digest, *at;

    if (!json_get_int(root, "rows", &ret->rows, err) ||
        !json_get_str(root, "rows_sha256", &digest, err) ||
        !json_get_str(root, "spooled_at", &at, err) ||
        !json_get_str(root, "schema", &ret->leaf_schema, err) ||
        !json_get_str(root, "table", &ret->leaf_table, err) ||
        !json_get_str(root, "data_key", &ret->data_key, err) ||
        !json_get_str(root, "metadata_key", &ret->metadata_key, err) ||
        !json_get_str(root, "manifest_key", &ret->manifest_key, err))
        return false;
    snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
    if (text_to_time(at, strlen(at), &ret->spooled_us))
        return true;
    return err_set(err, ERR_DATA, "spooled_at is no time");
}

static bool add_key(const char *key_json, size_t len, void *state, struct err *err)
{
    return keylist_add(state, key_json, len, err);
}

/* The keys of the entry; NULL with *err. */
static struct keylist *load_keys(struct spool *s, const struct mark *mark, struct err *err)
{
    struct keylist *keys = keylist_new(s->archive->info->shape, err);
    struct manifest_source source = {.store = s->store, .key = mark->manifest_key};
    bool encrypted = false;
    struct cipher *cipher =
        keyring_cipher(s->archive->keyring, s->store, mark->manifest_key, &encrypted, err);

    source.cipher = cipher;
    bool ok = keys && (!encrypted || cipher) && manifest_read(&source, add_key, keys, err);
    cipher_free(cipher);
    if (ok && keylist_count(keys) == (size_t)mark->rows)
        return keys;
    if (ok)
        err_set(err, ERR_DATA, "the manifest does not hold the entry's keys");
    keylist_free(keys);
    return NULL;
}

static const struct introspect_leaf *leaf_of(const struct introspect_table *info,
                                             const struct mark *mark)
{
    for (size_t i = 0; i < info->leaf_count; i++) {
        if (strcmp(info->leaves[i].schema, mark->leaf_schema) == 0 &&
            strcmp(info->leaves[i].table, mark->leaf_table) == 0)
            return &info->leaves[i];
    }
    return NULL;
}

static bool drop_saying(struct spool *s, const char *key, const char *why,
                        struct spool_report *report, struct err *err)
{
    log_msg(LOG_WARN, "spool: dropped %s: %s; what is still to be archived is still in the table",
            key, why);
    report->dropped++;
    return drop(s, key, err);
}

static void count(struct spool_report *report, const struct archive_batch *batch)
{
    report->uploaded++;
    report->rows += batch->rows;
    report->bytes += batch->bytes;
    report->line_bytes += batch->line_bytes;
    log_msg(LOG_INFO, "spool: archived %" PRId64 " rows, %s", batch->rows, buf_str(&batch->key));
}

/* The batch itself. *ret_drop: why the entry is of no more use; NULL: it waits, or is archived. */
static bool play(struct spool *s, const struct mark *mark, const struct introspect_leaf *leaf,
                 struct keylist *keys, struct spool_report *report, struct buf *ret_drop,
                 bool *ret_done, struct err *err)
{
    struct archive_batch batch = {0};
    struct watch watch = {.expected = mark};
    struct buf sql = BUF_INIT;

    bykey_statement(s->conn, s->archive->info, leaf, keylist_end(keys),
                    s->archive->plan->eligible_sql, &sql);
    bool ok = fault_point("spool.replay", err) &&
              archive_watched(s->archive, s->conn, leaf, buf_str(&sql), &watch, &batch, err);
    if (ok && batch.outcome == ARCHIVE_EMPTY) {
        buf_adds(ret_drop, "none of its rows is there, or to be archived, any more");
    } else if (ok) {
        count(report, &batch);
        *ret_done = true;
        ok = fault_point("spool.replayed", err);
    } else if (watch.differs && batch.outcome == ARCHIVE_UNDONE) {
        buf_adds(ret_drop, err->why);
        ok = true;
    } else if (err->kind == ERR_TRANSIENT && batch.outcome == ARCHIVE_UNDONE) {
        /* A row is locked by somebody: another time. */
        log_err(LOG_WARN, err);
        ok = true;
    }
    archive_batch_done(&batch);
    buf_done(&sql);
    return ok;
}

static bool is_old(const struct spool *s, const struct mark *mark)
{
    int64_t days = s->archive->config->s3.spool_retention_days;

    return text_now_us() - mark->spooled_us > days * TEXT_US_PER_DAY;
}

static bool replay_marked(struct spool *s, const char *key, const struct mark *mark,
                          struct spool_report *report, struct err *err)
{
    const struct introspect_leaf *leaf = leaf_of(s->archive->info, mark);
    struct keylist *keys = NULL;
    struct buf reason = BUF_INIT;
    bool done = false, ok = true;

    if (is_old(s, mark))
        buf_adds(&reason, "it is older than s3.spool_retention_days");
    else if (!leaf || s->archive->info->shape->key_count == 0)
        buf_adds(&reason, "its table is not there any more, or has no key");
    else if (!(keys = load_keys(s, mark, err)) && err->kind == ERR_DATA)
        buf_addf(&reason, "its keys cannot be read: %s", err->what);
    else
        ok = keys && play(s, mark, leaf, keys, report, &reason, &done, err);
    if (ok && done)
        ok = drop(s, key, err);
    else if (ok && reason.len > 0)
        ok = drop_saying(s, key, buf_str(&reason), report, err);
    else if (ok)
        report->waiting++;
    keylist_free(keys);
    buf_done(&reason);
    return ok;
}

static bool replay(struct spool *s, const char *key, struct spool_report *report, struct err *err)
{
    struct buf bytes = BUF_INIT;
    struct mark mark = {0};
    struct json_object *root = NULL;
    bool ok = store_get(s->store, key, 0, UINT64_MAX, &bytes, err);

    if (!ok)
        goto out;
    root = json_parse(buf_str(&bytes), bytes.len, key, err);
    if (!root || !read_mark(root, &mark, err))
        ok = drop_saying(s, key, err->what, report, err);
    else
        ok = replay_marked(s, key, &mark, report, err);
out:
    json_object_put(root);
    buf_done(&bytes);
    return ok;
}

bool spool_replay(const struct archive_params *archive, struct conn *conn,
                  struct spool_report *report, struct err *err)
{
    struct spool s;
    struct keys keys = {0};

    if (!archive->config->s3.spool_dir)
        return true;
    if (!spool_open(&s, archive, conn, err))
        return false;
    bool ok = list_entries(&s, &keys, err);
    for (size_t i = 0; ok && i < keys.count; i++) {
        if (is_mark(keys.items[i]) && !replay(&s, keys.items[i], report, err))
            ok = err_in(err, "spool entry %s", keys.items[i]);
    }
    keys_done(&keys);
    spool_close(&s);
    return ok;
}

/* --- for recover, which archives nothing else --- */

static bool is_there(const struct archive_params *archive, struct conn *conn)
{
    struct spool s = {.archive = archive, .conn = conn};
    struct stat found;

    name_directory(&s);
    name_prefix(&s);
    char *path =
        mem_printf("%s/%s/%s", archive->config->s3.spool_dir, s.bucket, buf_str(&s.prefix));
    bool there = stat(path, &found) == 0;
    free(path);
    spool_close(&s);
    return there;
}

bool spool_recover(const struct archive_params *target, struct conn *conn,
                   struct spool_report *report, struct err *err)
{
    struct archive_params archive = *target;
    double phases[PHASE_COUNT] = {0};
    struct introspect_table *info = NULL;
    struct plan *plan = NULL;
    struct pool *pool = NULL;
    struct buf ddl = BUF_INIT;
    bool ok = false;

    if (!archive.config->s3.spool_dir || !is_there(&archive, conn))
        return true;
    archive.info = info = introspect_table(conn, archive.table, err);
    if (!info || !archive_allowed(info, archive.table, conn, err))
        goto out;
    archive.plan = plan =
        plan_make(conn, &(struct plan_params){.table = archive.table, .info = info}, err);
    if (!plan || !introspect_ddl(conn, info, &ddl, err))
        goto out;
    archive.ddl = buf_str(&ddl);
    archive.phases = phases;
    archive.pool = pool = pool_new(pool_cores(), "seal", err);
    ok = pool && spool_replay(&archive, conn, report, err);
out:
    pool_free(pool);
    plan_free(plan);
    introspect_free(info);
    buf_done(&ddl);
    return ok;
}
