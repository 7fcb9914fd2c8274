/* SPDX-License-Identifier: PostgreSQL
 *
 * The batches of a table's turn: how large the next one is, what becomes of it, and whether one
 * that failed is tried again.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "leaf.h"
#include "turn_part.h"

#define RECONNECTS_MAX 3
#define TRANSIENT_MAX  5
/* Batches in a row that were rolled back for others; each was half the one before. */
#define LET_GO_MAX 10

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

/* --- one batch --- */

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

const char *turn_limit(const struct turn *t)
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

int64_t turn_next_rows(const struct turn *t)
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
    if (!a->leaf)
        t->deleted += a->batch->rows;
    t->transients = t->let_go = t->reconnects = 0;
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
    turn_show(t, turn_put_counts, t);
}

static bool settled_by_recover(const struct recover_report *report,
                               const struct archive_batch *batch)
{
    for (size_t i = 0; i < report->count; i++) {
        if (strcmp(report->batches[i].key, buf_str(&batch->key)) == 0)
            return report->batches[i].verdict == RECOVER_SETTLED;
    }
    /* Nothing was left to decide: its line was in the catalog although that was not confirmed. */
    return batch->outcome == ARCHIVE_UNKNOWN && batch->key.len > 0;
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
    turn_show(t, show_retry, NULL);
    if (!turn_resume(t, &recovered, err))
        goto out;
    if (settled_by_recover(&recovered, a->batch))
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
    turn_show(t, show_retry, NULL);
    if (a->batch->outcome == ARCHIVE_UNKNOWN || !conn_alive(t->conn)) {
        ok = resolve(t, a, err);
        t->reconnects -= t->reconnects > 0; /* this one was of our own making */
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
    bool locked = err->kind == ERR_TRANSIENT && strstr(err->where, "55P03");
    if (locked && !a->leaf && walk_pass_over(t->walk)) {
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
    turn_show(t, show_retry, NULL);
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
    t->table->ended_by = turn_limit(t);
    if (t->table->ended_by)
        return false;
    switch (throttle_wait(t->params->throttle, &t->target->table->settings, deadline_of(t))) {
    case THROTTLE_STOPPED:
        t->table->status = RUN_STOPPED;
        return false;
    case THROTTLE_LATE:
        t->table->ended_by = turn_limit(t);
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
    turn_show(t, show_phase, "archive");
    t->batch_us = text_monotonic_us();
    return t->object_rows = turn_next_rows(t);
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
    t->batch_us = text_monotonic_us();
    bool ok = leaf_archive(&params, &report, err);
    struct attempt attempt = {.batch = &report.total,
                              .asked = turn_next_rows(t),
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
    turn_show(t, show_phase, "archive");
    if (!one_batch(t, turn_next_rows(t), ret_done, err))
        return false;
    if (t->table->records_archived > rows_before)
        throttle_took(t->params->throttle, t->table->records_archived - rows_before,
                      t->table->bytes - bytes_before);
    return true;
}

bool turn_batches(struct turn *t, bool *ret_complete, struct err *err)
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
