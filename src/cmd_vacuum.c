/* SPDX-License-Identifier: PostgreSQL
 *
 * vacuum: the space of rows that have left, given back when it suits.
 */
#include "base/text.h"
#include "command.h"
#include "live.h"
#include "output.h"
#include "reclaim_run.h"

static void add_due(struct output_table *table, const struct reclaim_table *t)
{
    struct buf text = BUF_INIT;

    if (t->was_due)
        text_add_time(&text, t->due.since_us);
    output_table_addf(table, "%.19s", buf_str(&text));
    buf_done(&text);
    if (t->was_due)
        output_table_add_count(table, t->due.rows);
    else
        output_table_add(table, NULL);
}

/* What is not due was not looked at: its size is not known. */
static void add_size(struct output_table *table, const struct reclaim_table *t, uint64_t bytes)
{
    if (t->status == RECLAIM_DONE || t->status == RECLAIM_PLANNED)
        output_table_add_bytes(table, bytes);
    else
        output_table_add(table, NULL);
}

static void print_tables(const struct reclaim_report *report)
{
    static const struct output_column columns[] = {{"table", false},     {"status", false},
                                                   {"due since", false}, {"rows left", true},
                                                   {"before", true},     {"after", true},
                                                   {"seconds", true}};
    struct output_table *table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));

    output_table_spare(table, 6);
    output_table_spare(table, 3);
    for (size_t i = 0; i < report->table_count; i++) {
        const struct reclaim_table *t = &report->tables[i];
        output_table_addf(table, "%s.%s.%s", t->database, t->schema, t->table);
        output_table_add(table, reclaim_status_name(t->status));
        add_due(table, t);
        add_size(table, t, reclaim_before(t));
        add_size(table, t, reclaim_after(t));
        output_table_addf(table, "%.1f", t->space.seconds);
    }
    output_table_print(table);
    output_table_free(table);
}

static void print_report(const struct reclaim_report *report, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (o->json) {
        reclaim_report_write(report, &j);
        output_json(&json);
    } else if (!o->quiet) {
        print_tables(report);
    }
}

static int run(const struct call *call, struct err *err)
{
    const struct options *o = &call->options;
    struct live live;
    struct reclaim_report report = {0};
    struct reclaim_run_params params = {.config = call->config,
                                        .database = o->database,
                                        .schema = o->schema,
                                        .table = o->table,
                                        .due = o->due,
                                        .dry_run = o->dry_run,
                                        .stop = call->stop};

    if (!command_may_write(call, "vacuum", err))
        return err_exit_code(err->kind);
    live_start(&live, call, "vacuum");
    params.run_id = live.run_id;
    params.progress = live.progress;
    params.monitor = live.monitor;
    bool ok = reclaim_run(&params, &report, err);
    int code = ok ? reclaim_exit_code(&report) : err_exit_code(err->kind);
    live_ended(&live, ok ? reclaim_report_status(&report) : "failure", code);
    if (ok)
        print_report(&report, o);
    reclaim_report_done(&report);
    live_done(&live);
    return code;
}

const struct command cmd_vacuum = {
    .name = "vacuum",
    .summary = "give back the space of rows that have left",
    .usage = "[--due] [--dry-run] [-d NAME] [-t TABLE] [FLAGS]",
    .details = "VACUUM, or VACUUM FULL where vacuum_strategy is full. --due: only where rows\n"
               "have left and nobody, autovacuum included, has vacuumed since (doc/space.md).\n"
               "Exit: 0 all well, 1 some tables failed, 130 stopped.\n\n"
               "Examples:\n"
               "  archiver-tui vacuum --due --dry-run\n"
               "  archiver-tui vacuum -t audit_logs\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_DRY_RUN | TAKES_DUE,
    .needs_config = true,
    .run = run,
};
