/* SPDX-License-Identifier: PostgreSQL
 *
 * One table's turn in a restore: all archives of one source table into one target.
 *
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_RESTORE_TABLE_H
#define ARCHIVER_RESTORE_TABLE_H

#include "catalog/earlier.h"
#include "keyring.h"
#include "restore.h"
#include "sources.h"

struct restore_table_params {
    const struct restore_params *restore;
    const struct source *sources; /* of one table, in order */
    size_t count;
    const struct config_database *target; /* where the rows go */
    const char *schema, *table;
    struct store *store;
    struct earlier_schemas *schemas;
    struct keyring *keyring;
    struct pool *pool;
    int64_t limit; /* rows at most; INT64_MAX: no limit */
};

/* Adds to the report whatever happens; what was not committed is not counted there. */
bool restore_table(const struct restore_table_params *params, struct restore_report *report,
                   struct err *err);

#endif
