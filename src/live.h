/* SPDX-License-Identifier: PostgreSQL
 *
 * What a run has around it while it goes on: its id, its snapshot, its throttle, the monitor of its
 * server, its socket, and the bar on a terminal.
 *
 * Threads: one thread starts and ends it.
 */
#ifndef ARCHIVER_SRC_LIVE_H
#define ARCHIVER_SRC_LIVE_H

#include "bar.h"
#include "command.h"
#include "control.h"
#include "monitor.h"

struct live {
    char run_id[40];
    struct progress *progress;
    struct throttle *throttle;
    struct monitor *monitor; /* NULL: a dry run's, or none is to be had */
    struct control *control; /* likewise */
    struct bar *bar;
};

/* `kind`: archive, restore, vacuum; only the first can be paused. A socket that cannot
 * be opened is a warning. Tells who detached this process that the run is on its way. */
void live_start(struct live *live, const struct call *call, const char *kind);
/* Before anything is printed. */
void live_ended(struct live *live, const char *status, int exit_code);
void live_done(struct live *live);

#endif
