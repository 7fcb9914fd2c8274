/* SPDX-License-Identifier: PostgreSQL
 *
 * The few tables of our own in a restore's target database: what came back in which transaction,
 * which indexes were set aside. They stand in the schema archiver_tui where the role may make one,
 * else in the schema of the table that they are about, else nowhere.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_LEDGER_H
#define ARCHIVER_POSTGRES_LEDGER_H

#include "postgres/conn.h"

struct ledger_kind {
    const char *name;    /* "archiver_set_aside" */
    const char *columns; /* what stands between the parentheses of CREATE TABLE */
};

/* The quoted name of the ledger for tables of `schema`; empty where there is none and none was
 * asked for or may be made. With `create`, call it outside of a transaction. ERR_PERMISSION where
 * there is one that may not be read: what it holds cannot be guessed. */
bool ledger_table(struct conn *conn, const struct ledger_kind *kind, const char *schema,
                  bool create, struct buf *ret_name, struct err *err);

#endif
