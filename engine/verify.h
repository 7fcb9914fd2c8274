/* SPDX-License-Identifier: PostgreSQL
 *
 * The proofs on demand: every archive's metadata, object size, both checksums, members, row count,
 * manifest and catalog line; objects without the others (orphans); with `keys`, that archived keys
 * are not in the table. Archives of the earlier archiver are proved the same way, as far as its
 * metadata goes, and every row is decoded.
 *
 * Threads: one thread; blocks; memory independent of object size.
 */
#ifndef ARCHIVER_VERIFY_H
#define ARCHIVER_VERIFY_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"

struct verify_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const char *const *keys;               /* only these archives; */
    size_t key_count;                      /* 0: all */
    const struct stop *stop;
    void (*each)(const char *key, bool ok, void *state); /* may be NULL */
    void *state;
};

struct verify_problem {
    char *key;
    const char *kind; /* missing_data, missing_metadata, missing_manifest, bad_metadata, bad_size,
                         bad_checksum, bad_member, bad_count, bad_row, unsettled, unreadable */
    char *detail;
};

/* What an archive of the earlier archiver no longer holds: known, said, and no problem. */
struct verify_note {
    char *key;
    bool gone; /* NULL in its place; else a value that may be another */
    char *detail;
};

struct verify_report {
    int64_t archives_checked, ok, rows;
    uint64_t bytes;
    struct verify_problem *problems;
    size_t problem_count;
    struct verify_note *notes;
    size_t note_count;
    char **orphans; /* keys of objects that belong to no batch that is whole */
    size_t orphan_count;
};

/* False where nothing could be checked: bucket missing, nothing found for a key given. */
bool verify_run(const struct verify_params *params, struct verify_report *ret_report,
                struct err *err);
void verify_report_done(struct verify_report *report);
void verify_report_write(const struct verify_report *report, struct json_out *j);

#endif
