/* SPDX-License-Identifier: PostgreSQL
 *
 * A `where` asked of a whole member: which answers could its rows give, as far as the smallest and
 * largest timestamp and key tell?
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_FILTER_BOUNDS_H
#define ARCHIVER_ROW_FILTER_BOUNDS_H

#include "row/filter.h"
#include "row/filter_node.h"

/* False only where the condition is surely true of no row. */
bool filter_bounds_may_be_true(const struct filter_node *condition, const struct shape *shape,
                               const struct filter_bounds *bounds);

#endif
