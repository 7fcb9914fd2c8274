/* SPDX-License-Identifier: PostgreSQL
 *
 * OUT: lines -> SHA-256 -> one gzip member (libdeflate), read back in memory and compared byte for
 * byte, lines counted, before anybody may believe it.
 *
 * Threads: one sealer a thread (member_sealer_new is cheap to keep, dear to make).
 */
#ifndef ARCHIVER_MEMBER_SEAL_H
#define ARCHIVER_MEMBER_SEAL_H

#include "base/err.h"
#include "member/member.h"

struct sealer;
/* level 1..12 for gzip; 0: stored uncompressed inside gzip members is not meant: use `gzip` false
 * for plain lines */
struct sealer *sealer_new(bool gzip, int level, struct err *err);
void sealer_free(struct sealer *sealer);
/* Fills member->sealed, index.length, index.line_bytes, index.sha256. `comment` (may be NULL) goes
 * into the gzip header's FCOMMENT field. ERR_DATA where what comes out again is not what went in,
 * or the number of lines that do is not index.rows. */
bool seal_member(struct sealer *sealer, struct member *member, const char *comment,
                 struct err *err);

#endif
