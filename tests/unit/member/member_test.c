/* SPDX-License-Identifier: PostgreSQL */
#include "member/member.h"

#include <stdlib.h>
#include <zlib.h>

#include "cases.h"
#include "member/open.h"
#include "member/seal.h"
#include "member/unpack.h"

static void fill(struct member *member, unsigned rows)
{
    buf_reset(&member->lines);
    for (unsigned i = 0; i < rows; i++)
        buf_addf(&member->lines, "{\"id\":%u,\"text\":\"some words that repeat\"}\n", i);
    member->index = (struct member_index){.rows = rows};
}

static void member_done(struct member *member)
{
    buf_done(&member->lines);
    buf_done(&member->keys);
    buf_done(&member->sealed);
}

static bool collect(const char *bytes, size_t len, void *state, struct err *err)
{
    (void)err;
    buf_add(state, bytes, len);
    return true;
}

/* The member opens to the lines it was sealed from. */
static void check_opens(struct opener *opener, const struct member *member)
{
    struct buf lines = BUF_INIT;
    struct err err;

    CHECK_OK(
        open_member(opener, member->sealed.data, member->sealed.len, &member->index, &lines, &err));
    CHECK_BYTES(lines.data, lines.len, member->lines.data, member->lines.len);
    buf_done(&lines);
}

static const enum packing packings[] = {PACKING_GZIP, PACKING_ZSTD};

static void there_and_back(enum packing packing)
{
    for (int level = packing == PACKING_GZIP ? 0 : 1; level <= 12; level++) {
        struct member member = {0};
        struct err err;
        struct sealer *sealer = sealer_new(packing, level, &err);
        struct opener *opener = opener_new(NULL, &err);
        fill(&member, 5000);
        CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
        CHECK(member.index.length == member.sealed.len &&
              (level == 0 || member.sealed.len < member.lines.len));
        check_opens(opener, &member);
        sealer_free(sealer);
        opener_free(opener);
        member_done(&member);
    }
}

static void test_there_and_back(void)
{
    for (size_t i = 0; i < 2; i++)
        there_and_back(packings[i]);
}

/* Members one behind the other are one file of gzip, or of zstd, to everybody else. */
static void concatenation(enum packing packing)
{
    struct member member = {0};
    struct buf object = BUF_INIT, all = BUF_INIT, read = BUF_INIT, comment = BUF_INIT;
    struct err err;
    struct sealer *sealer = sealer_new(packing, 6, &err);

    for (unsigned i = 1; i <= 5; i++) {
        fill(&member, i * 100);
        CHECK_OK(
            seal_member(sealer, &member, i == 1 ? "archiver-tui 3 cluster=1" : NULL, NULL, &err));
        buf_add(&object, member.sealed.data, member.sealed.len);
        buf_add(&all, member.lines.data, member.lines.len);
    }
    CHECK(open_comment(object.data, object.len, &comment));
    CHECK_STR(buf_str(&comment), "archiver-tui 3 cluster=1");
    struct unpack *stream = unpack_new(packing, collect, &read, &err);
    for (size_t at = 0; at < object.len; at += 7) /* any cut */
        CHECK_OK(
            unpack_add(stream, object.data + at, object.len - at < 7 ? object.len - at : 7, &err));
    CHECK_OK(unpack_end(stream, &err));
    CHECK_BYTES(read.data, read.len, all.data, all.len);
    unpack_free(stream);
    sealer_free(sealer);
    member_done(&member);
    buf_done(&object);
    buf_done(&all);
    buf_done(&read);
    buf_done(&comment);
}

static void test_concatenation(void)
{
    for (size_t i = 0; i < 2; i++)
        concatenation(packings[i]);
}

/* Each after the magic number and the fields that readers are free to ignore. zstd has some bits
 * more that mean nothing: then the lines are the same. */
static void every_damaged_byte_is_found(enum packing packing, size_t free_bytes)
{
    struct member member = {0};
    struct buf lines = BUF_INIT, damaged = BUF_INIT;
    struct err err;
    struct sealer *sealer = sealer_new(packing, 6, &err);
    struct opener *opener = opener_new(NULL, &err);

    fill(&member, 20);
    CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
    for (size_t at = free_bytes; at < member.sealed.len; at++) {
        buf_reset(&damaged);
        buf_add(&damaged, member.sealed.data, member.sealed.len);
        damaged.data[at] ^= 1;
        bool opens = open_member(opener, damaged.data, damaged.len, &member.index, &lines, &err);
        if (opens && packing == PACKING_ZSTD) {
            CHECK_BYTES(lines.data, lines.len, member.lines.data, member.lines.len);
            continue;
        }
        CHECK(!opens && err.kind == ERR_DATA);
        CHECK_INT(lines.len, 0);
    }
    for (size_t len = 0; len < member.sealed.len; len++)
        CHECK_FAILS(open_member(opener, member.sealed.data, len, &member.index, &lines, &err),
                    ERR_DATA, "");
    sealer_free(sealer);
    opener_free(opener);
    member_done(&member);
    buf_done(&lines);
    buf_done(&damaged);
}

static void test_every_damaged_byte_is_found(void)
{
    every_damaged_byte_is_found(PACKING_GZIP, 10);
    every_damaged_byte_is_found(PACKING_ZSTD, 5);
}

static void cut_stream(enum packing packing)
{
    struct member member = {0};
    struct buf read = BUF_INIT;
    struct err err;
    struct sealer *sealer = sealer_new(packing, 6, &err);

    fill(&member, 20);
    CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
    struct unpack *stream = unpack_new(packing, collect, &read, &err);
    CHECK_OK(unpack_add(stream, member.sealed.data, member.sealed.len - 1, &err));
    CHECK_FAILS(unpack_end(stream, &err), ERR_DATA, "");
    unpack_free(stream);
    sealer_free(sealer);
    member_done(&member);
    buf_done(&read);
}

static void test_cut_stream(void)
{
    for (size_t i = 0; i < 2; i++)
        cut_stream(packings[i]);
}

static void test_wrong_count(void)
{
    struct member member = {0};
    struct err err;
    struct sealer *sealer = sealer_new(PACKING_GZIP, 6, &err);

    fill(&member, 20);
    member.index.rows = 21;
    CHECK_FAILS(seal_member(sealer, &member, NULL, NULL, &err), ERR_DATA, "");
    sealer_free(sealer);
    member_done(&member);
}

static void test_plain(void)
{
    struct member member = {0};
    struct buf lines = BUF_INIT;
    struct err err;
    struct sealer *sealer = sealer_new(PACKING_NONE, 6, &err);
    struct opener *opener = opener_new(NULL, &err);

    fill(&member, 20);
    CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
    CHECK_BYTES(member.sealed.data, member.sealed.len, member.lines.data, member.lines.len);
    CHECK_OK(
        open_member(opener, member.sealed.data, member.sealed.len, &member.index, &lines, &err));
    member.sealed.data[3] ^= 1;
    CHECK_FAILS(open_member(opener, member.sealed.data, member.sealed.len, &member.index, &lines,
                            &err),
                ERR_DATA, "");
    sealer_free(sealer);
    opener_free(opener);
    member_done(&member);
    buf_done(&lines);
}

/* A line of bytes that nothing makes smaller, and lines that are nearly nothing. */
static void test_what_cannot_be_made_smaller(void)
{
    struct member member = {0};
    struct err err;
    struct sealer *sealer = sealer_new(PACKING_GZIP, 1, &err);
    struct opener *opener = opener_new(NULL, &err);
    uint32_t seed = 1;

    for (size_t size = 1; size <= 1 << 20; size *= 32) {
        buf_reset(&member.lines);
        for (size_t i = 0; i < size; i++) {
            seed = seed * 1664525 + 1013904223;
            buf_addc(&member.lines, (char)(seed >> 24 == '\n' ? 0 : seed >> 24));
        }
        buf_addc(&member.lines, '\n');
        member.index = (struct member_index){.rows = 1};
        CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
        CHECK(member.sealed.len < size + size / 1000 + 64);
        check_opens(opener, &member);
    }
    sealer_free(sealer);
    opener_free(opener);
    member_done(&member);
}

/* Whoever asks for a level of gzip gets an object as large as gzip's, but for a few per cent of
 * lines that are nearly alike, and the same one each time. */
static void test_as_small_as_gzip(void)
{
    static const int levels[] = {1, 6};
    struct member member = {0}, again = {0};
    struct err err;

    for (size_t i = 0; i < 2; i++) {
        struct sealer *sealer = sealer_new(PACKING_GZIP, levels[i], &err);
        uLong room = compressBound(1 << 20);
        Bytef *theirs = mem_alloc(room);
        fill(&member, 12000);
        fill(&again, 12000);
        CHECK_OK(seal_member(sealer, &member, NULL, NULL, &err));
        CHECK_OK(seal_member(sealer, &again, NULL, NULL, &err));
        CHECK_BYTES(again.sealed.data, again.sealed.len, member.sealed.data, member.sealed.len);
        CHECK(compress2(theirs, &room, (const Bytef *)member.lines.data, member.lines.len,
                        levels[i]) == Z_OK);
        CHECK(member.sealed.len <= room + room / 32);
        free(theirs);
        sealer_free(sealer);
    }
    member_done(&member);
    member_done(&again);
}

static const struct test_case cases[] = {
    {"a member opens to the lines it was sealed from, at every level", test_there_and_back},
    {"members one behind the other are one file of gzip, or of zstd", test_concatenation},
    {"every damaged byte and every cut is found", test_every_damaged_byte_is_found},
    {"a stream that ends early is an error", test_cut_stream},
    {"a member with another number of lines is not sealed", test_wrong_count},
    {"without compression the lines stand as they are, checked all the same", test_plain},
    {"what cannot be made smaller hardly grows", test_what_cannot_be_made_smaller},
    {"a level is as small as gzip's, and the same each time", test_as_small_as_gzip},
    {NULL, NULL},
};

const struct test_suite member_member_suite = {"member/member", cases};
