/* SPDX-License-Identifier: PostgreSQL
 *
 * How long to wait before a request is tried again: exponential backoff with full jitter, and at
 * least what the server asked for. Pure: the random number comes in, nothing waits here.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_STORE_RETRY_H
#define ARCHIVER_STORE_RETRY_H

#include <stdint.h>

#define RETRY_FIRST_MS 200   /* bound of the wait after the first try */
#define RETRY_BOUND_MS 20000 /* of all later ones; it doubles up to here */
#define RETRY_ASKED_MS 60000 /* a server that asks for more gets this */

/* `tries` that failed so far, from 1; `random` of the whole range; `asked_s` is Retry-After or 0.
 * Never 0: many writers that failed together must not come back together. */
int64_t retry_wait_ms(unsigned tries, uint32_t random, int64_t asked_s);

#endif
