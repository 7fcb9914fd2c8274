/* SPDX-License-Identifier: PostgreSQL
 *
 * The rules of a transformation (doc/restore.md, "Schema and mapping"), read from YAML and checked
 * against both shapes: every column they name is there.
 *
 * Not for: what follows from them (row/mapping).
 *
 * Threads: immutable once read.
 */
#ifndef ARCHIVER_ROW_MAPPING_RULES_H
#define ARCHIVER_ROW_MAPPING_RULES_H

#include "config/yaml.h"
#include "row/shape.h"

/* What becomes of a column of the archive. */
struct mapping_rule {
    const struct yaml_node *node; /* where it stands */
    size_t archive;               /* position in the archive's shape */
    size_t target;                /* position in the table's; SIZE_MAX: dropped, or not said */
    bool drop;
    const char *using; /* SQL; NULL: not said */
};

/* Where the values of a column of the table come from that the archive does not have. */
struct mapping_source {
    const struct yaml_node *node;
    size_t target;
    const char *using; /* SQL; NULL: `value` */
    const char *value; /* literal text; NULL: SQL NULL */
};

struct mapping_rules {
    struct mapping_rule *rules;
    size_t rule_count;
    struct mapping_source *sources;
    size_t source_count;
};

/* All in `arena`. NULL with ERR_CONFIG, file:line:column, and the nearest name. */
struct mapping_rules *mapping_rules_load(const char *path, const struct shape *archive,
                                         const struct shape *target, struct arena *arena,
                                         struct err *err);
/* The column named most like `name`, or NULL. */
const char *mapping_rules_nearest(const struct shape *shape, const char *name);

#endif
