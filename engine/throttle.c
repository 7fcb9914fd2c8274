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
    int wake_fd;
    pthread_mutex_t lock; /* of what follows, and of all paces */
    bool paused;
    double rows_ceiling, mb_ceiling; /* an operator's; negative: the configuration's */
    struct throttle_pace pace;       /* of the run */
    bool told_blind;                 /* that sessions of others cannot be seen */
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
    pthread_mutex_lock(&t->lock);
    bool told = t->told_blind;
    t->told_blind = true;
    pthread_mutex_unlock(&t->lock);
    if (!told)
        log_msg(LOG_WARN, "max_active_backends: this role may not see what others do: no wait for "
                          "them (GRANT pg_read_all_stats)");
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

/* When as much as went through would have been due. */
static int64_t due_of(const struct throttle_pace *pace, const struct ceilings *c)
{
    double due = 0;

    if (c->rows > 0)
        due = (double)pace->rows / c->rows;
    if (c->mb > 0 && (double)pace->bytes / 1e6 / c->mb > due)
        due = (double)pace->bytes / 1e6 / c->mb;
    return pace->began_us + (int64_t)(due * 1e6);
}

/* Each ceiling holds for what it was given for. */
static void part_ceilings(const struct throttle *t, const struct ceilings *c,
                          struct ceilings *ret_run, struct ceilings *ret_table)
{
    *ret_run =
        (struct ceilings){t->rows_ceiling >= 0 ? c->rows : 0, t->mb_ceiling >= 0 ? c->mb : 0};
    *ret_table =
        (struct ceilings){t->rows_ceiling >= 0 ? 0 : c->rows, t->mb_ceiling >= 0 ? 0 : c->mb};
}

static int64_t due_at(struct throttle *t, const struct throttle_line *line,
                      const struct ceilings *c)
{
    struct ceilings run, table;

    pthread_mutex_lock(&t->lock);
    part_ceilings(t, c, &run, &table);
    int64_t of_run = due_of(&t->pace, &run), of_table = due_of(line->pace, &table);
    pthread_mutex_unlock(&t->lock);
    return of_run > of_table ? of_run : of_table;
}

static bool is_early(struct throttle *t, const struct throttle_line *line, const struct ceilings *c,
                     struct reason *r)
{
    const struct config_settings *s = line->settings;
    int64_t now = text_monotonic_us();
    int64_t rested = line->ended_us + (int64_t)(s->sleep_between_batches * 1e6);
    int64_t due_us = due_at(t, line, c);

    if (line->ended_us == 0)
        rested = 0;
    if (due_us > now && due_us >= rested) {
        name_ceilings(c, r);
        return give_reason(r, WAIT_CEILING, due_us);
    }
    if (rested <= now)
        return false;
    snprintf(r->why, sizeof(r->why), "%g s between batches", s->sleep_between_batches);
    return give_reason(r, WAIT_SLEEP, rested);
}

static bool must_wait(struct throttle *t, const struct throttle_line *line, struct reason *r)
{
    const struct config_settings *s = line->settings;
    struct progress_server server;
    bool paused;
    struct ceilings c = ceilings_of(t, s, &paused);

    if (paused) {
        snprintf(r->why, sizeof(r->why), "an operator paused the run");
        return give_reason(r, WAIT_PAUSED, INT64_MAX);
    }
    if (read_server(t, &server) && (lags(s, &server, r) || is_busy(t, s, &server, r)))
        return true;
    return is_early(t, line, &c, r);
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

static void end_reason(struct throttle_line *line, const struct waiting *w)
{
    double seconds = (double)(text_monotonic_us() - w->since_us) / 1e6;

    line->waited[w->wait] += seconds;
    log_msg(level_of(w->wait), "waited %.1fs (%s)", seconds, throttle_wait_name(w->wait));
}

/* Said once a reason; the snapshot follows what it comes to. */
static void tell(struct throttle *t, struct throttle_line *line, const struct reason *r,
                 struct waiting *w)
{
    bool again = w->waits && w->wait == r->wait;

    if (t->progress)
        progress_wait(t->progress, line->table, w->waits, throttle_wait_name(r->wait), r->why);
    if (again)
        return;
    if (w->waits)
        end_reason(line, w);
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

enum throttle_answer throttle_wait(struct throttle *t, struct throttle_line *line,
                                   int64_t deadline_us)
{
    struct reason reason = {0};
    struct waiting waiting = {0};
    enum throttle_answer answer;

    while ((answer = answer_of(t, line->settings, deadline_us)) == THROTTLE_GO &&
           must_wait(t, line, &reason)) {
        tell(t, line, &reason, &waiting);
        rest(t, deadline_us > 0 && deadline_us < reason.until_us ? deadline_us : reason.until_us);
    }
    if (waiting.waits) {
        end_reason(line, &waiting);
        if (t->progress)
            progress_wait(t->progress, line->table, true, NULL, NULL);
    }
    line->began_us = text_monotonic_us();
    line->ended_us = 0;
    return answer;
}

/* Who began after all before was due begins a new account: what was not used is not made up for. */
static void note_pace(struct throttle_pace *pace, const struct ceilings *c, int64_t began_us,
                      int64_t rows, uint64_t bytes)
{
    if (began_us >= due_of(pace, c))
        *pace = (struct throttle_pace){.began_us = began_us};
    pace->rows += rows;
    pace->bytes += bytes;
}

void throttle_took(struct throttle *t, struct throttle_line *line, int64_t rows, uint64_t bytes)
{
    bool paused;
    struct ceilings run, table, c = ceilings_of(t, line->settings, &paused);

    line->ended_us = text_monotonic_us();
    pthread_mutex_lock(&t->lock);
    part_ceilings(t, &c, &run, &table);
    note_pace(&t->pace, &run, line->began_us, rows, bytes);
    note_pace(line->pace, &table, line->began_us, rows, bytes);
    pthread_mutex_unlock(&t->lock);
}
