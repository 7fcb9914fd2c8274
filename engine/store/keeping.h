/* SPDX-License-Identifier: PostgreSQL
 *
 * How the server shall keep objects, as headers: storage class, encryption, object lock, legal
 * hold, tags, and the account that the bucket must belong to; and whether it says that it does.
 * What was asked for and is not reported back is an error: the batch then rolls back.
 *
 * Threads: immutable once made.
 */
#ifndef ARCHIVER_STORE_KEEPING_H
#define ARCHIVER_STORE_KEEPING_H

#include "config/config.h"
#include "store/http.h"
#include "store/sign.h"

#define KEEPING_HEADERS 8 /* of keeping_make, at most */
#define KEEPING_ACCESS  4 /* of keeping_access, at most */

struct keeping;

struct keeping_object {
    bool small; /* state that is written anew: encrypted, and nothing else */
    bool about; /* metadata and manifest: not in the storage class, which may be slow to read */
};

/* Checks the settings and reads the key of SSE-C. */
struct keeping *keeping_new(const struct config_s3 *s3, struct err *err);
void keeping_free(struct keeping *keeping); /* overwrites the key; NULL allowed */
/* Headers of the request that makes an object; returns how many. Borrowed from `keeping` and from
 * `until`, which takes the end of the lock. */
size_t keeping_make(const struct keeping *keeping, const struct keeping_object *object,
                    int64_t now_us, char until[24], struct sign_pair *ret_headers);
/* Headers that go with every request; with the key of SSE-C where `keyed`, and with an owner that
 * nobody is where `stranger`. */
size_t keeping_access(const struct keeping *keeping, bool keyed, bool stranger,
                      struct sign_pair *ret_headers);
/* Is there a key of SSE-C, and do objects get encrypted with it? Otherwise it is for reading. */
bool keeping_has_key(const struct keeping *keeping);
bool keeping_uses_key(const struct keeping *keeping);
/* The server's word on how it keeps an object: the answer to the request that made it, and,
 * `whole`, that to HEAD, which tells of the lock too. */
bool keeping_check(const struct keeping *keeping, const struct keeping_object *object, bool whole,
                   const struct http_reply *reply, struct err *err);
/* A better hint for what the server refused (its code and message), where the settings may be
 * why. */
void keeping_hint(const struct keeping *keeping, const struct keeping_object *object,
                  const char *code, const char *message, struct err *err);
/* Is the ETag of this answer made of MD5s? With keys of KMS or of ours it is not. */
bool keeping_etag_tells(const struct keeping *keeping, const struct http_reply *reply);

#endif
