/* SPDX-License-Identifier: PostgreSQL
 *
 * Keys of the role that a container runs with: an ECS task or an EKS pod asks the address in
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, with the text of
 * AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE or _TOKEN where there is one.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_CONTAINER_H
#define ARCHIVER_STORE_CONTAINER_H

#include "base/queue.h"
#include "store/keys.h"

/* Do the variables say that there is such an address? */
bool container_present(void);
/* Adds it; ERR_CONFIG where keys must not be asked for there. */
bool container_address(struct buf *ret_url, struct err *err);
bool container_get(const struct stop *stop, struct keys *ret_keys, struct err *err);

#endif
