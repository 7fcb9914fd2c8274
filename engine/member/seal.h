/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT: lines -> SHA-256 -> one gzip member (libdeflate), read back in memory and compared byte for
 * byte, lines counted, before anybody may believe it.
 *
 *   sealer_new -> seal_member ... -> sealer_free
 *
 * Equal lines, level and comment give equal bytes. Not for: where a member stands in the object
 * (the writer adds offset), keys and bounds.
 *
 * Threads: one sealer a thread at a time; cheap to keep, dear to make.
 */
#ifndef ARCHIVER_MEMBER_SEAL_H
#define ARCHIVER_MEMBER_SEAL_H

#include "base/err.h"
#include "member/member.h"

struct sealer;
/* level: 1..12, 0 for stored blocks. gzip false: `sealed` becomes a copy of the lines, level and
 * comment mean nothing.
 */
struct sealer *sealer_new(bool gzip, int level, struct err *err);
void sealer_free(struct sealer *sealer);
/* Fills member->sealed, index.length, index.line_bytes, index.sha256 from member->lines and
 * index.rows. `comment` (may be NULL) goes into the gzip header's FCOMMENT field. ERR_DATA where
 * what comes out again is not what went in, the number of lines is not index.rows, or there are
 * more than 2 GiB of them. */
bool seal_member(struct sealer *sealer, struct member *member, const char *comment,
                 struct err *err);

#endif
