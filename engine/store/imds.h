/* SPDX-License-Identifier: PostgreSQL
 *
 * Keys of the role that an EC2 instance runs with, from its metadata service, version 2: a session
 * token first, then the role's name, then its keys. Version 1, which asks for no token, is not
 * spoken.
 *
 * AWS_EC2_METADATA_DISABLED=true turns it off, AWS_EC2_METADATA_SERVICE_ENDPOINT moves it.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_IMDS_H
#define ARCHIVER_STORE_IMDS_H

#include "base/queue.h"
#include "store/keys.h"

bool imds_enabled(void);
/* Adds the role's name to *ret_role. Where no such service answers, it is found out in about a
 * second. */
bool imds_get(const struct stop *stop, struct keys *ret_keys, struct buf *ret_role,
              struct err *err);

#endif
