/* SPDX-License-Identifier: PostgreSQL
 *
 * Backoff, rate and breaker with a clock that the tests hold in their hand, and the gate that is
 * made of them.
 */
#include "store/pace.h"

#include "base/text.h"
#include "cases.h"
#include "store/breaker.h"
#include "store/rate.h"
#include "store/retry.h"

#define SECOND INT64_C(1000000)
#define START  (INT64_C(1000) * SECOND)

/* --- retry --- */

static void test_backoff_doubles_up_to_its_bound(void)
{
    CHECK_INT(retry_wait_ms(1, UINT32_MAX, 0), 200);
    CHECK_INT(retry_wait_ms(2, UINT32_MAX, 0), 400);
    CHECK_INT(retry_wait_ms(5, UINT32_MAX, 0), 3200);
    CHECK_INT(retry_wait_ms(8, UINT32_MAX, 0), RETRY_BOUND_MS);
    CHECK_INT(retry_wait_ms(4000000000u, UINT32_MAX, 0), RETRY_BOUND_MS);
}

static void test_jitter_is_full_but_never_nothing(void)
{
    CHECK_INT(retry_wait_ms(7, 0, 0), 10);
    CHECK_INT(retry_wait_ms(5, UINT32_MAX / 2, 0), 1599);
}

static void test_the_server_may_ask_for_more_but_not_for_ever(void)
{
    CHECK_INT(retry_wait_ms(1, 0, 7), 7000);
    CHECK_INT(retry_wait_ms(1, UINT32_MAX, 7), 7050);
    CHECK_INT(retry_wait_ms(1, 0, INT64_MAX), RETRY_ASKED_MS);
}

/* --- rate --- */

static void test_a_bucket_gives_out_what_flows_in(void)
{
    struct bucket b;

    bucket_init(&b, 100, 50, START);
    CHECK_INT(bucket_take(&b, 50, START), 0);
    CHECK_INT(bucket_take(&b, 10, START), SECOND / 10);
    CHECK_INT(bucket_take(&b, 10, START), SECOND / 5); /* behind the one before */
    CHECK_INT(bucket_take(&b, 10, START + SECOND), 0);
    /* No more is saved up than it holds, and a clock that goes back gives nothing. */
    CHECK_INT(bucket_take(&b, 51, START + 100 * SECOND), SECOND / 100);
    CHECK_INT(bucket_take(&b, 1, START), SECOND / 50);
}

static void test_slow_down_halves_what_was_sent(void)
{
    struct rate r;

    rate_init(&r, 0, START);
    for (int i = 0; i < 80; i++)
        CHECK_INT(rate_take(&r, START + i), 0);
    rate_slow(&r, START + 100);
    CHECK(r.limit == 40);
    /* Refused together: counts once. */
    rate_slow(&r, START + 200);
    CHECK(r.limit == 40);
    rate_slow(&r, START + 2 * SECOND);
    CHECK(r.limit == 20);
    rate_take(&r, START + 2 * SECOND);
    CHECK_INT(rate_take(&r, START + 2 * SECOND), SECOND / 20);
    for (int i = 4; i < 40; i++)
        rate_slow(&r, START + i * SECOND);
    CHECK(r.limit == 1);
}

static void test_a_rate_grows_until_it_is_free(void)
{
    struct rate r;
    int64_t now = START;

    rate_init(&r, 0, now);
    for (int i = 0; i < 80; i++)
        rate_take(&r, now);
    rate_slow(&r, now);
    rate_fine(&r, now + SECOND / 2);
    CHECK(r.limit == 40);
    now += SECOND;
    rate_fine(&r, now);
    CHECK(r.limit > 43.9 && r.limit < 44.1);
    rate_fine(&r, now);
    CHECK(r.limit < 44.1);
    for (int i = 0; i < 26; i++)
        rate_fine(&r, now += SECOND);
    CHECK(r.limit == 0);
    CHECK_INT(rate_take(&r, now), 0);
}

static void test_a_ceiling_is_kept(void)
{
    struct rate r;

    rate_init(&r, 0.5, START);
    CHECK_INT(rate_take(&r, START), 0);
    CHECK_INT(rate_take(&r, START), 2 * SECOND);
    rate_slow(&r, START);
    CHECK(r.limit == 0.5);
    rate_init(&r, 10, START);
    rate_slow(&r, START);
    CHECK(r.limit == 5);
    for (int i = 1; i < 30; i++)
        rate_fine(&r, START + i * SECOND);
    CHECK(r.limit == 10);
}

/* --- breaker --- */

static void fail_until_open(struct breaker *b)
{
    int64_t wait;

    for (int i = 0; i < BREAKER_FAILURES; i++) {
        CHECK_INT(breaker_ask(b, true, START, &wait), BREAKER_GO);
        breaker_note(b, false, BREAKER_FAILED, START);
    }
    CHECK(b->open);
}

static void test_it_opens_after_failures_in_a_row_only(void)
{
    struct breaker b = {0};

    for (int i = 0; i < 10 * BREAKER_FAILURES; i++)
        breaker_note(&b, false, i % BREAKER_FAILURES ? BREAKER_FAILED : BREAKER_ANSWERED, START);
    CHECK(!b.open);
    for (int i = 0; i < 10 * BREAKER_FAILURES; i++)
        breaker_note(&b, false, BREAKER_NOTHING, START);
    CHECK(!b.open);
    fail_until_open(&(struct breaker){0});
}

static void test_one_probes_and_the_others_wait(void)
{
    struct breaker b = {0};
    int64_t wait = 0;

    fail_until_open(&b);
    CHECK_INT(breaker_ask(&b, true, START + SECOND, &wait), BREAKER_WAIT);
    CHECK_INT(wait, BREAKER_FIRST_US - SECOND);
    CHECK_INT(breaker_ask(&b, false, START + BREAKER_FIRST_US, &wait), BREAKER_PROBE);
    CHECK_INT(breaker_ask(&b, false, START + BREAKER_FIRST_US, &wait), BREAKER_WAIT);
    /* Half-open, and the store is back. */
    breaker_note(&b, true, BREAKER_ANSWERED, START + BREAKER_FIRST_US);
    CHECK_INT(breaker_ask(&b, true, START + BREAKER_FIRST_US, &wait), BREAKER_GO);
}

static void test_a_failed_probe_makes_it_wait_longer_and_refuse_the_fresh(void)
{
    struct breaker b = {0};
    int64_t wait = 0, now = START, cool = BREAKER_FIRST_US;

    fail_until_open(&b);
    for (unsigned i = 1; i < 8; i++) {
        now += cool;
        CHECK_INT(breaker_ask(&b, false, now, &wait), BREAKER_PROBE);
        breaker_note(&b, true, BREAKER_FAILED, now);
        CHECK_INT(b.probes, i);
        CHECK_INT(breaker_ask(&b, true, now, &wait), BREAKER_REFUSE);
        CHECK_INT(breaker_ask(&b, false, now, &wait), BREAKER_WAIT);
        cool = cool * 2 < BREAKER_LAST_US ? cool * 2 : BREAKER_LAST_US;
        CHECK_INT(wait, cool);
    }
    /* Once the cool-down is over, a fresh request may be the probe. */
    CHECK_INT(breaker_ask(&b, true, now + cool, &wait), BREAKER_PROBE);
}

static void test_only_the_probe_speaks_for_the_store(void)
{
    struct breaker b = {0};
    int64_t wait = 0;

    fail_until_open(&b);
    CHECK_INT(breaker_ask(&b, false, START + BREAKER_FIRST_US, &wait), BREAKER_PROBE);
    breaker_note(&b, false, BREAKER_FAILED, START + BREAKER_FIRST_US);
    CHECK(b.probing);
    CHECK_INT(b.probes, 0);
    /* A probe cut short by ourselves: the next may try at once. */
    breaker_note(&b, true, BREAKER_NOTHING, START + BREAKER_FIRST_US);
    CHECK_INT(breaker_ask(&b, false, START + BREAKER_FIRST_US, &wait), BREAKER_PROBE);
}

/* --- the gate --- */

static void test_the_gate_says_why_it_is_shut(void)
{
    struct pace *pace = pace_new(0);
    struct pace_try try = {.most = 0};
    struct err err, why;

    err_set(&why, ERR_NETWORK, "cannot reach the store");
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        CHECK_OK(pace_enter(pace, &try, &err));
        pace_leave(pace, &try, BREAKER_FAILED, false, &why);
    }
    try.tries = 1; /* of 0 allowed */
    CHECK_FAILS(pace_enter(pace, &try, &err), ERR_NETWORK,
                "the store is away: cannot reach the store");
    pace_free(pace);
}

static void test_waiting_ends_when_asked_to_stop(void)
{
    struct stop *stop = stop_new();
    struct pace *pace = pace_new(0.001); /* one in a quarter of an hour */
    struct pace_try try = {.stop = stop, .most = 5};
    struct err err;

    CHECK_OK(pace_enter(pace, &try, &err));
    pace_leave(pace, &try, BREAKER_ANSWERED, false, NULL);
    stop_ask(stop, true);
    CHECK_FAILS(pace_enter(pace, &try, &err), ERR_INTERRUPTED, "interrupted while waiting");
    CHECK(!pace_wait(stop, 3600 * SECOND));
    pace_free(pace);
    stop_free(stop);
}

static const struct test_case cases[] = {
    {"backoff doubles up to its bound", test_backoff_doubles_up_to_its_bound},
    {"jitter is full but never nothing", test_jitter_is_full_but_never_nothing},
    {"the server may ask for more but not for ever",
     test_the_server_may_ask_for_more_but_not_for_ever},
    {"a bucket gives out what flows in", test_a_bucket_gives_out_what_flows_in},
    {"slow down halves what was sent", test_slow_down_halves_what_was_sent},
    {"a rate grows until it is free", test_a_rate_grows_until_it_is_free},
    {"a ceiling is kept", test_a_ceiling_is_kept},
    {"it opens after failures in a row only", test_it_opens_after_failures_in_a_row_only},
    {"one probes and the others wait", test_one_probes_and_the_others_wait},
    {"a failed probe makes it wait longer and refuse the fresh",
     test_a_failed_probe_makes_it_wait_longer_and_refuse_the_fresh},
    {"only the probe speaks for the store", test_only_the_probe_speaks_for_the_store},
    {"the gate says why it is shut", test_the_gate_says_why_it_is_shut},
    {"waiting ends when asked to stop", test_waiting_ends_when_asked_to_stop},
    {NULL, NULL},
};

const struct test_suite store_pace_suite = {"store/pace", cases};
