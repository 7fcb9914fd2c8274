/* SPDX-License-Identifier: PostgreSQL
 *
 * The key-encryption keys of the configuration, and what they open: the data key of an encrypted
 * batch. A key is fetched when it is first needed, once, and wiped with the keyring; one that
 * cannot be had is not asked for again.
 *
 * Threads: any (own lock); blocks.
 */
#ifndef ARCHIVER_KEYRING_H
#define ARCHIVER_KEYRING_H

#include "catalog/metadata.h"
#include "config/config.h"
#include "store/store.h"

struct keyring;
struct keyring *keyring_new(const struct config *config); /* borrowed; fetches nothing */
void keyring_free(struct keyring *keyring);               /* NULL allowed */
/* The id of the key that new batches are encrypted with; NULL: they stay in the clear. */
const char *keyring_id(const struct keyring *keyring);
/* Fetches that key, where there is one. */
bool keyring_ready(struct keyring *keyring, struct err *err);

/* Puts the data key's envelope for that key. `key` is any key of the batch, here and below. */
bool keyring_seal(struct keyring *keyring, struct store *store, const char *key,
                  const struct cipher *cipher, struct err *err);
/* Gives a metadata of an encrypted batch its cipher and sealed index; nothing to do for any other.
 * ERR_PREFLIGHT names the key that is missing or wrong, ERR_DATA says what was changed. */
bool keyring_open(struct keyring *keyring, struct store *store, const char *key,
                  struct metadata *metadata, struct err *err);
/* The cipher alone, by a data or manifest key: NULL with *err filled, or where *ret_encrypted is
 * false, since what the key names is in the clear. The caller's. */
struct cipher *keyring_cipher(struct keyring *keyring, struct store *store, const char *key,
                              bool *ret_encrypted, struct err *err);
/* Wraps the data key by that key, where it is not yet, and then removes the envelopes of the other
 * keys of the configuration. *ret_changed: there was something to do. Not where keyring_id is NULL.
 */
bool keyring_rewrap(struct keyring *keyring, struct store *store, const char *key,
                    bool *ret_changed, struct err *err);
/* The keys, by `i` from 0; NULL behind the last. */
const struct config_key *keyring_key(const struct keyring *keyring, size_t i);
/* Can it be had, and is it one? */
bool keyring_fetch(struct keyring *keyring, size_t i, struct err *err);
/* How many batches it opened. */
uint64_t keyring_opened(const struct keyring *keyring, size_t i);

#endif
