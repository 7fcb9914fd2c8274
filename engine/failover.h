/* SPDX-License-Identifier: PostgreSQL
 *
 * After a failover: a delete that was committed on the old primary may not have reached the new
 * one. What was settled under another timeline in the last day of it is looked up by its keys once
 * more:
 *
 *   none of them in the table   settled under the timeline of now, and not looked up again
 *   all of them                 the rows are back: marked as undone, its objects removed
 *   some of them                reported, not touched
 *
 * Rows that a restore brought back are in the table for that reason, and not looked up.
 *
 * Not for: batches that no catalog line names (recover).
 * Threads: one thread; blocks. The caller holds the table's lock.
 */
#ifndef ARCHIVER_FAILOVER_H
#define ARCHIVER_FAILOVER_H

#include "catalog/catalog.h"
#include "recover.h"

struct failover_params { /* all borrowed */
    const struct recover_target *target;
    struct conn *conn;
    struct store *store;
    const struct catalog *catalog; /* of the table */
    struct catalog_writer *writer;
    struct recover_report *report; /* added to */
};
bool failover_check(const struct failover_params *params, struct err *err);

#endif
