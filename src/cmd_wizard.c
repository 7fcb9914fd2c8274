/* SPDX-License-Identifier: PostgreSQL
 *
 * wizard: a configuration by question and answer. In the console; on a terminal too poor for it, a
 * line a question; without a terminal, by flags and an answer file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ask.h"
#include "command.h"
#include "logbook.h"
#include "output.h"
#include "setup.h"
#include "wizard.h"

/* Flags in the order given, over what the answer file says. */
static bool take_answers(const struct call *call, struct wizard *w, struct err *err)
{
    const struct options *o = &call->options;

    if (o->answers && !wizard_read(w, o->answers, err))
        return false;
    for (size_t i = 0; wizard_question(i); i++) {
        if (o->wizard[i] && !wizard_set(w, wizard_question(i)->id, o->wizard[i], err))
            return false;
    }
    return !o->tables || wizard_add_tables(w, wizard_get(w, "dbname"), o->tables, err);
}

static bool has_tables(const struct wizard *w, struct err *err)
{
    if (wizard_table_at(w, 0))
        return true;
    err_set(err, ERR_USAGE, "no table is named");
    return err_hint(err, "--tables audit_logs,audit.changes:created_at:365");
}

static void print_result(const struct wizard *w, const struct check_report *check,
                         const struct options *o)
{
    struct buf text = BUF_INIT;

    if (o->json) {
        struct json_out j = json_out(&text, 2);
        json_begin_object(&j);
        json_put_str(&j, "file", wizard_path(w));
        json_put_int(&j, "passed", (int64_t)check->passed);
        json_put_int(&j, "warned", (int64_t)check->warned);
        json_put_int(&j, "failed", (int64_t)check->failed);
        json_end(&j);
        output_json(&text);
        return;
    }
    if (!o->quiet) {
        for (size_t i = 0; i < check->count; i++) {
            const struct check_item *item = &check->items[i];
            if (item->verdict != CHECK_PASS)
                printf("%s: %s: %s: %s%s%s\n", item->verdict == CHECK_WARN ? "note" : "FAILED",
                       item->subject, item->name, item->detail, item->hint[0] ? "\n  " : "",
                       item->hint);
        }
        wizard_estimate(w, &text);
        fputs(buf_str(&text), stdout);
        printf("%s: written; of %zu checks %zu passed, %zu failed\n", wizard_path(w),
               check->passed + check->warned + check->failed, check->passed + check->warned,
               check->failed);
        printf("next: archiver-tui -c %s archive --dry-run\n", wizard_path(w));
    }
    buf_done(&text);
}

/* What is written is a configuration that loads; what its check finds is said, and the exit code.
 */
static int run_headless(const struct call *call, struct wizard *w, struct err *err)
{
    struct check_report check = {0};

    if (!has_tables(w, err) || !wizard_complete(w, err) ||
        !wizard_check(w, call->stop, &check, err))
        return err_exit_code(err->kind);
    if (!wizard_save(w, call->options.yes, err)) {
        if (err->kind == ERR_EXISTS)
            err_hint(err, "--yes writes over it; what was there is lost");
        check_report_done(&check);
        return err_exit_code(err->kind);
    }
    print_result(w, &check, &call->options);
    int code = check_exit_code(&check);
    check_report_done(&check);
    return code;
}

static int run(const struct call *call, struct err *err)
{
    struct wizard *w = wizard_new();
    bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int code;

    if (!take_answers(call, w, err)) {
        code = err_exit_code(err->kind);
    } else if (call->options.non_interactive || !terminal) {
        code = run_headless(call, w, err);
    } else if (setup_fits()) {
        logbook_open();
        code = setup_run(w, call->stop, call->options.no_color, err);
        logbook_close();
    } else {
        code = ask_run(w, call->stop, err);
    }
    wizard_free(w);
    return code;
}

const struct command cmd_wizard = {
    .name = "wizard",
    .summary = "write a configuration, question by question",
    .usage = "[-o FILE] [--non-interactive ANSWERS...] [FLAGS]",
    .details = "A flag answers a question before it is asked. --tables takes\n"
               "[SCHEMA.]NAME[:COLUMN[:DAYS]],... No password is ever written: only where it\n"
               "comes from.\n\n"
               "Examples:\n"
               "  archiver-tui wizard -o /etc/archiver-tui/config.yaml\n"
               "  archiver-tui wizard --non-interactive --host db1 --dbname app --tables logs\n",
    .takes = TAKES_WIZARD,
    .terminal = true,
    .run = run,
};
