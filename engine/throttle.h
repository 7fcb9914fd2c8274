/* SPDX-License-Identifier: PostgreSQL
 *
 * When to wait: an operator's pause, a standby that lags, a server that has much to do, the sleep
 * between batches, a ceiling of rows or bytes a second, a stop file. Asked between batches, where
 * no transaction is open and the table's lock is kept.
 *
 *   throttle_new -> { throttle_wait -> a batch -> throttle_took } ...     in each line of batches
 *
 * A ceiling holds on average: a batch goes as fast as it can, and the next one begins when the rows
 * of the last would have been due. That of the configuration is for all lines of a table together,
 * an operator's for all of the run. Who waits for the locks of a batch in work is the monitor's
 * (monitor.h).
 *
 * Threads: any (own lock); a line belongs to one thread.
 */
#ifndef ARCHIVER_THROTTLE_H
#define ARCHIVER_THROTTLE_H

#include "base/queue.h"
#include "config/config.h"
#include "progress.h"

enum throttle_wait_for { /* names in throttle_wait_name */
                         WAIT_PAUSED,
                         WAIT_LAG,
                         WAIT_BACKENDS,
                         WAIT_CEILING,
                         WAIT_SLEEP,
                         WAIT_COUNT
};
const char *throttle_wait_name(enum throttle_wait_for wait);

struct throttle;
/* What it waits for, and that it does, stands in `progress`; both are borrowed and may be NULL. */
struct throttle *throttle_new(struct progress *progress, const struct stop *stop);
void throttle_free(struct throttle *throttle); /* NULL allowed */

/* --- the operator's side --- */

/* Takes effect before the next batch. False: was so already. */
bool throttle_pause(struct throttle *throttle, bool pause);
/* For the rest of the run, instead of what the configuration says; 0: no ceiling, negative: stays
 * as it is. MB is a million bytes of objects. */
void throttle_set(struct throttle *throttle, double rows_per_second, double mb_per_second);

/* --- the run's side --- */

enum throttle_answer {
    THROTTLE_GO,
    THROTTLE_STOPPED, /* the run is asked to stop, or the stop file is there */
    THROTTLE_LATE,    /* the deadline passed while it waited */
};

/* What went through since it last was idle. Zero before use; under the throttle's lock. */
struct throttle_pace {
    int64_t began_us; /* monotonic */
    int64_t rows;
    uint64_t bytes;
};

/* Zero but for the first three. */
struct throttle_line {
    const struct config_settings *settings;
    struct throttle_pace *pace; /* that the lines of a table share */
    size_t table;               /* its number in the snapshot */
    int64_t began_us, ended_us; /* of the last batch, monotonic; ended 0: there was none */
    double waited[WAIT_COUNT];  /* seconds, by reason */
};

/* Blocks until the next batch may begin, or till `deadline_us` (text_monotonic_us; 0: none). */
enum throttle_answer throttle_wait(struct throttle *throttle, struct throttle_line *line,
                                   int64_t deadline_us);
/* A batch of so much is through. */
void throttle_took(struct throttle *throttle, struct throttle_line *line, int64_t rows,
                   uint64_t bytes);

#endif
