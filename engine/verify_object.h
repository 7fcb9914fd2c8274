/* SPDX-License-Identifier: PostgreSQL
 *
 * The proofs of one batch that its own three objects give: every byte of the data object read,
 * checksums, members, rows decoded and counted, keys of the manifest counted.
 *
 * Not for: what the catalog or a database says of it (verify, verify_keys).
 * Threads: one thread; blocks; memory independent of object size.
 */
#ifndef ARCHIVER_VERIFY_OBJECT_H
#define ARCHIVER_VERIFY_OBJECT_H

#include "catalog/batches.h"
#include "catalog/metadata.h"
#include "verify_report.h"

struct verify_object_params {
    struct store *store;
    const struct batch *batch;                 /* has data */
    const struct metadata *metadata;           /* opened, where the batch is encrypted */
    bool deep;                                 /* rows against bounds, manifest and encoder, too */
    void (*read)(uint64_t bytes, void *state); /* of the data object, so far; may be NULL */
    void *state;
};
/* Adds problems, rows and bytes to the report; false where there was a problem. */
bool verify_object(const struct verify_object_params *params, struct verify_report *report);

#endif
