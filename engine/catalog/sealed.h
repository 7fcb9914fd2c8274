/* SPDX-License-Identifier: PostgreSQL
 *
 * The part of an encrypted batch's metadata that rows could be told from: digests of lines, least
 * and greatest keys. It is JSON, encrypted with the batch's data key, in metadata.json's
 * encryption.sealed_index.
 *
 * Threads: one thread at a time per metadata.
 */
#ifndef ARCHIVER_CATALOG_SEALED_H
#define ARCHIVER_CATALOG_SEALED_H

#include "catalog/metadata.h"

/* Of a metadata with a cipher; what comes out is its sealed_index. The buffer is reset first. */
bool sealed_write(const struct metadata *metadata, struct buf *ret_base64, struct err *err);
/* Puts into a metadata that was read what the cipher, which becomes its own, opens. ERR_DATA where
 * it was changed or says something else than what is in the clear; the cipher is freed then. */
bool sealed_open(struct metadata *metadata, struct cipher *cipher, struct err *err);

#endif
