/* SPDX-License-Identifier: PostgreSQL
 *
 * The server that a run works on, looked at every two seconds over a connection of its own, so that
 * it is seen also while the run's own session waits for an answer. What it sees goes into the
 * snapshot; a server that does not answer shows as such. Never fails a run: what cannot be seen is
 * unknown.
 *
 * Threads: one thread starts, points and stops it; it has one of its own in between.
 */
#ifndef ARCHIVER_MONITOR_H
#define ARCHIVER_MONITOR_H

#include "config/config.h"
#include "progress.h"

struct monitor;
/* `progress` is borrowed. NULL: no thread is to be had, and nothing is seen. */
struct monitor *monitor_start(struct progress *progress, const char *run_id);
void monitor_stop(struct monitor *monitor); /* NULL allowed */
/* From now on this database, and what server process `pid` does there. `database` is borrowed until
 * the next call or the end; NULL monitor is nothing. */
void monitor_watch(struct monitor *monitor, const struct config_database *database, int pid);

#endif
