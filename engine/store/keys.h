/* SPDX-License-Identifier: PostgreSQL
 *
 * A set of keys that requests are signed with, and the form in which it is handed out: the JSON of
 * instance metadata, of a container's endpoint and of a credential_process. Where keys come from is
 * for credentials.h.
 *
 * Threads: one thread at a time per set.
 */
#ifndef ARCHIVER_STORE_KEYS_H
#define ARCHIVER_STORE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* Zeroed is empty; all texts are the set's own. */
struct keys {
    char *access, *secret;
    char *token;        /* NULL: none */
    int64_t expires_us; /* 0: they do not expire */
};

void keys_done(struct keys *keys); /* overwrites the secrets; leaves the set empty */
/* Copies the texts; token and expires may be NULL or "". An error names `from` and no text of the
 * keys: access or secret missing, a time that is none. *ret_keys is written on success only. */
bool keys_make(const char *access, const char *secret, const char *token, const char *expires,
               const char *from, struct keys *ret_keys, struct err *err);
void keys_copy(const struct keys *keys, struct keys *ret_keys);
/* {"AccessKeyId", "SecretAccessKey", `token_name`, "Expiration"}. */
bool keys_from_json(const struct buf *json, const char *token_name, const char *from,
                    struct keys *ret_keys, struct err *err);
/* Appends a file that holds a token or is told from one, 64 KiB at most. */
bool keys_read_file(const char *path, const char *what, struct buf *ret_text, struct err *err);

#endif
