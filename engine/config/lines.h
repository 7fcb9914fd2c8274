/* SPDX-License-Identifier: PostgreSQL
 *
 * A configuration file as lines of text, changed one by one, so that comments and order stay.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_CONFIG_LINES_H
#define ARCHIVER_CONFIG_LINES_H

#include "base/buf.h"
#include "config/yaml.h"

struct lines {
    char **items; /* line 1 is items[0] */
    size_t count;
};

bool lines_read(const char *path, struct lines *ret_lines, struct err *err);
void lines_done(struct lines *lines);
void lines_text(const struct lines *lines, struct buf *ret_text);
/* In front of line `at` (from 1; one more than there are: at the end). */
void lines_insert(struct lines *lines, int at, const char *text);
void lines_replace(struct lines *lines, int at, const char *text);
void lines_remove(struct lines *lines, int from, int to);
/* The last line that belongs to a key at this place: deeper ones, and items of a list that stand as
 * deep. */
int lines_last_of(const struct lines *lines, int line, int column, bool is_list);
/* A map of the file `path` whose keys stand on lines of their own; ERR_CONFIG with what to do. */
bool lines_check_map(const char *path, const struct yaml_node *map, struct err *err);

#endif
