/* SPDX-License-Identifier: PostgreSQL
 *
 * What the parts of one table's turn in a restore share: the connection, its transaction, what was
 * committed, and what the catalog is to be told of it. For restore_table, restore_target and
 * restore_archive only.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_RESTORE_TURN_H
#define ARCHIVER_RESTORE_TURN_H

#include "postgres/introspect.h"
#include "postgres/restored.h"
#include "restore_source.h"
#include "restore_table.h"

struct restore_turn {
    const struct restore_table_params *p;
    const struct restore_params *r;
    struct restore_report *report;
    struct conn *conn;
    struct monitor_subject subject;
    struct introspect_table *info; /* of the target */
    struct restored *restored;     /* NULL in a dry run */
    struct buf triggers;           /* what switches them on again; empty: they are on */
    bool created;                  /* the target was not there */
    bool single;                   /* one transaction for everything */
    bool in_transaction;
    bool aside;                  /* indexes were dropped */
    int64_t left;                /* rows of the limit */
    size_t committed;            /* entries of the report before this one are committed */
    struct arena *arena;         /* of the marks */
    struct catalog_entry *marks; /* what the catalog is to be told after the COMMIT */
    size_t mark_count, marks_told;
};

void restore_turn_show(struct restore_turn *turn,
                       void (*change)(struct progress_snapshot *, const void *), const void *arg);
/* Lines for people, each one a note of the report; frees them. */
void restore_turn_notes(struct restore_turn *turn, struct buf *lines);

/* Where none is open. */
bool restore_turn_begin(struct restore_turn *turn, struct err *err);
void restore_turn_roll_back(struct restore_turn *turn);
bool restore_turn_triggers_on(struct restore_turn *turn, struct err *err);
bool restore_turn_commit(struct restore_turn *turn, struct err *err);
/* COMMIT; then what the report has counts. */
bool restore_turn_commit_archives(struct restore_turn *turn, struct err *err);
/* Everything in the report is true now. */
void restore_turn_count(struct restore_turn *turn);
/* What was not committed did not happen. */
void restore_turn_forget(struct restore_turn *turn);

/* What the catalog will be told of an archive... */
void restore_turn_mark(struct restore_turn *turn, const struct restore_source *source);
/* ... after the COMMIT: a failure is a note, for the rows are back. */
void restore_turn_tell(struct restore_turn *turn);

#endif
