/* SPDX-License-Identifier: PostgreSQL */
#include "throttle.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* Lag and the stop file are looked at so often; what an operator asks for wakes at once. */
#define LOOK_MS 500
/* What the monitor said longer ago says nothing any more. */
#define STALE_S 30

struct throttle {
    struct progress *progress;
    const struct stop *stop;
    pthread_mutex_t lock; /* the operator's */
    bool paused;
    double rows_ceiling, mb_ceiling; /* negative: the configuration's */
    int wake_fd;
    /* the run's own */
    int64_t began_us, ended_us; /* of the last batch, monotonic; ended 0: there was none */
    int64_t rows;
    uint64_t bytes;
    double waited[WAIT_COUNT];
    bool told_blind; /* that sessions of others cannot be seen */
};

struct reason {
    enum throttle_wait_for wait;
    char why[160];
    int64_t until_us; /* monotonic; INT64_MAX: till something changes */
};

const char *throttle_wait_name(enum throttle_wait_for wait)
{
    static const char *const names[WAIT_COUNT] = {"paused", "lag", "backends", "ceiling", "sleep"};

    return names[wait];
}

struct throttle *throttle_new(struct progress *progress, const struct stop *stop)
{
    struct throttle *t = mem_alloc(sizeof(*t));

    t->progress = progress;
    t->stop = stop;
    t->rows_ceiling = t->mb_ceiling = -1;
    pthread_mutex_init(&t->lock, NULL);
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* -1: it wakes a little later */
    return t;
}

void throttle_free(struct throttle *t)
{
    if (!t)
        return;
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* --- the operator's side --- */

static void show_asked(struct progress_snapshot *s, const void *arg)
{
    s->pause_asked = *(const bool *)arg;
}

static void wake(struct throttle *t)
{
    if (t->wake_fd >= 0)
        eventfd_write(t->wake_fd, 1);
}

bool throttle_pause(struct throttle *t, bool pause)
{
    pthread_mutex_lock(&t->lock);
    bool changed = t->paused != pause;
    t->paused = pause;
    pthread_mutex_unlock(&t->lock);
    if (t->progress)
        progress_change(t->progress, show_asked, &pause);
    wake(t);
    return changed;
}

struct ceilings {
    double rows, mb;
};

static void show_ceilings(struct progress_snapshot *s, const void *arg)
{
    const struct ceilings *c = arg;

    s->rows_ceiling = c->rows;
    s->mb_ceiling = c->mb;
}

void throttle_set(struct throttle *t, double rows_per_second, double mb_per_second)
{
    pthread_mutex_lock(&t->lock);
    if (rows_per_second >= 0)
        t->rows_ceiling = rows_per_second;
    if (mb_per_second >= 0)
        t->mb_ceiling = mb_per_second;
    struct ceilings c = {t->rows_ceiling > 0 ? t->rows_ceiling : 0,
                         t->mb_ceiling > 0 ? t->mb_ceiling : 0};
    pthread_mutex_unlock(&t->lock);
    if (t->progress)
        progress_change(t->progress, show_ceilings, &c);
    wake(t);
}

/* --- the run's side --- */

static struct ceilings ceilings_of(struct throttle *t, const struct config_settings *s,
                                   bool *ret_paused)
{
    pthread_mutex_lock(&t->lock);
    struct ceilings c = {t->rows_ceiling >= 0 ? t->rows_ceiling : s->rows_per_second,
                         t->mb_ceiling >= 0 ? t->mb_ceiling : s->mb_per_second};
    *ret_paused = t->paused;
    pthread_mutex_unlock(&t->lock);
    if (t->progress)
        progress_change(t->progress, show_ceilings, &c);
    return c;
}

static bool give_reason(struct reason *r, enum throttle_wait_for wait, int64_t until_us)
{
    r->until_us = until_us;
    r->wait = wait;
    return true;
}

/* The monitor's word; where it has none there is nothing to wait for. False: it has none. */
static bool read_server(struct throttle *t, struct progress_server *ret)
{
    struct progress_snapshot s = {0};

    if (!t->progress)
        return false;
    progress_read(t->progress, &s);
    *ret = s.server;
    progress_snapshot_done(&s);
    return ret->answered >= 0 && ret->answered <= STALE_S;
}

static bool lags(const struct config_settings *s, const struct progress_server *server,
                 struct reason *r)
{
    double most = s->max_replica_lag_seconds;

    if (most <= 0 || server->lag <= most)
        return false;
    snprintf(r->why, sizeof(r->why), "replica lag %.0fs > %gs", server->lag, most);
    return give_reason(r, WAIT_LAG, INT64_MAX);
}

static void tell_blind(struct throttle *t)
{
    if (!t->told_blind)
        log_msg(LOG_WARN, "max_active_backends: this role may not see what others do: no wait for "
                          "them (GRANT pg_read_all_stats)");
    t->told_blind = true;
}

static bool is_busy(struct throttle *t, const struct config_settings *s,
                    const struct progress_server *server, struct reason *r)
{
    if (s->max_active_backends <= 0)
        return false;
    if (server->active < 0)
        tell_blind(t);
    if (server->active <= s->max_active_backends)
        return false;
    snprintf(r->why, sizeof(r->why), "active backends %" PRId64 " > %" PRId64, server->active,
             s->max_active_backends);
    return give_reason(r, WAIT_BACKENDS, INT64_MAX);
}

static void name_ceilings(const struct ceilings *c, struct reason *r)
{
    size_t size = sizeof(r->why);

    if (c->rows > 0 && c->mb > 0)
        snprintf(r->why, size, "at most %.0f rows/s and %g MB/s", c->rows, c->mb);
    else if (c->rows > 0)
        snprintf(r->why, size, "at most %.0f rows/s", c->rows);
    else
        snprintf(r->why, size, "at most %g MB/s", c->mb);
}

static bool is_early(const struct throttle *t, const struct config_settings *s,
                     const struct ceilings *c, struct reason *r)
{
    int64_t now = text_monotonic_us();
    int64_t rested = t->ended_us + (int64_t)(s->sleep_between_batches * 1e6);
    double due = 0;

    if (t->ended_us == 0)
        return false;
    if (c->rows > 0)
        due = (double)t->rows / c->rows;
    if (c->mb > 0 && (double)t->bytes / 1e6 / c->mb > due)
        due = (double)t->bytes / 1e6 / c->mb;
    int64_t due_us = t->began_us + (int64_t)(due * 1e6);
    if (due_us > now && due_us >= rested) {
        name_ceilings(c, r);
        return give_reason(r, WAIT_CEILING, due_us);
    }
    if (rested <= now)
        return false;
    snprintf(r->why, sizeof(r->why), "%g s between batches", s->sleep_between_batches);
    return give_reason(r, WAIT_SLEEP, rested);
}

static bool must_wait(struct throttle *t, const struct config_settings *s, struct reason *r)
{
    struct progress_server server;
    bool paused;
    struct ceilings c = ceilings_of(t, s, &paused);

    if (paused) {
        snprintf(r->why, sizeof(r->why), "an operator paused the run");
        return give_reason(r, WAIT_PAUSED, INT64_MAX);
    }
    if (read_server(t, &server) && (lags(s, &server, r) || is_busy(t, s, &server, r)))
        return true;
    return is_early(t, s, &c, r);
}

static void rest(struct throttle *t, int64_t until_us)
{
    struct pollfd fds[] = {{.fd = t->wake_fd, .events = POLLIN},
                           {.fd = stop_fd(t->stop), .events = POLLIN}};
    int64_t left_ms = (until_us - text_monotonic_us()) / 1000 + 1;
    eventfd_t ignored;

    if (left_ms > 0)
        poll(fds, 2, left_ms < LOOK_MS ? (int)left_ms : LOOK_MS);
    if (t->wake_fd >= 0)
        eventfd_read(t->wake_fd, &ignored);
}

/* Sleeps and ceilings are what was asked for, and no news. */
static enum log_level level_of(enum throttle_wait_for wait)
{
    return wait == WAIT_SLEEP || wait == WAIT_CEILING ? LOG_DEBUG : LOG_INFO;
}

/* One wait, from the first reason to the last. */
struct waiting {
    bool waits;
    enum throttle_wait_for wait; /* the present reason */
    int64_t since_us;
};

static void end_reason(struct throttle *t, const struct waiting *w)
{
    double seconds = (double)(text_monotonic_us() - w->since_us) / 1e6;

    t->waited[w->wait] += seconds;
    log_msg(level_of(w->wait), "waited %.1fs (%s)", seconds, throttle_wait_name(w->wait));
}

/* Said once a reason; the snapshot follows what it comes to. */
static void tell(struct throttle *t, const struct reason *r, struct waiting *w)
{
    bool again = w->waits && w->wait == r->wait;

    if (t->progress)
        progress_wait(t->progress, throttle_wait_name(r->wait), r->why);
    if (again)
        return;
    if (w->waits)
        end_reason(t, w);
    log_msg(level_of(r->wait), "waits: %s", r->why);
    *w = (struct waiting){true, r->wait, text_monotonic_us()};
}

static enum throttle_answer answer_of(struct throttle *t, const struct config_settings *s,
                                      int64_t deadline_us)
{
    if (stop_asked(t->stop))
        return THROTTLE_STOPPED;
    if (s->stop_file && access(s->stop_file, F_OK) == 0) {
        log_msg(LOG_WARN, "the stop file %s is there: the run ends", s->stop_file);
        return THROTTLE_STOPPED;
    }
    return deadline_us > 0 && text_monotonic_us() >= deadline_us ? THROTTLE_LATE : THROTTLE_GO;
}

enum throttle_answer throttle_wait(struct throttle *t, const struct config_settings *s,
                                   int64_t deadline_us)
{
    struct reason reason = {0};
    struct waiting waiting = {0};
    enum throttle_answer answer;

    while ((answer = answer_of(t, s, deadline_us)) == THROTTLE_GO && must_wait(t, s, &reason)) {
        tell(t, &reason, &waiting);
        rest(t, deadline_us > 0 && deadline_us < reason.until_us ? deadline_us : reason.until_us);
    }
    if (waiting.waits) {
        end_reason(t, &waiting);
        if (t->progress)
            progress_wait(t->progress, NULL, NULL);
    }
    t->began_us = text_monotonic_us();
    t->ended_us = 0;
    return answer;
}

void throttle_took(struct throttle *t, int64_t rows, uint64_t bytes)
{
    t->ended_us = text_monotonic_us();
    t->rows = rows;
    t->bytes = bytes;
}

void throttle_waited(struct throttle *t, double ret_seconds[WAIT_COUNT])
{
    memcpy(ret_seconds, t->waited, sizeof(t->waited));
    memset(t->waited, 0, sizeof(t->waited));
}
