/* SPDX-License-Identifier: PostgreSQL */
#include "unsettled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "reader.h"

struct ask {
    const struct config *config;
    const struct stop *stop;
    struct unsettled_batch *batches;
    size_t count;
    struct err err;
};

static void free_batches(struct unsettled_batch *batches, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(batches[i].key);
    free(batches);
}

static void drop_ask(void *arg)
{
    struct ask *ask = arg;

    free_batches(ask->batches, ask->count);
    free(ask);
}

static bool take_archive(const struct reader_archive *a, void *state, struct err *err)
{
    struct ask *ask = state;

    if (stop_asked(ask->stop))
        return err_set(err, ERR_INTERRUPTED, "stopped");
    if (strcmp(a->state, "pending") != 0)
        return true;
    ask->batches = mem_grow(ask->batches, (ask->count + 1) * sizeof(*ask->batches));
    struct unsettled_batch *b = &ask->batches[ask->count++];
    *b = (struct unsettled_batch){.key = mem_strdup(a->key), .rows = a->records};
    snprintf(b->archived_at, sizeof(b->archived_at), "%s", a->archived_at ? a->archived_at : "");
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct unsettled_batch *one = a, *other = b;

    return strcmp(one->key, other->key);
}

static void look(struct task *task, void *arg)
{
    struct ask *ask = arg;
    struct reader_list_params params = {.config = ask->config, .stop = task_stop(task)};

    ask->stop = task_stop(task);
    reader_list(&params, take_archive, ask, &ask->err);
    if (ask->count > 0)
        qsort(ask->batches, ask->count, sizeof(*ask->batches), by_key);
}

static void take(void *owner, void *arg)
{
    struct unsettled *u = owner;
    struct ask *ask = arg;

    free_batches(u->batches, u->count);
    u->batches = ask->batches;
    u->count = ask->count;
    u->err = ask->err;
    u->looks++;
    ask->batches = NULL;
    ask->count = 0;
}

void unsettled_init(struct unsettled *u, struct tasks *tasks, const struct config *config)
{
    *u = (struct unsettled){.tasks = tasks, .config = config};
}

void unsettled_done(struct unsettled *u)
{
    tasks_forget(u->tasks, u);
    free_batches(u->batches, u->count);
}

void unsettled_look(struct unsettled *u)
{
    if (tasks_busy(u->tasks, u))
        return;
    struct ask *ask = mem_alloc(sizeof(*ask));
    ask->config = u->config;
    struct task_params params = {.title = "looking for unsettled batches",
                                 .owner = u,
                                 .arg = ask,
                                 .err = &ask->err,
                                 .work = look,
                                 .done = take,
                                 .drop = drop_ask};
    tasks_start(u->tasks, &params);
}

size_t unsettled_find(const struct unsettled *u, const char *key)
{
    struct unsettled_batch wanted = {.key = (char *)key}; /* only compared */
    const struct unsettled_batch *found =
        u->count > 0 ? bsearch(&wanted, u->batches, u->count, sizeof(*u->batches), by_key) : NULL;

    return found ? (size_t)(found - u->batches) : SIZE_MAX;
}
