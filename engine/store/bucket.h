/* SPDX-License-Identifier: PostgreSQL
 *
 * What an S3 bucket is set to, as far as an archive should know: versioning, object lock,
 * lifecycle, encryption, public access, and whether the server looks at the owner it is told. Only
 * asks, and only judges; what a server does not support or the credentials may not ask is said and
 * is no failure.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_BUCKET_H
#define ARCHIVER_STORE_BUCKET_H

#include "store/client.h"
#include "store/store.h"

/* As store_examine. `s3` is the client's. */
bool bucket_examine(struct client *client, const struct config_s3 *s3, store_each_finding each,
                    void *state, struct err *err);

#endif
