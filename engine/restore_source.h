/* SPDX-License-Identifier: PostgreSQL
 *
 * One archive made ready to be restored: its metadata with a schema, which of its rows are wanted,
 * and which column goes where. Nothing of its rows is fetched yet.
 *
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_RESTORE_SOURCE_H
#define ARCHIVER_RESTORE_SOURCE_H

#include "postgres/introspect.h"
#include "restore_table.h"
#include "row/mapping.h"
#include "rows.h"

struct restore_source {
    const struct source *source;
    struct metadata *metadata; /* its shape is never NULL */
    struct mapping *mapping;
    struct buf where;   /* empty: all rows */
    struct buf project; /* size_t a column, for the COPY; empty: the whole line */
    bool whole;         /* nothing of it is left out */
};

/* `conn` is of the target's database; `info` its table, NULL where there is none yet: then only the
 * metadata is read. */
bool restore_source_open(const struct restore_table_params *params, const struct source *source,
                         struct conn *conn, const struct introspect_table *info,
                         struct restore_source *ret_source, struct err *err);
void restore_source_done(struct restore_source *source); /* takes a zeroed one too */
/* `project`: lines are to hold the mapping's columns only. */
struct rows_params restore_source_rows(const struct restore_table_params *params,
                                       const struct restore_source *source, bool project);

#endif
