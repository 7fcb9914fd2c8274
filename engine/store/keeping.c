/* SPDX-License-Identifier: PostgreSQL */
#include "store/keeping.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "store/keys.h"

#define SSE         "x-amz-server-side-encryption"
#define LOCK        "x-amz-object-lock-"
#define KEY_BYTES   32
#define TAGS_MAX    10                         /* S3's */
#define CLOCK_SLACK (INT64_C(86400) * 1000000) /* between our clock and the server's word */

enum encryption { ENCRYPTION_NONE, ENCRYPTION_S3, ENCRYPTION_KMS, ENCRYPTION_C };

struct keeping {
    enum encryption encryption;
    const char *storage_class; /* NULL: the server's own */
    const char *kms_key;       /* NULL: the account's own */
    const char *owner;         /* NULL: whoever */
    const char *lock_mode;     /* NULL: none; in capitals */
    int64_t lock_days;
    bool legal_hold;
    struct buf tags;           /* "a=b&c=d", encoded */
    struct buf key64, key_md5; /* of SSE-C, base64; empty: none */
};

/* --- settings --- */

static const char *said(const char *text)
{
    return text && *text ? text : NULL;
}

/* 32 bytes as base64 or hex, with whatever line end. */
static bool decode_key(const struct buf *text, struct buf *ret_key)
{
    size_t len = strcspn(buf_str(text), " \r\n");
    uint8_t bytes[KEY_BYTES];

    if (buf_str(text)[len + strspn(buf_str(text) + len, " \r\n")])
        return false;
    if (len == (size_t)2 * KEY_BYTES && text_from_hex(text->data, len, bytes)) {
        buf_add(ret_key, bytes, sizeof(bytes));
        OPENSSL_cleanse(bytes, sizeof(bytes));
        return true;
    }
    return len > 0 && text_from_base64(ret_key, text->data, len) && ret_key->len == KEY_BYTES;
}

static bool read_key(struct keeping *k, const char *path, struct err *err)
{
    struct buf text = BUF_INIT, key = BUF_INIT;
    uint8_t md5[16];
    bool ok = keys_read_file(path, "key file", &text, err);

    if (!ok && err->kind == ERR_NOT_FOUND)
        err->kind = ERR_CONFIG;
    if (ok && !decode_key(&text, &key)) {
        ok = err_set(err, ERR_CONFIG, "s3.sse_c_key_file: %s holds no key of 32 bytes", path);
        err_hint(err, "openssl rand -base64 32 makes one");
    }
    if (ok) {
        text_base64(&k->key64, (const uint8_t *)key.data, key.len);
        text_md5(key.data, key.len, md5);
        text_base64(&k->key_md5, md5, sizeof(md5));
    }
    if (key.data)
        OPENSSL_cleanse(key.data, key.cap);
    if (text.data)
        OPENSSL_cleanse(text.data, text.cap);
    buf_done(&key);
    buf_done(&text);
    return ok;
}

static bool set_encryption(struct keeping *k, const struct config_s3 *s3, struct err *err)
{
    const char *name = said(s3->encryption) ? s3->encryption : "none";
    const char *key_file = said(s3->sse_c_key_file);

    k->encryption = strcmp(name, "SSE-S3") == 0    ? ENCRYPTION_S3
                    : strcmp(name, "SSE-KMS") == 0 ? ENCRYPTION_KMS
                    : strcmp(name, "SSE-C") == 0   ? ENCRYPTION_C
                                                   : ENCRYPTION_NONE;
    k->kms_key = said(s3->kms_key_id);
    if (k->kms_key && k->encryption != ENCRYPTION_KMS) {
        err_set(err, ERR_CONFIG, "s3.kms_key_id is set and s3.encryption is %s", name);
        return err_hint(err, "set s3.encryption: SSE-KMS");
    }
    if (k->encryption == ENCRYPTION_C && !key_file) {
        err_set(err, ERR_CONFIG, "s3.encryption is SSE-C and there is no s3.sse_c_key_file");
        return err_hint(err, "openssl rand -base64 32 makes a key; keep it: without it nothing "
                             "can be read");
    }
    return !key_file || read_key(k, key_file, err);
}

static bool set_class(struct keeping *k, const struct config_s3 *s3, struct err *err)
{
    /* https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html; other servers have
     * names of their own. */
    static const char *const classes[] = {
        "STANDARD",   "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA",
        "GLACIER_IR", "GLACIER",     "DEEP_ARCHIVE",        "REDUCED_REDUNDANCY",
        "OUTPOSTS",   "SNOW",        "EXPRESS_ONEZONE"};
    size_t count = sizeof(classes) / sizeof(classes[0]), i = 0;
    const char *class = said(s3->storage_class);

    if (!class)
        return true;
    while (i < count && strcmp(classes[i], class) != 0)
        i++;
    if (i == count && !s3->endpoint) {
        const char *nearest = text_nearest(class, classes, count);
        err_set(err, ERR_CONFIG, "s3.storage_class: AWS has no class %s", class);
        return nearest ? err_hint(err, "did you mean %s?", nearest) : false;
    }
    bool away = strcmp(class, "GLACIER") == 0 || strcmp(class, "DEEP_ARCHIVE") == 0;
    if (away && s3->verify == STORE_VERIFY_READBACK) {
        err_set(err, ERR_CONFIG, "s3.verify: readback cannot read what is in %s", class);
        return err_hint(err, "set s3.verify: checksum, or use GLACIER_IR");
    }
    k->storage_class = strcmp(class, "STANDARD") == 0 ? NULL : class;
    return true;
}

static bool set_lock(struct keeping *k, const struct config_s3 *s3, struct err *err)
{
    k->lock_mode = said(s3->object_lock_mode);
    k->lock_days = s3->object_lock_days;
    k->legal_hold = s3->object_lock_legal_hold != 0;
    if (!k->lock_mode == (k->lock_days == 0))
        return true;
    err_set(err, ERR_CONFIG, "s3.%s is set and s3.%s is not",
            k->lock_mode ? "object_lock_mode" : "object_lock_days",
            k->lock_mode ? "object_lock_days" : "object_lock_mode");
    return err_hint(err, "set both: how objects are locked, and for how long");
}

static bool set_tags(struct keeping *k, const struct config_s3 *s3, struct err *err)
{
    if (s3->tags.count > TAGS_MAX) {
        err_set(err, ERR_CONFIG, "s3.tags: %zu tags", s3->tags.count);
        return err_why(err, "an object has %d at most", TAGS_MAX);
    }
    for (size_t i = 0; i < s3->tags.count; i++) {
        const char *equals = strchr(s3->tags.names[i], '=');
        char *name = mem_printf("%.*s", (int)(equals - s3->tags.names[i]), s3->tags.names[i]);
        if (i > 0)
            buf_addc(&k->tags, '&');
        sign_encode(&k->tags, name, false);
        buf_addc(&k->tags, '=');
        sign_encode(&k->tags, equals + 1, false);
        free(name);
    }
    return true;
}

struct keeping *keeping_new(const struct config_s3 *s3, struct err *err)
{
    struct keeping *k = mem_alloc(sizeof(*k));

    k->owner = said(s3->expected_bucket_owner);
    if (set_encryption(k, s3, err) && set_class(k, s3, err) && set_lock(k, s3, err) &&
        set_tags(k, s3, err))
        return k;
    keeping_free(k);
    return NULL;
}

void keeping_free(struct keeping *keeping)
{
    if (!keeping)
        return;
    if (keeping->key64.data)
        OPENSSL_cleanse(keeping->key64.data, keeping->key64.cap);
    buf_done(&keeping->key64);
    buf_done(&keeping->key_md5);
    buf_done(&keeping->tags);
    free(keeping);
}

/* --- headers --- */

static int64_t lock_end_us(const struct keeping *k, int64_t now_us)
{
    return now_us + k->lock_days * TEXT_US_PER_DAY;
}

/* "2026-11-23T13:28:45Z" */
static void format_until(int64_t us, char until[24])
{
    struct buf text = BUF_INIT;

    text_add_time(&text, us - us % 1000000);
    snprintf(until, 24, "%.19sZ", buf_str(&text));
    buf_done(&text);
}

size_t keeping_make(const struct keeping *keeping, const struct keeping_object *object,
                    int64_t now_us, char until[24], struct sign_pair *ret_headers)
{
    const struct keeping *k = keeping;
    size_t n = 0;

    if (k->encryption == ENCRYPTION_S3)
        ret_headers[n++] = (struct sign_pair){SSE, "AES256"};
    if (k->encryption == ENCRYPTION_KMS)
        ret_headers[n++] = (struct sign_pair){SSE, "aws:kms"};
    if (k->encryption == ENCRYPTION_KMS && k->kms_key)
        ret_headers[n++] = (struct sign_pair){SSE "-aws-kms-key-id", k->kms_key};
    if (object->small)
        return n;
    if (k->storage_class && !object->about)
        ret_headers[n++] = (struct sign_pair){"x-amz-storage-class", k->storage_class};
    if (k->tags.len > 0)
        ret_headers[n++] = (struct sign_pair){"x-amz-tagging", k->tags.data};
    if (k->legal_hold)
        ret_headers[n++] = (struct sign_pair){LOCK "legal-hold", "ON"};
    if (k->lock_mode) {
        format_until(lock_end_us(k, now_us), until);
        ret_headers[n++] = (struct sign_pair){LOCK "mode", k->lock_mode};
        ret_headers[n++] = (struct sign_pair){LOCK "retain-until-date", until};
    }
    return n;
}

size_t keeping_access(const struct keeping *keeping, bool keyed, bool stranger,
                      struct sign_pair *ret_headers)
{
    const char *owner = stranger ? "000000000000" : keeping->owner;
    size_t n = 0;

    if (owner)
        ret_headers[n++] = (struct sign_pair){"x-amz-expected-bucket-owner", owner};
    if (keyed && keeping_has_key(keeping)) {
        ret_headers[n++] = (struct sign_pair){SSE "-customer-algorithm", "AES256"};
        ret_headers[n++] = (struct sign_pair){SSE "-customer-key", keeping->key64.data};
        ret_headers[n++] = (struct sign_pair){SSE "-customer-key-md5", keeping->key_md5.data};
    }
    return n;
}

bool keeping_has_key(const struct keeping *keeping)
{
    return keeping->key64.len > 0;
}

bool keeping_uses_key(const struct keeping *keeping)
{
    return keeping->encryption == ENCRYPTION_C;
}

/* --- the server's word --- */

/* The key may be named by its id or by its ARN, which ends with the id; an alias is reported as
 * the key behind it. */
static bool is_key(const char *asked, const char *reported)
{
    const char *asked_id = strrchr(asked, '/'), *reported_id = strrchr(reported, '/');

    if (!*reported || strncmp(asked, "alias/", 6) == 0 || strstr(asked, ":alias/"))
        return true;
    return strcmp(asked_id ? asked_id + 1 : asked, reported_id ? reported_id + 1 : reported) == 0;
}

static bool check_encryption(const struct keeping *k, const struct http_reply *reply,
                             struct err *err)
{
    static const char *const names[] = {"none", "SSE-S3", "SSE-KMS", "SSE-C"};
    bool ok = true;

    if (k->encryption == ENCRYPTION_S3)
        ok = strcmp(reply->encryption, "AES256") == 0;
    else if (k->encryption == ENCRYPTION_KMS)
        ok = strcmp(reply->encryption, "aws:kms") == 0;
    else if (k->encryption == ENCRYPTION_C)
        ok = strcmp(reply->customer_md5, k->key_md5.data) == 0;
    if (!ok) {
        err_set(err, ERR_PREFLIGHT, "the store did not encrypt the object");
        err_hint(err, "the server does not support %s: set s3.encryption: none",
                 names[k->encryption]);
        return err_why(err, "asked for %s, it reports \"%s\"", names[k->encryption],
                       reply->encryption);
    }
    if (k->encryption == ENCRYPTION_KMS && k->kms_key && !is_key(k->kms_key, reply->kms_key)) {
        err_set(err, ERR_PREFLIGHT, "the store encrypted the object with another key");
        return err_why(err, "asked for %s, it reports %s", k->kms_key, reply->kms_key);
    }
    return true;
}

static bool check_lock(const struct keeping *k, const struct http_reply *reply, struct err *err)
{
    int64_t until_us = 0;

    text_to_time(reply->lock_until, strlen(reply->lock_until), &until_us);
    bool locked =
        !k->lock_mode ||
        (strcasecmp(reply->lock_mode, k->lock_mode) == 0 &&
         until_us >= lock_end_us(k, reply->date_us ? reply->date_us : text_now_us()) - CLOCK_SLACK);
    bool held = !k->legal_hold || strcasecmp(reply->legal_hold, "ON") == 0;
    if (locked && held)
        return true;
    err_set(err, ERR_PREFLIGHT, "the store did not lock the object");
    err_hint(err, "needs a bucket with object lock, the rights to Get it, and on servers that lock "
                  "no multipart uploads a larger s3.multipart_threshold_mb");
    if (!locked)
        return err_why(err, "asked for %s for %lld days, it reports \"%s\" until \"%s\"",
                       k->lock_mode, (long long)k->lock_days, reply->lock_mode, reply->lock_until);
    return err_why(err, "asked for a legal hold, it reports \"%s\"", reply->legal_hold);
}

bool keeping_check(const struct keeping *keeping, const struct keeping_object *object, bool whole,
                   const struct http_reply *reply, struct err *err)
{
    if (!check_encryption(keeping, reply, err))
        return false;
    return !whole || object->small || check_lock(keeping, reply, err);
}

void keeping_hint(const struct keeping *keeping, const struct keeping_object *object,
                  const char *code, const char *message, struct err *err)
{
    bool argument = strcmp(code, "InvalidArgument") == 0 || strcmp(code, "InvalidRequest") == 0;
    /* Ceph takes a KMS key that is not there for an access key that is not there. */
    bool kms = strncmp(code, "KMS", 3) == 0 || strstr(message, "kms") != NULL;

    if (kms && keeping->encryption == ENCRYPTION_KMS)
        err_hint(err, "has the server the key s3.kms_key_id, and may the credentials use it?");
    else if (argument && !object->small && (keeping->lock_mode || keeping->legal_hold))
        err_hint(err, "s3.object_lock_* need a bucket that was made with object lock");
    else if (argument && !object->small && !object->about && keeping->storage_class)
        err_hint(err, "does the server know s3.storage_class %s?", keeping->storage_class);
}

bool keeping_etag_tells(const struct keeping *keeping, const struct http_reply *reply)
{
    /* The answer that completes an upload says nothing of SSE-C. */
    if (keeping->encryption == ENCRYPTION_KMS || keeping->encryption == ENCRYPTION_C)
        return false;
    return strncmp(reply->encryption, "aws:kms", 7) != 0 && !reply->customer_md5[0];
}
