/* SPDX-License-Identifier: PostgreSQL */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#include "store/backend.h"
#include "store/dir.h"
#include "store/s3.h"

struct store *store_open(const struct config_s3 *s3, const struct stop *stop, struct err *err)
{
    if (!s3->bucket || !*s3->bucket) {
        err_set(err, ERR_CONFIG, "the store has no bucket");
        err_hint(err, "set s3.bucket");
        return NULL;
    }
    if (config_directory(s3))
        return dir_open(s3, stop, err);
    return s3_open(s3, stop, err);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    char *name = store->name;
    store->ops->close(store);
    free(name);
}

const char *store_name(const struct store *store)
{
    return store->name;
}

/* One rule for every backend, so that archives can move between them: no level of a key may be
 * empty, "." or "..", or look like a temporary file of the directory store. */
static bool key_check(const struct store *store, const char *key, struct err *err)
{
    const char *level = key;

    if (strlen(key) > 1024) {
        err_set(err, ERR_STORE, "object key longer than 1024 bytes: %s", key);
        return err_in(err, "%s", store->name);
    }
    for (;;) {
        size_t len = strcspn(level, "/");
        bool dots = (len == 1 && level[0] == '.') || (len == 2 && memcmp(level, "..", 2) == 0);
        if (len == 0 || dots || strncmp(level, ".tmp-", 5) == 0) {
            err_set(err, ERR_STORE, "not an object key: \"%s\"", key);
            err_in(err, "%s", store->name);
            return err_why(err, "a level of a key is not empty, \".\", \"..\" or \".tmp-...\"");
        }
        if (!level[len])
            return true;
        level += len + 1;
    }
}

struct store_put *store_put(struct store *store, const struct store_put_params *params,
                            struct err *err)
{
    if (!key_check(store, params->key, err))
        return NULL;
    struct store_put *put = store->ops->put(store, params, err);
    if (!put)
        return NULL;
    put->store = store;
    put->key = mem_strdup(params->key);
    put->given_key = params->key;
    put->overwrite = params->overwrite;
    put->small = params->small;
    put->about = params->about;
    return put;
}

bool store_put_add(struct store_put *put, const void *bytes, size_t len, struct err *err)
{
    if (put->failed.kind == ERR_NONE) {
        if (put->store->ops->put_add(put, bytes, len, err))
            return true;
        put->failed = *err;
    }
    *err = put->failed;
    return false;
}

bool store_put_end(struct store_put *put, struct store_object *ret_object, struct err *err)
{
    struct store_object object = {.key = put->given_key};
    char *key = put->key;

    /* A piece is missing: what came through must not become the object. */
    if (put->failed.kind != ERR_NONE) {
        *err = put->failed;
        store_put_drop(put);
        return false;
    }
    bool ok = put->store->ops->put_end(put, &object, err);
    free(key);
    if (ok && ret_object)
        *ret_object = object;
    return ok;
}

void store_put_drop(struct store_put *put)
{
    if (!put)
        return;
    char *key = put->key;
    put->store->ops->put_drop(put);
    free(key);
}

bool store_put_bytes(struct store *store, const struct store_put_params *params, const void *bytes,
                     size_t len, struct err *err)
{
    struct store_put *put = store_put(store, params, err);

    if (!put)
        return false;
    if (!store_put_add(put, bytes, len, err)) {
        store_put_drop(put);
        return false;
    }
    return store_put_end(put, NULL, err);
}

bool store_get_stream(struct store *store, const char *key, uint64_t offset, uint64_t length,
                      store_sink sink, void *state, struct err *err)
{
    struct store_range range = {.key = key, .offset = offset, .length = length};

    return key_check(store, key, err) && store->ops->get_stream(store, &range, sink, state, err);
}

static bool append(const char *bytes, size_t len, void *state, struct err *err)
{
    struct buf *buf = state;

    if (!buf_reserve(buf, len, err))
        return false;
    buf_add(buf, bytes, len);
    return true;
}

bool store_get(struct store *store, const char *key, uint64_t offset, uint64_t length,
               struct buf *ret_bytes, struct err *err)
{
    size_t before = ret_bytes->len;

    /* A length that is known is reserved at once: growing step by step would copy. */
    if (length != UINT64_MAX && !buf_reserve(ret_bytes, length, err))
        return false;
    if (store_get_stream(store, key, offset, length, append, ret_bytes, err))
        return true;
    ret_bytes->len = before;
    if (ret_bytes->data)
        ret_bytes->data[before] = '\0';
    return false;
}

bool store_head(struct store *store, const char *key, struct store_object *ret_object,
                struct err *err)
{
    struct store_object object = {.key = key};

    if (!key_check(store, key, err) || !store->ops->head(store, key, &object, err))
        return false;
    *ret_object = object;
    return true;
}

bool store_remove(struct store *store, const char *key, struct err *err)
{
    return key_check(store, key, err) && store->ops->remove(store, key, err);
}

bool store_list(struct store *store, const char *prefix, const char *start_after, store_each each,
                void *state, struct err *err)
{
    struct store_listing listing = {.prefix = prefix ? prefix : "",
                                    .start_after = start_after ? start_after : "",
                                    .each = each,
                                    .state = state};

    return store->ops->list(store, &listing, err);
}

bool store_list_keys(struct store *store, const char *prefix, store_each each, void *state,
                     struct err *err)
{
    struct store_listing listing = {
        .prefix = prefix, .start_after = "", .each = each, .state = state, .keys_only = true};

    return store->ops->list(store, &listing, err);
}

bool store_sweep(struct store *store, const char *prefix, int64_t max_age_s, uint64_t *ret_removed,
                 struct err *err)
{
    uint64_t removed = 0;
    bool ok = store->ops->sweep(store, prefix ? prefix : "", max_age_s, &removed, err);

    if (ret_removed)
        *ret_removed = removed;
    return ok;
}

bool store_examine(struct store *store, store_each_finding each, void *state, struct err *err)
{
    return !store->ops->examine || store->ops->examine(store, each, state, err);
}

void store_stats(struct store *store, struct store_stats *ret_stats)
{
    *ret_stats = (struct store_stats){
        .requests = atomic_load(&store->requests),
        .bytes_sent = atomic_load(&store->bytes_sent),
        .bytes_received = atomic_load(&store->bytes_received),
        .retries = atomic_load(&store->retries),
    };
}
