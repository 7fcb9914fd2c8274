/* SPDX-License-Identifier: PostgreSQL
 *
 * The limits of S3: 10,000 parts of 5 MiB to 5 GiB, all but the last at least 5 MiB; objects of up
 * to 5 TiB.
 */
#include "store/parts.h"

#include "cases.h"

/* Cuts an object of `bytes` into parts as upload.c does; how many, and the largest. */
static unsigned cut(uint64_t configured, uint64_t bytes, uint64_t *ret_largest)
{
    unsigned count = 0;

    *ret_largest = 0;
    while (bytes > 0) {
        uint64_t part = parts_bytes(configured, count);
        if (part < PARTS_LEAST_BYTES || part > PARTS_MOST_BYTES)
            return UINT32_MAX;
        if (part > bytes)
            part = bytes;
        *ret_largest = part > *ret_largest ? part : *ret_largest;
        bytes -= part;
        count++;
    }
    return count;
}

static void test_ten_thousand_do_for_5_tib_whatever_is_configured(void)
{
    static const uint64_t mib[] = {0, 1, 5, 6, 16, 64, 100, 512, 524, 525, 1000, 5119, 5120, 9000};
    uint64_t largest;

    for (size_t i = 0; i < sizeof(mib) / sizeof(mib[0]); i++) {
        unsigned count = cut(mib[i] * PARTS_MIB, PARTS_OBJECT_BYTES, &largest);
        if (!CHECK(count <= PARTS_MOST))
            printf("    in parts of %llu MiB: %u\n", (unsigned long long)mib[i], count);
    }
}

static void test_10_gib_stay_in_small_parts(void)
{
    uint64_t largest;

    CHECK_INT(cut(5 * PARTS_MIB, 10240 * PARTS_MIB, &largest), 2011);
    CHECK_INT(largest, 22 * PARTS_MIB);
    CHECK_INT(cut(16 * PARTS_MIB, 10240 * PARTS_MIB, &largest), 640);
    CHECK_INT(largest, 16 * PARTS_MIB);
    /* One byte more is one part more. */
    CHECK_INT(cut(16 * PARTS_MIB, 10240 * PARTS_MIB + 1, &largest), 641);
}

static void test_buffers_stay_within_48_mib_while_parts_are_small(void)
{
    for (uint64_t mib = 5; mib <= 5120; mib++) {
        size_t parallel = parts_in_flight(64, mib * PARTS_MIB);
        CHECK(parallel >= 1);
        CHECK(parallel == 1 || (parallel + 1) * mib <= 48);
    }
    CHECK_INT(parts_in_flight(64, 5 * PARTS_MIB), 8);
    CHECK_INT(parts_in_flight(4, 16 * PARTS_MIB), 2);
    CHECK_INT(parts_in_flight(1, 5 * PARTS_MIB), 1);
    /* The last part may be of a few bytes. */
    CHECK_INT(parts_in_flight(4, 1), 4);
}

static const struct test_case cases[] = {
    {"ten thousand do for 5 TiB, whatever is configured",
     test_ten_thousand_do_for_5_tib_whatever_is_configured},
    {"10 GiB stay in small parts", test_10_gib_stay_in_small_parts},
    {"buffers stay within 48 MiB while parts are small",
     test_buffers_stay_within_48_mib_while_parts_are_small},
    {NULL, NULL},
};

const struct test_suite store_parts_suite = {"store/parts", cases};
