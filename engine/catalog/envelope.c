/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/envelope.h"

#include "base/json.h"
#include "base/text.h"
#include "catalog/key.h"

static void put_base64(struct json_out *j, const char *name, const uint8_t *bytes, size_t len)
{
    struct buf text = BUF_INIT;

    text_base64(&text, bytes, len);
    json_put_str(j, name, buf_str(&text));
    buf_done(&text);
}

static void write_envelope(const struct cipher *cipher, const struct cipher_kek *kek,
                           const struct cipher_wrapped *wrapped, struct buf *ret)
{
    struct json_out j = json_out(ret, 2);
    char check[2 * sizeof(wrapped->check) + 1];

    text_hex(wrapped->check, sizeof(wrapped->check), check);
    json_begin_object(&j);
    json_put_str(&j, "version", "3");
    json_put_str(&j, "batch_id", cipher_batch_id(cipher));
    json_put_str(&j, "algorithm", CIPHER_ALGORITHM);
    json_put_str(&j, "key_id", kek->id);
    json_put_str(&j, "key_check", check);
    put_base64(&j, "nonce", wrapped->nonce, sizeof(wrapped->nonce));
    put_base64(&j, "wrapped_key", wrapped->bytes, sizeof(wrapped->bytes));
    json_end(&j);
    buf_addc(ret, '\n');
}

bool envelope_put(struct store *store, const char *key, const struct cipher *cipher,
                  const struct cipher_kek *kek, struct err *err)
{
    struct cipher_wrapped wrapped;
    struct buf name = BUF_INIT, json = BUF_INIT;
    bool ok = cipher_wrap(cipher, kek, &wrapped, err);

    if (ok) {
        key_envelope(key, kek->id, &name);
        struct store_put_params params = {.key = buf_str(&name),
                                          .content_type = "application/json",
                                          .small = true};
        write_envelope(cipher, kek, &wrapped, &json);
        ok = store_put_bytes(store, &params, json.data, json.len, err);
    }
    buf_done(&name);
    buf_done(&json);
    return ok;
}

/* --- back --- */

static bool bytes_of(struct json_object *root, const char *name, uint8_t *ret, size_t len)
{
    const char *text = json_opt_str(root, name, "");
    struct buf bytes = BUF_INIT;
    bool ok = text_from_base64(&bytes, text, strlen(text)) && bytes.len == len;

    if (ok)
        memcpy(ret, bytes.data, len);
    buf_done(&bytes);
    return ok;
}

static bool read_wrapped(struct json_object *root, struct cipher_wrapped *ret)
{
    const char *check = json_opt_str(root, "key_check", "");

    return strcmp(json_opt_str(root, "version", ""), "3") == 0 &&
           strcmp(json_opt_str(root, "algorithm", ""), CIPHER_ALGORITHM) == 0 &&
           strlen(check) == 2 * sizeof(ret->check) &&
           text_from_hex(check, strlen(check), ret->check) &&
           bytes_of(root, "nonce", ret->nonce, sizeof(ret->nonce)) &&
           bytes_of(root, "wrapped_key", ret->bytes, sizeof(ret->bytes));
}

struct cipher *envelope_get(struct store *store, const char *key, const struct cipher_kek *kek,
                            struct err *err)
{
    struct buf name = BUF_INIT, json = BUF_INIT;
    struct json_object *root = NULL;
    struct cipher_wrapped wrapped;
    struct cipher *cipher = NULL;

    key_envelope(key, kek->id, &name);
    if (!store_get(store, buf_str(&name), 0, UINT64_MAX, &json, err))
        goto out;
    root = json_parse(buf_str(&json), json.len, buf_str(&name), err);
    if (!root)
        goto out;
    if (read_wrapped(root, &wrapped))
        cipher = cipher_unwrap(json_opt_str(root, "batch_id", ""), kek, &wrapped, err);
    else
        err_set(err, ERR_DATA, "the wrapped data key cannot be read");
    if (!cipher)
        err_in(err, "%s", buf_str(&name));
out:
    json_object_put(root);
    buf_done(&name);
    buf_done(&json);
    return cipher;
}

struct listing {
    envelope_each each;
    void *state;
    struct buf id;
};

static bool list_one(const struct store_object *object, void *state, struct err *err)
{
    struct listing *l = state;

    return !key_envelope_id(object->key, &l->id) ||
           l->each(buf_str(&l->id), object->key, l->state, err);
}

bool envelope_list(struct store *store, const char *key, envelope_each each, void *state,
                   struct err *err)
{
    struct listing l = {.each = each, .state = state};
    struct buf prefix = BUF_INIT;

    key_envelope(key, "", &prefix); /* "....key..json" */
    buf_reset(&l.id);
    prefix.len -= strlen(".json");
    prefix.data[prefix.len] = '\0';
    bool ok = store_list(store, buf_str(&prefix), NULL, list_one, &l, err);
    buf_done(&prefix);
    buf_done(&l.id);
    return ok;
}
