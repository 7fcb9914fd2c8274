/* SPDX-License-Identifier: PostgreSQL
 *
 * Databases, their tables, the days of archives: what the list of archives is narrowed down by.
 * It grows as archives are found.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_UI_ARCHIVE_TREE_H
#define ARCHIVER_UI_ARCHIVE_TREE_H

#include "table.h"

struct archive_tree;
/* A day of a table; it stays where it is while the tree is there. */
struct archive_day;

struct archive_tree *archive_tree_new(void);
void archive_tree_free(struct archive_tree *tree); /* NULL allowed */
/* `name` is database, schema and table; day "2026-01-31", "" where it is not known. */
const struct archive_day *archive_tree_add(struct archive_tree *tree, const char *database,
                                           const char *name, const char *day);
/* What was added is seen from here on. */
void archive_tree_refresh(struct archive_tree *tree);
void archive_tree_clear(struct archive_tree *tree);

/* Its lines, of which the cursor's is the choice. Draws, moves and filters as any table. */
struct table *archive_tree_table(struct archive_tree *tree);
/* The choice has changed since this was last asked. */
bool archive_tree_moved(struct archive_tree *tree);
bool archive_tree_holds(const struct archive_tree *tree, const struct archive_day *day);
/* "appdb.public.logs, 2026-01-31"; nothing where all is chosen. */
void archive_tree_add_choice(const struct archive_tree *tree, struct buf *text);
/* Opens or closes the line of the cursor; closing what cannot be goes to what it is in. */
void archive_tree_open(struct archive_tree *tree, bool open);
bool archive_tree_is_open(const struct archive_tree *tree);

#endif
