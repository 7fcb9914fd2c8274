/* SPDX-License-Identifier: PostgreSQL
 *
 * What people and programs read: tables, verdicts, the error line, JSON documents.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_SRC_OUTPUT_H
#define ARCHIVER_SRC_OUTPUT_H

#include <stdio.h>

#include "base/json.h"
#include "command.h"

enum output_color { COLOR_NONE, COLOR_GOOD, COLOR_WARN, COLOR_BAD, COLOR_DIM };

/* Whether stdout takes colours: a terminal, no NO_COLOR, no --no-color. Before any other call. */
void output_setup(const struct options *options);
/* `text` padded to `width` columns, in colour where colours are on. */
void output_colored(enum output_color color, const char *text, int width);

/* One line on stderr, or the JSON document on stdout. */
void output_error(const struct err *err, bool json);
/* Ends a JSON document and prints it. */
void output_json(struct buf *json);

/* Rows under headers, as wide as they need; numbers to the right. */
struct output_table;
struct output_column {
    const char *header;
    bool right;
};
struct output_table *output_table_new(const struct output_column *columns, size_t count);
/* On a terminal that is too narrow the column is left out; those named first go first. */
void output_table_spare(struct output_table *table, size_t column);
void output_table_add(struct output_table *table, const char *cell); /* NULL: nothing */
void output_table_addf(struct output_table *table, const char *format, ...) ERR_PRINTF(2, 3);
void output_table_add_count(struct output_table *table, int64_t count); /* negative: unknown */
void output_table_add_bytes(struct output_table *table, uint64_t bytes);
void output_table_print(const struct output_table *table);
void output_table_free(struct output_table *table);

#endif
