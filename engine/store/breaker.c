/* SPDX-License-Identifier: PostgreSQL */
#include "store/breaker.h"

#define LOOK_AGAIN_US INT64_C(50000) /* while another one's probe is on its way */

enum breaker_verdict breaker_ask(struct breaker *breaker, bool fresh, int64_t now_us,
                                 int64_t *ret_wait_us)
{
    if (!breaker->open)
        return BREAKER_GO;
    if (!breaker->probing && now_us >= breaker->until_us) {
        breaker->probing = true;
        return BREAKER_PROBE;
    }
    if (fresh && breaker->probes > 0)
        return BREAKER_REFUSE;
    *ret_wait_us = breaker->probing ? LOOK_AGAIN_US : breaker->until_us - now_us;
    return BREAKER_WAIT;
}

static int64_t cool_down_us(unsigned probes)
{
    int64_t us = BREAKER_FIRST_US;

    while (probes-- > 0 && us < BREAKER_LAST_US)
        us *= 2;
    return us < BREAKER_LAST_US ? us : BREAKER_LAST_US;
}

void breaker_note(struct breaker *breaker, bool probe, enum breaker_outcome outcome, int64_t now_us)
{
    if (outcome == BREAKER_ANSWERED) {
        *breaker = (struct breaker){0};
        return;
    }
    if (probe)
        breaker->probing = false;
    if (outcome == BREAKER_NOTHING)
        return;
    if (!breaker->open) {
        breaker->open = ++breaker->failures >= BREAKER_FAILURES;
        breaker->until_us = now_us + cool_down_us(0);
    } else if (probe) {
        /* What was on its way when it opened and failed since says nothing new. */
        breaker->until_us = now_us + cool_down_us(++breaker->probes);
    }
}
