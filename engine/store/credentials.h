/* SPDX-License-Identifier: PostgreSQL
 *
 * Which keys requests to the store are signed with: where they come from, and new ones before the
 * old expire. The first of these that is there counts:
 *
 *   s3.access_key_id  ->  s3.profile  ->  AWS_ACCESS_KEY_ID  ->  web identity  ->  shared files
 *   ->  container's endpoint  ->  instance metadata
 *
 * One thread gets new keys when a quarter of their life, five minutes at most, is left; the others
 * go on with the old ones, and wait only where those are of no use any more. Getting them failed:
 * the old ones stay in use while they last.
 *
 * Threads: any thread (own lock).
 */
#ifndef ARCHIVER_STORE_CREDENTIALS_H
#define ARCHIVER_STORE_CREDENTIALS_H

#include "base/queue.h"
#include "config/config.h"
#include "store/keys.h"

struct credentials;

/* Finds the source and gets the first keys. Both are borrowed; `stop` may be NULL. */
struct credentials *credentials_open(const struct config_s3 *s3, const struct stop *stop,
                                     struct err *err);
void credentials_close(struct credentials *credentials); /* NULL allowed */
/* Keys to sign with now; the caller's (keys_done). *ret_generation tells them from later ones. */
bool credentials_get(struct credentials *credentials, struct keys *ret_keys,
                     unsigned *ret_generation, struct err *err);
/* The server says that the keys of that generation have expired. False where this source will
 * never have others. */
bool credentials_expired(struct credentials *credentials, unsigned generation);
/* "environment", "instance metadata, role archiver, until 2026-...": for people, no secret. */
void credentials_describe(struct credentials *credentials, struct buf *ret_text);

#endif
