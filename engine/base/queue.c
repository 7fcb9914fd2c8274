/* SPDX-License-Identifier: PostgreSQL */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"

#define CORES_MAX 8

/* --- stop --- */

struct stop {
    atomic_int level; /* 0 go on, 1 after the batch, 2 now */
    int fd;
};

struct stop *stop_new(void)
{
    struct stop *stop = mem_alloc(sizeof(*stop));

    stop->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stop;
}

void stop_free(struct stop *stop)
{
    if (!stop)
        return;
    if (stop->fd >= 0)
        close(stop->fd);
    free(stop);
}

void stop_ask(struct stop *stop, bool now)
{
    uint64_t one = 1;
    int level = now ? 2 : 1;

    if (atomic_load(&stop->level) < level)
        atomic_store(&stop->level, level);
    ssize_t ignored = write(stop->fd, &one, sizeof(one));
    (void)ignored;
}

bool stop_asked(const struct stop *stop)
{
    return stop && atomic_load(&((struct stop *)stop)->level) > 0;
}

bool stop_now(const struct stop *stop)
{
    return stop && atomic_load(&((struct stop *)stop)->level) > 1;
}

int stop_fd(const struct stop *stop)
{
    return stop ? stop->fd : -1;
}

/* --- lanes and their pool --- */

enum slot_state { SLOT_EMPTY, SLOT_WAITING, SLOT_WORKING, SLOT_DONE };

struct slot {
    void *item;
    enum slot_state state;
};

/* A ring of slots between put and take; a lane that has waiting slots stands in its pool's list. */
struct lane {
    struct lane_params params;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot *slots;
    size_t put, next, taken; /* counts since the start: put, handed to a worker, taken */
    size_t working;
    bool ended, failed;
    struct err err;
    struct lane *next_ready; /* under the pool's lock */
    bool ready;              /* likewise */
};

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t *threads;
    unsigned count;
    struct lane *ready; /* lanes that may have work */
    bool over;
};

static struct slot *slot_at(struct lane *lane, size_t n)
{
    return &lane->slots[n % lane->params.depth];
}

static void pool_wake(struct pool *pool, struct lane *lane)
{
    pthread_mutex_lock(&pool->lock);
    if (!lane->ready) {
        struct lane **end = &pool->ready;
        while (*end)
            end = &(*end)->next_ready;
        lane->next_ready = NULL;
        lane->ready = true;
        *end = lane;
    }
    pthread_cond_signal(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

/* Takes one waiting item; *ret_more tells whether others wait. */
static void *lane_pick(struct lane *lane, size_t *ret_n, bool *ret_more)
{
    void *item = NULL;

    pthread_mutex_lock(&lane->lock);
    if (!lane->failed && lane->next < lane->put) {
        *ret_n = lane->next++;
        slot_at(lane, *ret_n)->state = SLOT_WORKING;
        item = slot_at(lane, *ret_n)->item;
        lane->working++;
    }
    *ret_more = !lane->failed && lane->next < lane->put;
    pthread_mutex_unlock(&lane->lock);
    return item;
}

static void lane_fail_locked(struct lane *lane, const struct err *err)
{
    if (!lane->failed) {
        lane->failed = true;
        lane->err = *err;
    }
    pthread_cond_broadcast(&lane->changed);
}

static void lane_run(struct lane *lane, void *item, size_t n)
{
    struct err err = ERR_INIT;
    bool ok = lane->params.work(item, lane->params.state, &err);

    pthread_mutex_lock(&lane->lock);
    slot_at(lane, n)->state = SLOT_DONE;
    lane->working--;
    if (!ok)
        lane_fail_locked(lane, &err);
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

/* The lane stays listed while it has more, so that other threads help; its owner takes it off in
 * lane_free. The pick happens under the pool's lock: lane_free cannot pass between finding a lane
 * and using it. */
static bool pool_step(struct pool *pool)
{
    size_t n = 0;
    bool more = false;

    pthread_mutex_lock(&pool->lock);
    while (!pool->ready && !pool->over)
        pthread_cond_wait(&pool->work, &pool->lock);
    struct lane *lane = pool->ready;
    if (!lane) {
        pthread_mutex_unlock(&pool->lock);
        return false;
    }
    void *item = lane_pick(lane, &n, &more);
    if (!more) {
        pool->ready = lane->next_ready;
        lane->ready = false;
    } else {
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    if (item)
        lane_run(lane, item, n);
    return true;
}

static void *pool_main(void *arg)
{
    while (pool_step(arg))
        ;
    return NULL;
}

struct pool *pool_new(unsigned threads, const char *name, struct err *err)
{
    struct pool *pool = mem_alloc(sizeof(*pool));

    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->threads = mem_alloc(threads * sizeof(*pool->threads));
    for (unsigned i = 0; i < threads; i++) {
        char thread_name[16];
        int rc = pthread_create(&pool->threads[i], NULL, pool_main, pool);
        if (rc != 0) {
            err_sys(err, ERR_RESOURCE, rc, "cannot start thread %s", name);
            pool_free(pool);
            return NULL;
        }
        pool->count++;
        snprintf(thread_name, sizeof(thread_name), "%.10s/%u", name, i % 1000);
        pthread_setname_np(pool->threads[i], thread_name);
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->over = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    free(pool->threads);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    free(pool);
}

unsigned pool_threads(const struct pool *pool)
{
    return pool->count;
}

unsigned pool_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 1 ? 1 : cores > CORES_MAX ? CORES_MAX : (unsigned)cores;
}

struct lane *lane_new(const struct lane_params *params)
{
    struct lane *lane = mem_alloc(sizeof(*lane));

    assert(params->depth >= 1);
    lane->params = *params;
    lane->slots = mem_alloc(params->depth * sizeof(*lane->slots));
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->changed, NULL);
    return lane;
}

bool lane_put(struct lane *lane, void *item, struct err *err)
{
    pthread_mutex_lock(&lane->lock);
    while (!lane->failed && lane->put - lane->taken >= lane->params.depth)
        pthread_cond_wait(&lane->changed, &lane->lock);
    bool ok = !lane->failed;
    if (ok)
        *slot_at(lane, lane->put++) = (struct slot){item, SLOT_WAITING};
    else
        *err = lane->err;
    pthread_mutex_unlock(&lane->lock);
    if (ok)
        pool_wake(lane->params.pool, lane);
    return ok;
}

void lane_end(struct lane *lane)
{
    pthread_mutex_lock(&lane->lock);
    lane->ended = true;
    pthread_cond_broadcast(&lane->changed);
    pthread_mutex_unlock(&lane->lock);
}

bool lane_take(struct lane *lane, void **ret_item, struct err *err)
{
    bool ok = true;

    *ret_item = NULL;
    pthread_mutex_lock(&lane->lock);
    while (!lane->failed && !(lane->ended && lane->taken == lane->put) &&
           !(lane->taken < lane->put && slot_at(lane, lane->taken)->state == SLOT_DONE))
        pthread_cond_wait(&lane->changed, &lane->lock);
    if (lane->failed) {
        *err = lane->err;
        ok = false;
    } else if (lane->taken < lane->put) {
        struct slot *slot = slot_at(lane, lane->taken++);
        *ret_item = slot->item;
        *slot = (struct slot){0};
        pthread_cond_broadcast(&lane->changed);
    }
    pthread_mutex_unlock(&lane->lock);
    return ok;
}

void lane_cancel(struct lane *lane, const struct err *err)
{
    pthread_mutex_lock(&lane->lock);
    lane_fail_locked(lane, err);
    pthread_mutex_unlock(&lane->lock);
}

static void pool_forget(struct pool *pool, struct lane *lane)
{
    pthread_mutex_lock(&pool->lock);
    for (struct lane **at = &pool->ready; *at; at = &(*at)->next_ready) {
        if (*at == lane) {
            *at = lane->next_ready;
            break;
        }
    }
    lane->ready = false;
    pthread_mutex_unlock(&pool->lock);
}

void lane_free(struct lane *lane)
{
    static const struct err freed = {.kind = ERR_INTERRUPTED, .what = "the lane is closed"};

    if (!lane)
        return;
    lane_cancel(lane, &freed);
    pool_forget(lane->params.pool, lane);
    pthread_mutex_lock(&lane->lock);
    while (lane->working > 0)
        pthread_cond_wait(&lane->changed, &lane->lock);
    pthread_mutex_unlock(&lane->lock);
    for (; lane->taken < lane->put; lane->taken++) {
        if (lane->params.drop)
            lane->params.drop(slot_at(lane, lane->taken)->item, lane->params.state);
    }
    pthread_mutex_destroy(&lane->lock);
    pthread_cond_destroy(&lane->changed);
    free(lane->slots);
    free(lane);
}
