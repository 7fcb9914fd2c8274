/* SPDX-License-Identifier: PostgreSQL
 *
 * Five bytes are hashed. A slot has the newest places of the two hashes that fell into it last: a
 * place and a tag, 16 bits each, so that what never stood in the window costs one look at the slot
 * and none at the lines. `older` leads from a place to the one before with the same hash; it ends
 * where it leads to itself.
 *
 * Places are of 16 bits and overrun. A place that is too old may so look like one in reach: it is
 * compared as all are, and what is the same there is a match.
 */
#include "deflate_part.h"

/* Eight are read at a time. */
#define TAIL_BYTES 8

struct match {
    uint32_t length, distance; /* distance 0: none */
};

void deflate_search_begin(struct deflate *d)
{
    memset(d->slots, 0, sizeof(d->slots));
    memset(d->older, 0, sizeof(d->older));
    d->search_end = d->end - d->base > TAIL_BYTES ? d->end - TAIL_BYTES : d->base;
}

static inline uint64_t hash_of(const uint8_t *at)
{
    return (deflate_load64(at) << 24) * UINT64_C(0x9e3779b185ebca87);
}

/* The distance of the last place like `at`, which is now the last one; 0: none in reach. */
static inline uint32_t note(struct deflate *d, const uint8_t *at)
{
    uint64_t hash = hash_of(at);
    uint32_t *slot = d->slots[hash >> (64 - SLOT_BITS)];
    uint32_t tag = (uint16_t)(hash >> (48 - SLOT_BITS));
    uint16_t here = (uint16_t)(at - d->base), before = here;
    uint32_t newest = slot[0], second = slot[1];

    slot[0] = tag << 16 | here;
    if (newest >> 16 == tag) {
        before = (uint16_t)newest;
    } else {
        slot[1] = newest;
        if (second >> 16 == tag)
            before = (uint16_t)second;
    }
    d->older[here % WINDOW] = before;
    uint16_t distance = here - before;
    return distance <= WINDOW ? distance : 0;
}

static inline void note_to(struct deflate *d, const uint8_t *at, const uint8_t *to)
{
    if (to > d->search_end)
        to = d->search_end;
    for (; at < to; at++)
        note(d, at);
}

/* The first place from `at` on that something like it stood before; `to`: none is. */
static const uint8_t *scan(struct deflate *d, const uint8_t *at, const uint8_t *to,
                           uint32_t *ret_distance)
{
    for (; at < to; at++) {
        uint32_t distance = note(d, at);
        if (__builtin_expect(distance != 0, 0)) {
            *ret_distance = distance;
            return at;
        }
    }
    return to;
}

/* A match longer than `length`, from the place at `distance` and those before it. */
static struct match longest(const struct deflate *d, const uint8_t *at, uint32_t distance,
                            uint32_t length, unsigned depth)
{
    struct match best = {length, 0};
    uint16_t here = (uint16_t)(at - d->base);
    const uint8_t *end = d->end - at > MATCH_MAX ? at + MATCH_MAX : d->end;

    if (length >= (size_t)(end - at))
        return best;
    for (; depth > 0; depth--) {
        const uint8_t *other = at - distance;
        if (deflate_load32(other + best.length - 3) == deflate_load32(at + best.length - 3)) {
            uint32_t same = (uint32_t)deflate_same(at, other, end);
            if (same > best.length) {
                best = (struct match){same, distance};
                if (same >= d->effort.nice || at + same == end)
                    break;
            }
        }
        uint32_t next = (uint16_t)(here - d->older[(uint16_t)(here - distance) % WINDOW]);
        if (next <= distance || next > WINDOW)
            break;
        distance = next;
    }
    return best;
}

size_t deflate_longer(struct deflate *d, const uint8_t *at, size_t length, uint32_t *ret_distance)
{
    if (at >= d->search_end)
        return 0;
    uint32_t distance = note(d, at);
    if (distance == 0 || length >= d->effort.nice)
        return 0;
    struct match m = longest(d, at, distance, (uint32_t)length, 1);
    *ret_distance = m.distance;
    return m.distance > 0 ? m.length : 0;
}

/* Whether the match a byte later is worth that byte. Far ones take more bits. */
static bool is_better(struct match later, struct match m)
{
    return later.distance > 0 && later.length > m.length + (later.distance / 16 > m.distance);
}

/* The match at *at or a little later. What is noted by then is up to *ret_noted. */
static struct match choose(struct deflate *d, const uint8_t **at, const uint8_t *stop,
                           uint32_t distance, const uint8_t **ret_noted)
{
    const struct deflate_effort *effort = &d->effort;
    struct match m = longest(d, *at, distance, MATCH_LEAST, effort->depth);

    *ret_noted = *at + 1;
    while (m.distance > 0 && m.length < effort->nice && *ret_noted < stop) {
        distance = note(d, *ret_noted);
        struct match later = {0};
        if (distance > 0)
            later = longest(d, *ret_noted, distance, m.length, effort->depth);
        ++*ret_noted;
        if (!is_better(later, m))
            break;
        m = later;
        ++*at;
    }
    return m;
}

const uint8_t *deflate_search(struct deflate *d, const uint8_t *at, const uint8_t *to,
                              const uint8_t *better, const uint8_t **ret_like)
{
    const uint8_t *stop = to < d->search_end ? to : d->search_end;
    const uint8_t *noted;
    uint32_t distance;

    while (at < stop && (at = scan(d, at, stop, &distance)) < stop) {
        struct match m = choose(d, &at, stop, distance, &noted);
        if (m.distance == 0) {
            at++;
            continue;
        }
        if (at + m.length > to && at + m.length < better)
            m.length = (uint32_t)(to - at);
        if (m.length < MATCH_LEAST)
            return to;
        deflate_add(d, at, m.length, m.distance);
        note_to(d, noted, at + (m.length < d->effort.noted ? m.length : 4));
        at += m.length;
        if (at > to) {
            *ret_like = at - m.distance;
            return at;
        }
    }
    return to;
}
