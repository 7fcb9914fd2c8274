/* SPDX-License-Identifier: PostgreSQL
 *
 * THE WAY OUT: one batch from BEGIN to settled.
 *
 *              BEGIN, txid                  any failure, or a stop
 *   (idle) ───────────────> OPEN ─────────────────────────────────┐
 *                            │ columns locked and compared        │
 *                            │ COPY (DELETE ... RETURNING)        │
 *                            v  encode, seal, upload              │
 *                          STORED    data object durable          v
 *                            │ envelope where encrypted,        UNDONE   ROLLBACK, then objects
 *                            v  metadata.json, manifest.json      ^      (data, manifest, envelope,
 *                            │  counts agree                      │      metadata)
 *                          PROVED ────────────────────────────────┘
 *                            │ COMMIT sent
 *                 ┌──────────┴─────────────┐
 *                 v answered               v no answer
 *              COMMITTED                 UNKNOWN   nothing touched: recover decides by txid_status
 *                 │ catalog line
 *                 v
 *              SETTLED
 *
 * Into a spool (spool.h) PROVED ends in ROLLBACK instead, and the objects stay there: SPOOLED.
 *
 * Threads: archive_batch runs in the table worker (libpq and encoding); it starts one writer thread
 * a batch and uses the pool it is given for sealing. An archiver takes several batches of its table
 * at a time, each on a connection of its own (own lock).
 */
#ifndef ARCHIVER_ARCHIVE_H
#define ARCHIVER_ARCHIVE_H

#include "catalog/catalog.h"
#include "keyring.h"
#include "postgres/introspect.h"
#include "postgres/plan.h"
#include "progress.h"
#include "store/store.h"

/* Sees what the statement deletes, row by row, and has the last word before the batch is proved:
 * its false rolls back. */
struct archive_witness {
    bool (*row)(void *state, const char *copy_line, size_t len, struct err *err);
    bool (*agrees)(void *state, struct err *err); /* not asked where there was no row */
    void *state;
};

struct archive_params {
    const struct config *config;
    const struct config_database *database;
    const struct config_table *table;
    const struct introspect_table *info;
    const struct plan *plan;
    const char *ddl; /* CREATE TABLE, for metadata.json; may be NULL */
    struct store *store;
    struct pool *pool;
    struct keyring *keyring;
    const char *run_id;
    const struct stop *stop;   /* may be NULL */
    struct progress *progress; /* may be NULL */
    size_t number;             /* the table's in there */
    double *phases;            /* PHASE_COUNT seconds, added to */
    bool into_spool;           /* `store` is a spool: COMMIT is never sent, and the objects stay */
    const struct archive_witness *witness; /* may be NULL */
};

enum archive_outcome {
    ARCHIVE_SETTLED, /* committed, and the catalog says so */
    ARCHIVE_EMPTY,   /* the statement gave no row: nothing was written */
    ARCHIVE_SPOOLED, /* rolled back as it was to be, its objects are in the spool */
    ARCHIVE_UNDONE,  /* failed: rolled back, nothing is left behind (or what is, recover removes) */
    ARCHIVE_UNKNOWN, /* COMMIT was sent and not answered, or not settled after it: recover decides
                      */
};

struct archive_batch {
    enum archive_outcome outcome;
    int64_t rows;
    uint64_t bytes, line_bytes;
    uint64_t txid;            /* of its transaction; 0: it never began */
    int64_t rows_shown;       /* of these in the snapshot's rows_in_flight, still */
    struct buf key;           /* of the data object */
    struct buf max_timestamp; /* COPY text of the largest timestamp taken; empty where no row */
};

struct archiver;
/* May this role delete these rows without losing any? Whoever archives asks first. */
bool archive_allowed(const struct introspect_table *info, const struct config_table *table,
                     const struct conn *conn, struct err *err);
struct archiver *archiver_new(const struct archive_params *params, struct err *err);
void archiver_free(struct archiver *archiver);
/* Seconds of work so far. */
void archiver_phases(struct archiver *archiver, double ret_phases[PHASE_COUNT]);

struct archive_transaction {
    uint64_t txid;
    int64_t began_us; /* the server's clock */
};
struct archive_copy {
    const char *sql;                               /* COPY ... TO STDOUT */
    const struct archive_transaction *transaction; /* that it is a part of; NULL: its own */
    void (*streamed)(void *state); /* its last row is here; may be NULL, and may not be called */
    void *state;
};
/* One batch on `conn`, which holds the table's lock and no transaction. copy->sql and `leaf` are
 * from walk_next and walk_leaf. False with *err for UNDONE and UNKNOWN. *ret_batch is valid either
 * way; archive_batch_done frees it. */
bool archive_batch(struct archiver *archiver, struct conn *conn, const struct introspect_leaf *leaf,
                   const struct archive_copy *copy, struct archive_batch *ret_batch,
                   struct err *err);
void archive_batch_done(struct archive_batch *batch);

/* --- several objects, one transaction (leaf.h) ---
 *
 *   archive_begin -> [ archive_part_prove ]... -> archive_commit -> [ archive_part_end ]...
 *                                              \-> ROLLBACK -> [ archive_part_undo ]...
 */

/* BEGIN with the timeouts of the table, its number, and the leaf's columns compared and locked.
 * What was begun is the caller's to end, also where it fails. */
bool archive_begin(const struct archive_params *params, struct conn *conn,
                   const struct introspect_leaf *leaf, bool whole, struct archive_transaction *ret,
                   struct err *err);

enum archive_commit {
    COMMIT_DONE,
    COMMIT_REFUSED, /* rolled back, the server says so */
    COMMIT_UNANSWERED,
    COMMIT_UNSENT
};
/* *err is filled for all but the first. */
enum archive_commit archive_commit(struct conn *conn, struct err *err);

struct archive_part;
/* One object with metadata and manifest, durable and compared: PROVED. *ret_part NULL: there was no
 * row, or it failed; nothing is left of it then. */
bool archive_part_prove(struct archiver *archiver, struct conn *conn,
                        const struct introspect_leaf *leaf, const struct archive_copy *copy,
                        struct archive_part **ret_part, struct err *err);
void archive_part_describe(const struct archive_part *part, struct archive_batch *ret_batch);
/* Its transaction was rolled back: the objects go. */
void archive_part_undo(struct archive_part *part);
/* Its transaction was committed: settled, or false where recover has to; or nobody knows. */
bool archive_part_end(struct archive_part *part, bool committed, struct err *err);
void archive_part_free(struct archive_part *part); /* NULL allowed */

#endif
