/* SPDX-License-Identifier: PostgreSQL */
#include "rate.h"

#define SAMPLE_US 1000000
#define WINDOW_US 30000000
/* A shorter past says nothing: the first batch begins with a plan, a lock, a first read. */
#define LEAST_US 2000000

void rate_note(struct rate *rate, int64_t now_us, int64_t count)
{
    const struct rate_sample *newest = &rate->samples[(rate->noted - 1) % RATE_SAMPLES];

    rate->last = (struct rate_sample){.at_us = now_us, .count = count};
    if (rate->noted > 0 && now_us - newest->at_us < SAMPLE_US)
        return;
    rate->samples[rate->noted % RATE_SAMPLES] = rate->last;
    rate->noted++;
}

/* The oldest sample in the window; where all are older, the newest. */
static const struct rate_sample *base_of(const struct rate *rate, int64_t now_us)
{
    uint32_t held = rate->noted < RATE_SAMPLES ? rate->noted : RATE_SAMPLES;

    for (uint32_t i = rate->noted - held; i != rate->noted; i++) {
        if (rate->samples[i % RATE_SAMPLES].at_us >= now_us - WINDOW_US)
            return &rate->samples[i % RATE_SAMPLES];
    }
    return &rate->samples[(rate->noted - 1) % RATE_SAMPLES];
}

double rate_per_second(const struct rate *rate, int64_t now_us)
{
    if (rate->noted == 0)
        return -1;
    const struct rate_sample *base = base_of(rate, now_us);
    if (now_us - base->at_us < LEAST_US)
        return -1;
    double moved = (double)(rate->last.count - base->count);
    /* A batch that was rolled back takes its rows back. */
    return moved < 0 ? 0 : moved / ((double)(now_us - base->at_us) / 1e6);
}
