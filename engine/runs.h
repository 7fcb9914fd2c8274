/* SPDX-License-Identifier: PostgreSQL
 *
 * Reports of runs and restores, kept in {prefix}/_runs/ for people and for `runs`.
 *
 * Threads: any thread.
 */
#ifndef ARCHIVER_RUNS_H
#define ARCHIVER_RUNS_H

#include "base/buf.h"
#include "config/config.h"
#include "store/store.h"

/* {prefix}/_runs/{name}.json. A failure is a warning in the log: what the report tells is done. */
void runs_keep(struct store *store, const struct config *config, const char *name,
               const struct buf *json);

#endif
