/* SPDX-License-Identifier: PostgreSQL
 *
 * How fast something goes, smoothed over the last half minute: a count is noted whenever it
 * changes, and what was not seen long enough is unknown rather than a guess.
 *
 * The clock is the caller's (monotonic, microseconds), so that tests need not wait.
 *
 * Threads: plain data.
 */
#ifndef ARCHIVER_RATE_H
#define ARCHIVER_RATE_H

#include <stdint.h>

#define RATE_SAMPLES 32

struct rate { /* zeroed: nothing seen yet */
    struct rate_sample {
        int64_t at_us, count;
    } samples[RATE_SAMPLES], last;
    uint32_t noted; /* samples since the start; the ring holds the newest */
};

void rate_note(struct rate *rate, int64_t now_us, int64_t count);
/* Per second; -1: unknown. */
double rate_per_second(const struct rate *rate, int64_t now_us);

#endif
