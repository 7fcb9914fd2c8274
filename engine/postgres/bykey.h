/* SPDX-License-Identifier: PostgreSQL
 *
 * The statement that deletes rows by their keys and gives them back in the order of the keys.
 *
 * Threads: pure; `conn` is for quoting only.
 */
#ifndef ARCHIVER_POSTGRES_BYKEY_H
#define ARCHIVER_POSTGRES_BYKEY_H

#include "postgres/introspect.h"

/* COPY (DELETE ... RETURNING ...) TO STDOUT of the rows of `leaf` that have one of the keys and
 * meet the condition. `arrays`: one array literal a key column (keylist.h). */
void bykey_statement(struct conn *conn, const struct introspect_table *info,
                     const struct introspect_leaf *leaf, const char *const *arrays,
                     const char *condition, struct buf *ret_sql);

#endif
