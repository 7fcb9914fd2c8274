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

/* How far it is; borrowed during the call. */
struct verify_progress {
    const char *key;                 /* of the data object in work; NULL: they are being counted */
    uint64_t archives, bytes;        /* gone through */
    uint64_t archives_total;         /* found so far while they are counted */
    uint64_t bytes_total;            /* 0: not known, where keys are given */
    const struct verify_report *now; /* what was found so far */
};

struct verify_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const char *const *keys;               /* only these archives; */
    size_t key_count;                      /* 0: all */
    bool deep;
    enum verify_lookup lookup; /* other than NONE: needs the databases */
    const struct stop *stop;
    void (*each)(const char *key, bool ok, void *state); /* may be NULL */
    /* Before, in and after each archive. Where it is set, archives are counted before the first is
     * read. May be NULL. */
    void (*watch)(const struct verify_progress *progress, void *state);
    void *state;
};

/* False where it did not come to its end: bucket missing, nothing found for a key given, stopped.
 * What was found until then is in the report all the same. */
bool verify_run(const struct verify_params *params, struct verify_report *ret_report,
                struct err *err);
/* The report as one page that loads nothing, whole or not at all. */
bool verify_write_page(const struct verify_params *params, const struct verify_report *report,
                       const char *path, struct err *err);

#endif
