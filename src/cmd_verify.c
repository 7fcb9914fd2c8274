/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "output.h"
#include "verify.h"

static void each(const char *key, bool ok, void *state)
{
    (void)state;
    log_msg(LOG_INFO, "verify: %s %s", ok ? "ok" : "PROBLEM", key);
}

static void print_report(const struct verify_report *report, const struct options *o)
{
    struct buf text = BUF_INIT;
    struct json_out j = json_out(&text, 2);

    if (o->json) {
        verify_report_write(report, &j);
        output_json(&text);
        return;
    }
    for (size_t i = 0; i < report->problem_count; i++) {
        output_colored(COLOR_BAD, report->problems[i].kind, 17);
        printf(" %s: %s\n", report->problems[i].key, report->problems[i].detail);
    }
    for (size_t i = 0; i < report->orphan_count; i++) {
        output_colored(COLOR_WARN, "orphan", 17);
        printf(" %s\n", report->orphans[i]);
    }
    for (size_t i = 0; i < report->note_count; i++) {
        const struct verify_note *note = &report->notes[i];
        output_colored(COLOR_DIM, note->gone ? "lost" : "uncertain", 17);
        printf(" %s: %s\n", note->key, note->detail);
    }
    text_add_count(&text, (uint64_t)report->archives_checked);
    buf_adds(&text, " archives checked, ");
    text_add_count(&text, (uint64_t)report->rows);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, report->bytes);
    buf_addf(&text, ": %" PRId64 " ok, %zu problems, %zu orphans", report->ok,
             report->problem_count, report->orphan_count);
    puts(buf_str(&text));
    buf_done(&text);
}

static int run(const struct call *call, struct err *err)
{
    struct verify_params params = {.config = call->config,
                                   .database = call->options.database,
                                   .schema = call->options.schema,
                                   .table = call->options.table,
                                   .keys = call->args,
                                   .key_count = call->arg_count,
                                   .stop = call->stop,
                                   .each = each};
    struct verify_report report;
    int code;

    if (!verify_run(&params, &report, err))
        return err_exit_code(err->kind);
    print_report(&report, &call->options);
    code = report.problem_count + report.orphan_count > 0 ? err_exit_code(ERR_PARTIAL) : 0;
    verify_report_done(&report);
    return code;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "prove archives: sizes, checksums, counts, members, orphans",
    .usage = "[KEY...] [-d NAME] [-t TABLE] [FLAGS]",
    .details = "Reads every byte. Without KEY: all archives of the config's tables, and objects\n"
               "that belong to none. Exit 1 where there is a problem or an orphan. What archives\n"
               "of the earlier archiver no longer hold is noted as lost or uncertain.\n\n"
               "Examples:\n"
               "  archiver-tui verify -t audit_logs\n"
               "  archiver-tui verify pg/appdb/audit_logs/year=2026/.../x_batch_001.jsonl.gz\n",
    .takes = TAKES_DATABASE | TAKES_TABLE,
    .args_max = SIZE_MAX,
    .needs_config = true,
    .run = run,
};
