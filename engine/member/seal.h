/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT: lines -> SHA-256 -> one gzip member (libdeflate) or zstd frame -> encrypted where there is a
 * cipher; read back in memory and compared byte for byte, lines counted, before anybody may believe
 * it.
 *
 *   sealer_new -> seal_member ... -> sealer_free
 *
 * Equal lines, level, comment and cipher give equal bytes. Not for: where a member stands in the
 * object (the writer adds offset), keys and bounds.
 *
 * Threads: one sealer a thread at a time; cheap to keep, dear to make.
 */
#ifndef ARCHIVER_MEMBER_SEAL_H
#define ARCHIVER_MEMBER_SEAL_H

#include "base/err.h"
#include "member/cipher.h"
#include "member/member.h"
#include "member/packing.h"

struct sealer;
/* level: 1..12, 0: gzip of stored blocks; gzip's 5 and 6 are the same. PACKING_NONE: `sealed`
 * becomes a copy of the lines, level and comment mean nothing. */
struct sealer *sealer_new(enum packing packing, int level, struct err *err);
void sealer_free(struct sealer *sealer);
/* Fills member->sealed, index.length, index.line_bytes, index.sha256 from member->lines and
 * index.rows. `comment` (may be NULL) goes into the gzip header's FCOMMENT field, or a frame before
 * zstd's. With `cipher`
 * (NULL: in the clear) the member is encrypted for its place, which is index.first_row. ERR_DATA
 * where what comes out again is not what went in, the number of lines is not index.rows, or there
 * are more than 2 GiB of them. */
bool seal_member(struct sealer *sealer, struct member *member, const char *comment,
                 const struct cipher *cipher, struct err *err);
/* What an encrypted object begins with, in the clear: a gzip member without lines that has the
 * comment. Appends. */
void seal_head(const char *comment, struct buf *ret);

#endif
