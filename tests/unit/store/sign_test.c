/* SPDX-License-Identifier: PostgreSQL
 *
 * The known answers are the examples that AWS publishes for S3:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
#include "store/sign.h"

#include "cases.h"

#define AT_US INT64_C(1369353600000000) /* 2013-05-24 00:00:00 UTC */

static const struct sign_keys keys = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                                      .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                      .region = "us-east-1"};

static struct sign_request example(const char *method, const char *path, const char *query)
{
    return (struct sign_request){.method = method,
                                 .host = "examplebucket.s3.amazonaws.com",
                                 .path = path,
                                 .query = query,
                                 .payload_sha256 = SIGN_EMPTY_SHA256,
                                 .at_us = AT_US};
}

static void check_signature(const struct sign_request *request, const char *names,
                            const char *signature)
{
    struct buf date = BUF_INIT, found = BUF_INIT, wanted = BUF_INIT;

    buf_addf(&wanted,
             "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
             "SignedHeaders=%s,Signature=%s",
             names, signature);
    sign_v4(request, &keys, &date, &found);
    CHECK_STR(buf_str(&date), "20130524T000000Z");
    CHECK_STR(buf_str(&found), buf_str(&wanted));
    buf_done(&date);
    buf_done(&found);
    buf_done(&wanted);
}

static void test_get_object(void)
{
    struct sign_request request = example("GET", "/test.txt", "");

    request.headers = &(const struct sign_pair){"range", "bytes=0-9"};
    request.header_count = 1;
    check_signature(&request, "host;range;x-amz-content-sha256;x-amz-date",
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void test_put_object(void)
{
    static const struct sign_pair headers[] = {
        {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
        {"date", "Fri, 24 May 2013 00:00:00 GMT"},
    };
    struct buf path = BUF_INIT;

    sign_encode(&path, "/test$file.text", true);
    CHECK_STR(buf_str(&path), "/test%24file.text");
    struct sign_request request = example("PUT", buf_str(&path), "");
    request.headers = headers;
    request.header_count = 2;
    request.payload_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    check_signature(&request, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    buf_done(&path);
}

static void test_get_lifecycle(void)
{
    struct sign_request request = example("GET", "/", "lifecycle=");

    check_signature(&request, "host;x-amz-content-sha256;x-amz-date",
                    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void test_list_objects(void)
{
    static const struct sign_pair pairs[] = {{"prefix", "J"}, {"max-keys", "2"}};
    struct buf query = BUF_INIT;

    sign_query(&query, pairs, 2);
    CHECK_STR(buf_str(&query), "max-keys=2&prefix=J");
    struct sign_request request = example("GET", "/", buf_str(&query));
    check_signature(&request, "host;x-amz-content-sha256;x-amz-date",
                    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    buf_done(&query);
}

static void test_encoding(void)
{
    static const struct {
        const char *text, *encoded;
        bool keep_slash;
    } cases[] = {
        {"AZaz09-._~", "AZaz09-._~", false},
        {"a/b", "a/b", true},
        {"a/b", "a%2Fb", false},
        {"year=2026/x y+z%", "year%3D2026/x%20y%2Bz%25", true},
        {"\xc3\xbc", "%C3%BC", true},
        {"", "", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf found = BUF_INIT;
        sign_encode(&found, cases[i].text, cases[i].keep_slash);
        CHECK_STR(buf_str(&found), cases[i].encoded);
        buf_done(&found);
    }
}

static void test_session_token(void)
{
    struct sign_keys with_token = keys;
    struct sign_request request = example("GET", "/", "");
    struct buf text = BUF_INIT;

    with_token.session_token = "TOKEN";
    sign_canonical(&request, &with_token, &text);
    CHECK_STR(buf_str(&text),
              "GET\n/\n\n"
              "host:examplebucket.s3.amazonaws.com\n"
              "x-amz-content-sha256:" SIGN_EMPTY_SHA256 "\n"
              "x-amz-date:20130524T000000Z\n"
              "x-amz-security-token:TOKEN\n\n"
              "host;x-amz-content-sha256;x-amz-date;x-amz-security-token\n" SIGN_EMPTY_SHA256);
    buf_done(&text);
}

static void test_blanks(void)
{
    struct sign_request request = example("GET", "/", "");
    struct buf text = BUF_INIT;

    request.headers = &(const struct sign_pair){"x-amz-meta-a", "  one \t two  "};
    request.header_count = 1;
    sign_canonical(&request, &keys, &text);
    CHECK(strstr(buf_str(&text), "\nx-amz-meta-a:one two\n") != NULL);
    buf_done(&text);
}

static const struct test_case cases[] = {
    {"AWS's example of a ranged GET gets its published signature", test_get_object},
    {"AWS's example of a PUT gets its published signature", test_put_object},
    {"AWS's example of GET ?lifecycle gets its published signature", test_get_lifecycle},
    {"AWS's example of a listing gets its published signature", test_list_objects},
    {"all but unreserved characters are percent-encoded", test_encoding},
    {"a session token is among the signed headers", test_session_token},
    {"blanks of header values are signed as one", test_blanks},
    {NULL, NULL},
};

const struct test_suite store_sign_suite = {"store/sign", cases};
