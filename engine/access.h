/* SPDX-License-Identifier: PostgreSQL
 *
 * Who looked at archived rows: a line in the log for each archive.
 *
 * Threads: any thread.
 */
#ifndef ARCHIVER_ACCESS_H
#define ARCHIVER_ACCESS_H

/* `what`: "rows", "export"; `how` says which of them: an expression, a key. NULL: all. */
void access_note(const char *key, const char *what, const char *how);

#endif
