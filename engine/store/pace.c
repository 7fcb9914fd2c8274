/* SPDX-License-Identifier: PostgreSQL */
#include "store/pace.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/text.h"
#include "store/rate.h"

struct pace {
    pthread_mutex_t lock;
    struct rate rate;
    struct breaker breaker;
    struct err last; /* failure */
};

struct pace *pace_new(double requests_per_second)
{
    struct pace *pace = mem_alloc(sizeof(*pace));

    pthread_mutex_init(&pace->lock, NULL);
    rate_init(&pace->rate, requests_per_second, text_monotonic_us());
    return pace;
}

void pace_free(struct pace *pace)
{
    if (!pace)
        return;
    pthread_mutex_destroy(&pace->lock);
    free(pace);
}

/* The fd of a stop token stays readable after the first, gentle ask, so from then on the wait looks
 * ten times a second. */
bool pace_wait(const struct stop *stop, int64_t us)
{
    int64_t until = text_monotonic_us() + us;

    for (;;) {
        int64_t left = (until - text_monotonic_us() + 999) / 1000;
        if (stop_now(stop))
            return false;
        if (left <= 0)
            return true;
        bool asked = stop_asked(stop);
        struct pollfd fd = {.fd = asked ? -1 : stop_fd(stop), .events = POLLIN};
        poll(&fd, 1, (int)((asked || left > 60000) && left > 100 ? 100 : left));
    }
}

static bool away(const struct err *last, struct err *err)
{
    err_set(err, ERR_NETWORK, "the store is away");
    err_hint(err, "it is asked again in a while; rows stay in the table");
    return err_why(err, "%s%s%s", last->what, last->why[0] ? ": " : "", last->why);
}

static bool interrupted(struct err *err)
{
    return err_set(err, ERR_INTERRUPTED, "interrupted while waiting for the store");
}

bool pace_enter(struct pace *pace, struct pace_try *try, struct err *err)
{
    unsigned probes = UINT32_MAX;

    for (;;) {
        int64_t wait_us = 0;
        pthread_mutex_lock(&pace->lock);
        int64_t now_us = text_monotonic_us();
        if (probes != UINT32_MAX && pace->breaker.probes > probes)
            try->tries += pace->breaker.probes - probes;
        probes = pace->breaker.probes;
        enum breaker_verdict verdict =
            try->tries > try->most ? BREAKER_REFUSE
                                   : breaker_ask(&pace->breaker, try->tries == 0, now_us, &wait_us);
        if (verdict == BREAKER_GO || verdict == BREAKER_PROBE)
            wait_us = rate_take(&pace->rate, now_us);
        struct err last = pace->last;
        pthread_mutex_unlock(&pace->lock);
        if (verdict == BREAKER_REFUSE)
            return away(&last, err);
        try->probe = verdict == BREAKER_PROBE;
        bool stopped = !pace_wait(try->stop, wait_us);
        if (stopped && verdict != BREAKER_WAIT)
            pace_leave(pace, try, BREAKER_NOTHING, false, NULL);
        if (stopped)
            return interrupted(err);
        if (verdict != BREAKER_WAIT)
            return true;
    }
}

void pace_leave(struct pace *pace, const struct pace_try *try, enum breaker_outcome outcome,
                bool slow_down, const struct err *err)
{
    pthread_mutex_lock(&pace->lock);
    int64_t now_us = text_monotonic_us();
    breaker_note(&pace->breaker, try->probe, outcome, now_us);
    if (slow_down)
        rate_slow(&pace->rate, now_us);
    else if (outcome == BREAKER_ANSWERED)
        rate_fine(&pace->rate, now_us);
    if (outcome == BREAKER_FAILED && err)
        pace->last = *err;
    pthread_mutex_unlock(&pace->lock);
}
