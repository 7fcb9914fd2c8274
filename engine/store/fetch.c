/* SPDX-License-Identifier: PostgreSQL */
#include "store/fetch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TRIES            3
#define WAIT_MS          200 /* before the second try; twice that before the third */
#define LOCAL_CONNECT_S  1
#define REMOTE_CONNECT_S 5
#define IDLE_S           5

/* The host of http://host[:port][/path] is one of this machine or its own network. */
static bool is_near(const char *host, bool link_local)
{
    size_t len = strcspn(host, "/?#");
    const char *end = host[0] == '[' ? memchr(host, ']', len) : memchr(host, ':', len);
    char name[64];

    if (memchr(host, '@', len))
        return false;
    if (end)
        len = (size_t)(end - host) + (host[0] == '[');
    if (len >= sizeof(name))
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
        return true;
    /* digits and dots only: 127.evil.example is no address of ours */
    bool numeric = strspn(name, "0123456789.") == len;
    if (numeric && strncmp(name, "127.", 4) == 0)
        return true;
    return link_local &&
           ((numeric && strncmp(name, "169.254.", 8) == 0) ||
            strcasecmp(name, "[fd00:ec2::23]") == 0 || strcasecmp(name, "[fd00:ec2::254]") == 0);
}

bool fetch_check_url(const char *url, const char *name, bool link_local, struct err *err)
{
    if (strncasecmp(url, "https://", 8) == 0 && url[8])
        return true;
    if (strncasecmp(url, "http://", 7) == 0 && is_near(url + 7, link_local))
        return true;
    err_set(err, ERR_CONFIG, "%s: not an address to ask for keys", name);
    err_why(err, "keys are asked for over https, or from this host");
    return err_hint(err, "https://..., or http://127.0.0.1...");
}

/* What a refused request says of itself is short text or XML; keys are never in it. */
static void refused(const struct fetch *fetch, const struct http_reply *reply, struct err *err)
{
    bool passes = reply->status >= 500 || reply->status == 429;

    err_set(err, passes ? ERR_NETWORK : ERR_PERMISSION, "no keys from %s", fetch->from);
    err->retry = passes;
    err_why(err, "it answered %ld", reply->status);
}

static void unreached(const struct fetch *fetch, struct err *err)
{
    struct err inner = *err;

    err_set(err, inner.kind, "no keys from %s", fetch->from);
    err->retry = inner.retry;
    err_why(err, "%s", inner.why[0] ? inner.why : inner.what);
}

bool fetch_send(const struct fetch *fetch, struct http_reply *ret_reply, struct err *err)
{
    struct http_params params = {.connect_timeout_s =
                                     fetch->direct ? LOCAL_CONNECT_S : REMOTE_CONNECT_S,
                                 .idle_timeout_s = IDLE_S,
                                 .direct = fetch->direct,
                                 .stop = fetch->stop};
    struct http_call call = {.method = fetch->method,
                             .url = fetch->url,
                             .headers = fetch->headers,
                             .header_count = fetch->header_count,
                             .body = fetch->body ? fetch->body->data : NULL,
                             .body_len = fetch->body ? fetch->body->len : 0,
                             .has_body = fetch->body || strcmp(fetch->method, "GET") != 0,
                             .urgent = true};
    struct http *http = http_open(&params);
    int wait_ms = WAIT_MS;
    bool answered = false;

    for (int tries = 1;; tries++) {
        answered = http_send(http, &call, ret_reply, err);
        if (answered && ret_reply->status == 200)
            break;
        if (answered)
            refused(fetch, ret_reply, err);
        else
            unreached(fetch, err);
        if (!err->retry || tries == TRIES || (fetch->once && !answered) || stop_now(fetch->stop))
            break;
        struct pollfd fd = {.fd = stop_asked(fetch->stop) ? -1 : stop_fd(fetch->stop),
                            .events = POLLIN};
        poll(&fd, 1, wait_ms);
        wait_ms *= 2;
    }
    http_close(http);
    return answered && ret_reply->status == 200;
}
