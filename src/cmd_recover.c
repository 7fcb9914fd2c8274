/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdlib.h>

#include "command.h"
#include "output.h"
#include "recover.h"
#include "rewrap.h"

static enum output_color color_of(enum recover_verdict verdict)
{
    switch (verdict) {
    case RECOVER_SETTLED:
        return COLOR_GOOD;
    case RECOVER_UNDECIDED:
        return COLOR_BAD;
    default:
        return COLOR_WARN;
    }
}

static void print_report(const struct recover_report *report, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (o->json) {
        recover_report_write(report, &j);
        output_json(&json);
        return;
    }
    if (o->quiet)
        return;
    for (size_t i = 0; i < report->count; i++) {
        const struct recover_batch *b = &report->batches[i];
        output_colored(color_of(b->verdict), recover_verdict_name(b->verdict), 12);
        printf("%s: %s\n", b->key, b->detail);
    }
    printf("%" PRId64 " tables looked at, %" PRId64 " batches settled, %" PRId64
           " removed, %" PRId64 " left; %" PRIu64 " stale files and uploads removed\n",
           report->tables - report->tables_failed, report->settled, report->removed, report->left,
           report->swept);
    if (report->spool.uploaded + report->spool.dropped + report->spool.waiting > 0)
        printf("%" PRId64 " spooled batches archived, %" PRId64 " dropped, %" PRId64 " waiting\n",
               report->spool.uploaded, report->spool.dropped, report->spool.waiting);
    if (report->indexes_put_back > 0 || report->indexes_left > 0)
        printf("%" PRId64 " indexes that a restore had set aside are put back, %" PRId64 " left\n",
               report->indexes_put_back, report->indexes_left);
}

static int exit_code(const struct recover_report *report, struct err *err)
{
    if (report->tables_failed > 0) {
        *err = report->err;
        return report->tables_failed == report->tables ? err_exit_code(err->kind)
                                                       : err_exit_code(ERR_PARTIAL);
    }
    return report->left > 0 || report->indexes_left > 0 ? err_exit_code(ERR_PARTIAL) : 0;
}

/* --- other keys --- */

static void print_rewrapped(const struct rewrap_report *report, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (o->json) {
        rewrap_report_write(report, &j);
        output_json(&json);
        return;
    }
    if (o->quiet)
        return;
    for (size_t i = 0; i < report->failed; i++) {
        output_colored(COLOR_BAD, "failed", 12);
        printf("%s: %s\n", report->failures[i].key, report->failures[i].detail);
    }
    printf("key %s: %" PRId64 " data keys wrapped by it now, %" PRId64 " before, %zu failed\n",
           report->key_id, report->rewrapped, report->current, report->failed);
}

static int rewrap(const struct call *call, struct err *err)
{
    struct rewrap_params params = {.config = call->config,
                                   .database = call->options.database,
                                   .schema = call->options.schema,
                                   .table = call->options.table,
                                   .stop = call->stop};
    struct rewrap_report report;
    int code = 0;

    if (!rewrap_run(&params, &report, err)) {
        rewrap_report_done(&report);
        return err_exit_code(err->kind);
    }
    print_rewrapped(&report, &call->options);
    if (report.failed > 0) {
        *err = report.err;
        code = err_exit_code(ERR_PARTIAL);
    }
    if (call->options.json)
        err->kind = ERR_NONE; /* the document has said it */
    rewrap_report_done(&report);
    return code;
}

/* --- batches --- */

static int run(const struct call *call, struct err *err)
{
    struct recover_params params = {.config = call->config,
                                    .database = call->options.database,
                                    .schema = call->options.schema,
                                    .table = call->options.table,
                                    .rebuild = call->options.rebuild_catalog,
                                    .offline = call->options.offline,
                                    .stop = call->stop};
    struct recover_report report;

    if (call->options.read_only || call->config->read_only) {
        err_set(err, ERR_PERMISSION, "recover is refused: read-only");
        err_hint(err, "leave out --read-only and read_only: true");
        return err_exit_code(err->kind);
    }
    if (call->options.rewrap)
        return rewrap(call, err);
    if (!recover_run(&params, &report, err))
        return err_exit_code(err->kind);
    print_report(&report, &call->options);
    int code = exit_code(&report, err);
    if (stop_asked(call->stop))
        code = err_exit_code(ERR_INTERRUPTED);
    if (call->options.json)
        err->kind = ERR_NONE; /* the document has said it */
    recover_report_done(&report);
    return code;
}

static bool check(const struct call *call, struct err *err)
{
    if (call->options.rewrap && (call->options.rebuild_catalog || call->options.offline)) {
        err_set(err, ERR_USAGE, "recover: --rewrap goes alone");
        return err_hint(err, "it decides nothing about batches: run recover for that");
    }
    if (!call->options.offline || call->options.rebuild_catalog)
        return true;
    err_set(err, ERR_USAGE, "recover: --offline goes with --rebuild-catalog");
    return err_hint(err, "without it, a database has to say what became of a batch");
}

const struct command cmd_recover = {
    .name = "recover",
    .summary = "settle or remove what a crash left unsettled",
    .usage = "[-d NAME] [-t TABLE] [FLAGS]",
    .details = "Every run does this first, and archives what waited in s3.spool_dir. Exit 1\n"
               "where a batch is left that cannot be decided, or an index that a restore had set\n"
               "aside and that cannot be put back.\n"
               "--rebuild-catalog reads the bucket and removes nothing (doc/disaster.md).\n"
               "--rewrap alone: after a change of the encryption key, data keys are wrapped by\n"
               "the new one; no data is read, no database asked (doc/encryption.md).\n\n"
               "Examples:\n"
               "  archiver-tui recover --rebuild-catalog -t audit_logs\n"
               "  archiver-tui recover -d appdb --json\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_REBUILD,
    .needs_config = true,
    .check = check,
    .run = run,
};
