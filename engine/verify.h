/* SPDX-License-Identifier: PostgreSQL
 *
 * The proofs on demand: every archive's metadata, object size, both checksums, members, row count,
 * manifest and catalog line; objects without the others (orphans); the steadiness of a table's
 * schema over its batches. With `deep`, each row against its member's bounds, its key in the
 * manifest and the encoder; with `lookup`, that archived keys are not in the table.
 *
 * Threads: one thread; blocks; memory independent of object size.
 */
#ifndef ARCHIVER_VERIFY_H
#define ARCHIVER_VERIFY_H

#include "base/queue.h"
#include "config/config.h"
#include "verify_report.h"

enum verify_lookup { LOOKUP_NONE, LOOKUP_SAMPLE, LOOKUP_ALL };

struct verify_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const char *const *keys;               /* only these archives; */
    size_t key_count;                      /* 0: all */
    bool deep;
    enum verify_lookup lookup; /* other than NONE: needs the databases */
    const struct stop *stop;
    void (*each)(const char *key, bool ok, void *state); /* may be NULL */
    void *state;
};

/* False where nothing could be checked: bucket missing, nothing found for a key given. */
bool verify_run(const struct verify_params *params, struct verify_report *ret_report,
                struct err *err);

#endif
