/* SPDX-License-Identifier: PostgreSQL
 *
 * pause, resume, stop, throttle: one request to a live run, and its answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "control_client.h"

#define ANSWER_MS 5000

static bool wait_for_answer(struct control_client *client, struct err *err)
{
    struct control_message m = {0};
    bool ok = control_next(client, ANSWER_MS, &m, err);

    if (ok && m.event == CONTROL_REFUSED) {
        ok = err_set(err, ERR_PREFLIGHT, "the run refused");
        err_why(err, "%s", m.text);
    } else if (ok && m.event == CONTROL_NOTHING) {
        ok = err_set(err, ERR_RESOURCE, "the run does not answer");
    }
    /* That it ended meanwhile is what stop wanted, and too late for the others. */
    control_message_done(&m);
    return ok;
}

/* `what`: as control_ask has it; NULL: the ceilings that the options name. */
static bool send(const struct options *o, struct control_client *client, const char *what,
                 struct err *err)
{
    if (what)
        return control_ask(client, what, err);
    return control_throttle(client, o->rows_per_second ? strtod(o->rows_per_second, NULL) : -1,
                            o->mb_per_second ? strtod(o->mb_per_second, NULL) : -1, err);
}

static int request(const struct call *call, const char *what, const char *done, struct err *err)
{
    struct control_client *client = NULL;
    struct control_run run;
    bool ok = control_find(call->arg_count > 0 ? call->args[0] : NULL, &run, err) &&
              (client = control_connect(&run, err)) && send(&call->options, client, what, err) &&
              wait_for_answer(client, err);

    control_disconnect(client);
    if (!ok)
        return err_exit_code(err->kind);
    if (!call->options.quiet)
        printf("run %s %s\n", run.run_id, done);
    return 0;
}

static int run_pause(const struct call *call, struct err *err)
{
    return request(call, "pause", "will wait before its next batch", err);
}

static int run_resume(const struct call *call, struct err *err)
{
    return request(call, "resume", "goes on", err);
}

static int run_stop(const struct call *call, struct err *err)
{
    return call->options.now ? request(call, "stop now", "rolls its batch back and ends", err)
                             : request(call, "stop", "ends after the batch in work", err);
}

static int run_throttle(const struct call *call, struct err *err)
{
    return request(call, NULL, "takes it into account from its next batch on", err);
}

static bool check_throttle(const struct call *call, struct err *err)
{
    if (call->options.rows_per_second || call->options.mb_per_second)
        return true;
    err_set(err, ERR_USAGE, "throttle: neither --rows-per-second nor --mb-per-second");
    return err_hint(err, "archiver-tui throttle --rows-per-second 5000");
}

#define RUN_NAMES                                                                                  \
    "RUN is an id, its end behind the '-', or may be left out where one run goes on.\n"

const struct command cmd_pause = {
    .name = "pause",
    .summary = "let a run wait between batches; resume lets it go on",
    .usage = "[RUN] [FLAGS]",
    .details = RUN_NAMES
    "The table's lock is kept, no transaction is open. A restore cannot be paused.\n\n"
    "Examples:\n"
    "  archiver-tui pause\n"
    "  archiver-tui pause 7f3a\n",
    .args_max = 1,
    .run = run_pause,
};

const struct command cmd_resume = {
    .name = "resume",
    .summary = "let a paused run go on",
    .hidden = true, /* pause speaks for it */
    .usage = "[RUN] [FLAGS]",
    .details = RUN_NAMES "\n"
                         "Examples:\n"
                         "  archiver-tui resume\n"
                         "  archiver-tui resume 7f3a\n",
    .args_max = 1,
    .run = run_resume,
};

const struct command cmd_stop = {
    .name = "stop",
    .summary = "end a run after its batch, or at once",
    .usage = "[RUN] [--now] [FLAGS]",
    .details =
        RUN_NAMES "Its exit code is 130, its report says stopped; the next run goes on there.\n\n"
                  "Examples:\n"
                  "  archiver-tui stop 7f3a\n"
                  "  archiver-tui stop --now\n",
    .takes = TAKES_NOW,
    .args_max = 1,
    .run = run_stop,
};

const struct command cmd_throttle = {
    .name = "throttle",
    .summary = "how fast a live run may go at most",
    .usage = "[RUN] [--rows-per-second N] [FLAGS]",
    .details =
        RUN_NAMES "For the rest of the run, on average: a batch goes as fast as it can, and the\n"
                  "next one waits. MB are millions of bytes of objects.\n\n"
                  "Examples:\n"
                  "  archiver-tui throttle --mb-per-second 5\n"
                  "  archiver-tui throttle 7f3a --rows-per-second 20000\n",
    .takes = TAKES_THROTTLE,
    .args_max = 1,
    .check = check_throttle,
    .run = run_throttle,
};
