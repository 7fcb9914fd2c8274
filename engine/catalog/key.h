/* SPDX-License-Identifier: PostgreSQL
 *
 * Object names, made and read: {prefix}/{database}/{table}/year=YYYY/month=MM/day=DD/
 * {table}_{YYYYMMDDTHHMMSSZ}_batch_{NNN}[_vN].jsonl.gz and its .metadata.json and .manifest.json.
 *
 * {table} is the table where the schema is public, else {schema}.{table}. Bytes that would break a
 * path or make two tables one ('/', '%', '.', backslash, controls, a leading '_' of a database) are
 * %XX in names. The earlier archiver's keys parse too.
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

enum key_kind { KEY_DATA, KEY_METADATA, KEY_MANIFEST, KEY_OTHER };

/* "{prefix}/{database}/{table}/" (no leading slash where prefix is empty) */
void key_table_prefix(const struct key_table *table, struct buf *ret_key);
/* The stem, without suffix: ".../orders_20261123T132845Z_batch_001" or "..._v2" for version 2.
 * day_us: what year/month/day say; stamp_us: the stamp. */
void key_stem(const struct key_table *table, int64_t day_us, int64_t stamp_us, unsigned batch,
              unsigned version, struct buf *ret_key);
/* stem + the kind's suffix; data_suffix ".jsonl.gz" or ".jsonl" */
void key_of(const char *stem, enum key_kind kind, const char *data_suffix, struct buf *ret_key);
/* What a key is; *ret_stem_len is the length of its stem. */
enum key_kind key_kind(const char *key, size_t *ret_stem_len);
/* Any of the three keys of a batch, or its stem -> the other. False: not one of ours by shape. */
bool key_sibling(const char *key, enum key_kind kind, const char *data_suffix, struct buf *ret_key);
/* database, schema and table as named in the path, unescaped; schema "public" where the key has
 * none. */
bool key_parse(const char *key, const char *prefix, struct buf *ret_database,
               struct buf *ret_schema, struct buf *ret_table);

#endif
