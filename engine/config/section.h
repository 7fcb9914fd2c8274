/* SPDX-License-Identifier: PostgreSQL
 *
 * A map of the file, read into structs by the option table: which keys there may be, what they are
 * worth, what is missing, what is accepted without effect and what is refused. Knows no option by
 * name.
 *
 * Not for: inheritance and rules between options (config.c).
 * Threads: one thread.
 */
#ifndef ARCHIVER_CONFIG_SECTION_H
#define ARCHIVER_CONFIG_SECTION_H

#include "base/buf.h"
#include "base/err.h"
#include "config/options.h"
#include "config/yaml.h"

struct section_reader {
    struct arena *arena;
    bool old;              /* version 1.0 or 2.0: unknown keys are warnings */
    bool *warned;          /* one a row of the table: a key without effect is told once */
    const char **warnings; /* malloc'd array of lines in the arena */
    size_t warning_count, warning_cap;
};

/* Where the values of a map go. */
struct section_place {
    const char *name; /* for messages: "s3", "appdb.tables[2]"; "" at the top */
    struct {
        enum option_section section;
        void *base;
    } into[2];
    size_t count;
};

/* Everything in a map but the sections below it. */
bool section_read(struct section_reader *r, const struct section_place *place,
                  const struct yaml_node *map, struct err *err);
/* A section of `root` with its defaults; *ret_map is NULL where it is not there. */
bool section_below(struct section_reader *r, const struct yaml_node *root,
                   enum option_section section, void *base, const struct yaml_node **ret_map,
                   struct err *err);
/* A section that this version does not act on: fails unless it says enabled: false. */
bool section_later(struct section_reader *r, const struct yaml_node *root,
                   enum option_section section, struct err *err);
/* An error unless the node is a map. */
bool section_is_map(const struct yaml_node *node, const char *name, struct err *err);
/* The error of a required key that is not there. */
bool section_missing(const struct option_row *row, const struct section_place *place,
                     const struct yaml_node *map, struct err *err);
/* "what: file:line:column: why (hint)" among the warnings; hint may be NULL. */
void section_warn(struct section_reader *r, const struct yaml_node *node, const char *what,
                  const char *why, const char *hint);

#endif
