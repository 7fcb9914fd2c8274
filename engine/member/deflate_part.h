/* SPDX-License-Identifier: PostgreSQL
 *
 * PARCEL: what the parts of deflate have of each other: the way through the rows (deflate.c), what
 * stood in the window before (deflate_search.c), steps as bits (deflate_block.c).
 *
 * A step is some bytes as they are and a match behind them. Steps gather to a block, which has
 * codes of its own.
 *
 * Threads: as deflate.h says.
 */
#ifndef ARCHIVER_MEMBER_DEFLATE_PART_H
#define ARCHIVER_MEMBER_DEFLATE_PART_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "member/deflate.h"

enum {
    WINDOW = 32768,    /* bytes that a match may reach back */
    MATCH_MAX = 258,   /* bytes */
    MATCH_LEAST = 4,   /* DEFLATE has 3, which hardly ever pay */
    SLOT_BITS = 14,    /* see deflate_search.c */
    STEPS_MAX = 16384, /* in a block */
    LENGTH_SYMBOL = 257,
    LITLENS = 286, /* symbols: bytes, end of block, lengths */
    DISTANCES = 30,
};

struct deflate_step {
    uint32_t literals;
    uint16_t length, distance; /* length 0: no match */
};

struct deflate_effort {
    unsigned depth; /* earlier places that are looked at */
    uint32_t nice;  /* bytes of a match behind which no better one is looked for */
    uint32_t noted; /* bytes of a match that later ones may begin in */
};

struct deflate_sink {
    uint64_t bits; /* fewer than 8 of them after a flush, which are not out yet */
    uint32_t count;
    uint8_t *out;
};

struct deflate {
    struct deflate_effort effort;
    const uint8_t *base, *end; /* the lines */
    const uint8_t *search_end; /* what is behind it is not searched */
    const uint8_t *literal;    /* the first byte that is in no step yet */

    uint32_t slots[1 << SLOT_BITS][2];
    uint16_t older[WINDOW];

    struct deflate_step steps[STEPS_MAX];
    size_t step_count, symbol_count; /* of the block */
    const uint8_t *block;            /* its first byte */
    uint32_t litlens[LITLENS];       /* how often each occurs in it */
    uint32_t distances[DISTANCES];
    uint8_t *out_start, *out_end;
    struct deflate_sink sink; /* between blocks */
    bool full;                /* it does not fit, or does not get smaller */
};

static inline uint32_t deflate_load32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

/* The first byte lowest. */
static inline uint64_t deflate_load64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return le64toh(value);
}

/* How many bytes are the same from `at` and from the earlier `other` on, before `end`. */
static inline size_t deflate_same(const uint8_t *at, const uint8_t *other, const uint8_t *end)
{
    const uint8_t *start = at;

    for (; end - at >= 8; at += 8, other += 8) {
        uint64_t differ = deflate_load64(at) ^ deflate_load64(other);
        if (differ != 0)
            return (size_t)(at - start) + (size_t)__builtin_ctzll(differ) / 8;
    }
    while (at < end && *at == *other) {
        at++;
        other++;
    }
    return (size_t)(at - start);
}

/* --- deflate_block.c --- */

/* The bytes not in a step yet, and a match of any length; length 0: none. */
void deflate_add(struct deflate *d, const uint8_t *at, size_t length, uint32_t distance);
void deflate_block_begin(struct deflate *d, uint8_t *out, size_t room);
/* Everything that is not out yet, and the end of the stream. */
void deflate_block_last(struct deflate *d);

/* --- deflate_search.c --- */

void deflate_search_begin(struct deflate *d);
/* Notes `at` for later ones; a match there that is longer than `length`, else 0. */
size_t deflate_longer(struct deflate *d, const uint8_t *at, size_t length, uint32_t *ret_distance);
/* Steps for `at` up to `to`; a match goes beyond it only where it gets behind `better`. Where it
 * ended; *ret_like is moved to where the match beyond `to` came from. */
const uint8_t *deflate_search(struct deflate *d, const uint8_t *at, const uint8_t *to,
                              const uint8_t *better, const uint8_t **ret_like);

#endif
