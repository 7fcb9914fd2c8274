/* SPDX-License-Identifier: PostgreSQL
 *
 * The batches that no catalog line names, as the store has them: what recover would decide.
 *
 *   unsettled_init -> unsettled_look ... -> unsettled_done
 *
 * Threads: the painting thread; none of it blocks.
 */
#ifndef ARCHIVER_UI_UNSETTLED_H
#define ARCHIVER_UI_UNSETTLED_H

#include "config/config.h"
#include "task.h"

struct unsettled_batch {
    char *key;            /* of its data */
    char archived_at[40]; /* "": not known */
    uint64_t rows;        /* 0: not known */
};

struct unsettled {
    struct tasks *tasks; /* borrowed, with the config */
    const struct config *config;
    struct unsettled_batch *batches; /* by their keys */
    size_t count;
    unsigned looks; /* that came to their end */
    struct err err; /* why the last did not work */
};

void unsettled_init(struct unsettled *unsettled, struct tasks *tasks, const struct config *config);
void unsettled_done(struct unsettled *unsettled);
/* As a task; nothing where one is at it. What was known stays until then. */
void unsettled_look(struct unsettled *unsettled);
/* SIZE_MAX: it is none of them. */
size_t unsettled_find(const struct unsettled *unsettled, const char *key);

#endif
