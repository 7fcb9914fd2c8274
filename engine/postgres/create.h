/* SPDX-License-Identifier: PostgreSQL
 *
 * A table made from what an archive says of it, in the schema and under the name that is asked for;
 * and its sequences moved past the rows that came in.
 *
 *   BEGIN -> create_table -> (rows) -> create_advance_sequences -> COMMIT
 *
 * Both run in the caller's open transaction. What cannot be made as it was, but is not needed to
 * hold the rows (a default whose function is missing, a foreign key, an index's operator class), is
 * left out and said in `notes`: lines for people, each with its newline, added at the end.
 *
 * Not for: types (metadata.json does not hold their definitions), partitions, triggers, rights.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_CREATE_H
#define ARCHIVER_POSTGRES_CREATE_H

#include "postgres/conn.h"
#include "row/shape.h"

/* The shape may be the earlier archiver's, with names without schema and few constraints.
 * ERR_PREFLIGHT where something has that name already or a type does not exist (all are named);
 * ERR_PERMISSION where the schema is missing or may not be used. On failure the transaction is
 * to be rolled back. */
bool create_table(struct conn *conn, const struct shape *shape, const char *schema,
                  const char *table, struct buf *notes, struct err *err);
/* Every sequence that feeds a column of the table (identity, serial, a default with nextval) is
 * moved to the highest value in it, never backwards. setval is not undone by a ROLLBACK, and a
 * session that draws numbers while it runs may draw one that is in the table. Reads max() of those
 * columns. */
bool create_advance_sequences(struct conn *conn, const char *schema, const char *table,
                              struct buf *notes, struct err *err);

#endif
