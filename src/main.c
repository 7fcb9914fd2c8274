/* SPDX-License-Identifier: PostgreSQL
 *
 * argv -> command -> exit code. Signals are taken by one thread: asked once, a run finishes its
 * batch; asked twice, it rolls it back. SIGHUP never stops anything.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "command.h"
#include "detach.h"
#include "output.h"

/* --- signals --- */

struct signals {
    struct stop *stop;
    const struct call *call;
    sigset_t set;
    atomic_bool over; /* main is done */
};

static void *signal_thread(void *arg)
{
    struct signals *signals = arg;
    int number;

    sigset_t all;

    pthread_setname_np(pthread_self(), "signals");
    sigfillset(&all); /* what the console handles itself, its own thread does */
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (sigwait(&signals->set, &number) == 0) {
        if (atomic_load(&signals->over))
            break;
        if (number == SIGUSR1) /* of somebody else: not ours to act on */
            continue;
        if (number == SIGHUP && !atomic_load(&signals->call->hangup_stops))
            continue;
        bool again = stop_asked(signals->stop);
        log_msg(LOG_WARN, again ? "stopping at once: the batch in work is rolled back"
                                : "stopping after the batch in work; once more stops at once");
        stop_ask(signals->stop, again);
    }
    return NULL;
}

/* Blocked here, before there is any other thread, so that they all inherit it. */
static void block_signals(struct signals *signals)
{
    sigemptyset(&signals->set);
    sigaddset(&signals->set, SIGINT);
    sigaddset(&signals->set, SIGTERM);
    sigaddset(&signals->set, SIGHUP);
    sigaddset(&signals->set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &signals->set, NULL);
    signal(SIGPIPE, SIG_IGN); /* sockets and `| head` are errors of a write, not the end */
}

/* --- config and log --- */

static enum log_level level_of(const struct options *o, const struct config *config)
{
    enum log_level level = LOG_INFO;

    if (o->log_level)
        log_level_from(o->log_level, &level);
    else if (o->quiet)
        level = LOG_ERROR;
    else if (o->verbose > 0)
        level = o->verbose == 1 ? LOG_INFO : o->verbose == 2 ? LOG_DEBUG : LOG_TRACE;
    else if (!config || !log_level_from(config->logging.level, &level))
        level = LOG_WARN;
    return level;
}

static bool open_log(const struct options *o, const struct config *config, bool painting,
                     struct err *err)
{
    const char *format = o->log_format ? o->log_format : config ? config->logging.format : "text";
    struct log_params params = {
        .level = level_of(o, config),
        .json = format && strcmp(format, "json") == 0,
        .file = o->log_file ? o->log_file
                : config    ? config->logging.file
                            : NULL,
    };

    if (!params.file && painting) /* who paints keeps the lines itself */
        params.file = "/dev/null";

    return log_open(&params, err);
}

static bool load_config(struct call *call, bool painting, struct err *err)
{
    char *path = config_find(call->options.config, err);

    if (!path)
        return false;
    call->config = config_load(path, err);
    free(path);
    if (!call->config || !open_log(&call->options, call->config, painting, err))
        return false;
    for (size_t i = 0; i < call->config->warning_count; i++)
        log_msg(LOG_WARN, "%s", call->config->warnings[i]);
    return true;
}

/* --- one command --- */

static int run_command(const struct command *command, struct call *call)
{
    struct err err = ERR_INIT;
    int code = 0;
    bool painting = command->terminal && !call->options.non_interactive && isatty(STDOUT_FILENO);

    atomic_store(&call->hangup_stops, painting);
    if (!command->needs_config && !open_log(&call->options, NULL, painting, &err))
        code = err_exit_code(err.kind);
    else if (command->needs_config && !load_config(call, painting, &err))
        code = err_exit_code(err.kind);
    else
        code = command->run(call, &err);
    log_close();
    if (err.kind != ERR_NONE)
        output_error(&err, call->options.json);
    config_free(call->config);
    return code;
}

/* A wrong word may stand before --json, so the words themselves are asked. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

/* The console where there is a terminal to show it on; without a configuration, the wizard. */
static int no_command(struct call *call)
{
    struct err err;

    if (!call->options.json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        char *path = config_find(call->options.config, &err);
        bool none = !path && !call->options.config && !getenv("ARCHIVER_CONFIG");
        free(path);
        return run_command(none ? &cmd_wizard : &cmd_console, call);
    }
    err_set(&err, ERR_USAGE, "no command given");
    err_hint(&err, "archiver-tui help");
    output_error(&err, call->options.json);
    if (!call->options.json)
        command_print_help(NULL, stderr);
    return err_exit_code(err.kind);
}

static int dispatch(int argc, char **argv, struct call *call)
{
    const struct command *command;
    struct err err = ERR_INIT;

    if (!command_parse(argc, argv, &command, call, &err)) {
        output_error(&err, wants_json(argc, argv));
        return err_exit_code(err.kind);
    }
    output_setup(&call->options);
    if (call->options.version) {
        puts("archiver-tui " PACKAGE_VERSION);
        return 0;
    }
    if (call->options.help) {
        command_print_help(command, stdout);
        return 0;
    }
    if (call->options.detach)
        return detach_run(argc, argv, call->options.json);
    return command ? run_command(command, call) : no_command(call);
}

/* stdio forgets why a write failed; a pipe still says that nobody reads it any more. */
static bool reader_left(void)
{
    struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&fd, 1, 0) == 1 && (fd.revents & (POLLERR | POLLHUP)) != 0;
}

/* What was printed has to be all there; a reader who went away early is no failure. */
static int flush_stdout(int code)
{
    struct err err;
    bool failed = ferror(stdout);

    errno = 0;
    failed = fflush(stdout) != 0 || failed;
    if (!failed || code != 0 || errno == EPIPE || reader_left())
        return code;
    if (errno == 0) /* an earlier write failed; its reason is gone */
        err_set(&err, ERR_RESOURCE, "cannot write to stdout");
    else
        err_sys(&err, ERR_RESOURCE, errno, "cannot write to stdout");
    output_error(&err, false);
    return err_exit_code(ERR_RESOURCE);
}

int main(int argc, char **argv)
{
    struct signals signals = {.stop = stop_new()};
    struct call call = {.stop = signals.stop};

    signals.call = &call;
    pthread_t thread;

    block_signals(&signals);
    if (pthread_create(&thread, NULL, signal_thread, &signals) != 0) {
        fputs("archiver-tui: no thread for signals can be had\n", stderr);
        return err_exit_code(ERR_RESOURCE);
    }
    int code = dispatch(argc, argv, &call);
    atomic_store(&signals.over, true);
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    stop_free(signals.stop);
    command_done(&call);
    return flush_stdout(code);
}
