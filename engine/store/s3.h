/* SPDX-License-Identifier: PostgreSQL
 *
 * The S3 store: AWS or a server that speaks the same, with the promises of store.h. Used through
 * store.h only. Writing is upload.h, sending is client.h; here stand reading, listing and removing.
 *
 * Reads ask for ranges of 8 MiB, so that a connection lost in the middle costs one of them and the
 * receiver never sees a byte twice.
 *
 * Threads: as store.h.
 */
#ifndef ARCHIVER_STORE_S3_H
#define ARCHIVER_STORE_S3_H

#include "store/store.h"

/* Checks settings and finds keys; sends nothing to the store. */
struct store *s3_open(const struct config_s3 *s3, const struct stop *stop, struct err *err);

#endif
