/* SPDX-License-Identifier: PostgreSQL */
#include "store/parts.h"

#define ALIKE         2000
#define STEP_PARTS    100
#define STEP_BYTES    (17 * PARTS_MIB)
#define BUFFERS_BYTES (48 * PARTS_MIB)

uint64_t parts_bytes(uint64_t configured_bytes, unsigned count)
{
    uint64_t bytes = configured_bytes < PARTS_LEAST_BYTES ? PARTS_LEAST_BYTES : configured_bytes;

    if (count >= ALIKE)
        bytes += ((count - ALIKE) / STEP_PARTS + 1) * STEP_BYTES;
    return bytes < PARTS_MOST_BYTES ? bytes : PARTS_MOST_BYTES;
}

size_t parts_in_flight(size_t configured, uint64_t part_bytes)
{
    size_t room = (size_t)(BUFFERS_BYTES / part_bytes);
    size_t most = room > 2 ? room - 1 : 1;

    return configured < most ? configured : most;
}
