/* SPDX-License-Identifier: PostgreSQL
 *
 * A program's standard output: for credential_process. No shell reads the line: words are split at
 * blanks, with '...', "..." and \ as in one. The program gets no input, its stderr is dropped, and
 * past the time it and what it started are killed.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_PROCESS_H
#define ARCHIVER_STORE_PROCESS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"

/* An error names the program and none of its arguments. */
bool process_run(const char *line, int timeout_s, const struct stop *stop, struct buf *ret_out,
                 struct err *err);

#endif
