/* SPDX-License-Identifier: PostgreSQL
 *
 * The batches of one hand: when the next one may begin and how large it is, what becomes of it, and
 * whether one that failed is tried again.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "leaf.h"
#include "turn_part.h"

#define TRANSIENT_MAX 5
/* Batches in a row that were rolled back for others; each was half the one before. */
#define LET_GO_MAX 10

/* --- progress --- */

static void show(const struct hand *h, struct progress_news news)
{
    news.table = h->turn->number;
    progress_tell(h->turn->params->progress, &news);
}

static void show_retry(const struct hand *h)
{
    show(h, (struct progress_news){.retries = 1});
}

static void show_phase(const struct hand *h)
{
    show(h, (struct progress_news){.phase = "archive"});
}

/* What a failed attempt showed is undone at once; a retry is counted where there is one. */
static void show_undone(const struct hand *h, const struct attempt *a)
{
    show(h, (struct progress_news){.rows = -a->batch.rows_shown});
}

/* --- one attempt --- */

static double batch_seconds(const struct hand *h)
{
    return (double)(text_monotonic_us() - h->batch_us) / 1e6;
}

/* A leaf has none: it leaves whole only where there is no limit. */
static int64_t promised_to(const struct attempt *a)
{
    return a->leaf ? 0 : a->asked;
}

/* It is dropped. */
static void leaf_settled(struct hand *h, const struct attempt *a)
{
    struct run_table *table = h->turn->table;

    log_msg(LOG_INFO,
            "%s.%s.%s: partition %s.%s left whole: %" PRId64 " rows in %" PRId64
            " objects; it is detached and dropped, it was PARTITION OF %s.%s %s",
            table->database, table->schema, table->table, a->leaf->schema, a->leaf->table,
            a->batch.rows, a->objects, a->leaf->parent_schema, a->leaf->parent_table,
            a->leaf->bounds);
    introspect_forget_leaf(h->turn->info, a->leaf);
}

static void batch_settled(struct hand *h, const struct attempt *a)
{
    struct run_table *table = h->turn->table;

    stride_took(&h->stride, a->asked, a->batch.rows, a->batch.line_bytes, batch_seconds(h));
    walk_took(h->walk, a->asked, a->batch.rows, buf_str(&a->batch.max_timestamp));
    log_msg(LOG_INFO, "%s.%s.%s batch %" PRId64 " settled: %" PRId64 " rows, %" PRIu64 " bytes, %s",
            table->database, table->schema, table->table, turn_counts(h->turn).batches,
            a->batch.rows, a->batch.bytes, buf_str(&a->batch.key));
}

static void count_settled(struct hand *h, const struct attempt *a)
{
    turn_took(h->turn, promised_to(a), &a->batch, a->objects, !a->leaf);
    h->transients = h->let_go = 0;
    h->turn->reconnects = 0;
    if (a->leaf)
        leaf_settled(h, a);
    else
        batch_settled(h, a);
}

static bool ends(struct hand *h, enum hand_end end)
{
    h->end = end;
    return false;
}

/* Only recover can say what became of it, and it needs the table for itself. */
static bool lose(struct hand *h, struct attempt *a)
{
    if (h->err.kind == ERR_TRANSIENT && !h->gave_way) /* a timeout that ended the session */
        stride_failed(&h->stride, a->asked, batch_seconds(h));
    h->attempt = *a;
    *a = (struct attempt){0};
    return ends(h, HAND_LOST);
}

void hand_resolved(struct hand *h, bool settled)
{
    struct attempt *a = &h->attempt;

    if (settled) {
        count_settled(h, a);
        turn_show_counts(h->turn, 0);
    } else {
        turn_took(h->turn, promised_to(a), NULL, 0, false);
        if (a->leaf && h->gave_way)
            walk_by_rows(h->walk);
    }
    h->gave_way = false;
    archive_batch_done(&a->batch);
    *a = (struct attempt){0};
}

/* The batch was rolled back so that somebody else's session could go on. Half of it may be through
 * before anybody waits; a leaf leaves by rows. */
static bool after_letting_go(struct hand *h, struct attempt *a, const char *why)
{
    struct run_table *table = h->turn->table;

    stride_failed(&h->stride, a->asked, batch_seconds(h));
    pthread_mutex_lock(&h->turn->tally->lock);
    table->let_go++;
    pthread_mutex_unlock(&h->turn->tally->lock);
    if (++h->let_go > LET_GO_MAX) {
        err_set(&h->err, ERR_TRANSIENT, "others wait for its locks time and again");
        err_why(&h->err, "%s", why);
        err_hint(&h->err, "a smaller batch_size, or a larger max_blocked_seconds");
        return ends(h, HAND_FAILED);
    }
    log_msg(LOG_WARN,
            "%s.%s.%s: batch %" PRId64 " rolled back: %s; the next takes %" PRId64 " rows at most",
            table->database, table->schema, table->table, turn_counts(h->turn).batches + 1, why,
            stride_next(&h->stride));
    show_retry(h);
    h->gave_way = true;
    if (a->batch.outcome == ARCHIVE_UNKNOWN || !conn_alive(h->conn))
        return lose(h, a);
    h->gave_way = false;
    if (a->leaf)
        walk_by_rows(h->walk);
    return true;
}

/* Somebody holds rows of a range that is taken as it is. */
static bool passes_over(struct hand *h, const struct attempt *a)
{
    bool locked = h->err.kind == ERR_TRANSIENT && strstr(h->err.where, "55P03");

    if (!locked || a->leaf || !walk_pass_over(h->walk))
        return false;
    log_msg(LOG_DEBUG, "somebody holds rows of this range: they are passed over");
    return true;
}

/* After a failure, h->err. False: h->end. */
static bool try_again(struct hand *h, struct attempt *a)
{
    const struct run_table *table = h->turn->table;
    bool unknown = a->batch.outcome == ARCHIVE_UNKNOWN;
    char why[160];

    if (h->err.kind == ERR_INTERRUPTED)
        return unknown ? lose(h, a) : ends(h, HAND_FAILED);
    if (monitor_let_go(h->turn->params->monitor, h->subject, why, sizeof(why)))
        return after_letting_go(h, a, why);
    if (unknown || !conn_alive(h->conn))
        return lose(h, a);
    if (h->err.kind == ERR_EXISTS)
        return ++h->transients <= TRANSIENT_MAX * 20 || ends(h, HAND_FAILED);
    if (passes_over(h, a))
        return true;
    /* As long as it can be halved, the next try is another one. */
    if (h->err.kind != ERR_TRANSIENT ||
        (++h->transients > TRANSIENT_MAX && (a->leaf || a->asked <= STRIDE_LEAST)))
        return ends(h, HAND_FAILED);
    stride_failed(&h->stride, a->asked, batch_seconds(h));
    log_err(LOG_WARN, &h->err);
    log_msg(LOG_WARN, "%s.%s.%s: the next batch takes %" PRId64 " rows at most", table->database,
            table->schema, table->table, stride_next(&h->stride));
    show_retry(h);
    return true;
}

/* --- one batch --- */

static void begin_stream(struct hand *h)
{
    while (sem_wait(h->streams) != 0)
        ; /* a signal */
    h->streaming = true;
}

static void end_stream(struct hand *h)
{
    if (h->streaming)
        sem_post(h->streams);
    h->streaming = false;
}

/* The server has sent the batch, and has nothing to do for this session until COMMIT. */
static void batch_streamed(void *state)
{
    struct hand *h = state;

    log_msg(LOG_DEBUG, "%s.%s.%s: all rows of a batch are here", h->turn->table->database,
            h->turn->table->schema, h->turn->table->table);
    end_stream(h);
}

static void log_walk(const struct hand *h, int64_t rows)
{
    const struct run_table *table = h->turn->table;
    struct buf text = BUF_INIT;

    if (!log_on(LOG_DEBUG))
        return;
    walk_describe(h->walk, &text);
    log_msg(LOG_DEBUG, "%s.%s.%s: next batch of at most %" PRId64 " rows: %s", table->database,
            table->schema, table->table, rows, buf_str(&text));
    buf_done(&text);
}

static void forget_let_go(struct hand *h)
{
    char ignored[160]; /* of an earlier batch */

    monitor_let_go(h->turn->params->monitor, h->subject, ignored, sizeof(ignored));
}

static bool count_batch(struct hand *h, const struct attempt *a)
{
    if (a->batch.outcome == ARCHIVE_EMPTY) {
        walk_took(h->walk, a->asked, 0, NULL);
        turn_took(h->turn, a->asked, NULL, 0, false);
        return true;
    }
    count_settled(h, a);
    turn_show_counts(h->turn, a->batch.rows_shown);
    throttle_took(h->turn->params->throttle, &h->line, a->batch.rows, a->batch.bytes);
    return true;
}

static bool try_batch(struct hand *h, const char *sql, struct attempt *a)
{
    struct turn *t = h->turn;
    struct archive_copy copy = {.sql = sql, .streamed = batch_streamed, .state = h};

    log_walk(h, a->asked);
    h->batch_us = text_monotonic_us();
    forget_let_go(h);
    if (archive_batch(t->archiver, h->conn, walk_leaf(h->walk), &copy, &a->batch, &h->err))
        return count_batch(h, a);
    err_in(&h->err, "batch %" PRId64, turn_counts(t).batches + 1);
    show_undone(h, a);
    bool again = try_again(h, a);
    if (h->end != HAND_LOST) /* whose rows recover counts */
        turn_took(t, a->asked, NULL, 0, false);
    return again;
}

/* *ret_over: the walk is. */
static bool one_batch(struct hand *h, bool *ret_over)
{
    struct buf sql = BUF_INIT;
    struct attempt a = {.asked = turn_promise(h->turn, stride_next(&h->stride)), .objects = 1};
    bool ok;

    if (a.asked == 0)
        return ends(h, HAND_LIMIT);
    show_phase(h);
    ok = walk_next(h->walk, h->conn, a.asked, &sql, ret_over, &h->err);
    if (ok && !*ret_over) {
        ok = try_batch(h, buf_str(&sql), &a);
    } else {
        turn_took(h->turn, a.asked, NULL, 0, false);
        h->end = ok ? h->end : HAND_FAILED;
    }
    archive_batch_done(&a.batch);
    buf_done(&sql);
    return ok;
}

/* Waits for what a batch waits for. */
static bool may_begin_batch(struct hand *h)
{
    struct turn *t = h->turn;

    if (t->halt)
        return ends(h, HAND_DONE);
    if (turn_limit(t))
        return ends(h, HAND_LIMIT);
    switch (throttle_wait(t->params->throttle, &h->line, turn_deadline(t))) {
    case THROTTLE_STOPPED:
        return ends(h, HAND_STOPPED);
    case THROTTLE_LATE:
        return ends(h, HAND_LIMIT);
    default:
        return true;
    }
}

/* --- a whole leaf --- */

static int64_t ask_rows(void *state)
{
    struct hand *h = state;

    if (!may_begin_batch(h))
        return 0;
    show_phase(h);
    h->batch_us = text_monotonic_us();
    return h->object_rows = stride_next(&h->stride);
}

static void took_object(void *state, const struct archive_batch *object)
{
    struct hand *h = state;

    stride_took(&h->stride, h->object_rows, object->rows, object->line_bytes, batch_seconds(h));
    throttle_took(h->turn->params->throttle, &h->line, object->rows, object->bytes);
}

/* Rolled back, or without a row: its rows leave by batch. */
static bool leaf_stays(struct hand *h, bool failed)
{
    if (failed)
        log_err(LOG_WARN, &h->err);
    walk_by_rows(h->walk);
    return true;
}

static bool one_leaf(struct hand *h, const struct introspect_leaf *leaf)
{
    struct leaf_params params = {.archive = &h->turn->archive,
                                 .archiver = h->turn->archiver,
                                 .conn = h->conn,
                                 .leaf = leaf,
                                 .ask = ask_rows,
                                 .took = took_object,
                                 .state = h};
    struct leaf_report report;

    forget_let_go(h);
    h->batch_us = text_monotonic_us();
    h->end = HAND_DONE;
    bool ok = leaf_archive(&params, &report, &h->err);
    struct attempt a = {.batch = report.total,
                        .asked = stride_next(&h->stride),
                        .leaf = leaf,
                        .objects = report.objects};

    a.batch.outcome = report.outcome;
    if (ok && report.outcome == ARCHIVE_SETTLED) {
        count_settled(h, &a);
        turn_show_counts(h->turn, a.batch.rows_shown);
    } else {
        show_undone(h, &a);
        ok = ok || report.stays ? leaf_stays(h, !ok) : try_again(h, &a);
    }
    archive_batch_done(&a.batch);
    return ok;
}

/* --- all of it --- */

bool hand_walk(struct hand *h)
{
    bool over = false;

    while (!over) {
        const struct introspect_leaf *leaf = walk_whole(h->walk);
        begin_stream(h);
        bool ok = may_begin_batch(h) && (leaf ? one_leaf(h, leaf) : one_batch(h, &over));
        end_stream(h);
        if (!ok)
            return false;
    }
    return true;
}
