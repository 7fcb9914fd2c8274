/* SPDX-License-Identifier: PostgreSQL
 *
 * How many rows the next batch takes: as many as go into the time and the size that a batch aims at,
 * by what the last ones took, and never more than batch_size. After a batch that failed for its size
 * (a timeout, others that waited for it) half as many, and from there on slowly more.
 *
 *   stride_begin -> { stride_next -> a batch -> stride_took or stride_failed } ...
 *
 * Threads: plain data.
 */
#ifndef ARCHIVER_STRIDE_H
#define ARCHIVER_STRIDE_H

#include "config/config.h"

/* No fewer for the time's sake: what a batch costs by itself would be most of it. */
#define STRIDE_LEAST 100

struct stride {
    int64_t most, bytes; /* of a batch: rows; bytes of lines it aims at */
    double seconds;      /* it aims at; 0: time does not matter */
    int64_t cap;         /* rows; lowered by a failure */
    int64_t row_bytes;   /* of the last batch; before, a guess */
    double row_seconds;  /* smoothed; 0: not known yet */
    int64_t whole;       /* rows of the last batch that got what it asked for; 0: none yet */
};

/* `first`: rows of the first batch at most, where the guess is worth little; 0: no such limit. */
void stride_begin(struct stride *stride, const struct config_settings *settings,
                  int64_t row_bytes_guess, int64_t first);
int64_t stride_next(const struct stride *stride); /* 1 at least */
/* A batch that asked for so many rows got `rows`, in `seconds` from BEGIN to settled. */
void stride_took(struct stride *stride, int64_t asked, int64_t rows, uint64_t line_bytes,
                 double seconds);
/* It was rolled back for its size, after `seconds`. */
void stride_failed(struct stride *stride, int64_t asked, double seconds);

#endif
