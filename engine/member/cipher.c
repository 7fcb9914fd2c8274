/* SPDX-License-Identifier: PostgreSQL */
#include "member/cipher.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "base/text.h"

/* OpenSSL counts in int. */
#define UPDATE_BYTES ((size_t)1 << 30)
#define BATCH_ID_MAX 64

struct cipher {
    uint8_t key[CIPHER_KEY_BYTES];
    char batch_id[BATCH_ID_MAX + 1];
};

/* --- AES-256-GCM --- */

struct job {
    const uint8_t *key, *nonce;
    const char *aad;
    const uint8_t *in;
    size_t len;
    uint8_t *out;
    uint8_t *tag; /* sealing: written; opening: what it has to be */
    bool seal;
};

static bool update(EVP_CIPHER_CTX *ctx, const struct job *j)
{
    int out;

    for (size_t at = 0; at < j->len;) {
        size_t part = j->len - at < UPDATE_BYTES ? j->len - at : UPDATE_BYTES;
        if (EVP_CipherUpdate(ctx, j->out + at, &out, j->in + at, (int)part) != 1)
            return false;
        at += part;
    }
    return true;
}

static bool cannot(struct err *err, bool seal)
{
    err_set(err, ERR_RESOURCE, seal ? "cannot encrypt" : "cannot decrypt");
    return err_why(err, "libcrypto refuses AES-256-GCM");
}

/* *ret_genuine is false where opening found another tag: `out` is then not to be used. */
static bool gcm(const struct job *j, bool *ret_genuine, struct err *err)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    uint8_t rest[CIPHER_TAG_BYTES];
    int out;
    bool ok =
        ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, j->key, j->nonce, j->seal) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &out, (const uint8_t *)j->aad, (int)strlen(j->aad)) == 1 &&
        update(ctx, j);

    if (ok && !j->seal)
        ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, CIPHER_TAG_BYTES, j->tag) == 1;
    *ret_genuine = ok && EVP_CipherFinal_ex(ctx, rest, &out) == 1;
    if (ok && j->seal)
        ok = *ret_genuine &&
             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, CIPHER_TAG_BYTES, j->tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok || cannot(err, j->seal);
}

/* --- sealing and opening --- */

struct cipher *cipher_new(const char *batch_id, struct err *err)
{
    struct cipher *c = mem_alloc(sizeof(*c));

    snprintf(c->batch_id, sizeof(c->batch_id), "%s", batch_id);
    if (RAND_priv_bytes(c->key, sizeof(c->key)) == 1)
        return c;
    cipher_free(c);
    err_set(err, ERR_RESOURCE, "cannot make a data key");
    err_why(err, "libcrypto has no random bytes");
    return NULL;
}

void cipher_free(struct cipher *cipher)
{
    if (!cipher)
        return;
    OPENSSL_cleanse(cipher, sizeof(*cipher));
    free(cipher);
}

const char *cipher_batch_id(const struct cipher *cipher)
{
    return cipher->batch_id;
}

bool cipher_equal(const struct cipher *a, const struct cipher *b)
{
    return strcmp(a->batch_id, b->batch_id) == 0 &&
           CRYPTO_memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static void place_nonce(struct cipher_place place, uint8_t nonce[CIPHER_NONCE_BYTES])
{
    memset(nonce, 0, 4);
    nonce[3] = (uint8_t)place.stream;
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(place.at >> (56 - 8 * i));
}

static void place_aad(const struct cipher *c, struct cipher_place place, char *aad, size_t size)
{
    static const char *const names[] = {
        [CIPHER_MEMBER] = "member", [CIPHER_MANIFEST] = "manifest", [CIPHER_INDEX] = "index"};

    snprintf(aad, size, "archiver-tui 3 batch=%s %s=%" PRIu64, c->batch_id, names[place.stream],
             place.at);
}

bool cipher_seal(const struct cipher *c, struct cipher_place place, const void *bytes, size_t len,
                 struct buf *ret, struct err *err)
{
    uint8_t nonce[CIPHER_NONCE_BYTES];
    char aad[200];
    bool genuine;

    if (!buf_reserve(ret, len + CIPHER_TAG_BYTES, err))
        return false;
    uint8_t *out = (uint8_t *)ret->data + ret->len;
    struct job job = {.key = c->key,
                      .nonce = nonce,
                      .aad = aad,
                      .in = bytes,
                      .len = len,
                      .out = out,
                      .tag = out + len,
                      .seal = true};

    place_nonce(place, nonce);
    place_aad(c, place, aad, sizeof(aad));
    if (!gcm(&job, &genuine, err))
        return false;
    ret->len += len + CIPHER_TAG_BYTES;
    ret->data[ret->len] = '\0';
    return true;
}

bool cipher_open(const struct cipher *c, struct cipher_place place, const void *sealed, size_t len,
                 struct buf *ret, struct err *err)
{
    uint8_t nonce[CIPHER_NONCE_BYTES], tag[CIPHER_TAG_BYTES];
    char aad[200];
    bool genuine;

    if (len < CIPHER_TAG_BYTES)
        return err_set(err, ERR_DATA, "what is sealed is cut short");
    len -= CIPHER_TAG_BYTES;
    if (!buf_reserve(ret, len, err))
        return false;
    memcpy(tag, (const uint8_t *)sealed + len, sizeof(tag));
    struct job job = {.key = c->key,
                      .nonce = nonce,
                      .aad = aad,
                      .in = sealed,
                      .len = len,
                      .out = (uint8_t *)ret->data + ret->len,
                      .tag = tag};
    place_nonce(place, nonce);
    place_aad(c, place, aad, sizeof(aad));
    if (!gcm(&job, &genuine, err))
        return false;
    if (!genuine) {
        ret->data[ret->len] = '\0';
        err_set(err, ERR_DATA, "what is sealed was changed");
        return err_why(err, "its tag is not that of its bytes, place and batch");
    }
    ret->len += len;
    ret->data[ret->len] = '\0';
    return true;
}

/* --- key-encryption keys --- */

bool cipher_kek_from(const char *id, const char *text, size_t len, struct cipher_kek *ret,
                     struct err *err)
{
    struct buf plain = BUF_INIT;
    bool ok = false;

    *ret = (struct cipher_kek){0};
    snprintf(ret->id, sizeof(ret->id), "%s", id);
    if (len == 2 * CIPHER_KEY_BYTES) {
        ok = text_from_hex(text, len, ret->key);
    } else if (buf_reserve(&plain, len, err) && text_from_base64(&plain, text, len) &&
               plain.len == CIPHER_KEY_BYTES) {
        memcpy(ret->key, plain.data, CIPHER_KEY_BYTES);
        ok = true;
    }
    if (plain.data)
        OPENSSL_cleanse(plain.data, plain.cap);
    buf_done(&plain);
    if (ok)
        return true;
    err_set(err, ERR_CONFIG, "the encryption key \"%s\" is not 32 bytes", id);
    err_why(err, "64 hex digits or base64 are expected");
    return err_hint(err, "`openssl rand -hex 32` makes one");
}

static void check_value(const struct cipher_kek *kek, uint8_t ret[8])
{
    static const uint8_t text[] = "archiver-tui 3 key check";
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    HMAC(EVP_sha256(), kek->key, sizeof(kek->key), text, sizeof(text) - 1, mac, &len);
    memcpy(ret, mac, 8);
}

static void wrap_aad(const char *batch_id, const struct cipher_kek *kek, char *aad, size_t size)
{
    snprintf(aad, size, "archiver-tui 3 batch=%s key=%s", batch_id, kek->id);
}

bool cipher_wrap(const struct cipher *c, const struct cipher_kek *kek, struct cipher_wrapped *ret,
                 struct err *err)
{
    char aad[200];
    bool genuine;
    struct job job = {.key = kek->key,
                      .nonce = ret->nonce,
                      .aad = aad,
                      .in = c->key,
                      .len = sizeof(c->key),
                      .out = ret->bytes,
                      .tag = ret->bytes + sizeof(c->key),
                      .seal = true};

    if (RAND_bytes(ret->nonce, sizeof(ret->nonce)) != 1)
        return cannot(err, true);
    wrap_aad(c->batch_id, kek, aad, sizeof(aad));
    check_value(kek, ret->check);
    return gcm(&job, &genuine, err);
}

struct cipher *cipher_unwrap(const char *batch_id, const struct cipher_kek *kek,
                             const struct cipher_wrapped *wrapped, struct err *err)
{
    struct cipher *c = mem_alloc(sizeof(*c));
    uint8_t tag[CIPHER_TAG_BYTES], check[8];
    char aad[200];
    bool genuine = false;
    struct job job = {.key = kek->key,
                      .nonce = wrapped->nonce,
                      .aad = aad,
                      .in = wrapped->bytes,
                      .len = sizeof(c->key),
                      .out = c->key,
                      .tag = tag};

    snprintf(c->batch_id, sizeof(c->batch_id), "%s", batch_id);
    memcpy(tag, wrapped->bytes + sizeof(c->key), sizeof(tag));
    wrap_aad(c->batch_id, kek, aad, sizeof(aad));
    check_value(kek, check);
    if (memcmp(check, wrapped->check, sizeof(check)) != 0) {
        err_set(err, ERR_PREFLIGHT,
                "key \"%s\" of the configuration is not the one it was sealed with", kek->id);
        err_why(err, "the key check value is another");
    } else if (gcm(&job, &genuine, err) && !genuine) {
        err_set(err, ERR_DATA, "the wrapped data key was changed");
        err_why(err, "key \"%s\" is the right one, but the tag is not that of its bytes", kek->id);
    }
    if (genuine)
        return c;
    cipher_free(c);
    return NULL;
}
