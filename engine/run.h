/* SPDX-License-Identifier: PostgreSQL
 *
 * A run: every table of the config that was asked for, in order, each under its advisory lock;
 * recover first, then batch after batch (archive.h) until the walk is over or a limit is reached;
 * then vacuum; then the report. One table's failure never stops the others.
 *
 * Threads: run_archive blocks its caller, starts its own threads and joins them. `stop` and
 * `progress` are shared.
 */
#ifndef ARCHIVER_RUN_H
#define ARCHIVER_RUN_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"
#include "monitor.h"
#include "progress.h"
#include "reclaim.h"
#include "throttle.h"

struct run_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const char *start_date, *end_date;     /* NULL: none */
    int64_t limit;                         /* rows of the whole run at most; 0: no limit */
    bool dry_run;                          /* count and plan, touch nothing */
    bool include_restored;                 /* also rows that a restore brought back */
    const char *run_id;                    /* text_run_id */
    const struct stop *stop;               /* may be NULL */
    struct throttle *throttle;
    struct progress *progress; /* may be NULL */
    struct monitor *monitor;   /* may be NULL */
};

enum run_status { RUN_SUCCESS, RUN_PARTIAL, RUN_FAILURE, RUN_STOPPED };
const char *run_status_name(enum run_status status);

struct run_table {
    const char *database, *schema, *table; /* borrowed from the config */
    enum run_status status;
    char strategy[16], reason[256], cutoff[40], oldest[64];
    int64_t eligible; /* rows when the table's turn came; dry run: exact; else the planner's
                         estimate; -1 unknown */
    int64_t records_archived, skipped_locked, batches;
    uint64_t bytes, line_bytes; /* of the objects; of the lines in them */
    double phases[PHASE_COUNT]; /* seconds of work; phases overlap, so they may add up to more than
                                   the time */
    double seconds;
    double waited[WAIT_COUNT]; /* seconds of them that the throttle held, by reason */
    int64_t let_go;            /* batches rolled back because others waited for their locks */
    const char *ended_by;      /* the limit that ended its turn; NULL: none did */
    struct reclaim space;      /* sizes before and after, and the vacuum between them */
    int64_t recovered_settled, recovered_removed; /* batches of earlier runs decided first */
    int64_t spooled;                       /* batches kept while the store was away: 0 or 1 */
    int64_t spool_uploaded, spool_dropped; /* those of earlier runs */
    struct err err;                        /* kind ERR_NONE where all went well */
};

struct run_report {
    char run_id[40];
    enum run_status status;
    bool dry_run;
    int64_t started_us, ended_us; /* this host's clock, UTC */
    int64_t records_archived, batches;
    uint64_t bytes_uploaded;
    struct run_table *tables;
    size_t table_count;
};

/* False only where nothing could be tried (no such table, store unusable); else the report says how
 * it went. */
bool run_archive(const struct run_params *params, struct run_report *ret_report, struct err *err);
void run_report_done(struct run_report *report);
uint64_t run_size_before(const struct run_table *table); /* bytes, all leaves */
/* The document of archive --json (cli.md). */
void run_report_write(const struct run_report *report, struct json_out *j);
/* 0; 1 some tables failed; where all failed, their error's code, or 2 where they differ; 130
 * stopped. */
int run_exit_code(const struct run_report *report);

#endif
