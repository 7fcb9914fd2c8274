/* SPDX-License-Identifier: PostgreSQL
 *
 * Triggers and indexes set aside while rows come in, and brought back, whatever happened in
 * between.
 *
 *   triggers: BEGIN -> aside_triggers_off -> (rows) -> aside_triggers_on -> COMMIT
 *   indexes:  aside_indexes_drop -> (transactions with rows) -> aside_indexes_put_back
 *
 * Triggers are off within one transaction only, so that a crash undoes it. Indexes are dropped and
 * recorded (ledger "archiver_set_aside") in one transaction, and put back each in one that deletes
 * its record: whoever comes later can go on, with aside_put_back_all. Call all of it under the
 * table's lock (postgres/lock).
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_ASIDE_H
#define ARCHIVER_POSTGRES_ASIDE_H

#include "postgres/conn.h"

/* Every user trigger of the table and its partitions that is not off already, in the caller's open
 * transaction. *ret_restore is what aside_triggers_on runs before COMMIT: each in the mode it had.
 * Takes a lock on the table that other writers wait for. ERR_PERMISSION where the table is another
 * role's. */
bool aside_triggers_off(struct conn *conn, const char *schema, const char *table,
                        struct buf *ret_restore, size_t *ret_count, struct err *err);
bool aside_triggers_on(struct conn *conn, const char *restore, struct err *err);

struct aside_report {
    size_t done, left; /* indexes dropped or put back; that could not be */
    struct buf notes;  /* lines for people: what is left alone or could not be put back, and why */
};

/* The indexes that no constraint, foreign key or replica identity stands on; with `unique_too` also
 * unique ones. Of a partitioned table its own, which takes those of the partitions along (they come
 * back under names of the server's choice); indexes of single partitions stay and are noted. Begins
 * and ends its own transaction; failure leaves everything as it was. ERR_PERMISSION where no record
 * can be kept. The report is added to. */
bool aside_indexes_drop(struct conn *conn, const char *schema, const char *table, bool unique_too,
                        struct aside_report *report, struct err *err);
/* What is recorded of the table, each in its own transaction, outside of another. What the server
 * refuses (two rows with one key, a name that is taken) is left recorded and noted. False where
 * going on is no use: connection lost, no space. */
bool aside_indexes_put_back(struct conn *conn, const char *schema, const char *table,
                            struct aside_report *report, struct err *err);
/* The same for every table that records are found of in the ledger for `schema`, each under its
 * lock; tables that somebody else has locked are passed over. One query where there is no ledger.
 */
bool aside_put_back_all(struct conn *conn, const char *schema, struct aside_report *report,
                        struct err *err);
void aside_report_done(struct aside_report *report);

#endif
