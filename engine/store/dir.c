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
#include "store/dir.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/text.h"
#include "store/backend.h"

#define TEMP_PREFIX   ".tmp-"
#define WRITE_BYTES   ((size_t)1 << 20)
#define READ_BYTES    ((size_t)1 << 18)
#define DURABLE_SLOTS 16

struct dir {
    struct store store;
    char *root;          /* endpoint's path, '/', bucket */
    char host[65];       /* in names of temporary files */
    atomic_uint counter; /* likewise */
    pthread_mutex_t lock;
    char *durable[DURABLE_SLOTS]; /* directories this process has fsynced the way down to */
    unsigned durable_next;
};

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

static void dir_close(struct store *store)
{
    struct dir *dir = (struct dir *)store;

    for (size_t i = 0; i < DURABLE_SLOTS; i++)
        free(dir->durable[i]);
    pthread_mutex_destroy(&dir->lock);
    free(dir->root);
    free(dir);
}

/* path without its last level; the caller's. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t len = slash && slash > path ? (size_t)(slash - path) : 1;
    char *parent = mem_alloc(len + 1);

    memcpy(parent, path, len);
    return parent;
}

static char *path_of(const struct dir *dir, const char *key)
{
    return mem_printf("%s/%s", dir->root, key);
}

/* A file system that cannot sync a directory (EINVAL) keeps its order by itself. */
static bool sync_dir(const char *path, struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == EBADF);

    if (!ok)
        err_sys(err, ERR_STORE, errno, "cannot sync directory %s", path);
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool durable_known(struct dir *dir, const char *path)
{
    bool known = false;

    pthread_mutex_lock(&dir->lock);
    for (size_t i = 0; i < DURABLE_SLOTS && !known; i++)
        known = dir->durable[i] && strcmp(dir->durable[i], path) == 0;
    pthread_mutex_unlock(&dir->lock);
    return known;
}

static void durable_remember(struct dir *dir, const char *path)
{
    char *copy = mem_strdup(path);

    pthread_mutex_lock(&dir->lock);
    char **slot = &dir->durable[dir->durable_next++ % DURABLE_SLOTS];
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
    char *parent = parent_of(path);
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
        ok = sync_dir(parent, err);
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
        put->temp =
            mem_printf("%s/" TEMP_PREFIX "%s-%ld-%u", put->parent, dir->host, (long)getpid(), n);
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

static struct store_put *dir_put(struct store *store, const struct store_put_params *params,
                                 struct err *err)
{
    struct dir *dir = (struct dir *)store;
    struct dir_put *put = mem_alloc(sizeof(*put));
    struct stat st;

    put->fd = -1;
    put->path = path_of(dir, params->key);
    put->parent = parent_of(put->path);
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

static bool dir_put_add(struct store_put *base, const char *bytes, size_t len, struct err *err)
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
    char *chunk = mem_alloc(READ_BYTES);
    int fd = open(put->temp, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0;

    while (ok) {
        ssize_t n = read(fd, chunk, READ_BYTES);
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
    if (fault_point("dir.dirsync", err) && sync_dir(put->parent, err))
        return true;
    /* The name is ours and new: taking it away again loses nothing. What an overwrite replaced
     * cannot be brought back. */
    if (!put->put.overwrite && unlink(put->path) == 0)
        sync_dir(put->parent, &later);
    return false;
}

static void fill_object(struct store_object *object, const struct stat *st)
{
    object->size = (uint64_t)st->st_size;
    object->modified_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
    object->etag[0] = '\0';
}

static bool dir_put_end(struct store_put *base, struct store_object *ret_object, struct err *err)
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
        fill_object(ret_object, &st);
    else if (err->kind != ERR_EXISTS)
        err_in(err, "%s, object %s", dir->store.name, base->key);
    put_free(put);
    atomic_fetch_add(&dir->store.requests, 1);
    return ok;
}

static void dir_put_drop(struct store_put *base)
{
    put_free((struct dir_put *)base);
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
    char *path = path_of(dir, key);
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
    char *chunk = mem_alloc(READ_BYTES);
    uint64_t at = range->offset, left = range->length;
    bool ok = true;

    while (ok && left > 0) {
        ssize_t n = pread(fd, chunk, left < READ_BYTES ? (size_t)left : READ_BYTES, (off_t)at);
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
    char *path = path_of(dir, range->key);
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
    fill_object(ret_object, &st);
    return true;
}

static bool dir_remove(struct store *store, const char *key, struct err *err)
{
    char *path = path_of((struct dir *)store, key);
    char *parent = parent_of(path);
    bool ok = true;

    atomic_fetch_add(&store->requests, 1);
    if (unlink(path) == 0)
        ok = sync_dir(parent, err);
    else if (errno != ENOENT && errno != ENOTDIR)
        ok = err_sys(err, ERR_STORE, errno, "cannot remove object %s", key);
    if (!ok)
        err_in(err, "%s", store->name);
    free(parent);
    free(path);
    return ok;
}

/* A walk over files in the byte order of their whole keys. */
struct walk {
    struct dir *dir;
    const char *prefix;
    const char *start_after;
    bool temps; /* visit only temporary files; else only objects */
    bool (*visit)(struct walk *walk, const char *key, const struct stat *st, struct err *err);
    const struct store_listing *listing;
    int64_t max_age_s;
    uint64_t *removed;
};

/* `same`: how many bytes all of them begin with. */
static int by_bytes(const void *a, const void *b, void *same)
{
    size_t skip = *(size_t *)same;

    return strcmp(*(char *const *)a + skip, *(char *const *)b + skip);
}

/* Can this key (a directory's ends in '/') lead to something wanted? */
static bool wanted(const struct walk *walk, const char *key, bool is_dir)
{
    size_t len = strlen(key), prefix_len = strlen(walk->prefix);
    size_t common = len < prefix_len ? len : prefix_len;

    if (strncmp(key, walk->prefix, common) != 0 || (!is_dir && len < prefix_len))
        return false;
    return is_dir ? strncmp(key, walk->start_after, len) >= 0 : strcmp(key, walk->start_after) > 0;
}

static unsigned char type_of(DIR *stream, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN ||
        fstatat(dirfd(stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return entry->d_type;
    return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

static char *key_below(const char *at, const char *name, bool is_dir)
{
    size_t at_len = strlen(at), len = strlen(name);
    char *key = mem_alloc(at_len + len + 2);

    memcpy(key, at, at_len);
    memcpy(key + at_len, name, len);
    if (is_dir)
        key[at_len + len] = '/';
    return key;
}

/* Keys of what is in directory `at` ("" or ending in '/'), those of directories ending in '/': as
 * keys sort, "a-b" comes before "a/b". Also after a failure the caller's. */
static bool read_names(const struct walk *walk, const char *at, DIR *stream, char ***ret_names,
                       size_t *ret_count, struct err *err)
{
    char **names = NULL;
    size_t count = 0, room = 0;
    struct dirent *entry;

    while ((errno = 0, entry = readdir(stream))) {
        bool temp = strncmp(entry->d_name, TEMP_PREFIX, strlen(TEMP_PREFIX)) == 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        unsigned char type = type_of(stream, entry);
        if (type != DT_DIR && (type != DT_REG || temp != walk->temps))
            continue;
        char *key = key_below(at, entry->d_name, type == DT_DIR);
        if (!wanted(walk, key, type == DT_DIR)) {
            free(key);
            continue;
        }
        if (count == room) {
            room = room ? room * 2 : 64;
            names = mem_grow(names, room * sizeof(*names));
        }
        names[count++] = key;
    }
    int failed = errno;
    size_t at_len = strlen(at);
    if (count > 0)
        qsort_r(names, count, sizeof(*names), by_bytes, &at_len);
    *ret_names = names;
    *ret_count = count;
    return failed == 0 ||
           err_sys(err, ERR_STORE, failed, "cannot list directory %s/%s", walk->dir->root, at);
}

static bool walk_below(struct walk *walk, const char *at, struct err *err);

/* `fd`: its directory, which the first `at_len` bytes of the key name. The way down from the root
 * would cost more than all the rest where files are very many. */
static bool visit_file(struct walk *walk, int fd, const char *key, size_t at_len, struct err *err)
{
    struct stat st = {0};
    bool blind = walk->listing && walk->listing->keys_only;
    /* It may have gone meanwhile. */
    bool there = blind || fstatat(fd, key + at_len, &st, AT_SYMLINK_NOFOLLOW) == 0;

    return !there || walk->visit(walk, key, &st, err);
}

/* What is in one directory, and below it. */
static bool walk_names(struct walk *walk, int fd, size_t at_len, char **names, size_t count,
                       struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++) {
        if (stop_now(walk->dir->store.stop))
            ok = err_set(err, ERR_INTERRUPTED, "interrupted while listing");
        else if (names[i][strlen(names[i]) - 1] == '/')
            ok = walk_below(walk, names[i], err);
        else
            ok = visit_file(walk, fd, names[i], at_len, err);
    }
    return ok;
}

static bool walk_below(struct walk *walk, const char *at, struct err *err)
{
    char *path = path_of(walk->dir, at), **names = NULL;
    DIR *stream = opendir(path);
    size_t count = 0;
    bool ok = stream || errno == ENOENT || errno == ENOTDIR;

    if (!ok)
        err_sys(err, ERR_STORE, errno, "cannot list directory %s", path);
    if (stream) {
        ok = read_names(walk, at, stream, &names, &count, err) &&
             walk_names(walk, dirfd(stream), strlen(at), names, count, err);
        closedir(stream);
    }
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    free(path);
    return ok;
}

/* Whole levels of a prefix lead down the tree; none may lead out of it. */
static bool prefix_check(const char *prefix, struct err *err)
{
    for (const char *slash; (slash = strchr(prefix, '/')); prefix = slash + 1) {
        size_t len = (size_t)(slash - prefix);
        if (len == 0 || (len <= 2 && memcmp(prefix, "..", len) == 0))
            return err_set(err, ERR_STORE, "not a key prefix: \"%s\"", prefix);
    }
    return true;
}

/* Begins in the deepest directory that the prefix names. */
static bool walk_start(struct walk *walk, struct err *err)
{
    const char *slash = strrchr(walk->prefix, '/');
    char *at = mem_strdup(walk->prefix);

    at[slash ? slash - walk->prefix + 1 : 0] = '\0';
    bool ok = prefix_check(walk->prefix, err) && walk_below(walk, at, err);
    atomic_fetch_add(&walk->dir->store.requests, 1);
    free(at);
    return ok;
}

static bool visit_object(struct walk *walk, const char *key, const struct stat *st, struct err *err)
{
    struct store_object object = {.key = key};

    fill_object(&object, st);
    return walk->listing->each(&object, walk->listing->state, err);
}

static bool dir_list(struct store *store, const struct store_listing *listing, struct err *err)
{
    struct walk walk = {.dir = (struct dir *)store,
                        .prefix = listing->prefix,
                        .start_after = listing->start_after,
                        .visit = visit_object,
                        .listing = listing};

    return walk_start(&walk, err);
}

/* ".tmp-<host>-<pid>-<n>" of this host, and no such process. */
static bool writer_dead(const struct dir *dir, const char *key)
{
    const char *name = strrchr(key, '/');
    size_t host_len = strlen(dir->host);
    char *end;

    name = (name ? name + 1 : key) + strlen(TEMP_PREFIX);
    if (strncmp(name, dir->host, host_len) != 0 || name[host_len] != '-')
        return false;
    errno = 0;
    long pid = strtol(name + host_len + 1, &end, 10);
    if (errno || pid <= 0 || *end != '-')
        return false;
    return kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

static bool visit_temp(struct walk *walk, const char *key, const struct stat *st, struct err *err)
{
    int64_t age_s = text_now_us() / 1000000 - (int64_t)st->st_mtim.tv_sec;
    bool ok = true;

    if (!writer_dead(walk->dir, key) && age_s <= walk->max_age_s)
        return true;
    char *path = path_of(walk->dir, key);
    if (unlink(path) == 0)
        ++*walk->removed;
    else if (errno != ENOENT)
        ok = err_sys(err, ERR_STORE, errno, "cannot remove %s", path);
    free(path);
    return ok;
}

static bool dir_sweep(struct store *store, const char *prefix, int64_t max_age_s,
                      uint64_t *ret_removed, struct err *err)
{
    struct walk walk = {.dir = (struct dir *)store,
                        .prefix = prefix,
                        .start_after = "",
                        .temps = true,
                        .visit = visit_temp,
                        .max_age_s = max_age_s,
                        .removed = ret_removed};

    return walk_start(&walk, err);
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
