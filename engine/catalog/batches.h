/* SPDX-License-Identifier: PostgreSQL
 *
 * The batches below a prefix as the bucket has them: which of their objects are there.
 *
 * Not for: what they are (catalog, metadata), or which of them count (recover).
 * Threads: one thread at a time; blocks while listing.
 */
#ifndef ARCHIVER_CATALOG_BATCHES_H
#define ARCHIVER_CATALOG_BATCHES_H

#include "base/queue.h"
#include "catalog/key.h"
#include "store/store.h"

struct batch {
    char *stem;                                   /* their common name, without suffix */
    char *data_key, *metadata_key, *manifest_key; /* NULL: not there */
    char *envelope_key;                           /* of several, the last; NULL: none */
    uint64_t data_bytes;
};

struct batches {
    struct batch *items; /* in key order */
    size_t count;
};

/* Is this one wanted? Asked once all of its objects are known. */
typedef bool (*batches_keep)(const struct batch *batch, void *state);
/* `keep` NULL: all are. After false there is nothing to free. */
bool batches_list(struct store *store, const char *prefix, batches_keep keep, void *state,
                  const struct stop *stop, struct batches *ret_batches, struct err *err);
/* The same where nobody asks for data_bytes, which are 0. */
bool batches_list_keys(struct store *store, const char *prefix, batches_keep keep, void *state,
                       const struct stop *stop, struct batches *ret_batches, struct err *err);
/* Those in the places that only the earlier archiver used for a table (catalog/earlier.h), in key
 * order within a place. */
bool batches_list_earlier(struct store *store, const struct key_table *table,
                          const struct stop *stop, struct batches *ret_batches, struct err *err);
void batches_done(struct batches *batches);

#endif
