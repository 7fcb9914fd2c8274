/* SPDX-License-Identifier: PostgreSQL */
#include "member/huffman.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct leaf {
    uint32_t count;
    uint16_t symbol;
};

/* Symbols decide between equal counts, so that equal lines give equal bytes. */
static int compare_leaves(const void *left, const void *right)
{
    const struct leaf *a = left, *b = right;

    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    return a->symbol < b->symbol ? -1 : 1;
}

static size_t gather(const uint32_t *counts, size_t symbols, struct leaf *ret)
{
    size_t used = 0;

    for (size_t i = 0; i < symbols; i++)
        if (counts[i] > 0)
            ret[used++] = (struct leaf){counts[i], (uint16_t)i};
    return used;
}

/* How many codes there are of each length. Leaves are in order of their counts, and so are the
 * nodes as they come to be: the two lightest are always at the front of the one or the other. */
static void count_lengths(const struct leaf *leaves, size_t count, unsigned limit,
                          uint32_t *ret_per_length)
{
    uint32_t weight[2 * HUFFMAN_SYMBOLS_MAX];
    uint16_t parent[2 * HUFFMAN_SYMBOLS_MAX];
    uint16_t depth[2 * HUFFMAN_SYMBOLS_MAX];
    size_t leaf = 0, node = count, made = count;

    for (size_t i = 0; i < count; i++)
        weight[i] = leaves[i].count;
    for (; made < 2 * count - 1; made++) {
        weight[made] = 0;
        for (int side = 0; side < 2; side++) {
            bool of_leaves = leaf < count && (node == made || weight[leaf] <= weight[node]);
            size_t least = of_leaves ? leaf++ : node++;
            weight[made] += weight[least];
            parent[least] = (uint16_t)made;
        }
    }
    depth[made - 1] = 0;
    for (size_t i = made - 1; i-- > 0;) {
        depth[i] = depth[parent[i]] + 1;
        if (i < count)
            ret_per_length[depth[i] < limit ? depth[i] : limit]++;
    }
}

/* Codes that were cut to `limit` bits take more room than there is. Each step makes one shorter
 * code longer, so that one of `limit` bits may stand beside it. */
static void make_fit(uint32_t *per_length, unsigned limit)
{
    uint64_t room = UINT64_C(1) << limit, taken = 0;

    for (unsigned bits = 1; bits <= limit; bits++)
        taken += (uint64_t)per_length[bits] << (limit - bits);
    for (; taken > room; taken--) {
        unsigned bits = limit - 1;
        while (per_length[bits] == 0)
            bits--;
        per_length[bits]--;
        per_length[bits + 1] += 2;
        per_length[limit]--;
    }
}

void huffman_lengths(const uint32_t *counts, size_t symbols, unsigned limit, uint8_t *ret_lengths)
{
    struct leaf leaves[HUFFMAN_SYMBOLS_MAX];
    uint32_t per_length[HUFFMAN_BITS_MAX + 1] = {0};

    assert(symbols >= 2 && symbols <= HUFFMAN_SYMBOLS_MAX && limit <= HUFFMAN_BITS_MAX);
    size_t used = gather(counts, symbols, leaves), next = 0;
    memset(ret_lengths, 0, symbols);
    if (used < 2) {
        size_t only = used == 1 ? leaves[0].symbol : 0;
        ret_lengths[only] = ret_lengths[only == 0 ? 1 : 0] = 1;
        return;
    }
    qsort(leaves, used, sizeof(*leaves), compare_leaves);
    count_lengths(leaves, used, limit, per_length);
    make_fit(per_length, limit);
    for (unsigned bits = limit; bits > 0; bits--)
        for (uint32_t i = 0; i < per_length[bits]; i++)
            ret_lengths[leaves[next++].symbol] = (uint8_t)bits;
}

static uint16_t reverse(uint32_t code, unsigned bits)
{
    uint32_t reversed = 0;

    for (unsigned i = 0; i < bits; i++)
        reversed |= (code >> i & 1) << (bits - 1 - i);
    return (uint16_t)reversed;
}

void huffman_codes(const uint8_t *lengths, size_t symbols, uint16_t *ret_codes)
{
    uint32_t per_length[HUFFMAN_BITS_MAX + 1] = {0};
    uint32_t next[HUFFMAN_BITS_MAX + 1] = {0};

    for (size_t i = 0; i < symbols; i++)
        per_length[lengths[i]]++;
    per_length[0] = 0;
    for (unsigned bits = 1; bits <= HUFFMAN_BITS_MAX; bits++)
        next[bits] = (next[bits - 1] + per_length[bits - 1]) << 1;
    for (size_t i = 0; i < symbols; i++)
        ret_codes[i] = lengths[i] ? reverse(next[lengths[i]]++, lengths[i]) : 0;
}
