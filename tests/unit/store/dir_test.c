/* SPDX-License-Identifier: PostgreSQL
 *
 * The directory store on a real file system, through store.h.
 */
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"

/* A store in a directory of its own, below $TMPDIR. */
struct place {
    char top[64];
    char *endpoint;
    struct config_s3 config;
    struct store *store;
};

static void place_open(struct place *place)
{
    const char *tmp = getenv("TMPDIR");
    struct err err;

    *place = (struct place){0};
    snprintf(place->top, sizeof(place->top), "%.40s/dir-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(place->top))
        abort();
    static const char *const levels[] = {"/deep", "/deep/er", "/deep/er/bucket"};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        char *level = mem_printf("%s%s", place->top, levels[i]);
        mkdir(level, 0700);
        free(level);
    }
    place->endpoint = mem_printf("file://%s/deep/er", place->top);
    place->config = (struct config_s3){.endpoint = place->endpoint, .bucket = "bucket"};
    place->store = store_open(&place->config, NULL, &err);
    if (!place->store)
        abort();
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static void place_done(struct place *place)
{
    store_close(place->store);
    nftw(place->top, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(place->endpoint);
}

/* The caller's. */
static char *file_of(const struct place *place, const char *key)
{
    return mem_printf("%s/deep/er/bucket/%s", place->top, key);
}

static bool put_text(struct place *place, const char *key, const char *text, struct err *err)
{
    struct store_put_params params = {.key = key};

    return store_put_bytes(place->store, &params, text, strlen(text), err);
}

static bool add_name(const struct store_object *object, void *state, struct err *err)
{
    (void)err;
    buf_addf(state, "%s:%llu ", object->key, (unsigned long long)object->size);
    return true;
}

/* Every file below the bucket, temporary ones too. */
static size_t files_seen;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)path, (void)st, (void)ftw;
    files_seen += type == FTW_F;
    return 0;
}

static size_t count_files(const struct place *place)
{
    files_seen = 0;
    nftw(place->top, count_file, 8, FTW_PHYS);
    return files_seen;
}

static void write_raw(const struct place *place, const char *key, const char *text)
{
    char *path = file_of(place, key);
    FILE *file = fopen(path, "w");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
    free(path);
}

static void test_there_and_back(void)
{
    struct place place;
    struct store_object object = {0};
    struct buf bytes = BUF_INIT;
    struct err err;
    struct stat st;

    place_open(&place);
    CHECK_OK(put_text(&place, "p/year=2026/a.gz", "hello", &err));
    CHECK_OK(store_get(place.store, "p/year=2026/a.gz", 0, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "hello");
    CHECK_OK(store_head(place.store, "p/year=2026/a.gz", &object, &err));
    CHECK_INT(object.size, 5);
    CHECK_STR(object.etag, "");
    CHECK_STR(object.key, "p/year=2026/a.gz");
    char *path = file_of(&place, "p/year=2026/a.gz");
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600);
    path[strlen(path) - strlen("/a.gz")] = '\0';
    CHECK(stat(path, &st) == 0 && (st.st_mode & 07777) == 0700);
    free(path);
    CHECK_INT(count_files(&place), 1);
    char *name = mem_printf("file://%s/deep/er/bucket", place.top);
    CHECK_STR(store_name(place.store), name);
    free(name);
    buf_done(&bytes);
    place_done(&place);
}

static void test_collision(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "k", "first", &err));
    CHECK_FAILS(put_text(&place, "k", "second", &err), ERR_EXISTS, "object exists already: k");
    CHECK_OK(store_get(place.store, "k", 0, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "first");
    CHECK_INT(count_files(&place), 1);
    buf_done(&bytes);
    place_done(&place);
}

/* Both begin while the name is free; link() decides. */
static void test_race(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct store_put_params params = {.key = "a/k"};
    struct err err;

    place_open(&place);
    struct store_put *one = store_put(place.store, &params, &err);
    struct store_put *two = store_put(place.store, &params, &err);
    CHECK_OK(store_put_add(one, "one", 3, &err));
    CHECK_OK(store_put_add(two, "two", 3, &err));
    CHECK_OK(store_put_end(two, NULL, &err));
    CHECK_FAILS(store_put_end(one, NULL, &err), ERR_EXISTS, "object exists already: a/k");
    CHECK_OK(store_get(place.store, "a/k", 0, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "two");
    CHECK_INT(count_files(&place), 1);
    buf_done(&bytes);
    place_done(&place);
}

static void test_overwrite(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct store_put_params params = {.key = "k", .overwrite = true, .small = true};
    struct err err;

    place_open(&place);
    CHECK_OK(store_put_bytes(place.store, &params, "first", 5, &err));
    CHECK_OK(store_put_bytes(place.store, &params, "2", 1, &err));
    CHECK_OK(store_get(place.store, "k", 0, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "2");
    CHECK_INT(count_files(&place), 1);
    buf_done(&bytes);
    place_done(&place);
}

static void test_pieces(void)
{
    struct place place;
    struct store_put_params params = {.key = "big"};
    struct buf wanted = BUF_INIT, found = BUF_INIT;
    struct store_object object = {0};
    struct err err;

    place_open(&place);
    struct store_put *put = store_put(place.store, &params, &err);
    for (size_t size = 0; size < 3000000; size = size * 2 + 1) {
        char *piece = mem_alloc(size + 1);
        memset(piece, (int)('a' + size % 26), size);
        CHECK_OK(store_put_add(put, piece, size, &err));
        buf_add(&wanted, piece, size);
        free(piece);
    }
    CHECK_OK(store_put_end(put, &object, &err));
    CHECK_INT(object.size, wanted.len);
    CHECK_OK(store_get(place.store, "big", 0, UINT64_MAX, &found, &err));
    CHECK_BYTES(found.data, found.len, wanted.data, wanted.len);
    buf_done(&wanted);
    buf_done(&found);
    place_done(&place);
}

static void test_empty_object(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "empty", "", &err));
    CHECK_OK(store_get(place.store, "empty", 0, UINT64_MAX, &bytes, &err));
    CHECK_INT(bytes.len, 0);
    CHECK_OK(store_get(place.store, "empty", 0, 0, &bytes, &err));
    buf_done(&bytes);
    place_done(&place);
}

static void test_ranges(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "k", "0123456789", &err));
    CHECK_OK(store_get(place.store, "k", 3, 4, &bytes, &err));
    CHECK_OK(store_get(place.store, "k", 8, UINT64_MAX, &bytes, &err));
    CHECK_OK(store_get(place.store, "k", 10, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "345689");
    CHECK_FAILS(store_get(place.store, "k", 8, 3, &bytes, &err), ERR_DATA,
                "object k is shorter than it should be");
    CHECK_FAILS(store_get(place.store, "k", 11, UINT64_MAX, &bytes, &err), ERR_DATA,
                "object k is shorter than it should be");
    CHECK_FAILS(store_get(place.store, "k", UINT64_MAX - 1, 5, &bytes, &err), ERR_DATA,
                "object k is shorter than it should be");
    CHECK_STR(buf_str(&bytes), "345689");
    CHECK_FAILS(store_get(place.store, "nope", 0, 1, &bytes, &err), ERR_NOT_FOUND,
                "no such object: nope");
    CHECK_FAILS(store_get(place.store, "k/below", 0, 1, &bytes, &err), ERR_NOT_FOUND,
                "no such object: k/below");
    buf_done(&bytes);
    place_done(&place);
}

static void test_keys(void)
{
    static const char *const bad[] = {"",       "/a", "a/",    "a//b",   "..",      "../a",
                                      "a/../b", ".",  "a/./b", ".tmp-a", "a/.tmp-x"};
    struct place place;
    struct store_object object;
    struct err err;

    place_open(&place);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_FAILS(put_text(&place, bad[i], "x", &err), ERR_STORE, "not an object key");
        CHECK_FAILS(store_head(place.store, bad[i], &object, &err), ERR_STORE, "not an object key");
        CHECK_FAILS(store_remove(place.store, bad[i], &err), ERR_STORE, "not an object key");
    }
    CHECK_OK(put_text(&place, "..a/b..", "x", &err));
    CHECK_FAILS(store_list(place.store, "../", NULL, add_name, NULL, &err), ERR_STORE,
                "not a key prefix");
    CHECK_FAILS(store_list(place.store, "a/../../", NULL, add_name, NULL, &err), ERR_STORE,
                "not a key prefix");
    place_done(&place);
}

static void test_list_order(void)
{
    static const char *const keys[] = {"a/x",
                                       "a-b",
                                       "a.b",
                                       "a0",
                                       "b",
                                       "a/y/z",
                                       "a/y-",
                                       "A",
                                       "\xc3\xbc",
                                       "audit_s/1",
                                       "audit_s_extra/1"};
    static const struct {
        const char *prefix, *after, *wanted;
    } cases[] = {
        {"", NULL,
         "A:1 a-b:1 a.b:1 a/x:1 a/y-:1 a/y/z:1 a0:1 audit_s/1:1 audit_s_extra/1:1 b:1 "
         "\xc3\xbc:1 "},
        {"a/", NULL, "a/x:1 a/y-:1 a/y/z:1 "},
        {"a/y", NULL, "a/y-:1 a/y/z:1 "},
        {"a/y/", NULL, "a/y/z:1 "},
        {"a/y/z", NULL, "a/y/z:1 "},
        {"a", "a/x", "a/y-:1 a/y/z:1 a0:1 audit_s/1:1 audit_s_extra/1:1 "},
        {"a/", "a/y-", "a/y/z:1 "},
        {"a/", "a/y/z", ""},
        {"", "a0", "audit_s/1:1 audit_s_extra/1:1 b:1 \xc3\xbc:1 "},
        {"audit_s/", NULL, "audit_s/1:1 "},
        {"nothing/here/", NULL, ""},
        {"b/", NULL, ""},
    };
    struct place place;
    struct buf names = BUF_INIT;
    struct err err;

    place_open(&place);
    CHECK_OK(store_list(place.store, "", NULL, add_name, &names, &err));
    CHECK_STR(buf_str(&names), "");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        CHECK_OK(put_text(&place, keys[i], "x", &err));
    write_raw(&place, "a/.tmp-other-1-1", "x");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&names);
        CHECK_OK(store_list(place.store, cases[i].prefix, cases[i].after, add_name, &names, &err));
        CHECK_STR(buf_str(&names), cases[i].wanted);
    }
    buf_done(&names);
    place_done(&place);
}

static bool add_key(const struct store_object *object, void *state, struct err *err)
{
    (void)err;
    buf_addf(state, "%s ", object->key);
    return true;
}

static void test_list_keys(void)
{
    struct place place;
    struct buf names = BUF_INIT;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "a/y/z", "x", &err));
    CHECK_OK(put_text(&place, "a/x", "x", &err));
    CHECK_OK(put_text(&place, "a-b", "x", &err));
    CHECK_OK(put_text(&place, "b", "x", &err));
    write_raw(&place, "a/.tmp-other-1-1", "x");
    CHECK_OK(store_list_keys(place.store, "a", add_key, &names, &err));
    CHECK_STR(buf_str(&names), "a-b a/x a/y/z ");
    buf_done(&names);
    place_done(&place);
}

static bool refuse(const struct store_object *object, void *state, struct err *err)
{
    (void)state;
    return err_set(err, ERR_DATA, "enough at %s", object->key);
}

static void test_list_ends(void)
{
    struct place place;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "a/1", "x", &err));
    CHECK_OK(put_text(&place, "a/2", "x", &err));
    CHECK_FAILS(store_list(place.store, "", NULL, refuse, NULL, &err), ERR_DATA, "enough at a/1");
    place_done(&place);
}

static void test_remove(void)
{
    struct place place;
    struct store_object object;
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "a/b", "x", &err));
    CHECK_OK(store_remove(place.store, "a/b", &err));
    CHECK_OK(store_remove(place.store, "a/b", &err));
    CHECK_OK(store_remove(place.store, "never/was", &err));
    CHECK_FAILS(store_head(place.store, "a/b", &object, &err), ERR_NOT_FOUND,
                "no such object: a/b");
    place_done(&place);
}

static void test_drop(void)
{
    struct place place;
    struct store_put_params params = {.key = "a/k"};
    struct err err;

    place_open(&place);
    struct store_put *put = store_put(place.store, &params, &err);
    CHECK_OK(store_put_add(put, "x", 1, &err));
    CHECK_INT(count_files(&place), 1);
    store_put_drop(put);
    store_put_drop(NULL);
    CHECK_INT(count_files(&place), 0);
    place_done(&place);
}

/* A pid that was given to a process that no longer lives. */
static long dead_pid(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    return (long)pid;
}

static void test_sweep(void)
{
    struct place place;
    struct buf names = BUF_INIT;
    char host[65] = "", dead[128], alive[128];
    uint64_t removed = 0;
    struct err err;

    place_open(&place);
    gethostname(host, sizeof(host) - 1);
    snprintf(dead, sizeof(dead), "p/.tmp-%s-%ld-0", host, dead_pid());
    snprintf(alive, sizeof(alive), "p/.tmp-%s-%ld-0", host, (long)getpid());
    CHECK_OK(put_text(&place, "p/k", "x", &err));
    CHECK_OK(put_text(&place, "q/k", "x", &err));
    write_raw(&place, dead, "x");
    write_raw(&place, alive, "x");
    write_raw(&place, "p/.tmp-elsewhere-1-0", "x");
    write_raw(&place, "p/.tmp-", "x");
    write_raw(&place, "q/.tmp-elsewhere-1-0", "x");

    CHECK_OK(store_sweep(place.store, "p/", 3600, &removed, &err));
    CHECK_INT(removed, 1);
    CHECK_INT(count_files(&place), 6);
    /* older than the age: dead, wherever its writer was */
    char *path = file_of(&place, "p/.tmp-elsewhere-1-0");
    struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    CHECK(utimensat(AT_FDCWD, path, old, 0) == 0);
    free(path);
    CHECK_OK(store_sweep(place.store, "p/", 3600, &removed, &err));
    CHECK_INT(removed, 1);
    CHECK_OK(store_sweep(place.store, "", 3600, &removed, &err));
    CHECK_INT(removed, 0);
    CHECK_OK(store_list(place.store, "", NULL, add_name, &names, &err));
    CHECK_STR(buf_str(&names), "p/k:1 q/k:1 ");
    buf_done(&names);
    place_done(&place);
}

static void *put_many(void *state)
{
    struct place *place = state;
    struct err err;

    for (int i = 0; i < 50; i++) {
        char key[64];
        snprintf(key, sizeof(key), "p/%d/%d", i % 7, i);
        /* each key from four threads: one of them wins */
        if (!put_text(place, key, "same", &err) && err.kind != ERR_EXISTS)
            return "failed";
    }
    return NULL;
}

static void test_parallel(void)
{
    struct place place;
    struct buf names = BUF_INIT;
    pthread_t threads[4];
    struct err err;

    place_open(&place);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, put_many, &place);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        CHECK(result == NULL);
    }
    CHECK_INT(count_files(&place), 50);
    buf_done(&names);
    CHECK_OK(store_remove(place.store, "p/0/0", &err));
    place_done(&place);
}

static void test_read_only(void)
{
    struct place place;
    struct err err;

    if (geteuid() == 0)
        return; /* root may write anywhere */
    place_open(&place);
    chmod(place.top, 0500);
    CHECK_FAILS(put_text(&place, "k", "x", &err), ERR_PERMISSION, "cannot make directory");
    chmod(place.top, 0700);
    place_done(&place);
}

static void test_open_refuses(void)
{
    static const struct {
        const char *endpoint, *bucket, *line;
    } bad[] = {
        {"file://relative/dir", "b", "is not a directory's address"},
        {"file:/dir", "cold", "s3.endpoint: not an address: file:/dir"},
        {"file:///dir", "a/b", "is not a directory's name"},
        {"file:///dir", "..", "is not a directory's name"},
        {"file:///dir", "", "the store has no bucket (set s3.bucket)"},
        {"file:///dir", NULL, "the store has no bucket (set s3.bucket)"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct config_s3 config = {.endpoint = bad[i].endpoint, .bucket = bad[i].bucket};
        struct err err;
        CHECK_FAILS(store_open(&config, NULL, &err) != NULL, ERR_CONFIG, bad[i].line);
    }
}

/* A disk that is not mounted must not be written below its mount point. */
static void test_not_there(void)
{
    struct config_s3 config = {.endpoint = "file:///nonexistent/archives", .bucket = "cold"};
    struct err err;

    CHECK_FAILS(store_open(&config, NULL, &err) != NULL, ERR_PREFLIGHT,
                "the store's directory is not there: /nonexistent/archives/cold");
}

#ifdef WITH_FAILPOINTS
/* Every way a disk can fail, before and after the name is given. */
static void test_faults(void)
{
    static const struct {
        const char *fault;
        enum err_kind kind;
        const char *line;
    } cases[] = {
        {"dir.write=enospc", ERR_RESOURCE, "fault injected at dir.write: file://"},
        {"dir.write=fail", ERR_STORE, "fault injected at dir.write: file://"},
        {"dir.fsync=fail", ERR_STORE, "fault injected at dir.fsync: file://"},
        {"dir.rename=fail", ERR_STORE, "fault injected at dir.rename: file://"},
        {"dir.dirsync=fail", ERR_STORE, "fault injected at dir.dirsync: file://"},
        {"dir.corrupt=flip", ERR_STORE, "the store holds something else than was written"},
    };
    struct place place;
    struct err err;

    place_open(&place);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv("ARCHIVER_FAULT", cases[i].fault, 1);
        CHECK_FAILS(put_text(&place, "p/k", "hello", &err), cases[i].kind, cases[i].line);
        unsetenv("ARCHIVER_FAULT");
        CHECK_INT(count_files(&place), 0);
    }
    CHECK_OK(put_text(&place, "p/k", "hello", &err));
    place_done(&place);
}

static void test_fault_of_overwrite(void)
{
    struct place place;
    struct buf bytes = BUF_INIT;
    struct store_put_params params = {.key = "k", .overwrite = true, .small = true};
    struct err err;

    place_open(&place);
    CHECK_OK(put_text(&place, "k", "old", &err));
    setenv("ARCHIVER_FAULT", "dir.corrupt=flip", 1);
    CHECK_FAILS(store_put_bytes(place.store, &params, "new", 3, &err), ERR_STORE,
                "the store holds something else than was written");
    unsetenv("ARCHIVER_FAULT");
    CHECK_OK(store_get(place.store, "k", 0, UINT64_MAX, &bytes, &err));
    CHECK_STR(buf_str(&bytes), "old");
    buf_done(&bytes);
    place_done(&place);
}

/* A put that failed once stays failed, however its writer goes on. */
static void test_piece_missing(void)
{
    struct place place;
    struct store_put_params params = {.key = "k"};
    char *piece = mem_alloc(2 << 20);
    struct err err;

    place_open(&place);
    struct store_put *put = store_put(place.store, &params, &err);
    setenv("ARCHIVER_FAULT", "dir.write=enospc", 1);
    CHECK_FAILS(store_put_add(put, piece, 2 << 20, &err), ERR_RESOURCE, "fault injected");
    unsetenv("ARCHIVER_FAULT");
    CHECK_FAILS(store_put_add(put, "x", 1, &err), ERR_RESOURCE, "fault injected");
    CHECK_FAILS(store_put_end(put, NULL, &err), ERR_RESOURCE, "fault injected");
    CHECK_INT(count_files(&place), 0);
    free(piece);
    place_done(&place);
}
#endif

static const struct test_case cases[] = {
    {"an object comes back as it went, private to its owner", test_there_and_back},
    {"a taken key is refused and its object stays", test_collision},
    {"of two writers of one key the first to end wins", test_race},
    {"overwrite replaces whole", test_overwrite},
    {"pieces of any size make one object", test_pieces},
    {"an empty object is an object", test_empty_object},
    {"ranges are exact, and short objects are an error", test_ranges},
    {"keys and prefixes cannot leave the bucket", test_keys},
    {"a listing is in the byte order of whole keys", test_list_order},
    {"a listing of keys alone is the same one", test_list_keys},
    {"the callback ends a listing with its error", test_list_ends},
    {"removing what is not there is no error", test_remove},
    {"a dropped put leaves nothing", test_drop},
    {"the sweep takes files of dead writers and old ones only", test_sweep},
    {"threads can put side by side", test_parallel},
    {"a directory that may not be written is a matter of permission", test_read_only},
    {"an endpoint or bucket that is no directory is refused", test_open_refuses},
    {"a directory that is not there is not made", test_not_there},
#ifdef WITH_FAILPOINTS
    {"whatever fails on disk, nothing is left behind", test_faults},
    {"a failed overwrite leaves the old object", test_fault_of_overwrite},
    {"a put that lost a piece never becomes an object", test_piece_missing},
#endif
    {NULL, NULL},
};

const struct test_suite store_dir_suite = {"store/dir", cases};
