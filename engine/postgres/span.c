/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/span.h"

#include <stdlib.h>

/* Rows a block where the table was never analysed. */
#define DENSITY_GUESS 40.0
/* Of the rows asked for: a step that gives a few more than a batch may hold costs a small batch. */
#define AIM 0.9
/* A step is at most so many times the one before, where there is nothing to take too. */
#define GROWTH 4
/* Blocks (1 MiB) that are read again by every batch, so that each of them is full. */
#define SMALL INT64_C(128)
/* Blocks of a small first step. */
#define FEW INT64_C(64)
/* Blocks (8 GiB): what one statement reads at most. */
#define STEP_MAX INT64_C(1048576)

bool span_begin(struct span *span, struct conn *conn, const struct introspect_leaf *leaf,
                bool careful, struct err *err)
{
    static const char sql[] =
        "SELECT pg_relation_size(c.oid) / current_setting('block_size')::int,"
        " CASE WHEN c.relpages > 0 AND c.reltuples > 0 THEN c.reltuples / c.relpages ELSE 0 END,"
        " pg_relation_size(c.oid) > c.relpages * 1.1 * current_setting('block_size')::int"
        " FROM pg_class c WHERE c.oid = $1::regclass";
    struct buf name = BUF_INIT;

    conn_add_table(conn, &name, leaf->schema, leaf->table);
    PGresult *result = conn_query(conn, sql, 1, (const char *const[]){buf_str(&name)}, err);
    buf_done(&name);
    if (!result)
        return false;
    *span = (struct span){.blocks = strtoll(PQgetvalue(result, 0, 0), NULL, 10),
                          .rows_a_block = strtod(PQgetvalue(result, 0, 1), NULL)};
    span->most_a_block = span->rows_a_block;
    span->careful = careful;
    if (careful || span->rows_a_block <= 0 || PQgetvalue(result, 0, 2)[0] == 't')
        span->last_blocks = FEW / GROWTH;
    if (span->rows_a_block <= 0)
        span->rows_a_block = DENSITY_GUESS;
    PQclear(result);
    return true;
}

void span_range(struct span *span, int64_t rows)
{
    double step = STEP_MAX;

    if (span->chosen)
        return;
    if (span->rows_a_block > 0)
        step = (double)rows * AIM / span->rows_a_block;
    if (span->last_blocks > 0 && step > (double)(span->last_blocks * GROWTH))
        step = (double)(span->last_blocks * GROWTH);
    if (step > STEP_MAX)
        step = STEP_MAX;
    if (span->blocks <= SMALL && !span->careful)
        step = (double)span->blocks;
    span->end = span->start + (step < 1 ? 1 : (int64_t)step);
    if (span->end > span->blocks)
        span->end = span->blocks;
    span->rows = 0;
    span->chosen = true;
}

void span_leave_some(struct span *span, int64_t rows, size_t sessions)
{
    int64_t share = (span->blocks - span->start) / (2 * (int64_t)sessions) + 1;
    double full = span->most_a_block > 0 ? (double)rows / span->most_a_block : 0;

    if ((double)share < full)
        share = (int64_t)full + 1;
    if (span->end - span->start > share)
        span->end = span->start + share;
}

bool span_holds_at_most(const struct span *span, int64_t rows)
{
    double most = (double)(span->end - span->start) * span->most_a_block;

    return span->most_a_block > 0 && most <= (double)rows;
}

void span_took(struct span *span, int64_t rows, bool over)
{
    span->rows += rows;
    if (!over)
        return;
    span->last_blocks = span->end - span->start;
    span->rows_a_block = (double)span->rows / (double)span->last_blocks;
    if (span->most_a_block > 0 && span->rows_a_block > span->most_a_block)
        span->most_a_block = span->rows_a_block;
    span->start = span->end;
    span->chosen = false;
}

bool span_is_over(const struct span *span)
{
    return span->start >= span->blocks;
}
