/* SPDX-License-Identifier: PostgreSQL */
#include "row/decode.h"

#include "codec.h"

static const char *const columns[][2] = {{"id", "int4"}, {"t", "text"}, {"b", "bool"}};

static void check_line(const char *json, const char *copy)
{
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct buf back = BUF_INIT;
    struct err err;
    struct decoder *decoder = decoder_new(shape, &err);

    CHECK_OK(decode_row(decoder, json, strlen(json), &back, &err));
    CHECK_STR(buf_str(&back), copy);
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&back);
}

static void test_any_order(void)
{
    check_line("{\"b\": true, \"_x\": {\"deep\": [1, \"}\"]}, \"t\" : \"a\", \"id\":1}",
               "1\ta\tt\n");
    check_line("{\"id\":1,\"t\":null,\"b\":null,\"_batch_id\":\"x\"}\n", "1\t\\N\t\\N\n");
    check_line("{\"id\":1,\"t\":\"\\u00e9\\ud83c\\udf89\\u0009\",\"b\":false}",
               "1\t\xc3\xa9\xf0\x9f\x8e\x89\\t\tf\n");
}

static void test_wrong_lines(void)
{
    static const struct {
        const char *json, *part;
    } wrong[] = {
        {"", "byte 0"},
        {"[]", "an object is due here"},
        {"{\"id\":1,\"t\":\"a\"}", "column \"b\""},
        {"{\"id\":\"x\",\"t\":\"a\",\"b\":true}", "column \"id\""},
        {"{\"id\":1,\"t\":\"a\",\"b\":1}", "column \"b\""},
        {"{\"id\":1,\"t\":\"a\",\"b\":true", ""},
        {"{\"id\":1,\"t\":\"a\\u0000\",\"b\":true}", "column \"t\""},
        {"{\"id\":1,\"t\":\"\\ud800\",\"b\":true}", "column \"t\""},
        {"{\"id\":1,\"id\":2,\"t\":\"a\",\"b\":true}", ""},
        {"{\"id\":1,\"t\":\"a\",\"b\":true} x", "goes on"},
    };
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct err err;
    struct decoder *decoder = decoder_new(shape, &err);

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf back = BUF_INIT;
        if (!CHECK_FAILS(decode_row(decoder, wrong[i].json, strlen(wrong[i].json), &back, &err),
                         ERR_DATA, wrong[i].part))
            printf("    ^ %s\n", wrong[i].json);
        CHECK_INT(back.len, 0);
        buf_done(&back);
    }
    decoder_free(decoder);
    shape_free(shape);
}

static void test_spans(void)
{
    static const char line[] = "{\"t\": \"a b\" ,\"id\":12}";
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct decode_span spans[3];
    struct err err;
    struct decoder *decoder = decoder_new(shape, &err);

    CHECK_OK(decode_spans(decoder, line, strlen(line), spans, &err));
    CHECK_BYTES(line + spans[0].start, spans[0].len, "12", 2);
    CHECK_BYTES(line + spans[1].start, spans[1].len, "\"a b\"", 5);
    CHECK_INT(spans[2].len, 0);
    decoder_free(decoder);
    shape_free(shape);
}

/* Foreign bytes: any cut and any flipped bit of a good line ends in an answer. */
static void test_damaged_lines(void)
{
    static const char good[] =
        "{\"id\":1,\"t\":\"a\\n\\u00e9\",\"b\":true,\"_x\":[1,{\"y\":null}]}";
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct buf back = BUF_INIT;
    struct err err;
    struct decoder *decoder = decoder_new(shape, &err);
    char line[sizeof(good)];

    for (size_t len = 0; len < sizeof(good) - 1; len++)
        CHECK(!decode_row(decoder, good, len, &back, &err));
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(line, good, sizeof(good));
            line[at] ^= (char)(1 << bit);
            decode_row(decoder, line, sizeof(good) - 1, &back, &err);
        }
    }
    CHECK_OK(decode_row(decoder, good, sizeof(good) - 1, &back, &err));
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&back);
}

static const struct test_case cases[] = {
    {"keys may come in any order, with spaces, among others", test_any_order},
    {"a line that is not by the shape is an error with its column", test_wrong_lines},
    {"spans say where the values stand", test_spans},
    {"damaged lines end in an error, or in a row", test_damaged_lines},
    {NULL, NULL},
};

const struct test_suite row_decode_suite = {"row/decode", cases};
