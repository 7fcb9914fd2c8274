/* SPDX-License-Identifier: PostgreSQL
 *
 * What a verification found: problems (something is wrong), notes (something to know), orphans
 * (objects that belong to no batch that is whole). Text, JSON and one self-contained page of HTML
 * are made of it.
 *
 * Threads: one thread at a time per report.
 */
#ifndef ARCHIVER_VERIFY_REPORT_H
#define ARCHIVER_VERIFY_REPORT_H

#include "base/json.h"

struct verify_finding {
    char *key; /* of the object it is about, or of its archive */
    const char *kind;
    char *detail;
};

struct verify_report {
    int64_t archives_checked, ok, rows;
    int64_t keys_looked_up; /* in the database */
    uint64_t bytes;
    /* missing_data, missing_metadata, missing_manifest, bad_metadata, bad_size, bad_checksum,
     * bad_member, bad_count, bad_row, bad_bounds, bad_key, bad_catalog, bad_schema, key_in_table,
     * unsettled, unreadable, no_key, bad_seal */
    struct verify_finding *problems;
    size_t problem_count;
    /* column_added, column_removed, column_retyped, key_changed, restored, keys_skipped; of the
     * earlier archiver: lost, uncertain */
    struct verify_finding *notes;
    size_t note_count;
    char **orphans; /* keys */
    size_t orphan_count;
    struct verify_key_use { /* of each key of the configuration that opened any */
        char *id;
        uint64_t archives;
    } * key_uses;
    size_t key_use_count;
};

void verify_report_problem(struct verify_report *report, const char *key, const char *kind,
                           const char *format, ...) ERR_PRINTF(4, 5);
/* What the object itself is not to blame for is none of `kind`: it is unreadable where the store
 * could not be reached, and nothing was found where the operator stopped it. */
void verify_report_problem_err(struct verify_report *report, const char *key, const char *kind,
                               const struct err *err);
void verify_report_note(struct verify_report *report, const char *key, const char *kind,
                        const char *format, ...) ERR_PRINTF(4, 5);
void verify_report_orphan(struct verify_report *report, const char *key); /* NULL allowed */
void verify_report_key_use(struct verify_report *report, const char *id, uint64_t archives);
void verify_report_done(struct verify_report *report);

void verify_report_write(const struct verify_report *report, struct json_out *j);
/* Appends a whole page that loads nothing. `what`: the store and filters, for its head. */
void verify_report_html(const struct verify_report *report, const char *what, struct buf *html);

#endif
