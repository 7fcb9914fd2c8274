/* SPDX-License-Identifier: PostgreSQL
 *
 * The gate that all requests to a store pass, shared by its threads: not faster than the store can
 * take (rate.h), and not at all while it is away (breaker.h).
 *
 *   pace_enter -> the request -> pace_leave, for each try
 *
 * Threads: any thread (own lock, not held while waiting); pace_enter blocks.
 */
#ifndef ARCHIVER_STORE_PACE_H
#define ARCHIVER_STORE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"
#include "store/breaker.h"

struct pace;

struct pace *pace_new(double requests_per_second); /* 0: no ceiling */
void pace_free(struct pace *pace);                 /* NULL allowed */

struct pace_try {
    const struct stop *stop; /* NULL: waits whatever is asked */
    int64_t tries;           /* of this request that failed; another one's probe counts, too */
    int64_t most;            /* past these it is refused */
    bool probe;              /* set by pace_enter, for pace_leave */
};

/* False: ERR_INTERRUPTED, or ERR_NETWORK with the last failure as its reason. */
bool pace_enter(struct pace *pace, struct pace_try *try, struct err *err);
/* `slow_down`: the server said that there are too many requests. `err`: of a try that failed. */
void pace_leave(struct pace *pace, const struct pace_try *try, enum breaker_outcome outcome,
                bool slow_down, const struct err *err);
/* Waits; false when asked to stop now. `stop` may be NULL. */
bool pace_wait(const struct stop *stop, int64_t us);

#endif
