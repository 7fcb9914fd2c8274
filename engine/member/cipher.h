/* SPDX-License-Identifier: PostgreSQL
 *
 * AES-256-GCM: what leaves this host is sealed with a batch's own random data key, which is kept
 * wrapped by a key-encryption key of the operator's. doc/encryption.md has every byte of it.
 *
 *   cipher_new -> cipher_seal ... -> cipher_wrap -> cipher_free
 *   cipher_unwrap -> cipher_open ... -> cipher_free
 *
 * No nonce is ever used twice with a data key: it is the stream and the place in it, and a batch is
 * sealed once. Place, stream and batch are authenticated too, so nothing can be moved or swapped.
 *
 * Not for: where keys come from (config/secret), where a wrapped key is kept (catalog/envelope).
 * Threads: immutable once made; sealing and opening from any thread.
 */
#ifndef ARCHIVER_MEMBER_CIPHER_H
#define ARCHIVER_MEMBER_CIPHER_H

#include <stdint.h>

#include "base/buf.h"

#define CIPHER_ALGORITHM "AES-256-GCM"

enum { CIPHER_KEY_BYTES = 32, CIPHER_NONCE_BYTES = 12, CIPHER_TAG_BYTES = 16 };

/* What is sealed with a data key, each with nonces of its own. */
enum cipher_stream {
    CIPHER_MEMBER = 1,   /* at: the member's first row */
    CIPHER_MANIFEST = 2, /* at: the block, from 0 */
    CIPHER_INDEX = 3,    /* at: 0 */
};

struct cipher_place {
    enum cipher_stream stream;
    uint64_t at;
};

struct cipher; /* a data key and the batch it belongs to */
/* A key that nobody had before. */
struct cipher *cipher_new(const char *batch_id, struct err *err);
void cipher_free(struct cipher *cipher); /* NULL allowed; wipes the key */
const char *cipher_batch_id(const struct cipher *cipher);
bool cipher_equal(const struct cipher *a, const struct cipher *b);
/* Appends ciphertext and tag: CIPHER_TAG_BYTES more than came in. */
bool cipher_seal(const struct cipher *cipher, struct cipher_place place, const void *bytes,
                 size_t len, struct buf *ret, struct err *err);
/* Appends what was sealed; ERR_DATA where a byte of it, its place or its batch is another. */
bool cipher_open(const struct cipher *cipher, struct cipher_place place, const void *sealed,
                 size_t len, struct buf *ret, struct err *err);

/* A key-encryption key; wipe it with explicit_bzero. */
struct cipher_kek {
    char id[65];
    uint8_t key[CIPHER_KEY_BYTES];
};
/* 64 hex digits or base64 of 32 bytes. ERR_CONFIG, which never shows it. */
bool cipher_kek_from(const char *id, const char *text, size_t len, struct cipher_kek *ret_kek,
                     struct err *err);

struct cipher_wrapped {
    uint8_t nonce[CIPHER_NONCE_BYTES];
    uint8_t bytes[CIPHER_KEY_BYTES + CIPHER_TAG_BYTES];
    uint8_t check[8]; /* of the wrapping key: tells a wrong key from a changed byte */
};
bool cipher_wrap(const struct cipher *cipher, const struct cipher_kek *kek,
                 struct cipher_wrapped *ret_wrapped, struct err *err);
/* ERR_PREFLIGHT: it is another key than the one it was wrapped with; ERR_DATA: it is that key, but
 * the wrapped one or the batch is not what it was. */
struct cipher *cipher_unwrap(const char *batch_id, const struct cipher_kek *kek,
                             const struct cipher_wrapped *wrapped, struct err *err);

#endif
