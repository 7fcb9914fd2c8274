/* SPDX-License-Identifier: PostgreSQL
 *
 * Stops asking a store that is away. Pure: the time comes in, nothing waits here.
 *
 *             8 failures in a row                    cool-down over: one may ask
 *   CLOSED ──────────────────────────> OPEN ──────────────────────────────────> PROBING
 *     ^                                 ^          failed: cool-down doubles       │
 *     │                                 └──────────────────────────────────────────┤
 *     └────────────────────────── any success, whoever had it ─────────────────────┘
 *
 * The first cool-down is waited out by everybody: a short outage then costs a short wait. After a
 * probe failed the store is known to be away, and requests that have not been tried yet fail at
 * once; those that were in the middle of their retries go on waiting, and a probe that fails counts
 * as a try of theirs.
 *
 * Threads: none of its own; who shares one holds a lock.
 */
#ifndef ARCHIVER_STORE_BREAKER_H
#define ARCHIVER_STORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FAILURES 8
#define BREAKER_FIRST_US INT64_C(2000000)  /* cool-down; doubles with each probe that fails, */
#define BREAKER_LAST_US  INT64_C(30000000) /* up to this */

struct breaker {
    unsigned failures; /* in a row; meaningful while closed */
    unsigned probes;   /* that failed since it opened */
    bool open, probing;
    int64_t until_us; /* end of the cool-down; meaningful while open */
};

enum breaker_verdict { BREAKER_GO, BREAKER_PROBE, BREAKER_WAIT, BREAKER_REFUSE };
enum breaker_outcome {
    BREAKER_ANSWERED, /* the server is there, whatever it said */
    BREAKER_FAILED,   /* no answer, or 5xx */
    BREAKER_NOTHING,  /* cut short by ourselves: says nothing about the server */
};

/* Zeroed is closed. `fresh`: a request that was not tried yet. For BREAKER_WAIT *ret_wait_us says
 * when to ask again. Whoever got GO or PROBE must call breaker_note. */
enum breaker_verdict breaker_ask(struct breaker *breaker, bool fresh, int64_t now_us,
                                 int64_t *ret_wait_us);
/* `probe`: breaker_ask had said BREAKER_PROBE. */
void breaker_note(struct breaker *breaker, bool probe, enum breaker_outcome outcome,
                  int64_t now_us);

#endif
