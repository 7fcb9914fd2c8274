/* SPDX-License-Identifier: PostgreSQL */
#include "store/rate.h"

#define SECOND_US INT64_C(1000000)
#define SLOWEST   1.0
#define GROWTH    1.1

void bucket_init(struct bucket *bucket, double per_second, double most, int64_t now_us)
{
    *bucket = (struct bucket){per_second, most, most, now_us};
}

static void fill(struct bucket *bucket, int64_t now_us)
{
    if (now_us <= bucket->at_us)
        return;
    bucket->level += (double)(now_us - bucket->at_us) / 1e6 * bucket->per_second;
    if (bucket->level > bucket->most)
        bucket->level = bucket->most;
    bucket->at_us = now_us;
}

int64_t bucket_take(struct bucket *bucket, double amount, int64_t now_us)
{
    fill(bucket, now_us);
    bucket->level -= amount;
    return bucket->level < 0 ? (int64_t)(-bucket->level / bucket->per_second * 1e6) : 0;
}

static void set_limit(struct rate *rate, double limit, int64_t now_us)
{
    if (rate->limit > 0)
        fill(&rate->bucket, now_us);
    else
        bucket_init(&rate->bucket, limit, 1, now_us);
    rate->limit = rate->bucket.per_second = limit;
}

void rate_init(struct rate *rate, double ceiling, int64_t now_us)
{
    *rate = (struct rate){.ceiling = ceiling, .second = now_us / SECOND_US};
    if (ceiling > 0)
        set_limit(rate, ceiling, now_us);
}

int64_t rate_take(struct rate *rate, int64_t now_us)
{
    int64_t second = now_us / SECOND_US;

    if (second != rate->second) {
        rate->sent_before = second == rate->second + 1 ? rate->sent : 0;
        rate->sent = 0;
        rate->second = second;
    }
    rate->sent++;
    return rate->limit > 0 ? bucket_take(&rate->bucket, 1, now_us) : 0;
}

void rate_slow(struct rate *rate, int64_t now_us)
{
    double seen = rate->sent > rate->sent_before ? rate->sent : rate->sent_before;
    double half = (rate->limit > 0 ? rate->limit : seen) / 2;

    if (rate->slowed_us > 0 && now_us - rate->slowed_us < SECOND_US)
        return;
    set_limit(rate, half > SLOWEST ? half : SLOWEST, now_us);
    /* An operator's ceiling may be below one a second. */
    if (rate->ceiling > 0 && rate->limit > rate->ceiling)
        set_limit(rate, rate->ceiling, now_us);
    rate->slowed_us = rate->raised_us = now_us;
}

void rate_fine(struct rate *rate, int64_t now_us)
{
    if (rate->limit == 0 || rate->limit == rate->ceiling || now_us - rate->raised_us < SECOND_US)
        return;
    double limit = rate->limit * GROWTH;
    rate->raised_us = now_us;
    if (rate->ceiling > 0 && limit >= rate->ceiling)
        set_limit(rate, rate->ceiling, now_us);
    else if (rate->ceiling == 0 && limit >= RATE_FREE)
        rate->limit = 0;
    else
        set_limit(rate, limit, now_us);
}
