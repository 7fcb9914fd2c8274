/* SPDX-License-Identifier: PostgreSQL
 *
 * Object names, made and read: {prefix}/{database}/{table}/year=YYYY/month=MM/day=DD/
 * {table}_{YYYYMMDDTHHMMSSZ}_batch_{NNN}[_vN].jsonl.gz and its .metadata.json and .manifest.json.
 * Of an encrypted batch: .jsonl.gz.enc, .metadata.json, .manifest.json.enc, and .key.{id}.json, its
 * envelope: the data key wrapped by the key-encryption key of that id.
 *
 * {table} is the table where the schema is public, else {schema}.{table} (in the file's name always
 * the table alone). Bytes that would break a path or make two tables one are %XX in names: '/',
 * '%', backslash, controls; '.' in schemas and tables, and where a database begins with it; a '_'
 * that a database begins with. The earlier archiver's keys parse too. `ret_` buffers are reset
 * first. Not for: whether an object exists.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_CATALOG_KEY_H
#define ARCHIVER_CATALOG_KEY_H

#include <stdint.h>

#include "base/buf.h"

struct key_table {
    const char *prefix, *database, *schema, *table;
};

enum key_kind { KEY_DATA, KEY_METADATA, KEY_MANIFEST, KEY_ENVELOPE, KEY_OTHER };

/* "{prefix}/{database}/{table}/" (no leading slash where prefix is empty or NULL; its trailing ones
 * do not count). table NULL: "{prefix}/{database}/"; database NULL: "{prefix}/". */
void key_table_prefix(const struct key_table *table, struct buf *ret_key);
/* The stem, without suffix: ".../orders_20261123T132845Z_batch_001" or "..._v2" for version 2.
 * day_us: what year/month/day say; stamp_us: the stamp. */
void key_stem(const struct key_table *table, int64_t day_us, int64_t stamp_us, unsigned batch,
              unsigned version, struct buf *ret_key);
/* The suffixes of data objects, by `i` from 0; NULL behind the last. */
const char *key_data_suffix(size_t i);
/* stem + the kind's suffix; data_suffix NULL: ".jsonl.gz". A manifest's is that of the data: ".enc"
 * where data_suffix ends so. Not for envelopes. */
void key_of(const char *stem, enum key_kind kind, const char *data_suffix, struct buf *ret_key);
/* What a key is; *ret_stem_len (may be NULL) is the length of its stem, 0 for KEY_OTHER. What
 * stands in _catalog/, _audit/ or _runs/, and any name without stamp and batch, is KEY_OTHER. */
enum key_kind key_kind(const char *key, size_t *ret_stem_len);
/* Any of the keys of a batch, or its stem -> the other, but for envelopes. False: not one of ours
 * by shape. data_suffix NULL: that of `key` where it is a data key; else ".jsonl.gz.enc" where it
 * is a manifest's that ends in ".enc", and ".jsonl.gz". */
bool key_sibling(const char *key, enum key_kind kind, const char *data_suffix, struct buf *ret_key);
/* Of a data key or manifest key: is what it names encrypted? */
bool key_is_encrypted(const char *key);
/* Any key of a batch, or its stem -> its envelope for a key-encryption key's id, which is made of
 * letters, digits, '-' and '_'. */
bool key_envelope(const char *key, const char *id, struct buf *ret_key);
/* The id in an envelope's key; false where it is none. */
bool key_envelope_id(const char *key, struct buf *ret_id);
/* database, schema and table as named in the path, unescaped; schema "public" where the key has
 * none (which the earlier archiver's keys never have: their metadata names it). False: not below
 * `prefix`, or not below a table. */
bool key_parse(const char *key, const char *prefix, struct buf *ret_database,
               struct buf *ret_schema, struct buf *ret_table);

#endif
