/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "command.h"
#include "live.h"
#include "output.h"
#include "run.h"

static void add_rate(struct output_table *table, const struct run_table *t)
{
    if (t->records_archived > 0 && t->seconds > 0)
        output_table_add_count(table, (int64_t)((double)t->records_archived / t->seconds));
    else
        output_table_add(table, "");
}

static void print_tables(const struct run_report *report)
{
    static const struct output_column columns[] = {{"table", false},   {"status", false},
                                                   {"eligible", true}, {"archived", true},
                                                   {"locked", true},   {"batches", true},
                                                   {"stored", true},   {"seconds", true},
                                                   {"rows/s", true}};
    struct output_table *table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));

    output_table_spare(table, 8);
    output_table_spare(table, 5);
    output_table_spare(table, 7);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct run_table *t = &report->tables[i];
        output_table_addf(table, "%s.%s.%s", t->database, t->schema, t->table);
        output_table_add(table, run_status_name(t->status));
        output_table_add_count(table, t->eligible);
        output_table_add_count(table, t->records_archived);
        output_table_add_count(table, t->skipped_locked);
        output_table_add_count(table, t->batches);
        output_table_add_bytes(table, t->bytes);
        output_table_addf(table, "%.1f", t->seconds);
        add_rate(table, t);
    }
    output_table_print(table);
    output_table_free(table);
}

static void print_plan(const struct run_report *report)
{
    static const struct output_column columns[] = {{"table", false},  {"older rows", true},
                                                   {"oldest", false}, {"cutoff", false},
                                                   {"size", true},    {"walk", false}};
    struct output_table *table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));

    output_table_spare(table, 3);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct run_table *t = &report->tables[i];
        output_table_addf(table, "%s.%s.%s", t->database, t->schema, t->table);
        output_table_add_count(table, t->eligible);
        output_table_addf(table, "%.19s", t->oldest);
        output_table_addf(table, "%.19s", t->cutoff);
        output_table_add_bytes(table, run_size_before(t));
        output_table_add(table, t->strategy);
    }
    output_table_print(table);
    output_table_free(table);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct run_table *t = &report->tables[i];
        if (t->reason[0])
            printf("%s.%s.%s: %s walk: %s\n", t->database, t->schema, t->table, t->strategy,
                   t->reason);
    }
}

/* Errors were logged as they came; here they stand together, where the log goes elsewhere too. */
static void print_errors(const struct run_report *report)
{
    char line[sizeof(struct err)];

    for (size_t i = 0; i < report->table_count; i++) {
        if (report->tables[i].err.kind == ERR_NONE)
            continue;
        err_line(&report->tables[i].err, line, sizeof(line));
        output_colored(COLOR_BAD, "error", 0);
        printf(": %s\n", line);
    }
}

static void print_summary(const struct run_report *report)
{
    struct buf text = BUF_INIT;
    enum output_color color = report->status == RUN_SUCCESS   ? COLOR_GOOD
                              : report->status == RUN_FAILURE ? COLOR_BAD
                                                              : COLOR_WARN;

    if (report->dry_run) {
        puts("Dry run: nothing was changed.");
        return;
    }
    printf("run %s: ", report->run_id);
    output_colored(color, run_status_name(report->status), 0);
    buf_adds(&text, ", ");
    text_add_count(&text, (uint64_t)report->records_archived);
    buf_addf(&text, " rows in %" PRId64 " batches, ", report->batches);
    text_add_bytes(&text, report->bytes_uploaded);
    buf_adds(&text, " stored, ");
    text_add_duration(&text, (double)(report->ended_us - report->started_us) / 1e6);
    puts(buf_str(&text));
    buf_done(&text);
}

static void print_report(const struct run_report *report, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (o->json) {
        run_report_write(report, &j);
        output_json(&json);
        return;
    }
    if (o->quiet)
        return;
    if (report->dry_run)
        print_plan(report);
    else
        print_tables(report);
    print_errors(report);
    print_summary(report);
}

static int run(const struct call *call, struct err *err)
{
    const struct options *o = &call->options;
    struct live live;
    struct run_report report = {0};
    struct run_params params = {.config = call->config,
                                .database = o->database,
                                .schema = o->schema,
                                .table = o->table,
                                .start_date = o->start_date,
                                .end_date = o->end_date,
                                .limit = o->limit,
                                .dry_run = o->dry_run,
                                .include_restored = o->include_restored,
                                .stop = call->stop};

    if (!command_may_write(call, "archive", err))
        return err_exit_code(err->kind);
    live_start(&live, call, "archive");
    params.run_id = live.run_id;
    params.progress = live.progress;
    params.throttle = live.throttle;
    params.monitor = live.monitor;
    bool ok = run_archive(&params, &report, err);
    int code = ok ? run_exit_code(&report) : err_exit_code(err->kind);
    live_ended(&live, ok ? run_status_name(report.status) : "failure", code);
    if (ok)
        print_report(&report, o);
    run_report_done(&report);
    live_done(&live);
    return code;
}

const struct command cmd_archive = {
    .name = "archive",
    .summary = "move rows older than their retention out of the tables",
    .usage = "[--dry-run] [-d NAME] [-t TABLE] [--limit N] [FLAGS]",
    .details = "Exit: 0 all well, 1 some tables failed, 3 configuration, 4 another run holds the\n"
               "table, 5 permission, 6 disk or memory, 7 network, 130 stopped.\n\n"
               "Examples:\n"
               "  archiver-tui archive --dry-run\n"
               "  archiver-tui archive -d appdb -t audit_logs --limit 1000000\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_DATES | TAKES_LIMIT | TAKES_DRY_RUN |
             TAKES_INCLUDE_RESTORED | TAKES_DETACH,
    .needs_config = true,
    .run = run,
};
