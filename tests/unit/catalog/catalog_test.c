/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/catalog.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cases.h"

static const struct key_table logs = {"pg", "db", "public", "logs"};

struct place {
    char *top, *endpoint;
    struct store *store;
};

static void place_open(struct place *place)
{
    struct err err;

    place->top = test_mkdtemp();
    place->endpoint = mem_printf("file://%s", place->top);
    char *bucket = mem_printf("%s/cold", place->top);
    mkdir(bucket, 0700);
    free(bucket);
    struct config_s3 s3 = {.endpoint = place->endpoint, .bucket = "cold"};
    place->store = store_open(&s3, NULL, &err);
    CHECK_OK(place->store != NULL);
}

static void place_done(struct place *place)
{
    store_close(place->store);
    test_rmdir(place->top);
    free(place->endpoint);
}

static struct catalog_entry entry_of(const char *key, enum catalog_state state)
{
    return (struct catalog_entry){.database = "db",
                                  .schema = "public",
                                  .table = "logs",
                                  .key = key,
                                  .run_id = "r",
                                  .batch_id = "b\"\n",
                                  .archived_at = "2026-01-01T00:00:00+00:00",
                                  .system_identifier = "7",
                                  .timeline = "00000001",
                                  .txid = UINT64_MAX,
                                  .records = 5,
                                  .min_timestamp = "\xc3\xa9",
                                  .state = state};
}

static void test_settle_and_find(void)
{
    struct place place;
    struct err err;
    char key[40];

    place_open(&place);
    struct catalog_writer *writer = catalog_writer_new(place.store, &logs, "r", 0);
    for (int i = 0; i < 450; i++) { /* more than two objects hold */
        snprintf(key, sizeof(key), "pg/db/logs/key%04d", i);
        struct catalog_entry entry = entry_of(key, CATALOG_SETTLED);
        CHECK_OK(catalog_settle(writer, &entry, &err));
    }
    struct catalog_entry undone = entry_of("pg/db/logs/key0007", CATALOG_UNDONE);
    CHECK_OK(catalog_settle(writer, &undone, &err));
    catalog_writer_free(writer);
    struct catalog *catalog = catalog_read(place.store, &logs, &err);
    CHECK_OK(catalog != NULL);
    CHECK_INT(catalog->count, 450);
    const struct catalog_entry *found = catalog_find(catalog, "pg/db/logs/key0449");
    CHECK(found && found->txid == UINT64_MAX && found->state == CATALOG_SETTLED);
    CHECK_STR(found->batch_id, "b\"\n");
    CHECK_STR(found->min_timestamp, "\xc3\xa9");
    CHECK(found->max_timestamp == NULL);
    CHECK_INT(catalog_find(catalog, "pg/db/logs/key0007")->state, CATALOG_UNDONE);
    CHECK(catalog_find(catalog, "pg/db/logs/key0450") == NULL);
    catalog_free(catalog);
    place_done(&place);
}

/* Two writers of one run in one second: neither takes the other's lines. */
static void test_two_writers(void)
{
    struct place place;
    struct err err;

    place_open(&place);
    struct catalog_writer *one = catalog_writer_new(place.store, &logs, "r", 0);
    struct catalog_writer *two = catalog_writer_new(place.store, &logs, "r", 0);
    struct catalog_entry a = entry_of("a", CATALOG_SETTLED), b = entry_of("b", CATALOG_SETTLED),
                         c = entry_of("c", CATALOG_SETTLED);
    CHECK_OK(catalog_settle(one, &a, &err));
    CHECK_OK(catalog_settle(two, &b, &err));
    CHECK_OK(catalog_settle(one, &c, &err));
    struct catalog *catalog = catalog_read(place.store, &logs, &err);
    CHECK(catalog && catalog->count == 3);
    catalog_free(catalog);
    catalog_writer_free(one);
    catalog_writer_free(two);
    place_done(&place);
}

/* An undone batch's objects go, and in the same second another batch may get their name. */
static void test_name_taken_again(void)
{
    struct place place;
    struct err err;

    place_open(&place);
    struct catalog_writer *one = catalog_writer_new(place.store, &logs, "a", 0);
    struct catalog_writer *two = catalog_writer_new(place.store, &logs, "b", 0);
    struct catalog_entry old = entry_of("k", CATALOG_SETTLED),
                         undone = entry_of("k", CATALOG_UNDONE),
                         young = entry_of("k", CATALOG_SETTLED);
    young.batch_id = "young";
    CHECK_OK(catalog_settle(one, &old, &err));
    CHECK_OK(catalog_settle(one, &young, &err)); /* read before the line that undoes the old one */
    CHECK_OK(catalog_settle(two, &undone, &err));
    struct catalog *catalog = catalog_read(place.store, &logs, &err);
    CHECK(catalog && catalog->count == 1);
    CHECK_STR(catalog_find(catalog, "k")->batch_id, "young");
    CHECK_INT(catalog_find(catalog, "k")->state, CATALOG_SETTLED);
    catalog_free(catalog);
    catalog_writer_free(one);
    catalog_writer_free(two);
    place_done(&place);
}

/* The host that undoes a batch may have a clock behind that of the host that settled it. */
static void test_undone_by_a_slow_clock(void)
{
    struct place place;
    struct err err;

    place_open(&place);
    struct catalog_writer *ahead = catalog_writer_new(place.store, &logs, "a", 3600000000);
    struct catalog_writer *behind = catalog_writer_new(place.store, &logs, "b", 0);
    struct catalog_entry settled = entry_of("k", CATALOG_SETTLED),
                         undone = entry_of("k", CATALOG_UNDONE);
    CHECK_OK(catalog_settle(ahead, &settled, &err));
    CHECK_OK(catalog_settle(behind, &undone, &err));
    struct catalog *catalog = catalog_read(place.store, &logs, &err);
    CHECK(catalog && catalog->count == 1);
    CHECK_INT(catalog_find(catalog, "k")->state, CATALOG_UNDONE);
    catalog_free(catalog);
    catalog_writer_free(ahead);
    catalog_writer_free(behind);
    place_done(&place);
}

static void test_damaged(void)
{
    static const struct {
        const char *text, *part;
    } wrong[] = {
        {"{\"state\":\"settled\"}\n", "line 1"},
        {"{\"state\":\"settl", "it is cut short"},
        {"nonsense\n", "it is not a JSON object as it should be"},
    };
    struct place place;
    struct err err;
    struct store_put_params params = {.key = "pg/db/logs/_catalog/x_000001.jsonl",
                                      .overwrite = true};

    place_open(&place);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_OK(store_put_bytes(place.store, &params, wrong[i].text, strlen(wrong[i].text), &err));
        CHECK_FAILS(catalog_read(place.store, &logs, &err) != NULL, ERR_DATA, wrong[i].part);
    }
    place_done(&place);
}

static const struct test_case cases[] = {
    {"what is settled is found, the last word counts", test_settle_and_find},
    {"writers of one run in one second do not meet", test_two_writers},
    {"a name that was undone can be taken again", test_name_taken_again},
    {"a batch undone by a host whose clock is behind stays undone", test_undone_by_a_slow_clock},
    {"a damaged line is an error and not an unsettled batch", test_damaged},
    {NULL, NULL},
};

const struct test_suite catalog_catalog_suite = {"catalog/catalog", cases};
