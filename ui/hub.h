/* SPDX-License-Identifier: PostgreSQL
 *
 * The live runs of this host as the console sees them: found every second, attached to, their
 * snapshots and log lines kept, with the recent past of their rates. A run that ended stays as it
 * was at its end, for who looks at it.
 *
 * Threads: the painting thread; none of it blocks.
 */
#ifndef ARCHIVER_UI_HUB_H
#define ARCHIVER_UI_HUB_H

#include <poll.h>

#include "control_client.h"
#include "task.h"

enum { HUB_SAMPLES = 120, HUB_LINES = 200 };

struct hub_rates { /* rows a second, one a second, the newest last */
    double values[HUB_SAMPLES];
    size_t count;
};

struct hub_line {
    enum log_level level;
    int64_t at_us;
    char text[240];
};

struct hub_run {
    char run_id[40];
    struct control_client *client; /* NULL: it has ended, or could not be attached to */
    bool seen;                     /* a snapshot came */
    bool died;                     /* it went without saying that it ends */
    struct progress_snapshot *now; /* of the last message */
    struct hub_rates total, *tables;
    size_t table_count;
    struct hub_line lines[HUB_LINES]; /* a ring */
    size_t line_count;                /* ever; the last HUB_LINES are there */
    struct err err;                   /* why it could not be attached to, or what it refused */
    struct control_message message;
    int64_t last_us, sampled_us; /* monotonic: of the last snapshot, of the last sample */
};

struct hub;
struct hub *hub_new(struct tasks *tasks); /* borrowed, and freed before the hub */
void hub_free(struct hub *hub);           /* NULL allowed */
/* Once a second: looks who is there, as a task. */
void hub_look(struct hub *hub);
/* Fills what to poll for, at most `most`. */
size_t hub_fds(const struct hub *hub, struct pollfd *ret_fds, size_t most);
/* Takes what came. True where something changed. */
bool hub_take(struct hub *hub);

/* The youngest first; NULL behind the last. Borrowed as long as the hub lives. */
struct hub_run *hub_run_at(const struct hub *hub, size_t n);
struct hub_run *hub_find(const struct hub *hub, const char *run_id);
bool hub_is_live(const struct hub_run *run);
size_t hub_live(const struct hub *hub);
/* pause, resume, stop, stop now. */
bool hub_ask(struct hub_run *run, const char *what, struct err *err);
/* MB are millions of bytes of objects; 0: no ceiling, negative: stays as it is. */
bool hub_throttle(struct hub_run *run, double rows_per_second, double mb_per_second,
                  struct err *err);

#endif
