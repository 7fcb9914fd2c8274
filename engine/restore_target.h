/* SPDX-License-Identifier: PostgreSQL
 *
 * Where a restore's rows go: the table, made where it is missing, compared with every archive
 * before the first row is written, its indexes set aside and put back.
 *
 *   restore_target_prepare -> (rows) -> restore_target_advance, restore_target_indexes_back
 *
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_RESTORE_TARGET_H
#define ARCHIVER_RESTORE_TARGET_H

#include "restore_turn.h"

/* Is there a relation of the target's name? */
bool restore_target_exists(struct conn *conn, const struct restore_table_params *table,
                           bool *ret_exists, struct err *err);
/* Fills turn->info. ERR_PREFLIGHT where some archive does not fit; all differences are in the
 * report then. */
bool restore_target_prepare(struct restore_turn *turn, struct err *err);
/* Sequences of a table that was made here are moved past its rows. */
bool restore_target_advance(struct restore_turn *turn, struct err *err);
/* `ok` and *err: how it went so far; a failure here does not hide that one. */
bool restore_target_indexes_back(struct restore_turn *turn, bool ok, struct err *err);

#endif
