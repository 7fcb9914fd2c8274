/* SPDX-License-Identifier: PostgreSQL */
#include "stride.h"

/* A batch is at most so many times the one before: what a few rows took says little of many. */
#define GROWTH 4

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void stride_begin(struct stride *s, const struct config_settings *settings, int64_t row_bytes_guess,
                  int64_t first)
{
    *s = (struct stride){.most = settings->batch_size,
                         .bytes = settings->batch_bytes_mb * (1 << 20),
                         .seconds = settings->batch_seconds,
                         .cap = settings->batch_size,
                         .row_bytes = larger(row_bytes_guess, 1),
                         .whole = first / GROWTH};
}

static int64_t by_time(const struct stride *s, double row_seconds)
{
    double rows = s->seconds / row_seconds;

    return rows < STRIDE_LEAST ? STRIDE_LEAST : rows > 1e15 ? INT64_MAX : (int64_t)rows;
}

int64_t stride_next(const struct stride *s)
{
    int64_t rows = smaller(s->most, s->cap);

    rows = smaller(rows, s->bytes / s->row_bytes);
    if (s->seconds > 0 && s->row_seconds > 0)
        rows = smaller(rows, by_time(s, s->row_seconds));
    if (s->whole > 0)
        rows = smaller(rows, s->whole * GROWTH);
    return larger(rows, 1);
}

void stride_took(struct stride *s, int64_t asked, int64_t rows, uint64_t line_bytes, double seconds)
{
    if (rows > 0)
        s->row_bytes = (int64_t)(line_bytes / (uint64_t)rows) + 1;
    if (rows <= 0 || rows < asked / 2) /* a range of blocks gives about nine tenths */
        return; /* the end of a table or a partition tells nothing of a batch's time */
    double now = seconds / (double)rows;
    s->row_seconds = s->row_seconds > 0 ? (s->row_seconds + now) / 2 : now;
    s->whole = rows;
    if (s->cap < s->most)
        s->cap = smaller(s->most, s->cap + s->cap / 4 + 1);
}

/* Not only half where even that could not be through in time. */
void stride_failed(struct stride *s, int64_t asked, double seconds)
{
    s->cap = larger(asked / 2, 1);
    if (s->seconds > 0 && seconds > 2 * s->seconds)
        s->cap = smaller(s->cap, by_time(s, seconds / (double)asked));
}
