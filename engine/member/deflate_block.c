/* SPDX-License-Identifier: PostgreSQL
 *
 * A block's size is known before its first bit is written: whether it fits, and whether all up to
 * its end got smaller, is asked once.
 */
#include "deflate_part.h"
#include "member/huffman.h"

/* Enough for codes to pay for their table, few enough to follow what changes in the rows. */
#define BLOCK_SYMBOLS 50000

/* Behind the last byte of a block: bits go out in eights, and some are left of the block before. */
#define SLACK_BYTES 16

enum {
    CODE_LENGTHS = 19, /* symbols that say how long the codes are */
    CODE_BITS_MAX = 7,
    REPEAT_LAST = 16,
    ZEROS_FEW = 17,
    ZEROS_MANY = 18,
    END_OF_BLOCK = 256,
};

struct codes {
    uint8_t litlen_bits[LITLENS], distance_bits[DISTANCES], length_bits[CODE_LENGTHS];
    uint16_t litlens[LITLENS], distances[DISTANCES], lengths[CODE_LENGTHS];
    size_t litlen_count, distance_count, length_count; /* up to the last one that occurs */
    /* The table of lengths: a symbol, and what it repeats above its lowest five bits. */
    uint16_t items[LITLENS + DISTANCES];
    size_t item_count;
    uint32_t item_counts[CODE_LENGTHS];
};

static const uint8_t extra_of_length[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                            2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint8_t length_order[CODE_LENGTHS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                   11, 4,  12, 3, 13, 2, 14, 1, 15};

/* Four to a power of two, as for distances; 258 has one of its own. */
static inline unsigned length_symbol(uint32_t length)
{
    uint32_t value = length - 3;

    if (value < 8)
        return value;
    if (length == MATCH_MAX)
        return 28;
    unsigned top = 31 - (unsigned)__builtin_clz(value);
    return (top - 1) * 4 + (value >> (top - 2) & 3);
}

static inline uint32_t length_base(unsigned symbol)
{
    if (symbol < 8)
        return symbol + 3;
    return symbol == 28 ? MATCH_MAX : ((4 | (symbol & 3)) << extra_of_length[symbol]) + 3;
}

static inline unsigned distance_symbol(uint32_t distance)
{
    uint32_t value = distance - 1;

    if (value < 4)
        return value;
    unsigned top = 31 - (unsigned)__builtin_clz(value);
    return top * 2 + (value >> (top - 1) & 1);
}

static inline unsigned distance_extra(unsigned symbol)
{
    return symbol < 4 ? 0 : symbol / 2 - 1;
}

static inline uint32_t distance_base(unsigned symbol)
{
    return symbol < 4 ? symbol + 1 : ((2 | (symbol & 1)) << distance_extra(symbol)) + 1;
}

/* --- bits --- */

/* At most 56 bits between two flushes. */
static inline void put(struct deflate_sink *s, uint64_t value, unsigned bits)
{
    s->bits |= value << s->count;
    s->count += bits;
}

static inline void flush(struct deflate_sink *s)
{
    uint64_t bytes = htole64(s->bits);

    memcpy(s->out, &bytes, sizeof(bytes));
    s->out += s->count / 8;
    s->bits >>= s->count & ~7u;
    s->count &= 7;
}

/* --- the head of a block --- */

static void add_item(struct codes *c, unsigned symbol, size_t repeat)
{
    c->items[c->item_count++] = (uint16_t)(symbol | repeat << 5);
    c->item_counts[symbol]++;
}

static void add_run(struct codes *c, uint8_t bits, size_t run)
{
    if (bits > 0) {
        add_item(c, bits, 0);
        run--;
    }
    while (run >= 3) {
        size_t most = bits > 0 ? 6 : 138, part = run < most ? run : most;
        if (bits > 0)
            add_item(c, REPEAT_LAST, part - 3);
        else if (part <= 10)
            add_item(c, ZEROS_FEW, part - 3);
        else
            add_item(c, ZEROS_MANY, part - 11);
        run -= part;
    }
    for (; run > 0; run--)
        add_item(c, bits, 0);
}

static unsigned item_extra(unsigned symbol)
{
    switch (symbol) {
    case REPEAT_LAST:
        return 2;
    case ZEROS_FEW:
        return 3;
    case ZEROS_MANY:
        return 7;
    default:
        return 0;
    }
}

static size_t used(const uint8_t *bits, size_t count, size_t least)
{
    while (count > least && bits[count - 1] == 0)
        count--;
    return count;
}

static void make_items(struct codes *c)
{
    uint8_t all[LITLENS + DISTANCES];
    size_t count = c->litlen_count + c->distance_count;

    memcpy(all, c->litlen_bits, c->litlen_count);
    memcpy(all + c->litlen_count, c->distance_bits, c->distance_count);
    for (size_t start = 0, at = 0; start < count; start = at) {
        while (at < count && all[at] == all[start])
            at++;
        add_run(c, all[start], at - start);
    }
}

static void make_codes(const struct deflate *d, struct codes *c)
{
    *c = (struct codes){0};
    huffman_lengths(d->litlens, LITLENS, HUFFMAN_BITS_MAX, c->litlen_bits);
    huffman_lengths(d->distances, DISTANCES, HUFFMAN_BITS_MAX, c->distance_bits);
    huffman_codes(c->litlen_bits, LITLENS, c->litlens);
    huffman_codes(c->distance_bits, DISTANCES, c->distances);
    c->litlen_count = used(c->litlen_bits, LITLENS, LENGTH_SYMBOL);
    c->distance_count = used(c->distance_bits, DISTANCES, 1);
    make_items(c);
    huffman_lengths(c->item_counts, CODE_LENGTHS, CODE_BITS_MAX, c->length_bits);
    huffman_codes(c->length_bits, CODE_LENGTHS, c->lengths);
    c->length_count = CODE_LENGTHS;
    while (c->length_count > 4 && c->length_bits[length_order[c->length_count - 1]] == 0)
        c->length_count--;
}

static uint64_t block_bits(const struct deflate *d, const struct codes *c)
{
    uint64_t bits = 3 + 14 + 3 * c->length_count;

    for (unsigned i = 0; i < CODE_LENGTHS; i++)
        bits += (uint64_t)c->item_counts[i] * (c->length_bits[i] + item_extra(i));
    for (unsigned i = 0; i < LITLENS; i++) {
        unsigned extra = i < LENGTH_SYMBOL ? 0 : extra_of_length[i - LENGTH_SYMBOL];
        bits += (uint64_t)d->litlens[i] * (c->litlen_bits[i] + extra);
    }
    for (unsigned i = 0; i < DISTANCES; i++)
        bits += (uint64_t)d->distances[i] * (c->distance_bits[i] + distance_extra(i));
    return bits;
}

static void put_head(struct deflate_sink *s, const struct codes *c, bool last)
{
    put(s, (last ? 1 : 0) | 2 << 1, 3); /* codes of its own */
    put(s, c->litlen_count - LENGTH_SYMBOL, 5);
    put(s, c->distance_count - 1, 5);
    put(s, c->length_count - 4, 4);
    flush(s);
    for (size_t i = 0; i < c->length_count; i++) {
        put(s, c->length_bits[length_order[i]], 3);
        flush(s);
    }
    for (size_t i = 0; i < c->item_count; i++) {
        unsigned symbol = c->items[i] & 31;
        put(s, c->lengths[symbol], c->length_bits[symbol]);
        put(s, c->items[i] >> 5, item_extra(symbol));
        flush(s);
    }
}

/* --- its steps --- */

/* Code and how many bits it has: of a byte, and of a length with what its symbol leaves open. */
struct entry {
    uint32_t code, bits;
};

struct entries {
    struct entry bytes[256], lengths[MATCH_MAX + 1];
};

static void make_entries(const struct codes *c, struct entries *ret)
{
    for (unsigned i = 0; i < 256; i++)
        ret->bytes[i] = (struct entry){c->litlens[i], c->litlen_bits[i]};
    for (uint32_t length = 3; length <= MATCH_MAX; length++) {
        unsigned symbol = length_symbol(length), bits = c->litlen_bits[LENGTH_SYMBOL + symbol];
        uint32_t rest = length - length_base(symbol);
        ret->lengths[length] = (struct entry){c->litlens[LENGTH_SYMBOL + symbol] | rest << bits,
                                              bits + extra_of_length[symbol]};
    }
}

static inline void put_entry(struct deflate_sink *s, const struct entry *entry)
{
    put(s, entry->code, entry->bits);
}

static inline void put_literals(struct deflate_sink *s, const struct entry *bytes,
                                const uint8_t *at, size_t n)
{
    for (; n >= 3; n -= 3, at += 3) { /* three codes of 15 bits, and 7 that were there */
        put_entry(s, &bytes[at[0]]);
        put_entry(s, &bytes[at[1]]);
        put_entry(s, &bytes[at[2]]);
        flush(s);
    }
    for (; n > 0; n--)
        put_entry(s, &bytes[*at++]);
}

/* Where the block ends. */
static const uint8_t *put_steps(struct deflate_sink *s, const struct deflate *d,
                                const struct codes *c)
{
    struct entries entries;
    const uint8_t *at = d->block;

    make_entries(c, &entries);
    for (size_t i = 0; i < d->step_count; i++) {
        const struct deflate_step *step = &d->steps[i];
        put_literals(s, entries.bytes, at, step->literals);
        flush(s);
        if (step->length > 0) { /* 20, 15 and 13 bits at most */
            unsigned symbol = distance_symbol(step->distance);
            put_entry(s, &entries.lengths[step->length]);
            put(s, c->distances[symbol], c->distance_bits[symbol]);
            put(s, step->distance - distance_base(symbol), distance_extra(symbol));
            flush(s);
        }
        at += step->literals + step->length;
    }
    put(s, c->litlens[END_OF_BLOCK], c->litlen_bits[END_OF_BLOCK]);
    flush(s);
    return at;
}

static void block_reset(struct deflate *d)
{
    d->step_count = d->symbol_count = 0;
    memset(d->litlens, 0, sizeof(d->litlens));
    memset(d->distances, 0, sizeof(d->distances));
}

static void end_block(struct deflate *d, bool last)
{
    struct codes codes;

    d->litlens[END_OF_BLOCK] = 1;
    make_codes(d, &codes);
    uint64_t bytes = block_bits(d, &codes) / 8 + SLACK_BYTES;
    if (bytes > (size_t)(d->out_end - d->sink.out) ||
        bytes + (size_t)(d->sink.out - d->out_start) > (size_t)(d->literal - d->base) + SLACK_BYTES)
        d->full = true;
    if (!d->full) {
        struct deflate_sink s = d->sink; /* bytes that are written may not alias it */
        put_head(&s, &codes, last);
        d->block = put_steps(&s, d, &codes);
        d->sink = s;
    }
    block_reset(d);
}

/* --- steps of a block --- */

static inline void add_step(struct deflate *d, const uint8_t *at, uint32_t length,
                            uint32_t distance)
{
    uint32_t literals = (uint32_t)(at - d->literal);

    for (const uint8_t *byte = d->literal; byte < at; byte++)
        d->litlens[*byte]++;
    if (length > 0) {
        d->litlens[LENGTH_SYMBOL + length_symbol(length)]++;
        d->distances[distance_symbol(distance)]++;
    }
    d->steps[d->step_count++] =
        (struct deflate_step){literals, (uint16_t)length, (uint16_t)distance};
    d->symbol_count += literals + 1;
    d->literal = at + length;
    if (d->symbol_count >= BLOCK_SYMBOLS || d->step_count == STEPS_MAX)
        end_block(d, false);
}

void deflate_add(struct deflate *d, const uint8_t *at, size_t length, uint32_t distance)
{
    do {
        size_t part = length < MATCH_MAX ? length : MATCH_MAX;
        if (length > part && length - part < 3) /* what is left must be a match as well */
            part -= 3;
        add_step(d, at, (uint32_t)part, distance);
        at += part;
        length -= part;
    } while (length > 0);
}

void deflate_block_begin(struct deflate *d, uint8_t *out, size_t room)
{
    d->block = d->literal = d->base;
    d->out_start = out;
    d->out_end = out + room;
    d->sink = (struct deflate_sink){.out = out};
    d->full = false;
    block_reset(d);
}

void deflate_block_last(struct deflate *d)
{
    if (d->literal < d->end)
        deflate_add(d, d->end, 0, 0);
    end_block(d, true);
    if (!d->full && d->sink.count > 0)
        *d->sink.out++ = (uint8_t)d->sink.bits;
}
