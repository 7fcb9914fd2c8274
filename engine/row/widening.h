/* SPDX-License-Identifier: PostgreSQL
 *
 * Which types take which others' values without losing one: a written-down table, never a guess.
 *
 * Not for: deciding what happens to a column (row/mapping), running a cast.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_WIDENING_H
#define ARCHIVER_ROW_WIDENING_H

#include "row/shape.h"

enum widening {
    WIDENING_EQUAL, /* the same type */
    WIDENING_ALIKE, /* another name for the same text: a domain and its base, the same type in
                       another schema */
    WIDENING_CAST,  /* an explicit cast keeps every value, or fails loudly */
    WIDENING_LOSES, /* values could change, or nobody knows */
};

/* What becomes of a value of type `from` in a column of type `to`. */
enum widening widening_of(const struct type *from, const struct type *to);
/* The type that a column of a staging table has for this type of an archive: its own where every
 * server knows it, below a domain the base, else "text" (which reads any type's text). Borrowed
 * from the type, or static. */
const char *widening_staging(const struct type *type);

#endif
