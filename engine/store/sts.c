/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
#include "store/sts.h"

#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "store/fetch.h"
#include "store/xml.h"

#define FROM     "the token service"
#define VARIABLE "AWS_ENDPOINT_URL_STS"
#define API      "2011-06-15"

/* What an answer says. */
struct answer {
    char *access, *secret, *token, *expires;
    char code[64], message[200];
};

static void answer_done(struct answer *a)
{
    struct keys keys = {.access = a->access, .secret = a->secret, .token = a->token};

    keys_done(&keys);
    free(a->expires);
}

/* Both calls answer alike but for the names at the top. */
static bool keep(const char *path, const char *text, void *state, struct err *err)
{
    struct answer *a = state;
    const char *name = strrchr(path, '/');
    bool keys = strstr(path, "Result/Credentials/") != NULL;
    char **into = !keys                                   ? NULL
                  : strcmp(name, "/AccessKeyId") == 0     ? &a->access
                  : strcmp(name, "/SecretAccessKey") == 0 ? &a->secret
                  : strcmp(name, "/SessionToken") == 0    ? &a->token
                  : strcmp(name, "/Expiration") == 0      ? &a->expires
                                                          : NULL;

    (void)err;
    if (into && !*into)
        *into = mem_strdup(text);
    if (strstr(path, "/Error/Code"))
        snprintf(a->code, sizeof(a->code), "%.63s", text);
    else if (strstr(path, "/Error/Message"))
        snprintf(a->message, sizeof(a->message), "%.199s", text);
    return true;
}

static char *address(const struct sts_role *role, struct err *err)
{
    const char *said = getenv(VARIABLE);
    bool china = strncmp(role->region, "cn-", 3) == 0;

    if (!said || !*said)
        return mem_printf("https://sts.%s.amazonaws.com%s", role->region, china ? ".cn" : "");
    if (!fetch_check_url(said, VARIABLE, false, err))
        return NULL;
    char *url = mem_strdup(said);
    for (size_t len = strlen(url); len > 0 && url[len - 1] == '/'; len--)
        url[len - 1] = '\0';
    return url;
}

/* The token's file is read anew each time: it is renewed while the program runs. */
static bool form(const struct sts_role *role, struct buf *ret_body, struct err *err)
{
    struct buf token = BUF_INIT;
    struct sign_pair fields[6] = {
        {"Action", role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole"},
        {"Version", API},
        {"RoleArn", role->arn},
        {"RoleSessionName", role->session ? role->session : "archiver-tui"},
    };
    size_t n = 4;
    bool ok = true;

    if (role->token_file) {
        ok = keys_read_file(role->token_file, "web identity token file", &token, err);
        while (token.len > 0 && strchr(" \r\n", token.data[token.len - 1]))
            token.data[--token.len] = '\0';
        fields[n++] = (struct sign_pair){"WebIdentityToken", buf_str(&token)};
    }
    if (role->external_id)
        fields[n++] = (struct sign_pair){"ExternalId", role->external_id};
    if (ok && role->token_file && token.len == 0) {
        ok = err_set(err, ERR_PERMISSION, "no keys from " FROM);
        err_why(err, "the web identity token file %s is empty", role->token_file);
    }
    if (ok)
        sign_query(ret_body, fields, n);
    buf_done(&token);
    return ok;
}

/* Headers of a call that is signed; a web identity is its own proof. */
static size_t sign(const struct sts_role *role, const char *url, const struct buf *body,
                   struct sign_pair *headers, struct buf *date, struct buf *authorization)
{
    uint8_t digest[32];
    char hex[65];
    const char *host = strstr(url, "://") + 3, *path = host + strcspn(host, "/");
    char *host_only = mem_printf("%.*s", (int)(path - host), host);
    struct sign_keys keys = {role->by->access, role->by->secret, role->by->token, role->region,
                             "sts"};

    text_sha256(body->data, body->len, digest);
    text_hex(digest, sizeof(digest), hex);
    struct sign_request request = {.method = "POST",
                                   .host = host_only,
                                   .path = *path ? path : "/",
                                   .query = "",
                                   .headers = headers,
                                   .header_count = 1,
                                   .payload_sha256 = hex,
                                   .at_us = text_now_us()};
    sign_v4(&request, &keys, date, authorization);
    free(host_only);
    headers[1] = (struct sign_pair){"x-amz-date", date->data};
    headers[2] = (struct sign_pair){"authorization", authorization->data};
    headers[3] = (struct sign_pair){"x-amz-security-token", role->by->token};
    return role->by->token ? 4 : 3;
}

static bool read_answer(const struct http_reply *reply, bool ok, struct keys *ret_keys,
                        struct err *err)
{
    struct answer a = {0};
    struct err unread;

    if (reply->body.len > 0)
        xml_walk(reply->body.data, reply->body.len, keep, &a, &unread);
    if (ok)
        ok = keys_make(a.access, a.secret, a.token, a.expires, FROM, ret_keys, err);
    else if (a.code[0])
        err_why(err, "%s%s%s", a.code, a.message[0] ? ": " : "", a.message);
    answer_done(&a);
    return ok;
}

bool sts_get(const struct sts_role *role, const struct stop *stop, struct keys *ret_keys,
             struct err *err)
{
    struct buf body = BUF_INIT, date = BUF_INIT, authorization = BUF_INIT;
    struct sign_pair headers[4] = {{"content-type", "application/x-www-form-urlencoded"}};
    struct http_reply reply = {0};
    size_t count = 1;
    char *url = address(role, err), *target = NULL;
    bool ok = false;

    if (!url || !form(role, &body, err))
        goto out;
    if (!role->token_file)
        count = sign(role, url, &body, headers, &date, &authorization);
    target = mem_printf("%s%s", url, strchr(strstr(url, "://") + 3, '/') ? "" : "/");
    struct fetch fetch = {.from = FROM,
                          .method = "POST",
                          .url = target,
                          .headers = headers,
                          .header_count = count,
                          .body = &body,
                          .direct = strncasecmp(url, "http:", 5) == 0,
                          .stop = stop};
    ok = fetch_send(&fetch, &reply, err);
    ok = read_answer(&reply, ok, ret_keys, err);
    if (!ok)
        err_in(err, "role %s", role->arn);
out:
    http_reply_done(&reply);
    buf_done(&body);
    buf_done(&date);
    buf_done(&authorization);
    free(url);
    free(target);
    return ok;
}
