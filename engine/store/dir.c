/* SPDX-License-Identifier: PostgreSQL */
#include "store/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "store/dir_part.h"

static void dir_close(struct store *store)
{
    struct dir *dir = (struct dir *)store;

    for (size_t i = 0; i < DIR_DURABLE_SLOTS; i++)
        free(dir->durable[i]);
    pthread_mutex_destroy(&dir->lock);
    free(dir->root);
    free(dir);
}

char *dir_parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash && slash > path ? (size_t)(slash - path) : 1;
    char *parent = mem_alloc(len + 1);

    memcpy(parent, path, len);
    return parent;
}

char *dir_path_of(const struct dir *dir, const char *key)
{
    return mem_printf("%s/%s", dir->root, key);
}

/* A file system that cannot sync a directory (EINVAL) keeps its order by itself. */
bool dir_sync(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == EBADF);

    if (!ok)
        err_sys(err, ERR_STORE, errno, "cannot sync directory %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

void dir_fill_object(struct store_object *object, const struct stat *st)
{
    object->size = (uint64_t)st->st_size;
    object->modified_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
    object->etag[0] = '\0';
}

static bool not_found(const struct dir *dir, const char *key, struct err *err)
{
    err_set(err, ERR_NOT_FOUND, "no such object: %s", key);
    return err_in(err, "%s", dir->store.name);
}

/* A directory is no object. */
static bool stat_object(const struct dir *dir, const char *key, int fd, struct stat *ret_st,
                        struct err *err)
{
    char *path = dir_path_of(dir, key);
    bool ok = (fd >= 0 ? fstat(fd, ret_st) : stat(path, ret_st)) == 0;

    if (!ok && errno != ENOENT && errno != ENOTDIR) {
        err_sys(err, ERR_STORE, errno, "cannot read object %s", key);
        err_in(err, "%s", dir->store.name);
    } else if (!ok || !S_ISREG(ret_st->st_mode)) {
        ok = not_found(dir, key, err);
    }
    free(path);
    return ok;
}

static bool too_short(const struct dir *dir, const struct store_range *range, uint64_t size,
                      struct err *err)
{
    err_set(err, ERR_DATA, "object %s is shorter than it should be", range->key);
    err_in(err, "%s", dir->store.name);
    return err_why(err, "%llu bytes, wanted %llu from %llu", (unsigned long long)size,
                   (unsigned long long)range->length, (unsigned long long)range->offset);
}

static bool stream_file(struct dir *dir, int fd, const struct store_range *range, store_sink sink,
                        void *state, struct err *err)
{
    char *chunk = mem_alloc(DIR_READ_BYTES);
    uint64_t at = range->offset, left = range->length;
    bool ok = true;

    while (ok && left > 0) {
        ssize_t n =
            pread(fd, chunk, left < DIR_READ_BYTES ? (size_t)left : DIR_READ_BYTES, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            ok = err_sys(err, ERR_STORE, errno, "cannot read object %s", range->key);
        else if (n == 0)
            ok = too_short(dir, range, at, err);
        else if (stop_now(dir->store.stop))
            ok = err_set(err, ERR_INTERRUPTED, "interrupted while reading %s", range->key);
        else
            ok = sink(chunk, (size_t)n, state, err);
        if (ok) {
            at += (uint64_t)n;
            left -= (uint64_t)n;
            atomic_fetch_add(&dir->store.bytes_received, (uint64_t)n);
        }
    }
    free(chunk);
    return ok;
}

static bool dir_get_stream(struct store *store, const struct store_range *range, store_sink sink,
                           void *state, struct err *err)
{
    struct dir *dir = (struct dir *)store;
    struct store_range exact = *range;
    char *path = dir_path_of(dir, range->key);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    bool ok = false;

    atomic_fetch_add(&store->requests, 1);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        not_found(dir, range->key, err);
        goto out;
    }
    if (fd < 0) {
        err_sys(err, ERR_STORE, errno, "cannot open object %s", range->key);
        err_in(err, "%s", store->name);
        goto out;
    }
    if (!stat_object(dir, range->key, fd, &st, err))
        goto out;
    uint64_t size = (uint64_t)st.st_size;
    if (range->offset > size ||
        (range->length != UINT64_MAX && range->length > size - range->offset)) {
        too_short(dir, range, size, err);
        goto out;
    }
    if (range->length == UINT64_MAX)
        exact.length = size - range->offset;
    ok = stream_file(dir, fd, &exact, sink, state, err);
out:
    if (fd >= 0)
        close(fd);
    free(path);
    return ok;
}

static bool dir_head(struct store *store, const char *key, struct store_object *ret_object,
                     struct err *err)
{
    struct stat st;

    atomic_fetch_add(&store->requests, 1);
    if (!stat_object((struct dir *)store, key, -1, &st, err))
        return false;
    dir_fill_object(ret_object, &st);
    return true;
}

static bool dir_remove(struct store *store, const char *key, struct err *err)
{
    char *path = dir_path_of((struct dir *)store, key);
    char *parent = dir_parent_of(path);
    bool ok = true;

    atomic_fetch_add(&store->requests, 1);
    if (unlink(path) == 0)
        ok = dir_sync(parent, err);
    else if (errno != ENOENT && errno != ENOTDIR)
        ok = err_sys(err, ERR_STORE, errno, "cannot remove object %s", key);
    if (!ok)
        err_in(err, "%s", store->name);
    free(parent);
    free(path);
    return ok;
}

static const struct store_ops dir_ops = {
    .close = dir_close,
    .put = dir_put,
    .put_add = dir_put_add,
    .put_end = dir_put_end,
    .put_drop = dir_put_drop,
    .get_stream = dir_get_stream,
    .head = dir_head,
    .remove = dir_remove,
    .list = dir_list,
    .sweep = dir_sweep,
};

/* The directory is not made here: an unmounted disk would be written below its mount point. */
static bool is_there(const struct dir *dir, struct err *err)
{
    struct stat st;

    if (stat(dir->root, &st) == 0 && S_ISDIR(st.st_mode))
        return true;
    if (errno == EACCES)
        return err_sys(err, ERR_STORE, errno, "%s", dir->root);
    err_set(err, ERR_PREFLIGHT, "the store's directory is not there: %s", dir->root);
    return err_hint(err, "is its disk mounted? else: mkdir -p %s", dir->root);
}

struct store *dir_open(const struct config_s3 *s3, const struct stop *stop, struct err *err)
{
    const char *path = config_directory(s3);

    if (!path || *path != '/') {
        err_set(err, ERR_CONFIG, "s3.endpoint: %s is not a directory's address", s3->endpoint);
        err_hint(err, "write file:// and an absolute path: file:///var/lib/archiver-tui/store");
        return NULL;
    }
    if (strchr(s3->bucket, '/') || s3->bucket[0] == '.') {
        err_set(err, ERR_CONFIG, "s3.bucket: \"%s\" is not a directory's name", s3->bucket);
        return NULL;
    }
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;

    struct dir *dir = mem_alloc(sizeof(*dir));
    dir->store.ops = &dir_ops;
    dir->store.stop = stop;
    dir->root = mem_printf("%.*s/%s", (int)len, path, s3->bucket);
    dir->store.name = mem_printf("file://%s", dir->root);
    pthread_mutex_init(&dir->lock, NULL);
    if (gethostname(dir->host, sizeof(dir->host) - 1) < 0 || !dir->host[0])
        memcpy(dir->host, "localhost", sizeof("localhost"));
    for (char *c = dir->host; *c; c++) {
        if (*c == '/')
            *c = '_';
    }
    if (is_there(dir, err))
        return &dir->store;
    store_close(&dir->store);
    return NULL;
}
