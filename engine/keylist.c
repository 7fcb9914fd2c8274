/* SPDX-License-Identifier: PostgreSQL */
#include "keylist.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "row/decode.h"

struct keylist {
    const struct shape *shape;
    struct decoder *decoder;
    struct buf *columns; /* one array literal a key column */
    const char **arrays; /* of keylist_end */
    size_t count;
};

struct keylist *keylist_new(const struct shape *shape, struct err *err)
{
    struct keylist *l = mem_alloc(sizeof(*l));

    l->shape = shape;
    l->columns = mem_alloc(shape->key_count * sizeof(*l->columns));
    l->arrays = mem_alloc(shape->key_count * sizeof(*l->arrays));
    l->decoder = decoder_new(shape, err);
    if (l->decoder)
        return l;
    keylist_free(l);
    return NULL;
}

void keylist_free(struct keylist *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->shape->key_count; i++)
        buf_done(&list->columns[i]);
    free(list->columns);
    free(list->arrays);
    decoder_free(list->decoder);
    free(list);
}

static void add_element(struct buf *array, const char *text)
{
    buf_addc(array, array->len == 0 ? '{' : ',');
    buf_addc(array, '"');
    for (const char *c = text; *c; c++) {
        if (*c == '"' || *c == '\\')
            buf_addc(array, '\\');
        buf_addc(array, *c);
    }
    buf_addc(array, '"');
}

static bool add_part(struct keylist *l, size_t i, struct json_object *part, struct err *err)
{
    const struct type *type = l->shape->columns[l->shape->key_columns[i]].type;
    const char *json = json_object_to_json_string_ext(part, JSON_C_TO_STRING_NOSLASHESCAPE);
    struct buf text = BUF_INIT;
    bool null;
    bool ok = decode_value(l->decoder, type, json, strlen(json), &text, &null, err);

    if (ok)
        add_element(&l->columns[i], buf_str(&text));
    buf_done(&text);
    return ok;
}

bool keylist_add(struct keylist *list, const char *key_json, size_t len, struct err *err)
{
    size_t count = list->shape->key_count;
    struct buf wrapped = BUF_INIT;
    bool ok = true;

    /* json-c parses documents, so a bare value is wrapped; a composite key already is an array. */
    buf_addf(&wrapped, count == 1 ? "[%.*s]" : "%.*s", (int)len, key_json);
    struct json_object *parts = json_parse(buf_str(&wrapped), wrapped.len, "manifest key", err);
    buf_done(&wrapped);
    if (!parts)
        return false;
    if (!json_object_is_type(parts, json_type_array) || json_object_array_length(parts) != count)
        ok = err_set(err, ERR_DATA,
                     "a key of the manifest has another number of columns than the table's key");
    for (size_t i = 0; ok && i < count; i++)
        ok = add_part(list, i, json_object_array_get_idx(parts, i), err);
    json_object_put(parts);
    list->count += ok;
    return ok;
}

size_t keylist_count(const struct keylist *list)
{
    return list->count;
}

const char *const *keylist_end(struct keylist *list)
{
    for (size_t i = 0; i < list->shape->key_count; i++) {
        struct buf *array = &list->columns[i];
        buf_adds(array, array->len == 0 ? "{}" : "}");
        list->arrays[i] = array->data;
    }
    return list->arrays;
}

void keylist_reset(struct keylist *list)
{
    for (size_t i = 0; i < list->shape->key_count; i++)
        buf_reset(&list->columns[i]);
    list->count = 0;
}
