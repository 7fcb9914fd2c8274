/* SPDX-License-Identifier: PostgreSQL
 *
 * Which column of an archive goes into which column of a table, as what; and every difference
 * between the two, said first. Pure: two shapes and rules in, SQL fragments out.
 *
 *   direct         COPY table (columns[].target, ...): each takes its archive column's text
 *   not direct     CREATE TEMP TABLE s (staged[]: the archive's name, staged type), COPY into it,
 *                  INSERT INTO table (columns[].target, ...) SELECT columns[].expression, ... FROM
 * s
 *
 * Where an identity column ALWAYS is written, INSERT wants OVERRIDING SYSTEM VALUE (COPY does it
 * by itself).
 *
 * Not for: reading the target (postgres/introspect), running anything (postgres/import).
 *
 * Threads: immutable once made.
 */
#ifndef ARCHIVER_ROW_MAPPING_H
#define ARCHIVER_ROW_MAPPING_H

#include "row/shape.h"

enum mapping_mode {
    MAPPING_STRICT,  /* any difference refuses */
    MAPPING_LENIENT, /* by name: dropped and defaulted columns are reported; casts that lose refuse
                      */
    MAPPING_TRANSFORM, /* as lenient, and what the rules declare: renames, casts, values */
};

struct mapping_difference {
    /* of the archive's columns: removed (no such column in the table), dropped (by the rules),
     * renamed, retyped, nullable (NOT NULL in the table only), generated, identity;
     * of the table's: added, required (NOT NULL without default) */
    const char *kind;
    const char *column; /* of the archive; of the table for added and required */
    const char *archive_type, *target_type; /* NULL: has none */
    const char *text;                       /* for people: what will happen, or why not */
    bool refuses;
};

/* One column that is written. */
struct mapping_column {
    const char *target; /* name in the table */
    size_t archive;     /* position in the archive's shape; SIZE_MAX: expression without column */
    const char *expression; /* SQL over the staging table, alias s: s."a"::bigint */
};

/* One column of the staging table. */
struct mapping_staged {
    size_t archive;   /* position in the archive's shape, ascending */
    const char *type; /* SQL; reads the archive's text */
};

struct mapping {
    struct arena *arena;
    struct mapping_column *columns; /* in the archive's order, then those without column */
    size_t column_count;
    struct mapping_staged *staged; /* what the expressions need */
    size_t staged_count;
    /* Every column takes its archive column's text as it is: COPY may go straight into the table.
     */
    bool direct;
    bool identity_always; /* an identity column ALWAYS is written */
    struct mapping_difference *differences;
    size_t difference_count;
    bool refused; /* some difference refuses */
};

/* The shapes must outlive the mapping. */
struct mapping_params {
    const struct shape *archive, *target;
    enum mapping_mode mode;
    const char *rules_file;          /* YAML (doc/restore.md); NULL: none; TRANSFORM only */
    const char *const *only_columns; /* of the archive; NULL: all */
    size_t only_count;
};

/* NULL with *err where the rules or only_columns are wrong (ERR_USAGE, ERR_CONFIG with
 * file:line:column). A mapping that is refused is returned, so that all differences can be shown.
 */
struct mapping *mapping_new(const struct mapping_params *params, struct err *err);
void mapping_free(struct mapping *mapping); /* NULL allowed */

#endif
