/* SPDX-License-Identifier: PostgreSQL */
#include "store/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

#define OUT_BYTES_MAX ((size_t)64 << 10)
#define WORDS_MAX     64
#define LOOK_MS       50 /* how often an ended program and a stop are looked for */

extern char **environ;

/* Cuts `line` into words in place; NULL behind the last. */
static bool split(char *line, char **words, struct err *err)
{
    size_t count = 0;
    char *to = line, quote = '\0';
    bool open = false;

    for (char *c = line; *c; c++) {
        bool blank = !quote && (*c == ' ' || *c == '\t');
        if (blank && open) {
            *to++ = '\0';
            open = false;
        }
        if (blank)
            continue;
        if (!open) {
            if (count == WORDS_MAX - 1)
                return err_set(err, ERR_CONFIG, "credential_process: too many words");
            words[count++] = to;
            open = true;
        }
        if (quote ? *c == quote : *c == '\'' || *c == '"') {
            quote = quote ? '\0' : *c;
            continue;
        }
        if (*c == '\\' && quote != '\'' && c[1])
            c++;
        *to++ = *c;
    }
    *to = '\0';
    words[count] = NULL;
    if (quote)
        return err_set(err, ERR_CONFIG, "credential_process: a quote is not closed");
    return count > 0 || err_set(err, ERR_CONFIG, "credential_process: no program");
}

/* In a group of its own, so that what it starts can be ended too; with no signal held back, since
 * ours are. */
static bool start(char **words, int out, pid_t *ret_pid, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    int code = posix_spawnp(ret_pid, words[0], &files, &attr, words, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return code == 0 || err_sys(err, ERR_CONFIG, code, "cannot run %s", words[0]);
}

/* What is left to read now; *ret_end at the end of it. */
static bool take(int fd, struct buf *out, bool *ret_end, struct err *err)
{
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof(bytes));

    if (n < 0)
        return errno == EINTR || errno == EAGAIN ||
               err_sys(err, ERR_PERMISSION, errno, "cannot read what it prints");
    *ret_end = n == 0;
    buf_add(out, bytes, (size_t)n);
    explicit_bzero(bytes, sizeof(bytes));
    return out->len <= OUT_BYTES_MAX ||
           err_set(err, ERR_PERMISSION, "credential_process prints too much");
}

/* Until the program ended; false where it has to be killed. */
static bool follow(pid_t pid, int fd, int64_t until_us, const struct stop *stop, struct buf *out,
                   int *ret_status, struct err *err)
{
    bool end = false;

    for (;;) {
        struct pollfd wait = {.fd = end ? -1 : fd, .events = POLLIN};
        if (poll(&wait, 1, LOOK_MS) > 0 && !take(fd, out, &end, err))
            return false;
        if (end && waitpid(pid, ret_status, WNOHANG) == pid)
            return true;
        if (stop_now(stop))
            return err_set(err, ERR_INTERRUPTED, "interrupted while credential_process ran");
        if (text_monotonic_us() > until_us) {
            err_set(err, ERR_PERMISSION, "no keys from credential_process");
            return err_why(err, "it does not end in time");
        }
    }
}

static bool judge(int status, struct err *err)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    err_set(err, ERR_PERMISSION, "no keys from credential_process");
    err_hint(err, "run it by hand: it says why");
    return err_why(err, WIFEXITED(status) ? "it ended with exit code %d" : "it ended by signal %d",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

bool process_run(const char *line, int timeout_s, const struct stop *stop, struct buf *ret_out,
                 struct err *err)
{
    char *text = mem_strdup(line), *words[WORDS_MAX];
    int64_t until_us = text_monotonic_us() + (int64_t)timeout_s * 1000000;
    int out[2] = {-1, -1}, status = 0;
    pid_t pid = 0;
    bool ok = false;

    if (!split(text, words, err))
        goto out;
    if (pipe2(out, O_CLOEXEC | O_NONBLOCK) != 0) {
        err_sys(err, ERR_RESOURCE, errno, "cannot make a pipe");
        goto out;
    }
    /* The program's end waits as any program's output does. */
    fcntl(out[1], F_SETFL, 0);
    ok = start(words, out[1], &pid, err);
    close(out[1]);
    out[1] = -1;
    if (!ok)
        goto out;
    ok = follow(pid, out[0], until_us, stop, ret_out, &status, err);
    if (ok) {
        ok = judge(status, err);
    } else {
        kill(-pid, SIGKILL);
        waitpid(pid, &status, 0);
    }
    if (!ok)
        err_in(err, "%s", words[0]);
out:
    if (out[0] >= 0)
        close(out[0]);
    if (out[1] >= 0)
        close(out[1]);
    free(text);
    return ok;
}
