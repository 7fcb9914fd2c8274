/* SPDX-License-Identifier: PostgreSQL */
#include "runlock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

enum { TRY_AGAIN_MS = 250 };

static bool refused(const char *path, int number, struct err *err)
{
    err_sys(err, ERR_CONFIG, number, "cannot lock the file %s", path);
    if (err->kind == ERR_NOT_FOUND)
        err->kind = ERR_CONFIG;
    return err_hint(err, "correct lock_file, or make its directory");
}

/* What the holder wrote: one line. */
static bool held(int fd, const char *path, struct err *err)
{
    char text[256];
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    err_set(err, ERR_LOCKED, "another run holds the file %s", path);
    err_why(err, "%s", *text ? text : "it does not say who it is");
    return err_hint(err, "wait for it to end, or stop it");
}

/* Who looks for the holder finds it; where the disk is full, nothing. */
static void sign(int fd, const char *run_id)
{
    char host[256] = "";
    struct buf line = BUF_INIT;

    gethostname(host, sizeof(host) - 1);
    buf_addf(&line, "run %s, process %ld on %s, since ", run_id, (long)getpid(), host);
    text_add_time(&line, text_now_us() / 1000000 * 1000000);
    buf_addc(&line, '\n');
    if (ftruncate(fd, 0) < 0 || pwrite(fd, line.data, line.len, 0) < 0)
        log_msg(LOG_WARN, "cannot write into the lock file: %s", strerror(errno));
    buf_done(&line);
}

static bool try_until(int fd, const struct runlock_params *params, struct err *err)
{
    struct pollfd stop = {.fd = stop_fd(params->stop), .events = POLLIN};
    int64_t end = text_monotonic_us() + (int64_t)(params->wait_s * 1e6);

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return refused(params->path, errno, err);
        if (stop_asked(params->stop))
            return err_set(err, ERR_INTERRUPTED, "the operator stopped the run");
        if (text_monotonic_us() >= end)
            return held(fd, params->path, err);
        poll(&stop, 1, TRY_AGAIN_MS);
    }
    return true;
}

bool runlock_take(const struct runlock_params *params, int *ret_fd, struct err *err)
{
    *ret_fd = -1;
    if (!params->path)
        return true;
    int fd = open(params->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return refused(params->path, errno, err);
    if (!try_until(fd, params, err)) {
        close(fd);
        return false;
    }
    sign(fd, params->run_id);
    *ret_fd = fd;
    return true;
}

void runlock_release(int fd)
{
    if (fd >= 0)
        close(fd);
}
