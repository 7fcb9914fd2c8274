/* SPDX-License-Identifier: PostgreSQL
 *
 * What a restore would do with each column, before it is asked to do it: the archive's columns
 * beside the table's. The answer for a table is that of its newest archive; of earlier runs one
 * archive each is looked at, and what only they have stands behind it.
 *
 * No row is read and nothing is written.
 *
 * Threads: one thread at a time per call; blocks; ends early where params->stop is asked.
 */
#ifndef ARCHIVER_RESTORE_COMPARE_H
#define ARCHIVER_RESTORE_COMPARE_H

#include "restore.h"

enum restore_becomes { /* names in restore_becomes_name */
                       BECOMES_SAME,
                       BECOMES_RENAMED,
                       BECOMES_CAST,
                       BECOMES_DROPPED,   /* goes nowhere */
                       BECOMES_COMPUTED,  /* by the table */
                       BECOMES_DEFAULTED, /* of the table: its default, a number, or NULL */
                       BECOMES_FILLED,    /* of the table: as the mapping says */
                       BECOMES_MISSING,   /* of the table: it has to have a value and gets none */
};

struct restore_column {
    const char *archive, *archive_type; /* NULL: the table's alone */
    const char *target, *target_type;   /* NULL: the archive's alone */
    enum restore_becomes becomes;
    const char *text; /* for people: what that means, or why not; "" */
    bool refuses;
    bool earlier; /* only archives of earlier runs have it */
};

struct restore_comparison {                /* of one table */
    const char *from;                      /* database.schema.table, as archived */
    const char *database, *schema, *table; /* where to */
    bool exists;                           /* the table; else it will be made */
    bool refused;                          /* some column refuses, in some archive */
    size_t archives, looked_at;
    uint64_t rows, bytes; /* of the archives as they are, whatever part of them is wanted */
    struct restore_column *columns; /* the archive's in their order, then the table's alone */
    size_t column_count;
};

struct restore_compare {
    struct arena *arena; /* of everything here */
    struct restore_comparison *tables;
    size_t table_count;
};

/* `params` as for restore_run. ERR_PREFLIGHT where a table is not there and is not to be made. */
bool restore_compare(const struct restore_params *params, struct restore_compare *ret_compare,
                     struct err *err);
void restore_compare_done(struct restore_compare *compare); /* takes a zeroed one too */
const char *restore_becomes_name(enum restore_becomes becomes);

#endif
