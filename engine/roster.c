/* SPDX-License-Identifier: PostgreSQL */
#include "roster.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/text.h"

/* How often a table that another run holds is tried. */
#define TRY_AGAIN_MS 1000
/* How long nobody looks when nothing can begin. */
#define LOOK_MS 100

enum entry_state { ENTRY_WAITING, ENTRY_TAKEN, ENTRY_HELD, ENTRY_OVER };

struct entry {
    const struct target *target;
    enum entry_state state;
    int64_t held_us; /* monotonic: when it was last found held; 0: it was not */
};

struct roster {
    const struct config *config;
    pthread_mutex_t lock;
    struct entry *entries;
    size_t count;
    int64_t through_us; /* since when only those are left that others hold; 0: there are others */
};

struct roster *roster_new(const struct config *config, const struct targets *targets)
{
    struct roster *r = mem_alloc(sizeof(*r));

    r->config = config;
    r->count = targets->count;
    r->entries = mem_alloc((targets->count + 1) * sizeof(*r->entries));
    for (size_t i = 0; i < r->count; i++)
        r->entries[i].target = &targets->items[i];
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void roster_free(struct roster *r)
{
    if (!r)
        return;
    pthread_mutex_destroy(&r->lock);
    free(r->entries);
    free(r);
}

/* --- how much at a time --- */

static size_t databases_at_a_time(const struct roster *r)
{
    const struct config_settings *s = &r->config->defaults;

    return s->parallel_databases ? (size_t)s->max_parallel_databases : 1;
}

static size_t tables_at_a_time(const struct config_database *database)
{
    return (size_t)database->settings.parallel_tables;
}

static size_t count_of(const struct roster *r, const struct config_database *database,
                       enum entry_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++)
        count += r->entries[i].target->database == database && r->entries[i].state == state;
    return count;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The largest of the databases that go together, with the tables that they have. */
size_t roster_threads(const struct roster *r)
{
    size_t databases = databases_at_a_time(r), sum = 0, most = 0;

    for (size_t i = 0; i < r->config->database_count; i++) {
        const struct config_database *database = &r->config->databases[i];
        size_t tables = smaller(tables_at_a_time(database), count_of(r, database, ENTRY_WAITING));
        sum += tables;
        most = tables > most ? tables : most;
    }
    return smaller(sum, databases * most);
}

/* --- which is next --- */

static size_t databases_at_work(const struct roster *r)
{
    size_t count = 0;

    for (size_t i = 0; i < r->config->database_count; i++)
        count += count_of(r, &r->config->databases[i], ENTRY_TAKEN) > 0;
    return count;
}

static bool may_begin(const struct roster *r, const struct entry *e)
{
    size_t at_work = count_of(r, e->target->database, ENTRY_TAKEN);

    return at_work > 0 ? at_work < tables_at_a_time(e->target->database)
                       : databases_at_work(r) < databases_at_a_time(r);
}

/* Once more when all others are through, then at its pace; one that was not held is due. */
static bool is_due(const struct roster *r, const struct entry *e, int64_t now)
{
    return e->held_us < r->through_us || e->held_us == 0 ||
           now >= e->held_us + TRY_AGAIN_MS * INT64_C(1000);
}

/* NULL with *ret_some: none may begin now, but there are some. */
static struct entry *find_in(const struct roster *r, enum entry_state state, int64_t now,
                             bool *ret_some)
{
    *ret_some = false;
    for (size_t i = 0; i < r->count; i++) {
        struct entry *e = &r->entries[i];
        if (e->state != state)
            continue;
        *ret_some = true;
        if (is_due(r, e, now) && may_begin(r, e))
            return e;
    }
    return NULL;
}

static struct entry *find(struct roster *r, bool *ret_some)
{
    int64_t now = text_monotonic_us();
    struct entry *e = find_in(r, ENTRY_WAITING, now, ret_some);

    if (*ret_some)
        return e;
    if (r->through_us == 0)
        r->through_us = now;
    return find_in(r, ENTRY_HELD, now, ret_some);
}

bool roster_take(struct roster *r, const struct stop *stop, size_t *ret_number)
{
    struct pollfd fd = {.fd = stop_fd(stop), .events = POLLIN};

    for (;;) {
        bool some;
        pthread_mutex_lock(&r->lock);
        struct entry *e = find(r, &some);
        if (e)
            e->state = ENTRY_TAKEN;
        pthread_mutex_unlock(&r->lock);
        *ret_number = e ? (size_t)(e - r->entries) : SIZE_MAX;
        if (e || !some)
            return e != NULL;
        poll(&fd, stop_asked(stop) ? 0 : 1, LOOK_MS);
    }
}

/* --- what became of it --- */

void roster_over(struct roster *r, size_t number)
{
    pthread_mutex_lock(&r->lock);
    r->entries[number].state = ENTRY_OVER;
    pthread_mutex_unlock(&r->lock);
}

/* Where nothing was done meanwhile, another try would be the same one. */
static bool comes_again(const struct roster *r, const struct entry *e, int64_t now)
{
    double wait_s = e->target->table->settings.lock_wait_seconds;

    if (e->held_us == 0)
        return r->count > 1 || wait_s > 0;
    return r->through_us == 0 || (double)(now - r->through_us) / 1e6 < wait_s;
}

bool roster_held(struct roster *r, size_t number)
{
    struct entry *e = &r->entries[number];
    int64_t now = text_monotonic_us();

    pthread_mutex_lock(&r->lock);
    bool again = comes_again(r, e, now);
    e->held_us = now;
    e->state = again ? ENTRY_HELD : ENTRY_OVER;
    pthread_mutex_unlock(&r->lock);
    return again;
}
