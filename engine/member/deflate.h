/* SPDX-License-Identifier: PostgreSQL
 *
 * DEFLATE (RFC 1951) for JSON lines, which knows that one row is like the one before: it follows
 * the earlier row while both say the same, skips to where a value ends in both, and searches only
 * in what differs. Bytes of any other kind come back as well, but are not made small.
 *
 *   deflate_new -> deflate_lines ... -> deflate_free
 *
 * Equal lines give equal bytes. Nothing is stored uncompressed: what does not get smaller is
 * somebody else's.
 *
 * Threads: one thread at a time per deflate.
 */
#ifndef ARCHIVER_MEMBER_DEFLATE_H
#define ARCHIVER_MEMBER_DEFLATE_H

#include <stddef.h>

enum { DEFLATE_LEAST = 2, DEFLATE_MOST = 6 }; /* levels, about as small as gzip's */

struct deflate;
struct deflate *deflate_new(int level);
void deflate_free(struct deflate *deflate); /* NULL allowed */
/* At most 2 GiB. How many bytes it made; 0: they did not fit into `room`, or were no fewer. */
size_t deflate_lines(struct deflate *deflate, const void *lines, size_t len, void *ret,
                     size_t room);

#endif
