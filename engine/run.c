/* SPDX-License-Identifier: PostgreSQL */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "archive.h"
#include "base/log.h"
#include "base/text.h"
#include "leaf.h"
#include "postgres/lock.h"
#include "postgres/walk.h"
#include "postgres/way.h"
#include "recover.h"
#include "runs.h"
#include "spool.h"
#include "stride.h"
#include "targets.h"

#define RECONNECTS_MAX 3
#define TRANSIENT_MAX  5
/* Batches in a row that were rolled back for others; each was half the one before. */
#define LET_GO_MAX  10
#define LOCK_WAIT_S 60
/* What a row is taken for until the first batch has told. */
#define ROW_BYTES_GUESS  700
#define FIRST_BATCH_ROWS 5000

/* One table's turn. */
struct turn {
    const struct run_params *params;
    const struct target *target;
    struct run_report *report;
    struct run_table *table;
    size_t number; /* of the target, from 0 */
    struct store *store;
    struct pool *pool;
    struct keyring *keyring;
    struct conn *conn;
    struct introspect_table *info;
    struct plan *plan;
    struct walk *walk;
    struct archive_params archive; /* zeroed until prepare_archive */
    struct archiver *archiver;
    struct buf ddl;
    int64_t started_us;
    struct stride stride;
    uint64_t txid;       /* of the last batch that is settled */
    int64_t batch_us;    /* when the batch in work began, monotonic */
    int64_t object_rows; /* asked for the object of a leaf that is in work */
    int reconnects, transients, let_go;
};

const char *run_status_name(enum run_status status)
{
    static const char *const names[] = {"success", "partial", "failure", "stopped"};

    return names[status];
}

/* --- progress --- */

static void show_table(struct progress_snapshot *s, const void *arg)
{
    const struct turn *t = arg;
    struct progress_table *table = &s->tables[t->number];

    s->current = t->number;
    table->state = TABLE_RUNNING;
    PROGRESS_SET(table->phase, "connect");
}

static void show_total(struct progress_snapshot *s, const void *arg)
{
    progress_now(s)->rows_total = *(const int64_t *)arg;
}

/* What is settled of the table, as the report will have it. */
static void show_counts(struct progress_snapshot *s, const void *arg)
{
    const struct turn *t = arg;
    struct progress_table *table = progress_now(s);

    table->rows_in_flight = 0;
    table->rows_done = t->table->records_archived;
    table->batches = t->table->batches;
    table->bytes = t->table->bytes;
    memcpy(table->phases, t->table->phases, sizeof(table->phases));
}

static void show_retry(struct progress_snapshot *s, const void *arg)
{
    (void)arg;
    progress_now(s)->retries++;
    progress_now(s)->rows_in_flight = 0;
}

static void show_phase(struct progress_snapshot *s, const void *arg)
{
    PROGRESS_SET(progress_now(s)->phase, (const char *)arg);
}

static enum progress_state state_of(enum run_status status)
{
    return status == RUN_FAILURE   ? TABLE_FAILED
           : status == RUN_STOPPED ? TABLE_STOPPED
                                   : TABLE_DONE;
}

static void show_table_done(struct progress_snapshot *s, const void *arg)
{
    const struct turn *t = arg;
    struct progress_table *table = progress_now(s);

    show_counts(s, arg);
    table->state = state_of(t->table->status);
    table->skipped = t->table->skipped_locked;
    table->phase[0] = table->object[0] = '\0';
    if (t->table->err.kind != ERR_NONE)
        err_line(&t->table->err, table->error, sizeof(table->error));
    s->current = SIZE_MAX;
}

/* Tables whose turn never came. */
struct left_out {
    size_t number;
    enum progress_state state;
};

static void show_left_out(struct progress_snapshot *s, const void *arg)
{
    const struct left_out *l = arg;

    s->tables[l->number].state = l->state;
}

static void show(struct turn *t, void (*change)(struct progress_snapshot *, const void *),
                 const void *arg)
{
    if (t->params->progress)
        progress_change(t->params->progress, change, arg);
}

/* --- a table's turn, step by step --- */

static bool connect_and_lock(struct turn *t, bool again, struct err *err)
{
    const struct config_table *table = t->target->table;

    conn_close(t->conn);
    t->conn = conn_open(t->target->database, t->report->run_id, err);
    if (!t->conn)
        return false;
    monitor_watch(t->params->monitor, t->target->database, PQbackendPID(conn_pg(t->conn)),
                  table->settings.max_blocked_seconds);
    if (conn_server(t->conn)->in_recovery) {
        err_set(err, ERR_PREFLIGHT, "the server is a standby");
        return err_hint(err, "archiving deletes rows: connect to the primary");
    }
    if (t->params->dry_run)
        return true;
    return lock_take_again(t->conn, table->schema, table->name, again ? LOCK_WAIT_S : 0,
                           t->params->stop, err);
}

static struct reclaim_params reclaim_params_of(const struct turn *t)
{
    return (struct reclaim_params){.config = t->params->config,
                                   .database = t->target->database,
                                   .table = t->target->table,
                                   .info = t->info,
                                   .conn = t->conn,
                                   .store = t->store,
                                   .run_id = t->report->run_id,
                                   .stop = t->params->stop,
                                   .progress = t->params->progress,
                                   .monitor = t->params->monitor};
}

static bool measure_size(struct turn *t, struct err *err)
{
    struct reclaim_params params = reclaim_params_of(t);

    return reclaim_begin(&params, &t->table->space, err);
}

static bool recover_first(struct turn *t, struct recover_report *ret, struct err *err)
{
    struct recover_target target = {.config = t->params->config,
                                    .database = t->target->database,
                                    .table = t->target->table,
                                    .keyring = t->keyring,
                                    .run_id = t->report->run_id};

    *ret = (struct recover_report){0};
    if (!recover_table(&target, t->conn, t->store, ret, err))
        return false;
    t->table->recovered_settled += ret->settled;
    t->table->recovered_removed += ret->removed;
    for (size_t i = 0; i < ret->count; i++) {
        const struct recover_batch *b = &ret->batches[i];
        log_msg(b->verdict == RECOVER_UNDECIDED ? LOG_WARN : LOG_INFO, "recover: %s %s: %s",
                recover_verdict_name(b->verdict), b->key, b->detail);
    }
    return true;
}

/* The rows of a batch that is left undecided may still be in the table: archived once more, they
 * would be there twice as soon as that batch is settled. */
static bool all_decided(const struct recover_report *recovered, struct err *err)
{
    for (size_t i = 0; i < recovered->count; i++) {
        const struct recover_batch *b = &recovered->batches[i];
        if (b->verdict != RECOVER_UNDECIDED && b->verdict != RECOVER_IN_PROGRESS)
            continue;
        err_set(err, ERR_PREFLIGHT, "a batch of an earlier run is not decided");
        err_in(err, "%s", b->key);
        err_why(err, "%s", b->detail);
        return err_hint(err, "run `archiver-tui recover`; then compare by hand, and move its "
                             "objects elsewhere or bring back what it lacks");
    }
    return true;
}

static int64_t row_bytes_guess(const struct turn *t)
{
    if (t->info->rows_estimate <= 0)
        return ROW_BYTES_GUESS;
    int64_t bytes = (int64_t)t->info->heap_bytes / t->info->rows_estimate;

    return bytes < ROW_BYTES_GUESS ? ROW_BYTES_GUESS : bytes * 2;
}

static void begin_stride(struct turn *t)
{
    stride_begin(&t->stride, &t->target->table->settings, row_bytes_guess(t),
                 t->info->rows_estimate <= 0 ? FIRST_BATCH_ROWS : 0);
}

static bool is_limited(const struct turn *t)
{
    const struct config_settings *s = &t->target->table->settings;

    return t->params->limit > 0 || s->max_rows > 0 || s->max_batches > 0 ||
           s->max_duration_minutes > 0;
}

static bool prepare_plan(struct turn *t, struct err *err)
{
    struct plan_params plan = {.table = t->target->table,
                               .info = t->info,
                               .start_date = t->params->start_date,
                               .end_date = t->params->end_date,
                               .include_restored = t->params->include_restored};

    t->plan = plan_make(t->conn, &plan, err);
    if (!t->plan || !plan_estimate(t->conn, t->plan, t->info, &t->table->eligible, err))
        return false;
    struct way_params way = {.conn = t->conn,
                             .table = t->target->table,
                             .info = t->info,
                             .eligible = t->table->eligible,
                             .limited = is_limited(t)};
    if (!way_choose(t->plan, &way, err))
        return false;
    begin_stride(t);
    snprintf(t->table->cutoff, sizeof(t->table->cutoff), "%s", t->plan->cutoff);
    snprintf(t->table->strategy, sizeof(t->table->strategy), "%s", t->plan->strategy);
    snprintf(t->table->reason, sizeof(t->table->reason), "%s", t->plan->reason);
    return true;
}

static bool prepare(struct turn *t, struct err *err)
{
    struct recover_report recovered = {0};

    if (!connect_and_lock(t, false, err))
        return false;
    t->info = introspect_table(t->conn, t->target->table, err);
    if (!t->info || !archive_allowed(t->info, t->target->table, t->conn, err))
        return false;
    bool ok =
        t->params->dry_run || (recover_first(t, &recovered, err) && all_decided(&recovered, err));
    recover_report_done(&recovered);
    return ok && measure_size(t, err) && prepare_plan(t, err);
}

/* What every batch of this table has in common. */
static bool prepare_archive(struct turn *t, struct err *err)
{
    if (!introspect_ddl(t->conn, t->info, &t->ddl, err))
        return false;
    t->archive = (struct archive_params){.config = t->params->config,
                                         .database = t->target->database,
                                         .table = t->target->table,
                                         .info = t->info,
                                         .plan = t->plan,
                                         .ddl = buf_str(&t->ddl),
                                         .store = t->store,
                                         .pool = t->pool,
                                         .keyring = t->keyring,
                                         .run_id = t->report->run_id,
                                         .stop = t->params->stop,
                                         .progress = t->params->progress,
                                         .phases = t->table->phases};
    return true;
}

static bool dry_run(struct turn *t, struct err *err)
{
    struct buf oldest = BUF_INIT;
    bool ok = plan_count(t->conn, t->plan, t->info, 0, &t->table->eligible, &oldest, err);

    snprintf(t->table->oldest, sizeof(t->table->oldest), "%s", buf_str(&oldest));
    buf_done(&oldest);
    t->table->space.after = t->table->space.before;
    return ok;
}

static int64_t smaller(int64_t a, int64_t limit)
{
    return a < limit ? a : limit;
}

/* When the table's time is up, monotonic; 0: never. */
static int64_t deadline_of(const struct turn *t)
{
    double minutes = t->target->table->settings.max_duration_minutes;

    return minutes > 0 ? t->started_us + (int64_t)(minutes * 60e6) : 0;
}

/* The limit that is reached, by its name; NULL: none. */
static const char *limit_reached(const struct turn *t)
{
    const struct config_settings *s = &t->target->table->settings;
    int64_t deadline_us = deadline_of(t);

    if (t->params->limit > 0 && t->report->records_archived >= t->params->limit)
        return "--limit";
    if (s->max_rows > 0 && t->table->records_archived >= s->max_rows)
        return "max_rows";
    if (s->max_batches > 0 && t->table->batches >= s->max_batches)
        return "max_batches";
    if (deadline_us > 0 && text_monotonic_us() >= deadline_us)
        return "max_duration_minutes";
    return NULL;
}

/* Rows of the next batch, where no limit is reached. */
static int64_t next_batch_rows(const struct turn *t)
{
    const struct config_settings *s = &t->target->table->settings;
    int64_t rows = stride_next(&t->stride);

    if (s->max_rows > 0)
        rows = smaller(rows, s->max_rows - t->table->records_archived);
    if (t->params->limit > 0)
        rows = smaller(rows, t->params->limit - t->report->records_archived);
    return rows;
}

static double batch_seconds(const struct turn *t)
{
    return (double)(text_monotonic_us() - t->batch_us) / 1e6;
}

/* What was tried: a batch of at most `asked` rows, or a leaf as a whole. */
struct attempt {
    const struct archive_batch *batch; /* of a leaf: all its objects */
    int64_t asked;
    const struct introspect_leaf *leaf; /* NULL: a batch */
    int64_t objects;
};

static void add_settled(struct turn *t, const struct attempt *a)
{
    t->table->records_archived += a->batch->rows;
    t->table->batches += a->objects;
    t->table->bytes += a->batch->bytes;
    t->table->line_bytes += a->batch->line_bytes;
    t->report->records_archived += a->batch->rows;
    t->report->bytes_uploaded += a->batch->bytes;
    t->report->batches += a->objects;
    t->transients = t->let_go = 0;
    if (a->batch->txid > 0)
        t->txid = a->batch->txid;
}

/* It is dropped. */
static void leaf_settled(struct turn *t, const struct attempt *a)
{
    log_msg(LOG_INFO,
            "%s.%s.%s: partition %s.%s left whole: %" PRId64 " rows in %" PRId64
            " objects; it is detached and dropped, it was PARTITION OF %s.%s %s",
            t->table->database, t->table->schema, t->table->table, a->leaf->schema, a->leaf->table,
            a->batch->rows, a->objects, a->leaf->parent_schema, a->leaf->parent_table,
            a->leaf->bounds);
    introspect_forget_leaf(t->info, a->leaf);
}

static void batch_settled(struct turn *t, const struct attempt *a)
{
    stride_took(&t->stride, a->asked, a->batch->rows, a->batch->line_bytes, batch_seconds(t));
    walk_took(t->walk, a->asked, a->batch->rows, buf_str(&a->batch->max_timestamp));
    log_msg(LOG_INFO, "%s.%s.%s batch %" PRId64 " settled: %" PRId64 " rows, %" PRIu64 " bytes, %s",
            t->table->database, t->table->schema, t->table->table, t->table->batches,
            a->batch->rows, a->batch->bytes, buf_str(&a->batch->key));
}

static void count_settled(struct turn *t, const struct attempt *a)
{
    add_settled(t, a);
    if (a->leaf)
        leaf_settled(t, a);
    else
        batch_settled(t, a);
    show(t, show_counts, t);
}

static bool settled_by_recover(const struct recover_report *report, const char *key)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->batches[i].key, key) == 0)
            return report->batches[i].verdict == RECOVER_SETTLED;
    }
    return false;
}

/* A lost connection, or a COMMIT without answer: a new connection, the lock again, and recover
 * decides before anything else is done with the table. */
static bool resolve(struct turn *t, const struct attempt *a, struct err *err)
{
    struct err lost = *err;
    struct recover_report recovered = {0};
    bool ok = false;

    if (t->reconnects++ >= RECONNECTS_MAX || stop_now(t->params->stop))
        return false;
    log_err(LOG_WARN, &lost);
    if (lost.kind == ERR_TRANSIENT) /* a timeout that ended the session */
        stride_failed(&t->stride, a->asked, batch_seconds(t));
    show(t, show_retry, NULL);
    if (!connect_and_lock(t, true, err) || !recover_first(t, &recovered, err) ||
        !all_decided(&recovered, err))
        goto out;
    if (settled_by_recover(&recovered, buf_str(&a->batch->key)))
        count_settled(t, a);
    ok = true;
out:
    recover_report_done(&recovered);
    return ok;
}

/* The batch was rolled back so that somebody else's session could go on. Half of it may be through
 * before anybody waits; a leaf leaves by rows. */
static bool after_letting_go(struct turn *t, const struct attempt *a, const char *why,
                             struct err *err)
{
    int64_t batches = t->table->batches;
    bool ok = true;

    stride_failed(&t->stride, a->asked, batch_seconds(t));
    t->table->let_go++;
    if (++t->let_go > LET_GO_MAX) {
        err_set(err, ERR_TRANSIENT, "others wait for its locks time and again");
        err_why(err, "%s", why);
        return err_hint(err, "a smaller batch_size, or a larger max_blocked_seconds");
    }
    log_msg(LOG_WARN,
            "%s.%s.%s: batch %" PRId64 " rolled back: %s; the next takes %" PRId64 " rows at most",
            t->table->database, t->table->schema, t->table->table, batches + 1, why,
            stride_next(&t->stride));
    show(t, show_retry, NULL);
    if (a->batch->outcome == ARCHIVE_UNKNOWN || !conn_alive(t->conn)) {
        t->reconnects--; /* this one was of our own making */
        ok = resolve(t, a, err);
    }
    if (a->leaf && t->table->batches == batches)
        walk_by_rows(t->walk);
    return ok;
}

static bool try_again(struct turn *t, const struct attempt *a, struct err *err)
{
    bool unknown = a->batch->outcome == ARCHIVE_UNKNOWN;
    char why[160];

    if (err->kind == ERR_INTERRUPTED)
        return unknown ? resolve(t, a, err) : false;
    if (monitor_let_go(t->params->monitor, why, sizeof(why)))
        return after_letting_go(t, a, why, err);
    if (unknown || !conn_alive(t->conn))
        return resolve(t, a, err);
    if (err->kind == ERR_EXISTS)
        return ++t->transients <= TRANSIENT_MAX * 20;
    if (err->kind == ERR_TRANSIENT && !a->leaf && walk_pass_over(t->walk)) {
        log_msg(LOG_DEBUG, "somebody holds rows of this range: they are passed over");
        return true;
    }
    /* As long as it can be halved, the next try is another one. */
    if (err->kind != ERR_TRANSIENT ||
        (++t->transients > TRANSIENT_MAX && (a->leaf || a->asked <= STRIDE_LEAST)))
        return false;
    stride_failed(&t->stride, a->asked, batch_seconds(t));
    log_err(LOG_WARN, err);
    log_msg(LOG_WARN, "%s.%s.%s: the next batch takes %" PRId64 " rows at most", t->table->database,
            t->table->schema, t->table->table, stride_next(&t->stride));
    show(t, show_retry, NULL);
    return true;
}

static void log_walk(const struct turn *t, int64_t rows)
{
    struct buf text = BUF_INIT;

    if (!log_on(LOG_DEBUG))
        return;
    walk_describe(t->walk, &text);
    log_msg(LOG_DEBUG, "%s.%s.%s: next batch of at most %" PRId64 " rows: %s", t->table->database,
            t->table->schema, t->table->table, rows, buf_str(&text));
    buf_done(&text);
}

/* One batch. *ret_done: the walk is over. */
static bool one_batch(struct turn *t, int64_t rows, bool *ret_done, struct err *err)
{
    struct buf sql = BUF_INIT;
    struct archive_batch batch = {0};
    char ignored[160];
    struct attempt attempt = {.batch = &batch, .asked = rows, .objects = 1};
    bool ok = walk_next(t->walk, t->conn, rows, &sql, ret_done, err);

    if (!ok || *ret_done)
        goto out;
    log_walk(t, rows);
    t->batch_us = text_monotonic_us();
    monitor_let_go(t->params->monitor, ignored, sizeof(ignored)); /* of an earlier batch */
    ok = archive_batch(t->archiver, t->conn, walk_leaf(t->walk), buf_str(&sql), &batch, err);
    if (!ok) {
        err_in(err, "batch %" PRId64, t->table->batches + 1);
        ok = try_again(t, &attempt, err);
    } else if (batch.outcome == ARCHIVE_EMPTY) {
        walk_took(t->walk, rows, 0, NULL);
    } else {
        count_settled(t, &attempt);
    }
out:
    archive_batch_done(&batch);
    buf_done(&sql);
    return ok;
}

/* False: the table's turn is over, for a limit or since the run is to stop. */
static bool may_begin_batch(struct turn *t)
{
    t->table->ended_by = limit_reached(t);
    if (t->table->ended_by)
        return false;
    switch (throttle_wait(t->params->throttle, &t->target->table->settings, deadline_of(t))) {
    case THROTTLE_STOPPED:
        t->table->status = RUN_STOPPED;
        return false;
    case THROTTLE_LATE:
        t->table->ended_by = limit_reached(t);
        return false;
    default:
        return true;
    }
}

/* --- a whole leaf --- */

/* Waits for what a batch waits for. */
static int64_t ask_rows(void *state)
{
    struct turn *t = state;

    if (!may_begin_batch(t))
        return 0;
    show(t, show_phase, "archive");
    t->batch_us = text_monotonic_us();
    return t->object_rows = next_batch_rows(t);
}

static void took_object(void *state, const struct archive_batch *object)
{
    struct turn *t = state;

    stride_took(&t->stride, t->object_rows, object->rows, object->line_bytes, batch_seconds(t));
    throttle_took(t->params->throttle, object->rows, object->bytes);
}

static bool one_leaf(struct turn *t, const struct introspect_leaf *leaf, struct err *err)
{
    struct leaf_params params = {.archive = &t->archive,
                                 .archiver = t->archiver,
                                 .conn = t->conn,
                                 .leaf = leaf,
                                 .ask = ask_rows,
                                 .took = took_object,
                                 .state = t};
    struct leaf_report report;
    char ignored[160];

    monitor_let_go(t->params->monitor, ignored, sizeof(ignored)); /* of an earlier batch */
    bool ok = leaf_archive(&params, &report, err);
    struct attempt attempt = {.batch = &report.total,
                              .asked = next_batch_rows(t),
                              .leaf = leaf,
                              .objects = report.objects};

    report.total.outcome = report.outcome;
    if (ok && report.outcome == ARCHIVE_SETTLED) {
        count_settled(t, &attempt);
    } else if (ok || report.stays) {
        if (!ok)
            log_err(LOG_WARN, err);
        walk_by_rows(t->walk);
        ok = true;
    } else {
        ok = try_again(t, &attempt, err);
    }
    archive_batch_done(&report.total);
    return ok;
}

/* --- all of it --- */

static bool next_step(struct turn *t, bool *ret_done, struct err *err)
{
    const struct introspect_leaf *leaf = walk_whole(t->walk);
    int64_t rows_before = t->table->records_archived;
    uint64_t bytes_before = t->table->bytes;

    if (leaf)
        return one_leaf(t, leaf, err);
    show(t, show_phase, "archive");
    if (!one_batch(t, next_batch_rows(t), ret_done, err))
        return false;
    if (t->table->records_archived > rows_before)
        throttle_took(t->params->throttle, t->table->records_archived - rows_before,
                      t->table->bytes - bytes_before);
    return true;
}

static bool archive_all(struct turn *t, bool *ret_complete, struct err *err)
{
    bool done = false;

    *ret_complete = false;
    while (!done) {
        if (!may_begin_batch(t))
            return true;
        if (!next_step(t, &done, err))
            return false;
    }
    *ret_complete = true;
    return true;
}

/* What is still there after the last sweep was locked by others; after a limit it is simply left.
 */
static bool count_left(struct turn *t, bool complete, struct err *err)
{
    struct buf oldest = BUF_INIT;
    int64_t left = 0;
    bool ok = plan_count(t->conn, t->plan, t->info, 0, &left, &oldest, err);

    buf_done(&oldest);
    if (!ok)
        return false;
    t->table->eligible = t->table->records_archived + left;
    t->table->skipped_locked = complete ? left : 0;
    return true;
}

/* What comes after the rows are safe: its failure is a warning, the rows stay archived. */
static void finish(struct turn *t, bool complete)
{
    struct err err;

    if (!count_left(t, complete, &err))
        log_err(LOG_WARN, &err);
    struct reclaim_params params = reclaim_params_of(t);
    struct reclaim_rows left = {.count = t->table->records_archived, .txid = t->txid};
    reclaim_end(&params, &left, &t->table->space);
    t->table->phases[PHASE_VACUUM] += t->table->space.seconds;
}

static double total_waited(const struct run_table *table)
{
    double seconds = 0;

    for (int i = 0; i < WAIT_COUNT; i++)
        seconds += table->waited[i];
    return seconds;
}

/* What held the turn up, and what ended it. */
static void log_turn(struct turn *t)
{
    struct run_table *table = t->table;
    struct buf text = BUF_INIT;

    throttle_waited(t->params->throttle, table->waited);
    for (int i = 0; i < WAIT_COUNT; i++) {
        if (table->waited[i] >= 0.05)
            buf_addf(&text, "%s%s %.1fs", text.len > 0 ? ", " : "",
                     throttle_wait_name((enum throttle_wait_for)i), table->waited[i]);
    }
    if (text.len > 0)
        log_msg(LOG_INFO, "%s.%s.%s: waited %.1fs: %s", table->database, table->schema,
                table->table, total_waited(table), buf_str(&text));
    if (table->ended_by)
        log_msg(LOG_INFO, "%s.%s.%s: %s is reached: the next run goes on", table->database,
                table->schema, table->table, table->ended_by);
    buf_done(&text);
}

/* What waited for the store goes first. A date range is about other rows. */
static bool play_spool(struct turn *t, struct err *err)
{
    struct spool_report spool = {0};

    if (t->params->start_date || t->params->end_date)
        return true;
    bool ok = spool_replay(&t->archive, t->conn, &spool, err);
    t->table->spool_uploaded += spool.uploaded;
    t->table->spool_dropped += spool.dropped;
    t->table->records_archived += spool.rows;
    t->table->batches += spool.uploaded;
    t->table->bytes += spool.bytes;
    t->table->line_bytes += spool.line_bytes;
    t->report->records_archived += spool.rows;
    t->report->bytes_uploaded += spool.bytes;
    t->report->batches += spool.uploaded;
    return ok;
}

static bool archive_table(struct turn *t, struct err *err)
{
    bool complete;

    show(t, show_total, &t->table->eligible);
    if (!prepare_archive(t, err) || !play_spool(t, err))
        return false;
    t->archiver = archiver_new(&t->archive, err);
    if (!t->archiver)
        return false;
    log_msg(LOG_INFO, "%s.%s.%s: %s walk: %s", t->table->database, t->table->schema,
            t->table->table, t->plan->strategy, t->plan->reason);
    t->walk = walk_new(t->plan, t->info);
    bool ok = archive_all(t, &complete, err);
    log_turn(t);
    if (conn_alive(t->conn))
        finish(t, ok && complete);
    return ok;
}

/* Not the database, which answers, and not something that another try would not change. */
static bool store_is_away(const struct turn *t, const struct err *err)
{
    return (err->kind == ERR_NETWORK || err->kind == ERR_STORE) && t->info && conn_alive(t->conn);
}

static bool keep_next_batch(struct turn *t, enum spool_outcome *ret, int64_t *ret_rows,
                            struct err *err)
{
    struct buf sql = BUF_INIT;
    bool done = false;

    if ((!t->plan && !prepare_plan(t, err)) || (!t->archive.config && !prepare_archive(t, err)))
        return false;
    if (!t->walk)
        t->walk = walk_new(t->plan, t->info);
    bool ok = limit_reached(t) || walk_next(t->walk, t->conn, next_batch_rows(t), &sql, &done, err);
    if (ok && sql.len > 0 && !done)
        ok =
            spool_keep(&t->archive, t->conn, walk_leaf(t->walk), buf_str(&sql), ret, ret_rows, err);
    buf_done(&sql);
    return ok;
}

/* The table's turn has failed; its next batch is kept for when the store is back. */
static void keep_in_spool(struct turn *t, const struct err *why)
{
    const char *dir = t->params->config->s3.spool_dir;
    enum spool_outcome outcome = SPOOL_NOT;
    int64_t rows = 0;
    struct err err;

    if (!dir || t->params->dry_run || !store_is_away(t, why) || stop_asked(t->params->stop))
        return;
    if (!keep_next_batch(t, &outcome, &rows, &err))
        log_err(LOG_WARN, &err);
    else if (outcome == SPOOL_KEPT)
        log_msg(LOG_WARN,
                "%s.%s.%s: a batch of %" PRId64 " rows waits in %s; they stay in the table",
                t->table->database, t->table->schema, t->table->table, rows, dir);
    else if (outcome == SPOOL_WAITING)
        log_msg(LOG_WARN, "%s.%s.%s: a batch waits in %s already", t->table->database,
                t->table->schema, t->table->table, dir);
    t->table->spooled += outcome == SPOOL_KEPT;
}

static void turn_done(struct turn *t)
{
    monitor_watch(t->params->monitor, NULL, 0, 0);
    archiver_free(t->archiver);
    walk_free(t->walk);
    plan_free(t->plan);
    introspect_free(t->info);
    if (t->conn)
        lock_release(t->conn, t->target->table->schema, t->target->table->name);
    conn_close(t->conn);
    buf_done(&t->ddl);
}

static void run_table(struct turn *t)
{
    struct err err = ERR_INIT;
    struct run_table *table = t->table;

    t->started_us = text_monotonic_us();
    show(t, show_table, t);
    bool ok = prepare(t, &err) && (t->params->dry_run ? dry_run(t, &err) : archive_table(t, &err));
    if (!ok) {
        err_in(&err, "%s.%s.%s", table->database, table->schema, table->table);
        table->err = err;
        table->status = err.kind == ERR_INTERRUPTED ? RUN_STOPPED : RUN_FAILURE;
        log_err(err.kind == ERR_INTERRUPTED ? LOG_WARN : LOG_ERROR, &err);
        keep_in_spool(t, &err);
    }
    turn_done(t);
    table->seconds = (double)(text_monotonic_us() - t->started_us) / 1e6;
    show(t, show_table_done, t);
}

/* --- the run --- */

static enum run_status overall(const struct run_report *report)
{
    size_t failed = 0, stopped = 0;

    for (size_t i = 0; i < report->table_count; i++) {
        failed += report->tables[i].status == RUN_FAILURE;
        stopped += report->tables[i].status == RUN_STOPPED;
    }
    if (failed == report->table_count)
        return RUN_FAILURE;
    if (failed > 0)
        return RUN_PARTIAL;
    return stopped > 0 ? RUN_STOPPED : RUN_SUCCESS;
}

int run_exit_code(const struct run_report *report)
{
    if (report->status == RUN_SUCCESS)
        return 0;
    if (report->status == RUN_STOPPED)
        return err_exit_code(ERR_INTERRUPTED);
    if (report->status == RUN_PARTIAL)
        return err_exit_code(ERR_PARTIAL);
    /* All failed: the one reason says most; with several reasons it is plain failure. */
    int code = err_exit_code(report->tables[0].err.kind);
    for (size_t i = 1; i < report->table_count; i++) {
        if (err_exit_code(report->tables[i].err.kind) != code)
            return err_exit_code(ERR_DATABASE);
    }
    return code;
}

static void keep_report(struct store *store, const struct config *config,
                        const struct run_report *report)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    run_report_write(report, &j);
    runs_keep(store, config, report->run_id, &json);
    buf_done(&json);
}

static void log_requests(struct store *store)
{
    struct store_stats stats;

    store_stats(store, &stats);
    log_msg(LOG_DEBUG,
            "store: %" PRIu64 " requests, %" PRIu64 " bytes sent, %" PRIu64 " received, %" PRIu64
            " retries",
            stats.requests, stats.bytes_sent, stats.bytes_received, stats.retries);
}

static void begin_report(const struct run_params *params, const struct targets *targets,
                         struct run_report *report)
{
    *report = (struct run_report){.dry_run = params->dry_run, .started_us = text_now_us()};
    snprintf(report->run_id, sizeof(report->run_id), "%s", params->run_id);
    report->tables = mem_alloc(targets->count * sizeof(*report->tables));
    report->table_count = targets->count;
    for (size_t i = 0; i < targets->count; i++) {
        report->tables[i].database = targets->items[i].database->name;
        report->tables[i].schema = targets->items[i].table->schema;
        report->tables[i].table = targets->items[i].table->name;
        report->tables[i].eligible = -1;
    }
}

/* `common`: what every table's turn has. */
static void run_tables(const struct turn *common, const struct targets *targets)
{
    const struct run_params *params = common->params;
    struct run_report *report = common->report;

    for (size_t i = 0; i < targets->count; i++) {
        struct turn turn = *common;
        turn.target = &targets->items[i];
        turn.table = &report->tables[i];
        turn.number = i;
        bool limit = params->limit > 0 && report->records_archived >= params->limit;
        if (!limit && !stop_asked(params->stop)) {
            run_table(&turn);
            continue;
        }
        if (!limit)
            report->tables[i].status = RUN_STOPPED;
        show(&turn, show_left_out, &(struct left_out){i, limit ? TABLE_SKIPPED : TABLE_STOPPED});
    }
}

bool run_archive(const struct run_params *params, struct run_report *report, struct err *err)
{
    struct targets targets = {0};
    struct turn common = {.params = params,
                          .report = report,
                          .keyring = keyring_new(params->config)};
    bool ok = false;

    *report = (struct run_report){0};
    if (!keyring_ready(common.keyring, err) ||
        !targets_find(params->config, params->database, params->schema, params->table, &targets,
                      err))
        goto out;
    common.store = store_open(&params->config->s3, params->stop, err);
    if (!common.store)
        goto out;
    common.pool = pool_new(pool_cores(), "seal", err);
    if (!common.pool)
        goto out;
    begin_report(params, &targets, report);
    log_set_run(report->run_id);
    for (size_t i = 0; params->progress && i < targets.count; i++)
        progress_add_table(params->progress, targets.items[i].database->name,
                           targets.items[i].table->schema, targets.items[i].table->name);
    run_tables(&common, &targets);
    report->ended_us = text_now_us();
    report->status = overall(report);
    if (!params->dry_run)
        keep_report(common.store, params->config, report);
    log_requests(common.store);
    ok = true;
out:
    pool_free(common.pool);
    store_close(common.store);
    keyring_free(common.keyring);
    targets_done(&targets);
    return ok;
}

void run_report_done(struct run_report *report)
{
    free(report->tables);
    *report = (struct run_report){0};
}

uint64_t run_size_before(const struct run_table *table)
{
    return vacuum_sum(&table->space.before);
}

/* --- the report as JSON --- */

static void write_phases(const double *phases, struct json_out *j)
{
    json_key(j, "phases");
    json_begin_object(j);
    for (int i = 0; i < PHASE_COUNT; i++)
        json_put_real(j, progress_phase_name((enum progress_phase)i), phases[i], 3);
    json_end(j);
}

static void write_waits(const double *waited, struct json_out *j)
{
    json_key(j, "waited");
    json_begin_object(j);
    for (int i = 0; i < WAIT_COUNT; i++)
        json_put_real(j, throttle_wait_name((enum throttle_wait_for)i), waited[i], 3);
    json_end(j);
}

static void write_table(const struct run_table *t, bool dry_run_only, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "database", t->database);
    json_put_str(j, "schema", t->schema);
    json_put_str(j, "table", t->table);
    json_put_str(j, "status", run_status_name(t->status));
    json_put_str(j, "strategy", t->strategy[0] ? t->strategy : NULL);
    json_put_str(j, "reason", t->reason[0] ? t->reason : NULL);
    json_put_str(j, "cutoff", t->cutoff[0] ? t->cutoff : NULL);
    json_put_int(j, "eligible", t->eligible);
    if (dry_run_only)
        json_put_str(j, "oldest", t->oldest[0] ? t->oldest : NULL);
    json_put_int(j, "records_archived", t->records_archived);
    json_put_int(j, "skipped_locked", t->skipped_locked);
    json_put_int(j, "batches", t->batches);
    json_put_int(j, "bytes", (int64_t)t->bytes);
    json_put_int(j, "line_bytes", (int64_t)t->line_bytes);
    json_put_real(j, "seconds", t->seconds, 3);
    write_phases(t->phases, j);
    write_waits(t->waited, j);
    json_put_int(j, "let_go", t->let_go);
    json_put_str(j, "ended_by", t->ended_by);
    json_put_int(j, "size_before", (int64_t)vacuum_sum(&t->space.before));
    json_put_int(j, "size_after", (int64_t)vacuum_sum(&t->space.after));
    json_key(j, "space");
    reclaim_write(&t->space, j);
    json_put_int(j, "recovered_settled", t->recovered_settled);
    json_put_int(j, "recovered_removed", t->recovered_removed);
    json_put_int(j, "spooled", t->spooled);
    json_put_int(j, "spool_uploaded", t->spool_uploaded);
    json_put_int(j, "spool_dropped", t->spool_dropped);
    json_put_err(j, "error", &t->err);
    json_end(j);
}

void run_report_write(const struct run_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "run_id", report->run_id);
    json_put_str(j, "status", run_status_name(report->status));
    json_put_bool(j, "dry_run", report->dry_run);
    json_put_time(j, "started_at", report->started_us);
    json_put_time(j, "ended_at", report->ended_us);
    json_put_int(j, "records_archived", report->records_archived);
    json_put_int(j, "bytes_uploaded", (int64_t)report->bytes_uploaded);
    json_put_int(j, "batches", report->batches);
    json_key(j, "tables");
    json_begin_array(j);
    for (size_t i = 0; i < report->table_count; i++)
        write_table(&report->tables[i], report->dry_run, j);
    json_end(j);
    json_end(j);
}
