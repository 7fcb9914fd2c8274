/* SPDX-License-Identifier: PostgreSQL */
#include "member/huffman.h"

#include "cases.h"

#define SYMBOLS 40

/* How much of all codes of `limit` bits is taken. */
static uint64_t taken(const uint8_t *lengths, size_t symbols, unsigned limit)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < symbols; i++)
        if (lengths[i] > 0)
            sum += UINT64_C(1) << (limit - lengths[i]);
    return sum;
}

/* Counts that grow like Fibonacci's ask for codes as long as there are symbols. */
static void test_no_code_is_longer(void)
{
    uint32_t counts[SYMBOLS] = {1, 1};
    uint8_t lengths[SYMBOLS];

    for (size_t i = 2; i < SYMBOLS; i++)
        counts[i] = counts[i - 1] + counts[i - 2];
    for (unsigned limit = 6; limit <= HUFFMAN_BITS_MAX; limit++) {
        huffman_lengths(counts, SYMBOLS, limit, lengths);
        for (size_t i = 0; i < SYMBOLS; i++) {
            CHECK(lengths[i] > 0 && lengths[i] <= limit);
            CHECK(i == 0 || lengths[i] <= lengths[i - 1]);
        }
        CHECK_INT(taken(lengths, SYMBOLS, limit), UINT64_C(1) << limit);
    }
}

static void test_shortest_lengths(void)
{
    static const uint32_t counts[] = {0, 5, 9, 12, 13, 16, 45, 0};
    static const uint8_t expected[] = {0, 4, 4, 3, 3, 3, 1, 0};
    uint8_t lengths[8];

    huffman_lengths(counts, 8, 15, lengths);
    CHECK_BYTES(lengths, 8, expected, 8);
}

static void test_fewer_than_two_symbols(void)
{
    static const uint8_t first[] = {1, 1, 0}, third[] = {1, 0, 1};
    uint32_t counts[3] = {0};
    uint8_t lengths[3];

    huffman_lengths(counts, 3, 7, lengths);
    CHECK_BYTES(lengths, 3, first, 3);
    counts[0] = 8;
    huffman_lengths(counts, 3, 7, lengths);
    CHECK_BYTES(lengths, 3, first, 3);
    counts[0] = 0;
    counts[2] = 8;
    huffman_lengths(counts, 3, 7, lengths);
    CHECK_BYTES(lengths, 3, third, 3);
}

/* The example of RFC 1951, 3.2.2, with the first bit lowest. */
static void test_codes_of_the_standard(void)
{
    static const uint8_t lengths[] = {3, 3, 3, 3, 3, 2, 4, 4};
    static const uint16_t expected[] = {2, 6, 1, 5, 3, 0, 7, 15};
    uint16_t codes[8];

    huffman_codes(lengths, 8, codes);
    CHECK_BYTES(codes, sizeof(codes), expected, sizeof(expected));
}

static const struct test_case cases[] = {
    {"no code is longer than asked, and all codes are taken", test_no_code_is_longer},
    {"lengths are the shortest there are", test_shortest_lengths},
    {"two symbols have a code where fewer occur", test_fewer_than_two_symbols},
    {"codes are those of the standard", test_codes_of_the_standard},
    {NULL, NULL},
};

const struct test_suite member_huffman_suite = {"member/huffman", cases};
