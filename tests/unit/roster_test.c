/* SPDX-License-Identifier: PostgreSQL */
#include "roster.h"

#include "cases.h"

struct place {
    struct config config;
    struct config_database databases[3];
    struct config_table tables[3][3];
    struct target items[9];
    struct targets targets;
};

/* Three databases of three tables each. */
static void begin(struct place *p, bool databases, int64_t at_a_time, int64_t tables)
{
    *p = (struct place){.config = {.databases = p->databases, .database_count = 3}};
    p->config.defaults.parallel_databases = databases;
    p->config.defaults.max_parallel_databases = at_a_time;
    for (size_t d = 0; d < 3; d++) {
        p->databases[d].settings.parallel_tables = tables;
        for (size_t t = 0; t < 3; t++)
            p->items[d * 3 + t] = (struct target){&p->databases[d], &p->tables[d][t]};
    }
    p->targets = (struct targets){.items = p->items, .count = 9};
}

/* So many may begin, before anything else is over. */
static void take_some(struct roster *r, size_t count, size_t *ret_numbers)
{
    for (size_t i = 0; i < count; i++)
        CHECK(roster_take(r, NULL, &ret_numbers[i]));
}

static void test_one_after_the_other(void)
{
    struct place p;
    size_t number;

    begin(&p, false, 3, 1);
    struct roster *r = roster_new(&p.config, &p.targets);
    CHECK_INT((int64_t)roster_threads(r), 1);
    for (size_t i = 0; i < 9; i++) {
        CHECK(roster_take(r, NULL, &number));
        CHECK_INT((int64_t)number, (int64_t)i);
        roster_over(r, number);
    }
    CHECK(!roster_take(r, NULL, &number));
    roster_free(r);
}

static void test_tables_of_one_database_at_a_time(void)
{
    struct place p;
    size_t n[3];

    begin(&p, false, 3, 2);
    struct roster *r = roster_new(&p.config, &p.targets);
    CHECK_INT((int64_t)roster_threads(r), 2);
    take_some(r, 2, n);
    CHECK(n[0] == 0 && n[1] == 1);
    roster_over(r, 0);
    take_some(r, 1, n); /* the third; nothing of the next database while one is at work on this */
    CHECK_INT((int64_t)n[0], 2);
    roster_over(r, 1);
    roster_over(r, 2);
    take_some(r, 2, n);
    CHECK(n[0] == 3 && n[1] == 4);
    roster_free(r);
}

static void test_databases_at_a_time(void)
{
    struct place p;
    size_t n[4];

    begin(&p, true, 2, 1);
    struct roster *r = roster_new(&p.config, &p.targets);
    CHECK_INT((int64_t)roster_threads(r), 2);
    take_some(r, 2, n);
    CHECK(n[0] == 0 && n[1] == 3);
    roster_over(r, 3);
    take_some(r, 1, n);
    CHECK_INT((int64_t)n[0], 4);
    roster_free(r);
    begin(&p, true, 3, 3);
    r = roster_new(&p.config, &p.targets);
    CHECK_INT((int64_t)roster_threads(r), 9);
    roster_free(r);
}

static void test_what_is_held_comes_once_more(void)
{
    struct place p;
    size_t number;

    begin(&p, false, 1, 1);
    p.targets.count = 2;
    struct roster *r = roster_new(&p.config, &p.targets);
    CHECK(roster_take(r, NULL, &number));
    CHECK_INT((int64_t)number, 0);
    CHECK(roster_held(r, 0));
    CHECK(roster_take(r, NULL, &number));
    CHECK_INT((int64_t)number, 1);
    roster_over(r, 1);
    CHECK(roster_take(r, NULL, &number));
    CHECK_INT((int64_t)number, 0);
    CHECK(!roster_held(r, 0));
    CHECK(!roster_take(r, NULL, &number));
    roster_free(r);
}

static void test_a_single_table_that_is_held_is_not_tried_again(void)
{
    struct place p;
    size_t number;

    begin(&p, false, 1, 1);
    p.targets.count = 1;
    struct roster *r = roster_new(&p.config, &p.targets);
    CHECK(roster_take(r, NULL, &number));
    CHECK(!roster_held(r, number));
    roster_free(r);
    p.tables[0][0].settings.lock_wait_seconds = 60;
    r = roster_new(&p.config, &p.targets);
    CHECK(roster_take(r, NULL, &number));
    CHECK(roster_held(r, number));
    roster_free(r);
}

static const struct test_case cases[] = {
    {"one table after the other", test_one_after_the_other},
    {"tables of one database at a time", test_tables_of_one_database_at_a_time},
    {"databases at a time", test_databases_at_a_time},
    {"what another run holds comes once more", test_what_is_held_comes_once_more},
    {"a single table that is held", test_a_single_table_that_is_held_is_not_tried_again},
    {NULL, NULL},
};

const struct test_suite roster_suite = {"roster", cases};
