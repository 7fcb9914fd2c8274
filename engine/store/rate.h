/* SPDX-License-Identifier: PostgreSQL
 *
 * How fast a store is asked. A bucket gives out so much a second, be it requests or bytes; a rate
 * is a bucket of requests that learns: it is halved when the server says to slow down, and grows
 * again while nothing is refused. Pure: the time comes in, and how long to wait comes out.
 *
 *   free ── slow ──> half of what was sent in the last second ── slow ──> half of that ... 1 a
 * second ^                              │ each second without: a tenth more └──────── RATE_FREE
 * reached ───┘            (with a ceiling: never more than that)
 *
 * Threads: none of its own; who shares one holds a lock.
 */
#ifndef ARCHIVER_STORE_RATE_H
#define ARCHIVER_STORE_RATE_H

#include <stdint.h>

#define RATE_FREE 500.0 /* requests a second that need no limit any more */

struct bucket {
    double per_second; /* > 0 */
    double most;       /* saved up while nothing was taken */
    double level;      /* below 0: owed by those who wait */
    int64_t at_us;     /* when level was right */
};

/* Full at first. */
void bucket_init(struct bucket *bucket, double per_second, double most, int64_t now_us);
/* Takes at once, also what is not there yet; returns how long the taker must wait for it. So
 * those who wait are served in the order in which they came. */
int64_t bucket_take(struct bucket *bucket, double amount, int64_t now_us);

struct rate {
    double ceiling; /* requests a second at most; 0: none */
    double limit;   /* at this time; 0: none */
    struct bucket bucket;
    int64_t second;               /* number of the second that `sent` counts */
    unsigned sent, sent_before;   /* requests in this second and in the one before */
    int64_t slowed_us, raised_us; /* when the limit was changed last; 0: never */
};

void rate_init(struct rate *rate, double ceiling, int64_t now_us);
/* One request; how long it must wait. */
int64_t rate_take(struct rate *rate, int64_t now_us);
/* The server refused a request because there are too many. Requests sent together are refused
 * together: that counts once a second. */
void rate_slow(struct rate *rate, int64_t now_us);
/* The server took a request. */
void rate_fine(struct rate *rate, int64_t now_us);

#endif
