/* SPDX-License-Identifier: PostgreSQL
 *
 * How large the parts of a multipart upload are, when nobody knows yet how large the object will
 * become. S3 takes 10,000 parts of 5 MiB to 5 GiB and objects of 5 TiB; all parts but the last have
 * the size asked for here.
 *
 * The first 2,000 are of the configured size: some servers want all parts alike, and memory stays
 * small up to 10 GiB in parts of 5 MiB. From there on each hundred is 17 MiB larger, so that 10,000
 * always do for 5 TiB.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_STORE_PARTS_H
#define ARCHIVER_STORE_PARTS_H

#include <stddef.h>
#include <stdint.h>

#define PARTS_MIB          ((uint64_t)1 << 20)
#define PARTS_MOST         10000                   /* S3's */
#define PARTS_LEAST_BYTES  (5 * PARTS_MIB)         /* S3's, for all but the last */
#define PARTS_MOST_BYTES   (5120 * PARTS_MIB)      /* S3's */
#define PARTS_OBJECT_BYTES (5 * (PARTS_MIB << 20)) /* S3's: 5 TiB */

/* Bytes of the part after the first `count` ones. */
uint64_t parts_bytes(uint64_t configured_bytes, unsigned count);
/* How many parts of this size may be on their way at a time: `configured`, but no more than 48 MiB
 * hold together with the one being filled; at least one. */
size_t parts_in_flight(size_t configured, uint64_t part_bytes);

#endif
