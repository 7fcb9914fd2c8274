/* SPDX-License-Identifier: PostgreSQL */
#include "base/text.h"

#include "cases.h"

static void test_times(void)
{
    static const struct {
        const char *text, *iso;
        int64_t us;
    } times[] = {
        {"1970-01-01 00:00:00+00", "1970-01-01T00:00:00+00:00", 0},
        {"2026-11-23T13:28:45.330268Z", "2026-11-23T13:28:45.330268+00:00",
         INT64_C(1795440525330268)},
        {"2024-02-29", "2024-02-29T00:00:00+00:00", INT64_C(1709164800000000)},
        {"2024-01-01 01:30:00+01:30", "2024-01-01T00:00:00+00:00", INT64_C(1704067200000000)},
        {"2023-12-31 19:00:00-05", "2024-01-01T00:00:00+00:00", INT64_C(1704067200000000)},
    };
    struct buf iso = BUF_INIT;
    int64_t us;

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        CHECK(text_to_time(times[i].text, strlen(times[i].text), &us));
        CHECK_INT(us, times[i].us);
        buf_reset(&iso);
        text_add_time(&iso, us);
        CHECK_STR(buf_str(&iso), times[i].iso);
    }
    CHECK(text_to_time("infinity", 8, &us) && us == INT64_MAX);
    CHECK(text_to_time("-infinity", 9, &us) && us == INT64_MIN);
    CHECK(text_to_time("0044-03-15 12:00:00+00 BC", 25, &us) && us < 0);
    CHECK(!text_to_time("2024-02-30x", 11, &us));
    CHECK(!text_to_time("yesterday", 9, &us));
    CHECK(!text_to_time("2023-02-29", 10, &us));
    CHECK(text_to_time("2024-02-29 24:00:00", 19, &us) && us == INT64_C(1709251200000000));
    CHECK(!text_to_time("2024-02-29 24:00:01", 19, &us));
    CHECK(!text_to_time("0000-01-01", 10, &us));
    CHECK(!text_to_time("", 0, &us));
    buf_done(&iso);
}

static void test_far_times(void)
{
    static const char last[] = "294276-12-31 23:59:59.999999+00", day[] = "5874897-12-31";
    struct text_moment moment;
    int64_t us = 7;

    CHECK(text_to_time("294246-12-31", 12, &us));
    CHECK(!text_to_time(last, strlen(last), &us));
    CHECK(!text_to_time(day, strlen(day), &us));
    CHECK(text_to_moment(last, strlen(last), &moment));
    CHECK_INT(moment.day, 106762939);
    CHECK_INT(moment.us, TEXT_US_PER_DAY - 1);
    CHECK(text_to_moment(day, strlen(day), &moment));
    CHECK_INT(moment.day, 2145042905);
    CHECK(text_to_moment("2024-01-01 01:30:00-05:30", 25, &moment));
    CHECK_INT(moment.zone_us, INT64_C(-19800000000));
    CHECK(text_to_moment("-infinity", 9, &moment) && moment.day == INT64_MIN);
}

static void test_stamps(void)
{
    struct buf stamp = BUF_INIT;
    int64_t us;

    text_add_stamp(&stamp, INT64_C(1795440525330268));
    CHECK_STR(buf_str(&stamp), "20261123T132845Z");
    CHECK(text_from_stamp(stamp.data, stamp.len, &us) && us == INT64_C(1795440525000000));
    CHECK(!text_from_stamp("20261323T132845Z", 16, &us));
    buf_done(&stamp);
}

static void test_numbers(void)
{
    struct buf text = BUF_INIT;
    int64_t value;

    CHECK(text_to_int("-9223372036854775808", &value) && value == INT64_MIN);
    CHECK(!text_to_int("9223372036854775808", &value));
    CHECK(!text_to_int("1x", &value) && !text_to_int("", &value));
    text_add_count(&text, 1234567);
    buf_addc(&text, ' ');
    text_add_bytes(&text, 8100000);
    CHECK_STR(buf_str(&text), "1,234,567 8.1 MB");
    buf_done(&text);
}

static void test_sizes(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"},
                 {999, "999 B"},
                 {1000, "1.0 kB"},
                 {1049, "1.0 kB"},
                 {1050, "1.1 kB"},
                 {999949, "999.9 kB"},
                 {999950, "1.0 MB"},
                 {UINT64_C(999949999999999999), "999.9 PB"},
                 {UINT64_C(999950000000000000), "1.0 EB"},
                 {UINT64_MAX, "18.4 EB"}};
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_reset(&text);
        text_add_bytes(&text, cases[i].bytes);
        CHECK_STR(buf_str(&text), cases[i].text);
    }
    buf_done(&text);
}

static void test_bytes(void)
{
    uint8_t bytes[256], back[256], digest[32];
    char hex[513];
    struct buf base64 = BUF_INIT, plain = BUF_INIT;

    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)i;
    text_hex(bytes, sizeof(bytes), hex);
    CHECK(text_from_hex(hex, 512, back) && memcmp(bytes, back, 256) == 0);
    CHECK(!text_from_hex("0g", 2, back));
    for (size_t len = 0; len <= 256; len++) {
        buf_reset(&base64);
        buf_reset(&plain);
        text_base64(&base64, bytes, len);
        CHECK(text_from_base64(&plain, buf_str(&base64), base64.len));
        CHECK_BYTES(plain.data, plain.len, bytes, len);
    }
    text_sha256("abc", 3, digest);
    text_hex(digest, 32, hex);
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    text_md5("abc", 3, digest);
    text_hex(digest, 16, hex);
    CHECK_STR(hex, "900150983cd24fb0d6963f7d28e17f72");
    buf_done(&base64);
    buf_done(&plain);
}

static void test_nearest(void)
{
    static const char *const names[] = {"retention_days", "bucket", "logs"};

    CHECK_STR(text_nearest("retention_dys", names, 3), "retention_days");
    CHECK_STR(text_nearest("lgos", names, 3), "logs");
    CHECK(text_nearest("something", names, 3) == NULL);
    CHECK(text_nearest("", names, 3) == NULL);
}

static void test_names(void)
{
    static const struct {
        const char *text, *ends, *name, *rest;
    } names[] = {
        {"logs", ".", "logs", ""},
        {"audit.logs", ".", "audit", ".logs"},
        {"logs:at:90", ".:,", "logs", ":at:90"},
        {"\"my.schema\".logs", ".", "my.schema", ".logs"},
        {"\"say \"\"no\"\"\" b", " ", "say \"no\"", " b"},
        {"\"\"", ".", "", ""},
        {"", ".", "", ""},
        {"a\"b c", " ", "a\"b", " c"},
        {"\"open", ".", NULL, NULL},
        {"\"open\"\"", ".", NULL, NULL},
    };
    struct buf name = BUF_INIT;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *rest = text_take_name(names[i].text, names[i].ends, &name);
        CHECK((rest == NULL) == (names[i].rest == NULL));
        if (!rest || !names[i].rest)
            continue;
        CHECK_STR(buf_str(&name), names[i].name);
        CHECK_STR(rest, names[i].rest);
        struct buf again = BUF_INIT, back = BUF_INIT;
        text_add_name(&again, buf_str(&name), names[i].ends);
        CHECK_STR(text_take_name(buf_str(&again), names[i].ends, &back), "");
        CHECK_STR(buf_str(&back), names[i].name);
        buf_done(&again);
        buf_done(&back);
    }
    buf_done(&name);
}

static const struct test_case cases[] = {
    {"a name ends at a sign, or where its quote does", test_names},
    {"times are read as PostgreSQL and ISO write them", test_times},
    {"days past what microseconds can say are kept apart", test_far_times},
    {"stamps go there and back", test_stamps},
    {"numbers are whole and in range, or refused", test_numbers},
    {"sizes have one digit behind the point", test_sizes},
    {"bytes go there and back, digests are the known ones", test_bytes},
    {"the nearest name is offered, a far one is not", test_nearest},
    {NULL, NULL},
};

const struct test_suite base_text_suite = {"base/text", cases};
