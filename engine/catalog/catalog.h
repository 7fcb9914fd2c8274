/* SPDX-License-Identifier: PostgreSQL
 *
 * What is settled: one JSON line a batch, in {table prefix}_catalog/{stamp}_{run}_{nnn}.jsonl, one
 * family of objects a run and table, so that no two writers share an object. A batch is settled
 * when a line names its data key, and only then.
 *
 *   catalog_writer_new -> catalog_settle ... -> catalog_writer_free
 *   catalog_read -> catalog_find ... -> catalog_free
 *
 * Not for: what is in the bucket. An object that no line names is not known here.
 *
 * Threads: one thread per writer; reading from any thread.
 */
#ifndef ARCHIVER_CATALOG_CATALOG_H
#define ARCHIVER_CATALOG_CATALOG_H

#include <stdatomic.h>

#include "catalog/key.h"
#include "catalog/metadata.h"

enum catalog_state {
    CATALOG_SETTLED,
    CATALOG_PENDING,
    CATALOG_FOREIGN,
    CATALOG_UNDONE,
    CATALOG_ROLLED_BACK, /* settled once; a rollback brought all of its rows back */
};
const char *catalog_state_name(enum catalog_state state);

struct catalog_entry {
    const char *database, *schema, *table;
    const char *key; /* of the data object */
    const char *run_id, *batch_id, *archived_at;
    const char *system_identifier, *timeline;
    uint64_t txid, records, bytes, line_bytes;
    const char *min_timestamp, *max_timestamp; /* NULL: none */
    const char *restored_at;       /* when rows of it were last brought back; NULL: never */
    const char *min_key, *max_key; /* metadata_min_key(); NULL: not known, as in older lines */
    enum catalog_state state;
};

/* Puts nothing yet. stamp_us: when the run began. */
struct catalog_writer;
struct catalog_writer *catalog_writer_new(struct store *store, const struct key_table *table,
                                          const char *run_id, int64_t stamp_us);
/* Durable when true. Fails closed: after an error the batch is not settled, recover will find it.
 * A later line for the same batch wins, which is how one with state undone takes it back. */
bool catalog_settle(struct catalog_writer *writer, const struct catalog_entry *entry,
                    struct err *err);
void catalog_writer_free(struct catalog_writer *writer); /* NULL allowed */
/* Texts are borrowed from the metadata. Keys of an encrypted batch stay out of the line. */
void catalog_entry_from(const struct metadata *metadata, enum catalog_state state,
                        struct catalog_entry *ret_entry);

/* Copies the entry's texts into the arena, so that it may outlive what they were borrowed from. */
void catalog_entry_keep(struct catalog_entry *entry, struct arena *arena);

/* All entries of one table (or, table->table NULL: of a database; table->database NULL: of
 * everything under the prefix), in key order, one a key. ERR_DATA names the object and line that is
 * damaged: nothing is given out then, since a line left out would make a settled batch look
 * unsettled. Blocks; entries live in `catalog`. */
struct catalog {
    struct arena *arena;
    struct catalog_entry *entries; /* sorted by key */
    size_t count;
    atomic_size_t next_asked; /* a guess: who lists a store asks in key order */
};
struct catalog *catalog_read(struct store *store, const struct key_table *table, struct err *err);
void catalog_free(struct catalog *catalog); /* NULL allowed */
/* Is the batch decided, its object the archive's? Settled, or rolled back since. */
bool catalog_is_settled(const struct catalog_entry *entry); /* NULL: no */
/* Gives the damaged objects of one table's catalog another name ({key}.damaged), so that the rest
 * can be read; the batches they named are unsettled from then on. Only for who settles them again.
 */
bool catalog_set_aside(struct store *store, const struct key_table *table, uint64_t *ret_count,
                       struct err *err);
/* NULL where the data key is not in it. */
const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *data_key);

#endif
