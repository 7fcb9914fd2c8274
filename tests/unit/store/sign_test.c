/* SPDX-License-Identifier: PostgreSQL
 *
 * The known answers are the examples that AWS publishes for S3,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, and those of its
 * signature test suite that apply: S3 normalizes no path, a name stands once among our headers,
 * and no value has line breaks.
 */
#include "store/sign.h"

#include "base/text.h"
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

#define TOKEN                                                                                      \
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSP" \
    "fIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT" \
    "7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"        \
    "scqKmlzm8F"                                                                                   \
    "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct suite_case {
    const char *name, *method, *path;
    struct sign_pair query[2];
    struct sign_pair headers[2];
    const char *body, *token, *names, *signature;
};

static const struct suite_case suite[] = {
    {.name = "get-vanilla",
     .method = "GET",
     .path = "/",
     .names = "host;x-amz-date",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-empty-query-key",
     .method = "GET",
     .path = "/",
     .query = {{"Param1", "value1"}},
     .names = "host;x-amz-date",
     .signature = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {.name = "get-vanilla-query-order-key-case",
     .method = "GET",
     .path = "/",
     .query = {{"Param2", "value2"}, {"Param1", "value1"}},
     .names = "host;x-amz-date",
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.name = "get-vanilla-query-order-value",
     .method = "GET",
     .path = "/",
     .query = {{"Param1", "value2"}, {"Param1", "value1"}},
     .names = "host;x-amz-date",
     .signature = "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
    {.name = "get-vanilla-query-unreserved",
     .method = "GET",
     .path = "/",
     .query = {{"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}},
     .names = "host;x-amz-date",
     .signature = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {.name = "get-vanilla-utf8-query",
     .method = "GET",
     .path = "/",
     .query = {{"\xe1\x88\xb4", "bar"}},
     .names = "host;x-amz-date",
     .signature = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {.name = "get-unreserved",
     .method = "GET",
     .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     .names = "host;x-amz-date",
     .signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {.name = "get-utf8",
     .method = "GET",
     .path = "/\xe1\x88\xb4",
     .names = "host;x-amz-date",
     .signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {.name = "get-header-value-trim",
     .method = "GET",
     .path = "/",
     .headers = {{"my-header1", " value1"}, {"my-header2", " \"a   b   c\""}},
     .names = "host;my-header1;my-header2;x-amz-date",
     .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {.name = "post-vanilla",
     .method = "POST",
     .path = "/",
     .names = "host;x-amz-date",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-vanilla-query",
     .method = "POST",
     .path = "/",
     .query = {{"Param1", "value1"}},
     .names = "host;x-amz-date",
     .signature = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-header-key-sort",
     .method = "POST",
     .path = "/",
     .headers = {{"my-header1", "value1"}},
     .names = "host;my-header1;x-amz-date",
     .signature = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {.name = "post-header-value-case",
     .method = "POST",
     .path = "/",
     .headers = {{"my-header1", "VALUE1"}},
     .names = "host;my-header1;x-amz-date",
     .signature = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
    {.name = "post-x-www-form-urlencoded",
     .method = "POST",
     .path = "/",
     .headers = {{"content-type", "application/x-www-form-urlencoded"}},
     .body = "Param1=value1",
     .names = "content-type;host;x-amz-date",
     .signature = "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {.name = "post-x-www-form-urlencoded-parameters",
     .method = "POST",
     .path = "/",
     .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf8"}},
     .body = "Param1=value1",
     .names = "content-type;host;x-amz-date",
     .signature = "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
    {.name = "post-sts-header-before",
     .method = "POST",
     .path = "/",
     .token = TOKEN,
     .names = "host;x-amz-date;x-amz-security-token",
     .signature = "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

static void check_suite_case(const struct suite_case *c)
{
    struct sign_keys with = {.access_key = "AKIDEXAMPLE",
                             .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                             .session_token = c->token,
                             .region = "us-east-1",
                             .service = "service"};
    struct buf path = BUF_INIT, query = BUF_INIT, date = BUF_INIT, found = BUF_INIT;
    struct buf wanted = BUF_INIT;
    const char *body = c->body ? c->body : "";
    uint8_t digest[32];
    char hex[65];

    sign_encode(&path, c->path, true);
    sign_query(&query, c->query, !c->query[0].name ? 0 : !c->query[1].name ? 1 : 2);
    text_sha256(body, strlen(body), digest);
    text_hex(digest, sizeof(digest), hex);
    struct sign_request request = {.method = c->method,
                                   .host = "example.amazonaws.com",
                                   .path = path.data,
                                   .query = buf_str(&query),
                                   .headers = c->headers,
                                   .header_count = !c->headers[0].name   ? 0
                                                   : !c->headers[1].name ? 1
                                                                         : 2,
                                   .payload_sha256 = hex,
                                   .at_us = INT64_C(1440938160000000)};
    sign_v4(&request, &with, &date, &found);
    buf_addf(&wanted,
             "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
             "SignedHeaders=%s,Signature=%s",
             c->names, c->signature);
    if (!CHECK_STR(buf_str(&found), buf_str(&wanted)))
        printf("    of %s\n", c->name);
    buf_done(&path);
    buf_done(&query);
    buf_done(&date);
    buf_done(&found);
    buf_done(&wanted);
}

static void test_suite_of_aws(void)
{
    for (size_t i = 0; i < sizeof(suite) / sizeof(suite[0]); i++)
        check_suite_case(&suite[i]);
}

static const struct test_case cases[] = {
    {"AWS's signature test suite gets its published signatures", test_suite_of_aws},
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
