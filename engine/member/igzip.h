/* SPDX-License-Identifier: PostgreSQL
 *
 * DEFLATE (RFC 1951) by ISA-L's igzip, for level 1: twice as fast as libdeflate's own level 1, and
 * as small as gzip -1 at least. Optional: not everybody has ISA-L (amd64, arm64).
 *
 *   igzip_new -> igzip_deflate ... -> igzip_free
 *
 * Threads: one thread at a time per igzip.
 */
#ifndef ARCHIVER_MEMBER_IGZIP_H
#define ARCHIVER_MEMBER_IGZIP_H

#include <stddef.h>

struct igzip;
struct igzip *igzip_new(void);        /* NULL: built without ISA-L */
void igzip_free(struct igzip *igzip); /* NULL allowed */
/* At most 4 GiB. How many bytes it made; 0: they did not fit into `room`. */
size_t igzip_deflate(struct igzip *igzip, const void *bytes, size_t len, void *ret, size_t room);

#endif
