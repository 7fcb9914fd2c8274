/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: the bytes of an object, from its start and in any cut -> lines, in memory that does not
 * grow with it: gzip (zlib; the earlier archiver's too), zstd, or as they are.
 *
 *   unpack_new -> unpack_add ... -> unpack_end -> unpack_free
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_MEMBER_UNPACK_H
#define ARCHIVER_MEMBER_UNPACK_H

#include "base/err.h"
#include "member/packing.h"

/* Gets decompressed bytes, any cut. False stops the work with *err. */
typedef bool (*unpack_sink)(const char *bytes, size_t len, void *state, struct err *err);

struct unpack;
struct unpack *unpack_new(enum packing packing, unpack_sink sink, void *state, struct err *err);
/* Members one after another, as many as come. After a false it is of no more use. */
bool unpack_add(struct unpack *unpack, const void *bytes, size_t len, struct err *err);
bool unpack_end(struct unpack *unpack, struct err *err); /* ERR_DATA: cut short */
void unpack_free(struct unpack *unpack);

#endif
