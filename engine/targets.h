/* SPDX-License-Identifier: PostgreSQL
 *
 * Which tables of the config an operation is about: the filters -d and -t, applied the same way
 * everywhere.
 *
 * Threads: immutable input, any thread.
 */
#ifndef ARCHIVER_TARGETS_H
#define ARCHIVER_TARGETS_H

#include "config/config.h"

struct target {
    const struct config_database *database;
    const struct config_table *table;
};

struct targets {
    struct target *items; /* in the config's order */
    size_t count;
};

/* ERR_USAGE naming the nearest where nothing matches. Filters: NULL matches all; without schema, a
 * table matches in any schema. */
bool targets_find(const struct config *config, const char *database, const char *schema,
                  const char *table, struct targets *ret_targets, struct err *err);
void targets_done(struct targets *targets);

#endif
