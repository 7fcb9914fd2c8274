/* SPDX-License-Identifier: PostgreSQL
 *
 * How a table's schema went on over its batches: columns that came, went or changed their type from
 * one batch to the next are notes. Within one run there can be no change, so there it is a problem.
 *
 * Threads: one thread at a time per verify_schema.
 */
#ifndef ARCHIVER_VERIFY_SCHEMA_H
#define ARCHIVER_VERIFY_SCHEMA_H

#include "catalog/metadata.h"
#include "verify_report.h"

struct verify_schema {
    struct metadata *last; /* of the batch before; NULL: none yet */
};

/* The batches of one table in the order they were archived in. Takes the metadata; those without a
 * schema are passed over. */
void verify_schema_take(struct verify_schema *schema, struct metadata *metadata,
                        struct verify_report *report);
void verify_schema_done(struct verify_schema *schema);

#endif
