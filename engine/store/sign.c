/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
#include "store/sign.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

void sign_encode(struct buf *buf, const char *text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";

    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~", *c) || (keep_slash && *c == '/');
        if (plain) {
            buf_addc(buf, (char)*c);
            continue;
        }
        buf_addc(buf, '%');
        buf_addc(buf, digits[*c >> 4]);
        buf_addc(buf, digits[*c & 15]);
    }
}

static int by_name_and_value(const void *a, const void *b)
{
    const struct sign_pair *left = a, *right = b;
    int order = strcmp(left->name, right->name);

    return order ? order : strcmp(left->value, right->value);
}

/* The caller's; sorted as the signature needs it. */
static struct sign_pair *sorted(const struct sign_pair *pairs, size_t count)
{
    struct sign_pair *copy = mem_alloc((count + 1) * sizeof(*copy));

    if (count > 0) {
        memcpy(copy, pairs, count * sizeof(*copy));
        qsort(copy, count, sizeof(*copy), by_name_and_value);
    }
    return copy;
}

/* Sorting decoded names is sorting encoded ones here: all our parameter names are plain. */
void sign_query(struct buf *buf, const struct sign_pair *pairs, size_t count)
{
    struct sign_pair *copy = sorted(pairs, count);

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_addc(buf, '&');
        sign_encode(buf, copy[i].name, false);
        buf_addc(buf, '=');
        sign_encode(buf, copy[i].value, false);
    }
    free(copy);
}

static const char *service_of(const struct sign_keys *keys)
{
    return keys->service ? keys->service : "s3";
}

/* All headers that are signed, sorted; the caller's. */
static struct sign_pair *signed_headers(const struct sign_request *request,
                                        const struct sign_keys *keys, const char *date,
                                        size_t *ret_count)
{
    size_t count = request->header_count;
    struct sign_pair *all = mem_alloc((count + 4) * sizeof(*all));

    if (count > 0)
        memcpy(all, request->headers, count * sizeof(*all));
    all[count++] = (struct sign_pair){"host", request->host};
    if (strcmp(service_of(keys), "s3") == 0)
        all[count++] = (struct sign_pair){"x-amz-content-sha256", request->payload_sha256};
    all[count++] = (struct sign_pair){"x-amz-date", date};
    if (keys->session_token)
        all[count++] = (struct sign_pair){"x-amz-security-token", keys->session_token};
    qsort(all, count, sizeof(*all), by_name_and_value);
    *ret_count = count;
    return all;
}

static void add_names(struct buf *buf, const struct sign_pair *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_addf(buf, "%s%s", i ? ";" : "", headers[i].name);
}

/* A header's value without blanks around it and with runs of them as one. */
static void add_trimmed(struct buf *buf, const char *value)
{
    size_t start = buf->len;

    for (const char *c = value; *c; c++) {
        bool blank = *c == ' ' || *c == '\t';
        if (!blank)
            buf_addc(buf, *c);
        else if (buf->len > start && buf->data[buf->len - 1] != ' ')
            buf_addc(buf, ' ');
    }
    if (buf->len > start && buf->data[buf->len - 1] == ' ')
        buf->data[--buf->len] = '\0';
}

static void canonical(const struct sign_request *request, const struct sign_pair *headers,
                      size_t count, struct buf *text)
{
    buf_addf(text, "%s\n%s\n%s\n", request->method, request->path, request->query);
    for (size_t i = 0; i < count; i++) {
        buf_addf(text, "%s:", headers[i].name);
        add_trimmed(text, headers[i].value);
        buf_addc(text, '\n');
    }
    buf_addc(text, '\n');
    add_names(text, headers, count);
    buf_addf(text, "\n%s", request->payload_sha256);
}

void sign_canonical(const struct sign_request *request, const struct sign_keys *keys,
                    struct buf *ret_text)
{
    struct buf date = BUF_INIT;
    size_t count;

    text_add_stamp(&date, request->at_us);
    struct sign_pair *headers = signed_headers(request, keys, buf_str(&date), &count);
    canonical(request, headers, count, ret_text);
    free(headers);
    buf_done(&date);
}

static void hmac(const void *key, size_t key_len, const char *text, uint8_t ret_mac[32])
{
    unsigned len = 32;

    HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), ret_mac, &len);
}

/* The key of one day, region and service; what it is derived from never leaves this function. */
static void derive_key(const struct sign_keys *keys, const char *day, uint8_t ret_key[32])
{
    char *first = mem_printf("AWS4%s", keys->secret_key);
    uint8_t step[32];

    hmac(first, strlen(first), day, step);
    OPENSSL_cleanse(first, strlen(first));
    free(first);
    hmac(step, sizeof(step), keys->region, ret_key);
    hmac(ret_key, 32, service_of(keys), step);
    hmac(step, sizeof(step), "aws4_request", ret_key);
    OPENSSL_cleanse(step, sizeof(step));
}

void sign_v4(const struct sign_request *request, const struct sign_keys *keys, struct buf *ret_date,
             struct buf *ret_authorization)
{
    struct buf text = BUF_INIT, to_sign = BUF_INIT;
    uint8_t digest[32], key[32];
    char hex[65], day[9] = "";
    size_t count;

    buf_reset(ret_date);
    text_add_stamp(ret_date, request->at_us);
    memcpy(day, ret_date->data, 8);
    struct sign_pair *headers = signed_headers(request, keys, ret_date->data, &count);
    canonical(request, headers, count, &text);
    text_sha256(text.data, text.len, digest);
    text_hex(digest, sizeof(digest), hex);
    char *scope = mem_printf("%s/%s/%s/aws4_request", day, keys->region, service_of(keys));
    buf_addf(&to_sign, ALGORITHM "\n%s\n%s\n%s", ret_date->data, scope, hex);
    derive_key(keys, day, key);
    hmac(key, sizeof(key), to_sign.data, digest);
    OPENSSL_cleanse(key, sizeof(key));
    text_hex(digest, sizeof(digest), hex);

    buf_reset(ret_authorization);
    buf_addf(ret_authorization, ALGORITHM " Credential=%s/%s,SignedHeaders=", keys->access_key,
             scope);
    add_names(ret_authorization, headers, count);
    buf_addf(ret_authorization, ",Signature=%s", hex);
    free(headers);
    free(scope);
    buf_done(&text);
    buf_done(&to_sign);
}
