/* SPDX-License-Identifier: PostgreSQL */
#include "monitor.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "postgres/activity.h"
#include "postgres/vacuum.h"

#define EVERY_MS 2000
/* While somebody waits for us. */
#define BLOCKED_MS 500
/* A server that took no connection is left alone for so long. */
#define RETRY_US 30000000
/* Positions kept to tell how far behind a standby is: a quarter of an hour of them. */
#define POSITIONS 450

struct position {
    int64_t at_us;
    uint64_t wal;
};

struct waiter { /* a session that waits for the one that is watched */
    int pid;
    int64_t since_us; /* first seen to */
};

struct monitor {
    struct progress *progress;
    char run_id[64];
    int stop_fd, look_fd; /* look: there is another database to see */
    pthread_t thread;
    pthread_mutex_t lock; /* of what is watched */
    const struct config_database *database;
    int pid;
    double max_blocked_s;
    char let_go[160]; /* "": it was not made to */
    /* the thread's own */
    struct conn *conn;
    const struct config_database *connected;
    int64_t retry_us;
    struct position positions[POSITIONS];
    size_t noted;
    struct waiter waiters[ACTIVITY_WAITERS];
};

static double seconds_now(void)
{
    return (double)text_monotonic_us() / 1e6;
}

/* --- what is shown --- */

static void show_asked(struct progress_snapshot *s, const void *arg)
{
    const char *name = arg;

    if (strcmp(s->server.database, name) != 0) { /* another server: nothing of the last one stays */
        s->server = (struct progress_server){.answered = -1,
                                             .active = -1,
                                             .blocked_seconds = -1,
                                             .transaction_age = -1,
                                             .lag = -1,
                                             .wal_per_second = -1};
        PROGRESS_SET(s->server.database, name);
    }
    s->server.asked = seconds_now();
}

static void show_seen(struct progress_snapshot *s, const void *arg)
{
    const struct progress_server *seen = arg;
    char database[sizeof(seen->database)];

    memcpy(database, s->server.database, sizeof(database));
    s->server = *seen;
    memcpy(s->server.database, database, sizeof(database));
    s->server.answered = seconds_now();
    s->server.asked = -1;
}

/* Refused, or the connection lost: what was seen is old, and it is not being asked. */
static void show_failed(struct progress_snapshot *s, const void *arg)
{
    (void)arg;
    s->server.asked = -1;
    s->server.lag = s->server.wal_per_second = s->server.transaction_age = -1;
    s->server.active = -1;
    s->server.blocked = 0;
    s->server.blocked_seconds = -1;
}

/* --- from positions to times --- */

static void note_position(struct monitor *m, uint64_t wal)
{
    m->positions[m->noted++ % POSITIONS] =
        (struct position){.at_us = text_monotonic_us(), .wal = wal};
}

static const struct position *newest(const struct monitor *m, size_t back)
{
    return &m->positions[(m->noted - 1 - back) % POSITIONS];
}

static size_t held(const struct monitor *m)
{
    return m->noted < POSITIONS ? m->noted : POSITIONS;
}

/* How long ago the primary was where the slowest standby is now. What the standby reports
 * (pg_stat_replication.replay_lag) does not grow while it replays nothing, but knows of the time
 * before this run. */
static double lag_of(const struct monitor *m, uint64_t replayed_to, double reported)
{
    const struct position *now = newest(m, 0), *seen = now;

    if (replayed_to == 0)
        return -1;
    if (replayed_to >= now->wal)
        return 0;
    for (size_t back = 1; back < held(m); back++) {
        seen = newest(m, back);
        if (seen->wal <= replayed_to)
            break;
    }
    double lag = (double)(now->at_us - seen->at_us) / 1e6;
    return lag > reported ? lag : reported;
}

/* --- who waits for us --- */

static int64_t since_of(const struct monitor *m, int pid, int64_t now)
{
    for (size_t i = 0; i < ACTIVITY_WAITERS; i++) {
        if (m->waiters[i].pid == pid)
            return m->waiters[i].since_us;
    }
    return now;
}

/* The longest wait; -1: nobody waits. Nobody waits for a transaction longer than it is open: a
 * session that is seen twice may have waited for two of them. */
static double note_waiters(struct monitor *m, const struct activity *a, int *ret_pid)
{
    struct waiter waiters[ACTIVITY_WAITERS] = {0};
    int64_t now = text_monotonic_us();
    double longest = -1;

    for (size_t i = 0; i < ACTIVITY_WAITERS && a->waiters[i] > 0; i++) {
        waiters[i] = (struct waiter){a->waiters[i], since_of(m, a->waiters[i], now)};
        double seconds = (double)(now - waiters[i].since_us) / 1e6;
        if (seconds > longest) {
            longest = seconds;
            *ret_pid = waiters[i].pid;
        }
    }
    memcpy(m->waiters, waiters, sizeof(waiters));
    return a->transaction_age >= 0 && longest > a->transaction_age ? a->transaction_age : longest;
}

static double limit_of(struct monitor *m)
{
    pthread_mutex_lock(&m->lock);
    double limit = m->max_blocked_s;
    pthread_mutex_unlock(&m->lock);
    return limit;
}

static void note_let_go(struct monitor *m, const char *why)
{
    pthread_mutex_lock(&m->lock);
    snprintf(m->let_go, sizeof(m->let_go), "%s", why);
    pthread_mutex_unlock(&m->lock);
}

/* Noted before it is asked for: the run asks why as soon as its statement fails. */
static bool make_it_let_go(struct monitor *m, int pid, double seconds, int waiter, struct err *err)
{
    double limit = limit_of(m);
    char why[sizeof(m->let_go)];
    bool done = false;

    if (limit <= 0 || seconds <= limit)
        return true;
    snprintf(why, sizeof(why), "server process %d waited %.1fs > %gs for its locks", waiter,
             seconds, limit);
    note_let_go(m, why);
    bool ok = activity_let_go(m->conn, pid, seconds > 2 * limit, m->stop_fd, &done, err);
    if (!ok || !done)
        note_let_go(m, "");
    return ok;
}

static double wal_rate(const struct monitor *m)
{
    size_t back = held(m) > 5 ? 5 : held(m) - 1;
    const struct position *now = newest(m, 0), *then = newest(m, back);
    double seconds = (double)(now->at_us - then->at_us) / 1e6;

    if (seconds < 1 || now->wal < then->wal)
        return -1;
    return (double)(now->wal - then->wal) / seconds;
}

/* --- a vacuum --- */

static void show_vacuum(struct progress_snapshot *s, const void *arg)
{
    const struct vacuum_progress *v = arg;
    struct progress_table *t = progress_now(s);

    if (!t || strcmp(t->phase, "vacuum") != 0)
        return;
    PROGRESS_SET(t->vacuum_table, v->table);
    PROGRESS_SET(t->vacuum_phase, v->phase);
    t->vacuum_share = v->total > 0 ? (double)v->done / (double)v->total : -1;
}

static bool look_at_vacuum(struct monitor *m, int pid, struct err *err)
{
    struct vacuum_progress progress;

    if (!vacuum_watch(m->conn, pid, m->stop_fd, &progress, err))
        return false;
    progress_change(m->progress, show_vacuum, &progress);
    return true;
}

/* --- asking --- */

static bool connect_to(struct monitor *m, const struct config_database *database, struct err *err)
{
    if (m->conn && m->connected == database && conn_alive(m->conn))
        return true;
    conn_close(m->conn);
    m->conn = NULL;
    m->noted = 0;
    m->connected = database;
    m->conn = conn_open(database, m->run_id, err);
    return m->conn != NULL;
}

static bool ask(struct monitor *m, const struct config_database *database, int pid, struct err *err)
{
    struct activity a;
    int waiter = 0;

    if (!connect_to(m, database, err) || !activity_read(m->conn, pid, m->stop_fd, &a, err))
        return false;
    note_position(m, a.wal_at);
    double blocked = note_waiters(m, &a, &waiter);
    struct progress_server seen = {.active = a.active,
                                   .backends = a.backends,
                                   .backends_max = a.backends_max,
                                   .blocked = a.blocked,
                                   .blocked_seconds = blocked,
                                   .locks = a.locks,
                                   .transaction_age = a.transaction_age,
                                   .lag = lag_of(m, a.replayed_to, a.replay_lag),
                                   .wal_per_second = wal_rate(m)};
    progress_change(m->progress, show_seen, &seen);
    return make_it_let_go(m, pid, blocked, waiter, err) &&
           (!a.vacuums || look_at_vacuum(m, pid, err));
}

static void look(struct monitor *m)
{
    struct err err;

    pthread_mutex_lock(&m->lock);
    const struct config_database *database = m->database;
    int pid = m->pid;
    pthread_mutex_unlock(&m->lock);
    if (!database || (database == m->connected && text_monotonic_us() < m->retry_us))
        return;
    progress_change(m->progress, show_asked, database->name);
    if (ask(m, database, pid, &err))
        return;
    progress_change(m->progress, show_failed, NULL);
    if (err.kind != ERR_INTERRUPTED)
        log_err(LOG_DEBUG, &err);
    conn_close(m->conn);
    m->conn = NULL;
    m->retry_us = text_monotonic_us() + RETRY_US;
}

static void *monitor_thread(void *arg)
{
    struct monitor *m = arg;
    struct pollfd fds[] = {{.fd = m->stop_fd, .events = POLLIN},
                           {.fd = m->look_fd, .events = POLLIN}};
    eventfd_t ignored;

    pthread_setname_np(pthread_self(), "monitor");
    while (!fds[0].revents) {
        look(m);
        poll(fds, 2, m->waiters[0].pid > 0 ? BLOCKED_MS : EVERY_MS);
        eventfd_read(m->look_fd, &ignored);
    }
    conn_close(m->conn);
    return NULL;
}

struct monitor *monitor_start(struct progress *progress, const char *run_id)
{
    struct monitor *m = mem_alloc(sizeof(*m));

    m->progress = progress;
    snprintf(m->run_id, sizeof(m->run_id), "monitor %s", run_id);
    m->stop_fd = eventfd(0, EFD_CLOEXEC);
    m->look_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&m->lock, NULL);
    if (m->stop_fd >= 0 && m->look_fd >= 0 &&
        pthread_create(&m->thread, NULL, monitor_thread, m) == 0)
        return m;
    if (m->stop_fd >= 0)
        close(m->stop_fd);
    if (m->look_fd >= 0)
        close(m->look_fd);
    pthread_mutex_destroy(&m->lock);
    free(m);
    return NULL;
}

void monitor_stop(struct monitor *m)
{
    if (!m)
        return;
    eventfd_write(m->stop_fd, 1);
    pthread_join(m->thread, NULL);
    close(m->stop_fd);
    close(m->look_fd);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

bool monitor_let_go(struct monitor *m, char *ret_why, size_t size)
{
    if (!m)
        return false;
    pthread_mutex_lock(&m->lock);
    bool did = m->let_go[0] != '\0';
    snprintf(ret_why, size, "%s", m->let_go);
    m->let_go[0] = '\0';
    pthread_mutex_unlock(&m->lock);
    return did;
}

void monitor_watch(struct monitor *m, const struct config_database *database, int pid,
                   double max_blocked_s)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->database = database;
    m->pid = pid;
    m->max_blocked_s = max_blocked_s;
    pthread_mutex_unlock(&m->lock);
    if (database)
        eventfd_write(m->look_fd, 1);
}
