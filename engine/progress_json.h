/* SPDX-License-Identifier: PostgreSQL
 *
 * A snapshot as JSON, both ways: what a run's socket says (doc/control.md) and what watchers read.
 * Unknown numbers are null.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_PROGRESS_JSON_H
#define ARCHIVER_PROGRESS_JSON_H

#include "base/json.h"
#include "progress.h"

void progress_json_write(const struct progress_snapshot *snapshot, struct json_out *j);
/* *snapshot is zeroed or was read into before. What is missing is unknown, what is not understood
 * is passed over; ERR_DATA where it is no snapshot at all. */
bool progress_json_read(struct json_object *o, struct progress_snapshot *snapshot, struct err *err);

#endif
