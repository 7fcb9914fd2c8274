/* SPDX-License-Identifier: PostgreSQL
 *
 * What a store is made of, for store.c and the backends only: each backend embeds struct store and
 * struct store_put as first members and fills in a table of functions. The meaning of each function
 * is that of its namesake in store.h.
 *
 * Threads: as store.h; the table is constant, the counters are atomic.
 */
#ifndef ARCHIVER_STORE_BACKEND_H
#define ARCHIVER_STORE_BACKEND_H

#include <stdatomic.h>

#include "store/store.h"

struct store_range {
    const char *key;
    uint64_t offset;
    uint64_t length; /* UINT64_MAX: to the end */
};

struct store_listing {
    const char *prefix;
    const char *start_after; /* "" for none */
    store_each each;
    void *state;
    bool keys_only; /* size and time of an object may be left out */
};

struct store_ops {
    void (*close)(struct store *store);
    /* The key was checked by store.c. */
    struct store_put *(*put)(struct store *store, const struct store_put_params *params,
                             struct err *err);
    bool (*put_add)(struct store_put *put, const char *bytes, size_t len, struct err *err);
    bool (*put_end)(struct store_put *put, struct store_object *ret_object, struct err *err);
    void (*put_drop)(struct store_put *put);
    bool (*get_stream)(struct store *store, const struct store_range *range, store_sink sink,
                       void *state, struct err *err);
    bool (*head)(struct store *store, const char *key, struct store_object *ret_object,
                 struct err *err);
    bool (*remove)(struct store *store, const char *key, struct err *err);
    bool (*list)(struct store *store, const struct store_listing *listing, struct err *err);
    bool (*sweep)(struct store *store, const char *prefix, int64_t max_age_s, uint64_t *ret_removed,
                  struct err *err);
    /* NULL: nothing to be said. */
    bool (*examine)(struct store *store, store_each_finding each, void *state, struct err *err);
};

struct store {
    const struct store_ops *ops;
    char *name; /* for people; freed by store_close */
    const struct stop *stop;
    atomic_uint_fast64_t requests, bytes_sent, bytes_received, retries;
};

struct store_put {
    struct store *store;
    char *key;             /* our copy; freed by store.c */
    const char *given_key; /* the caller's, for store_object.key */
    bool overwrite;
    bool small, about;
    struct err failed; /* the first failure of store_put_add; ERR_NONE until then */
};

#endif
