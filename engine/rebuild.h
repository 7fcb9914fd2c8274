/* SPDX-License-Identifier: PostgreSQL
 *
 * The catalog of one table from the bucket alone, where there is no database to ask any more:
 * every batch that is whole is settled. Whether its transaction committed nobody can say then; a
 * batch that a crash left behind before its COMMIT looks the same.
 *
 * Where the database is there, recover_table with `rebuild` decides instead.
 *
 * Threads: one thread; blocks. Nothing keeps a run from archiving the table meanwhile.
 */
#ifndef ARCHIVER_REBUILD_H
#define ARCHIVER_REBUILD_H

#include "catalog/catalog.h"
#include "recover.h"

/* What is left of a table's catalog: damaged objects of it are renamed, which is as good as lost.
 */
struct catalog *rebuild_read_catalog(struct store *store, const struct key_table *table,
                                     struct err *err);
/* Adds to the report. Whole: metadata of this program, a data object of its size, and a manifest
 * with as many keys as it has rows. */
bool rebuild_offline(const struct recover_target *target, struct store *store,
                     struct recover_report *report, struct err *err);

#endif
