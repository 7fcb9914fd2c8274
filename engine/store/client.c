/* SPDX-License-Identifier: PostgreSQL */
#include "store/client.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"
#include "store/address.h"
#include "store/credentials.h"
#include "store/pace.h"
#include "store/retry.h"
#include "store/xml.h"

#define SKEW_US          (INT64_C(300) * 1000000)
#define REGION_MOVES_MAX 4 /* of a store; a server that sends us in circles is left alone */

struct client {
    const struct config_s3 *s3;
    struct http *http;
    struct pace *pace;
    struct store *store;
    pthread_mutex_t lock;
    /* The last one counts. Those before it stay: a request may be using them. */
    struct address *addresses[1 + REGION_MOVES_MAX];
    size_t address_count;
    struct credentials *credentials;
    struct keeping *keeping;
    atomic_int_fast64_t ahead_us; /* the server's clock minus ours */
};

/* Opening: where the store is, and who we are. */

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static const struct address *address_of(struct client *client)
{
    pthread_mutex_lock(&client->lock);
    const struct address *address = client->addresses[client->address_count - 1];
    pthread_mutex_unlock(&client->lock);
    return address;
}

struct client *client_open(const struct config_s3 *s3, struct store *store, struct err *err)
{
    struct client *client = mem_alloc(sizeof(*client));

    client->s3 = s3;
    client->store = store;
    pthread_mutex_init(&client->lock, NULL);
    client->keeping = keeping_new(s3, err);
    if (client->keeping)
        client->addresses[0] = address_new(s3, NULL, err);
    if (client->addresses[0])
        client->credentials = credentials_open(s3, store->stop, err);
    if (!client->credentials) {
        err_in(err, "%s", store->name);
        client_close(client);
        return NULL;
    }
    client->address_count = 1;
    client->pace = pace_new(s3->rate_limit);
    client->http = http_open(&(struct http_params){
        .ca_file = or_null(s3->ca_file),
        .pinned_key = or_null(s3->pinned_public_key),
        .connect_timeout_s = s3->connect_timeout,
        .idle_timeout_s = s3->idle_timeout,
        .request_timeout_s = s3->request_timeout,
        .lowest_speed_bytes = s3->min_speed_kb * 1024,
        .bandwidth_bytes = s3->bandwidth_limit_mb * 1024 * 1024,
        .direct = client->addresses[0]->loopback,
        .stop = store->stop,
    });
    return client;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    http_close(client->http);
    pace_free(client->pace);
    for (size_t i = 0; i < sizeof(client->addresses) / sizeof(client->addresses[0]); i++)
        address_free(client->addresses[i]);
    pthread_mutex_destroy(&client->lock);
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
    else if (strcmp(path, "/Error/Region") == 0 && !reply->http.region[0])
        snprintf(reply->http.region, sizeof(reply->http.region), "%.31s", text);
    else if (strcmp(path, "/Error/Endpoint") == 0 && !reply->http.region[0])
        address_region(text, reply->http.region, sizeof(reply->http.region));
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
    /* a byte changed on the way */
    {.code = "BadDigest", .kind = ERR_STORE, .retry = true},
    {.code = "XAmzContentSHA256Mismatch", .kind = ERR_STORE, .retry = true},
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

static bool refused(struct client *client, const struct client_request *request,
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
    if (reply->http.region[0] && strcmp(reply->http.region, address_of(client)->region) != 0)
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

static char *path_of(const struct address *address, const char *key)
{
    struct buf path = BUF_INIT;

    sign_encode(&path, address->base, true);
    if (key || path.len == 0)
        buf_addc(&path, '/');
    if (key)
        sign_encode(&path, key, true);
    return buf_steal(&path);
}

/* A request on its way through all its tries. */
struct sending {
    struct client *client;
    const struct client_request *request;
    char sha256[65];
    struct pace_try try;
    struct keys keys; /* of the try under way */
    unsigned generation;
    bool keyed; /* sent with the key of SSE-C */
    /* What was changed already in answer to a refusal; each once a request. */
    bool clock_corrected, region_followed, renewed, other_key;
};

/* One try, signed with the time of now. */
static bool try_once(const struct sending *sending, struct http_reply *reply, struct err *err)
{
    struct client *client = sending->client;
    const struct client_request *request = sending->request;
    const struct address *address = address_of(client);
    struct sign_keys keys = {.access_key = sending->keys.access,
                             .secret_key = sending->keys.secret,
                             .session_token = sending->keys.token,
                             .region = address->region};
    struct buf query = BUF_INIT, date = BUF_INIT, authorization = BUF_INIT;
    char *path = path_of(address, request->key);
    size_t count = request->header_count;
    struct sign_pair *headers = mem_alloc((count + KEEPING_ACCESS + 4) * sizeof(*headers));

    if (count > 0)
        memcpy(headers, request->headers, count * sizeof(*headers));
    count += keeping_access(client->keeping, sending->keyed, request->stranger, headers + count);
    sign_query(&query, request->query, request->query_count);
    struct sign_request signing = {.method = request->method,
                                   .host = address->host,
                                   .path = path,
                                   .query = buf_str(&query),
                                   .headers = headers,
                                   .header_count = count,
                                   .payload_sha256 = sending->sha256,
                                   .at_us = client_now_us(client)};
    sign_v4(&signing, &keys, &date, &authorization);
    headers[count++] = (struct sign_pair){"x-amz-date", date.data};
    headers[count++] = (struct sign_pair){"x-amz-content-sha256", sending->sha256};
    headers[count++] = (struct sign_pair){"authorization", authorization.data};
    if (keys.session_token)
        headers[count++] = (struct sign_pair){"x-amz-security-token", keys.session_token};
    char *url =
        mem_printf("%s%s%s%s", address->origin, path, query.len ? "?" : "", buf_str(&query));
    struct http_call call = {.method = request->method,
                             .url = url,
                             .headers = headers,
                             .header_count = count,
                             .body = request->body,
                             .body_len = request->body_len,
                             .has_body = request->has_body,
                             .urgent = request->urgent,
                             .patient = request->patient};

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

/* Where the bucket is in another region than we thought, the server says in which. */
static bool follow_region(struct client *client, const struct client_reply *reply)
{
    const char *region = reply->http.region;
    long status = reply->http.status;
    struct err ignored;

    if ((status != 301 && status != 307 && status != 400) || !address_is_region(region))
        return false;
    pthread_mutex_lock(&client->lock);
    size_t n = client->address_count;
    /* Another thread may have been told the same. */
    bool moved = strcmp(client->addresses[n - 1]->region, region) == 0;
    if (!moved && n <= REGION_MOVES_MAX) {
        client->addresses[n] = address_new(client->s3, region, &ignored);
        moved = client->addresses[n] != NULL;
        client->address_count += moved;
    }
    pthread_mutex_unlock(&client->lock);
    return moved;
}

static void payload_hash(const struct client_request *request, char ret_hex[65])
{
    uint8_t digest[32];

    if (request->body_len == 0 || request->body_sha256) {
        memcpy(ret_hex, request->body_len ? request->body_sha256 : SIGN_EMPTY_SHA256, 65);
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

static bool said_expired(const struct client_reply *reply)
{
    return strncmp(reply->code, "ExpiredToken", 12) == 0;
}

static bool is_head(const struct client_request *request)
{
    return strcmp(request->method, "HEAD") == 0;
}

static bool uses_key(const struct sending *sending)
{
    return sending->request->keyed && keeping_uses_key(sending->client->keeping);
}

/* An object from before SSE-C, or after it, is read without its key, or with it. */
static bool try_other_key(struct sending *sending, const struct client_reply *reply)
{
    const struct client_request *request = sending->request;
    bool reads = strcmp(request->method, "GET") == 0 || is_head(request);

    if (!reads || !request->keyed || !keeping_has_key(sending->client->keeping) ||
        reply->http.status != 400 || said_expired(reply))
        return false;
    sending->keyed = !sending->keyed;
    return true;
}

/* Keys that the server takes for too old are asked for anew. The answer to a HEAD has no body that
 * would say so. */
static bool renew_keys(struct sending *sending, const struct client_reply *reply)
{
    bool perhaps =
        is_head(sending->request) && reply->http.status == 400 && sending->keys.token != NULL;

    if ((!said_expired(reply) && !perhaps) ||
        !credentials_expired(sending->client->credentials, sending->generation))
        return false;
    sending->other_key = false;
    sending->keyed = uses_key(sending);
    return true;
}

/* Could another try at once do better? */
static bool remedy(struct sending *sending, const struct client_reply *reply)
{
    if (!sending->clock_corrected && correct_clock(sending->client, reply))
        return sending->clock_corrected = true;
    if (!sending->region_followed && follow_region(sending->client, reply))
        return sending->region_followed = true;
    if (!sending->other_key && try_other_key(sending, reply))
        return sending->other_key = true;
    if (!sending->renewed && renew_keys(sending, reply))
        return sending->renewed = true;
    return false;
}

static bool is_success(long status)
{
    return status >= 200 && status <= 299;
}

static bool is_slow_down(const struct client_reply *reply)
{
    return reply->http.status == 503 || reply->http.status == 429 ||
           strcmp(reply->code, "SlowDown") == 0;
}

/* One try through the gate. True: an answer came, and *ret_reply says which. */
static bool attempt(struct sending *sending, struct client_reply *ret_reply, struct err *err)
{
    struct client *client = sending->client;
    const struct client_request *request = sending->request;
    bool answered = try_once(sending, &ret_reply->http, err);
    long status = ret_reply->http.status;
    enum breaker_outcome outcome = BREAKER_ANSWERED;

    ret_reply->tries++;
    ret_reply->code[0] = ret_reply->message[0] = '\0';
    if (answered && !is_success(status)) {
        read_error(ret_reply);
        refused(client, request, ret_reply, err);
    } else if (!answered) {
        err_in(err, "%s%s%s", client->store->name, request->key ? ", object " : "",
               request->key ? request->key : "");
        outcome = err->kind == ERR_NETWORK ? BREAKER_FAILED : BREAKER_NOTHING;
    }
    if (answered && status >= 500 && status != 501)
        outcome = BREAKER_FAILED;
    bool slow_down = answered && is_slow_down(ret_reply);
    pace_leave(client->pace, &sending->try, outcome, slow_down, err);
    if (!answered || status >= 500 || ret_reply->http.resent)
        ret_reply->maybe_done = true;
    return answered;
}

static bool wait_to_retry(struct client *client, unsigned tries, int64_t asked_s)
{
    uint32_t random;

    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        random = UINT32_MAX / 2;
    atomic_fetch_add(&client->store->retries, 1);
    return pace_wait(client->store->stop, retry_wait_ms(tries, random, asked_s) * 1000);
}

/* Keys come before the gate: getting them may take a while, and is no fault of the store. */
static bool take_keys(struct sending *sending, struct client_reply *ret_reply, struct err *err)
{
    keys_done(&sending->keys);
    ret_reply->http.status = 0;
    ret_reply->code[0] = ret_reply->message[0] = '\0';
    return credentials_get(sending->client->credentials, &sending->keys, &sending->generation,
                           err) ||
           err_in(err, "%s", sending->client->store->name);
}

/* The tries of one request. *err is of the last that failed, even where a later one went well. */
static bool send_until(struct sending *sending, struct client_reply *ret_reply, struct err *err)
{
    struct client *client = sending->client;
    const struct stop *stop = client->store->stop;
    bool urgent = sending->request->urgent;

    for (;;) {
        if (!urgent && stop_now(stop))
            return err_set(err, ERR_INTERRUPTED, "interrupted before asking the store");
        bool ready = take_keys(sending, ret_reply, err);
        if (ready && !pace_enter(client->pace, &sending->try, err))
            return err_in(err, "%s", client->store->name);
        bool answered = ready && attempt(sending, ret_reply, err);
        if (answered && is_success(ret_reply->http.status))
            return true;
        if (answered && remedy(sending, ret_reply))
            continue;
        if (sending->other_key && ret_reply->http.status == 400)
            err_hint(err, "is the object encrypted with another key than s3.sse_c_key_file?");
        if (!err->retry || sending->try.tries++ >= sending->try.most)
            return false;
        int64_t asked_s = answered ? ret_reply->http.retry_after_s : 0;
        if (!wait_to_retry(client, (unsigned)sending->try.tries, asked_s))
            return urgent ? false : interrupted(err);
    }
}

bool client_send(struct client *client, const struct client_request *request,
                 struct client_reply *ret_reply, struct err *err)
{
    struct sending sending = {
        .client = client,
        .request = request,
        .try = {.stop = request->urgent ? NULL : client->store->stop, .most = client->s3->retries},
    };
    struct err failed = ERR_INIT;

    ret_reply->tries = 0;
    ret_reply->maybe_done = false;
    payload_hash(request, sending.sha256);
    sending.keyed = uses_key(&sending);
    bool ok = send_until(&sending, ret_reply, &failed);
    keys_done(&sending.keys);
    if (!ok)
        *err = failed;
    return ok;
}

void client_reply_done(struct client_reply *reply)
{
    http_reply_done(&reply->http);
}
