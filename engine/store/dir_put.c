/* SPDX-License-Identifier: PostgreSQL
 *
 * How an object becomes durable, and what a crash leaves at each step:
 *
 *   1. directories made, each fsynced into its parent     empty directories
 *   2. temporary file written and fsynced                 a temporary file: swept
 *   3. read back, size and SHA-256 compared               a temporary file: swept
 *   4. link(temporary, name): never replaces              object and temporary file: swept
 *   5. temporary name unlinked                            the object
 *   6. directory fsynced                                  the object, durable: put_end is true
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/text.h"
#include "store/dir_part.h"

#define WRITE_BYTES ((size_t)1 << 20)

struct dir_put {
    struct store_put put;
    char *path;   /* final name */
    char *parent; /* its directory */
    char *temp;   /* name while written */
    int fd;       /* -1 once closed */
    bool temp_made;
    uint64_t size;
    struct text_digest *digest;
    struct buf pending; /* at most WRITE_BYTES not yet written */
};

static bool durable_known(struct dir *dir, const char *path)
{
    bool known = false;

    pthread_mutex_lock(&dir->lock);
    for (size_t i = 0; i < DIR_DURABLE_SLOTS && !known; i++)
        known = dir->durable[i] && strcmp(dir->durable[i], path) == 0;
    pthread_mutex_unlock(&dir->lock);
    return known;
}

static void durable_remember(struct dir *dir, const char *path)
{
    char *copy = mem_strdup(path);

    pthread_mutex_lock(&dir->lock);
    char **slot = &dir->durable[dir->durable_next++ % DIR_DURABLE_SLOTS];
    free(*slot);
    *slot = copy;
    pthread_mutex_unlock(&dir->lock);
}

/* Makes `path` and what is missing above it. Below the root every level is fsynced into its parent
 * even where it was there: another process may have made it a moment ago and not synced it yet. */
static bool make_dirs(struct dir *dir, const char *path, struct err *err)
{
    struct stat st;

    if (durable_known(dir, path) && stat(path, &st) == 0)
        return true;
    bool made = mkdir(path, 0700) == 0;
    char *parent = dir_parent_of(path);
    bool ok = true;

    if (!made && errno == ENOENT && strcmp(parent, path) != 0) {
        ok = make_dirs(dir, parent, err);
        made = ok && mkdir(path, 0700) == 0;
    }
    if (ok && !made && errno != EEXIST)
        ok = err_sys(err, ERR_STORE, errno, "cannot make directory %s", path);
    if (ok && !made && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
        ok = err_sys(err, ERR_STORE, ENOTDIR, "cannot make directory %s", path);
    bool below = strncmp(path, dir->root, strlen(dir->root)) == 0;
    bool inside = below && strcmp(path, dir->root) != 0;
    if (ok && !made && inside)
        ok = make_dirs(dir, parent, err);
    if (ok && (made || below)) {
        ok = dir_sync(parent, err);
        /* The root stands in a directory that may not be ours to open. */
        if (!ok && !made && !inside && err->kind == ERR_PERMISSION)
            ok = true;
    }
    if (ok && below)
        durable_remember(dir, path);
    free(parent);
    return ok;
}

static bool make_temp(struct dir *dir, struct dir_put *put, struct err *err)
{
    for (int tries = 0; tries < 1000; tries++) {
        unsigned n = atomic_fetch_add(&dir->counter, 1);
        free(put->temp);
        put->temp = mem_printf("%s/" DIR_TEMP_PREFIX "%s-%ld-%u", put->parent, dir->host,
                               (long)getpid(), n);
        put->fd = open(put->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (put->fd >= 0) {
            put->temp_made = true;
            return true;
        }
        /* EEXIST: left by a dead process that had our number */
        if (errno != EEXIST)
            break;
    }
    return err_sys(err, ERR_STORE, errno, "cannot create %s", put->temp);
}

static void put_free(struct dir_put *put)
{
    if (put->fd >= 0)
        close(put->fd);
    if (put->temp_made)
        unlink(put->temp);
    text_digest_free(put->digest);
    buf_done(&put->pending);
    free(put->path);
    free(put->parent);
    free(put->temp);
    free(put);
}

static bool taken(const struct dir *dir, const char *key, struct err *err)
{
    err_set(err, ERR_EXISTS, "object exists already: %s", key);
    return err_in(err, "%s", dir->store.name);
}

struct store_put *dir_put(struct store *store, const struct store_put_params *params,
                          struct err *err)
{
    struct dir *dir = (struct dir *)store;
    struct dir_put *put = mem_alloc(sizeof(*put));
    struct stat st;

    put->fd = -1;
    put->path = dir_path_of(dir, params->key);
    put->parent = dir_parent_of(put->path);
    put->digest = text_digest_new();
    /* Known now, so the work of writing is saved; step 4 is what guarantees it. */
    if (!params->overwrite && lstat(put->path, &st) == 0) {
        taken(dir, params->key, err);
        goto out;
    }
    if (!make_dirs(dir, put->parent, err) || !make_temp(dir, put, err)) {
        err_in(err, "%s, object %s", store->name, params->key);
        goto out;
    }
    return &put->put;
out:
    put_free(put);
    return NULL;
}

static bool write_all(struct dir_put *put, const char *bytes, size_t len, struct err *err)
{
    if (!fault_point("dir.write", err))
        return false;
    while (len > 0) {
        ssize_t n = write(put->fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_STORE, errno, "cannot write %s", put->temp);
        bytes += n;
        len -= (size_t)n;
        atomic_fetch_add(&put->put.store->bytes_sent, (uint64_t)n);
    }
    return true;
}

/* Sets the disk to work while the rest is being made, so that fsync finds less to wait for. No more
 * than that: it waits for nothing and takes no error away from fsync, which alone is believed. */
static void begin_writeback(const struct dir_put *put)
{
#ifdef SYNC_FILE_RANGE_WRITE
    sync_file_range(put->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
#else
    (void)put;
#endif
}

static bool put_flush(struct dir_put *put, struct err *err)
{
    bool ok = put->pending.len == 0 || write_all(put, put->pending.data, put->pending.len, err);

    buf_reset(&put->pending);
    if (ok)
        begin_writeback(put);
    return ok;
}

bool dir_put_add(struct store_put *base, const char *bytes, size_t len, struct err *err)
{
    struct dir_put *put = (struct dir_put *)base;
    bool ok = true;

    /* The small files settle what was done already; they are written even then. */
    if (!base->small && stop_now(base->store->stop))
        return err_set(err, ERR_INTERRUPTED, "interrupted while writing %s", base->key);
    text_digest_add(put->digest, bytes, len);
    put->size += len;
    if (put->pending.len + len > WRITE_BYTES)
        ok = put_flush(put, err);
    if (ok && len >= WRITE_BYTES)
        ok = write_all(put, bytes, len, err);
    else if (ok)
        buf_add(&put->pending, bytes, len);
    return ok || err_in(err, "%s, object %s", base->store->name, base->key);
}

/* For tests: a disk that stores something else than it was given. */
static void flip_byte(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char c;

    if (fd < 0)
        return;
    if (pread(fd, &c, 1, 0) == 1) {
        c = (char)(c ^ 0x20);
        if (pwrite(fd, &c, 1, 0) != 1)
            assert(!"flip failed");
    }
    close(fd);
}

/* What the file system holds must be what was written. */
static bool read_back(struct dir_put *put, const uint8_t wanted[32], struct err *err)
{
    uint8_t found[32];
    uint64_t size = 0;
    char *chunk = mem_alloc(DIR_READ_BYTES);
    int fd = open(put->temp, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;

    while (ok) {
        ssize_t n = read(fd, chunk, DIR_READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        ok = n >= 0;
        if (n <= 0)
            break;
        text_digest_add(put->digest, chunk, (size_t)n);
        size += (uint64_t)n;
    }
    text_digest_end(put->digest, found);
    if (!ok) {
        err_sys(err, ERR_STORE, errno, "cannot read back %s", put->temp);
    } else if (size != put->size || memcmp(found, wanted, sizeof(found)) != 0) {
        ok = err_set(err, ERR_STORE, "the store holds something else than was written");
        err_why(err, "%llu bytes written, %llu read back%s", (unsigned long long)put->size,
                (unsigned long long)size, size == put->size ? ", SHA-256 differs" : "");
        err_hint(err, "check the disk below %s", put->put.store->name);
    }
    if (fd >= 0)
        close(fd);
    free(chunk);
    return ok;
}

static bool put_sync(struct dir_put *put, struct err *err)
{
    bool ok = fault_point("dir.fsync", err);

    if (ok && fsync(put->fd) < 0)
        ok = err_sys(err, ERR_STORE, errno, "cannot sync %s", put->temp);
    /* NFS reports a full disk only here */
    if (close(put->fd) < 0 && ok)
        ok = err_sys(err, ERR_STORE, errno, "cannot close %s", put->temp);
    put->fd = -1;
    return ok;
}

/* Gives the temporary file its name; never replaces. */
static bool publish_new(struct dir *dir, struct dir_put *put, struct err *err)
{
    struct stat st;

    if (link(put->temp, put->path) == 0) {
        unlink(put->temp);
        put->temp_made = false;
        return true;
    }
    int failed = errno;
    /* Over NFS the answer of a link that was made can be lost. */
    if (failed == EEXIST && stat(put->temp, &st) == 0 && st.st_nlink == 2) {
        unlink(put->temp);
        put->temp_made = false;
        return true;
    }
    if (failed == EPERM || failed == EOPNOTSUPP || failed == ENOSYS || failed == EMLINK) {
        if (renameat2(AT_FDCWD, put->temp, AT_FDCWD, put->path, RENAME_NOREPLACE) == 0) {
            put->temp_made = false;
            return true;
        }
        failed = errno;
    }
    if (failed == EEXIST)
        return taken(dir, put->put.key, err);
    err_sys(err, ERR_STORE, failed, "cannot name %s", put->path);
    if (failed == EINVAL || failed == ENOSYS)
        err_hint(err, "this file system can neither link nor rename without replacing");
    return false;
}

static bool publish(struct dir *dir, struct dir_put *put, struct err *err)
{
    struct err later;

    if (!fault_point("dir.rename", err))
        return false;
    if (!put->put.overwrite) {
        if (!publish_new(dir, put, err))
            return false;
    } else if (rename(put->temp, put->path) < 0) {
        return err_sys(err, ERR_STORE, errno, "cannot name %s", put->path);
    } else {
        put->temp_made = false;
    }
    if (fault_point("dir.dirsync", err) && dir_sync(put->parent, err))
        return true;
    /* The name is ours and new: taking it away again loses nothing. What an overwrite replaced
     * cannot be brought back. */
    if (!put->put.overwrite && unlink(put->path) == 0)
        dir_sync(put->parent, &later);
    return false;
}

bool dir_put_end(struct store_put *base, struct store_object *ret_object, struct err *err)
{
    struct dir_put *put = (struct dir_put *)base;
    struct dir *dir = (struct dir *)base->store;
    uint8_t digest[32];
    struct stat st = {0};

    text_digest_end(put->digest, digest);
    bool ok = put_flush(put, err) && put_sync(put, err);
    if (ok && fault_is("dir.corrupt", "flip"))
        flip_byte(put->temp);
    ok = ok && read_back(put, digest, err);
    if (ok && stat(put->temp, &st) < 0)
        ok = err_sys(err, ERR_STORE, errno, "cannot stat %s", put->temp);
    ok = ok && publish(dir, put, err);
    if (ok)
        dir_fill_object(ret_object, &st);
    else if (err->kind != ERR_EXISTS)
        err_in(err, "%s, object %s", dir->store.name, base->key);
    put_free(put);
    atomic_fetch_add(&dir->store.requests, 1);
    return ok;
}

void dir_put_drop(struct store_put *base)
{
    put_free((struct dir_put *)base);
}
