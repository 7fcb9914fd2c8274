/* SPDX-License-Identifier: PostgreSQL
 *
 * --detach: the same command in a process of its own, which outlives the terminal and the session.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_SRC_DETACH_H
#define ARCHIVER_SRC_DETACH_H

#include <stdbool.h>

/* Starts it and waits until its run is on the way, whose id is printed: 0; or until it failed to
 * start: its exit code, and what it had to say. */
int detach_run(int argc, char **argv, bool json);
/* The other side: the run is on its way; stdout and stderr are closed to it from now on. Nothing to
 * do where the process was not started so. */
void detach_ready(const char *run_id);

#endif
