/* SPDX-License-Identifier: PostgreSQL
 *
 * What was deflated is read by zlib, which is somebody else's.
 */
#include "member/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "cases.h"

#define GUARD_BYTES 64

static uint32_t seed = 20261128;

static uint32_t chance(uint32_t below)
{
    return test_chance(&seed, below);
}

static void add_chars(struct buf *buf, const char *alphabet, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_addc(buf, alphabet[chance((uint32_t)strlen(alphabet))]);
}

static bool inflates_to(const char *bytes, size_t len, const struct buf *lines)
{
    z_stream stream = {.next_in = (Bytef *)bytes, .avail_in = (uInt)len};
    struct buf out = BUF_INIT;

    buf_need(&out, lines->len + 1);
    CHECK(inflateInit2(&stream, -15) == Z_OK);
    stream.next_out = (Bytef *)out.data;
    stream.avail_out = (uInt)lines->len + 1;
    bool same = inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_in == 0 &&
                stream.total_out == lines->len &&
                (lines->len == 0 || memcmp(out.data, lines->data, lines->len) == 0);
    inflateEnd(&stream);
    buf_done(&out);
    return same;
}

/* Deflates into `room` bytes and reads it back; 0: did not fit. The lines are a block of memory of
 * their own, so that the sanitizers find who reads behind them. */
static size_t there_and_back(struct deflate *deflate, const struct buf *lines, size_t room)
{
    char *alone = mem_alloc(lines->len > 0 ? lines->len : 1), *out = mem_alloc(room + GUARD_BYTES);
    char guard[GUARD_BYTES];

    if (lines->len > 0)
        memcpy(alone, lines->data, lines->len);
    memset(guard, 0x5a, GUARD_BYTES);
    memset(out, 0x5a, room + GUARD_BYTES);
    size_t len = deflate_lines(deflate, alone, lines->len, out, room);
    CHECK(len <= room);
    CHECK_BYTES(out + room, GUARD_BYTES, guard, GUARD_BYTES);
    CHECK(len == 0 || inflates_to(out, len, lines));
    free(out);
    free(alone);
    return len;
}

/* --- lines of many kinds --- */

static void add_audit_rows(struct buf *ret)
{
    static const char *const actions[] = {"login", "logout", "update", "export"};

    for (unsigned i = 0; i < 3000; i++) {
        buf_addf(ret, "{\"id\":%u,\"action\":\"%s\",\"detail\":{\"request\":\"", i,
                 actions[chance(4)]);
        add_chars(ret, "0123456789abcdef", 32);
        buf_addf(ret, "\",\"agent\":\"Mozilla/5.0 (X11)\",\"note\":%s},\"created_at\":", //
                 chance(3) ? "null" : "\"said \\\"so\\\"\"");
        buf_addf(ret, "\"2026-11-28T%02u:%02u:00+00:00\"}\n", i / 60 % 24, i % 60);
    }
}

static void add_words(struct buf *ret)
{
    for (unsigned row = 0; row < 500; row++) {
        for (unsigned i = 0; i < 40; i++)
            buf_addf(ret, "%x ", chance(500) * 2654435761U);
        buf_addc(ret, '\n');
    }
}

static void add_equal_rows(struct buf *ret)
{
    for (unsigned i = 0; i < 5000; i++)
        buf_adds(ret, "{\"a\":\"the same\",\"b\":null}\n");
}

/* Rows farther apart than the window reaches, and one that is a megabyte. */
static void add_wide_rows(struct buf *ret)
{
    struct buf row = BUF_INIT;

    add_chars(&row, "abcdefgh \",:", 40000);
    for (unsigned i = 0; i < 4; i++) {
        buf_add(ret, row.data, row.len);
        buf_addf(ret, "%u\n", i);
    }
    add_chars(ret, "ACGT", 1 << 20);
    buf_done(&row);
}

/* Every rest that a long match can leave behind a multiple of the longest one. */
static void add_long_matches(struct buf *ret)
{
    for (unsigned len = 250; len < 1100; len += 7) {
        for (unsigned i = 0; i < 2; i++) {
            buf_addf(ret, "{\"id\":%u,\"x\":\"", len);
            for (unsigned k = 0; k < len; k++)
                buf_addc(ret, (char)('a' + k * k % 23));
            buf_addf(ret, "\",\"y\":%u}\n", i);
        }
    }
}

static void add_one_byte_often(struct buf *ret)
{
    for (unsigned i = 0; i < 100000; i++)
        buf_addc(ret, '"');
}

static void add_no_newline(struct buf *ret)
{
    for (unsigned i = 0; i < 300; i++)
        buf_addf(ret, "{\"id\":%u,\"text\":\"some words that repeat\"}%s", i, i < 299 ? "\n" : "");
}

static const struct {
    const char *label;
    void (*add)(struct buf *ret);
} kinds[] = {
    {"audit rows", add_audit_rows},     {"words", add_words},
    {"equal rows", add_equal_rows},     {"wide rows", add_wide_rows},
    {"long matches", add_long_matches}, {"one byte", add_one_byte_often},
    {"no newline", add_no_newline},
};

static void test_there_and_back(void)
{
    for (int level = DEFLATE_LEAST; level <= DEFLATE_MOST; level++) {
        struct deflate *deflate = deflate_new(level);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
            struct buf lines = BUF_INIT;
            kinds[i].add(&lines);
            size_t len = there_and_back(deflate, &lines, lines.len);
            if (len == 0 || len >= lines.len)
                printf("  level %d, %s: %zu of %zu bytes\n", level, kinds[i].label, len, lines.len);
            CHECK(len > 0 && len < lines.len);
            CHECK_INT(there_and_back(deflate, &lines, lines.len), len);
            buf_done(&lines);
        }
        deflate_free(deflate);
    }
}

/* Short texts of few letters: matches of every length, distances from 1, ends right behind them. */
static void test_random_texts(void)
{
    static const char *const alphabets[] = {"a",     "ab",         "ab\"",
                                            "a\"\n", "abc\",:\n0", "{\"id\":1}\n"};
    struct buf lines = BUF_INIT;

    for (int level = DEFLATE_LEAST; level <= DEFLATE_MOST; level++) {
        struct deflate *deflate = deflate_new(level);
        for (unsigned i = 0; i < 4000; i++) {
            buf_reset(&lines);
            add_chars(&lines, alphabets[chance(6)], chance(i % 100 == 0 ? 70000 : 700));
            there_and_back(deflate, &lines, lines.len + 400);
        }
        deflate_free(deflate);
    }
    buf_done(&lines);
}

static void test_equal_lines_give_equal_bytes(void)
{
    struct deflate *deflate = deflate_new(6);
    struct buf lines = BUF_INIT, other = BUF_INIT;

    add_audit_rows(&lines);
    add_words(&other);
    char *first = mem_alloc(lines.len), *second = mem_alloc(lines.len);
    size_t len = deflate_lines(deflate, lines.data, lines.len, first, lines.len);
    there_and_back(deflate, &other, other.len);
    CHECK_INT(deflate_lines(deflate, lines.data, lines.len, second, lines.len), len);
    CHECK_BYTES(second, len, first, len);
    deflate_free(deflate);
    buf_done(&lines);
    buf_done(&other);
    free(first);
    free(second);
}

static void test_too_little_room(void)
{
    struct deflate *deflate = deflate_new(6);
    struct buf lines = BUF_INIT;

    add_no_newline(&lines);
    size_t whole = there_and_back(deflate, &lines, lines.len);
    CHECK(whole > 0);
    for (size_t room = 0; room < whole + GUARD_BYTES; room++) {
        size_t len = there_and_back(deflate, &lines, room);
        CHECK(room >= whole ? len == 0 || len == whole : len == 0);
    }
    deflate_free(deflate);
    buf_done(&lines);
}

static void test_what_does_not_get_smaller(void)
{
    struct deflate *deflate = deflate_new(6);
    struct buf lines = BUF_INIT;

    for (unsigned i = 0; i < 1 << 20; i++)
        buf_addc(&lines, (char)chance(256));
    CHECK_INT(there_and_back(deflate, &lines, lines.len * 2), 0);
    buf_done(&lines);
    CHECK_INT(there_and_back(deflate, &lines, 100), 0);
    deflate_free(deflate);
}

static const struct test_case cases[] = {
    {"lines of many kinds come back, at every level", test_there_and_back},
    {"20,000 random texts come back", test_random_texts},
    {"equal lines give equal bytes, whatever came between", test_equal_lines_give_equal_bytes},
    {"too little room is said, and nothing is written behind it", test_too_little_room},
    {"what does not get smaller is given back", test_what_does_not_get_smaller},
    {NULL, NULL},
};

const struct test_suite member_deflate_suite = {"member/deflate", cases};
