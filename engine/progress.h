/* SPDX-License-Identifier: PostgreSQL
 *
 * What a run is doing: one snapshot under one lock, copied out whole. Written by the run, read by
 * the progress bar, the log, later the control socket.
 *
 * Threads: any thread (own lock).
 */
#ifndef ARCHIVER_PROGRESS_H
#define ARCHIVER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

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

struct progress_snapshot {
    char run_id[40];
    char database[64], table[140]; /* the table in work; "" between tables */
    char phase[16]; /* what it does now: recover, count, select, commit, vacuum, ... */
    uint32_t tables_done, tables_total;
    uint32_t batch;                       /* batches settled of this table */
    int64_t rows_done, rows_total;        /* of this table; total -1: unknown */
    int64_t run_rows;                     /* settled over all tables */
    uint64_t run_bytes;                   /* object bytes settled */
    int64_t rows_in_flight;               /* of the batch in work */
    int64_t started_us, table_started_us; /* monotonic */
};

struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *progress);
void progress_read(struct progress *progress, struct progress_snapshot *ret_snapshot);
/* The writer's side: change(snapshot, arg) under the lock. */
void progress_change(struct progress *progress,
                     void (*change)(struct progress_snapshot *, const void *), const void *arg);
const char *progress_phase_name(enum progress_phase phase);

#endif
