/* SPDX-License-Identifier: PostgreSQL
 *
 * One run a table: a session advisory lock in the table's own database. It lives and dies with the
 * connection that also does the work, so it cannot be lost while a transaction goes on. Where
 * several sessions of a run work on a table, they share it: nobody else has it before the last of
 * them ends.
 *
 *   lock_take -> [ lock_share -> lock_join in each further session ] -> lock_release
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_LOCK_H
#define ARCHIVER_POSTGRES_LOCK_H

#include "base/queue.h"
#include "postgres/conn.h"

/* ERR_LOCKED names the holder: process id, run, host, since. */
bool lock_take(struct conn *conn, const char *schema, const char *table, struct err *err);
/* The same after a lost connection: the old session may live on for a moment; waits up to wait_s.
 */
bool lock_take_again(struct conn *conn, const char *schema, const char *table, int wait_s,
                     const struct stop *stop, struct err *err);
/* Who holds it now, in words, without asking for it; false: nobody, or it cannot be seen. */
bool lock_holder(struct conn *conn, const char *schema, const char *table, struct buf *ret_text);
/* Who has taken it shares it from now on, with those sessions that join. */
bool lock_share(struct conn *conn, const char *schema, const char *table, struct err *err);
bool lock_join(struct conn *conn, const char *schema, const char *table, struct err *err);
/* Taken or shared. False, quietly: a session that ends gives its locks back anyway. */
bool lock_release(struct conn *conn, const char *schema, const char *table);

#endif
