/* SPDX-License-Identifier: PostgreSQL
 *
 * What every store promises: an object is put once and whole or not at all, is durable when
 * store_put_end returns true, can be read by ranges, asked about, listed in key order, removed. A
 * directory or S3 behind it.
 *
 *   store_put -> store_put_add ... -> store_put_end     (or store_put_drop at any time before end)
 *
 * Keys are UTF-8 with '/' between levels and no leading slash; they include the configured prefix
 * (the store knows bucket and endpoint only). Nothing is overwritten unless asked: a taken key is
 * ERR_EXISTS. All calls block; those that wait end early when the stop token is asked to stop now.
 *
 * Threads: any thread (own lock); one put handle belongs to one thread at a time.
 */
#ifndef ARCHIVER_STORE_STORE_H
#define ARCHIVER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"
#include "config/config.h"

struct store;

struct store_object {
    const char *key; /* borrowed; valid during the callback or while the caller's key lives */
    uint64_t size;
    int64_t modified_us;
    char etag[80]; /* "" where there is none; quotes stripped */
};

struct store_put_params {
    const char *key;
    const char *content_type; /* NULL: application/octet-stream */
    bool overwrite;           /* only for the catalog, run reports and pointers */
    bool small;               /* state files: standard class, one request, no read-back */
    bool about;               /* metadata, manifest: standard class, for it is often read */
};

struct store_put;

/* Keys are found here (store/credentials.h); S3 itself is not asked. Both are borrowed for the
 * store's life; `stop` may be NULL. */
struct store *store_open(const struct config_s3 *s3, const struct stop *stop, struct err *err);
void store_close(struct store *store); /* NULL allowed */
/* "s3://bucket" or "file:///dir/bucket", for people. Borrowed. */
const char *store_name(const struct store *store);

struct store_put *store_put(struct store *store, const struct store_put_params *params,
                            struct err *err);
bool store_put_add(struct store_put *put, const void *bytes, size_t len, struct err *err);
/* Durable, and size and checksum confirmed by the store (directory: read back; S3: MD5 sent and
 * ETag compared, read back by `verify: readback`). Frees the handle either way; after false nothing
 * is left behind. ret may be NULL. */
bool store_put_end(struct store_put *put, struct store_object *ret_object, struct err *err);
void store_put_drop(struct store_put *put); /* nothing is left behind; NULL allowed */
/* The three in one. */
bool store_put_bytes(struct store *store, const struct store_put_params *params, const void *bytes,
                     size_t len, struct err *err);

/* Appends `length` bytes from `offset` (length UINT64_MAX: to the end). ERR_NOT_FOUND, ERR_DATA
 * when short. */
bool store_get(struct store *store, const char *key, uint64_t offset, uint64_t length,
               struct buf *ret_bytes, struct err *err);
/* The same as a stream. */
typedef bool (*store_sink)(const char *bytes, size_t len, void *state, struct err *err);
bool store_get_stream(struct store *store, const char *key, uint64_t offset, uint64_t length,
                      store_sink sink, void *state, struct err *err);
bool store_head(struct store *store, const char *key, struct store_object *ret_object,
                struct err *err);
/* True also where it was not there. */
bool store_remove(struct store *store, const char *key, struct err *err);
/* Keys that begin with `prefix`, in byte order, after `start_after` (NULL: from the start). The
 * callback's false ends the listing with its *err. No temporary files of ours, no directories. */
typedef bool (*store_each)(const struct store_object *object, void *state, struct err *err);
bool store_list(struct store *store, const char *prefix, const char *start_after, store_each each,
                void *state, struct err *err);
/* The same for who wants the keys alone: of an object nothing else need be set, which in a
 * directory saves to look at each file. */
bool store_list_keys(struct store *store, const char *prefix, store_each each, void *state,
                     struct err *err);
/* Removes what crashed writers left below prefix (temporary files; multipart uploads) when they are
 * surely dead: written by a process of this host that no longer lives, or older than max_age_s.
 * Counts what went. */
bool store_sweep(struct store *store, const char *prefix, int64_t max_age_s, uint64_t *ret_removed,
                 struct err *err);
/* What the store says of itself, for pre-flight: where the keys come from, how a bucket is set up.
 * What it does not support or may not be asked is a finding, too. A directory has none. */
enum store_verdict { STORE_FINE, STORE_ADVICE, STORE_WRONG };
struct store_finding {
    const char *topic; /* "versioning" */
    enum store_verdict verdict;
    char detail[300];
    const char *hint; /* NULL: none */
};
typedef void (*store_each_finding)(const struct store_finding *finding, void *state);
bool store_examine(struct store *store, store_each_finding each, void *state, struct err *err);
/* Requests and bytes since open, for reports and tests. */
struct store_stats {
    uint64_t requests, bytes_sent, bytes_received, retries;
};
void store_stats(struct store *store, struct store_stats *ret_stats);

#endif
