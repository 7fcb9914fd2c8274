/* SPDX-License-Identifier: PostgreSQL
 *
 * The servers that a run works on, looked at every two seconds over connections of its own, so that
 * they are seen also while the run's own sessions wait for an answer. What it sees of the first of
 * them goes into the snapshot; a server that does not answer shows as such. Never fails a run: what
 * cannot be seen is unknown.
 *
 * It also sees to it that nobody waits long for the locks of a session that is watched: past the
 * limit that session's statement is cancelled, past twice the limit (its transaction is idle, since
 * the store does not answer) the session is ended. Either way the batch is rolled back, and the run
 * asks monitor_let_go whether this is why.
 *
 * Threads: one thread starts and stops it, and it has one of its own in between; the rest in any.
 */
#ifndef ARCHIVER_MONITOR_H
#define ARCHIVER_MONITOR_H

#include "config/config.h"
#include "progress.h"

struct monitor;
/* `progress` is borrowed. NULL: no thread is to be had, and nothing is seen. */
struct monitor *monitor_start(struct progress *progress, const char *run_id);
void monitor_stop(struct monitor *monitor); /* NULL allowed */
struct monitor_subject {                    /* borrowed while it is watched */
    const struct config_database *database;
    int pid;              /* the session's server process */
    double max_blocked_s; /* others may wait so long for it; 0: for ever */
    size_t table;         /* what it works on, by its number in the snapshot */
    char let_go[160];     /* the monitor's: for whom it was made to; "": it was not */
};
/* From now on also what this session does, until monitor_leave; `pid` 0 is no session. A NULL
 * monitor is nothing. */
void monitor_watch(struct monitor *monitor, struct monitor_subject *subject);
void monitor_leave(struct monitor *monitor, struct monitor_subject *subject);
/* Was it made to let go since the last call? *ret_why (at least 160 bytes) says for whom. False for
 * NULL. */
bool monitor_let_go(struct monitor *monitor, struct monitor_subject *subject, char *ret_why,
                    size_t size);

#endif
