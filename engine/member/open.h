/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK: one whole member, found by the index -> lines, checked. What packs it is seen from its
 * first bytes. (An object from its start, in any cut: unpack.h.)
 *
 *   opener_new -> open_member ... -> opener_free
 *
 * Threads: one thread at a time per opener.
 */
#ifndef ARCHIVER_MEMBER_OPEN_H
#define ARCHIVER_MEMBER_OPEN_H

#include "base/err.h"
#include "member/cipher.h"
#include "member/member.h"

struct opener;
/* `cipher`: what the members are encrypted with, borrowed; NULL: they are in the clear. */
struct opener *opener_new(const struct cipher *cipher, struct err *err);
void opener_free(struct opener *opener);
/* One whole member; its index says how much room. Checks tag, CRC, size and digest. Bytes that are
 * neither gzip nor zstd are taken as plain lines where their number is line_bytes and the digest
 * proves them.
 * ERR_DATA says what is damaged. `ret_lines` is reset first, and is empty after a failure. */
bool open_member(struct opener *opener, const void *sealed, size_t len,
                 const struct member_index *index, struct buf *ret_lines, struct err *err);

/* What the first bytes of an object say of it: FCOMMENT of a gzip header, or the frame before
 * zstd's. False: nothing. The buffer is reset first. */
bool open_comment(const void *bytes, size_t len, struct buf *ret_comment);

#endif
