/* SPDX-License-Identifier: PostgreSQL
 *
 * The program's log: levels, text or JSON, to stderr or a file. Lines logged before log_open are
 * kept and written then. Operations log; libraries return errors instead. No secret is ever passed
 * here.
 *
 * Threads: any thread (own lock).
 */
#ifndef ARCHIVER_BASE_LOG_H
#define ARCHIVER_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

struct log_params {
    enum log_level level;
    bool json;
    const char *file;   /* NULL: stderr */
    const char *run_id; /* correlation id; may be NULL */
};

bool log_open(const struct log_params *params, struct err *err);
void log_set_run(const char *run_id);
void log_close(void); /* flushes; what is logged later goes to stderr */
bool log_level_from(
    const char *name,
    enum log_level *ret_level); /* debug, info, warn, warning, error, critical, trace */
bool log_on(enum log_level level);
void log_msg(enum log_level level, const char *format, ...) ERR_PRINTF(2, 3);
void log_err(enum log_level level, const struct err *err);
/* A progress bar owns the last line of stderr: called before a line is written and after. NULL
 * takes it off. */
/* Every line of LOG_INFO and above goes to `tap` too, whatever the level; under the log's lock, so
 * it must not log. One a process; NULL ends it. */
typedef void (*log_tap)(enum log_level level, const char *text, void *state);
void log_tap_set(log_tap tap, void *state);
void log_on_write(void (*before)(void), void (*after)(void));

#endif
