/* SPDX-License-Identifier: PostgreSQL
 *
 * A manifest's keys as SQL wants them: one array literal of texts for each column of the key.
 *
 *   keylist_new -> keylist_add ... -> keylist_end -> [keylist_reset -> ...] -> keylist_free
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_KEYLIST_H
#define ARCHIVER_KEYLIST_H

#include <stdint.h>

#include "row/shape.h"

struct keylist;
/* The shape, which has a key, must outlive it. */
struct keylist *keylist_new(const struct shape *shape, struct err *err);
void keylist_free(struct keylist *list); /* NULL allowed */
/* One key as the manifest has it. ERR_DATA where it is not of the shape's key columns. */
bool keylist_add(struct keylist *list, const char *key_json, size_t len, struct err *err);
size_t keylist_count(const struct keylist *list);
/* The arrays, "{"1","2"}", one a key column; borrowed until the next call. */
const char *const *keylist_end(struct keylist *list);
void keylist_reset(struct keylist *list);

#endif
