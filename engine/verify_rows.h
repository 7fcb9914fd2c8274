/* SPDX-License-Identifier: PostgreSQL
 *
 * The deep proofs: each row encodes again to the very line it was decoded from, the rows of a
 * member have the bounds its index says, and their keys are those of the manifest, in its order.
 *
 *   verify_rows_new -> verify_rows_line ... -> verify_rows_manifest -> verify_rows_free
 *
 * Threads: one thread at a time; memory of a digest a member.
 */
#ifndef ARCHIVER_VERIFY_ROWS_H
#define ARCHIVER_VERIFY_ROWS_H

#include "catalog/metadata.h"
#include "verify_report.h"

/* Problems go to the report, of each kind the first of an object; `metadata` and `report` are
 * borrowed. Of metadata with a shape and members only. */
struct verify_rows;
struct verify_rows *verify_rows_new(const struct metadata *metadata, struct verify_report *report,
                                    struct err *err);
void verify_rows_free(struct verify_rows *rows); /* NULL allowed */
/* The rows in order: the JSON line without newline, and what it was decoded to. */
void verify_rows_line(struct verify_rows *rows, const char *line, size_t len,
                      const struct buf *copy_line);
/* After the last row. False where there was any problem. */
bool verify_rows_manifest(struct verify_rows *rows, struct store *store, const char *manifest_key);

#endif
