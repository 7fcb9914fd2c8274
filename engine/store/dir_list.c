/* SPDX-License-Identifier: PostgreSQL */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "store/dir_part.h"

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
        bool temp = strncmp(entry->d_name, DIR_TEMP_PREFIX, strlen(DIR_TEMP_PREFIX)) == 0;
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
    char *path = dir_path_of(walk->dir, at), **names = NULL;
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

    dir_fill_object(&object, st);
    return walk->listing->each(&object, walk->listing->state, err);
}

bool dir_list(struct store *store, const struct store_listing *listing, struct err *err)
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

    name = (name ? name + 1 : key) + strlen(DIR_TEMP_PREFIX);
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
    char *path = dir_path_of(walk->dir, key);
    if (unlink(path) == 0)
        ++*walk->removed;
    else if (errno != ENOENT)
        ok = err_sys(err, ERR_STORE, errno, "cannot remove %s", path);
    free(path);
    return ok;
}

bool dir_sweep(struct store *store, const char *prefix, int64_t max_age_s, uint64_t *ret_removed,
               struct err *err)
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
