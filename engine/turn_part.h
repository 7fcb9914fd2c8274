/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what the parts of a table's turn have of each other: the turn around (turn.c), its
 * batches (turn_batches.c).
 *
 * Threads: the run's thread.
 */
#ifndef ARCHIVER_TURN_PART_H
#define ARCHIVER_TURN_PART_H

#include "recover.h"
#include "turn.h"

void turn_show(struct turn *turn, void (*change)(struct progress_snapshot *, const void *),
               const void *arg);
/* For turn_show: what is settled of the table, as the report will have it. `arg` is the turn. */
void turn_put_counts(struct progress_snapshot *snapshot, const void *arg);
/* The limit that is reached, by its name; NULL: none. */
const char *turn_limit(const struct turn *turn);
/* Rows of the next batch, where no limit is reached. */
int64_t turn_next_rows(const struct turn *turn);
/* A new connection, the lock again, and every batch that is not settled decided. */
bool turn_resume(struct turn *turn, struct recover_report *ret_recovered, struct err *err);
/* All that is to leave. *ret_complete: no limit and no stop ended it. */
bool turn_batches(struct turn *turn, bool *ret_complete, struct err *err);

#endif
