/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what the parts of the way out have of each other: the protocol (archive.c), rows that
 * come in and are encoded (archive_stream.c), members that are compressed (archive_seal.c), hashed
 * and stored in order (archive_writer.c), and the objects that end a batch (archive_objects.c).
 *
 * Threads: as it says at each part.
 */
#ifndef ARCHIVER_ARCHIVE_PART_H
#define ARCHIVER_ARCHIVE_PART_H

#include <pthread.h>

#include "archive.h"
#include "member/seal.h"
#include "row/encode.h"

enum batch_state { IDLE, OPEN, STORED, PROVED, COMMITTED, SETTLED, UNDONE, UNKNOWN, SPOOLED };

struct archiver {
    struct archive_params params;
    struct key_table key_table;
    pthread_mutex_t settling; /* of the catalog: one line after another */
    struct catalog_writer *catalog;
    pthread_mutex_t lock;  /* of all that follows, and of the phases */
    unsigned batch_number; /* the last one given out */
    unsigned version;      /* of the next batch's names */
    struct member **spare;
    size_t spare_count, spare_cap;
    struct sealer **sealers;
    size_t sealer_count, sealer_cap;
    double compress_seconds;
};

/* One batch in work. Before the writer starts and after it was joined, all of it is the table
 * worker's. */
struct batch {
    struct archiver *archiver;
    struct conn *conn;
    const struct introspect_leaf *leaf;
    enum batch_state state;
    bool part; /* of a transaction that is not its own */
    unsigned number, version;
    struct archive_transaction transaction;
    struct buf archived_at, ddl, stem, data_key, metadata_key, manifest_key, comment;
    char batch_id[17];
    struct cipher *cipher; /* NULL: in the clear */
    struct buf sealed_index;
    struct encoder *encoder;
    struct lane *lane;
    int64_t rows_encoded, rows_copied, rows_shown;
    int64_t min_us, max_us;
    struct buf min_timestamp, max_timestamp;
    double select_seconds, encode_seconds, verify_seconds;
    bool data_stored, envelope_stored, metadata_stored, manifest_stored;
    /* the writer's until it is joined */
    pthread_t writer;
    bool writer_runs;
    struct store_put *data, *manifest;
    struct text_digest *lines_digest, *object_digest;
    struct member_index *members;
    size_t member_count, member_cap;
    uint64_t rows_written, object_bytes, line_bytes, head_bytes;
    uint64_t manifest_block; /* the next one, where they are encrypted */
    double upload_seconds;
    struct err writer_err;
};

/* --- archive.c: any thread --- */

double batch_seconds_since(int64_t start_us);
void batch_show(struct batch *batch, struct progress_news news);
void batch_show_phase(struct batch *batch, const char *phase);

/* --- archive_stream.c: the table worker --- */

/* Names, encoder and writer of a batch whose transaction is open. */
bool batch_prepare(struct batch *batch, struct err *err);
bool batch_stream(struct batch *batch, const char *copy_sql, struct err *err);
/* Ends the writer; its error is the first one where it has any. */
bool batch_join_writer(struct batch *batch, bool ok, struct err *err);
bool batch_counts_agree(const struct batch *batch, struct err *err);

/* --- archive_seal.c: any thread --- */

struct member *batch_member_borrow(struct archiver *archiver);
void batch_member_return(struct archiver *archiver, struct member *member); /* NULL allowed */
enum packing archiver_packing(const struct archiver *archiver);
/* What the pool does for a lane of members; `state` is the batch. */
bool batch_seal(void *member, void *state, struct err *err);
void batch_seal_drop(void *member, void *state);
void archiver_spares_free(struct archiver *archiver);

/* --- archive_writer.c: the writer's thread --- */

void *batch_writer_main(void *batch);
/* Also the table worker's, once the writer is joined. */
bool batch_manifest_add(struct batch *batch, const struct buf *bytes, struct err *err);

/* --- archive_objects.c: the table worker, the writer being joined --- */

bool batch_put_data(struct batch *batch, struct err *err);
/* Before the metadata: where that is, the data can be opened. */
bool batch_put_envelope(struct batch *batch, struct err *err);
/* *ret_metadata borrows from the batch. */
bool batch_put_metadata(struct batch *batch, struct metadata *ret_metadata, struct err *err);
bool batch_put_manifest(struct batch *batch, struct err *err);

#endif
