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
    const struct introspect_table *info;
    struct manifest_source manifest; /* its key NULL: UNKNOWN */
    uint64_t records;                /* as many keys the manifest has to hold */
    uint64_t every;                  /* each so many-th key is looked up; 0 or 1: all */
};

struct evidence_count {
    uint64_t looked_up, present;
    struct buf example; /* one that is in the table, as SQL prints a row; the caller's */
};
/* ERR_DATA where the manifest does not hold what it should, or the table's key is not of its keys'
 * columns. The table has a key, the batch a manifest. */
bool evidence_count(const struct evidence_params *params, struct evidence_count *ret_count,
                    struct err *err);

/* How many of the keys are in the table. UNKNOWN where there is no key or no manifest; ERR_DATA
 * where the manifest does not hold what it should. */
bool evidence_in_table(const struct evidence_params *params, enum evidence_answer *ret_answer,
                       struct err *err);
/* Whether a restore brought rows of an archive back to the table, by the ledger in its database. */
bool evidence_restored(struct conn *conn, const struct shape *shape, const char *data_key,
                       bool *ret_restored, struct err *err);
/* Is it a cluster that its role may not ask for ("0"), or is this one? Two of them look alike, and
 * one's numbers and keys say nothing about the other's batches. */
bool evidence_cluster_unknown(const struct conn *conn, const char *system_identifier);
/* The keys of one batch, to look for in others; as large as its manifest. NULL: *err filled. */
struct evidence_keys;
struct evidence_keys *evidence_keys_load(const struct manifest_source *manifest, struct err *err);
void evidence_keys_free(struct evidence_keys *keys); /* NULL allowed */
/* Does another batch's manifest hold one of them? */
bool evidence_keys_shared(const struct evidence_keys *keys, const struct manifest_source *other,
                          bool *ret_shared, struct err *err);
/* Whether a batch of the catalog can hold a row of `self` at all: settled, not earlier, and its
 * timestamps overlap. Cheap. */
bool evidence_may_share(const struct catalog_entry *entry, const struct metadata *self);

#endif
