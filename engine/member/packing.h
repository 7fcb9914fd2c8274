/* SPDX-License-Identifier: PostgreSQL
 *
 * How the members of an object are compressed, as a table of names.
 *
 * Threads: pure.
 */
#ifndef ARCHIVER_MEMBER_PACKING_H
#define ARCHIVER_MEMBER_PACKING_H

#include <stdbool.h>

enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

const char *packing_name(enum packing packing); /* as metadata.json and the option have it */
bool packing_of(const char *name, enum packing *ret_packing);
/* ".jsonl.gz": what a data object's key ends in; `encrypted`: ".jsonl.gz.enc". */
const char *packing_suffix(enum packing packing, bool encrypted);

#endif
