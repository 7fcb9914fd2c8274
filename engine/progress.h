/* SPDX-License-Identifier: PostgreSQL
 *
 * What a run is doing: one snapshot under one lock, copied out whole. Written by the run, its
 * throttle and its monitor; read by the progress bar and the control socket. Rates and what is
 * derived from them are worked out when it is read.
 *
 *   progress_begin -> progress_add_table ... -> progress_change ... -> progress_end
 *
 * Unknown is -1 in every number that may be unknown.
 *
 * Threads: any thread (own lock).
 */
#ifndef ARCHIVER_PROGRESS_H
#define ARCHIVER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum progress_phase { /* where the time goes; names in progress_phase_name */
                      PHASE_SELECT,
                      PHASE_ENCODE,
                      PHASE_COMPRESS,
                      PHASE_UPLOAD,
                      PHASE_VERIFY,
                      PHASE_COMMIT,
                      PHASE_VACUUM,
                      PHASE_COUNT
};

enum progress_state { /* of a table; names in progress_state_name */
                      TABLE_WAITING,
                      TABLE_RUNNING,
                      TABLE_DONE,
                      TABLE_FAILED,
                      TABLE_SKIPPED, /* its turn never came: a limit was reached */
                      TABLE_STOPPED,
                      TABLE_STATES
};

struct progress_table {
    char database[128], table[140]; /* the config's name; schema.table */
    enum progress_state state;
    char phase[16]; /* what it does now: connect, archive, store, commit, vacuum, ... */
    int64_t rows_done, rows_total; /* archived; of a restore: read */
    int64_t rows_in_flight;        /* of the batch in work, on top of rows_done */
    uint64_t bytes;                /* of objects, settled or restored */
    int64_t batches;               /* settled; of a restore: archives */
    int64_t skipped, retries;      /* rows left because others held them; batches tried again */
    char object[256];              /* the data object in work */
    char wait[16], why[160];       /* throttle_wait_name; "" where it does not wait */
    double waited;                 /* seconds, all waits together */
    /* While the server vacuums or analyzes, as it tells; "" else. */
    char vacuum_table[140], vacuum_phase[48];
    double vacuum_share;        /* of the heap that this phase is through with, 0 to 1; -1 */
    double phases[PHASE_COUNT]; /* seconds of work; they overlap */
    double seconds;             /* since its turn came */
    char error[400];            /* one line; "" where all went well */
    double rows_per_second;     /* smoothed, also while it waits; -1 */
    double seconds_left;        /* -1 */
};

/* The server that the table in work is on, as a connection of its own sees it. */
struct progress_server {
    char database[128]; /* "" before the first table */
    /* Written as moments (monotonic seconds), read as ages. */
    double answered; /* since it last answered; -1: it never did */
    double asked;    /* since it was asked and is silent; -1: it owes no answer */
    int64_t active, backends, backends_max; /* active: at work for others; -1 */
    int64_t blocked;                        /* sessions that wait for a lock of ours */
    double blocked_seconds;                 /* the longest of them; -1 */
    int64_t locks;                          /* that we hold */
    double transaction_age;                 /* seconds our transaction is open; -1: none is */
    double lag;            /* seconds the slowest standby is behind; -1: none, or not ours to see */
    double wal_per_second; /* bytes; -1 */
};

struct progress_snapshot {
    char run_id[40], kind[16]; /* archive, restore, vacuum */
    char state[16];            /* starting, running, pausing, paused, stopping, ended */
    char status[16];           /* as in the report, once it has ended; else "" */
    int exit_code;             /* likewise; -1 */
    bool pausable;             /* false: it is one transaction */
    bool pause_asked, stop_asked;
    double rows_ceiling, mb_ceiling; /* a second; 0: none */
    int64_t started_utc_us;          /* this host's clock */
    double seconds;
    /* over all tables, filled by progress_read */
    int64_t rows_done, rows_total, batches;
    uint64_t bytes;
    double rows_per_second, seconds_left;
    struct progress_server server;
    struct progress_table *tables; /* owned by the snapshot */
    size_t table_count;
    size_t current; /* the first table in work, by the states; SIZE_MAX where none is */
};

struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *progress); /* NULL allowed */

void progress_begin(struct progress *progress, const char *kind, const char *run_id);
void progress_add_table(struct progress *progress, const char *database, const char *schema,
                        const char *table);
/* The writer's side: change(snapshot, arg) under the lock. It touches what it knows of, and no
 * pointer. */
void progress_change(struct progress *progress,
                     void (*change)(struct progress_snapshot *, const void *), const void *arg);
/* What is new of a table; what is 0 or NULL stays as it is. */
struct progress_news {
    size_t table;
    const char *phase, *object;
    int64_t rows; /* more in flight, or less */
    int retries;  /* more */
};
void progress_tell(struct progress *progress, const struct progress_news *news); /* NULL allowed */
/* So many lines of batches are at work on a table, which is one where nobody says. */
void progress_lines(struct progress *progress, size_t table, int lines);
/* One of them waits, and why; again with another reason (`waits`: it did so before); NULL ends it.
 * The table waits when all of them do. */
void progress_wait(struct progress *progress, size_t table, bool waits, const char *wait,
                   const char *why);
/* Nothing changes any more: the numbers are those of the report. */
void progress_end(struct progress *progress, const char *status, int exit_code);

/* Copies all of it. *snapshot is zeroed or was read into before; progress_snapshot_done frees what
 * it holds. */
void progress_read(struct progress *progress, struct progress_snapshot *snapshot);
void progress_snapshot_done(struct progress_snapshot *snapshot);
/* The table in work, the first of them where there are several; NULL between tables. */
struct progress_table *progress_now(struct progress_snapshot *snapshot);
/* A text into a field of fixed size, cut at a whole character, without control characters. */
#define PROGRESS_SET(field, text) progress_set(field, sizeof(field), text)
void progress_set(char *field, size_t size, const char *text);

/* What the table in work does: "archive", "vacuum public.logs: scanning heap 45%". */
void progress_doing(const struct progress_table *table, struct buf *text);

const char *progress_phase_name(enum progress_phase phase);
const char *progress_state_name(enum progress_state state);

#endif
