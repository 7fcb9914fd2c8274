/* SPDX-License-Identifier: PostgreSQL */
#include "throttle.h"

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
};

struct reason {
    char wait[16], why[160];
    int64_t until_us; /* monotonic; INT64_MAX: till something changes */
};

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
                         t->mb_ceiling > 0 ? t->mb_ceiling : 0};
    *ret_paused = t->paused;
    pthread_mutex_unlock(&t->lock);
    if (t->progress)
        progress_change(t->progress, show_ceilings, &c);
    return c;
}

static bool give_reason(struct reason *r, const char *wait, int64_t until_us)
{
    r->until_us = until_us;
    snprintf(r->wait, sizeof(r->wait), "%s", wait);
    return true;
}

/* The monitor's word; where it has none there is nothing to wait for. */
static double standby_lag(struct throttle *t)
{
    struct progress_snapshot s = {0};
    double lag;

    if (!t->progress)
        return -1;
    progress_read(t->progress, &s);
    lag = s.server.answered <= STALE_S ? s.server.lag : -1;
    progress_snapshot_done(&s);
    return lag;
}

static bool lags(struct throttle *t, const struct config_settings *s, struct reason *r)
{
    double lag = s->max_replica_lag_seconds > 0 ? standby_lag(t) : -1;

    if (lag <= s->max_replica_lag_seconds)
        return false;
    snprintf(r->why, sizeof(r->why), "a standby is %.0f s behind, more than %.0f s", lag,
             s->max_replica_lag_seconds);
    return give_reason(r, "lag", INT64_MAX);
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
        return give_reason(r, "ceiling", due_us);
    }
    if (rested <= now)
        return false;
    snprintf(r->why, sizeof(r->why), "%g s between batches", s->sleep_between_batches);
    return give_reason(r, "sleep", rested);
}

static bool must_wait(struct throttle *t, const struct config_settings *s, struct reason *r)
{
    bool paused;
    struct ceilings c = ceilings_of(t, s, &paused);

    if (paused) {
        snprintf(r->why, sizeof(r->why), "an operator paused the run");
        return give_reason(r, "paused", INT64_MAX);
    }
    return lags(t, s, r) || is_early(t, s, &c, r);
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

/* Said once a reason: sleeps and ceilings are what was asked for, and no news. */
static void tell(struct throttle *t, const struct reason *r, const char *before)
{
    if (t->progress)
        progress_wait(t->progress, r->wait, r->why);
    if (strcmp(r->wait, before) != 0 &&
        (strcmp(r->wait, "paused") == 0 || strcmp(r->wait, "lag") == 0))
        log_msg(LOG_INFO, "waiting: %s", r->why);
}

bool throttle_wait(struct throttle *t, const struct config_settings *s)
{
    struct reason reason = {0};
    char before[sizeof(reason.wait)] = "";
    bool go_on = true;

    while (!stop_asked(t->stop)) {
        go_on = !s->stop_file || access(s->stop_file, F_OK) != 0;
        if (!go_on || !must_wait(t, s, &reason))
            break;
        tell(t, &reason, before);
        snprintf(before, sizeof(before), "%s", reason.wait);
        rest(t, reason.until_us);
    }
    if (before[0] && t->progress)
        progress_wait(t->progress, NULL, NULL);
    t->began_us = text_monotonic_us();
    t->ended_us = 0;
    return go_on;
}

void throttle_took(struct throttle *t, int64_t rows, uint64_t bytes)
{
    t->ended_us = text_monotonic_us();
    t->rows = rows;
    t->bytes = bytes;
}
