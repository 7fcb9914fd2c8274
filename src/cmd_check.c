/* SPDX-License-Identifier: PostgreSQL */
#include <stdlib.h>

#include "check.h"
#include "command.h"
#include "output.h"

static void print_item(const struct check_item *item)
{
    static const struct {
        const char *word;
        enum output_color color;
    } verdicts[] = {
        [CHECK_PASS] = {"ok", COLOR_GOOD},
        [CHECK_WARN] = {"warn", COLOR_WARN},
        [CHECK_FAIL] = {"FAIL", COLOR_BAD},
    };

    output_colored(verdicts[item->verdict].color, verdicts[item->verdict].word, 6);
    printf("%s: %s: %s\n", item->subject, item->name, item->detail);
    if (item->hint[0])
        printf("      -> %s\n", item->hint);
}

static void print_report(const struct check_report *report, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (o->json) {
        check_report_write(report, &j);
        output_json(&json);
        return;
    }
    for (size_t i = 0; i < report->count; i++) {
        if (!o->quiet || report->items[i].verdict == CHECK_FAIL)
            print_item(&report->items[i]);
    }
    printf("%zu ok, %zu warnings, %zu failed\n", report->passed, report->warned, report->failed);
}

static int print_policy(const struct call *call, struct err *err)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    if (!check_iam_policy(call->config, &j, err))
        return err_exit_code(err->kind);
    output_json(&json);
    return 0;
}

static int run(const struct call *call, struct err *err)
{
    struct check_params params = {.config = call->config,
                                  .database = call->options.database,
                                  .schema = call->options.schema,
                                  .table = call->options.table,
                                  .stop = call->stop};
    struct check_report report;

    if (call->options.iam_policy)
        return print_policy(call, err);
    if (!check_run(&params, &report, err))
        return err_exit_code(err->kind);
    print_report(&report, &call->options);
    /* What was not tried is not well. */
    int code = stop_asked(call->stop) ? err_exit_code(ERR_INTERRUPTED) : check_exit_code(&report);
    check_report_done(&report);
    return code;
}

const struct command cmd_check = {
    .name = "check",
    .summary = "try all that a run needs: connections, rights, store",
    .usage = "[-d NAME] [-t TABLE] [--iam-policy] [FLAGS]",
    .details = "Changes nothing but a probe object, which it removes. --iam-policy asks\n"
               "nobody: it prints the least that the store's credentials must allow.\n"
               "Exit: 0 all well, 5 only rights are missing, 7 only the network fails, else 3.\n\n"
               "Examples:\n"
               "  archiver-tui check\n"
               "  archiver-tui check -t audit_logs --json\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_IAM_POLICY,
    .needs_config = true,
    .run = run,
};
