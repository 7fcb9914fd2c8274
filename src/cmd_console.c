/* SPDX-License-Identifier: PostgreSQL
 *
 * The console: what the program is without a command, on a terminal.
 */
#include "app.h"
#include "command.h"
#include "logbook.h"

enum { COMMANDS_MAX = 64 };

static int run(const struct call *call, struct err *err)
{
    const char *names[COMMANDS_MAX + 1] = {0};
    struct app_params params = {.config = call->config,
                                .stop = call->stop,
                                .read_only = call->options.read_only || call->config->read_only,
                                .no_color = call->options.no_color,
                                .commands = names};

    for (size_t i = 0, n = 0; n < COMMANDS_MAX && command_at(i); i++) {
        if (command_at(i) != &cmd_console && !command_at(i)->hidden)
            names[n++] = command_at(i)->name;
    }
    logbook_open();
    int code = app_run(&params, err);
    logbook_close();
    return code;
}

const struct command cmd_console = {
    .name = "console",
    .summary = "the console on this terminal (also: no command)",
    .usage = "[--read-only] [--no-color] [FLAGS]",
    .details = "? shows the keys of each screen. Runs that it starts go on without it.\n"
               "Exit: 0, 2 where stdin or stdout is no terminal, 3 configuration.\n\n"
               "Examples:\n"
               "  archiver-tui\n"
               "  archiver-tui console --read-only -c prod.yaml\n",
    .needs_config = true,
    .terminal = true,
    .hidden = true,
    .run = run,
};
