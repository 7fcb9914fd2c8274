/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_json.h"

#include <strings.h>

#include "row/jsontext.h"

#define SPACE " \t\n"

void filter_json_done(struct filter_json *json)
{
    buf_done(&json->stack);
    buf_done(&json->key);
}

/* --- a path, once --- */

static struct filter_step step_of(struct filter_text key)
{
    struct filter_step step = {.key = key};
    struct filter_value value;
    struct err ignored;

    if (key.len > 0 && filter_value_read(FILTER_INT, key, NULL, &value, &ignored)) {
        step.has_position = true;
        step.position = value.integer;
    }
    return step;
}

/* One element of '{a,"b c"}'; what follows it, or NULL. */
static const char *take_element(const char *p, struct buf *element, bool *ret_quoted)
{
    buf_reset(element);
    p += strspn(p, SPACE);
    *ret_quoted = *p == '"';
    if (*ret_quoted) {
        for (p++; *p && *p != '"'; p++) {
            p += *p == '\\' && p[1];
            buf_addc(element, *p);
        }
        if (*p++ != '"')
            return NULL;
        return p + strspn(p, SPACE);
    }
    for (; *p && !strchr(",{}\"", *p); p++) {
        p += *p == '\\' && p[1];
        buf_addc(element, *p);
    }
    while (element->len > 0 && strchr(SPACE, element->data[element->len - 1]))
        element->len--;
    return element->len > 0 ? p : NULL;
}

bool filter_json_steps(struct filter_text path, struct arena *arena, struct filter_step **ret_steps,
                       size_t *ret_count)
{
    const char *p = path.at + strspn(path.at, SPACE);
    struct buf element = BUF_INIT;
    size_t count = 1;
    bool quoted, more = *p == '{';

    for (size_t i = 0; i < path.len; i++)
        count += path.at[i] == ',';
    *ret_steps = arena_alloc(arena, count * sizeof(**ret_steps));
    *ret_count = 0;
    if (more)
        p += 1 + strspn(p + 1, SPACE);
    while (more && (*p != '}' || *ret_count > 0)) {
        p = take_element(p, &element, &quoted);
        if (!p || (!quoted && strcasecmp(buf_str(&element), "null") == 0)) {
            buf_done(&element);
            return false;
        }
        struct filter_text key = {arena_strndup(arena, buf_str(&element), element.len),
                                  element.len};
        (*ret_steps)[(*ret_count)++] = step_of(key);
        more = *p == ',';
        p += more;
    }
    buf_done(&element);
    return *p == '}' && p[1 + strspn(p + 1, SPACE)] == '\0';
}

/* --- a value, every row --- */

/* Over one value; where it stands. */
static bool take_value(struct filter_json *json, struct jsontext *text, struct filter_text *ret,
                       struct err *err)
{
    jsontext_space(text);
    ret->at = text->at;
    if (!jsontext_skip(text, &json->stack, err))
        return false;
    ret->len = (size_t)(text->at - ret->at);
    return true;
}

/* Of two fields with one name the last one counts; jsonb has only that. */
static bool step_into_object(struct filter_json *json, const struct filter_step *step, bool binary,
                             struct jsontext *text, struct filter_text *ret, bool *ret_found,
                             struct err *err)
{
    struct filter_text name, value;

    if (!step->key.at || jsontext_take(text, '}'))
        return true;
    do {
        jsontext_space(text);
        if (!jsontext_string(text, &json->key, &name.at, &name.len, err))
            return false;
        if (!jsontext_take(text, ':'))
            return jsontext_bad(err, "a colon is due here");
        if (!take_value(json, text, &value, err))
            return false;
        if (name.len == step->key.len && memcmp(name.at, step->key.at, name.len) == 0) {
            *ret = value;
            *ret_found = true;
            if (binary)
                return true;
        }
    } while (jsontext_take(text, ','));
    return true;
}

static bool count_elements(struct filter_json *json, struct jsontext text, int64_t *ret_count,
                           struct err *err)
{
    struct filter_text value;

    do {
        if (!take_value(json, &text, &value, err))
            return false;
        ++*ret_count;
    } while (jsontext_take(&text, ','));
    return true;
}

static bool step_into_array(struct filter_json *json, const struct filter_step *step,
                            struct jsontext *text, struct filter_text *ret, bool *ret_found,
                            struct err *err)
{
    int64_t position = step->position, count = 0;
    struct filter_text value;

    if (!step->has_position || jsontext_take(text, ']'))
        return true;
    if (position < 0) {
        if (!count_elements(json, *text, &count, err))
            return false;
        position += count;
    }
    for (int64_t i = 0; position >= 0; i++) {
        if (!take_value(json, text, &value, err))
            return false;
        if (i == position) {
            *ret = value;
            return *ret_found = true;
        }
        if (!jsontext_take(text, ','))
            return true;
    }
    return true;
}

bool filter_json_step(struct filter_json *json, const struct filter_step *step, bool binary,
                      struct filter_text *value, bool *ret_found, struct err *err)
{
    struct jsontext text = {value->at, value->at + value->len};

    *ret_found = false;
    if (jsontext_take(&text, '{'))
        return step_into_object(json, step, binary, &text, value, ret_found, err);
    if (jsontext_take(&text, '['))
        return step_into_array(json, step, &text, value, ret_found, err);
    *ret_found = binary && !step->key.at && (step->position == 0 || step->position == -1);
    return true;
}

bool filter_json_text(struct filter_text json, struct buf *scratch, struct filter_value *ret,
                      struct err *err)
{
    struct jsontext text = {json.at, json.at + json.len};

    ret->null = false;
    ret->text = json;
    jsontext_space(&text);
    if (text.at < text.end && *text.at == '"')
        return jsontext_string(&text, scratch, &ret->text.at, &ret->text.len, err);
    ret->null = text.at < text.end && *text.at == 'n';
    return true;
}
