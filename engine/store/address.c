/* SPDX-License-Identifier: PostgreSQL */
#include "store/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"

/* The pieces of scheme://host[:port][/path]; the caller's. */
struct endpoint {
    bool tls;
    char *host; /* with port unless it is the scheme's own */
    char *name; /* without port */
    char *path; /* "" or "/gw" */
};

static void endpoint_done(struct endpoint *e)
{
    free(e->host);
    free(e->name);
    free(e->path);
}

static char *copy_len(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);

    memcpy(copy, text, len);
    return copy;
}

static bool endpoint_parse(const char *text, struct endpoint *ret_e, struct err *err)
{
    struct endpoint e = {.tls = strncasecmp(text, "https://", 8) == 0};
    const char *at = text + (e.tls ? 8 : 7);

    if ((!e.tls && strncasecmp(text, "http://", 7) != 0) || strpbrk(text, "@?# ")) {
        err_set(err, ERR_CONFIG, "s3.endpoint: not an address: %s", strchr(text, '@') ? "" : text);
        return err_hint(err, "write https://host[:port], file:///dir, or leave it out for AWS");
    }
    size_t host_len = strcspn(at, "/");
    const char *from = at[0] == '[' ? memchr(at, ']', host_len) : at;
    const char *colon = from ? memchr(from, ':', host_len - (size_t)(from - at)) : NULL;
    size_t name_len = colon ? (size_t)(colon - at) : host_len;
    size_t path_len = strlen(at + host_len);
    if (!from || name_len == 0)
        return err_set(err, ERR_CONFIG, "s3.endpoint: no host in %s", text);
    const char *own = e.tls ? ":443" : ":80";
    bool plain =
        colon && host_len - name_len == strlen(own) && memcmp(colon, own, strlen(own)) == 0;
    while (path_len > 0 && at[host_len + path_len - 1] == '/')
        path_len--;
    e.host = copy_len(at, plain ? name_len : host_len);
    e.name = copy_len(at, name_len);
    e.path = copy_len(at + host_len, path_len);
    *ret_e = e;
    return true;
}

static bool is_loopback(const char *name)
{
    size_t len = strlen(name);
    /* "127.example.com" is somebody else's. */
    bool number = strspn(name, "0123456789.") == len;

    return strcasecmp(name, "localhost") == 0 || (number && strncmp(name, "127.", 4) == 0) ||
           strcmp(name, "[::1]") == 0 ||
           (len > 10 && strcasecmp(name + len - 10, ".localhost") == 0);
}

static bool bucket_check(const char *bucket, struct err *err)
{
    size_t len = strlen(bucket);

    for (size_t i = 0; i < len; i++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", bucket[i]))
            len = 0;
    }
    if (len < 3 || len > 255 || bucket[0] == '.' || bucket[0] == '-') {
        err_set(err, ERR_CONFIG, "s3.bucket: \"%s\" is not a bucket's name", bucket);
        return err_hint(err, "3 to 63 of a-z, 0-9, '-' and '.'");
    }
    return true;
}

static void set_bucket(struct address *a, const struct config_s3 *s3, const struct endpoint *e)
{
    /* A dot in the bucket's name would not match the wildcard of the server's certificate. */
    bool dots = strchr(s3->bucket, '.') != NULL;
    bool in_host = s3->addressing == ADDRESSING_VIRTUAL ||
                   (s3->addressing == ADDRESSING_AUTO && !s3->endpoint && !dots);

    a->host = in_host ? mem_printf("%s.%s", s3->bucket, e->host) : mem_strdup(e->host);
    a->origin = mem_printf("%s://%s", e->tls ? "https" : "http", a->host);
    a->base = in_host ? mem_strdup(e->path) : mem_printf("%s/%s", e->path, s3->bucket);
}

static bool set_endpoint(struct address *a, const struct config_s3 *s3, struct err *err)
{
    struct endpoint e = {0};
    bool china = strncmp(a->region, "cn-", 3) == 0;
    char *text = s3->endpoint
                     ? mem_strdup(s3->endpoint)
                     : mem_printf("https://s3.%s.amazonaws.com%s", a->region, china ? ".cn" : "");
    bool ok = endpoint_parse(text, &e, err);

    a->loopback = ok && is_loopback(e.name);
    if (ok && !e.tls && !a->loopback && !s3->allow_http) {
        ok = err_set(err, ERR_CONFIG, "s3.endpoint: plain http to %s", e.name);
        err_why(err, "the archive would cross the network unencrypted");
        err_hint(err, "use https://, or set s3.allow_http: true");
    }
    if (ok && !e.tls && !a->loopback && s3->sse_c_key_file && *s3->sse_c_key_file) {
        ok = err_set(err, ERR_CONFIG, "s3.sse_c_key_file: plain http to %s", e.name);
        err_why(err, "the key would cross the network unencrypted");
    }
    if (ok)
        set_bucket(a, s3, &e);
    endpoint_done(&e);
    free(text);
    return ok;
}

struct address *address_new(const struct config_s3 *s3, const char *region, struct err *err)
{
    struct address *a = mem_alloc(sizeof(*a));

    if (!region)
        region = s3->region && *s3->region ? s3->region : "us-east-1";
    a->region = mem_strdup(region);
    if (bucket_check(s3->bucket, err) && set_endpoint(a, s3, err))
        return a;
    address_free(a);
    return NULL;
}

void address_free(struct address *address)
{
    if (!address)
        return;
    free(address->origin);
    free(address->host);
    free(address->base);
    free(address->region);
    free(address);
}

bool address_is_region(const char *text)
{
    size_t len = strlen(text);

    return len >= 2 && len < 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

bool address_region(const char *host, char *ret_region, size_t size)
{
    const char *end = strstr(host, ".amazonaws.com");
    const char *start = end;

    if (!end)
        return false;
    while (start > host && start[-1] != '.')
        start--;
    size_t len = (size_t)(end - start);
    /* "s3-eu-west-1" of older names; "s3" alone is us-east-1. */
    if (len > 3 && strncmp(start, "s3-", 3) == 0) {
        start += 3;
        len -= 3;
    }
    bool old = len == 2 && strncmp(start, "s3", 2) == 0;
    int n = old ? snprintf(ret_region, size, "us-east-1")
                : snprintf(ret_region, size, "%.*s", (int)len, start);
    return n > 0 && (size_t)n < size && address_is_region(ret_region);
}
