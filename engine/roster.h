/* SPDX-License-Identifier: PostgreSQL
 *
 * Which table of a run comes next, for as many threads as work on tables at a time: in the config's
 * order, `parallel_tables` of a database, one database after the other or `max_parallel_databases`
 * at a time. A table that another run holds comes again when all others are through: once, and for
 * as long as its `lock_wait_seconds` say.
 *
 *   roster_new -> { roster_take -> its turn -> roster_over or roster_held }... until it says done
 *
 * Threads: any (own lock).
 */
#ifndef ARCHIVER_ROSTER_H
#define ARCHIVER_ROSTER_H

#include "base/queue.h"
#include "targets.h"

struct roster;
/* Both are borrowed. */
struct roster *roster_new(const struct config *config, const struct targets *targets);
void roster_free(struct roster *roster); /* NULL allowed */
/* Threads that can have something to do at a time. */
size_t roster_threads(const struct roster *roster);
/* Blocks until a table may begin. False: there is none any more for this thread. Once `stop` is
 * asked nothing is waited for: what is left comes at once. */
bool roster_take(struct roster *roster, const struct stop *stop, size_t *ret_number);
/* Its turn is over. */
void roster_over(struct roster *roster, size_t number);
/* Another run holds it. False: it was the last try; true: it comes again. */
bool roster_held(struct roster *roster, size_t number);

#endif
