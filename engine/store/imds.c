/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
 */
#include "store/imds.h"

#include <stdlib.h>
#include <strings.h>

#include "store/fetch.h"

#define FROM         "instance metadata"
#define ADDRESS      "http://169.254.169.254"
#define VARIABLE     "AWS_EC2_METADATA_SERVICE_ENDPOINT"
#define ROLES        "/latest/meta-data/iam/security-credentials/"
#define TOKEN_LIFE_S "300" /* one exchange */

bool imds_enabled(void)
{
    const char *off = getenv("AWS_EC2_METADATA_DISABLED");

    return !off || strcasecmp(off, "true") != 0;
}

/* One question with the session token. */
static bool ask(const struct stop *stop, const char *base, const char *path, const char *token,
                struct http_reply *reply, struct err *err)
{
    struct sign_pair header = {"x-aws-ec2-metadata-token", token};
    char *url = mem_printf("%s%s", base, path);
    struct fetch fetch = {.from = FROM,
                          .method = "GET",
                          .url = url,
                          .headers = &header,
                          .header_count = 1,
                          .direct = true,
                          .stop = stop};
    bool ok = fetch_send(&fetch, reply, err);

    free(url);
    return ok;
}

static bool get_token(const struct stop *stop, const char *base, struct buf *ret_token,
                      struct err *err)
{
    struct sign_pair header = {"x-aws-ec2-metadata-token-ttl-seconds", TOKEN_LIFE_S};
    struct http_reply reply = {0};
    char *url = mem_printf("%s/latest/api/token", base);
    struct fetch fetch = {.from = FROM,
                          .method = "PUT",
                          .url = url,
                          .headers = &header,
                          .header_count = 1,
                          .direct = true,
                          .once = true,
                          .stop = stop};
    bool ok = fetch_send(&fetch, &reply, err);

    if (ok)
        buf_add(ret_token, buf_str(&reply.body), strcspn(buf_str(&reply.body), "\r\n"));
    http_reply_done(&reply);
    free(url);
    return ok;
}

static bool get_role(const struct stop *stop, const char *base, const char *token,
                     struct buf *ret_role, struct err *err)
{
    struct http_reply reply = {0};
    bool ok = ask(stop, base, ROLES, token, &reply, err);
    size_t len = strcspn(buf_str(&reply.body), "\r\n");

    if (reply.status == 404 || (ok && len == 0)) {
        ok = err_set(err, ERR_PERMISSION, "no keys from " FROM);
        err_why(err, "the instance has no role");
    }
    if (ok)
        buf_add(ret_role, reply.body.data, len);
    http_reply_done(&reply);
    return ok;
}

bool imds_get(const struct stop *stop, struct keys *ret_keys, struct buf *ret_role, struct err *err)
{
    const char *said = getenv(VARIABLE);
    char *base = mem_strdup(said && *said ? said : ADDRESS);
    struct buf token = BUF_INIT, role = BUF_INIT;
    struct http_reply reply = {0};
    char *path = NULL;
    bool ok = false;

    for (size_t len = strlen(base); len > 0 && base[len - 1] == '/'; len--)
        base[len - 1] = '\0';
    if (!fetch_check_url(base, VARIABLE, true, err) || !get_token(stop, base, &token, err) ||
        !get_role(stop, base, buf_str(&token), &role, err))
        goto out;
    path = mem_printf("%s%s", ROLES, role.data);
    ok = ask(stop, base, path, buf_str(&token), &reply, err) &&
         keys_from_json(&reply.body, "Token", FROM, ret_keys, err);
    if (ok)
        buf_adds(ret_role, role.data);
out:
    http_reply_done(&reply);
    buf_done(&token);
    buf_done(&role);
    free(path);
    free(base);
    return ok;
}
