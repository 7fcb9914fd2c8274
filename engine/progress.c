/* SPDX-License-Identifier: PostgreSQL */
#include "progress.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "rate.h"

/* What the snapshot does not show: clocks and samples, one a table. */
struct hidden {
    struct rate rate;
    int64_t started_us, ended_us; /* monotonic; 0: not yet */
    int lines, waiting;           /* of batches: at work, and those of them that wait */
    int64_t wait_us;              /* since when all of them wait; 0: not all do */
};

struct progress {
    pthread_mutex_t lock;
    struct progress_snapshot snapshot; /* times and rates in it are as of the last reading */
    struct hidden *hidden;
    struct rate rate;
    int64_t started_us, ended_us;
};

static const struct progress_server nothing_known = {.answered = -1,
                                                     .asked = -1,
                                                     .active = -1,
                                                     .blocked_seconds = -1,
                                                     .transaction_age = -1,
                                                     .lag = -1,
                                                     .wal_per_second = -1};

struct progress *progress_new(void)
{
    struct progress *p = mem_alloc(sizeof(*p));

    pthread_mutex_init(&p->lock, NULL);
    p->snapshot.current = SIZE_MAX;
    p->snapshot.exit_code = -1;
    p->snapshot.rows_total = -1;
    p->snapshot.pausable = true;
    p->snapshot.server = nothing_known;
    return p;
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    pthread_mutex_destroy(&p->lock);
    progress_snapshot_done(&p->snapshot);
    free(p->hidden);
    free(p);
}

void progress_set(char *field, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size) {
        len = size - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++)
        field[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? '?' : text[i];
    field[len] = '\0';
}

struct progress_table *progress_now(struct progress_snapshot *s)
{
    return s->current < s->table_count ? &s->tables[s->current] : NULL;
}

/* --- the writer's side --- */

void progress_begin(struct progress *p, const char *kind, const char *run_id)
{
    pthread_mutex_lock(&p->lock);
    PROGRESS_SET(p->snapshot.kind, kind);
    PROGRESS_SET(p->snapshot.run_id, run_id);
    p->snapshot.started_utc_us = text_now_us();
    p->started_us = text_monotonic_us();
    pthread_mutex_unlock(&p->lock);
}

void progress_add_table(struct progress *p, const char *database, const char *schema,
                        const char *table)
{
    char *name = mem_printf("%s.%s", schema, table);

    pthread_mutex_lock(&p->lock);
    size_t i = p->snapshot.table_count++;
    p->snapshot.tables = mem_grow(p->snapshot.tables, (i + 1) * sizeof(*p->snapshot.tables));
    p->hidden = mem_grow(p->hidden, (i + 1) * sizeof(*p->hidden));
    p->snapshot.tables[i] = (struct progress_table){.rows_total = -1,
                                                    .vacuum_share = -1,
                                                    .rows_per_second = -1,
                                                    .seconds_left = -1};
    p->hidden[i] = (struct hidden){.lines = 1};
    PROGRESS_SET(p->snapshot.tables[i].database, database);
    PROGRESS_SET(p->snapshot.tables[i].table, name);
    pthread_mutex_unlock(&p->lock);
    free(name);
}

/* Clocks start and stop with a table's state; counts become samples. */
static void follow(struct progress *p)
{
    int64_t now = text_monotonic_us(), rows = 0;

    p->snapshot.current = SIZE_MAX;
    for (size_t i = 0; i < p->snapshot.table_count; i++) {
        const struct progress_table *t = &p->snapshot.tables[i];
        struct hidden *h = &p->hidden[i];
        rows += t->rows_done + t->rows_in_flight;
        if (t->state == TABLE_RUNNING && p->snapshot.current == SIZE_MAX)
            p->snapshot.current = i;
        if (t->state == TABLE_RUNNING && h->started_us == 0)
            h->started_us = now;
        if (t->state > TABLE_RUNNING && h->started_us > 0 && h->ended_us == 0)
            h->ended_us = now;
        /* Before the first batch nothing can move: the rate begins with the rows. */
        if (t->state == TABLE_RUNNING && t->rows_total >= 0)
            rate_note(&h->rate, now, t->rows_done + t->rows_in_flight);
    }
    if (rows > 0 || p->rate.noted > 0 || progress_now(&p->snapshot))
        rate_note(&p->rate, now, rows);
}

void progress_change(struct progress *p, void (*change)(struct progress_snapshot *, const void *),
                     const void *arg)
{
    pthread_mutex_lock(&p->lock);
    change(&p->snapshot, arg);
    follow(p);
    pthread_mutex_unlock(&p->lock);
}

static void take_news(struct progress_snapshot *s, const void *arg)
{
    const struct progress_news *news = arg;
    struct progress_table *t = &s->tables[news->table];

    t->rows_in_flight += news->rows;
    t->retries += news->retries;
    if (news->phase)
        PROGRESS_SET(t->phase, news->phase);
    if (news->object)
        PROGRESS_SET(t->object, news->object);
}

void progress_tell(struct progress *p, const struct progress_news *news)
{
    if (p)
        progress_change(p, take_news, news);
}

/* After a pause the past says nothing about what is to come. */
static void forget_rates(struct progress *p, struct hidden *h)
{
    h->rate = (struct rate){0};
    p->rate = (struct rate){0};
}

/* What the table waits for, by what the line that spoke last does; NULL: that one goes on. */
static void show_wait(struct progress *p, size_t table, const char *wait, const char *why)
{
    struct progress_table *t = &p->snapshot.tables[table];
    struct hidden *h = &p->hidden[table];
    bool all = wait && h->waiting >= h->lines;
    int64_t now = text_monotonic_us();

    if (h->wait_us > 0)
        t->waited += (double)(now - h->wait_us) / 1e6;
    if (strcmp(t->wait, "paused") == 0 && !(all && strcmp(wait, "paused") == 0))
        forget_rates(p, h);
    h->wait_us = all ? now : 0;
    PROGRESS_SET(t->wait, all ? wait : "");
    PROGRESS_SET(t->why, all && why ? why : "");
}

void progress_lines(struct progress *p, size_t table, int lines)
{
    pthread_mutex_lock(&p->lock);
    if (table < p->snapshot.table_count)
        p->hidden[table].lines = lines;
    pthread_mutex_unlock(&p->lock);
}

void progress_wait(struct progress *p, size_t table, bool waits, const char *wait, const char *why)
{
    pthread_mutex_lock(&p->lock);
    if (table < p->snapshot.table_count) {
        p->hidden[table].waiting += (wait != NULL) - waits;
        show_wait(p, table, wait, why);
    }
    pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p, const char *status, int exit_code)
{
    pthread_mutex_lock(&p->lock);
    PROGRESS_SET(p->snapshot.status, status);
    p->snapshot.exit_code = exit_code;
    p->snapshot.current = SIZE_MAX;
    p->ended_us = text_monotonic_us();
    pthread_mutex_unlock(&p->lock);
}

/* --- the reader's side --- */

static double seconds_left(int64_t done, int64_t total, double rate)
{
    if (total < 0 || rate <= 0)
        return -1;
    return done >= total ? 0 : (double)(total - done) / rate;
}

static void read_table(struct progress_table *t, const struct hidden *h, int64_t now)
{
    int64_t end = h->ended_us > 0 ? h->ended_us : now;

    t->seconds = h->started_us > 0 ? (double)(end - h->started_us) / 1e6 : 0;
    if (h->wait_us > 0)
        t->waited += (double)(now - h->wait_us) / 1e6;
    t->rows_per_second = t->seconds_left = -1;
    if (t->state == TABLE_RUNNING) {
        t->rows_per_second = rate_per_second(&h->rate, now);
        if (strcmp(t->wait, "paused") != 0) /* nobody knows for how long */
            t->seconds_left =
                seconds_left(t->rows_done + t->rows_in_flight, t->rows_total, t->rows_per_second);
    } else if (t->seconds > 0 && t->rows_done > 0) {
        t->rows_per_second = (double)t->rows_done / t->seconds; /* what it came to */
    }
}

/* The total is known once it is known of every table that is not over. */
static void add_up(struct progress_snapshot *s, const struct progress *p, int64_t now)
{
    int64_t in_flight = 0;
    bool known = s->table_count > 0, paused = false;

    s->rows_done = s->rows_total = s->batches = 0;
    s->bytes = 0;
    for (size_t i = 0; i < s->table_count; i++) {
        const struct progress_table *t = &s->tables[i];
        bool over = t->state > TABLE_RUNNING;
        s->rows_done += t->rows_done;
        in_flight += t->rows_in_flight;
        s->batches += t->batches;
        s->bytes += t->bytes;
        paused = paused || strcmp(t->wait, "paused") == 0;
        known = known && (over || t->rows_total >= 0);
        s->rows_total += over ? t->rows_done : t->rows_total;
    }
    if (!known)
        s->rows_total = -1;
    if (p->ended_us > 0) {
        s->rows_per_second = s->seconds > 0 ? (double)s->rows_done / s->seconds : -1;
        s->seconds_left = 0;
        return;
    }
    s->rows_per_second = rate_per_second(&p->rate, now);
    s->seconds_left =
        paused ? -1 : seconds_left(s->rows_done + in_flight, s->rows_total, s->rows_per_second);
}

static bool all_pause(const struct progress_snapshot *s)
{
    size_t running = 0, paused = 0;

    for (size_t i = 0; i < s->table_count; i++) {
        running += s->tables[i].state == TABLE_RUNNING;
        paused += s->tables[i].state == TABLE_RUNNING && strcmp(s->tables[i].wait, "paused") == 0;
    }
    return running > 0 && running == paused;
}

static const char *state_of(const struct progress_snapshot *s)
{
    if (s->exit_code >= 0)
        return "ended";
    if (s->stop_asked)
        return "stopping";
    if (all_pause(s))
        return "paused";
    if (s->pause_asked)
        return "pausing";
    return s->table_count > 0 ? "running" : "starting";
}

/* The monitor notes moments; ages grow while it notes nothing. */
static void read_server(struct progress_server *server, int64_t now)
{
    if (server->answered >= 0)
        server->answered = (double)now / 1e6 - server->answered;
    if (server->asked >= 0)
        server->asked = (double)now / 1e6 - server->asked;
}

void progress_read(struct progress *p, struct progress_snapshot *s)
{
    struct progress_table *tables = s->tables;
    int64_t now = text_monotonic_us();

    pthread_mutex_lock(&p->lock);
    size_t size = p->snapshot.table_count * sizeof(*tables);
    tables = mem_grow(tables, size > 0 ? size : 1);
    *s = p->snapshot;
    s->tables = tables;
    if (size > 0)
        memcpy(tables, p->snapshot.tables, size);
    for (size_t i = 0; i < s->table_count; i++)
        read_table(&tables[i], &p->hidden[i], now);
    s->seconds = p->started_us == 0
                     ? 0
                     : (double)((p->ended_us > 0 ? p->ended_us : now) - p->started_us) / 1e6;
    add_up(s, p, now);
    pthread_mutex_unlock(&p->lock);
    read_server(&s->server, now);
    PROGRESS_SET(s->state, state_of(s));
}

void progress_snapshot_done(struct progress_snapshot *s)
{
    free(s->tables);
    s->tables = NULL;
    s->table_count = 0;
}

/* --- names --- */

void progress_doing(const struct progress_table *t, struct buf *text)
{
    buf_adds(text, t->phase);
    if (!t->vacuum_phase[0])
        return;
    buf_addf(text, " %s: %s", t->vacuum_table, t->vacuum_phase);
    if (t->vacuum_share >= 0)
        buf_addf(text, " %.0f%%", t->vacuum_share * 100);
}

const char *progress_phase_name(enum progress_phase phase)
{
    static const char *const names[] = {
        [PHASE_SELECT] = "select", [PHASE_ENCODE] = "encode", [PHASE_COMPRESS] = "compress",
        [PHASE_UPLOAD] = "upload", [PHASE_VERIFY] = "verify", [PHASE_COMMIT] = "commit",
        [PHASE_VACUUM] = "vacuum",
    };

    return names[phase];
}

const char *progress_state_name(enum progress_state state)
{
    static const char *const names[] = {
        [TABLE_WAITING] = "waiting", [TABLE_RUNNING] = "running", [TABLE_DONE] = "done",
        [TABLE_FAILED] = "failed",   [TABLE_SKIPPED] = "skipped", [TABLE_STOPPED] = "stopped",
    };

    return names[state];
}
