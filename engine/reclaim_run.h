/* SPDX-License-Identifier: PostgreSQL
 *
 * `vacuum`: the space of tables given back apart from a run, of all that are asked for or of those
 * that are due (due.h). One table's failure never stops the others. The table's archiving lock is
 * not taken: a run that begins meanwhile does so.
 *
 * Threads: blocks its caller.
 */
#ifndef ARCHIVER_RECLAIM_RUN_H
#define ARCHIVER_RECLAIM_RUN_H

#include "due.h"
#include "reclaim.h"

struct reclaim_run_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    bool due;                              /* only what is */
    bool dry_run;                          /* say what would be done */
    const char *run_id;
    const struct stop *stop;
    struct progress *progress; /* may be NULL */
    struct monitor *monitor;   /* may be NULL */
};

enum reclaim_status { /* names in reclaim_status_name */
                      RECLAIM_DONE,
                      RECLAIM_PLANNED, /* a dry run's */
                      RECLAIM_NOT_DUE,
                      RECLAIM_STOPPED,
                      RECLAIM_FAILED,
                      RECLAIM_STATUSES
};
const char *reclaim_status_name(enum reclaim_status status);

struct reclaim_table {
    const char *database, *schema, *table; /* borrowed from the config */
    enum reclaim_status status;
    bool was_due;
    struct due due; /* where it was */
    struct reclaim space;
    struct err err; /* kind ERR_NONE where all went well */
};

struct reclaim_report {
    char run_id[40];
    int64_t started_us, ended_us;
    struct reclaim_table *tables;
    size_t table_count;
    size_t counts[RECLAIM_STATUSES];
};

/* False only where nothing could be tried. */
bool reclaim_run(const struct reclaim_run_params *params, struct reclaim_report *ret_report,
                 struct err *err);
void reclaim_report_done(struct reclaim_report *report);
/* "success", "partial", "failure", "stopped". */
const char *reclaim_report_status(const struct reclaim_report *report);
int reclaim_exit_code(const struct reclaim_report *report);
void reclaim_report_write(const struct reclaim_report *report, struct json_out *j);
/* Bytes on disk of one table before and after. */
uint64_t reclaim_before(const struct reclaim_table *table);
uint64_t reclaim_after(const struct reclaim_table *table);

#endif
