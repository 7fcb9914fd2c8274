/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: about 1 MiB of JSON lines that is compressed, checked and opened on its own.
 *
 * On the way out: the table worker fills `lines`, `keys`, rows and bounds; seal_member adds
 * `sealed` and the digest; the writer adds offset and drops the bytes. On the way back the index
 * entry says where it is.
 *
 * Threads: belongs to one thread at a time; handed on by lane.
 */
#ifndef ARCHIVER_MEMBER_MEMBER_H
#define ARCHIVER_MEMBER_MEMBER_H

#include <stdint.h>

#include "base/buf.h"

/* What stays known of a member: its line in the member index of metadata.json. */
struct member_index {
    uint64_t offset, length;  /* bytes in the object */
    uint64_t first_row, rows; /* in the object, from 0 */
    uint64_t line_bytes;      /* uncompressed */
    uint8_t sha256[32];       /* of the lines */
    int64_t min_us, max_us;   /* timestamp column; INT64_MAX and INT64_MIN: none */
    char *min_key, *max_key;  /* JSON values; NULL: not known; owned by whoever owns the index */
};

struct member {
    struct member_index index;
    struct buf lines;  /* JSON lines, each ending in \n */
    struct buf keys;   /* the rows' keys, one JSON value a line, each ending in \n; empty: no key */
    struct buf sealed; /* one gzip member; encrypted: its ciphertext and tag */
};

#endif
