/* SPDX-License-Identifier: PostgreSQL
 *
 * All batches of a table's turn: one hand that walks it, or several that share it by parts
 * (postgres/walk.h), each on a session of its own. They work until the parts are over, or one of
 * them ends for a reason that concerns all; then all are joined, and what was lost is decided
 * before any goes on.
 *
 * Batches overlap where there is one hand more than workers, of which so many as there are workers
 * have rows coming in; the one that is over stores and commits what it has.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "postgres/lock.h"
#include "turn_part.h"

#define RECONNECTS_MAX 3
/* What is left is promised to other tables' batches: they may take less. */
#define LOOK_AGAIN_MS 50

enum part_state { PART_FREE, PART_TAKEN, PART_OVER };

struct mate {
    struct crew *crew;
    struct hand hand;
    struct monitor_subject subject; /* of a session of its own */
    pthread_t thread;
    bool runs;
};

struct crew {
    struct turn *turn;
    struct mate *mates;
    size_t count, workers;
    sem_t streams;        /* workers that have no rows coming in */
    pthread_mutex_t lock; /* of what follows */
    struct walk_parts parts;
    enum part_state *states; /* one a part */
    size_t at_work;
};

/* --- the parts --- */

/* False: none is free. */
static bool take_part(struct crew *c, size_t *ret)
{
    bool found = false;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; !found && i < c->parts.count; i++) {
        found = c->states[i] == PART_FREE;
        if (found)
            c->states[ *ret = i] = PART_TAKEN;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}

static void give_back(struct crew *c, size_t part, bool over)
{
    pthread_mutex_lock(&c->lock);
    c->states[part] = over ? PART_OVER : PART_FREE;
    pthread_mutex_unlock(&c->lock);
}

static size_t parts_left(const struct crew *c)
{
    size_t left = 0;

    for (size_t i = 0; i < c->parts.count; i++)
        left += c->states[i] != PART_OVER;
    return left;
}

static void forget_parts(struct crew *c)
{
    walk_parts_done(&c->parts);
    free(c->states);
    c->states = NULL;
}

/* --- sessions --- */

static bool open_session(struct mate *m, struct err *err)
{
    struct turn *t = m->crew->turn;
    const struct config_table *table = t->target->table;
    struct hand *h = &m->hand;

    h->conn = conn_open(t->target->database, t->report->run_id, err);
    if (!h->conn || !lock_join(h->conn, table->schema, table->name, err))
        return false;
    turn_watch(t, h->conn, &m->subject);
    return true;
}

static void close_session(struct mate *m)
{
    struct turn *t = m->crew->turn;
    const struct config_table *table = t->target->table;

    if (m->hand.number == 0 || !m->hand.conn)
        return;
    monitor_leave(t->params->monitor, &m->subject);
    lock_release(m->hand.conn, table->schema, table->name);
    conn_close(m->hand.conn);
    m->hand.conn = NULL;
}

/* A server that takes no more sessions is no failure: those that are there go on. Of a worker it is
 * news, of the session that only lets batches overlap it is not. */
static bool has_session(struct mate *m)
{
    struct turn *t = m->crew->turn;
    enum log_level level = m->hand.number < m->crew->workers ? LOG_WARN : LOG_INFO;
    struct err err;

    if (m->hand.conn && conn_alive(m->hand.conn))
        return true;
    if (m->hand.number > 0 && !open_session(m, &err)) {
        log_err(level, &err);
        log_msg(level, "%s.%s.%s: worker %zu does without a session of its own", t->table->database,
                t->table->schema, t->table->table, m->hand.number + 1);
        close_session(m);
    }
    return m->hand.conn != NULL;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- a section: all hands at work --- */

static void show_at_work(struct crew *c, int change)
{
    struct turn *t = c->turn;

    pthread_mutex_lock(&c->lock);
    c->at_work += (size_t)change;
    if (t->params->progress)
        progress_lines(t->params->progress, t->number,
                       c->at_work > 0 ? (int)smaller(c->at_work, c->workers) : 1);
    pthread_mutex_unlock(&c->lock);
}

static void work(struct mate *m)
{
    struct crew *c = m->crew;
    struct hand *h = &m->hand;
    bool goes_on = has_session(m);
    size_t part;

    h->end = HAND_DONE;
    while (goes_on && take_part(c, &part)) {
        h->walk = c->parts.items[part];
        goes_on = hand_walk(h);
        give_back(c, part, goes_on);
    }
    if (h->end == HAND_LOST || h->end == HAND_FAILED || h->end == HAND_STOPPED)
        c->turn->halt = true;
    show_at_work(c, -1);
}

static void *work_thread(void *arg)
{
    pthread_setname_np(pthread_self(), "worker");
    work(arg);
    return NULL;
}

static bool share_lock(struct turn *t)
{
    const struct config_table *table = t->target->table;
    struct err err;

    if (!t->shared && !lock_share(t->conn, table->schema, table->name, &err)) {
        log_err(LOG_WARN, &err);
        return false;
    }
    return t->shared = true;
}

/* `count` hands, the first of them in this thread; that one alone where the lock, which a new
 * session has for itself, is not to be shared. */
static void section(struct crew *c, size_t count)
{
    if (count > 1 && !share_lock(c->turn))
        count = 1;
    c->turn->halt = false;
    c->mates[0].hand.conn = c->turn->conn;
    show_at_work(c, (int)count);
    for (size_t i = 1; i < count; i++) {
        struct mate *m = &c->mates[i];
        m->hand.end = HAND_DONE;
        m->runs = pthread_create(&m->thread, NULL, work_thread, m) == 0;
        if (!m->runs)
            show_at_work(c, -1);
    }
    work(&c->mates[0]);
    for (size_t i = 1; i < count; i++) {
        if (c->mates[i].runs)
            pthread_join(c->mates[i].thread, NULL);
        c->mates[i].runs = false;
    }
}

/* --- what it came to --- */

static struct hand *ended(struct crew *c, enum hand_end end)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->mates[i].hand.end == end)
            return &c->mates[i].hand;
    }
    return NULL;
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

static void tell_hands(struct crew *c, const struct recover_report *report)
{
    for (size_t i = 0; i < c->count; i++) {
        struct hand *h = &c->mates[i].hand;
        if (h->end == HAND_LOST)
            hand_resolved(h, report && settled_by_recover(report, &h->attempt.batch));
        h->end = HAND_DONE;
    }
}

/* A lost connection, or a COMMIT without answer: no session of ours is left on the table, a new one
 * takes the lock, and recover decides before anything else is done. */
static bool resolve(struct crew *c, const struct hand *lost, struct err *err)
{
    struct turn *t = c->turn;
    struct recover_report recovered = {0};
    /* A session that we were made to give up is none that was lost. */
    bool ok = (lost->gave_way || t->reconnects++ < RECONNECTS_MAX) && !stop_now(t->params->stop);

    *err = lost->err;
    if (ok) {
        log_err(LOG_WARN, err);
        for (size_t i = 0; i < c->count; i++)
            close_session(&c->mates[i]);
        ok = turn_resume(t, &recovered, err);
    }
    tell_hands(c, ok ? &recovered : NULL);
    recover_report_done(&recovered);
    return ok;
}

/* All parts, section after section. */
static bool run_parts(struct crew *c, size_t hands, bool *ret_complete, struct err *err)
{
    struct turn *t = c->turn;
    struct hand *h;

    *ret_complete = false;
    c->states = mem_alloc((c->parts.count + 1) * sizeof(*c->states));
    for (size_t left; (left = parts_left(c)) > 0;) {
        int64_t rows = turn_counts(t).rows;
        section(c, hands < left ? hands : left);
        if ((h = ended(c, HAND_FAILED))) {
            *err = h->err;
            return false;
        }
        if ((h = ended(c, HAND_LOST))) {
            if (!resolve(c, h, err))
                return false;
            continue;
        }
        if (ended(c, HAND_STOPPED)) {
            t->table->status = RUN_STOPPED;
            return true;
        }
        if ((t->table->ended_by = turn_limit(t)))
            return true;
        if (parts_left(c) > 0 && turn_counts(t).rows == rows)
            poll(NULL, 0, LOOK_AGAIN_MS);
    }
    *ret_complete = true;
    return true;
}

static bool stage(struct crew *c, size_t hands, bool *ret_complete, struct err *err)
{
    bool ok = run_parts(c, hands, ret_complete, err);

    forget_parts(c);
    return ok;
}

/* --- one hand, or several --- */

static struct walk_parts one_walk(struct walk *walk)
{
    struct walk **items = mem_alloc(sizeof(struct walk *));

    items[0] = walk;
    return (struct walk_parts){.items = items, .count = 1};
}

static bool has_whole(const struct turn *t)
{
    for (size_t i = 0; i < t->info->leaf_count; i++) {
        if (t->info->leaves[i].whole)
            return true;
    }
    return false;
}

static bool alone(struct crew *c, struct walk *walk, bool *ret_complete, struct err *err)
{
    c->parts = one_walk(walk);
    return stage(c, 1, ret_complete, err);
}

static bool alone_by_rows(struct crew *c, bool *ret_complete, struct err *err)
{
    return alone(c, walk_new(c->turn->plan, c->turn->info), ret_complete, err);
}

static void log_sharing(const struct crew *c)
{
    const struct run_table *table = c->turn->table;

    if (c->workers > 1)
        log_msg(LOG_INFO, "%s.%s.%s: %zu workers share it", table->database, table->schema,
                table->table, smaller(c->workers, c->parts.count));
    if (c->count > c->workers)
        log_msg(LOG_DEBUG, "%s.%s.%s: batches overlap", table->database, table->schema,
                table->table);
}

/* A heap of dead rows is long to go through: the count that ends a turn is made before the last
 * sweeps, which look for nothing else, and have nothing to do where it finds nothing. Where it
 * fails, they look. */
static bool nothing_is_left(struct turn *t)
{
    struct err ignored;
    int64_t left;

    t->none_left =
        plan_count(t->conn, t->plan, t->info, 0, t->params->stop, &left, NULL, &ignored) &&
        left == 0;
    return t->none_left;
}

static bool together(struct crew *c, bool *ret_complete, struct err *err)
{
    struct turn *t = c->turn;
    struct walk_sessions sessions = {.count = c->count, .at_work = c->workers};

    if (!walk_split(t->plan, t->info, t->conn, sessions, &c->parts, err)) {
        forget_parts(c);
        return false;
    }
    /* Too small for anything to overlap. */
    if (c->workers == 1 && c->parts.count <= t->info->leaf_count) {
        forget_parts(c);
        return alone_by_rows(c, ret_complete, err);
    }
    log_sharing(c);
    bool ok = stage(c, c->count, ret_complete, err);
    if (!ok || !*ret_complete || nothing_is_left(t))
        return ok;
    walk_sweeps(t->plan, t->info, &c->parts);
    return stage(c, c->count, ret_complete, err);
}

/* A second session makes nothing faster that is held back. In an index, one worker's next batch
 * begins where the last one ended, oldest rows first. */
static bool overlaps(const struct turn *t)
{
    const struct config_settings *s = &t->target->table->settings;
    bool held_back = s->sleep_between_batches > 0 || s->rows_per_second > 0 || s->mb_per_second > 0;

    return s->overlap && !held_back && t->plan->way == PLAN_HEAP &&
           t->table->eligible > s->batch_size && (s->workers > 1 || !has_whole(t));
}

static void begin_crew(struct crew *c, struct turn *t)
{
    c->turn = t;
    c->workers = (size_t)t->target->table->settings.workers;
    c->count = c->workers + overlaps(t);
    sem_init(&c->streams, 0, (unsigned)c->workers);
    c->mates = mem_alloc(c->count * sizeof(*c->mates));
    pthread_mutex_init(&c->lock, NULL);
    for (size_t i = 0; i < c->count; i++) {
        struct mate *m = &c->mates[i];
        m->crew = c;
        m->hand = (struct hand){.turn = t,
                                .number = i,
                                .streams = &c->streams,
                                .subject = i == 0 ? &t->subject : &m->subject,
                                .line = {.settings = &t->target->table->settings,
                                         .pace = &t->pace,
                                         .table = t->number}};
        turn_begin_stride(t, &m->hand.stride);
    }
}

static void end_crew(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct mate *m = &c->mates[i];
        close_session(m);
        for (int w = 0; w < WAIT_COUNT; w++)
            c->turn->table->waited[w] += m->hand.line.waited[w];
        archive_batch_done(&m->hand.attempt.batch);
    }
    free(c->mates);
    sem_destroy(&c->streams);
    pthread_mutex_destroy(&c->lock);
}

bool turn_batches(struct turn *t, bool *ret_complete, struct err *err)
{
    struct crew c = {0};
    bool ok = true;

    *ret_complete = true;
    begin_crew(&c, t);
    if (c.count == 1)
        ok = alone_by_rows(&c, ret_complete, err);
    else if (has_whole(t))
        ok = alone(&c, walk_new_whole(t->plan, t->info), ret_complete, err);
    if (c.count > 1 && ok && *ret_complete)
        ok = together(&c, ret_complete, err);
    end_crew(&c);
    return ok;
}
