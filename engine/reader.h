/* SPDX-License-Identifier: PostgreSQL
 *
 * One archive as rows, by ranged reads of the members that are needed: for cat and
 * preview. And the list of archives with their states. The key of an encrypted archive is asked for
 * with its first row.
 *
 * Threads: one thread per reader; blocks.
 */
#ifndef ARCHIVER_READER_H
#define ARCHIVER_READER_H

#include "base/json.h"
#include "base/queue.h"
#include "catalog/metadata.h"
#include "config/config.h"

struct reader;

struct reader_params {
    const struct config *config;
    const char *key;   /* data, metadata or manifest key, with or without the configured prefix */
    const char *where; /* only rows of which this is true (doc/where.md); NULL: all */
    const struct stop *stop;
};

struct reader *reader_open(const struct reader_params *params, struct err *err);
void reader_close(struct reader *reader);            /* NULL allowed */
const char *reader_key(const struct reader *reader); /* of the data object */
/* The metadata document as it is stored; borrowed. */
const char *reader_metadata(const struct reader *reader, size_t *ret_len);
/* The same, read. Of an encrypted archive it lacks members and sums until reader_unlock. Borrowed.
 */
const struct metadata *reader_about(const struct reader *reader);
/* Asks for the key of an encrypted archive; others need none. */
bool reader_unlock(struct reader *reader, struct err *err);
void reader_stats(const struct reader *reader, struct store_stats *ret_stats);
uint64_t reader_rows(const struct reader *reader);       /* of the archive, whatever `where` */
size_t reader_column_count(const struct reader *reader); /* 0: schema not known */
const char *reader_column(const struct reader *reader, size_t i);
size_t reader_find_column(const struct reader *reader, const char *name); /* SIZE_MAX */
/* Over what the last reader_next could not read: its row where only that is wrong, else the rest of
 * its member. */
void reader_skip(struct reader *reader);
/* Nothing is looked at from this row on, as if the archive ended there; UINT64_MAX: its own end. */
void reader_until(struct reader *reader, uint64_t row);
/* Goes to row n (from 0), fetching nothing yet; what is held is not fetched again. */
void reader_seek(struct reader *reader, uint64_t row);
/* The next JSON line without newline, borrowed; *ret_line NULL at the end. Members are checked
 * (CRC, size, SHA-256) before their first line is given out. With `where`, the next line that
 * matches; members that cannot hold one are not fetched. */
bool reader_next(struct reader *reader, const char **ret_line, size_t *ret_len, struct err *err);
/* The number of the current line's row, from 0; and of the one that is looked at next. */
uint64_t reader_row(const struct reader *reader);
uint64_t reader_tell(const struct reader *reader);
/* The value of column i of the current line as text: PostgreSQL's, unescaped; *ret_null. */
bool reader_value(struct reader *reader, size_t column, struct buf *ret_text, bool *ret_null,
                  struct err *err);
/* The JSON of column i of the current line, borrowed. */
bool reader_json(struct reader *reader, size_t column, const char **ret_json, size_t *ret_len,
                 struct err *err);
/* What the rows whose values were asked for lack, in an archive of the earlier archiver: a sentence
 * each, by `i` from 0; false behind the last one. */
bool reader_loss(const struct reader *reader, size_t i, struct buf *ret_text);

struct reader_list_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const char *start_date, *end_date;     /* over the rows' timestamps; NULL: none */
    int64_t limit;                         /* 0: no limit */
    const struct stop *stop;
};

struct reader_archive { /* borrowed during the callback */
    const char *database, *schema, *table, *key;
    const char *state;                           /* settled, pending, foreign, rolled_back */
    const char *archived_at, *batch_id, *run_id; /* NULL: not known */
    const char *min_timestamp, *max_timestamp;   /* NULL: none */
    const char *restored_at;                     /* NULL: never */
    uint64_t records, bytes;
};
typedef bool (*reader_list_each)(const struct reader_archive *archive, void *state,
                                 struct err *err);
bool reader_list(const struct reader_list_params *params, reader_list_each each, void *state,
                 struct err *err);

#endif
