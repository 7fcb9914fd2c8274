/* SPDX-License-Identifier: PostgreSQL */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>
#include <math.h>

#include "base/text.h"

struct json_out json_out(struct buf *buf, int indent)
{
    return (struct json_out){.buf = buf, .indent = indent};
}

static void new_line(struct json_out *j)
{
    if (j->indent == 0)
        return;
    buf_addc(j->buf, '\n');
    for (int i = 0; i < j->depth * j->indent; i++)
        buf_addc(j->buf, ' ');
}

/* What comes before any value: nothing behind a key, else a comma and the line. */
static void before_value(struct json_out *j)
{
    if (j->after_key) {
        j->after_key = false;
        return;
    }
    if (j->depth == 0)
        return;
    if (!j->first[j->depth - 1])
        buf_addc(j->buf, ',');
    j->first[j->depth - 1] = false;
    new_line(j);
}

static void begin(struct json_out *j, char open, char close)
{
    before_value(j);
    assert(j->depth < JSON_DEPTH_MAX);
    buf_addc(j->buf, open);
    j->first[j->depth] = true;
    j->close[j->depth++] = close;
}

void json_begin_object(struct json_out *j)
{
    begin(j, '{', '}');
}

void json_begin_array(struct json_out *j)
{
    begin(j, '[', ']');
}

void json_end(struct json_out *j)
{
    assert(j->depth > 0);
    bool empty = j->first[--j->depth];

    if (!empty)
        new_line(j);
    buf_addc(j->buf, j->close[j->depth]);
    if (j->depth == 0 && j->indent > 0)
        buf_addc(j->buf, '\n');
}

void json_key(struct json_out *j, const char *key)
{
    before_value(j);
    json_quote(j->buf, key, strlen(key));
    buf_adds(j->buf, j->indent > 0 ? ": " : ":");
    j->after_key = true;
}

void json_add_strn(struct json_out *j, const char *text, size_t len)
{
    before_value(j);
    json_quote(j->buf, text, len);
}

void json_add_str(struct json_out *j, const char *text)
{
    if (text)
        json_add_strn(j, text, strlen(text));
    else
        json_add_null(j);
}

void json_add_int(struct json_out *j, int64_t value)
{
    before_value(j);
    buf_addf(j->buf, "%" PRId64, value);
}

void json_add_uint(struct json_out *j, uint64_t value)
{
    before_value(j);
    buf_addf(j->buf, "%" PRIu64, value);
}

void json_add_real(struct json_out *j, double value, int decimals)
{
    before_value(j);
    if (isfinite(value))
        buf_addf(j->buf, "%.*f", decimals, value);
    else
        buf_adds(j->buf, "null");
}

void json_add_bool(struct json_out *j, bool value)
{
    before_value(j);
    buf_adds(j->buf, value ? "true" : "false");
}

void json_add_null(struct json_out *j)
{
    before_value(j);
    buf_adds(j->buf, "null");
}

void json_add_raw(struct json_out *j, const char *json, size_t len)
{
    before_value(j);
    buf_add(j->buf, json, len);
}

void json_put_str(struct json_out *j, const char *key, const char *text)
{
    json_key(j, key);
    json_add_str(j, text);
}

void json_put_int(struct json_out *j, const char *key, int64_t value)
{
    json_key(j, key);
    json_add_int(j, value);
}

void json_put_real(struct json_out *j, const char *key, double value, int decimals)
{
    json_key(j, key);
    json_add_real(j, value, decimals);
}

void json_put_bool(struct json_out *j, const char *key, bool value)
{
    json_key(j, key);
    json_add_bool(j, value);
}

void json_put_time(struct json_out *j, const char *key, int64_t us)
{
    struct buf text = BUF_INIT;

    text_add_time(&text, us);
    json_put_str(j, key, buf_str(&text));
    buf_done(&text);
}

void json_put_err(struct json_out *j, const char *key, const struct err *err)
{
    json_key(j, key);
    if (err->kind == ERR_NONE) {
        json_add_null(j);
        return;
    }
    json_begin_object(j);
    json_put_str(j, "code", err_code(err->kind));
    json_put_str(j, "message", err->what);
    json_put_str(j, "where", err->where);
    json_put_str(j, "why", err->why);
    json_put_str(j, "hint", err->hint);
    json_end(j);
}

void json_quote(struct buf *buf, const char *text, size_t len)
{
    static const char short_forms[] = "btnvfr"; /* 0x08 .. 0x0d; \v has none in JSON */

    buf_addc(buf, '"');
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, text + start, i - start);
        start = i + 1;
        if (c == '"' || c == '\\')
            buf_addf(buf, "\\%c", c);
        else if (c >= 0x08 && c <= 0x0d && c != 0x0b)
            buf_addf(buf, "\\%c", short_forms[c - 0x08]);
        else
            buf_addf(buf, "\\u%04x", c);
    }
    buf_add(buf, text + start, len - start);
    buf_addc(buf, '"');
}

struct json_object *json_parse(const char *text, size_t len, const char *name, struct err *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    struct json_object *o = NULL;
    size_t used = 0;

    if (!tokener) {
        err_set(err, ERR_RESOURCE, "no memory to read %s", name);
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    if (len < INT32_MAX)
        o = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error state = json_tokener_get_error(tokener);
    used = json_tokener_get_parse_end(tokener);
    while (o && used < len && strchr(" \t\r\n", text[used]))
        used++;
    if (!o || state != json_tokener_success || used < len) {
        err_set(err, ERR_DATA, "%s is not JSON", name);
        err_why(err, "%s at byte %zu",
                state == json_tokener_success ? "something follows the document"
                                              : json_tokener_error_desc(state),
                used);
        json_object_put(o);
        o = NULL;
    }
    json_tokener_free(tokener);
    return o;
}

struct json_object *json_opt(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;

    if (json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, key, &value);
    return value;
}

bool json_get(struct json_object *o, const char *key, struct json_object **ret, struct err *err)
{
    *ret = json_opt(o, key);
    return *ret || err_set(err, ERR_DATA, "`%s` is missing", key);
}

bool json_get_str(struct json_object *o, const char *key, const char **ret, struct err *err)
{
    struct json_object *value;

    if (!json_get(o, key, &value, err))
        return false;
    if (!json_object_is_type(value, json_type_string))
        return err_set(err, ERR_DATA, "`%s` is not a string", key);
    *ret = json_object_get_string(value);
    return true;
}

bool json_get_int(struct json_object *o, const char *key, int64_t *ret, struct err *err)
{
    struct json_object *value;

    if (!json_get(o, key, &value, err))
        return false;
    if (!json_object_is_type(value, json_type_int))
        return err_set(err, ERR_DATA, "`%s` is not a whole number", key);
    *ret = json_object_get_int64(value);
    return true;
}

const char *json_opt_str(struct json_object *o, const char *key, const char *otherwise)
{
    struct json_object *value = json_opt(o, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : otherwise;
}

int64_t json_opt_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *value = json_opt(o, key);

    return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

bool json_opt_bool(struct json_object *o, const char *key, bool otherwise)
{
    struct json_object *value = json_opt(o, key);

    return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value)
                                                         : otherwise;
}

/* --- for people --- */

static void add_value(struct buf *text, const char *name, struct json_object *value, int depth)
{
    if (json_object_is_type(value, json_type_null))
        return;
    if (json_object_is_type(value, json_type_string))
        buf_addf(text, "%*s%-18s %s\n", depth * 2, "", name, json_object_get_string(value));
    else
        buf_addf(text, "%*s%-18s %s\n", depth * 2, "", name,
                 json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN));
}

static void add_lines(struct buf *text, struct json_object *object, int depth)
{
    json_object_object_foreach(object, name, value)
    {
        size_t n =
            json_object_is_type(value, json_type_array) ? json_object_array_length(value) : 0;
        if (json_object_is_type(value, json_type_object)) {
            buf_addf(text, "%*s%s\n", depth * 2, "", name);
            add_lines(text, value, depth + 1);
        } else if (n > 0 &&
                   json_object_is_type(json_object_array_get_idx(value, 0), json_type_object)) {
            for (size_t i = 0; i < n; i++) {
                buf_addf(text, "%*s%s %zu of %zu\n", depth * 2, "", name, i + 1, n);
                add_lines(text, json_object_array_get_idx(value, i), depth + 1);
            }
        } else {
            add_value(text, name, value, depth);
        }
    }
}

void json_add_lines(struct buf *text, struct json_object *object)
{
    add_lines(text, object, 0);
}
