/* SPDX-License-Identifier: PostgreSQL */
#include "rate.h"

#include "cases.h"

#define SECOND INT64_C(1000000)

static void test_unknown_until_there_is_enough(void)
{
    struct rate rate = {0};

    CHECK(rate_per_second(&rate, 0) < 0);
    rate_note(&rate, SECOND, 0);
    CHECK(rate_per_second(&rate, SECOND) < 0);
    rate_note(&rate, 2 * SECOND, 1000);
    CHECK(rate_per_second(&rate, 2 * SECOND) < 0);
    CHECK_INT((int64_t)rate_per_second(&rate, 3 * SECOND), 500);
}

static void test_steady(void)
{
    struct rate rate = {0};

    for (int64_t i = 1; i <= 100; i++)
        rate_note(&rate, i * SECOND, i * 700);
    CHECK_INT((int64_t)rate_per_second(&rate, 100 * SECOND), 700);
}

/* What was half a minute ago does not count any more. */
static void test_the_past_is_forgotten(void)
{
    struct rate rate = {0};

    for (int64_t i = 1; i <= 60; i++)
        rate_note(&rate, i * SECOND, i < 20 ? i * 100000 : 2000000 + i * 10);
    CHECK_INT((int64_t)rate_per_second(&rate, 60 * SECOND), 10);
}

static void test_it_falls_while_nothing_comes(void)
{
    struct rate rate = {0};

    for (int64_t i = 1; i <= 10; i++)
        rate_note(&rate, i * SECOND, i * 100);
    double before = rate_per_second(&rate, 10 * SECOND);
    CHECK(rate_per_second(&rate, 20 * SECOND) < before);
    CHECK_INT((int64_t)rate_per_second(&rate, 100 * SECOND), 0);
}

static void test_a_batch_that_is_rolled_back(void)
{
    struct rate rate = {0};

    rate_note(&rate, SECOND, 1000);
    rate_note(&rate, 4 * SECOND, 0);
    CHECK_INT((int64_t)rate_per_second(&rate, 4 * SECOND), 0);
}

static const struct test_case cases[] = {
    {"a rate is unknown until there is enough to tell", test_unknown_until_there_is_enough},
    {"what is steady is told exactly", test_steady},
    {"the past is forgotten", test_the_past_is_forgotten},
    {"a rate falls while nothing comes", test_it_falls_while_nothing_comes},
    {"rows that a rollback takes back make no negative rate", test_a_batch_that_is_rolled_back},
    {NULL, NULL},
};

const struct test_suite rate_suite = {"rate", cases};
