/* SPDX-License-Identifier: PostgreSQL
 *
 * One archive's rows on their way into the target, in pieces: each a COPY, what is to happen with
 * conflicts, and the line of the ledger.
 *
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_RESTORE_ARCHIVE_H
#define ARCHIVER_RESTORE_ARCHIVE_H

#include "restore_turn.h"

/* Adds an entry to the report. After a false the transaction is to be rolled back. */
bool restore_archive(struct restore_turn *turn, const struct source *source, struct err *err);

#endif
