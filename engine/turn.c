/* SPDX-License-Identifier: PostgreSQL */
#include "turn.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "postgres/lock.h"
#include "postgres/way.h"
#include "spool.h"
#include "turn_part.h"

#define LOCK_WAIT_S 60
/* What a row is taken for until the first batch has told. */
#define ROW_BYTES_GUESS  700
#define FIRST_BATCH_ROWS 5000

/* --- progress --- */

static struct progress_table *shown_of(struct progress_snapshot *s, const struct turn *t)
{
    return &s->tables[t->number];
}

static void show_table(struct progress_snapshot *s, const void *arg)
{
    struct progress_table *table = shown_of(s, arg);

    table->state = TABLE_RUNNING;
    PROGRESS_SET(table->phase, "connect");
}

static void show_total(struct progress_snapshot *s, const void *arg)
{
    const struct turn *t = arg;

    shown_of(s, t)->rows_total = t->table->eligible;
}

struct shown_counts {
    const struct turn *turn;
    int64_t shown;
    struct turn_counts counts;
    double phases[PHASE_COUNT];
};

static void show_counts(struct progress_snapshot *s, const void *arg)
{
    const struct shown_counts *c = arg;
    struct progress_table *table = shown_of(s, c->turn);

    table->rows_in_flight -= c->shown;
    table->rows_done = c->counts.rows;
    table->batches = c->counts.batches;
    table->bytes = c->counts.bytes;
    memcpy(table->phases, c->phases, sizeof(table->phases));
}

void turn_show_counts(struct turn *t, int64_t shown)
{
    struct shown_counts c = {.turn = t, .shown = shown, .counts = turn_counts(t)};

    archiver_phases(t->archiver, c.phases);
    turn_show(t, show_counts, &c);
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
    struct progress_table *table = shown_of(s, t);

    table->rows_in_flight = 0;
    table->rows_done = t->table->records_archived;
    table->batches = t->table->batches;
    table->bytes = t->table->bytes;
    memcpy(table->phases, t->table->phases, sizeof(table->phases));
    table->state = state_of(t->table->status);
    table->skipped = t->table->skipped_locked;
    table->phase[0] = table->object[0] = '\0';
    if (t->table->err.kind != ERR_NONE)
        err_line(&t->table->err, table->error, sizeof(table->error));
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

void turn_show(const struct turn *t, void (*change)(struct progress_snapshot *, const void *),
               const void *arg)
{
    if (t->params->progress)
        progress_change(t->params->progress, change, arg);
}

void turn_leave_out(struct turn *t, enum progress_state state)
{
    turn_show(t, show_left_out, &(struct left_out){t->number, state});
}

/* --- before the first batch --- */

void turn_watch(const struct turn *t, struct conn *conn, struct monitor_subject *subject)
{
    *subject =
        (struct monitor_subject){.database = t->target->database,
                                 .pid = PQbackendPID(conn_pg(conn)),
                                 .max_blocked_s = t->target->table->settings.max_blocked_seconds,
                                 .table = t->number};
    monitor_watch(t->params->monitor, subject);
}

void turn_session_done(struct turn_session *session)
{
    conn_close(session->conn);
    session->conn = NULL;
}

/* The session of the turn before, where it is of the same database and still good. */
static struct conn *connect_to(struct turn *t, struct err *err)
{
    struct turn_session *s = t->session;
    struct conn *conn = s->conn;

    if (conn && s->database == t->target->database && conn_idle(conn)) {
        s->conn = NULL;
        return conn;
    }
    turn_session_done(s);
    return conn_open(t->target->database, t->report->run_id, err);
}

static void leave_session(struct turn *t)
{
    const struct config_table *table = t->target->table;
    bool unlocked = lock_release(t->conn, table->schema, table->name);

    if (unlocked && conn_idle(t->conn))
        *t->session = (struct turn_session){t->target->database, t->conn};
    else
        conn_close(t->conn);
}

static bool connect_and_lock(struct turn *t, bool again, struct err *err)
{
    const struct config_table *table = t->target->table;

    monitor_leave(t->params->monitor, &t->subject);
    conn_close(t->conn);
    t->shared = false;
    t->conn = connect_to(t, err);
    if (!t->conn)
        return false;
    turn_watch(t, t->conn, &t->subject);
    if (conn_server(t->conn)->in_recovery) {
        err_set(err, ERR_PREFLIGHT, "the server is a standby");
        return err_hint(err, "archiving deletes rows: connect to the primary");
    }
    if (t->params->dry_run)
        return true;
    return lock_take_again(t->conn, table->schema, table->name, again ? LOCK_WAIT_S : 0,
                           t->params->stop, err);
}

static struct reclaim_params reclaim_params_of(struct turn *t)
{
    return (struct reclaim_params){.config = t->params->config,
                                   .database = t->target->database,
                                   .table = t->target->table,
                                   .info = t->info,
                                   .conn = t->conn,
                                   .store = t->store,
                                   .run_id = t->report->run_id,
                                   .stop = t->params->stop,
                                   .stopping = t->table->status == RUN_STOPPED,
                                   .progress = t->params->progress,
                                   .number = t->number,
                                   .monitor = t->params->monitor,
                                   .subject = &t->subject};
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

bool turn_resume(struct turn *t, struct recover_report *ret, struct err *err)
{
    return connect_and_lock(t, true, err) && recover_first(t, ret, err) && all_decided(ret, err);
}

static int64_t row_bytes_guess(const struct turn *t)
{
    if (t->info->rows_estimate <= 0)
        return ROW_BYTES_GUESS;
    int64_t bytes = (int64_t)t->info->heap_bytes / t->info->rows_estimate;

    return bytes < ROW_BYTES_GUESS ? ROW_BYTES_GUESS : bytes * 2;
}

void turn_begin_stride(const struct turn *t, struct stride *ret)
{
    stride_begin(ret, &t->target->table->settings, row_bytes_guess(t),
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
    snprintf(t->table->cutoff, sizeof(t->table->cutoff), "%s", t->plan->cutoff);
    snprintf(t->table->strategy, sizeof(t->table->strategy), "%s", t->plan->strategy);
    snprintf(t->table->reason, sizeof(t->table->reason), "%s", t->plan->reason);
    return true;
}

static bool prepare(struct turn *t, struct err *err)
{
    struct recover_report recovered = {0};

    if (!fault_point("turn.begin", err) || !connect_and_lock(t, false, err))
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
                                         .number = t->number,
                                         .phases = t->table->phases};
    return true;
}

static bool dry_run(struct turn *t, struct err *err)
{
    struct buf oldest = BUF_INIT;
    bool ok = plan_count(t->conn, t->plan, t->info, 0, t->params->stop, &t->table->eligible,
                         &oldest, err);

    snprintf(t->table->oldest, sizeof(t->table->oldest), "%s", buf_str(&oldest));
    buf_done(&oldest);
    t->table->space.after = t->table->space.before;
    return ok;
}

/* --- after the last one --- */

/* What is still there after the last sweep was locked by others; after a limit it is simply left.
 * Who stops a run does not wait for a count. */
static bool count_left(struct turn *t, bool complete, struct err *err)
{
    int64_t left = 0;
    bool stopped = t->table->status == RUN_STOPPED;
    bool counted = t->none_left || (!stopped && plan_count(t->conn, t->plan, t->info, 0,
                                                           t->params->stop, &left, NULL, err));

    if (!counted && !stopped && err->kind != ERR_INTERRUPTED)
        return false;
    if (!counted && !plan_estimate(t->conn, t->plan, t->info, &left, err))
        return false;
    t->table->eligible = t->table->records_archived + left;
    t->table->skipped_locked = complete && counted ? left : 0;
    return true;
}

/* What comes after the rows are safe: its failure is a warning, the rows stay archived. */
static void finish(struct turn *t, bool complete)
{
    struct err err;

    if (!count_left(t, complete, &err))
        log_err(LOG_WARN, &err);
    struct reclaim_params params = reclaim_params_of(t);
    struct reclaim_rows left = {.count = t->deleted, .txid = t->txid};
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
    struct archive_batch settled = {.rows = spool.rows,
                                    .bytes = spool.bytes,
                                    .line_bytes = spool.line_bytes};
    turn_took(t, 0, &settled, spool.uploaded, true);
    return ok;
}

static bool archive_table(struct turn *t, struct err *err)
{
    bool complete;

    turn_show(t, show_total, t);
    if (!prepare_archive(t, err) || !play_spool(t, err))
        return false;
    t->archiver = archiver_new(&t->archive, err);
    if (!t->archiver)
        return false;
    log_msg(LOG_INFO, "%s.%s.%s: %s walk: %s", t->table->database, t->table->schema,
            t->table->table, t->plan->strategy, t->plan->reason);
    bool ok = turn_batches(t, &complete, err);
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
    struct stride stride;
    bool done = false;

    if ((!t->plan && !prepare_plan(t, err)) || (!t->archive.config && !prepare_archive(t, err)))
        return false;
    turn_begin_stride(t, &stride);
    int64_t rows = turn_promise(t, stride_next(&stride));
    struct walk *walk = walk_new(t->plan, t->info);
    bool ok = rows == 0 || walk_next(walk, t->conn, rows, &sql, &done, err);
    if (ok && sql.len > 0 && !done)
        ok = spool_keep(&t->archive, t->conn, walk_leaf(walk), buf_str(&sql), ret, ret_rows, err);
    if (rows > 0)
        turn_took(t, rows, NULL, 0, false);
    walk_free(walk);
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
    monitor_leave(t->params->monitor, &t->subject);
    archiver_free(t->archiver);
    plan_free(t->plan);
    introspect_free(t->info);
    leave_session(t);
    buf_done(&t->ddl);
}

void turn_run(struct turn *t)
{
    struct err err = ERR_INIT;
    struct run_table *table = t->table;

    t->started_us = text_monotonic_us();
    turn_show(t, show_table, t);
    bool ok = prepare(t, &err) && (t->params->dry_run ? dry_run(t, &err) : archive_table(t, &err));
    if (!ok) {
        err_in(&err, "%s.%s.%s", table->database, table->schema, table->table);
        table->err = err;
        table->status = err.kind == ERR_INTERRUPTED ? RUN_STOPPED : RUN_FAILURE;
        if (err.kind != ERR_LOCKED)
            log_err(err.kind == ERR_INTERRUPTED ? LOG_WARN : LOG_ERROR, &err);
        keep_in_spool(t, &err);
    }
    turn_done(t);
    table->seconds = (double)(text_monotonic_us() - t->started_us) / 1e6;
}

void turn_comes_again(struct turn *t)
{
    struct run_table *table = t->table;

    log_msg(LOG_INFO, "%s.%s.%s: %s: its turn comes again", table->database, table->schema,
            table->table, table->err.why[0] ? table->err.why : table->err.what);
    *table = (struct run_table){.database = table->database,
                                .schema = table->schema,
                                .table = table->table,
                                .eligible = -1};
    turn_leave_out(t, TABLE_WAITING);
}

void turn_report(struct turn *t)
{
    if (t->table->err.kind == ERR_LOCKED)
        log_err(LOG_ERROR, &t->table->err);
    turn_show(t, show_table_done, t);
}
