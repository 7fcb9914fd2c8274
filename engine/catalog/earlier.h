/* SPDX-License-Identifier: PostgreSQL
 *
 * The earlier archiver's archives among ours: where a table's may lie, whose one is, and the schema
 * of one that does not say its own.
 *
 * Its keys name no schema, so tables of one name share a place; and only the first batch of each of
 * its runs holds table_schema.
 *
 * Threads: one thread at a time per earlier_schemas; the functions without it, any thread.
 */
#ifndef ARCHIVER_CATALOG_EARLIER_H
#define ARCHIVER_CATALOG_EARLIER_H

#include "catalog/key.h"
#include "catalog/metadata.h"

/* Lists the places that only the earlier archiver used for the table ({database}/{table}/ of a
 * schema that is not public, {database}/{schema}/{table}/): objects of other tables are among them.
 * What lies below key_table_prefix is not listed again. */
bool earlier_list(struct store *store, const struct key_table *table, store_each each, void *state,
                  struct err *err);
/* Did the earlier archiver write this batch? */
bool earlier_wrote(const struct metadata *metadata);
/* Is a batch of the earlier archiver one of this table, whatever its key says? */
bool earlier_is_of(const struct metadata *metadata, const struct key_table *table);

/* Remembers listings and schemas, so that going through batches in order reads each once. */
struct earlier_schemas;
struct earlier_schemas *earlier_schemas_new(struct store *store);
void earlier_schemas_free(struct earlier_schemas *schemas); /* NULL allowed */
/* Gives a batch of the earlier archiver that has no shape that of the first batch of its run. The
 * shape stays NULL where that batch is not there or cannot be read; batches of ours, and those with
 * a shape, are left alone. `metadata_key` is the batch's own. */
bool earlier_schemas_fill(struct earlier_schemas *schemas, const char *metadata_key,
                          struct metadata *metadata, struct err *err);

#endif
