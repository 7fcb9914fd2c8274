/* SPDX-License-Identifier: PostgreSQL */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read(const char *path, size_t most, struct buf *ret_bytes, struct err *err)
{
    char bytes[65536];
    size_t start = ret_bytes->len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;

    while (fd >= 0 && ret_bytes->len - start <= most && (n = read(fd, bytes, sizeof(bytes))) > 0)
        buf_add(ret_bytes, bytes, (size_t)n);
    if (n < 0)
        err_sys(err, ERR_CONFIG, errno, "cannot read %s", path);
    else if (n > 0)
        err_set(err, ERR_CONFIG, "%s is larger than %zu bytes", path, most);
    if (fd >= 0)
        close(fd);
    return n == 0;
}

static bool fill(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool keep_mode(int fd, const char *path)
{
    struct stat as;

    if (stat(path, &as) != 0 || fchmod(fd, as.st_mode & 07777) != 0)
        return false;
    /* Only root may give it away; anybody else owns it already or could not have written it. */
    return fchown(fd, as.st_uid, as.st_gid) == 0 || errno == EPERM;
}

static bool write_temp(const struct file_params *p, const char *temp, const void *bytes, size_t len)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, p->keep_mode ? 0600 : p->mode);

    if (fd < 0)
        return false;
    bool ok = (!p->keep_mode || keep_mode(fd, p->path)) && fill(fd, bytes, len) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    int failure = errno;
    if (!ok)
        unlink(temp);
    errno = failure;
    return ok;
}

bool file_write(const struct file_params *p, const void *bytes, size_t len, struct err *err)
{
    char *temp = mem_printf("%s.%ld.tmp", p->path, (long)getpid());
    bool written = write_temp(p, temp, bytes, len), ok = written;

    /* link does not replace what came there meanwhile. */
    if (written)
        ok = p->never_over ? link(temp, p->path) == 0 : rename(temp, p->path) == 0;
    if (!ok)
        err_sys(err, ERR_RESOURCE, errno, "cannot write %s", p->path);
    if (written && (!ok || p->never_over))
        unlink(temp);
    free(temp);
    return ok;
}

bool file_state_path(const char *name, struct buf *ret_path)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (state && *state == '/')
        buf_addf(ret_path, "%s/archiver-tui/", state);
    else if (home && *home == '/')
        buf_addf(ret_path, "%s/.local/state/archiver-tui/", home);
    else
        return false;
    for (char *slash = strchr(ret_path->data + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(ret_path->data, 0700); /* what cannot be made shows when the file is */
        *slash = '/';
    }
    buf_adds(ret_path, name);
    return true;
}
