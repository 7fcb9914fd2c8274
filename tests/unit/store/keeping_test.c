/* SPDX-License-Identifier: PostgreSQL
 *
 * What is asked of a server, and what of its word is believed. How a real one keeps objects is for
 * tests/way/kept.sh.
 */
#include "store/keeping.h"

#include "cases.h"

#define NOW_US INT64_C(1440938160000000) /* 2015-08-30T12:36:00Z */

static const struct keeping_object data = {0}, about = {.about = true}, small = {.small = true};

/* "name: value" of each header, and a line end. */
static void check_made(const struct config_s3 *s3, const struct keeping_object *object,
                       const char *wanted)
{
    struct err err;
    struct sign_pair headers[KEEPING_HEADERS];
    struct buf found = BUF_INIT;
    char until[24];
    struct keeping *k = NULL;

    if (CHECK_OK((k = keeping_new(s3, &err)) != NULL)) {
        size_t count = keeping_make(k, object, NOW_US, until, headers);
        CHECK(count <= KEEPING_HEADERS);
        for (size_t i = 0; i < count; i++)
            buf_addf(&found, "%s: %s\n", headers[i].name, headers[i].value);
        CHECK_STR(buf_str(&found), wanted);
    }
    keeping_free(k);
    buf_done(&found);
}

static void test_headers(void)
{
    const char *tags[] = {"team=data", "a b=c/d+e=f"};
    struct config_s3 all = {.storage_class = "GLACIER_IR",
                            .encryption = "SSE-KMS",
                            .kms_key_id = "alias/cold",
                            .object_lock_mode = "COMPLIANCE",
                            .object_lock_days = 2,
                            .object_lock_legal_hold = 1,
                            .tags = {tags, 2}};
    struct config_s3 none = {.storage_class = "STANDARD", .encryption = "none"};

    check_made(&none, &data, "");
    check_made(&all, &small,
               "x-amz-server-side-encryption: aws:kms\n"
               "x-amz-server-side-encryption-aws-kms-key-id: alias/cold\n");
    check_made(&all, &about,
               "x-amz-server-side-encryption: aws:kms\n"
               "x-amz-server-side-encryption-aws-kms-key-id: alias/cold\n"
               "x-amz-tagging: team=data&a%20b=c%2Fd%2Be%3Df\n"
               "x-amz-object-lock-legal-hold: ON\n"
               "x-amz-object-lock-mode: COMPLIANCE\n"
               "x-amz-object-lock-retain-until-date: 2015-09-01T12:36:00Z\n");
    check_made(&all, &data,
               "x-amz-server-side-encryption: aws:kms\n"
               "x-amz-server-side-encryption-aws-kms-key-id: alias/cold\n"
               "x-amz-storage-class: GLACIER_IR\n"
               "x-amz-tagging: team=data&a%20b=c%2Fd%2Be%3Df\n"
               "x-amz-object-lock-legal-hold: ON\n"
               "x-amz-object-lock-mode: COMPLIANCE\n"
               "x-amz-object-lock-retain-until-date: 2015-09-01T12:36:00Z\n");
}

static void test_encryption_is_reported(void)
{
    static const struct {
        const char *asked, *key, *encryption, *reported_key;
        const char *error; /* NULL: believed */
    } cases[] = {
        {"none", NULL, "aws:kms", "k", NULL},
        {"SSE-S3", NULL, "AES256", "", NULL},
        {"SSE-S3", NULL, "", "", "did not encrypt"},
        {"SSE-S3", NULL, "aws:kms", "k", "did not encrypt"},
        {"SSE-KMS", NULL, "aws:kms", "arn:aws:kms:r:1:key/x", NULL},
        {"SSE-KMS", NULL, "AES256", "", "asked for SSE-KMS, it reports \"AES256\""},
        {"SSE-KMS", "x-1", "aws:kms", "arn:aws:kms:r:1:key/x-1", NULL},
        {"SSE-KMS", "arn:aws:kms:r:1:key/x-1", "aws:kms", "arn:aws:kms:r:1:key/x-1", NULL},
        {"SSE-KMS", "arn:aws:kms:r:1:key/x-1", "aws:kms", "x-1", NULL},
        {"SSE-KMS", "x-1", "aws:kms", "arn:aws:kms:r:1:key/x-2", "with another key"},
        {"SSE-KMS", "alias/a", "aws:kms", "arn:aws:kms:r:1:key/x-2", NULL},
        {"SSE-KMS", "arn:aws:kms:r:1:alias/a", "aws:kms", "arn:aws:kms:r:1:key/x-2", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_s3 s3 = {.encryption = cases[i].asked, .kms_key_id = cases[i].key};
        struct http_reply reply = {0};
        struct err err;
        struct keeping *k = NULL;
        snprintf(reply.encryption, sizeof(reply.encryption), "%s", cases[i].encryption);
        snprintf(reply.kms_key, sizeof(reply.kms_key), "%s", cases[i].reported_key);
        CHECK_OK((k = keeping_new(&s3, &err)) != NULL);
        bool right = cases[i].error ? CHECK_FAILS(keeping_check(k, &small, false, &reply, &err),
                                                  ERR_PREFLIGHT, cases[i].error)
                                    : CHECK_OK(keeping_check(k, &small, false, &reply, &err));
        if (!right)
            printf("    of %s, %s\n", cases[i].asked, cases[i].key ? cases[i].key : "no key");
        keeping_free(k);
    }
}

static void test_lock_is_reported(void)
{
    static const struct {
        const char *mode, *until, *hold, *error;
    } cases[] = {
        {"GOVERNANCE", "2015-09-09T12:36:00.000Z", "ON", NULL},
        {"governance", "2015-09-09T12:36:00.000000000Z", "on", NULL},
        {"GOVERNANCE", "2015-09-09T10:00:00Z", "ON", NULL}, /* our clock ran behind */
        {"GOVERNANCE", "2015-09-02T12:36:00Z", "ON", "did not lock"},
        {"COMPLIANCE", "2015-09-09T12:36:00Z", "ON", "it reports \"COMPLIANCE\""},
        {"", "", "ON", "it reports \"\" until \"\""},
        {"GOVERNANCE", "2015-09-09T12:36:00Z", "OFF", "asked for a legal hold"},
    };
    struct config_s3 s3 = {.object_lock_mode = "GOVERNANCE",
                           .object_lock_days = 10,
                           .object_lock_legal_hold = 1};
    struct err err;
    struct keeping *k = NULL;

    CHECK_OK((k = keeping_new(&s3, &err)) != NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_reply reply = {.date_us = NOW_US};
        snprintf(reply.lock_mode, sizeof(reply.lock_mode), "%s", cases[i].mode);
        snprintf(reply.lock_until, sizeof(reply.lock_until), "%s", cases[i].until);
        snprintf(reply.legal_hold, sizeof(reply.legal_hold), "%s", cases[i].hold);
        if (cases[i].error)
            CHECK_FAILS(keeping_check(k, &data, true, &reply, &err), ERR_PREFLIGHT, cases[i].error);
        else
            CHECK_OK(keeping_check(k, &data, true, &reply, &err));
        /* the answer to PUT tells nothing of it, and state is not locked */
        CHECK_OK(keeping_check(k, &data, false, &reply, &err));
        CHECK_OK(keeping_check(k, &small, true, &reply, &err));
    }
    keeping_free(k);
}

static void test_etags(void)
{
    struct config_s3 none = {0}, kms = {.encryption = "SSE-KMS"};
    struct http_reply plain = {0}, s3 = {.encryption = "AES256"},
                      by_kms = {.encryption = "aws:kms"};
    struct http_reply by_us = {.customer_md5 = "x"};
    struct err err;
    struct keeping *k = NULL, *with_kms = NULL;

    CHECK_OK((k = keeping_new(&none, &err)) != NULL);
    CHECK_OK((with_kms = keeping_new(&kms, &err)) != NULL);
    CHECK(keeping_etag_tells(k, &plain));
    CHECK(keeping_etag_tells(k, &s3));
    CHECK(!keeping_etag_tells(k, &by_kms)); /* the bucket's own default */
    CHECK(!keeping_etag_tells(k, &by_us));
    CHECK(!keeping_etag_tells(with_kms, &plain));
    keeping_free(k);
    keeping_free(with_kms);
}

static const struct test_case cases[] = {
    {"data, metadata and state are asked to be kept each in its way", test_headers},
    {"encryption counts only where the server reports it, with the key",
     test_encryption_is_reported},
    {"a lock counts only where HEAD reports it", test_lock_is_reported},
    {"an ETag made with keys is not compared", test_etags},
    {NULL, NULL},
};

const struct test_suite store_keeping_suite = {"store/keeping", cases};
