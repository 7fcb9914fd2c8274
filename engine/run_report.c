/* SPDX-License-Identifier: PostgreSQL
 *
 * The report of a run as JSON.
 */
#include <stdlib.h>

#include "run.h"

const char *run_status_name(enum run_status status)
{
    static const char *const names[] = {"success", "partial", "failure", "stopped"};

    return names[status];
}

void run_report_done(struct run_report *report)
{
    free(report->tables);
    *report = (struct run_report){0};
}

uint64_t run_size_before(const struct run_table *table)
{
    return vacuum_sum(&table->space.before);
}

static void write_phases(const double *phases, struct json_out *j)
{
    json_key(j, "phases");
    json_begin_object(j);
    for (int i = 0; i < PHASE_COUNT; i++)
        json_put_real(j, progress_phase_name((enum progress_phase)i), phases[i], 3);
    json_end(j);
}

static void write_waits(const double *waited, struct json_out *j)
{
    json_key(j, "waited");
    json_begin_object(j);
    for (int i = 0; i < WAIT_COUNT; i++)
        json_put_real(j, throttle_wait_name((enum throttle_wait_for)i), waited[i], 3);
    json_end(j);
}

static void write_table(const struct run_table *t, bool dry_run_only, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "database", t->database);
    json_put_str(j, "schema", t->schema);
    json_put_str(j, "table", t->table);
    json_put_str(j, "status", run_status_name(t->status));
    json_put_str(j, "strategy", t->strategy[0] ? t->strategy : NULL);
    json_put_str(j, "reason", t->reason[0] ? t->reason : NULL);
    json_put_str(j, "cutoff", t->cutoff[0] ? t->cutoff : NULL);
    json_put_int(j, "eligible", t->eligible);
    if (dry_run_only)
        json_put_str(j, "oldest", t->oldest[0] ? t->oldest : NULL);
    json_put_int(j, "records_archived", t->records_archived);
    json_put_int(j, "skipped_locked", t->skipped_locked);
    json_put_int(j, "batches", t->batches);
    json_put_int(j, "bytes", (int64_t)t->bytes);
    json_put_int(j, "line_bytes", (int64_t)t->line_bytes);
    json_put_real(j, "seconds", t->seconds, 3);
    write_phases(t->phases, j);
    write_waits(t->waited, j);
    json_put_int(j, "let_go", t->let_go);
    json_put_str(j, "ended_by", t->ended_by);
    json_put_int(j, "size_before", (int64_t)vacuum_sum(&t->space.before));
    json_put_int(j, "size_after", (int64_t)vacuum_sum(&t->space.after));
    json_key(j, "space");
    reclaim_write(&t->space, j);
    json_put_int(j, "recovered_settled", t->recovered_settled);
    json_put_int(j, "recovered_removed", t->recovered_removed);
    json_put_int(j, "spooled", t->spooled);
    json_put_int(j, "spool_uploaded", t->spool_uploaded);
    json_put_int(j, "spool_dropped", t->spool_dropped);
    json_put_err(j, "error", &t->err);
    json_end(j);
}

void run_report_write(const struct run_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "run_id", report->run_id);
    json_put_str(j, "status", run_status_name(report->status));
    json_put_bool(j, "dry_run", report->dry_run);
    json_put_time(j, "started_at", report->started_us);
    json_put_time(j, "ended_at", report->ended_us);
    json_put_int(j, "records_archived", report->records_archived);
    json_put_int(j, "bytes_uploaded", (int64_t)report->bytes_uploaded);
    json_put_int(j, "batches", report->batches);
    json_key(j, "tables");
    json_begin_array(j);
    for (size_t i = 0; i < report->table_count; i++)
        write_table(&report->tables[i], report->dry_run, j);
    json_end(j);
    json_end(j);
}
