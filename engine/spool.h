/* SPDX-License-Identifier: PostgreSQL
 *
 * One batch a table, kept in a directory of this host while the store is away.
 *
 *   spool_keep     the batch is exported into the spool, complete and durable, and ROLLED BACK: its
 *                  rows stay in the table, and are in no archive
 *   spool_replay   once the store is back, before any new batch: those rows are deleted by their
 *                  keys and archived by the protocol of every batch (archive.h), if they are all
 *                  there and as they were; if not, the batch is rolled back, and the entry dropped
 *
 * An entry never decides about a row: what is archived are the bytes that the replay's own DELETE
 * returned. So an entry may be lost, be old, or be played twice, and no row is.
 *
 *   {spool_dir}/{cluster}/{prefix}/{database}/{table}/...   as in the store, and
 * {stem}.spooled.json, without which there is no entry
 *
 * The caller holds the table's lock, and no transaction is open.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_SPOOL_H
#define ARCHIVER_SPOOL_H

#include "archive.h"

enum spool_outcome {
    SPOOL_KEPT,
    SPOOL_WAITING, /* an entry of this table waits already */
    SPOOL_NOT,     /* no spool_dir, no key, or no row */
};

/* `archive`: as for the batch that failed, but for its store. The statement and leaf are those of
 * the next batch. False: it cannot be kept, and nothing of it is left. */
bool spool_keep(const struct archive_params *archive, struct conn *conn,
                const struct introspect_leaf *leaf, const char *copy_sql, enum spool_outcome *ret,
                int64_t *ret_rows, struct err *err);

struct spool_report {
    int64_t uploaded, dropped, waiting; /* entries */
    int64_t rows;                       /* archived by them */
    uint64_t bytes, line_bytes;
};

/* `archive` as for any batch of this table, with the real store. Adds to the report and logs what
 * became of each entry. False where the store or the database fails: the entry waits. */
bool spool_replay(const struct archive_params *archive, struct conn *conn,
                  struct spool_report *report, struct err *err);
/* The same where nothing else is archived: `target` has no info, plan, DDL, pool and phases yet. */
bool spool_recover(const struct archive_params *target, struct conn *conn,
                   struct spool_report *report, struct err *err);

#endif
