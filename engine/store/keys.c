/* SPDX-License-Identifier: PostgreSQL */
#include "store/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"

#define FILE_BYTES_MAX ((size_t)64 << 10)

static void free_secret(char *secret)
{
    if (secret)
        OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
}

void keys_done(struct keys *keys)
{
    free(keys->access);
    free_secret(keys->secret);
    free_secret(keys->token);
    *keys = (struct keys){0};
}

bool keys_make(const char *access, const char *secret, const char *token, const char *expires,
               const char *from, struct keys *ret_keys, struct err *err)
{
    int64_t expires_us = 0;

    if (!access || !*access || !secret || !*secret) {
        err_set(err, ERR_PERMISSION, "no keys from %s", from);
        return err_why(err, "it says no %s", !access || !*access ? "access key" : "secret key");
    }
    if (expires && *expires && !text_to_time(expires, strlen(expires), &expires_us)) {
        err_set(err, ERR_PERMISSION, "no keys from %s", from);
        return err_why(err, "it says no time at which they expire");
    }
    *ret_keys = (struct keys){.access = mem_strdup(access),
                              .secret = mem_strdup(secret),
                              .token = token && *token ? mem_strdup(token) : NULL,
                              .expires_us = expires_us};
    return true;
}

void keys_copy(const struct keys *keys, struct keys *ret_keys)
{
    *ret_keys = (struct keys){.access = mem_strdup(keys->access),
                              .secret = mem_strdup(keys->secret),
                              .token = keys->token ? mem_strdup(keys->token) : NULL,
                              .expires_us = keys->expires_us};
}

bool keys_from_json(const struct buf *json, const char *token_name, const char *from,
                    struct keys *ret_keys, struct err *err)
{
    struct err unread;
    struct json_object *o = json_parse(buf_str(json), json->len, from, &unread);

    /* What could not be read is not shown: it may hold the secret. */
    if (!o || !json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        err_set(err, ERR_PERMISSION, "no keys from %s", from);
        return err_why(err, "its answer is not a JSON object");
    }
    const char *code = json_opt_str(o, "Code", "Success");
    bool ok = strcmp(code, "Success") == 0;
    if (!ok) {
        err_set(err, ERR_PERMISSION, "no keys from %s", from);
        err_why(err, "%s: %s", code,
                json_opt_str(o, "Message", json_opt_str(o, "message", "it does not say why")));
    }
    ok =
        ok && keys_make(json_opt_str(o, "AccessKeyId", NULL),
                        json_opt_str(o, "SecretAccessKey", NULL), json_opt_str(o, token_name, NULL),
                        json_opt_str(o, "Expiration", NULL), from, ret_keys, err);
    json_object_put(o);
    return ok;
}

static bool read_all(int fd, const char *path, const char *what, struct buf *text, struct err *err)
{
    size_t start = text->len;

    for (;;) {
        char bytes[4096];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_CONFIG, errno, "cannot read the %s %s", what, path);
        if (n == 0)
            return true;
        buf_add(text, bytes, (size_t)n);
        OPENSSL_cleanse(bytes, sizeof(bytes));
        if (text->len - start > FILE_BYTES_MAX)
            return err_set(err, ERR_CONFIG, "the %s %s is too large for one", what, path);
    }
}

bool keys_read_file(const char *path, const char *what, struct buf *ret_text, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, ERR_CONFIG, errno, "cannot read the %s %s", what, path);
    bool ok = read_all(fd, path, what, ret_text, err);
    close(fd);
    return ok;
}
