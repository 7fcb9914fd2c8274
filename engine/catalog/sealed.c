/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/sealed.h"

#include "base/json.h"
#include "base/text.h"

static const struct cipher_place place = {CIPHER_INDEX, 0};

/* --- out --- */

static void add_key(struct json_out *j, const char *key)
{
    if (key)
        json_add_raw(j, key, strlen(key));
    else
        json_add_null(j);
}

static void add_digest(struct json_out *j, const uint8_t digest[32])
{
    char hex[65];

    text_hex(digest, 32, hex);
    json_add_str(j, hex);
}

static void write_index(const struct metadata *m, struct buf *ret)
{
    struct json_out j = json_out(ret, 0);

    json_begin_object(&j);
    json_key(&j, "record_count");
    json_add_uint(&j, m->record_count);
    json_key(&j, "jsonl_sha256");
    add_digest(&j, m->lines_sha256);
    json_key(&j, "key_range");
    json_begin_array(&j);
    add_key(&j, metadata_min_key(m));
    add_key(&j, metadata_max_key(m));
    json_end(&j);
    json_key(&j, "members");
    json_begin_array(&j);
    for (size_t i = 0; i < m->member_count; i++) {
        json_begin_array(&j);
        add_digest(&j, m->members[i].sha256);
        add_key(&j, m->members[i].min_key);
        add_key(&j, m->members[i].max_key);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
}

bool sealed_write(const struct metadata *m, struct buf *ret_base64, struct err *err)
{
    struct buf json = BUF_INIT, sealed = BUF_INIT;

    write_index(m, &json);
    buf_reset(ret_base64);
    bool ok = cipher_seal(m->cipher, place, json.data, json.len, &sealed, err);
    if (ok)
        text_base64(ret_base64, (const uint8_t *)sealed.data, sealed.len);
    buf_done(&json);
    buf_done(&sealed);
    return ok;
}

/* --- back --- */

static bool contradicts(struct err *err, const char *what)
{
    err_set(err, ERR_DATA, "metadata is damaged");
    return err_why(err, "its %s is not what the sealed index says", what);
}

static bool take_digest(struct json_object *o, uint8_t ret[32])
{
    return o && json_object_is_type(o, json_type_string) && json_object_get_string_len(o) == 64 &&
           text_from_hex(json_object_get_string(o), 64, ret);
}

static char *take_key(struct arena *arena, struct json_object *o)
{
    int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

    return o ? arena_strdup(arena, json_object_to_json_string_ext(o, flags)) : NULL;
}

static struct json_object *at(struct json_object *array, size_t i)
{
    return json_object_is_type(array, json_type_array) ? json_object_array_get_idx(array, i) : NULL;
}

static bool take_index(struct metadata *m, struct json_object *root, struct err *err)
{
    struct json_object *keys = json_opt(root, "key_range"), *members = json_opt(root, "members");

    if (json_opt_int(root, "record_count", -1) != (int64_t)m->record_count)
        return contradicts(err, "number of rows");
    if (!members || !json_object_is_type(members, json_type_array) ||
        json_object_array_length(members) != m->member_count)
        return contradicts(err, "number of members");
    if (!take_digest(json_opt(root, "jsonl_sha256"), m->lines_sha256))
        return contradicts(err, "digest");
    m->min_key = take_key(m->arena, at(keys, 0));
    m->max_key = take_key(m->arena, at(keys, 1));
    for (size_t i = 0; i < m->member_count; i++) {
        struct json_object *member = at(members, i);
        if (!take_digest(at(member, 0), m->members[i].sha256))
            return contradicts(err, "digest");
        m->members[i].min_key = take_key(m->arena, at(member, 1));
        m->members[i].max_key = take_key(m->arena, at(member, 2));
    }
    return true;
}

static bool open_index(struct metadata *m, const struct cipher *cipher, struct err *err)
{
    struct buf sealed = BUF_INIT, json = BUF_INIT;
    struct json_object *root = NULL;
    bool ok = false;

    if (strcmp(cipher_batch_id(cipher), m->batch_id) != 0) {
        err_set(err, ERR_DATA, "the wrapped data key is another batch's");
        goto out;
    }
    if (!text_from_base64(&sealed, m->sealed_index, strlen(m->sealed_index))) {
        err_set(err, ERR_DATA, "the sealed index is no base64");
        goto out;
    }
    if (!cipher_open(cipher, place, buf_str(&sealed), sealed.len, &json, err)) {
        if (err->kind == ERR_DATA)
            err_set(err, ERR_DATA, "the sealed index was changed");
        goto out;
    }
    root = json_parse(buf_str(&json), json.len, "the sealed index", err);
    ok = root && take_index(m, root, err);
out:
    json_object_put(root);
    buf_done(&sealed);
    buf_done(&json);
    return ok;
}

bool sealed_open(struct metadata *m, struct cipher *cipher, struct err *err)
{
    if (!open_index(m, cipher, err)) {
        cipher_free(cipher);
        return false;
    }
    m->cipher = cipher;
    return true;
}
