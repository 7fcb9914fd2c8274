/* SPDX-License-Identifier: PostgreSQL
 *
 * Puts objects into the store of a configuration, as the archive does: bytes handed over in pieces
 * of a member's size, each object confirmed by the store. Prints the seconds that it took.
 *
 *   put CONFIG OBJECTS BYTES THREADS
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "config/config.h"
#include "store/store.h"

#define PIECE_BYTES ((size_t)128 * 1024)
#define THREADS_MAX 64

struct work {
    struct store *store;
    const char *bytes;
    size_t size;
    unsigned objects;
    atomic_uint next;
    atomic_bool failed;
};

static bool put_one(struct work *w, unsigned number, struct err *err)
{
    char key[64];

    snprintf(key, sizeof(key), "bench/ours/%06u_%zu", number, w->size);
    struct store_put_params params = {.key = key};
    struct store_put *put = store_put(w->store, &params, err);

    for (size_t at = 0; put && at < w->size; at += PIECE_BYTES) {
        size_t len = w->size - at < PIECE_BYTES ? w->size - at : PIECE_BYTES;
        if (!store_put_add(put, w->bytes + at, len, err)) {
            store_put_drop(put);
            return false;
        }
    }
    return put && store_put_end(put, NULL, err);
}

static void *put_main(void *arg)
{
    struct work *w = arg;
    struct err err;
    char line[1024];

    for (;;) {
        unsigned number = atomic_fetch_add(&w->next, 1);
        if (number >= w->objects || atomic_load(&w->failed))
            return NULL;
        if (put_one(w, number, &err))
            continue;
        err_line(&err, line, sizeof(line));
        fprintf(stderr, "%s\n", line);
        atomic_store(&w->failed, true);
    }
}

/* Bytes that no compression on the way would make fewer. */
static char *noise(size_t size)
{
    char *bytes = malloc(size + 8);
    uint64_t x = UINT64_C(88172645463325252);

    for (size_t i = 0; bytes && i < size; i += 8) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(bytes + i, &x, 8);
    }
    return bytes;
}

int main(int argc, char **argv)
{
    struct err err;
    pthread_t threads[THREADS_MAX];
    struct config *config = argc == 5 ? config_load(argv[1], &err) : NULL;

    if (!config)
        return 2;
    struct work work = {.objects = (unsigned)atoi(argv[2]), .size = (size_t)atoll(argv[3])};
    int count = atoi(argv[4]);
    work.bytes = noise(work.size);
    work.store = store_open(&config->s3, NULL, &err);
    if (!work.bytes || !work.store || count > THREADS_MAX)
        return 2;
    int64_t start = text_monotonic_us();
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, put_main, &work);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    struct store_stats stats;
    store_stats(work.store, &stats);
    printf("%.3f %llu\n", (double)(text_monotonic_us() - start) / 1e6,
           (unsigned long long)stats.requests);
    store_close(work.store);
    return atomic_load(&work.failed) ? 1 : 0;
}
