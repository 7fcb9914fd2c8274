/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
#include "store/container.h"

#include <stdlib.h>

#include "store/fetch.h"

#define FROM       "the container's endpoint"
#define RELATIVE   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL       "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN      "AWS_CONTAINER_AUTHORIZATION_TOKEN"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define ECS        "http://169.254.170.2"

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

bool container_present(void)
{
    return variable(RELATIVE) || variable(FULL);
}

bool container_address(struct buf *ret_url, struct err *err)
{
    const char *relative = variable(RELATIVE), *full = variable(FULL);

    if (relative && relative[0] != '/')
        return err_set(err, ERR_CONFIG, RELATIVE ": not a path");
    if (!relative && !fetch_check_url(full, FULL, true, err))
        return false;
    buf_addf(ret_url, "%s%s", relative ? ECS : full, relative ? relative : "");
    return true;
}

/* The file wins: it is renewed while the program runs. */
static bool get_token(struct buf *ret_token, struct err *err)
{
    const char *path = variable(TOKEN_FILE), *text = variable(TOKEN);

    if (path && !keys_read_file(path, "token file", ret_token, err))
        return false;
    if (!path && text)
        buf_adds(ret_token, text);
    while (path && ret_token->len > 0 && strchr("\r\n", ret_token->data[ret_token->len - 1]))
        ret_token->data[--ret_token->len] = '\0';
    if (strpbrk(buf_str(ret_token), "\r\n"))
        return err_set(err, ERR_CONFIG, "%s: more than one line", path ? TOKEN_FILE : TOKEN);
    return true;
}

bool container_get(const struct stop *stop, struct keys *ret_keys, struct err *err)
{
    struct buf url = BUF_INIT, token = BUF_INIT;
    struct http_reply reply = {0};
    bool ok = false;

    if (!container_address(&url, err) || !get_token(&token, err))
        goto out;
    struct sign_pair header = {"authorization", buf_str(&token)};
    struct fetch fetch = {.from = FROM,
                          .method = "GET",
                          .url = url.data,
                          .headers = &header,
                          .header_count = token.len > 0,
                          .direct = strncmp(url.data, "http:", 5) == 0,
                          .stop = stop};
    ok = fetch_send(&fetch, &reply, err) &&
         keys_from_json(&reply.body, "Token", FROM, ret_keys, err);
out:
    http_reply_done(&reply);
    buf_done(&url);
    buf_done(&token);
    return ok;
}
