/* SPDX-License-Identifier: PostgreSQL */
#include "store/client.h"

#include <openssl/rand.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fault.h"
#include "base/text.h"
#include "store/credentials.h"
#include "store/xml.h"

#define BACKOFF_FIRST_MS 200
#define BACKOFF_MAX_MS   20000
#define SKEW_US          (INT64_C(300) * 1000000)

struct client {
    struct http *http;
    struct store *store;
    char *origin; /* "https://host:port" */
    char *host;   /* of the header: without the scheme's own port */
    char *base;   /* path before "/key": "", "/bucket" */
    char *bucket, *region;
    struct credentials *credentials;
    struct keeping *keeping;
    int64_t retries;
    bool aws;
    atomic_int_fast64_t ahead_us; /* the server's clock minus ours */
};

/* Opening: where the store is, and who we are. */

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

    return strcasecmp(name, "localhost") == 0 || strncmp(name, "127.", 4) == 0 ||
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

static void set_address(struct client *client, const struct config_s3 *s3, const struct endpoint *e)
{
    /* A dot in the bucket's name would not match the wildcard of the server's certificate. */
    bool dots = strchr(s3->bucket, '.') != NULL;
    bool in_host = s3->addressing == ADDRESSING_VIRTUAL ||
                   (s3->addressing == ADDRESSING_AUTO && client->aws && !dots);

    client->host = in_host ? mem_printf("%s.%s", s3->bucket, e->host) : mem_strdup(e->host);
    client->origin = mem_printf("%s://%s", e->tls ? "https" : "http", client->host);
    client->base = in_host ? mem_strdup(e->path) : mem_printf("%s/%s", e->path, s3->bucket);
}

static bool set_endpoint(struct client *client, const struct config_s3 *s3,
                         struct http_params *http, struct err *err)
{
    struct endpoint e = {0};
    bool china = strncmp(client->region, "cn-", 3) == 0;
    char *text = s3->endpoint ? mem_strdup(s3->endpoint)
                              : mem_printf("https://s3.%s.amazonaws.com%s", client->region,
                                           china ? ".cn" : "");
    bool ok = endpoint_parse(text, &e, err);

    http->direct = ok && is_loopback(e.name);
    if (ok && !e.tls && !http->direct && !s3->allow_http) {
        ok = err_set(err, ERR_CONFIG, "s3.endpoint: plain http to %s", e.name);
        err_why(err, "the archive would cross the network unencrypted");
        err_hint(err, "use https://, or set s3.allow_http: true");
    }
    if (ok && !e.tls && !http->direct && keeping_has_key(client->keeping)) {
        ok = err_set(err, ERR_CONFIG, "s3.sse_c_key_file: plain http to %s", e.name);
        err_why(err, "the key would cross the network unencrypted");
    }
    if (ok)
        set_address(client, s3, &e);
    endpoint_done(&e);
    free(text);
    return ok;
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

struct client *client_open(const struct config_s3 *s3, struct store *store, struct err *err)
{
    struct client *client = mem_alloc(sizeof(*client));
    struct http_params http = {
        .ca_file = or_null(s3->ca_file),
        .connect_timeout_s = s3->connect_timeout,
        .idle_timeout_s = s3->idle_timeout,
        .stop = store->stop,
    };

    client->store = store;
    client->aws = !s3->endpoint;
    client->retries = s3->retries;
    client->bucket = mem_strdup(s3->bucket);
    client->region = mem_strdup(or_null(s3->region) ? s3->region : "us-east-1");
    client->keeping = keeping_new(s3, err);
    if (client->keeping && bucket_check(s3->bucket, err) && set_endpoint(client, s3, &http, err))
        client->credentials = credentials_open(s3, store->stop, err);
    if (!client->credentials) {
        err_in(err, "%s", store->name);
        client_close(client);
        return NULL;
    }
    client->http = http_open(&http);
    return client;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    http_close(client->http);
    free(client->origin);
    free(client->host);
    free(client->base);
    free(client->bucket);
    free(client->region);
    credentials_close(client->credentials);
    keeping_free(client->keeping);
    free(client);
}

void client_describe_keys(const struct client *client, struct buf *ret_text)
{
    credentials_describe(client->credentials, ret_text);
}

const struct keeping *client_keeping(const struct client *client)
{
    return client->keeping;
}

int64_t client_now_us(const struct client *client)
{
    return text_now_us() + atomic_load(&client->ahead_us);
}

/* What the server refuses becomes an error. */

static bool keep_error(const char *path, const char *text, void *state, struct err *err)
{
    struct client_reply *reply = state;

    (void)err;
    if (strcmp(path, "/Error/Code") == 0)
        snprintf(reply->code, sizeof(reply->code), "%.63s", text);
    else if (strcmp(path, "/Error/Message") == 0)
        snprintf(reply->message, sizeof(reply->message), "%.199s", text);
    return true;
}

static void read_error(struct client_reply *reply)
{
    struct err ignored;

    reply->code[0] = reply->message[0] = '\0';
    if (reply->http.body.len > 0)
        xml_walk(reply->http.body.data, reply->http.body.len, keep_error, reply, &ignored);
}

struct refusal {
    const char *code; /* S3's, where there is a body */
    long status;      /* else */
    enum err_kind kind;
    bool retry;
    const char *hint; /* may be NULL */
};

/* The first that fits counts: codes stand before statuses. */
static const struct refusal refusals[] = {
    {.code = "SignatureDoesNotMatch",
     .kind = ERR_PERMISSION,
     .hint = "check the secret access key, and s3.region"},
    {.code = "InvalidAccessKeyId",
     .kind = ERR_PERMISSION,
     .hint = "the server does not know this access key id: check it, and s3.endpoint"},
    {.code = "ExpiredToken", .kind = ERR_PERMISSION, .hint = "the session token is too old"},
    {.code = "InvalidToken", .kind = ERR_PERMISSION, .hint = "check the session token"},
    {.code = "RequestTimeTooSkewed", .kind = ERR_PERMISSION, .hint = "set this host's clock right"},
    {.code = "NoSuchBucket",
     .kind = ERR_PREFLIGHT,
     .hint = "create the bucket, or correct s3.bucket or s3.endpoint"},
    {.code = "PermanentRedirect",
     .kind = ERR_PREFLIGHT,
     .hint = "the bucket is in another region: correct s3.region or s3.endpoint"},
    {.code = "AuthorizationHeaderMalformed", .kind = ERR_PREFLIGHT, .hint = "correct s3.region"},
    {.code = "InvalidStorageClass",
     .kind = ERR_PREFLIGHT,
     .hint = "the server does not know this class: correct s3.storage_class"},
    {.code = "InvalidObjectState",
     .kind = ERR_STORE,
     .hint = "the object is in an archive class: let the store bring it back first"},
    {.code = "NotImplemented",
     .kind = ERR_STORE,
     .hint = "the server does not support this: check s3.storage_class and s3.encryption"},
    {.code = "QuotaExceeded", .kind = ERR_RESOURCE, .hint = "the store's quota is used up"},
    {.code = "XMinioStorageFull", .kind = ERR_RESOURCE, .hint = "the store is full"},
    {.code = "RequestTimeout", .kind = ERR_NETWORK, .retry = true},
    {.code = "SlowDown", .kind = ERR_NETWORK, .retry = true},
    {.code = "OperationAborted", .kind = ERR_STORE, .retry = true},
    {.code = "ConditionalRequestConflict", .kind = ERR_EXISTS, .retry = true},
    {.code = "NoSuchUpload", .kind = ERR_STORE},
    {.status = 301,
     .kind = ERR_PREFLIGHT,
     .hint = "the bucket is in another region: correct s3.region or s3.endpoint"},
    {.status = 401, .kind = ERR_PERMISSION, .hint = "check the credentials"},
    {.status = 403,
     .kind = ERR_PERMISSION,
     .hint = "the credentials are wrong, or do not allow this on the bucket"},
    {.status = 404, .kind = ERR_NOT_FOUND},
    {.status = 408, .kind = ERR_NETWORK, .retry = true},
    {.status = 412, .kind = ERR_EXISTS},
    {.status = 429, .kind = ERR_NETWORK, .retry = true},
    {.status = 500, .kind = ERR_STORE, .retry = true},
    {.status = 501,
     .kind = ERR_STORE,
     .hint = "the server does not support this: check s3.storage_class and s3.encryption"},
    {.status = 502, .kind = ERR_NETWORK, .retry = true},
    {.status = 503, .kind = ERR_NETWORK, .retry = true},
    {.status = 504, .kind = ERR_NETWORK, .retry = true},
    {.status = 507, .kind = ERR_RESOURCE, .hint = "the store is full"},
};

static const struct refusal *refusal_of(const struct client_reply *reply)
{
    static const struct refusal other = {.kind = ERR_STORE};

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        const struct refusal *r = &refusals[i];
        if (r->code ? strcmp(r->code, reply->code) == 0 : r->status == reply->http.status)
            return r;
    }
    return &other;
}

static bool refused(const struct client *client, const struct client_request *request,
                    const struct client_reply *reply, struct err *err)
{
    const struct refusal *refusal = refusal_of(reply);
    const char *key = request->key ? request->key : "";

    if (refusal->kind == ERR_NOT_FOUND)
        err_set(err, ERR_NOT_FOUND, "no such object: %s", key);
    else if (refusal->kind == ERR_EXISTS)
        err_set(err, ERR_EXISTS, "object exists already: %s", key);
    else
        err_set(err, refusal->kind, "cannot %s %s", request->doing,
                request->key ? request->key : "the bucket");
    if (reply->code[0])
        err_why(err, "%ld %s%s%s", reply->http.status, reply->code, reply->message[0] ? ": " : "",
                reply->message);
    else if (refusal->kind != ERR_NOT_FOUND && refusal->kind != ERR_EXISTS)
        err_why(err, "the server answered %ld", reply->http.status);
    if (refusal->hint)
        err_hint(err, "%s", refusal->hint);
    if (reply->http.region[0] && strcmp(reply->http.region, client->region) != 0)
        err_hint(err, "the bucket is in %s: correct s3.region", reply->http.region);
    err->retry = refusal->retry;
    return err_in(err, "%s", client->store->name);
}

bool client_check_body(struct client *client, const struct client_request *request,
                       struct client_reply *reply, struct err *err)
{
    read_error(reply);
    return !reply->code[0] || refused(client, request, reply, err);
}

static char *path_of(const struct client *client, const char *key)
{
    struct buf path = BUF_INIT;

    sign_encode(&path, client->base, true);
    if (key || path.len == 0)
        buf_addc(&path, '/');
    if (key)
        sign_encode(&path, key, true);
    return buf_steal(&path);
}

/* One try, signed with the time of now. */
static bool try_once(struct client *client, const struct client_request *request,
                     const char *payload_sha256, const struct keys *with, bool keyed,
                     struct http_reply *reply, struct err *err)
{
    struct sign_keys keys = {with->access, with->secret, with->token, client->region, NULL};
    struct buf query = BUF_INIT, date = BUF_INIT, authorization = BUF_INIT;
    char *path = path_of(client, request->key);
    size_t count = request->header_count;
    struct sign_pair *headers = mem_alloc((count + KEEPING_ACCESS + 4) * sizeof(*headers));

    if (count > 0)
        memcpy(headers, request->headers, count * sizeof(*headers));
    count += keeping_access(client->keeping, keyed, request->stranger, headers + count);
    sign_query(&query, request->query, request->query_count);
    struct sign_request signing = {.method = request->method,
                                   .host = client->host,
                                   .path = path,
                                   .query = buf_str(&query),
                                   .headers = headers,
                                   .header_count = count,
                                   .payload_sha256 = payload_sha256,
                                   .at_us = client_now_us(client)};
    sign_v4(&signing, &keys, &date, &authorization);
    headers[count++] = (struct sign_pair){"x-amz-date", date.data};
    headers[count++] = (struct sign_pair){"x-amz-content-sha256", payload_sha256};
    headers[count++] = (struct sign_pair){"authorization", authorization.data};
    if (keys.session_token)
        headers[count++] = (struct sign_pair){"x-amz-security-token", keys.session_token};
    char *url = mem_printf("%s%s%s%s", client->origin, path, query.len ? "?" : "", buf_str(&query));
    struct http_call call = {.method = request->method,
                             .url = url,
                             .headers = headers,
                             .header_count = count,
                             .body = request->body,
                             .body_len = request->body_len,
                             .has_body = request->has_body,
                             .urgent = request->urgent};

    bool ok = fault_point("s3.request", err) && http_send(client->http, &call, reply, err);
    atomic_fetch_add(&client->store->requests, 1);
    atomic_fetch_add(&client->store->bytes_sent, request->body_len);
    atomic_fetch_add(&client->store->bytes_received, reply->body.len);
    free(url);
    free(path);
    free(headers);
    buf_done(&query);
    buf_done(&date);
    buf_done(&authorization);
    return ok;
}

/* With a clock too wrong every request is refused; but the server says what time it is. */
static bool correct_clock(struct client *client, const struct client_reply *reply)
{
    int64_t date_us = reply->http.date_us;
    int64_t off_us = date_us - client_now_us(client);

    if (reply->http.status != 403 || date_us == 0 || (off_us < SKEW_US && off_us > -SKEW_US))
        return false;
    atomic_store(&client->ahead_us, date_us - text_now_us());
    return true;
}

/* Full jitter: a random time up to a bound that doubles, and at least what the server asked for. */
static int64_t backoff_ms(unsigned tries, int64_t retry_after_s)
{
    int64_t bound = BACKOFF_FIRST_MS;
    uint32_t random = 0;

    for (unsigned i = 1; i < tries && bound < BACKOFF_MAX_MS; i++)
        bound *= 2;
    if (bound > BACKOFF_MAX_MS)
        bound = BACKOFF_MAX_MS;
    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        random = UINT32_MAX / 2;
    int64_t wait = 10 + (int64_t)((uint64_t)random * (uint64_t)bound / UINT32_MAX);
    int64_t asked = retry_after_s * 1000;
    if (asked > 3 * BACKOFF_MAX_MS)
        asked = 3 * BACKOFF_MAX_MS;
    return wait > asked ? wait : asked;
}

/* False when asked to stop now. The fd of a stop token stays readable after the first, gentle ask,
 * so from then on the wait looks ten times a second. */
static bool wait_ms(const struct stop *stop, int64_t ms)
{
    int64_t until = text_monotonic_us() + ms * 1000;

    for (;;) {
        int64_t left = (until - text_monotonic_us()) / 1000;
        if (stop_now(stop))
            return false;
        if (left <= 0)
            return true;
        bool asked = stop_asked(stop);
        struct pollfd fd = {.fd = asked ? -1 : stop_fd(stop), .events = POLLIN};
        poll(&fd, 1, (int)(asked && left > 100 ? 100 : left));
    }
}

/* What was changed already in answer to a refusal; each once a request. */
struct adaption {
    bool clock_corrected, renewed;
    bool keyed, other_key; /* sent with the key of SSE-C; the other of the two was tried */
};

/* Keys that the server takes for too old are asked for anew. The answer to a HEAD has no body that
 * would say so. */
static bool renew_keys(struct client *client, const struct client_request *request,
                       const struct client_reply *reply, const struct keys *keys,
                       unsigned generation)
{
    bool said = strncmp(reply->code, "ExpiredToken", 12) == 0;
    bool perhaps = strcmp(request->method, "HEAD") == 0 && reply->http.status == 400 && keys->token;

    return (said || perhaps) && credentials_expired(client->credentials, generation);
}

/* An object from before SSE-C, or after it, is read without its key, or with it. */
static bool other_key(const struct client *client, const struct client_request *request,
                      const struct client_reply *reply)
{
    bool reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;

    return reads && request->keyed && keeping_has_key(client->keeping) &&
           reply->http.status == 400 && strncmp(reply->code, "ExpiredToken", 12) != 0;
}

/* Would the same request be answered otherwise when it is sent anew at once? */
static bool adapt(struct client *client, const struct client_request *request,
                  const struct client_reply *reply, const struct keys *keys, unsigned generation,
                  struct adaption *a)
{
    if (!a->other_key && other_key(client, request, reply)) {
        a->other_key = true;
        a->keyed = !a->keyed;
        return true;
    }
    if (!a->renewed && renew_keys(client, request, reply, keys, generation)) {
        *a = (struct adaption){.clock_corrected = a->clock_corrected,
                               .renewed = true,
                               .keyed = request->keyed && keeping_uses_key(client->keeping)};
        return true;
    }
    if (!a->clock_corrected && correct_clock(client, reply))
        return a->clock_corrected = true;
    return false;
}

static void payload_hash(const struct client_request *request, char ret_hex[65])
{
    uint8_t digest[32];

    if (request->body_len == 0) {
        memcpy(ret_hex, SIGN_EMPTY_SHA256, 65);
        return;
    }
    text_sha256(request->body, request->body_len, digest);
    text_hex(digest, sizeof(digest), ret_hex);
}

/* What went wrong before stays as the reason. */
static bool interrupted(struct err *err)
{
    struct err before = *err;

    err_set(err, ERR_INTERRUPTED, "interrupted while waiting to try again");
    err_in(err, "%s", before.where);
    return err_why(err, "%s", before.what);
}

bool client_send(struct client *client, const struct client_request *request,
                 struct client_reply *ret_reply, struct err *err)
{
    const struct stop *stop = client->store->stop;
    struct adaption adaption = {.keyed = request->keyed && keeping_uses_key(client->keeping)};
    char sha256[65];

    ret_reply->tries = 0;
    ret_reply->maybe_done = false;
    payload_hash(request, sha256);
    for (;;) {
        if (!request->urgent && stop_now(stop))
            return err_set(err, ERR_INTERRUPTED, "interrupted before asking the store");
        struct keys keys = {0};
        unsigned generation = 0;
        bool ready = credentials_get(client->credentials, &keys, &generation, err);
        ret_reply->http.status = 0;
        bool answered = ready && try_once(client, request, sha256, &keys, adaption.keyed,
                                          &ret_reply->http, err);
        ret_reply->tries++;
        ret_reply->code[0] = ret_reply->message[0] = '\0';
        if (answered && ret_reply->http.status >= 200 && ret_reply->http.status < 300) {
            keys_done(&keys);
            return true;
        }
        if (answered) {
            read_error(ret_reply);
            refused(client, request, ret_reply, err);
        } else {
            err_in(err, "%s%s%s", client->store->name, request->key ? ", object " : "",
                   request->key ? request->key : "");
        }
        if ((ready && !answered) || ret_reply->http.status >= 500)
            ret_reply->maybe_done = true;
        bool again = answered && adapt(client, request, ret_reply, &keys, generation, &adaption);
        keys_done(&keys);
        if (again)
            continue;
        if (adaption.other_key && ret_reply->http.status == 400)
            err_hint(err, "is the object encrypted with another key than s3.sse_c_key_file?");
        if (!err->retry || ret_reply->tries > client->retries)
            return false;
        atomic_fetch_add(&client->store->retries, 1);
        int64_t asked_s = answered ? ret_reply->http.retry_after_s : 0;
        if (!wait_ms(stop, backoff_ms(ret_reply->tries, asked_s)))
            return request->urgent ? false : interrupted(err);
    }
}

void client_reply_done(struct client_reply *reply)
{
    http_reply_done(&reply->http);
}
