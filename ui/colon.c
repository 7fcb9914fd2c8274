/* SPDX-License-Identifier: PostgreSQL */
#include "colon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "screens.h"

extern char **environ;

enum { OUTPUT_MAX = 8 << 20, KILL_AFTER_MS = 3000 };

static const char *const own_words[] = {"overview", "quit", "tasks", "log", NULL};
/* What changes rows or objects: asked about first, and run in a process of its own. */
static const char *const writing[] = {"archive", "restore", "rollback", "recover", "stop", NULL};
static const char *const starting[] = {"archive", "restore", "rollback", NULL};

/* --- a process --- */

struct child {
    struct app *app;
    char *title;
    char **words; /* NULL-ended; the program first */
    size_t count;
    bool starts; /* prints the id of a run that goes on */
    struct buf output;
    int status;
    struct err err;
};

static void free_child(void *arg)
{
    struct child *child = arg;

    for (size_t i = 0; i < child->count; i++)
        free(child->words[i]);
    free(child->words);
    buf_done(&child->output);
    free(child->title);
    free(child);
}

static void add_word(struct child *child, const char *word)
{
    child->words = mem_grow(child->words, (child->count + 2) * sizeof(*child->words));
    child->words[child->count++] = mem_strdup(word);
    child->words[child->count] = NULL;
}

static bool spawn(struct child *child, pid_t *ret_pid, int *ret_fd)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    int fds[2], failure;

    if (pipe2(fds, O_CLOEXEC) != 0)
        return err_sys(&child->err, ERR_RESOURCE, errno, "cannot start a command");
    sigemptyset(&none);
    sigfillset(&defaults);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, fds[1], STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    failure = posix_spawn(ret_pid, "/proc/self/exe", &files, &attributes, child->words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    close(fds[1]);
    *ret_fd = fds[0];
    if (failure == 0)
        return true;
    close(fds[0]);
    return err_sys(&child->err, ERR_RESOURCE, failure, "cannot start a command");
}

/* Until it closes its end, or the task is cancelled. */
static void read_output(struct child *child, int fd, const struct stop *stop)
{
    struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = stop_fd(stop), .events = POLLIN}};
    char bytes[65536];

    while (!stop_asked(stop)) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        if (!fds[0].revents)
            continue;
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n == 0 || (n < 0 && errno != EINTR))
            return;
        if (n > 0 && child->output.len < OUTPUT_MAX)
            buf_add(&child->output, bytes, (size_t)n);
    }
}

/* Asked first, then made to. */
static void end_child(pid_t pid, int *ret_status, bool asked)
{
    for (int ms = 0; asked && ms < KILL_AFTER_MS; ms += 50) {
        if (waitpid(pid, ret_status, WNOHANG) == pid)
            return;
        kill(pid, ms == 0 ? SIGTERM : 0);
        poll(NULL, 0, 50);
    }
    if (asked)
        kill(pid, SIGKILL);
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
        ;
}

static void work(struct task *task, void *arg)
{
    struct child *child = arg;
    const struct stop *stop = task_stop(task);
    pid_t pid;
    int fd;

    if (!spawn(child, &pid, &fd))
        return;
    read_output(child, fd, stop);
    close(fd);
    end_child(pid, &child->status, stop_asked(stop));
}

/* --- what came of it --- */

static void show_output(struct app *app, struct child *child)
{
    int code = WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -1;

    if (child->output.len == 0)
        buf_adds(&child->output, code == 0 ? "done\n" : "");
    if (code != 0)
        buf_addf(&child->output, "\nexit code %d\n", code);
    app_page(app, child->title, &child->output);
}

static void done(void *owner, void *arg)
{
    struct child *child = arg;
    struct app *app = child->app;
    char *text = child->output.data;

    (void)owner;
    if (child->err.kind != ERR_NONE) {
        app_fail(app, &child->err);
        return;
    }
    if (!child->starts || child->status != 0 || !text) {
        show_output(app, child);
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    app_say(app, STYLE_GOOD, "run %s is on its way", text);
    live_open(app, text);
}

static struct child *new_child(struct app *app)
{
    struct child *child = mem_alloc(sizeof(*child));

    child->app = app;
    add_word(child, "archiver-tui");
    add_word(child, "-c");
    add_word(child, app_path(app));
    if (app_read_only(app))
        add_word(child, "--read-only");
    return child;
}

static void start_child(struct app *app, void *arg)
{
    struct child *child = arg;
    struct buf title = BUF_INIT;

    for (size_t i = app_read_only(app) ? 4 : 3; i < child->count; i++)
        buf_addf(&title, "%s%s", title.len > 0 ? " " : "", child->words[i]);
    child->title = buf_steal(&title);
    struct task_params params = {.title = child->title,
                                 .owner = app,
                                 .arg = child,
                                 .err = &child->err,
                                 .work = work,
                                 .done = done,
                                 .drop = free_child,
                                 .matters = true};
    app_say(app, STYLE_DIM, "%s %s", child->title, app_glyphs(app)->ellipsis);
    tasks_start(app_tasks(app), &params);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return true;
    }
    return false;
}

static struct child *child_of(struct app *app, const char *const *words)
{
    struct child *child = new_child(app);

    for (size_t i = 0; words[i]; i++)
        add_word(child, words[i]);
    return child;
}

void app_run_words(struct app *app, const char *const *words)
{
    start_child(app, child_of(app, words));
}

void app_start(struct app *app, const char *const *words)
{
    struct child *child = child_of(app, words);

    child->starts = true;
    add_word(child, "--detach");
    start_child(app, child);
}

/* --- the line --- */

/* Words as a shell would have them, with quotes of both kinds. False: a quote is open. */
static bool split(const char *line, struct child *child)
{
    struct buf word = BUF_INIT;
    char quote = '\0';
    bool some = false;

    for (; *line; line++) {
        if (quote ? *line == quote : *line == '"' || *line == '\'') {
            quote = quote ? '\0' : *line;
            some = true;
        } else if (*line == ' ' && !quote) {
            if (some)
                add_word(child, buf_str(&word));
            buf_reset(&word);
            some = false;
        } else {
            buf_addc(&word, *line);
            some = true;
        }
    }
    if (some)
        add_word(child, buf_str(&word));
    buf_done(&word);
    return !quote;
}

static bool run_own(struct app *app, const char *word)
{
    int64_t number;

    if (text_to_int(word, &number))
        app_go(app, (int)number);
    else if (strcmp(word, "overview") == 0)
        app_go(app, 1);
    else if (strcmp(word, "runs") == 0)
        app_go(app, 2);
    else if (strcmp(word, "q") == 0 || strcmp(word, "quit") == 0 || strcmp(word, "q!") == 0)
        app_quit(app);
    else if (strcmp(word, "tasks") == 0)
        tasks_open(app);
    else if (strcmp(word, "log") == 0)
        app_log(app);
    else
        return false;
    return true;
}

static void ask_first(struct app *app, struct child *child, const char *line)
{
    char *text = mem_printf("archiver-tui %s", line);
    struct app_question question = {.title = "Run this?",
                                    .text = text,
                                    .verb = "run it",
                                    .key = 'y',
                                    .yes = start_child,
                                    .drop = free_child,
                                    .arg = child};

    app_ask(app, &question);
    free(text);
}

void colon_run(struct app *app, const char *line, const char *const *commands)
{
    if (!app_path(app)) {
        app_say(app, STYLE_WARN, "there is no configuration yet");
        return;
    }
    struct child *child = new_child(app);
    size_t first = child->count;
    bool whole = split(line, child);
    const char *word = child->count > first ? child->words[first] : "";

    if (!whole) {
        app_say(app, STYLE_BAD, "a quote is not closed: %s", line);
    } else if (*word && !(child->count == first + 1 && run_own(app, word))) {
        if (!is_one_of(word, commands)) {
            app_say(app, STYLE_BAD, "there is no command \"%s\" (Tab shows them)", word);
        } else {
            bool dry = is_one_of("--dry-run", (const char *const *)child->words + first);
            child->starts = !dry && is_one_of(word, starting);
            if (child->starts)
                add_word(child, "--detach");
            if (is_one_of(word, writing) && !dry)
                ask_first(app, child, line);
            else
                start_child(app, child);
            return;
        }
    }
    free_child(child);
}

const char *colon_complete(const char *line, int start, const char *word, size_t n, void *state)
{
    const char *const *commands = state;
    size_t len = strlen(word);

    (void)line;
    if (start > 0)
        return NULL;
    for (size_t i = 0; commands[i]; i++) {
        if (strncmp(commands[i], word, len) == 0 && n-- == 0)
            return commands[i];
    }
    for (size_t i = 0; own_words[i]; i++) {
        if (strncmp(own_words[i], word, len) == 0 && n-- == 0)
            return own_words[i];
    }
    return NULL;
}
