/* SPDX-License-Identifier: PostgreSQL */
#include "store/http.h"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "store/pace.h"
#include "store/rate.h"

#define KEEP_CONNECTION_S 300
#define PATIENCE          10
/* With a limit on bandwidth, bytes are sent and taken in pieces of a tenth of a second, but no
 * smaller or larger than makes sense. */
#define PIECE_LEAST ((size_t)4 << 10)
#define PIECE_MOST  ((size_t)64 << 10)

/* An answer that is larger than any we ask for. */
#define REPLY_BYTES_MAX ((size_t)256 << 20)

/* An easy handle keeps its connection; idle ones wait in a list. */
struct idle {
    CURL *curl;
    struct idle *next;
};

struct http {
    struct http_params params;
    char *ca_file, *pinned_key;
    size_t piece; /* bytes given to curl at a time; 0: no limit on bandwidth */
    pthread_mutex_t lock;
    struct idle *idle;
    struct bucket bandwidth;
};

/* One call in progress, as curl's callbacks see it. */
struct transfer {
    struct http *http;
    const struct http_call *call;
    struct http_reply *reply;
    struct err *err; /* of a callback; kind ERR_NONE until then */
    size_t sent;     /* bytes of the body that curl has taken; only with a limit on bandwidth */
};

static void init_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http *http_open(const struct http_params *params)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http *http = mem_alloc(sizeof(*http));

    pthread_once(&once, init_once);
    http->params = *params;
    http->ca_file = params->ca_file ? mem_strdup(params->ca_file) : NULL;
    http->pinned_key = params->pinned_key ? mem_strdup(params->pinned_key) : NULL;
    if (params->bandwidth_bytes > 0) {
        size_t tenth = (size_t)(params->bandwidth_bytes / 10);
        http->piece = tenth < PIECE_LEAST ? PIECE_LEAST : tenth > PIECE_MOST ? PIECE_MOST : tenth;
        bucket_init(&http->bandwidth, params->bandwidth_bytes, (double)http->piece,
                    text_monotonic_us());
    }
    pthread_mutex_init(&http->lock, NULL);
    return http;
}

void http_close(struct http *http)
{
    if (!http)
        return;
    while (http->idle) {
        struct idle *idle = http->idle;
        http->idle = idle->next;
        curl_easy_cleanup(idle->curl);
        free(idle);
    }
    pthread_mutex_destroy(&http->lock);
    free(http->ca_file);
    free(http->pinned_key);
    free(http);
}

/* *ret_kept: it was used before, and so may have a connection. */
static CURL *take_handle(struct http *http, bool *ret_kept, struct err *err)
{
    CURL *curl = NULL;

    pthread_mutex_lock(&http->lock);
    struct idle *idle = http->idle;
    if (idle)
        http->idle = idle->next;
    pthread_mutex_unlock(&http->lock);
    *ret_kept = idle != NULL;
    if (idle) {
        curl = idle->curl;
        free(idle);
        return curl;
    }
    curl = curl_easy_init();
    if (!curl)
        err_set(err, ERR_RESOURCE, "out of memory for a connection");
    return curl;
}

static void give_handle(struct http *http, CURL *curl)
{
    struct idle *idle = mem_alloc(sizeof(*idle));

    curl_easy_reset(curl); /* keeps the connection */
    idle->curl = curl;
    pthread_mutex_lock(&http->lock);
    idle->next = http->idle;
    http->idle = idle;
    pthread_mutex_unlock(&http->lock);
}

/* Waits until `len` more bytes may pass; false when the exchange is to end. */
static bool await_bandwidth(const struct transfer *t, size_t len)
{
    struct http *http = t->http;

    if (http->piece == 0)
        return true;
    pthread_mutex_lock(&http->lock);
    int64_t wait_us = bucket_take(&http->bandwidth, (double)len, text_monotonic_us());
    pthread_mutex_unlock(&http->lock);
    return wait_us == 0 || pace_wait(t->call->urgent ? NULL : http->params.stop, wait_us);
}

/* Gives curl the next piece of the body, when there is room for it. */
static size_t on_send(char *room, size_t size, size_t count, void *state)
{
    struct transfer *t = state;
    size_t len = t->call->body_len - t->sent;

    if (len > size * count)
        len = size * count;
    if (len > t->http->piece)
        len = t->http->piece;
    if (len == 0)
        return 0;
    if (!await_bandwidth(t, len))
        return CURL_READFUNC_ABORT;
    memcpy(room, (const char *)t->call->body + t->sent, len);
    t->sent += len;
    return len;
}

/* Where a kept connection turns out to be dead, curl sends from the start again. */
static int on_seek(void *state, curl_off_t offset, int origin)
{
    struct transfer *t = state;

    if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->call->body_len)
        return CURL_SEEKFUNC_FAIL;
    t->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *state)
{
    struct transfer *t = state;
    size_t len = size * count;

    if (t->reply->body.len + len > REPLY_BYTES_MAX) {
        err_set(t->err, ERR_STORE, "the server sends more than was asked for");
        return CURL_WRITEFUNC_ERROR;
    }
    if (!buf_reserve(&t->reply->body, len, t->err))
        return CURL_WRITEFUNC_ERROR;
    buf_add(&t->reply->body, bytes, len);
    return await_bandwidth(t, len) ? len : CURL_WRITEFUNC_ERROR;
}

/* The value of header `name` when `line` is that header. */
static bool header_is(const char *line, size_t len, const char *name, char *ret_value, size_t size)
{
    size_t name_len = strlen(name);

    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0)
        return false;
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    if (len >= size)
        len = size - 1;
    memcpy(ret_value, line, len);
    ret_value[len] = '\0';
    return true;
}

static int64_t http_time_us(const char *text)
{
    time_t t = curl_getdate(text, NULL);

    return t < 0 ? 0 : (int64_t)t * 1000000;
}

static void keep_etag(struct http_reply *reply, const char *value)
{
    size_t len = strlen(value);

    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value++;
        len -= 2;
    }
    if (len >= sizeof(reply->etag))
        len = sizeof(reply->etag) - 1;
    memcpy(reply->etag, value, len);
    reply->etag[len] = '\0';
}

/* "bytes 0-9/100", or a star instead of 0-9 */
static void keep_total(struct http_reply *reply, const char *value)
{
    const char *slash = strchr(value, '/');
    int64_t total;

    if (slash && text_to_int(slash + 1, &total) && total >= 0) {
        reply->total = (uint64_t)total;
        reply->has_total = true;
    }
}

/* How the server keeps an object. */
static void keep_kept(struct http_reply *reply, const char *line, size_t len)
{
    const struct {
        const char *name;
        char *into;
        size_t size;
    } kept[] = {
        {"x-amz-server-side-encryption", reply->encryption, sizeof(reply->encryption)},
        {"x-amz-server-side-encryption-aws-kms-key-id", reply->kms_key, sizeof(reply->kms_key)},
        {"x-amz-server-side-encryption-customer-key-md5", reply->customer_md5,
         sizeof(reply->customer_md5)},
        {"x-amz-checksum-sha256", reply->checksum, sizeof(reply->checksum)},
        {"x-amz-checksum-algorithm", reply->algorithm, sizeof(reply->algorithm)},
        {"x-amz-object-lock-mode", reply->lock_mode, sizeof(reply->lock_mode)},
        {"x-amz-object-lock-retain-until-date", reply->lock_until, sizeof(reply->lock_until)},
        {"x-amz-object-lock-legal-hold", reply->legal_hold, sizeof(reply->legal_hold)},
    };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (header_is(line, len, kept[i].name, kept[i].into, kept[i].size))
            return;
    }
}

static size_t on_header(char *line, size_t size, size_t count, void *state)
{
    struct http_reply *reply = ((struct transfer *)state)->reply;
    size_t len = size * count;
    char value[256];
    int64_t number;

    if (header_is(line, len, "etag", value, sizeof(value)))
        keep_etag(reply, value);
    else if (header_is(line, len, "content-range", value, sizeof(value)))
        keep_total(reply, value);
    else if (header_is(line, len, "last-modified", value, sizeof(value)))
        reply->modified_us = http_time_us(value);
    else if (header_is(line, len, "date", value, sizeof(value)))
        reply->date_us = http_time_us(value);
    else if (header_is(line, len, "x-amz-bucket-region", value, sizeof(value)))
        snprintf(reply->region, sizeof(reply->region), "%.31s", value);
    else if (header_is(line, len, "content-length", value, sizeof(value)) &&
             text_to_int(value, &number) && number >= 0)
        reply->length = (uint64_t)number;
    else if (header_is(line, len, "retry-after", value, sizeof(value)) &&
             text_to_int(value, &number) && number >= 0)
        reply->retry_after_s = number;
    else
        keep_kept(reply, line, len);
    return len;
}

/* Called at least once a second; anything but 0 ends the transfer. */
static int on_progress(void *state, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    const struct transfer *t = state;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return !t->call->urgent && stop_now(t->http->params.stop);
}

static void set_transport(CURL *curl, const struct http *http)
{
    const struct http_params *p = &http->params;

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (http->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    if (http->pinned_key)
        curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, http->pinned_key);
    if (p->direct)
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(curl, CURLOPT_MAXLIFETIME_CONN, (long)KEEP_CONNECTION_S);
}

static void set_timeouts(CURL *curl, const struct http_params *p, bool patient)
{
    long idle_s = (long)p->idle_timeout_s * (patient ? PATIENCE : 1);
    long speed = patient || p->lowest_speed_bytes < 1 ? 1 : (long)p->lowest_speed_bytes;

    if (p->connect_timeout_s > 0)
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)p->connect_timeout_s);
    if (idle_s > 0) {
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, speed);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, idle_s);
    }
    if (p->request_timeout_s > 0)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)p->request_timeout_s);
}

static void set_callbacks(CURL *curl, struct transfer *t)
{
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

/* The headers to send, without those that curl would add of its own; freed by the caller. */
static struct curl_slist *header_list(const struct http_call *call)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool typed = false;

    for (size_t i = 0; i < call->header_count; i++) {
        char *line = mem_printf("%s: %s", call->headers[i].name, call->headers[i].value);
        typed = typed || strcmp(call->headers[i].name, "content-type") == 0;
        list = curl_slist_append(list, line);
        free(line);
    }
    list = curl_slist_append(list, "Accept:");
    return typed ? list : curl_slist_append(list, "Content-Type:");
}

static void set_request(CURL *curl, struct transfer *t, struct curl_slist *headers)
{
    const struct http_call *call = t->call;

    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (call->has_body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        if (t->http->piece > 0 && call->body_len > 0) {
            curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
            curl_easy_setopt(curl, CURLOPT_READDATA, t);
            curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
            curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
        } else {
            curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body ? call->body : "");
        }
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    }
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

/* Why there is no trust. */
static bool err_certificate(struct err *err, long verified, const char *why)
{
    if (verified == X509_V_ERR_CERT_HAS_EXPIRED || verified == X509_V_ERR_CERT_NOT_YET_VALID) {
        err_set(err, ERR_NETWORK, "the store's certificate is out of date");
        err_hint(err, "renew it on the server, or set this host's clock right");
    } else if (verified == X509_V_OK || verified == X509_V_ERR_UNSPECIFIED) {
        /* What libcurl checks itself, after OpenSSL was content. */
        err_set(err, ERR_NETWORK, "the store's certificate is for another host");
        err_hint(err, "s3.endpoint must be a name that stands in the certificate");
    } else {
        err_set(err, ERR_NETWORK, "the store's certificate is not trusted");
        err_hint(err, "set s3.ca_file to the certificate of its authority");
    }
    return err_why(err, "%s", why);
}

/* A handshake that failed can be a lost connection; but not when the two have no version in
 * common, or the other side speaks no TLS. */
static bool err_handshake(struct err *err, const char *why)
{
    err_set(err, ERR_NETWORK, "no TLS connection to the store");
    err_hint(err, "the store must speak TLS 1.2 or newer at s3.endpoint");
    err->retry = !strstr(why, "version") && !strstr(why, "unsupported protocol");
    return err_why(err, "%s", why);
}

/* libcurl's word for a failure becomes ours: here and nowhere else. */
static bool err_curl(struct err *err, CURL *curl, CURLcode code, const char *detail)
{
    const char *why = detail[0] ? detail : curl_easy_strerror(code);
    long verified = X509_V_OK;

    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        err_set(err, ERR_RESOURCE, "out of memory for a transfer");
        return false;
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_WRITE_ERROR: /* only when asked to stop: on_body's own failures come first */
        return err_set(err, ERR_INTERRUPTED, "interrupted");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verified);
        return err_certificate(err, verified, why);
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
        err_set(err, ERR_NETWORK, "the store's key is not the pinned one");
        err_hint(err, "is it the right server? a new key goes into s3.pinned_public_key");
        return err_why(err, "%s", why);
    case CURLE_SSL_CACERT_BADFILE:
        err_set(err, ERR_CONFIG, "s3.ca_file cannot be used");
        err_hint(err, "it must hold certificates in PEM form");
        return err_why(err, "%s", why);
    case CURLE_SSL_CONNECT_ERROR:
        return err_handshake(err, why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        err_set(err, ERR_CONFIG, "s3.endpoint cannot be used");
        return err_why(err, "%s", why);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        err_set(err, ERR_NETWORK, "cannot reach the store");
        err_hint(err, "check s3.endpoint and the network");
        break;
    case CURLE_OPERATION_TIMEDOUT:
        err_set(err, ERR_NETWORK, "the store does not answer in time");
        break;
    default:
        err_set(err, ERR_NETWORK, "the connection to the store failed");
    }
    err->retry = true;
    return err_why(err, "%s", why);
}

static void reply_reset(struct http_reply *reply)
{
    struct buf body = reply->body;

    buf_reset(&body);
    *reply = (struct http_reply){.body = body};
}

/* libcurl sends a request a second time by itself when a kept connection dies before it answers.
 * That it opened a connection although there was one is all that can be seen of it. */
static bool was_resent(CURL *curl, bool kept)
{
    long opened = 0;

    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &opened);
    return kept && opened > 0;
}

bool http_send(struct http *http, const struct http_call *call, struct http_reply *ret_reply,
               struct err *err)
{
    struct err inner = ERR_INIT;
    struct transfer t = {.http = http, .call = call, .reply = ret_reply, .err = &inner};
    char detail[CURL_ERROR_SIZE] = "";
    bool kept;

    reply_reset(ret_reply);
    CURL *curl = take_handle(http, &kept, err);
    if (!curl)
        return false;
    struct curl_slist *headers = header_list(call);
    set_transport(curl, http);
    set_timeouts(curl, &http->params, call->patient);
    set_callbacks(curl, &t);
    set_request(curl, &t, headers);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret_reply->status);
    ret_reply->resent = was_resent(curl, kept);
    if (inner.kind != ERR_NONE)
        *err = inner;
    else if (code != CURLE_OK)
        err_curl(err, curl, code, detail);
    if (code != CURLE_OK)
        ret_reply->status = 0;
    curl_slist_free_all(headers);
    /* After a failure neither the connection nor what was known of the host's address is kept. */
    if (code == CURLE_OK)
        give_handle(http, curl);
    else
        curl_easy_cleanup(curl);
    return code == CURLE_OK;
}

void http_reply_done(struct http_reply *reply)
{
    buf_done(&reply->body);
}
