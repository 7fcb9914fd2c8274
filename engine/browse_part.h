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
    uint64_t rows; /* UNKNOWN until it was opened */
    bool noted;    /* that somebody looked */
};

/* What was searched for last, with the archive that it stands in: the next search for the same
 * goes on in what is held. */
struct browse_searched {
    char *text;            /* NULL: nothing yet */
    bool is_where;         /* an expression; else it is looked for */
    struct reader *reader; /* of `part`; NULL: none */
    size_t part;
    struct buf value;
};

struct browse {
    const struct config *config;
    char *where;
    struct stop *stop;
    struct browse_archive *parts;
    uint64_t *firsts; /* rows of the list that they begin with */
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
    struct browse_searched searched;
    struct store_stats spent; /* by readers that are closed */
};

/* A reader of its own for one archive; the caller closes it with browse_close_reader. */
struct reader *browse_open_reader(struct browse *browse, size_t part, const char *where,
                                  struct err *err);
void browse_close_reader(struct browse *browse, struct reader *reader);
/* Where a row of the list stands. */
void browse_place(const struct browse *browse, uint64_t row, size_t *ret_part, uint64_t *ret_row);
void browse_forget_search(struct browse *browse);

#endif
