/* SPDX-License-Identifier: PostgreSQL
 *
 * How an object goes up to S3: in one PUT while it fits, else as a multipart upload whose parts go
 * up in parallel. Either way the server gets an MD5 with each body, and a SHA-256 where it keeps
 * one; what it then says of the object is compared, a name that is taken is left alone, and after a
 * failure the object is not there.
 *
 * Memory: one buffer being filled and one for each part on its way, together 48 MiB at most unless
 * the parts are larger than 16 MiB; then two buffers. How large parts are is parts.h's.
 *
 * Threads: as store.h; parts are sent by a pool that belongs to the uploader.
 */
#ifndef ARCHIVER_STORE_UPLOAD_H
#define ARCHIVER_STORE_UPLOAD_H

#include "config/config.h"
#include "store/backend.h"
#include "store/client.h"

struct uploader;

/* `store` and `client` are borrowed for the uploader's life. */
struct uploader *uploader_new(const struct config_s3 *s3, struct store *store,
                              struct client *client);
void uploader_free(struct uploader *uploader); /* NULL allowed */

struct store_put *upload_begin(struct uploader *uploader, const struct store_put_params *params,
                               struct err *err);
/* As their namesakes of struct store_ops. */
bool upload_add(struct store_put *put, const char *bytes, size_t len, struct err *err);
bool upload_end(struct store_put *put, struct store_object *ret_object, struct err *err);
void upload_drop(struct store_put *put);
/* Ends a multipart upload and frees its parts; also where it was gone already. */
bool upload_abort(struct client *client, const char *key, const char *upload_id, struct err *err);

#endif
