/* SPDX-License-Identifier: PostgreSQL
 *
 * The other end of a run's socket (control.h): which runs live on this host, what one of them is
 * doing, and asking it to wait or stop.
 *
 *   control_list                                       the live ones; sockets of dead runs go
 *   control_find -> control_connect -> control_ask ... -> control_next ... -> control_disconnect
 *
 * For an event loop: poll control_fd for reading, then control_next with a timeout of 0.
 *
 * Threads: one thread at a time per client.
 */
#ifndef ARCHIVER_CONTROL_CLIENT_H
#define ARCHIVER_CONTROL_CLIENT_H

#include "base/log.h"
#include "progress.h"

struct control_run {
    char run_id[40];
    char path[120]; /* of its socket */
    int64_t pid;
};

struct control_runs {
    struct control_run *items; /* by run id, so by time */
    size_t count;
};

void control_list(struct control_runs *ret_runs);
void control_runs_done(struct control_runs *runs);
/* `name`: a run id, or its end behind the '-', or its beginning; NULL: the only one there is.
 * ERR_NOT_FOUND, and ERR_USAGE where it could be several. */
bool control_find(const char *name, struct control_run *ret_run, struct err *err);

struct control_client;
struct control_client *control_connect(const struct control_run *run, struct err *err);
void control_disconnect(struct control_client *client); /* NULL allowed */
int control_fd(const struct control_client *client);

/* Sends a request: pause, resume, snapshot, stop, stop now, and subscribe with a period in
 * milliseconds and the level of log lines wanted (-1: none). */
bool control_ask(struct control_client *client, const char *what, struct err *err);
bool control_subscribe(struct control_client *client, int64_t every_ms, int log_level,
                       struct err *err);
/* Ceilings a second; 0: none, negative: as it is. */
bool control_throttle(struct control_client *client, double rows, double mb, struct err *err);

enum control_event {
    CONTROL_NOTHING,  /* within the time given */
    CONTROL_SNAPSHOT, /* in `snapshot` */
    CONTROL_LOG,      /* level, text, at_us */
    CONTROL_MISSED,   /* lines of the log: `missed` */
    CONTROL_DONE,     /* a request is carried out */
    CONTROL_REFUSED,  /* text says why */
    CONTROL_END,      /* the run has closed the socket: it ended, or died */
};

struct control_message {
    enum control_event event;
    struct progress_snapshot snapshot; /* the last that came; kept from call to call */
    enum log_level level;
    char text[512];
    int64_t at_us, missed;
};

/* *message is zeroed before the first call; control_message_done frees what it holds. timeout_ms
 * -1: waits. False: what came is not understood, or the connection failed. */
bool control_next(struct control_client *client, int timeout_ms, struct control_message *message,
                  struct err *err);
void control_message_done(struct control_message *message);

#endif
