/* SPDX-License-Identifier: PostgreSQL
 *
 * Keys for a role, from AWS's security token service: for a web identity (the token that
 * Kubernetes writes into a file) or for other keys that may assume it.
 *
 * AWS_ENDPOINT_URL_STS moves it, to another store's service for example.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_STS_H
#define ARCHIVER_STORE_STS_H

#include "base/queue.h"
#include "store/keys.h"

struct sts_role {
    const char *arn;
    const char *session;     /* its name in logs; NULL: archiver-tui */
    const char *external_id; /* NULL: none */
    const char *region;
    const char *token_file; /* web identity: where the token stands; else NULL */
    const struct keys *by;  /* else: keys that may assume the role */
};

bool sts_get(const struct sts_role *role, const struct stop *stop, struct keys *ret_keys,
             struct err *err);

#endif
