/* SPDX-License-Identifier: PostgreSQL */
#include "detach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "output.h"

#define READY_VARIABLE "ARCHIVER_TUI_READY_FD"

extern char **environ;

/* --- the side that stays behind --- */

/* The words without --detach, which may stand anywhere before a "--". */
static char **words_without_detach(int argc, char **argv)
{
    char **words = mem_alloc((size_t)(argc + 1) * sizeof(*words));
    bool flags = true;
    int n = 0;

    for (int i = 0; i < argc; i++) {
        flags = flags && strcmp(argv[i], "--") != 0;
        if (!flags || strcmp(argv[i], "--detach") != 0)
            words[n++] = argv[i];
    }
    return words;
}

static char **environment_with(char *variable)
{
    size_t n = 0;

    while (environ[n])
        n++;
    char **variables = mem_alloc((n + 2) * sizeof(*variables));
    memcpy(variables, environ, n * sizeof(*variables));
    variables[n] = variable;
    return variables;
}

/* Between fork and exec: nothing but system calls. A second fork is not needed: a session leader
 * that opens no terminal gets none. */
static void become(char **words, char **variables, int output_fd, int null_fd)
{
    setsid();
    dup2(null_fd, STDIN_FILENO);
    dup2(output_fd, STDOUT_FILENO);
    dup2(output_fd, STDERR_FILENO);
    execve("/proc/self/exe", words, variables);
    _exit(127);
}

/* A line with the run's id, or nothing. */
static size_t wait_for_id(int fd, char *ret_id, size_t size)
{
    size_t len = 0;

    while (len < size - 1) {
        ssize_t n = read(fd, ret_id + len, size - 1 - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    while (len > 0 && ret_id[len - 1] == '\n')
        len--;
    ret_id[len] = '\0';
    return len;
}

static void print_id(const char *id, bool json)
{
    struct buf text = BUF_INIT;
    struct json_out j = json_out(&text, 2);

    if (!json) {
        puts(id);
        return;
    }
    json_begin_object(&j);
    json_put_str(&j, "run_id", id);
    json_end(&j);
    output_json(&text);
}

/* What it said before it ended, where it would have said it. */
static void pass_on(int fd, FILE *out)
{
    char bytes[4096];
    ssize_t n;

    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, bytes, sizeof(bytes))) > 0)
        fwrite(bytes, 1, (size_t)n, out);
    fflush(out);
}

static int failed(const char *what, bool json)
{
    struct err err;

    err_sys(&err, ERR_RESOURCE, errno, "%s", what);
    output_error(&err, json);
    return err_exit_code(ERR_RESOURCE);
}

int detach_run(int argc, char **argv, bool json)
{
    int ready[2], status = 0;
    int output_fd = memfd_create("output", MFD_CLOEXEC);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    char variable[64], id[64];

    if (output_fd < 0 || null_fd < 0 || pipe2(ready, O_CLOEXEC) != 0)
        return failed("cannot detach", json);
    fcntl(ready[1], F_SETFD, 0);
    snprintf(variable, sizeof(variable), READY_VARIABLE "=%d", ready[1]);
    char **words = words_without_detach(argc, argv), **variables = environment_with(variable);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        become(words, variables, output_fd, null_fd);
    free(words);
    free(variables);
    close(ready[1]);
    close(null_fd);
    if (pid < 0)
        return failed("cannot start a process", json);
    size_t len = wait_for_id(ready[0], id, sizeof(id));
    close(ready[0]);
    if (len > 0) {
        print_id(id, json);
    } else {
        waitpid(pid, &status, 0);
        pass_on(output_fd, json ? stdout : stderr);
    }
    close(output_fd);
    if (len > 0)
        return 0;
    return WIFEXITED(status) && WEXITSTATUS(status) > 0 ? WEXITSTATUS(status)
                                                        : err_exit_code(ERR_DATABASE);
}

/* --- the side that goes --- */

void detach_ready(const char *run_id)
{
    const char *text = getenv(READY_VARIABLE);
    char line[64];
    int64_t fd;

    if (!text || !text_to_int(text, &fd) || fd <= STDERR_FILENO || fd > 1024)
        return;
    unsetenv(READY_VARIABLE);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    int len = snprintf(line, sizeof(line), "%s\n", run_id);
    fflush(NULL);
    if (null_fd >= 0) {
        dup2(null_fd, STDOUT_FILENO);
        dup2(null_fd, STDERR_FILENO);
        close(null_fd);
    }
    if (write((int)fd, line, (size_t)len) != len)
        errno = 0; /* who started it is gone: the run goes on */
    close((int)fd);
}
