/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/key.h"

#include "cases.h"

#define AT_US INT64_C(1764000000000000) /* 2025-11-24 16:00:00 UTC */

static void test_names(void)
{
    static const struct {
        struct key_table table;
        const char *stem;
    } names[] = {
        {{"pg", "db", "public", "logs"},
         "pg/db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001"},
        {{"", "db", "public", "logs"},
         "db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001"},
        {{"a/b", "db", "audit", "logs"},
         "a/b/db/audit.logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001"},
        {{"pg", "_db", "public", "a/b%c"},
         "pg/%5Fdb/a%2Fb%25c/year=2025/month=11/day=24/a%2Fb%25c_20251124T160000Z_batch_001"},
        {{"pg", "db", "my.schema", "t.x"},
         "pg/db/my%2Eschema.t%2Ex/year=2025/month=11/day=24/t%2Ex_20251124T160000Z_batch_001"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf stem = BUF_INIT, key = BUF_INIT, database = BUF_INIT, schema = BUF_INIT,
                   table = BUF_INIT;
        size_t stem_len;
        key_stem(&names[i].table, AT_US, AT_US, 1, 1, &stem);
        CHECK_STR(buf_str(&stem), names[i].stem);
        key_of(buf_str(&stem), KEY_METADATA, NULL, &key);
        CHECK_INT(key_kind(buf_str(&key), &stem_len), KEY_METADATA);
        CHECK_INT(stem_len, stem.len);
        CHECK(key_parse(buf_str(&key), names[i].table.prefix, &database, &schema, &table));
        CHECK_STR(buf_str(&database), names[i].table.database);
        CHECK_STR(buf_str(&schema), names[i].table.schema);
        CHECK_STR(buf_str(&table), names[i].table.table);
        buf_done(&stem);
        buf_done(&key);
        buf_done(&database);
        buf_done(&schema);
        buf_done(&table);
    }
}

static void test_versions_and_siblings(void)
{
    struct key_table table = {"pg", "db", "public", "logs"};
    struct buf stem = BUF_INIT, key = BUF_INIT, other = BUF_INIT;

    key_stem(&table, AT_US, AT_US, 12, 3, &stem);
    CHECK_STR(buf_str(&stem),
              "pg/db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_012_v3");
    key_of(buf_str(&stem), KEY_DATA, NULL, &key);
    CHECK(key_sibling(buf_str(&key), KEY_MANIFEST, NULL, &other));
    CHECK_STR(buf_str(&other), "pg/db/logs/year=2025/month=11/day=24/"
                               "logs_20251124T160000Z_batch_012_v3.manifest.json");
    CHECK(key_sibling(buf_str(&other), KEY_DATA, NULL, &key));
    CHECK_STR(buf_str(&key), "pg/db/logs/year=2025/month=11/day=24/"
                             "logs_20251124T160000Z_batch_012_v3.jsonl.gz");
    buf_done(&stem);
    buf_done(&key);
    buf_done(&other);
}

static const char *behind(const char *stem, const struct buf *key)
{
    size_t len = strlen(stem);

    return key->len > len && memcmp(key->data, stem, len) == 0 ? key->data + len : "";
}

static void test_encrypted(void)
{
    static const char stem[] = "pg/db/logs/year=2025/month=11/day=24/"
                               "logs_20251124T160000Z_batch_001";
    static const char *const ids[] = {"2026", "metadata", "manifest", "a-b_c", "key"};
    struct buf key = BUF_INIT, other = BUF_INIT, id = BUF_INIT;
    size_t stem_len;

    key_of(stem, KEY_DATA, ".jsonl.gz.enc", &key);
    CHECK_INT(key_kind(buf_str(&key), &stem_len), KEY_DATA);
    CHECK_INT(stem_len, sizeof(stem) - 1);
    CHECK(key_is_encrypted(buf_str(&key)));
    CHECK(key_sibling(buf_str(&key), KEY_MANIFEST, NULL, &other));
    CHECK_STR(behind(stem, &other), ".manifest.json.enc");
    CHECK_INT(key_kind(buf_str(&other), NULL), KEY_MANIFEST);
    CHECK(key_sibling(buf_str(&other), KEY_DATA, NULL, &key));
    CHECK_STR(behind(stem, &key), ".jsonl.gz.enc");
    CHECK(key_sibling(buf_str(&key), KEY_METADATA, NULL, &other));
    CHECK_STR(behind(stem, &other), ".metadata.json");
    CHECK(!key_is_encrypted(buf_str(&other)));
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        CHECK(key_envelope(buf_str(&key), ids[i], &other));
        CHECK_INT(key_kind(buf_str(&other), &stem_len), KEY_ENVELOPE);
        CHECK_INT(stem_len, sizeof(stem) - 1);
        CHECK(key_envelope_id(buf_str(&other), &id));
        CHECK_STR(buf_str(&id), ids[i]);
        CHECK(key_sibling(buf_str(&other), KEY_METADATA, NULL, &id));
        CHECK_STR(behind(stem, &id), ".metadata.json");
    }
    CHECK(!key_envelope_id(buf_str(&key), &id));
    buf_done(&key);
    buf_done(&other);
    buf_done(&id);
}

static void test_others(void)
{
    static const char *const others[] = {
        "pg/db/logs/_catalog/20251124T160000Z_x_000001.jsonl",
        "pg/_runs/20251124T160000Z-1234.json",
        "pg/db/logs/year=2025/month=11/day=24/readme.txt",
        "pg/db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001.jsonl.gz.tmp",
        "pg/db/logs/year=2025/month=11/day=24/logs_batch_001.jsonl.gz",
        "pg/db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001.key..json",
        "pg/db/logs/year=2025/month=11/day=24/logs_20251124T160000Z_batch_001.key.a/b.json",
        "pg/db/logs/year=2025/month=11/day=24/logs_batch_001.key.2026.json",
        "",
    };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (!CHECK_INT(key_kind(others[i], NULL), KEY_OTHER))
            printf("    ^ %s\n", others[i]);
    }
}

static const struct test_case cases[] = {
    {"names are made and read back, whatever tables are called", test_names},
    {"a batch's three keys lead to each other, versions too", test_versions_and_siblings},
    {"an encrypted batch's keys lead to each other, and to its envelopes", test_encrypted},
    {"what is no batch's object is told from them", test_others},
    {NULL, NULL},
};

const struct test_suite catalog_key_suite = {"catalog/key", cases};
