/* SPDX-License-Identifier: PostgreSQL
 *
 * The server that a run works on, looked at every two seconds over a connection of its own, so that
 * it is seen also while the run's own session waits for an answer. What it sees goes into the
 * snapshot; a server that does not answer shows as such. Never fails a run: what cannot be seen is
 * unknown.
 *
 * It also sees to it that nobody waits long for the locks of the session that is watched: past the
 * limit that session's statement is cancelled, past twice the limit (its transaction is idle, since
 * the store does not answer) the session is ended. Either way the batch is rolled back, and the run
 * asks monitor_let_go whether this is why.
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
 * the next call or the end; NULL monitor is nothing. `max_blocked_s`: others may wait so long for
 * `pid`; 0: for ever. */
void monitor_watch(struct monitor *monitor, const struct config_database *database, int pid,
                   double max_blocked_s);
/* Was what is watched made to let go since the last call? *ret_why (at least 160 bytes) says for
 * whom. False for NULL. */
bool monitor_let_go(struct monitor *monitor, char *ret_why, size_t size);

#endif
