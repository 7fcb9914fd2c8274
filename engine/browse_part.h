/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: the archives that are browsed, one of them open at a time.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_BROWSE_PART_H
#define ARCHIVER_BROWSE_PART_H

#include "browse.h"

struct browse_archive {
    char *key;
    uint64_t first, rows; /* in the list; rows UNKNOWN until it was opened */
    bool noted;           /* that somebody looked */
};

struct browse {
    const struct config *config;
    char *where;
    struct stop *stop;
    struct browse_archive *parts;
    size_t part_count;
    /* the one that is open */
    struct reader *reader; /* NULL: none */
    size_t part;
    size_t *columns; /* of its columns in ours */
    /* what all have */
    struct arena *arena; /* names and types */
    char **names;
    const struct type **types;
    size_t column_count;
    const char *timestamp;
    /* of a filter */
    size_t next_part;
    uint64_t matches;
    bool end;
    struct store_stats spent; /* by readers that are closed */
};

/* A reader of its own for one archive; the caller closes it with browse_close_reader. */
struct reader *browse_open_reader(struct browse *browse, size_t part, const char *where,
                                  struct err *err);
void browse_close_reader(struct browse *browse, struct reader *reader);

#endif
