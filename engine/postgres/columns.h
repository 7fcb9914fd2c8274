/* SPDX-License-Identifier: PostgreSQL
 *
 * A table's columns, types, key, indexes and constraints from the server's catalogs into a
 * row/shape. Not for: rights, sizes, partitions (introspect).
 *
 * Call it in a transaction with search_path = pg_catalog: the names of types and the expressions
 * then stand with their schema, whatever the role's own setting is.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_COLUMNS_H
#define ARCHIVER_POSTGRES_COLUMNS_H

#include "postgres/conn.h"
#include "row/shape.h"

struct columns_params {
    const char *oid; /* of the table, decimal */
    const char *schema, *table;
    const struct config_names *key; /* what the config names; counts where the table has no
                                       primary key */
};

/* ERR_PREFLIGHT where a configured key column does not exist. Free with shape_free. */
struct shape *columns_read(struct conn *conn, const struct columns_params *params, struct err *err);
/* The name of a column that is most like `name`, or NULL. */
const char *columns_nearest(const struct shape *shape, const char *name);

#endif
