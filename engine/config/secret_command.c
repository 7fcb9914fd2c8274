/* SPDX-License-Identifier: PostgreSQL */
#include "config/secret_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

#define REAP_POLL_MS 10

extern char **environ;

struct child {
    char *words; /* the command, cut */
    char **argv;
    int64_t deadline_us;
    pid_t pid; /* 0: not running */
    int out;   /* its standard output; -1: closed */
};

static void split(struct child *c, const char *command)
{
    size_t count = 0;
    char *word, *rest;

    c->words = rest = mem_strdup(command);
    c->argv = mem_alloc((strlen(command) / 2 + 2) * sizeof(*c->argv));
    while ((word = strsep(&rest, " \t\n"))) {
        if (*word)
            c->argv[count++] = word;
    }
}

static bool spawn(struct child *c, int in_child, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int rc;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, in_child, 1);
    /* Our threads block signals; it and what it starts are one group, to be killed as one. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    rc = posix_spawnp(&c->pid, c->argv[0], &files, &attributes, c->argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (rc == 0)
        return true;
    c->pid = 0;
    err_sys(err, ERR_CONFIG, rc, "cannot run %s", c->argv[0]);
    if (err->kind == ERR_NOT_FOUND)
        err->kind = ERR_CONFIG;
    return false;
}

static bool start(struct child *c, struct err *err)
{
    int ends[2];

    if (!c->argv[0])
        return err_set(err, ERR_CONFIG, "the command has no program");
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys(err, ERR_RESOURCE, errno, "cannot run %s", c->argv[0]);
    c->out = ends[0];
    bool ok = spawn(c, ends[1], err);
    close(ends[1]);
    return ok;
}

static bool too_late(const struct child *c, struct err *err)
{
    err_set(err, ERR_CONFIG, "%s took too long", c->argv[0]);
    return err_hint(err, "it was killed; it must not ask for anything");
}

/* Until it closes its output. */
static bool read_all(struct child *c, size_t max, struct buf *ret, struct err *err)
{
    for (;;) {
        struct pollfd fd = {.fd = c->out, .events = POLLIN};
        int64_t left_us = c->deadline_us - text_monotonic_us();
        if (left_us <= 0)
            return too_late(c, err);
        int ready = poll(&fd, 1, (int)(left_us / 1000) + 1);
        if (ready <= 0)
            continue;
        ssize_t n = read(c->out, ret->data + ret->len, max + 1 - ret->len);
        if (n < 0 && errno != EINTR)
            return err_sys(err, ERR_CONFIG, errno, "cannot read what %s prints", c->argv[0]);
        if (n == 0)
            return true;
        ret->len += n > 0 ? (size_t)n : 0;
        if (ret->len > max)
            return err_set(err, ERR_CONFIG, "%s prints more than a secret", c->argv[0]);
    }
}

static bool reap(struct child *c, struct err *err)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(c->pid, &status, WNOHANG)) == 0) {
        if (text_monotonic_us() >= c->deadline_us)
            return too_late(c, err);
        poll(NULL, 0, REAP_POLL_MS);
    }
    c->pid = 0;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    err_set(err, ERR_CONFIG, "%s failed", c->argv[0]);
    if (pid > 0 && WIFEXITED(status))
        return err_why(err, "exit %d", WEXITSTATUS(status));
    return err_why(err, "killed by signal %d", pid > 0 ? WTERMSIG(status) : 0);
}

static void child_done(struct child *c)
{
    if (c->pid > 0) {
        kill(-c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    if (c->out >= 0)
        close(c->out);
    free(c->argv);
    free(c->words);
}

bool secret_command(const char *command, int timeout_ms, size_t max, struct buf *ret,
                    struct err *err)
{
    struct child c = {.out = -1, .deadline_us = text_monotonic_us() + timeout_ms * INT64_C(1000)};

    split(&c, command);
    buf_reset(ret);
    bool ok = buf_reserve(ret, max + 1, err) && start(&c, err) && read_all(&c, max, ret, err) &&
              reap(&c, err);
    child_done(&c);
    if (ret->data)
        ret->data[ok ? ret->len : 0] = '\0';
    ret->len = ok ? ret->len : 0;
    return ok;
}
