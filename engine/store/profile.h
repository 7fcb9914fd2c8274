/* SPDX-License-Identifier: PostgreSQL
 *
 * One profile of the files that AWS's tools share: ~/.aws/credentials and ~/.aws/config, or where
 * AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE say. What stands in the first wins.
 *
 * Threads: immutable once loaded.
 */
#ifndef ARCHIVER_STORE_PROFILE_H
#define ARCHIVER_STORE_PROFILE_H

#include <stdbool.h>

#include "base/err.h"

struct profile;

/* ERR_NOT_FOUND where neither file has it, or there are none. */
struct profile *profile_load(const char *name, struct err *err);
void profile_free(struct profile *profile); /* overwrites the values; NULL allowed */
/* Borrowed; NULL where it is not said, or empty. */
const char *profile_get(const struct profile *profile, const char *key);

#endif
