/* SPDX-License-Identifier: PostgreSQL */
#include "stride.h"

#include "cases.h"

static const struct config_settings settings = {
    .batch_size = 100000, .batch_bytes_mb = 64, .batch_seconds = 30};

static struct stride begun(void)
{
    struct stride s;

    stride_begin(&s, &settings, 500, 0);
    return s;
}

static void test_fast_rows_fill_the_batch(void)
{
    struct stride s = begun();

    CHECK_INT(stride_next(&s), 100000);
    stride_took(&s, 100000, 100000, 50000000, 0.6);
    CHECK_INT(stride_next(&s), 100000);
}

static void test_slow_rows_are_fewer(void)
{
    struct stride s = begun();

    stride_took(&s, 100000, 100000, 50000000, 300);
    CHECK_INT(stride_next(&s), 10000);
    stride_took(&s, 10000, 10000, 5000000, 30);
    CHECK_INT(stride_next(&s), 10000);
}

/* Half of what is new: one slow batch does not make the next a small one. */
static void test_faster_again_they_are_more(void)
{
    struct stride s = begun();

    stride_took(&s, 100000, 100000, 50000000, 300);
    for (int i = 0; i < 10; i++) {
        int64_t before = stride_next(&s);
        stride_took(&s, before, before, (uint64_t)before * 500, (double)before / 100000);
        CHECK(stride_next(&s) <= before * 4);
        CHECK(stride_next(&s) >= before);
    }
    CHECK_INT(stride_next(&s), 100000);
}

static void test_wide_rows_are_fewer(void)
{
    struct stride s = begun();

    stride_took(&s, 100000, 1000, 64 << 20, 1);
    CHECK_INT(stride_next(&s), 999);
    stride_took(&s, 999, 1, UINT64_C(1) << 40, 1);
    CHECK_INT(stride_next(&s), 1);
}

static void test_never_fewer_for_the_time_than_is_worth_it(void)
{
    struct stride s = begun();

    stride_took(&s, 100000, 100000, 50000000, 1e9);
    CHECK_INT(stride_next(&s), STRIDE_LEAST);
}

static void test_half_after_a_failure_and_slowly_more(void)
{
    struct stride s = begun();
    int batches = 0;

    stride_failed(&s, 100000, 10);
    CHECK_INT(stride_next(&s), 50000);
    stride_failed(&s, 50000, 10);
    CHECK_INT(stride_next(&s), 25000);
    for (; stride_next(&s) < 100000 && batches < 100; batches++) {
        int64_t rows = stride_next(&s);
        stride_took(&s, rows, rows, (uint64_t)rows * 500, 1);
        CHECK(stride_next(&s) <= rows + rows / 4 + 1);
    }
    CHECK_INT(batches, 7);
}

/* Half an hour for 100,000 rows is 1,666 in the thirty seconds that it should be. */
static void test_a_timeout_says_how_slow_it_was(void)
{
    struct stride s = begun();

    stride_failed(&s, 100000, 1800);
    CHECK_INT(stride_next(&s), 1666);
    for (int i = 0; i < 20; i++)
        stride_failed(&s, stride_next(&s), 1);
    CHECK_INT(stride_next(&s), 1);
}

static void test_the_first_batch_may_be_a_small_one(void)
{
    struct stride s;

    stride_begin(&s, &settings, 500, 5000);
    CHECK_INT(stride_next(&s), 5000);
    stride_took(&s, 5000, 5000, 2500000, 0.1);
    CHECK_INT(stride_next(&s), 20000);
}

static void test_ends_tell_nothing(void)
{
    struct stride s = begun();

    stride_took(&s, 100000, 100000, 50000000, 0.6);
    stride_took(&s, 100000, 3, 1500, 20);
    stride_took(&s, 100000, 0, 0, 20);
    CHECK_INT(stride_next(&s), 100000);
}

static void test_time_may_not_matter(void)
{
    struct config_settings timeless = settings;
    struct stride s;

    timeless.batch_seconds = 0;
    stride_begin(&s, &timeless, 500, 0);
    stride_took(&s, 100000, 100000, 50000000, 5000);
    CHECK_INT(stride_next(&s), 100000);
    stride_failed(&s, 100000, 5000);
    CHECK_INT(stride_next(&s), 50000);
}

static const struct test_case cases[] = {
    {"fast rows fill the batch", test_fast_rows_fill_the_batch},
    {"slow rows are fewer", test_slow_rows_are_fewer},
    {"faster again they are more", test_faster_again_they_are_more},
    {"wide rows are fewer", test_wide_rows_are_fewer},
    {"never fewer for the time than is worth it", test_never_fewer_for_the_time_than_is_worth_it},
    {"half after a failure, and slowly more", test_half_after_a_failure_and_slowly_more},
    {"a timeout says how slow it was", test_a_timeout_says_how_slow_it_was},
    {"the first batch may be a small one", test_the_first_batch_may_be_a_small_one},
    {"the end of a table tells nothing", test_ends_tell_nothing},
    {"time may not matter", test_time_may_not_matter},
    {NULL, NULL},
};

const struct test_suite stride_suite = {"stride", cases};
