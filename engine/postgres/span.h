/* SPDX-License-Identifier: PostgreSQL
 *
 * How many blocks of a heap the next batch reads: a walk over it from its start to where it ended
 * when the walk began, in steps that hold about as many rows as were asked for.
 *
 *   span_begin -> [ span_range -> span_took ]... until span_is_over
 *
 * The first step goes by the server's statistics, each further one by what the last one gave.
 *
 * Threads: plain data.
 */
#ifndef ARCHIVER_POSTGRES_SPAN_H
#define ARCHIVER_POSTGRES_SPAN_H

#include "postgres/introspect.h"

struct span {
    int64_t blocks;      /* of the heap when the walk began; -1: it has not begun */
    int64_t start, end;  /* blocks of the step in work: [start, end) */
    int64_t rows;        /* that this step gave so far */
    int64_t last_blocks; /* of the step before; 0: there was none */
    double rows_a_block; /* 0: not one */
    double most_a_block; /* rows a block holds, leaving or not; 0: not known */
    bool careful;        /* the statement has no limit of its own */
    bool chosen;         /* start and end are those of the step in work */
};

/* The first step is a small one where nothing is known of the table as it is, and where `careful`:
 * the statement that reads it has no limit of its own. Else a small heap is one step, read again
 * for each batch. */
bool span_begin(struct span *span, struct conn *conn, const struct introspect_leaf *leaf,
                bool careful, struct err *err);
/* Chooses the step for about `rows`, or gives the one in work again. */
void span_range(struct span *span, int64_t rows);
/* Makes the step that was chosen a smaller one where little but blocks without rows to take seem to
 * come, so that several sessions have something to do to the end. */
void span_leave_some(struct span *span, int64_t rows, size_t sessions);
/* Does it hold no more rows than that, by all that is known? */
bool span_holds_at_most(const struct span *span, int64_t rows);
/* What the step gave; `over`: there is no more in it. */
void span_took(struct span *span, int64_t rows, bool over);
bool span_is_over(const struct span *span);

#endif
