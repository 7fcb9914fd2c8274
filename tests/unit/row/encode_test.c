/* SPDX-License-Identifier: PostgreSQL */
#include "row/encode.h"

#include <stdlib.h>

#include "codec.h"
#include "row/decode.h"

/* COPY text of one value, what it is in JSON, and back: the identical COPY text. */
static const struct {
    const char *type, *copy, *json;
} values[] = {
    {"int4", "-2147483648", "-2147483648"},
    {"int8", "9223372036854775807", "9223372036854775807"},
    {"int4", "\\N", "null"},
    {"float8", "0.1", "0.1"},
    {"float8", "1e+300", "1e+300"},
    {"float8", "-0", "-0"},
    {"float8", "NaN", "\"NaN\""},
    {"float8", "-Infinity", "\"-Infinity\""},
    {"bool", "t", "true"},
    {"bool", "f", "false"},
    {"numeric", "1.500", "\"1.500\""},
    {"text", "", "\"\""},
    {"text", "\\\\N", "\"\\\\N\""},
    {"text", "NULL", "\"NULL\""},
    {"text", "a\\tb\\nc\\\\d\"e/f", "\"a\\tb\\nc\\\\d\\\"e/f\""},
    {"text", "\x01\\b\\f\\v\x1f\x7f", "\"\\u0001\\b\\f\\u000b\\u001f\x7f\""},
    {"text", "Zo\xc3\xab \xf0\x9f\x8e\x89", "\"Zo\xc3\xab \xf0\x9f\x8e\x89\""},
    {"jsonb", "{\"a\": [1, 2.50, 1e400]}", "{\"a\": [1, 2.50, 1e400]}"},
    {"json", "{\"b\":1,\"b\":2}", "{\"b\":1,\"b\":2}"},
    {"json", "\"a\\\\nb\"", "\"a\\nb\""},
    {"bytea", "\\\\x", "\"\""},
    {"bytea", "\\\\x00ff10", "\"AP8Q\""},
    {"timestamptz", "2024-02-29 23:59:59.5+00", "\"2024-02-29T23:59:59.5+00:00\""},
    {"timestamptz", "infinity", "\"infinity\""},
    {"timestamptz", "0044-03-15 12:00:00+00 BC", "\"0044-03-15 12:00:00+00 BC\""},
    {"timestamp", "2024-02-29 00:00:00", "\"2024-02-29T00:00:00\""},
    {"timestamp", "-infinity", "\"-infinity\""},
    {"date", "2024-02-29", "\"2024-02-29\""},
    {"date", "0001-01-01 BC", "\"0001-01-01 BC\""},
    {"int4[]", "{}", "[]"},
    {"int4[]", "{1,NULL,-3}", "[1,null,-3]"},
    {"int4[]", "{{1,2},{3,4}}", "[[1,2],[3,4]]"},
    {"int4[]", "[0:1]={1,2}", "\"[0:1]={1,2}\""},
    {"text[]", "{a,\"b,c\",\"\",NULL,\"NULL\",\"\\\\\"\"}",
     "[\"a\",\"b,c\",\"\",null,\"NULL\",\"\\\"\"]"},
    {"box[]", "{(1,2),(0,0);(3,4),(1,1)}", "[\"(1,2),(0,0)\",\"(3,4),(1,1)\"]"},
    /* what no literal of the type looks like goes as it is */
    {"int4[]", "{1,2", "\"{1,2\""},
    {"pair", "(1)", "\"(1)\""},
    {"int4range", "[1", "\"[1\""},
    {"pair", "(1,x)", "{\"a\":1,\"b c\":\"x\"}"},
    {"pair", "(,)", "{\"a\":null,\"b c\":null}"},
    {"pair", "(2,\"\")", "{\"a\":2,\"b c\":\"\"}"},
    {"pair", "(3,\"a,\"\"b\")", "{\"a\":3,\"b c\":\"a,\\\"b\"}"},
    {"pair[]", "{\"(1,a)\",NULL}", "[{\"a\":1,\"b c\":\"a\"},null]"},
    {"int4range", "empty", "{\"empty\":true}"},
    {"int4range", "[1,10)", "{\"lower\":1,\"upper\":10,\"bounds\":\"[)\"}"},
    {"int4range", "(,)", "{\"lower\":null,\"upper\":null,\"bounds\":\"()\"}"},
    {"tsrange", "[\"2024-01-01 00:00:00\",infinity)",
     "{\"lower\":\"2024-01-01T00:00:00\",\"upper\":\"infinity\",\"bounds\":\"[)\"}"},
    {"int4multirange", "{}", "[]"},
    {"int4multirange", "{[1,3),[5,)}",
     "[{\"lower\":1,\"upper\":3,\"bounds\":\"[)\"},{\"lower\":5,\"upper\":null,\"bounds\":\"[)\"}"
     "]"},
};

static void check_value(const char *type, const char *copy, const char *json)
{
    const char *columns[1][2] = {{"v", type}};
    struct shape *shape = codec_shape(columns, 1, NULL);
    struct encode_metadata none = {0};
    struct buf lines = BUF_INIT, back = BUF_INIT, expected = BUF_INIT, copy_line = BUF_INIT;
    struct err err;
    struct encoder *encoder = encoder_new(shape, &none, &err);
    struct decoder *decoder = decoder_new(shape, &err);

    buf_addf(&expected, "{\"v\":%s}\n", json);
    buf_addf(&copy_line, "%s\n", copy);
    bool ok = CHECK_OK(encode_row(encoder, copy, strlen(copy), &lines, NULL, &err));
    ok = CHECK_STR(buf_str(&lines), buf_str(&expected)) && ok;
    ok = CHECK_OK(decode_row(decoder, lines.data, lines.len, &back, &err)) && ok;
    ok = CHECK_STR(buf_str(&back), buf_str(&copy_line)) && ok;
    if (!ok)
        printf("    ^ %s %s\n", type, copy);
    encoder_free(encoder);
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&lines);
    buf_done(&back);
    buf_done(&expected);
    buf_done(&copy_line);
}

static void test_values(void)
{
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        check_value(values[i].type, values[i].copy, values[i].json);
}

static uint32_t seed = 20261123;

static uint32_t next(uint32_t below)
{
    return test_chance(&seed, below);
}

/* What PostgreSQL could send: no NUL, COPY escapes for what needs them. */
static void random_text(struct buf *copy)
{
    static const char *const pieces[] = {"a",
                                         "\\t",
                                         "\\n",
                                         "\\\\",
                                         "\"",
                                         "{",
                                         "}",
                                         ",",
                                         "'",
                                         "\\r",
                                         "/",
                                         "\x01",
                                         " ",
                                         "\xc3\xab",
                                         "\xe5\xb1\xb1",
                                         "NULL",
                                         "(",
                                         ")",
                                         "\\b",
                                         "\x1f",
                                         "0",
                                         "\xf0\x9f\x8e\x89"};

    for (uint32_t n = next(40); n > 0; n--)
        buf_adds(copy, pieces[next(sizeof(pieces) / sizeof(pieces[0]))]);
}

/* One byte that is not the plain form's, at each place: the text goes as it is. '/' and ':' stand
 * beside the digits. */
static void test_times_of_another_form(void)
{
    static const char plain[] = "2024-02-29 23:59:59";
    static const char others[] = "x/\x8d";

    for (size_t at = 0; at < sizeof(plain) - 1; at++) {
        for (const char *other = others; *other; other++) {
            char copy[sizeof(plain)], json[sizeof(plain) + 2];
            memcpy(copy, plain, sizeof(plain));
            copy[at] = *other;
            snprintf(json, sizeof(json), "\"%s\"", copy);
            check_value("timestamp", copy, json);
        }
    }
}

static void test_random_texts(void)
{
    static const char *const columns[][2] = {{"id", "int8"}, {"t", "text"}, {"u", "text"}};
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct encode_metadata none = {0};
    struct buf copy = BUF_INIT, lines = BUF_INIT, back = BUF_INIT;
    struct err err;
    struct encoder *encoder = encoder_new(shape, &none, &err);
    struct decoder *decoder = decoder_new(shape, &err);
    bool ok = true;

    for (int i = 0; ok && i < 50000; i++) {
        buf_reset(&copy);
        buf_reset(&lines);
        buf_reset(&back);
        buf_addf(&copy, "%d\t", i);
        random_text(&copy);
        buf_addc(&copy, '\t');
        random_text(&copy);
        buf_addc(&copy, '\n');
        ok = CHECK_OK(encode_row(encoder, copy.data, copy.len, &lines, NULL, &err)) &&
             CHECK_OK(decode_row(decoder, lines.data, lines.len, &back, &err)) &&
             CHECK_BYTES(back.data, back.len, copy.data, copy.len);
    }
    encoder_free(encoder);
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&copy);
    buf_done(&lines);
    buf_done(&back);
}

static void test_metadata_fields(void)
{
    static const char *const columns[][2] = {{"id", "int4"}, {"_batch_id", "text"}};
    struct shape *shape = codec_shape(columns, 2, NULL);
    struct encode_metadata metadata = {"2026-01-01T00:00:00+00:00", "b1", "db", "t"};
    struct buf lines = BUF_INIT, keys = BUF_INIT;
    struct err err;
    struct encoder *encoder = encoder_new(shape, &metadata, &err);

    CHECK_OK(encode_row(encoder, "7\tmine", 6, &lines, &keys, &err));
    CHECK_STR(buf_str(&lines), "{\"id\":7,\"_batch_id\":\"mine\",\"_archived_at\":"
                               "\"2026-01-01T00:00:00+00:00\",\"_source_database\":\"db\","
                               "\"_source_table\":\"t\"}\n");
    CHECK_STR(buf_str(&keys), "7");
    encoder_free(encoder);
    shape_free(shape);
    buf_done(&lines);
    buf_done(&keys);
}

static void test_json_null(void)
{
    static const char *const columns[][2] = {{"id", "int4"},
                                             {"j", "jsonb"},
                                             {"_json_null", "json"}};
    struct shape *shape = codec_shape(columns, 3, NULL);
    struct encode_metadata none = {0};
    struct buf lines = BUF_INIT, back = BUF_INIT;
    struct err err;
    struct encoder *encoder = encoder_new(shape, &none, &err);
    struct decoder *decoder = decoder_new(shape, &err);
    static const char copy[] = "1\tnull\t\\N\n2\t\\N\tnull\n3\tnull\tnull\n4\t\\N\t\\N\n";
    const char *line = copy;

    while (*line) {
        size_t len = strcspn(line, "\n") + 1;
        size_t before = lines.len;
        CHECK_OK(encode_row(encoder, line, len, &lines, NULL, &err));
        CHECK_OK(decode_row(decoder, lines.data + before, lines.len - before, &back, &err));
        line += len;
    }
    CHECK_STR(buf_str(&back), copy);
    CHECK(strstr(lines.data, "\"__json_null\":[\"j\"]") != NULL);
    encoder_free(encoder);
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&lines);
    buf_done(&back);
}

static void test_bounds(void)
{
    static const char *const columns[][2] = {{"id", "int8"}, {"at", "timestamptz"}};
    struct shape *shape = codec_shape(columns, 2, "at");
    struct encode_metadata none = {0};
    struct buf lines = BUF_INIT;
    struct err err;
    struct encoder *encoder = encoder_new(shape, &none, &err);
    static const char *const rows[] = {"5\t2024-01-02 00:00:00+00", "-3\t2024-01-01 00:00:00+00",
                                       "9\t2024-01-03 12:00:00.5+00", "4\t\\N"};

    for (size_t i = 0; i < 4; i++)
        CHECK_OK(encode_row(encoder, rows[i], strlen(rows[i]), &lines, NULL, &err));
    const struct encode_bounds *bounds = encode_bounds(encoder);
    CHECK_STR(buf_str(&bounds->min_key), "-3");
    CHECK_STR(buf_str(&bounds->max_key), "9");
    CHECK_STR(buf_str(&bounds->min_timestamp), "2024-01-01 00:00:00+00");
    CHECK_STR(buf_str(&bounds->max_timestamp), "2024-01-03 12:00:00.5+00");
    CHECK_INT(bounds->min_us, INT64_C(1704067200000000));
    encode_bounds_reset(encoder);
    CHECK_INT(encode_bounds(encoder)->max_us, INT64_MIN);
    encoder_free(encoder);
    shape_free(shape);
    buf_done(&lines);
}

/* What is not what the shape says is an error with its column, never a guess. */
static void test_wrong_rows(void)
{
    static const struct {
        const char *type, *copy, *part;
    } wrong[] = {
        {"int4", "12a", "v"},     {"int4", "", "v"},    {"bool", "yes", "v"},
        {"bytea", "\\\\x0", "v"}, {"bytea", "00", "v"}, {"int4", "1\t2", ""},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *columns[1][2] = {{"v", wrong[i].type}};
        struct shape *shape = codec_shape(columns, 1, NULL);
        struct encode_metadata none = {0};
        struct buf lines = BUF_INIT;
        struct err err;
        struct encoder *encoder = encoder_new(shape, &none, &err);
        if (!CHECK_FAILS(encode_row(encoder, wrong[i].copy, strlen(wrong[i].copy), &lines, NULL,
                                    &err),
                         ERR_DATA, wrong[i].part))
            printf("    ^ %s %s\n", wrong[i].type, wrong[i].copy);
        CHECK_INT(lines.len, 0);
        encoder_free(encoder);
        shape_free(shape);
        buf_done(&lines);
    }
}

static const struct test_case cases[] = {
    {"every kind of value goes out and comes back the same", test_values},
    {"a time of another form than the plain one goes as it is", test_times_of_another_form},
    {"50,000 random texts come back the same", test_random_texts},
    {"a column named like a row's metadata wins over it", test_metadata_fields},
    {"JSON null and SQL NULL stay apart, whatever columns are called", test_json_null},
    {"bounds are those of the rows since the reset", test_bounds},
    {"text that is not what the shape says is an error", test_wrong_rows},
    {NULL, NULL},
};

const struct test_suite row_encode_suite = {"row/encode", cases};
