/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what the parts of the directory store have of each other: reading and removing (dir.c),
 * how an object becomes durable (dir_put.c), walks over files (dir_list.c).
 *
 * Threads: as store.h says.
 */
#ifndef ARCHIVER_STORE_DIR_PART_H
#define ARCHIVER_STORE_DIR_PART_H

#include <pthread.h>
#include <sys/stat.h>

#include "store/backend.h"

#define DIR_READ_BYTES    ((size_t)1 << 18)
#define DIR_TEMP_PREFIX   ".tmp-"
#define DIR_DURABLE_SLOTS 16

struct dir {
    struct store store;
    char *root;          /* endpoint's path, '/', bucket */
    char host[65];       /* in names of temporary files */
    atomic_uint counter; /* likewise */
    pthread_mutex_t lock;
    char *durable[DIR_DURABLE_SLOTS]; /* directories this process has fsynced the way down to */
    unsigned durable_next;
};

/* --- dir.c --- */

/* Without its last level; the caller's. */
char *dir_parent_of(const char *path);
char *dir_path_of(const struct dir *dir, const char *key);
bool dir_sync(const char *path, struct err *err);
void dir_fill_object(struct store_object *ret_object, const struct stat *st);

/* --- dir_put.c, dir_list.c: operations of the store --- */

struct store_put *dir_put(struct store *store, const struct store_put_params *params,
                          struct err *err);
bool dir_put_add(struct store_put *put, const char *bytes, size_t len, struct err *err);
bool dir_put_end(struct store_put *put, struct store_object *ret_object, struct err *err);
void dir_put_drop(struct store_put *put);
bool dir_list(struct store *store, const struct store_listing *listing, struct err *err);
bool dir_sweep(struct store *store, const char *prefix, int64_t max_age_s, uint64_t *ret_removed,
               struct err *err);

#endif
