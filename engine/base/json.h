/* SPDX-License-Identifier: PostgreSQL
 *
 * JSON out without a tree, JSON in as a json-c tree with typed getters that say what is missing.
 *
 * The writer adds to a struct buf and places commas itself:
 *   struct json_out j = json_out(&buf, indent); json_begin_object(&j); json_key(&j, "a");
 * json_add_int(&j, 1); json_end(&j); Not for rows: row/encode and row/decode have their own, faster
 * code.
 *
 * Threads: one thread at a time per writer or tree.
 */
#ifndef ARCHIVER_BASE_JSON_H
#define ARCHIVER_BASE_JSON_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 64

struct json_out {
    struct buf *buf;
    int indent; /* spaces a level; 0: one line */
    int depth;
    bool first[JSON_DEPTH_MAX]; /* nothing yet in this level */
    char close[JSON_DEPTH_MAX]; /* } or ] */
    bool after_key;
};

struct json_out json_out(struct buf *buf, int indent);
void json_begin_object(struct json_out *j);
void json_begin_array(struct json_out *j);
void json_end(struct json_out *j); /* ends the innermost object or array */
void json_key(struct json_out *j, const char *key);
void json_add_str(struct json_out *j, const char *text); /* NULL writes null */
void json_add_strn(struct json_out *j, const char *text, size_t len);
void json_add_int(struct json_out *j, int64_t value);
void json_add_uint(struct json_out *j, uint64_t value);
void json_add_real(struct json_out *j, double value, int decimals);
void json_add_bool(struct json_out *j, bool value);
void json_add_null(struct json_out *j);
void json_add_raw(struct json_out *j, const char *json,
                  size_t len); /* a whole JSON value, as it is */
/* key and value in one call */
void json_put_str(struct json_out *j, const char *key, const char *text);
void json_put_int(struct json_out *j, const char *key, int64_t value);
void json_put_real(struct json_out *j, const char *key, double value, int decimals);
void json_put_bool(struct json_out *j, const char *key, bool value);
void json_put_time(struct json_out *j, const char *key, int64_t us); /* ISO, UTC */
/* An object of code, message, where, why, hint; null where the kind is ERR_NONE. */
void json_put_err(struct json_out *j, const char *key, const struct err *err);

/* Adds text as a JSON string with its quotes (UTF-8 kept raw, controls escaped). */
void json_quote(struct buf *buf, const char *text, size_t len);

/* Parses one whole document; `name` is what an error calls it. Free with json_object_put. */
struct json_object *json_parse(const char *text, size_t len, const char *name, struct err *err);
/* Getters: `path` is one key. The opt_ forms leave *ret as it is where the key is absent or null.
 */
bool json_get(struct json_object *o, const char *key, struct json_object **ret, struct err *err);
bool json_get_str(struct json_object *o, const char *key, const char **ret, struct err *err);
bool json_get_int(struct json_object *o, const char *key, int64_t *ret, struct err *err);
const char *json_opt_str(struct json_object *o, const char *key, const char *otherwise);
int64_t json_opt_int(struct json_object *o, const char *key, int64_t otherwise);
bool json_opt_bool(struct json_object *o, const char *key, bool otherwise);
struct json_object *json_opt(struct json_object *o,
                             const char *key); /* borrowed; NULL when absent */

/* A document as lines "name value"; what stands in another, indented. */
void json_add_lines(struct buf *text, struct json_object *object);

#endif
