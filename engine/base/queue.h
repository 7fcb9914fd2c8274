/* SPDX-License-Identifier: PostgreSQL
 *
 * How threads hand work over: a stop token, a bounded queue, and a pool that hands results back in
 * order.
 *
 *   lane_put(item) --> [ pool of workers: work(item) ] --> lane_take() gives the items back in the
 * order put
 *
 * Bounded means back-pressure: lane_put blocks while `depth` items are between put and take. The
 * first error wins: once a work function fails, or lane_cancel is called, put and take return false
 * with that error. Every wait ends when the lane is cancelled. Items belong to the lane from put
 * until take; what is left when a lane is freed goes to `drop`.
 *
 * Threads: any thread (own lock). No lock is held while work() runs.
 */
#ifndef ARCHIVER_BASE_QUEUE_H
#define ARCHIVER_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Asked to stop: set once by a signal thread, read by everyone; `fd` becomes readable. */
struct stop;
struct stop *stop_new(void);
void stop_free(struct stop *stop);
void stop_ask(struct stop *stop,
              bool now); /* now: do not finish the batch, roll it back; signal-safe */
bool stop_asked(const struct stop *stop); /* finish the batch in flight, then stop (NULL: false) */
bool stop_now(const struct stop *stop);   /* roll back at once (NULL: false) */
int stop_fd(const struct stop *stop);     /* poll()able; -1 for NULL */

/* A pool of named threads that any number of lanes share. */
struct pool;
struct pool *pool_new(unsigned threads, const char *name, struct err *err);
void pool_free(struct pool *pool); /* after its lanes; joins the threads; NULL allowed */
unsigned pool_threads(const struct pool *pool);
unsigned pool_cores(void); /* threads worth having here: one a core, 8 at most */

/* Does one item's work; false with *err fails the lane. `state` is lane_params.state. */
typedef bool (*lane_work)(void *item, void *state, struct err *err);
typedef void (*lane_drop)(void *item, void *state);

struct lane_params {
    struct pool *pool;
    size_t depth; /* items in flight at most, >= 1 */
    lane_work work;
    lane_drop drop; /* for items never taken; may be NULL */
    void *state;
};

struct lane;
struct lane *lane_new(const struct lane_params *params);
/* Blocks while the lane is full. False: cancelled or failed; the item then still belongs to the
 * caller. */
bool lane_put(struct lane *lane, void *item, struct err *err);
void lane_end(struct lane *lane); /* nothing more will be put */
/* Blocks for the next item in order. True with *ret_item NULL: ended and empty. */
bool lane_take(struct lane *lane, void **ret_item, struct err *err);
/* Fails the lane with this error unless it failed already; wakes everybody. */
void lane_cancel(struct lane *lane, const struct err *err);
void lane_free(struct lane *lane); /* waits for items being worked on; NULL allowed */

#endif
