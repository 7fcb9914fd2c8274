/* SPDX-License-Identifier: PostgreSQL */
#include "member/cipher.h"

#include <stdlib.h>

#include "cases.h"
#include "catalog/blocks.h"
#include "member/open.h"
#include "member/seal.h"

#define BATCH "0123456789abcdef"

static const char key_hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char key_base64[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

static struct cipher_kek kek(const char *id, const char *text)
{
    struct cipher_kek kek;
    struct err err;

    CHECK_OK(cipher_kek_from(id, text, strlen(text), &kek, &err));
    return kek;
}

static void test_keys(void)
{
    static const char *const wrong[] = {
        "", "short", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ=="};
    struct cipher_kek hex = kek("a", key_hex), base64 = kek("a", key_base64);

    CHECK_BYTES(hex.key, sizeof(hex.key), base64.key, sizeof(base64.key));
    CHECK_INT(hex.key[31], 0x1f);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err;
        CHECK_FAILS(cipher_kek_from("a", wrong[i], strlen(wrong[i]), &hex, &err), ERR_CONFIG,
                    "the encryption key \"a\" is not 32 bytes");
        CHECK(!*wrong[i] || (!strstr(err.what, wrong[i]) && !strstr(err.why, wrong[i])));
    }
}

static void test_wrapping(void)
{
    struct cipher_kek right = kek("a", key_hex), wrong = right, renamed = kek("b", key_hex);
    struct cipher_wrapped wrapped, twice;
    struct err err;
    struct cipher *cipher = cipher_new(BATCH, &err), *other = cipher_new(BATCH, &err);

    CHECK(!cipher_equal(cipher, other));
    CHECK_OK(cipher_wrap(cipher, &right, &wrapped, &err));
    CHECK_OK(cipher_wrap(cipher, &right, &twice, &err));
    CHECK(memcmp(wrapped.bytes, twice.bytes, sizeof(wrapped.bytes)) != 0);
    CHECK(memcmp(wrapped.check, twice.check, sizeof(wrapped.check)) == 0);
    struct cipher *again = cipher_unwrap(BATCH, &right, &wrapped, &err);
    CHECK_OK(again != NULL);
    CHECK(again && cipher_equal(cipher, again));
    wrong.key[0] ^= 1;
    CHECK_FAILS(cipher_unwrap(BATCH, &wrong, &wrapped, &err) != NULL, ERR_PREFLIGHT,
                "key \"a\" of the configuration is not the one it was sealed with");
    CHECK_FAILS(cipher_unwrap(BATCH, &renamed, &wrapped, &err) != NULL, ERR_DATA, "was changed");
    CHECK_FAILS(cipher_unwrap("another", &right, &wrapped, &err) != NULL, ERR_DATA, "was changed");
    for (size_t i = 0; i < sizeof(wrapped.bytes); i++) {
        twice = wrapped;
        twice.bytes[i] ^= 1;
        CHECK_FAILS(cipher_unwrap(BATCH, &right, &twice, &err) != NULL, ERR_DATA,
                    "the wrapped data key was changed");
    }
    cipher_free(cipher);
    cipher_free(other);
    cipher_free(again);
}

static void test_every_byte_place_and_batch(void)
{
    static const char text[] = "some bytes that nobody else is to read";
    struct cipher_kek key = kek("a", key_hex);
    struct cipher_wrapped wrapped;
    struct buf sealed = BUF_INIT, plain = BUF_INIT;
    struct err err;
    struct cipher *cipher = cipher_new(BATCH, &err);

    CHECK_OK(cipher_seal(cipher, (struct cipher_place){CIPHER_MEMBER, 7}, text, sizeof(text),
                         &sealed, &err));
    CHECK_INT(sealed.len, sizeof(text) + CIPHER_TAG_BYTES);
    CHECK(!memmem(sealed.data, sealed.len, "bytes", 5));
    CHECK_OK(cipher_open(cipher, (struct cipher_place){CIPHER_MEMBER, 7}, sealed.data, sealed.len,
                         &plain, &err));
    CHECK_BYTES(plain.data, plain.len, text, sizeof(text));
    static const struct cipher_place others[] = {{CIPHER_MEMBER, 6},
                                                 {CIPHER_MANIFEST, 7},
                                                 {CIPHER_INDEX, 7},
                                                 {CIPHER_MEMBER, 7ull << 32}};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK_FAILS(cipher_open(cipher, others[i], sealed.data, sealed.len, &plain, &err), ERR_DATA,
                    "what is sealed was changed");
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        CHECK_FAILS(cipher_open(cipher, (struct cipher_place){CIPHER_MEMBER, 7}, sealed.data,
                                sealed.len, &plain, &err),
                    ERR_DATA, "what is sealed was changed");
        sealed.data[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++)
        CHECK_FAILS(cipher_open(cipher, (struct cipher_place){CIPHER_MEMBER, 7}, sealed.data, len,
                                &plain, &err),
                    ERR_DATA, "what is sealed");
    CHECK_INT(plain.len, sizeof(text)); /* nothing of what failed */
    CHECK_OK(cipher_wrap(cipher, &key, &wrapped, &err));
    cipher_free(cipher);
    buf_done(&sealed);
    buf_done(&plain);
}

static bool collect(const char *bytes, size_t len, void *state, struct err *err)
{
    (void)err;
    buf_add(state, bytes, len);
    return true;
}

/* *ret_plain: what came out before the failure. */
static bool read_blocks(const struct cipher *cipher, const char *bytes, size_t len, size_t cut,
                        struct buf *ret_plain, struct err *err)
{
    struct blocks blocks = {.cipher = cipher, .sink = collect, .state = ret_plain};
    bool ok = true;

    buf_reset(ret_plain);
    for (size_t at = 0; ok && at < len; at += cut)
        ok = blocks_add(&blocks, bytes + at, len - at < cut ? len - at : cut, err);
    ok = ok && blocks_end(&blocks, err);
    blocks_done(&blocks);
    return ok;
}

static void test_blocks(void)
{
    struct buf all = BUF_INIT, sealed = BUF_INIT, plain = BUF_INIT, swapped = BUF_INIT;
    struct err err;
    struct cipher *cipher = cipher_new(BATCH, &err);
    uint64_t block = 0;
    size_t first = 0;

    for (int i = 0; i < 400000; i++)
        buf_addf(&all, "%d\n", i);
    for (size_t at = 0; at < all.len; at += 1500000) { /* each more than a block */
        size_t part = all.len - at < 1500000 ? all.len - at : 1500000;
        CHECK_OK(blocks_seal(cipher, &block, all.data + at, part, &sealed, &err));
    }
    CHECK_INT(block, 4);
    CHECK_OK(read_blocks(cipher, sealed.data, sealed.len, 65536, &plain, &err));
    CHECK_BYTES(plain.data, plain.len, all.data, all.len);
    CHECK_OK(read_blocks(cipher, sealed.data, sealed.len, sealed.len, &plain, &err));
    CHECK_INT(plain.len, all.len);
    CHECK_FAILS(read_blocks(cipher, sealed.data, sealed.len - 1, 65536, &plain, &err), ERR_DATA,
                "cut short");
    sealed.data[sealed.len - 30] ^= 4;
    CHECK_FAILS(read_blocks(cipher, sealed.data, sealed.len, 65536, &plain, &err), ERR_DATA,
                "block 3 is damaged: it was changed");
    sealed.data[0] = 0x7f;
    CHECK_FAILS(read_blocks(cipher, sealed.data, sealed.len, 65536, &plain, &err), ERR_DATA,
                "block 0 is damaged: its length");
    buf_reset(&sealed);
    block = 0;
    CHECK_OK(blocks_seal(cipher, &block, "one", 3, &sealed, &err));
    first = sealed.len;
    CHECK_OK(blocks_seal(cipher, &block, "two", 3, &sealed, &err));
    buf_add(&swapped, sealed.data + first, sealed.len - first);
    buf_add(&swapped, sealed.data, first);
    CHECK_FAILS(read_blocks(cipher, swapped.data, swapped.len, 1, &plain, &err), ERR_DATA,
                "block 0 is damaged");
    CHECK_INT(plain.len, 0);
    cipher_free(cipher);
    buf_done(&all);
    buf_done(&sealed);
    buf_done(&plain);
    buf_done(&swapped);
}

static void seal(struct sealer *sealer, const struct cipher *cipher, uint64_t first_row,
                 struct member *member)
{
    struct err err;

    buf_reset(&member->lines);
    for (unsigned i = 0; i < 500; i++)
        buf_addf(&member->lines, "{\"id\":%u,\"text\":\"some words that repeat\"}\n", i);
    member->index = (struct member_index){.rows = 500, .first_row = first_row};
    CHECK_OK(seal_member(sealer, member, NULL, cipher, &err));
}

static void test_members(void)
{
    struct member member = {0};
    struct buf lines = BUF_INIT, head = BUF_INIT, comment = BUF_INIT;
    struct err err;
    struct sealer *sealer = sealer_new(PACKING_GZIP, 6, &err);
    struct cipher *cipher = cipher_new(BATCH, &err), *other = cipher_new(BATCH, &err);
    struct opener *opener = opener_new(cipher, &err), *wrong = opener_new(other, &err);

    for (uint64_t row = 0; row < 1500; row += 500) {
        seal(sealer, cipher, row, &member);
        CHECK_INT(member.index.length, member.sealed.len);
        CHECK_OK(open_member(opener, member.sealed.data, member.sealed.len, &member.index, &lines,
                             &err));
        CHECK_BYTES(lines.data, lines.len, member.lines.data, member.lines.len);
    }
    CHECK_FAILS(open_member(wrong, member.sealed.data, member.sealed.len, &member.index, &lines,
                            &err),
                ERR_DATA, "changed after it was encrypted");
    CHECK_INT(lines.len, 0);
    member.sealed.data[100] ^= 1;
    CHECK_FAILS(open_member(opener, member.sealed.data, member.sealed.len, &member.index, &lines,
                            &err),
                ERR_DATA, "a member is damaged: it was changed after it was encrypted");
    member.sealed.data[100] ^= 1;
    member.index.first_row = 500; /* another's place */
    CHECK_FAILS(open_member(opener, member.sealed.data, member.sealed.len, &member.index, &lines,
                            &err),
                ERR_DATA, "a member is damaged: it was changed after it was encrypted");
    seal_head("archiver-tui 3 cluster=1", &head);
    CHECK(open_comment(head.data, head.len, &comment));
    CHECK_STR(buf_str(&comment), "archiver-tui 3 cluster=1");
    sealer_free(sealer);
    opener_free(opener);
    opener_free(wrong);
    cipher_free(cipher);
    cipher_free(other);
    buf_done(&member.lines);
    buf_done(&member.sealed);
    buf_done(&lines);
    buf_done(&head);
    buf_done(&comment);
}

static const struct test_case cases[] = {
    {"keys are 32 bytes in hex or base64, and are not shown", test_keys},
    {"a wrong key is told from a changed byte", test_wrapping},
    {"another byte, place or batch does not open", test_every_byte_place_and_batch},
    {"blocks come back in any cut, and not when moved or cut short", test_blocks},
    {"members are opened in their place only", test_members},
    {NULL, NULL},
};

const struct test_suite member_cipher_suite = {"member/cipher", cases};
