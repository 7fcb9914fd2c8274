/* SPDX-License-Identifier: PostgreSQL
 *
 * Invariants:
 *   1. Nothing is written before every archive's schema was compared with the target's.
 *   2. Rows, and the line of the ledger that says so, stand in one transaction.
 *   3. The report counts an archive only after the COMMIT that its rows were in.
 *   4. The catalog is told after the COMMIT; should that fail, the same restore asked for again
 * tells it.
 */
#include "restore_table.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "postgres/lock.h"
#include "postgres/url.h"
#include "restore_archive.h"
#include "restore_report.h"
#include "restore_target.h"

/* What an index is taken to add to the time that a dry run needs. */
#define INDEX_SHARE 0.5
/* What a row takes in an index. */
#define INDEX_OVERHEAD 32

static void show_table(struct progress_snapshot *s, const void *arg)
{
    /* Tables come one after another, each when its turn does. */
    struct progress_table *t = &s->tables[s->table_count - 1];

    (void)arg;
    t->state = TABLE_RUNNING;
    PROGRESS_SET(t->phase, "restore");
}

static void show_table_done(struct progress_snapshot *s, const void *arg)
{
    const struct err *err = arg; /* NULL: it went well */
    struct progress_table *t = progress_now(s);

    t->state = !err ? TABLE_DONE : err->kind == ERR_INTERRUPTED ? TABLE_STOPPED : TABLE_FAILED;
    t->phase[0] = '\0';
    if (err)
        err_line(err, t->error, sizeof(t->error));
}

static bool connect_and_lock(struct restore_turn *t, struct err *err)
{
    t->conn = conn_open(t->p->target, t->report->restore_id, err);
    if (!t->conn)
        return false;
    t->subject =
        (struct monitor_subject){.database = t->p->target, .pid = PQbackendPID(conn_pg(t->conn))};
    /* A URL's target does not live as long as the monitor. */
    if (!t->r->to_database || !url_is(t->r->to_database))
        monitor_watch(t->r->monitor, &t->subject);
    if (conn_server(t->conn)->in_recovery) {
        err_set(err, ERR_PREFLIGHT, "the server is a standby");
        return err_hint(err, "restoring writes rows: connect to the primary");
    }
    return t->r->dry_run || lock_take(t->conn, t->p->schema, t->p->table, err);
}

/* --- all archives --- */

static bool write_all(struct restore_turn *t, struct err *err)
{
    for (size_t i = 0; i < t->p->count; i++) {
        if (stop_asked(t->r->stop))
            return err_set(err, ERR_INTERRUPTED, "the operator stopped the restore");
        if (!restore_archive(t, &t->p->sources[i], err))
            return false;
    }
    if (!t->single)
        return true;
    if (!restore_target_advance(t, err))
        return false;
    if (t->r->dry_run) {
        restore_turn_roll_back(t);
        restore_turn_count(t);
        return true;
    }
    if (t->in_transaction &&
        (!restore_turn_triggers_on(t, err) || !restore_turn_commit_archives(t, err)))
        return false;
    return true;
}

/* What has to be the same for a restore to be the same restore. */
static void take_fingerprint(const struct restore_turn *t, char ret_hex[65])
{
    const struct restore_params *r = t->r;
    struct buf text = BUF_INIT;
    uint8_t digest[32];
    const char *words[] = {r->run_id,    r->database,      r->schema,      r->table, r->start_date,
                           r->end_date,  r->archived_from, r->archived_to, r->where, r->to_database,
                           r->to_schema, r->to_table,      r->mapping_file};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        buf_addf(&text, "%s\n", words[i] ? words[i] : "");
    for (size_t i = 0; i < r->key_count; i++)
        buf_addf(&text, "key %s\n", r->keys[i]);
    for (size_t i = 0; i < r->column_count; i++)
        buf_addf(&text, "column %s\n", r->columns[i]);
    buf_addf(&text, "%s %s %d %d %" PRId64 " %" PRId64 " %d %d", store_name(t->p->store),
             r->config->s3.prefix, r->conflict, r->schema_mode, r->limit, r->commit_rows,
             r->rollback, r->new_only);
    text_sha256(text.data, text.len, digest);
    text_hex(digest, sizeof(digest), ret_hex);
    buf_done(&text);
}

static bool begin_writing(struct restore_turn *t, struct err *err)
{
    char fingerprint[65];
    struct restored_params params = {.schema = t->p->schema,
                                     .table = t->p->table,
                                     .fingerprint = fingerprint,
                                     .restore_id = t->report->restore_id};

    if (t->r->dry_run)
        return true;
    take_fingerprint(t, fingerprint);
    t->restored = restored_open(t->conn, &params, err);
    if (!t->restored)
        return false;
    t->report->resumed |= restored_is_resumed(t->restored);
    if (restored_is_recorded(t->restored))
        return true;
    if (t->r->new_only || (t->r->commit_rows > 0 && t->r->conflict == RESTORE_FAIL)) {
        err_set(err, ERR_PERMISSION, "there is no place to write down what was restored");
        return err_hint(err, "GRANT CREATE ON DATABASE to this role, or use --on-conflict skip");
    }
    restore_report_note(t->report,
                        "the role may make no table, so nothing says which rows were restored:"
                        " the next archive run will archive them again");
    return true;
}

static bool finish(struct restore_turn *t, struct err *err)
{
    if (!t->single && t->created &&
        (!restore_turn_begin(t, err) || !restore_target_advance(t, err) ||
         !restore_turn_commit(t, err))) {
        restore_turn_roll_back(t);
        return false;
    }
    restore_turn_tell(t);
    return restored_finish(t->restored, err);
}

static void estimate(struct restore_turn *t, double seconds)
{
    size_t indexes = t->info ? t->info->shape->index_count : 0;
    const struct restore_counts *c = &t->report->counts;

    t->report->target_bytes += (uint64_t)(c->restored + c->updated) * indexes * INDEX_OVERHEAD;
    t->report->estimated_seconds += seconds * (1 + INDEX_SHARE * (double)indexes);
}

static void turn_done(struct restore_turn *t)
{
    buf_done(&t->triggers);
    restored_free(t->restored);
    introspect_free(t->info);
    if (t->conn && !t->r->dry_run)
        lock_release(t->conn, t->p->schema, t->p->table);
    conn_close(t->conn);
    free(t->marks);
    arena_free(t->arena);
}

bool restore_table(const struct restore_table_params *params, struct restore_report *report,
                   struct err *err)
{
    struct restore_turn t = {.p = params,
                             .r = params->restore,
                             .report = report,
                             .left = params->limit,
                             .committed = report->archive_count,
                             .arena = arena_new()};
    int64_t start = text_monotonic_us();
    bool ok;

    t.single = t.r->dry_run || (t.r->conflict == RESTORE_FAIL && t.r->commit_rows == 0);
    if (t.r->progress)
        progress_add_table(t.r->progress, params->target->name, params->schema, params->table);
    restore_turn_show(&t, show_table, NULL);
    ok = connect_and_lock(&t, err) && begin_writing(&t, err) && restore_target_prepare(&t, err) &&
         write_all(&t, err);
    if (!ok) {
        restore_turn_roll_back(&t);
        restore_turn_forget(&t);
    }
    ok = restore_target_indexes_back(&t, ok, err);
    if (ok && !t.r->dry_run)
        ok = finish(&t, err);
    estimate(&t, (double)(text_monotonic_us() - start) / 1e6);
    restore_turn_show(&t, show_table_done, ok ? NULL : err);
    monitor_leave(t.r->monitor, &t.subject);
    turn_done(&t);
    return ok;
}
