/* SPDX-License-Identifier: PostgreSQL
 *
 * The grammar of `where`, with PostgreSQL's precedence: text -> tree. doc/where.md describes it.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_ROW_FILTER_PARSE_H
#define ARCHIVER_ROW_FILTER_PARSE_H

#include "row/filter_node.h"

/* The tree stands in the arena; `*ret_nodes` are to be freed by filter_nodes_free in any case.
 * NULL: ERR_USAGE. */
struct filter_node *filter_parse(const char *text, const struct shape *shape, struct arena *arena,
                                 struct filter_node **ret_nodes, struct err *err);

#endif
