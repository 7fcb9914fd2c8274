/* SPDX-License-Identifier: PostgreSQL
 *
 * Tables whose rows have left and whose space nobody has given back yet: one small object a table,
 * beside its archives ("vacuum-due.json"), so that any host finds it. Whether the server has
 * vacuumed meanwhile is the server's to say (postgres/vacuum.h).
 *
 * Threads: any thread. A run holds the table's lock while it writes, `vacuum` does not.
 */
#ifndef ARCHIVER_DUE_H
#define ARCHIVER_DUE_H

#include "catalog/key.h"
#include "store/store.h"

struct due {
    char run_id[40];            /* that was the last */
    int64_t since_us, until_us; /* the first and the last run that left it so, the server's clock */
    int64_t rows;               /* that left in all of them */
    uint64_t txid;              /* of the last of their batches */
};

/* *ret_found false: nothing is due. */
bool due_read(struct store *store, const struct key_table *table, struct due *ret, bool *ret_found,
              struct err *err);
/* On top of what is due already. */
bool due_add(struct store *store, const struct key_table *table, const struct due *more,
             struct err *err);
bool due_clear(struct store *store, const struct key_table *table, struct err *err);

#endif
