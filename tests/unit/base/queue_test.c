/* SPDX-License-Identifier: PostgreSQL */
#include "base/queue.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cases.h"

struct item {
    int number;
    int squared;
};

static atomic_int dropped;

/* Later items are quicker, so that order is not kept by chance. */
static bool square(void *work, void *state, struct err *err)
{
    struct item *item = work;
    const int *bad = state;

    poll(NULL, 0, (7 - item->number % 8) / 4);
    if (bad && item->number == *bad)
        return err_set(err, ERR_DATA, "number %d is bad", item->number);
    item->squared = item->number * item->number;
    return true;
}

static void drop(void *item, void *state)
{
    (void)state;
    atomic_fetch_add(&dropped, 1);
    free(item);
}

struct feeder {
    struct lane *lane;
    int count;
    bool ok;
    struct err err;
};

static void *feed(void *arg)
{
    struct feeder *f = arg;

    f->ok = true;
    for (int i = 0; f->ok && i < f->count; i++) {
        struct item *item = mem_alloc(sizeof(*item));
        item->number = i;
        f->ok = lane_put(f->lane, item, &f->err);
        if (!f->ok)
            free(item);
    }
    lane_end(f->lane);
    return NULL;
}

static void run_lane(unsigned threads, int count, int *bad, int *ret_taken, struct err *ret_err)
{
    struct err err;
    struct pool *pool = pool_new(threads, "test", &err);
    struct lane_params params = {
        .pool = pool, .depth = 5, .work = square, .drop = drop, .state = bad};
    struct feeder feeder = {.lane = lane_new(&params), .count = count};
    pthread_t thread;
    void *item;
    bool in_order = true;

    *ret_taken = 0;
    *ret_err = ERR_INIT;
    pthread_create(&thread, NULL, feed, &feeder);
    while (lane_take(feeder.lane, &item, ret_err) && item) {
        struct item *i = item;
        in_order = in_order && i->number == *ret_taken && i->squared == i->number * i->number;
        ++*ret_taken;
        free(item);
    }
    pthread_join(thread, NULL);
    CHECK(in_order);
    lane_free(feeder.lane);
    pool_free(pool);
}

static void test_order(void)
{
    struct err err;
    int taken;

    for (unsigned threads = 1; threads <= 4; threads++) {
        run_lane(threads, 200, NULL, &taken, &err);
        CHECK_INT(taken, 200);
        CHECK_INT(err.kind, ERR_NONE);
    }
}

static void test_nothing_to_do(void)
{
    struct err err;
    int taken;

    run_lane(3, 0, NULL, &taken, &err);
    CHECK_INT(taken, 0);
}

static void test_first_error(void)
{
    struct err err;
    int taken, bad = 50;

    atomic_store(&dropped, 0);
    run_lane(3, 200, &bad, &taken, &err);
    CHECK(taken <= 50);
    CHECK_INT(err.kind, ERR_DATA);
    CHECK_STR(err.what, "number 50 is bad");
}

static void test_cancel(void)
{
    struct err err, why;
    struct pool *pool = pool_new(2, "test", &err);
    struct lane_params params = {.pool = pool, .depth = 3, .work = square, .drop = drop};
    struct feeder feeder = {.lane = lane_new(&params), .count = 1000};
    pthread_t thread;
    void *item;

    pthread_create(&thread, NULL, feed, &feeder); /* blocks: nobody takes */
    poll(NULL, 0, 20);
    err_set(&why, ERR_INTERRUPTED, "enough");
    lane_cancel(feeder.lane, &why);
    pthread_join(thread, NULL);
    CHECK(!feeder.ok);
    CHECK_INT(feeder.err.kind, ERR_INTERRUPTED);
    CHECK(!lane_take(feeder.lane, &item, &err));
    CHECK_STR(err.what, "enough");
    lane_free(feeder.lane);
    pool_free(pool);
}

static void test_stop(void)
{
    struct stop *stop = stop_new();
    struct pollfd fd = {.fd = stop_fd(stop), .events = POLLIN};

    CHECK(!stop_asked(stop) && !stop_now(stop) && poll(&fd, 1, 0) == 0);
    stop_ask(stop, false);
    CHECK(stop_asked(stop) && !stop_now(stop) && poll(&fd, 1, 0) == 1);
    stop_ask(stop, true);
    CHECK(stop_now(stop));
    CHECK(!stop_asked(NULL) && stop_fd(NULL) == -1);
    stop_free(stop);
}

static const struct test_case cases[] = {
    {"results come in the order of the work, whoever is quicker", test_order},
    {"with nothing to do a lane ends", test_nothing_to_do},
    {"the first error stops everybody and is the one that is told", test_first_error},
    {"a cancelled lane lets nobody wait", test_cancel},
    {"a stop token says so to who looks and to who polls", test_stop},
    {NULL, NULL},
};

const struct test_suite base_queue_suite = {"base/queue", cases};
