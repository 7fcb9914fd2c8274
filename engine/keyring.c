/* SPDX-License-Identifier: PostgreSQL
 *
 * Invariants of a rewrap, at every point that it can be killed at:
 *   1. The data key is in an envelope that a key of the configuration opens.
 *   2. An envelope is removed only after the new one was read back from the store and gave the same
 *      data key.
 *   3. Nothing is overwritten: an envelope that is there already was put by an earlier attempt.
 */
#include "keyring.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/fault.h"
#include "catalog/envelope.h"
#include "catalog/key.h"
#include "catalog/sealed.h"
#include "config/secret.h"

enum fetched { NOT_YET, FETCHED, FAILED };

struct slot {
    const struct config_key *config;
    enum fetched fetched;
    struct cipher_kek kek;
    struct err why; /* FAILED */
    uint64_t opened;
};

struct keyring {
    pthread_mutex_t lock; /* of what the slots have fetched and opened */
    bool encrypts;
    struct slot *slots; /* the configuration's own key first, where it has one */
    size_t count;
};

struct keyring *keyring_new(const struct config *config)
{
    const struct config_encryption *e = &config->encryption;
    struct keyring *k = mem_alloc(sizeof(*k));

    pthread_mutex_init(&k->lock, NULL);
    k->encrypts = e->enabled;
    k->slots = mem_alloc((e->previous_count + 1) * sizeof(*k->slots));
    if (e->key.id)
        k->slots[k->count++].config = &e->key;
    for (size_t i = 0; i < e->previous_count; i++)
        k->slots[k->count++].config = &e->previous[i];
    return k;
}

void keyring_free(struct keyring *keyring)
{
    if (!keyring)
        return;
    for (size_t i = 0; i < keyring->count; i++)
        explicit_bzero(&keyring->slots[i].kek, sizeof(keyring->slots[i].kek));
    pthread_mutex_destroy(&keyring->lock);
    free(keyring->slots);
    free(keyring);
}

const char *keyring_id(const struct keyring *k)
{
    return k->encrypts ? k->slots[0].config->id : NULL;
}

const struct config_key *keyring_key(const struct keyring *k, size_t i)
{
    return i < k->count ? k->slots[i].config : NULL;
}

uint64_t keyring_opened(const struct keyring *k, size_t i)
{
    return k->slots[i].opened;
}

/* --- fetching --- */

static bool fetch(struct slot *s, struct err *err)
{
    struct buf text = BUF_INIT;

    if (s->fetched == FETCHED)
        return true;
    if (s->fetched == FAILED) {
        *err = s->why;
        return false;
    }
    bool ok = secret_key(s->config, &text, err) &&
              cipher_kek_from(s->config->id, buf_str(&text), text.len, &s->kek, err);
    secret_done(&text);
    s->fetched = ok ? FETCHED : FAILED;
    if (!ok)
        s->why = *err;
    return ok;
}

bool keyring_fetch(struct keyring *k, size_t i, struct err *err)
{
    pthread_mutex_lock(&k->lock);
    bool ok = fetch(&k->slots[i], err);
    pthread_mutex_unlock(&k->lock);
    return ok;
}

static bool fetch_slot(struct keyring *k, struct slot *s, struct err *err)
{
    return keyring_fetch(k, (size_t)(s - k->slots), err);
}

bool keyring_ready(struct keyring *k, struct err *err)
{
    return !k->encrypts || keyring_fetch(k, 0, err);
}

static struct slot *slot_of(struct keyring *k, const char *id)
{
    for (size_t i = 0; i < k->count; i++) {
        if (strcmp(k->slots[i].config->id, id) == 0)
            return &k->slots[i];
    }
    return NULL;
}

/* --- sealing and opening --- */

bool keyring_seal(struct keyring *k, struct store *store, const char *key,
                  const struct cipher *cipher, struct err *err)
{
    return keyring_fetch(k, 0, err) && envelope_put(store, key, cipher, &k->slots[0].kek, err);
}

static struct cipher *open_with(struct keyring *k, struct slot *s, struct store *store,
                                const char *key, struct err *err)
{
    struct cipher *cipher = fetch_slot(k, s, err) ? envelope_get(store, key, &s->kek, err) : NULL;

    pthread_mutex_lock(&k->lock);
    s->opened += cipher != NULL;
    pthread_mutex_unlock(&k->lock);
    return cipher;
}

struct search {
    struct keyring *keyring;
    struct slot *known; /* of the envelopes that are there, one that a key of ours opens */
    struct buf unknown; /* ids of the others, for people */
};

static bool look_at(const char *id, const char *key, void *state, struct err *err)
{
    struct search *s = state;
    struct slot *slot = slot_of(s->keyring, id);

    (void)key;
    (void)err;
    if (slot)
        s->known = slot;
    else
        buf_addf(&s->unknown, "%s\"%s\"", s->unknown.len ? ", " : "", id);
    return true;
}

static void say_missing(const struct search *s, const char *key, struct err *err)
{
    if (s->unknown.len > 0) {
        err_set(err, ERR_PREFLIGHT,
                "it is encrypted with key %s, which the configuration does not have",
                buf_str(&s->unknown));
        err_hint(err, "encryption.previous_keys takes it");
    } else {
        err_set(err, ERR_DATA, "it is encrypted, and its data key is gone");
        err_why(err, "there is no .key.{id}.json beside it");
        err_hint(err, "look for a version of it in the bucket");
    }
    err_in(err, "%s", key);
}

static struct cipher *open_by_list(struct keyring *k, struct store *store, const char *key,
                                   struct err *err)
{
    struct search s = {.keyring = k};
    struct cipher *cipher = NULL;

    if (!envelope_list(store, key, look_at, &s, err))
        goto out;
    if (s.known)
        cipher = open_with(k, s.known, store, key, err);
    else
        say_missing(&s, key, err);
out:
    buf_done(&s.unknown);
    return cipher;
}

/* The name that is most likely costs one request. What the listing names may be gone when it is
 * asked for, since it was rewrapped in between: then there is a new one. */
static struct cipher *open_envelope(struct keyring *k, struct store *store, const char *key,
                                    struct err *err)
{
    struct cipher *cipher = NULL;
    struct err why = {.kind = ERR_NOT_FOUND}; /* what was tried in vain is nobody's error */

    if (k->count > 0 && keyring_fetch(k, 0, &why))
        cipher = open_with(k, &k->slots[0], store, key, &why);
    else
        why.kind = ERR_NOT_FOUND; /* another may do */
    for (int i = 0; !cipher && i < 2 && why.kind == ERR_NOT_FOUND; i++)
        cipher = open_by_list(k, store, key, &why);
    if (!cipher)
        *err = why;
    return cipher;
}

struct cipher *keyring_cipher(struct keyring *k, struct store *store, const char *key,
                              bool *ret_encrypted, struct err *err)
{
    *ret_encrypted = key_is_encrypted(key);
    return *ret_encrypted ? open_envelope(k, store, key, err) : NULL;
}

bool keyring_open(struct keyring *k, struct store *store, const char *key,
                  struct metadata *metadata, struct err *err)
{
    if (!metadata->key_id || metadata->cipher)
        return true;
    struct cipher *cipher = open_envelope(k, store, key, err);
    if (!cipher)
        return false;
    return sealed_open(metadata, cipher, err) || err_in(err, "%s", key);
}

/* --- another key --- */

struct others {
    struct keyring *keyring;
    const char *keys[64];
    size_t count;
    struct arena *arena;
    bool current; /* there is an envelope of the key that encrypts */
};

/* Only those of keys that the configuration gives up: one of a key it does not know is somebody
 * else's way in. */
static bool note_other(const char *id, const char *key, void *state, struct err *err)
{
    struct others *o = state;
    const struct slot *slot = slot_of(o->keyring, id);

    (void)err;
    if (slot == &o->keyring->slots[0])
        o->current = true;
    else if (slot && o->count < sizeof(o->keys) / sizeof(o->keys[0]))
        o->keys[o->count++] = arena_strdup(o->arena, key);
    return true;
}

static bool put_and_prove(struct keyring *k, struct store *store, const char *key,
                          const struct cipher *cipher, struct err *err)
{
    if (!fault_point("rewrap.put", err))
        return false;
    if (!keyring_seal(k, store, key, cipher, err) && err->kind != ERR_EXISTS)
        return false;
    if (!fault_point("rewrap.put.done", err))
        return false;
    struct cipher *again = envelope_get(store, key, &k->slots[0].kek, err);
    bool same = again && cipher_equal(again, cipher);
    if (again && !same)
        err_set(err, ERR_DATA, "the new envelope does not give the data key back");
    cipher_free(again);
    return same;
}

static bool rewrap(struct keyring *k, struct store *store, const char *key, struct others *o,
                   struct err *err)
{
    /* One that is there is opened too: what is damaged must not be the only one left. */
    struct cipher *cipher = o->current ? open_with(k, &k->slots[0], store, key, err)
                                       : open_envelope(k, store, key, err);
    bool ok = cipher && (o->current || put_and_prove(k, store, key, cipher, err));

    cipher_free(cipher);
    for (size_t i = 0; ok && i < o->count; i++)
        ok = fault_point("rewrap.remove", err) && store_remove(store, o->keys[i], err);
    return ok && fault_point("rewrap.done", err);
}

bool keyring_rewrap(struct keyring *k, struct store *store, const char *key, bool *ret_changed,
                    struct err *err)
{
    struct others others = {.keyring = k, .arena = arena_new()};
    bool ok = false;

    assert(k->encrypts);
    *ret_changed = false;
    if (fetch(&k->slots[0], err) && envelope_list(store, key, note_other, &others, err)) {
        *ret_changed = !others.current || others.count > 0;
        ok = !*ret_changed || rewrap(k, store, key, &others, err);
    }
    arena_free(others.arena);
    return ok;
}
