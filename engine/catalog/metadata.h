/* SPDX-License-Identifier: PostgreSQL
 *
 * metadata.json of one batch with its member index, and manifest.json with the keys deleted:
 * written and read. doc/format.md describes both. Versions "1.0" (the earlier archiver) and "3" are
 * read, "3" is written. Of an encrypted batch, what rows could be told from (digests of lines,
 * keys) is not in the clear there: catalog/sealed has it.
 *
 * Threads: one thread at a time per object; immutable once read.
 */
#ifndef ARCHIVER_CATALOG_METADATA_H
#define ARCHIVER_CATALOG_METADATA_H

#include <stdint.h>

#include "member/cipher.h"
#include "member/member.h"
#include "member/packing.h"
#include "row/shape.h"
#include "store/store.h"

struct metadata {
    struct arena *arena; /* strings of a metadata that was read; NULL where the caller owns them */
    const char *version; /* "3" */
    const char *database, *schema, *table;
    const char *run_id, *batch_id;
    unsigned batch_number;
    const char *archived_at; /* ISO, UTC */
    const char *archiver_version, *postgres_version;
    const char *system_identifier, *timeline; /* "" in archives of the earlier archiver */
    uint64_t txid;
    const char *cutoff, *strategy, *where; /* where NULL: none */
    const char *data_key;
    enum packing packing;
    uint64_t record_count, line_bytes, object_bytes;
    uint8_t lines_sha256[32], object_sha256[32]; /* of all lines; of the object */
    int64_t min_us,
        max_us; /* INT64_MAX, INT64_MIN: none. Raw integers where the column is an epoch */
    const char *timestamp_column, *min_timestamp, *max_timestamp; /* text; NULL: none */
    const char *min_key, *max_key;                                /* JSON; NULL */
    const char *table_ddl;                                        /* may be NULL */
    struct shape *shape; /* NULL in later batches of the earlier archiver */
    struct member_index *members;
    size_t member_count;
    /* Of an encrypted batch: */
    const char *key_id;       /* of the key that first wrapped its data key; NULL: in the clear */
    uint64_t head_bytes;      /* of the object, in the clear before the first member */
    const char *sealed_index; /* base64; catalog/sealed.h */
    struct cipher *cipher;    /* NULL: nobody opened it; the metadata's where it was read */
};

/* A min_key or max_key of NULL is taken from the members where all have integer keys. ret_ buffers
 * here and below are reset first. */
void metadata_write(const struct metadata *metadata, struct buf *ret_json);
/* `key` is the metadata's own: errors name it. What contradicts itself is ERR_DATA: members that
 * leave a gap, sums that are not the counts. Of version "1.0" there are no members, shape may
 * be NULL (catalog/earlier finds it), and what it does not hold is "". */
struct metadata *metadata_read(const char *json, size_t len, const char *key, struct err *err);
/* The least and greatest key, as metadata.json has them; NULL where they are not known. Borrowed.
 */
const char *metadata_min_key(const struct metadata *metadata);
const char *metadata_max_key(const struct metadata *metadata);
/* ".jsonl.gz": what the data object's key ends in. */
const char *metadata_suffix(const struct metadata *metadata);
/* The member that holds a row; 0 where there are none. */
size_t metadata_member_of(const struct metadata *metadata, uint64_t row);
/* "5" and "[5]" are 5; false for any other key, and for NULL. */
bool metadata_key_integer(const char *json, int64_t *ret);
/* store_get and metadata_read in one. */
struct metadata *metadata_get(struct store *store, const char *metadata_key, struct err *err);
/* NULL allowed; frees its shape, members and cipher. */
void metadata_free(struct metadata *metadata);

/* The manifest is streamed: manifest_head, manifest_keys for each member, manifest_tail. */
struct manifest_head {
    const char *database, *schema, *table, *run_id, *batch_id;
    unsigned batch_number;
    const struct shape *shape; /* its key columns are named; none: a manifest without keys */
    const char *deleted_at;
};
void manifest_head(const struct manifest_head *head, struct buf *ret_json);
/* Appends a member's keys (member.keys) as the array wants them; `first`: no key came before. */
void manifest_keys(struct buf *ret, const struct buf *keys, bool first);
/* Closes the array; record_count is the number of rows deleted. */
void manifest_tail(uint64_t record_count, struct buf *ret_json);
struct manifest_source {
    struct store *store;
    const char *key;
    const struct cipher *cipher; /* NULL: it is not encrypted */
};
/* Reads a manifest as a stream, in memory for one key; each(key JSON) for every key, NUL-ended and
 * borrowed. ERR_DATA where it is cut short or its own count is another: keys already given out are
 * then not all there were. */
typedef bool (*manifest_each)(const char *key_json, size_t len, void *state, struct err *err);
bool manifest_read(const struct manifest_source *source, manifest_each each, void *state,
                   struct err *err);
/* How many keys it holds. */
bool manifest_count(const struct manifest_source *source, uint64_t *ret_keys, struct err *err);
/* The one key column that a manifest of version "1.0" names; "" where there is none. */
bool manifest_key_column(struct store *store, const char *manifest_key, struct buf *ret_name,
                         struct err *err);

#endif
