/* SPDX-License-Identifier: PostgreSQL
 *
 * What a restore brought back, written down in the target database in the same transaction as the
 * rows: so that a restore that was killed goes on where it stopped, and the next archive run leaves
 * those rows where they are.
 *
 *   restored_open -> [ restored_done_through ... restored_record (in the rows' transaction) ]...
 *   -> restored_finish -> restored_free
 *
 * A row is known again by the transaction that wrote it (xmin), which costs nothing a row and lasts
 * until the row is changed or the table is rewritten by ALTER TABLE or a dump.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_RESTORED_H
#define ARCHIVER_POSTGRES_RESTORED_H

#include "postgres/conn.h"

struct restored_params {
    const char *schema, *table; /* the target */
    const char *fingerprint; /* what was asked for: the same again goes on with an unfinished one */
    const char *restore_id;  /* of a new restore */
};

struct restored;
/* Outside of a transaction; under the table's lock. Takes up the unfinished restore of the same
 * fingerprint, or begins one. NULL: *err filled. */
struct restored *restored_open(struct conn *conn, const struct restored_params *params,
                               struct err *err);
void restored_free(struct restored *restored); /* NULL allowed */
/* False where the role may make no table: nothing is recorded then. */
bool restored_is_recorded(const struct restored *restored);
bool restored_is_resumed(const struct restored *restored);
/* How far this restore came with an archive: rows from its first one; *ret_complete: to its end. */
bool restored_done_through(struct restored *restored, const char *archive_key, uint64_t *ret_row,
                           bool *ret_complete, struct err *err);

struct restored_piece {
    const char *archive_key;
    uint64_t through_row; /* of the archive, exclusive */
    int64_t rows;         /* written by this transaction */
    bool complete;        /* the archive is done with */
    bool whole;           /* all of its rows were asked for */
};
/* In the transaction that wrote the rows. */
bool restored_record(struct restored *restored, const struct restored_piece *piece,
                     struct err *err);
bool restored_finish(struct restored *restored, struct err *err); /* outside of a transaction */
/* Did any restore bring back the whole archive into this table? */
bool restored_whole(struct conn *conn, const char *schema, const char *table,
                    const char *archive_key, bool *ret_whole, struct err *err);
/* An SQL condition that is false for rows that a restore brought back into this table, its
 * partitions or the table it is a partition of; empty where there are none. Fails closed. */
bool restored_condition(struct conn *conn, const char *schema, const char *table,
                        struct buf *ret_sql, struct err *err);

#endif
