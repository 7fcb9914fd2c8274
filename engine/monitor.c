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

struct waiter { /* a session that waits for one that is watched */
    int pid;
    int64_t since_us; /* first seen to */
};

/* A database that is looked at, for as long as one of its sessions is watched. */
struct sight {
    struct monitor *monitor;
    const struct config_database *database;
    bool shown; /* what is seen of it stands in the snapshot */
    int ours[ACTIVITY_OURS];
    size_t count;
    struct conn *conn;
    int64_t retry_us;
    struct position positions[POSITIONS];
    size_t noted;
    struct waiter waiters[ACTIVITY_WAITERS];
};

struct monitor {
    struct progress *progress;
    char run_id[64];
    int stop_fd, look_fd; /* look: there is another session to see */
    pthread_t thread;
    pthread_mutex_t lock; /* of what is watched */
    struct monitor_subject **subjects;
    size_t count;
    /* the thread's own */
    struct sight **sights;
    size_t sight_count;
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

static void note_position(struct sight *s, uint64_t wal)
{
    s->positions[s->noted++ % POSITIONS] =
        (struct position){.at_us = text_monotonic_us(), .wal = wal};
}

static const struct position *newest(const struct sight *s, size_t back)
{
    return &s->positions[(s->noted - 1 - back) % POSITIONS];
}

static size_t held(const struct sight *s)
{
    return s->noted < POSITIONS ? s->noted : POSITIONS;
}

/* How long ago the primary was where the slowest standby is now. What the standby reports
 * (pg_stat_replication.replay_lag) does not grow while it replays nothing, but knows of the time
 * before this run. */
static double lag_of(const struct sight *s, uint64_t replayed_to, double reported)
{
    const struct position *now = newest(s, 0), *seen = now;

    if (replayed_to == 0)
        return -1;
    if (replayed_to >= now->wal)
        return 0;
    for (size_t back = 1; back < held(s); back++) {
        seen = newest(s, back);
        if (seen->wal <= replayed_to)
            break;
    }
    double lag = (double)(now->at_us - seen->at_us) / 1e6;
    return lag > reported ? lag : reported;
}

static double wal_rate(const struct sight *s)
{
    size_t back = held(s) > 5 ? 5 : held(s) - 1;
    const struct position *now = newest(s, 0), *then = newest(s, back);
    double seconds = (double)(now->at_us - then->at_us) / 1e6;

    if (seconds < 1 || now->wal < then->wal)
        return -1;
    return (double)(now->wal - then->wal) / seconds;
}

/* --- who waits for us --- */

static int64_t since_of(const struct sight *s, int pid, int64_t now)
{
    for (size_t i = 0; i < ACTIVITY_WAITERS; i++) {
        if (s->waiters[i].pid == pid)
            return s->waiters[i].since_us;
    }
    return now;
}

/* Nobody waits for a transaction longer than it is open: a session that is seen twice may have
 * waited for two of them. */
static double waited_for(const struct activity_waiter *w, int64_t since_us, int64_t now)
{
    double seconds = (double)(now - since_us) / 1e6;

    return seconds > w->transaction_age ? w->transaction_age : seconds;
}

/* The longest wait, and whose; -1: nobody waits. */
static double note_waiters(struct sight *s, const struct activity *a,
                           const struct activity_waiter **ret_longest)
{
    struct waiter waiters[ACTIVITY_WAITERS] = {0};
    int64_t now = text_monotonic_us();
    double longest = -1;

    for (size_t i = 0; i < ACTIVITY_WAITERS && a->waiters[i].pid > 0; i++) {
        const struct activity_waiter *w = &a->waiters[i];
        waiters[i] = (struct waiter){w->pid, since_of(s, w->pid, now)};
        double seconds = waited_for(w, waiters[i].since_us, now);
        if (seconds > longest) {
            longest = seconds;
            *ret_longest = w;
        }
    }
    memcpy(s->waiters, waiters, sizeof(waiters));
    return longest;
}

static struct monitor_subject *subject_of(const struct sight *s, int pid)
{
    for (size_t i = 0; i < s->monitor->count; i++) {
        struct monitor_subject *subject = s->monitor->subjects[i];
        if (subject->database == s->database && subject->pid == pid)
            return subject;
    }
    return NULL;
}

static double limit_of(const struct sight *s, int pid)
{
    pthread_mutex_lock(&s->monitor->lock);
    const struct monitor_subject *subject = subject_of(s, pid);
    double limit = subject ? subject->max_blocked_s : 0;
    pthread_mutex_unlock(&s->monitor->lock);
    return limit;
}

static void note_let_go(const struct sight *s, int pid, const char *why)
{
    pthread_mutex_lock(&s->monitor->lock);
    struct monitor_subject *subject = subject_of(s, pid);
    if (subject)
        snprintf(subject->let_go, sizeof(subject->let_go), "%s", why);
    pthread_mutex_unlock(&s->monitor->lock);
}

/* Noted before it is asked for: the run asks why as soon as its statement fails. */
static bool make_it_let_go(struct sight *s, const struct activity_waiter *waiter, double seconds,
                           struct err *err)
{
    double limit = seconds < 0 ? 0 : limit_of(s, waiter->ours);
    char why[160];
    bool done = false;

    if (limit <= 0 || seconds <= limit)
        return true;
    snprintf(why, sizeof(why), "server process %d waited %.1fs > %gs for its locks", waiter->pid,
             seconds, limit);
    note_let_go(s, waiter->ours, why);
    bool ok = activity_let_go(s->conn, waiter->ours, seconds > 2 * limit, s->monitor->stop_fd,
                              &done, err);
    if (!ok || !done)
        note_let_go(s, waiter->ours, "");
    return ok;
}

/* --- a vacuum --- */

struct vacuum_seen {
    size_t table;
    struct vacuum_progress progress;
};

static void show_vacuum(struct progress_snapshot *s, const void *arg)
{
    const struct vacuum_seen *seen = arg;
    const struct vacuum_progress *v = &seen->progress;
    struct progress_table *t = seen->table < s->table_count ? &s->tables[seen->table] : NULL;

    if (!t || strcmp(t->phase, "vacuum") != 0)
        return;
    PROGRESS_SET(t->vacuum_table, v->table);
    PROGRESS_SET(t->vacuum_phase, v->phase);
    t->vacuum_share = v->total > 0 ? (double)v->done / (double)v->total : -1;
}

static bool look_at_vacuum(struct sight *s, int pid, struct err *err)
{
    struct monitor *m = s->monitor;
    struct vacuum_seen seen;

    if (!vacuum_watch(s->conn, pid, m->stop_fd, &seen.progress, err))
        return false;
    pthread_mutex_lock(&m->lock);
    const struct monitor_subject *subject = subject_of(s, pid);
    seen.table = subject ? subject->table : SIZE_MAX;
    pthread_mutex_unlock(&m->lock);
    progress_change(m->progress, show_vacuum, &seen);
    return true;
}

static bool look_at_vacuums(struct sight *s, const struct activity *a, struct err *err)
{
    for (size_t i = 0; i < ACTIVITY_OURS && a->vacuums[i] > 0; i++) {
        if (!look_at_vacuum(s, a->vacuums[i], err))
            return false;
    }
    return true;
}

/* --- asking --- */

static void show(const struct sight *s, void (*change)(struct progress_snapshot *, const void *),
                 const void *arg)
{
    if (s->shown)
        progress_change(s->monitor->progress, change, arg);
}

static void disconnect(struct sight *s)
{
    conn_close(s->conn);
    s->conn = NULL;
}

static bool connect_to(struct sight *s, struct err *err)
{
    if (s->conn && conn_alive(s->conn))
        return true;
    disconnect(s);
    s->noted = 0;
    s->conn = conn_open(s->database, s->monitor->run_id, err);
    return s->conn != NULL;
}

static bool ask(struct sight *s, struct err *err)
{
    const struct activity_waiter *longest = NULL;
    struct activity a;

    if (!connect_to(s, err) ||
        !activity_read(s->conn, s->ours, s->count, s->monitor->stop_fd, &a, err))
        return false;
    note_position(s, a.wal_at);
    double blocked = note_waiters(s, &a, &longest);
    struct progress_server seen = {.active = a.active,
                                   .backends = a.backends,
                                   .backends_max = a.backends_max,
                                   .blocked = a.blocked,
                                   .blocked_seconds = blocked,
                                   .locks = a.locks,
                                   .transaction_age = a.transaction_age,
                                   .lag = lag_of(s, a.replayed_to, a.replay_lag),
                                   .wal_per_second = wal_rate(s)};
    show(s, show_seen, &seen);
    return make_it_let_go(s, longest, blocked, err) && look_at_vacuums(s, &a, err);
}

static void look(struct sight *s)
{
    struct err err;

    if (text_monotonic_us() < s->retry_us)
        return;
    show(s, show_asked, s->database->name);
    if (ask(s, &err))
        return;
    show(s, show_failed, NULL);
    if (err.kind != ERR_INTERRUPTED)
        log_err(LOG_DEBUG, &err);
    disconnect(s);
    s->retry_us = text_monotonic_us() + RETRY_US;
}

/* --- what there is to see --- */

static struct sight *sight_of(struct monitor *m, const struct config_database *database)
{
    for (size_t i = 0; i < m->sight_count; i++) {
        if (m->sights[i]->database == database)
            return m->sights[i];
    }
    struct sight *s = mem_alloc(sizeof(*s));
    s->monitor = m;
    s->database = database;
    m->sights = mem_grow(m->sights, (m->sight_count + 1) * sizeof(*m->sights));
    m->sights[m->sight_count++] = s;
    return s;
}

/* Under the lock. */
static void sort_subjects(struct monitor *m)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct monitor_subject *subject = m->subjects[i];
        struct sight *s = sight_of(m, subject->database);
        if (s->count == 0)
            s->shown = i == 0;
        if (s->count < ACTIVITY_OURS)
            s->ours[s->count++] = subject->pid;
    }
}

/* A database that nobody works on any more is let alone; between two tables nobody is, for a
 * moment, at work on any. */
static void forget_sights(struct monitor *m, bool all)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->sight_count; i++) {
        struct sight *s = m->sights[i];
        if (!all && (s->count > 0 || m->sight_count == 1)) {
            m->sights[kept++] = s;
            continue;
        }
        disconnect(s);
        free(s);
    }
    m->sight_count = kept;
}

static bool look_at_all(struct monitor *m)
{
    bool waits = false;

    for (size_t i = 0; i < m->sight_count; i++)
        m->sights[i]->count = 0;
    pthread_mutex_lock(&m->lock);
    sort_subjects(m);
    pthread_mutex_unlock(&m->lock);
    forget_sights(m, false);
    for (size_t i = 0; i < m->sight_count; i++) {
        if (m->sights[i]->count > 0)
            look(m->sights[i]);
        waits = waits || m->sights[i]->waiters[0].pid > 0;
    }
    return waits;
}

static void *monitor_thread(void *arg)
{
    struct monitor *m = arg;
    struct pollfd fds[] = {{.fd = m->stop_fd, .events = POLLIN},
                           {.fd = m->look_fd, .events = POLLIN}};
    eventfd_t ignored;

    pthread_setname_np(pthread_self(), "monitor");
    while (!fds[0].revents) {
        bool waits = look_at_all(m);
        poll(fds, 2, waits ? BLOCKED_MS : EVERY_MS);
        eventfd_read(m->look_fd, &ignored);
    }
    forget_sights(m, true);
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
    free(m->subjects);
    free(m->sights);
    free(m);
}

bool monitor_let_go(struct monitor *m, struct monitor_subject *subject, char *ret_why, size_t size)
{
    if (!m)
        return false;
    pthread_mutex_lock(&m->lock);
    bool did = subject->let_go[0] != '\0';
    snprintf(ret_why, size, "%s", subject->let_go);
    subject->let_go[0] = '\0';
    pthread_mutex_unlock(&m->lock);
    return did;
}

void monitor_watch(struct monitor *m, struct monitor_subject *subject)
{
    if (!m || subject->pid <= 0)
        return;
    pthread_mutex_lock(&m->lock);
    m->subjects = mem_grow(m->subjects, (m->count + 1) * sizeof(struct monitor_subject *));
    m->subjects[m->count++] = subject;
    pthread_mutex_unlock(&m->lock);
    eventfd_write(m->look_fd, 1);
}

void monitor_leave(struct monitor *m, struct monitor_subject *subject)
{
    size_t kept = 0;

    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < m->count; i++) {
        if (m->subjects[i] != subject)
            m->subjects[kept++] = m->subjects[i];
    }
    m->count = kept;
    pthread_mutex_unlock(&m->lock);
}
