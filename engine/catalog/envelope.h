/* SPDX-License-Identifier: PostgreSQL
 *
 * The data key of an encrypted batch, wrapped: {stem}.key.{id}.json, one object a key-encryption
 * key. It stands beside the batch and not in its metadata, because it is the one thing of a batch
 * that changes: another key is another name, so nothing is ever overwritten.
 *
 * Not for: which key-encryption keys there are (keyring).
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_CATALOG_ENVELOPE_H
#define ARCHIVER_CATALOG_ENVELOPE_H

#include "member/cipher.h"
#include "store/store.h"

/* `key` is any key of the batch, or its stem. ERR_EXISTS where there is one of that id. */
bool envelope_put(struct store *store, const char *key, const struct cipher *cipher,
                  const struct cipher_kek *kek, struct err *err);
/* ERR_NOT_FOUND where there is none of that id; ERR_PREFLIGHT and ERR_DATA as cipher_unwrap. */
struct cipher *envelope_get(struct store *store, const char *key, const struct cipher_kek *kek,
                            struct err *err);
/* The ids that the batch has envelopes of, each(id, the envelope's key). */
typedef bool (*envelope_each)(const char *id, const char *key, void *state, struct err *err);
bool envelope_list(struct store *store, const char *key, envelope_each each, void *state,
                   struct err *err);

#endif
