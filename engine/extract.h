/* SPDX-License-Identifier: PostgreSQL
 *
 * Rows of archives into a file: as JSON Lines, as they are stored, or as CSV.
 *
 * The file is the owner's alone (0600), is never written over another, and is gone again where it
 * could not be written whole.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_EXTRACT_H
#define ARCHIVER_EXTRACT_H

#include "browse.h"

struct extract_params {
    const struct config *config;
    const struct browse_part *parts;
    size_t part_count;
    const char *where;    /* NULL: all rows */
    const uint64_t *rows; /* in the list of all, ascending; NULL: all (that match) */
    size_t row_count;
    const char *path; /* its ending tells the form: .csv, .jsonl */
    const struct stop *stop;
};

bool extract_run(const struct extract_params *params, uint64_t *ret_rows, struct err *err);

#endif
