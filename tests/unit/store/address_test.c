/* SPDX-License-Identifier: PostgreSQL */
#include "store/address.h"

#include "cases.h"

static void test_where_a_bucket_is(void)
{
    static const struct {
        const char *endpoint, *bucket, *region;
        int addressing;
        const char *origin, *host, *base;
    } table[] = {
        {NULL, "cold", NULL, ADDRESSING_AUTO, "https://cold.s3.us-east-1.amazonaws.com",
         "cold.s3.us-east-1.amazonaws.com", ""},
        {NULL, "cold", "eu-west-1", ADDRESSING_PATH, "https://s3.eu-west-1.amazonaws.com",
         "s3.eu-west-1.amazonaws.com", "/cold"},
        {NULL, "with.dot", "eu-west-1", ADDRESSING_AUTO, "https://s3.eu-west-1.amazonaws.com",
         "s3.eu-west-1.amazonaws.com", "/with.dot"},
        {NULL, "cold", "cn-north-1", ADDRESSING_AUTO, "https://cold.s3.cn-north-1.amazonaws.com.cn",
         "cold.s3.cn-north-1.amazonaws.com.cn", ""},
        {"https://store.example:443/gw/", "cold", NULL, ADDRESSING_AUTO, "https://store.example",
         "store.example", "/gw/cold"},
        {"https://store.example:8443", "cold", NULL, ADDRESSING_VIRTUAL,
         "https://cold.store.example:8443", "cold.store.example:8443", ""},
        {"http://[::1]:9000", "cold", NULL, ADDRESSING_AUTO, "http://[::1]:9000", "[::1]:9000",
         "/cold"},
    };
    struct err err;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct config_s3 s3 = {.endpoint = table[i].endpoint,
                               .bucket = table[i].bucket,
                               .addressing = table[i].addressing};
        struct address *a = address_new(&s3, table[i].region, &err);
        if (!CHECK_OK(a != NULL))
            continue;
        CHECK_STR(a->origin, table[i].origin);
        CHECK_STR(a->host, table[i].host);
        CHECK_STR(a->base, table[i].base);
        address_free(a);
    }
}

static void test_plain_http_only_to_this_host(void)
{
    static const struct {
        const char *endpoint;
        bool ok;
    } table[] = {
        {"http://127.0.0.1:9000", true},     {"http://localhost", true},
        {"http://cold.localhost:80", true},  {"http://[::1]", true},
        {"http://store.example", false},     {"http://127.example.com", false},
        {"http://127.0.0.1.example", false}, {"http://localhost.example", false},
        {"http://notlocalhost", false},      {"HTTP://store.example", false},
    };
    struct err err;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct config_s3 s3 = {.endpoint = table[i].endpoint, .bucket = "cold"};
        struct address *a = address_new(&s3, NULL, &err);
        if (!CHECK((a != NULL) == table[i].ok))
            printf("    %s\n", table[i].endpoint);
        address_free(a);
        s3.allow_http = true;
        a = address_new(&s3, NULL, &err);
        CHECK_OK(a != NULL);
        address_free(a);
        /* The key of SSE-C goes along with each request. */
        s3.sse_c_key_file = "key";
        a = address_new(&s3, NULL, &err);
        CHECK((a != NULL) == table[i].ok);
        address_free(a);
    }
}

static void test_what_is_no_address(void)
{
    static const char *const endpoints[] = {"store.example", "ftp://store.example",
                                            "https://",      "https://:9000",
                                            "https://a b",   "https://h?x=y"};
    struct config_s3 s3 = {.bucket = "cold"};
    struct err err;

    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        s3.endpoint = endpoints[i];
        CHECK_FAILS(address_new(&s3, NULL, &err) != NULL, ERR_CONFIG, "s3.endpoint");
    }
    /* A secret in an address is not repeated. */
    s3.endpoint = "https://me:geheim@store.example";
    CHECK_FAILS(address_new(&s3, NULL, &err) != NULL, ERR_CONFIG, "not an address: (");
    s3 = (struct config_s3){.bucket = "no/bucket"};
    CHECK_FAILS(address_new(&s3, NULL, &err) != NULL, ERR_CONFIG, "s3.bucket");
}

static void test_the_region_in_a_name_of_aws(void)
{
    static const struct {
        const char *host, *region; /* NULL: none */
    } table[] = {
        {"cold.s3.eu-west-1.amazonaws.com", "eu-west-1"},
        {"cold.s3-eu-west-1.amazonaws.com", "eu-west-1"},
        {"s3.cn-north-1.amazonaws.com.cn", "cn-north-1"},
        {"cold.s3.amazonaws.com", "us-east-1"},
        {"store.example", NULL},
        {".amazonaws.com", NULL},
        {"cold.s3.EU/../x.amazonaws.com", NULL},
        {"", NULL},
    };
    char region[32];

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool found = address_region(table[i].host, region, sizeof(region));
        if (!CHECK(found == (table[i].region != NULL)))
            printf("    %s\n", table[i].host);
        if (found && table[i].region)
            CHECK_STR(region, table[i].region);
    }
    CHECK(!address_is_region("eu-west-1.evil.example"));
    CHECK(!address_is_region(""));
}

static const struct test_case cases[] = {
    {"where a bucket is", test_where_a_bucket_is},
    {"plain http only to this host", test_plain_http_only_to_this_host},
    {"what is no address", test_what_is_no_address},
    {"the region in a name of AWS", test_the_region_in_a_name_of_aws},
    {NULL, NULL},
};

const struct test_suite store_address_suite = {"store/address", cases};
