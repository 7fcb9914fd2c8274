/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT: COPY (DELETE ... RETURNING ...) TO STDOUT as a stream of lines, with no malloc a row on our
 * side.
 *
 * Threads: one thread at a time. Blocks in poll() on the socket and the stop token's fd.
 */
#ifndef ARCHIVER_POSTGRES_EXPORT_H
#define ARCHIVER_POSTGRES_EXPORT_H

#include "base/queue.h"
#include "postgres/conn.h"

struct export;
/* Starts the COPY in the transaction that is open on conn. SET LOCAL may stand before it. */
struct export *export_open(struct conn *conn, const char *copy_sql, const struct stop *stop,
                           struct err *err);
/* The next row without its newline, borrowed until the next call. *ret_line NULL: the end.
 * ERR_INTERRUPTED when asked to stop now. */
bool export_line(struct export *export, const char **ret_line, size_t *ret_len, struct err *err);
/* After the end: checks the command's status and gives COPY's own count. */
bool export_end(struct export *export, int64_t *ret_rows, struct err *err);
/* Cancels and drains where it has not ended, so that ROLLBACK can follow. NULL allowed. */
void export_close(struct export *export);

#endif
