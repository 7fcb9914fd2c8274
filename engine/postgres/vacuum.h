/* SPDX-License-Identifier: PostgreSQL
 *
 * The space given back after rows have left: VACUUM on every leaf, as configured.
 *
 * Threads: one thread at a time per conn.
 */
#ifndef ARCHIVER_POSTGRES_VACUUM_H
#define ARCHIVER_POSTGRES_VACUUM_H

#include "postgres/introspect.h"

/* Blocks until done. The connection must hold no transaction. */
bool vacuum_table(struct conn *conn, const struct introspect_table *table,
                  enum config_vacuum strategy, struct err *err);

#endif
