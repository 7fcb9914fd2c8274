/* SPDX-License-Identifier: PostgreSQL
 *
 * A configuration file that is changed option by option, with its comments, its order and all that
 * is not touched left as they are.
 *
 *   edit_open -> edit_group ... edit_said ... edit_set ... -> edit_text (-> edit_save) -> edit_free
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_CONFIG_EDIT_H
#define ARCHIVER_CONFIG_EDIT_H

#include "config/config.h"
#include "config/options.h"

struct edit;
struct edit *edit_open(const char *path, struct err *err);
void edit_free(struct edit *edit); /* NULL allowed */

/* The parts of the file: its sections, databases and tables, in the file's order; those that could
 * be there and are not, last. */
struct edit_group {
    const char *title; /* "s3", "database appdb", "table appdb.public.logs" */
    bool there;
};
bool edit_group(const struct edit *edit, size_t i, struct edit_group *ret_group);
/* The options of a part that can be edited as one value each. NULL behind the last. */
const struct option_row *edit_option(const struct edit *edit, size_t group, size_t i);
/* What the file says, or what was set since; NULL: nothing. A secret is "" where it is said. */
const char *edit_said(const struct edit *edit, size_t group, const struct option_row *row);
/* What holds where the part says nothing: what stands above it, or the default; NULL: nothing. */
const char *edit_inherited(const struct edit *edit, size_t group, const struct option_row *row);
/* NULL or "": says nothing any more. ERR_CONFIG where the option may not be that, or where the
 * value is written in a way that cannot be changed (a list, several lines, an anchor, another
 * file). */
bool edit_set(struct edit *edit, size_t group, const struct option_row *row, const char *text,
              struct err *err);
size_t edit_changes(const struct edit *edit);

/* The file with the changes. ERR_CONFIG where it would not load. */
bool edit_text(const struct edit *edit, struct buf *ret_text, struct err *err);
/* What that changes, line by line. */
bool edit_diff(const struct edit *edit, struct buf *ret_text, struct err *err);
/* Whole or not at all, with the mode that the file has. ERR_EXISTS where somebody else has changed
 * it since it was opened. */
bool edit_save(struct edit *edit, struct err *err);

#endif
