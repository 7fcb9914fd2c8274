/* SPDX-License-Identifier: PostgreSQL */
#include "progress.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"

struct progress {
    pthread_mutex_t lock;
    struct progress_snapshot snapshot;
};

struct progress *progress_new(void)
{
    struct progress *progress = mem_alloc(sizeof(*progress));

    pthread_mutex_init(&progress->lock, NULL);
    progress->snapshot.rows_total = -1;
    return progress;
}

void progress_free(struct progress *progress)
{
    if (!progress)
        return;
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}

void progress_read(struct progress *progress, struct progress_snapshot *ret_snapshot)
{
    pthread_mutex_lock(&progress->lock);
    *ret_snapshot = progress->snapshot;
    pthread_mutex_unlock(&progress->lock);
}

void progress_change(struct progress *progress,
                     void (*change)(struct progress_snapshot *, const void *), const void *arg)
{
    pthread_mutex_lock(&progress->lock);
    change(&progress->snapshot, arg);
    pthread_mutex_unlock(&progress->lock);
}

const char *progress_phase_name(enum progress_phase phase)
{
    static const char *const names[] = {
        [PHASE_SELECT] = "select", [PHASE_ENCODE] = "encode", [PHASE_COMPRESS] = "compress",
        [PHASE_UPLOAD] = "upload", [PHASE_VERIFY] = "verify", [PHASE_COMMIT] = "commit",
        [PHASE_VACUUM] = "vacuum",
    };

    return names[phase];
}
