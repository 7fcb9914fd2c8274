/* SPDX-License-Identifier: PostgreSQL */
#include "store/retry.h"

#define SHORTEST_MS 10

int64_t retry_wait_ms(unsigned tries, uint32_t random, int64_t asked_s)
{
    int64_t bound = RETRY_FIRST_MS;
    int64_t asked = asked_s > RETRY_ASKED_MS / 1000 ? RETRY_ASKED_MS : asked_s * 1000;

    for (unsigned i = 1; i < tries && bound < RETRY_BOUND_MS; i++)
        bound *= 2;
    if (bound > RETRY_BOUND_MS)
        bound = RETRY_BOUND_MS;
    int64_t spread = (int64_t)((uint64_t)random * (uint64_t)bound / UINT32_MAX);
    int64_t wait = spread > SHORTEST_MS ? spread : SHORTEST_MS;
    /* On top of what was asked for, so that not all come back at that very moment. */
    return asked > 0 ? asked + spread / 4 : wait;
}
