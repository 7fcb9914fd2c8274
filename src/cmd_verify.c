/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

static void print_findings(const struct verify_finding *list, size_t count, bool notes)
{
    for (size_t i = 0; i < count; i++) {
        output_colored(notes ? COLOR_WARN : COLOR_BAD, list[i].kind, 17);
        printf(" %s: %s\n", list[i].key, list[i].detail);
    }
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
    print_findings(report->problems, report->problem_count, false);
    print_findings(report->notes, report->note_count, true);
    for (size_t i = 0; i < report->orphan_count; i++) {
        output_colored(COLOR_WARN, "orphan", 17);
        printf(" %s\n", report->orphans[i]);
    }
    text_add_count(&text, (uint64_t)report->archives_checked);
    buf_adds(&text, " archives checked, ");
    text_add_count(&text, (uint64_t)report->rows);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, report->bytes);
    if (o->keys) {
        buf_adds(&text, ", ");
        text_add_count(&text, (uint64_t)report->keys_looked_up);
        buf_adds(&text, " keys looked up");
    }
    for (size_t i = 0; i < report->key_use_count; i++) {
        buf_adds(&text, ", ");
        text_add_count(&text, report->key_uses[i].archives);
        buf_addf(&text, " opened with key %s", report->key_uses[i].id);
    }
    buf_addf(&text, ": %" PRId64 " ok, %zu problems, %zu notes, %zu orphans", report->ok,
             report->problem_count, report->note_count, report->orphan_count);
    puts(buf_str(&text));
    buf_done(&text);
}

static enum verify_lookup lookup_of(const struct options *o)
{
    if (!o->keys)
        return LOOKUP_NONE;
    return strcmp(o->keys, "all") == 0 ? LOOKUP_ALL : LOOKUP_SAMPLE;
}

static int run(const struct call *call, struct err *err)
{
    struct verify_params params = {.config = call->config,
                                   .database = call->options.database,
                                   .schema = call->options.schema,
                                   .table = call->options.table,
                                   .keys = call->args,
                                   .key_count = call->arg_count,
                                   .deep = call->options.deep,
                                   .lookup = lookup_of(&call->options),
                                   .stop = call->stop,
                                   .each = each};
    struct verify_report report;
    int code;

    if (!verify_run(&params, &report, err)) {
        verify_report_done(&report);
        return err_exit_code(err->kind);
    }
    code = report.problem_count + report.orphan_count > 0 ? err_exit_code(ERR_PARTIAL) : 0;
    if (call->options.html && !verify_write_page(&params, &report, call->options.html, err))
        code = err_exit_code(err->kind);
    else
        print_report(&report, &call->options);
    verify_report_done(&report);
    return code;
}

const struct command cmd_verify = {
    .name = "verify",
    .summary = "prove archives: sizes, checksums, counts, members, orphans",
    .usage = "[KEY...] [-d NAME] [-t TABLE] [FLAGS]",
    .details = "Reads every byte. Without KEY: all archives of the config's tables, and objects\n"
               "that belong to none. Exit 1 where there is a problem or an orphan; notes (rows\n"
               "that a restore brought back, columns that changed) are none.\n\n"
               "Examples:\n"
               "  archiver-tui verify -t audit_logs --deep --keys sample --html report.html\n"
               "  archiver-tui verify pg/appdb/audit_logs/year=2026/.../x_batch_001.jsonl.gz\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_PROOFS,
    .args_max = SIZE_MAX,
    .needs_config = true,
    .run = run,
};
