/* SPDX-License-Identifier: PostgreSQL
 *
 * The objects of one batch that recover decides about, and removing them: data, manifest,
 * envelopes, metadata, so that a crash in between leaves the txid that decides the rest.
 *
 * Not for: whether they are removed (recover, failover).
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_LEFTOVER_H
#define ARCHIVER_LEFTOVER_H

#include "store/store.h"

struct leftover {
    char *stem;                                   /* their common name, without suffix */
    char *data_key, *metadata_key, *manifest_key; /* NULL: not there */
    char **envelopes;
    size_t envelope_count;
    uint64_t data_bytes;
};

/* Its name: the data's, or what stands for it. Borrowed. */
const char *leftover_name(const struct leftover *batch);
void leftover_add_envelope(struct leftover *batch, const char *key);
/* Those of its data, where it is encrypted. */
bool leftover_find_envelopes(struct leftover *batch, struct store *store, struct err *err);
bool leftover_remove(const struct leftover *batch, struct store *store, struct err *err);
void leftover_done(struct leftover *batch);

#endif
