/* SPDX-License-Identifier: PostgreSQL
 *
 * What a batch's keys say of its fate where its transaction cannot be asked any more: whether they
 * are in the table, and whether other archives hold them.
 *
 * Not for: deciding (recover does).
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_EVIDENCE_H
#define ARCHIVER_EVIDENCE_H

#include "catalog/catalog.h"
#include "postgres/introspect.h"
#include "store/store.h"

enum evidence_answer { EVIDENCE_NONE, EVIDENCE_ALL, EVIDENCE_SOME, EVIDENCE_UNKNOWN };

struct evidence_params {
    struct conn *conn;
    struct store *store;
    const struct introspect_table *info;
    const char *manifest_key; /* NULL: UNKNOWN */
    uint64_t records;         /* as many keys the manifest has to hold */
};

/* How many of the keys are in the table. UNKNOWN where there is no key or no manifest; ERR_DATA
 * where the manifest does not hold what it should. */
bool evidence_in_table(const struct evidence_params *params, enum evidence_answer *ret_answer,
                       struct err *err);
/* The first batch of the catalog, settled at or after `since_us` and with timestamps that overlap,
 * whose manifest holds one of the keys; NULL: none does. `self` is passed over. */
bool evidence_in_archives(const struct evidence_params *params, const struct catalog *catalog,
                          const struct metadata *self, const struct catalog_entry **ret_entry,
                          struct err *err);

#endif
