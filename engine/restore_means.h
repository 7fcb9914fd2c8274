/* SPDX-License-Identifier: PostgreSQL
 *
 * What all tables' turns in a restore work with: the store, the archives that are meant, a table's
 * together, and where each table's rows go. For restore and restore_compare only.
 *
 *   restore_means_open -> restore_means_end, restore_means_table ... -> restore_means_done
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_RESTORE_MEANS_H
#define ARCHIVER_RESTORE_MEANS_H

#include "restore_table.h"

struct restore_means {
    const struct restore_params *params;
    struct store *store;
    struct sources sources;
    struct earlier_schemas *schemas;
    struct keyring *keyring;
    struct arena *arena;
    struct config_database url; /* the target where one is given as a URL; name NULL: none is */
};

/* ERR_NOT_FOUND where no archive is meant, ERR_USAGE where --to-table has several sources. To be
 * done after a failure, too. */
bool restore_means_open(struct restore_means *means, const struct restore_params *params,
                        struct err *err);
void restore_means_done(struct restore_means *means);
/* Behind the last archive of the table that the archive at `first` is of. */
size_t restore_means_end(const struct restore_means *means, size_t first);
/* The turn of the table whose archives begin at `first`; without pool and limit. */
bool restore_means_table(const struct restore_means *means, size_t first,
                         struct restore_table_params *ret_table, struct err *err);

#endif
