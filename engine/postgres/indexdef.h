/* SPDX-License-Identifier: PostgreSQL
 *
 * An index as pg_get_indexdef() tells it, taken apart, so that it can be made on another table,
 * under another name.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_POSTGRES_INDEXDEF_H
#define ARCHIVER_POSTGRES_INDEXDEF_H

#include "postgres/conn.h"

struct indexdef {
    bool unique;
    const char *rest; /* "USING btree (...) ... WHERE ...", part of the text that was read */
};

/* False where the text is no "CREATE [UNIQUE] INDEX name ON [ONLY] [schema.]table USING ...". */
bool indexdef_read(const char *definition, struct indexdef *ret);
/* CREATE INDEX without ONLY: partitions get theirs too. `name` NULL: the server chooses. */
void indexdef_add(struct conn *conn, struct buf *sql, const struct indexdef *index,
                  const char *name, const char *schema, const char *table);

#endif
