/* SPDX-License-Identifier: PostgreSQL
 *
 * A run's UNIX socket: what the run is doing, and what an operator asks of it; JSON lines
 * (doc/control.md). The run never waits for a watcher: who reads slowly gets the newest snapshot
 * later, and is told how many lines of the log he missed.
 *
 * Threads: one thread starts and stops it; `control` serves in between.
 */
#ifndef ARCHIVER_CONTROL_H
#define ARCHIVER_CONTROL_H

#include "progress.h"
#include "throttle.h"

struct control_params { /* all borrowed until control_stop */
    const char *run_id;
    struct progress *progress;
    struct throttle *throttle; /* NULL: the run cannot wait between batches */
    struct stop *stop;
};

struct control;
/* The socket is there when it returns, and the log's tap is taken. */
struct control *control_start(const struct control_params *params, struct err *err);
/* Tells everybody who still reads how it ended, and takes the socket away. NULL allowed. */
void control_stop(struct control *control);

#endif
