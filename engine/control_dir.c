/* SPDX-License-Identifier: PostgreSQL */
#include "control_dir.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "archiver-tui"

static const char *absolute(const char *variable)
{
    const char *dir = getenv(variable);

    return dir && *dir == '/' ? dir : NULL;
}

static const char *chosen_dir(void)
{
    return absolute("ARCHIVER_TUI_RUNTIME_DIR");
}

static const char *runtime_dir(void)
{
    return absolute("XDG_RUNTIME_DIR");
}

static void fallback(struct buf *path)
{
    if (geteuid() == 0)
        buf_adds(path, "/run/" NAME);
    else
        buf_addf(path, "/tmp/" NAME "-%u", (unsigned)geteuid());
}

/* A directory, no link to one, of ours, with nothing in it for others. */
static bool is_private(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0;
}

bool control_dir(struct buf *ret_path, struct err *err)
{
    buf_reset(ret_path);
    if (chosen_dir())
        buf_adds(ret_path, chosen_dir());
    else if (runtime_dir())
        buf_addf(ret_path, "%s/" NAME, runtime_dir());
    else
        fallback(ret_path);
    if (mkdir(buf_str(ret_path), 0700) != 0 && errno != EEXIST) {
        err_sys(err, ERR_PERMISSION, errno, "cannot make a directory for the run's socket");
        return err_in(err, "%s", buf_str(ret_path));
    }
    if (is_private(buf_str(ret_path)))
        return true;
    err_set(err, ERR_PERMISSION, "the directory for the run's socket is not ours alone");
    err_in(err, "%s", buf_str(ret_path));
    return err_hint(err, "it must belong to uid %u and have mode 0700", (unsigned)geteuid());
}

static void each_of(const char *pattern, control_dir_each each, void *state)
{
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        each(found.gl_pathv[i], state);
    globfree(&found);
}

/* Cron's runs have no XDG_RUNTIME_DIR, a login's have: both are looked at, each once. */
void control_dirs(control_dir_each each, void *state)
{
    struct buf own = BUF_INIT, user = BUF_INIT, other = BUF_INIT;

    if (chosen_dir()) {
        each(chosen_dir(), state);
        return;
    }
    if (geteuid() == 0) {
        each_of("/run/" NAME, each, state);
        each_of("/run/user/*/" NAME, each, state);
        each_of("/tmp/" NAME "-*", each, state);
    } else {
        fallback(&other);
        each(buf_str(&other), state);
    }
    buf_addf(&user, "/run/user/%u/" NAME, (unsigned)geteuid());
    if (geteuid() != 0 && is_private(buf_str(&user)))
        each(buf_str(&user), state);
    if (runtime_dir())
        buf_addf(&own, "%s/" NAME, runtime_dir());
    bool known = geteuid() == 0 && strncmp(buf_str(&own), "/run/user/", 10) == 0;
    if (own.len > 0 && !known && strcmp(buf_str(&own), buf_str(&user)) != 0)
        each(buf_str(&own), state);
    buf_done(&own);
    buf_done(&user);
    buf_done(&other);
}
