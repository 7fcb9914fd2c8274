/* SPDX-License-Identifier: PostgreSQL */
#include "runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"

static void add_prefix(const struct config *config, struct buf *key)
{
    buf_addf(key, "%s%s_runs/", config->s3.prefix, config->s3.prefix[0] ? "/" : "");
}

void runs_keep(struct store *store, const struct config *config, const char *name,
               const struct buf *json)
{
    struct buf key = BUF_INIT;
    struct err err;

    add_prefix(config, &key);
    buf_addf(&key, "%s.json", name);
    struct store_put_params params = {.key = buf_str(&key),
                                      .content_type = "application/json",
                                      .overwrite = true,
                                      .small = true};
    if (!store_put_bytes(store, &params, json->data, json->len, &err)) {
        err_in(&err, "report of %s", name);
        log_err(LOG_WARN, &err);
    }
    buf_done(&key);
}

bool runs_sweep(struct store *store, const struct config *config, uint64_t *swept, struct err *err)
{
    struct buf prefix = BUF_INIT;
    uint64_t removed = 0;

    add_prefix(config, &prefix);
    bool ok =
        store_sweep(store, buf_str(&prefix), config->s3.stale_upload_hours * 3600, &removed, err);
    *swept += removed;
    buf_done(&prefix);
    return ok;
}

/* --- back --- */

/* So many more are read, for runs that began in one second. */
#define SAME_SECOND 4

struct keys {
    char **items;
    size_t count;
};

static bool keep_key(const struct store_object *object, void *state, struct err *err)
{
    struct keys *keys = state;

    (void)err;
    keys->items = mem_grow(keys->items, (keys->count + 1) * sizeof(*keys->items));
    keys->items[keys->count++] = mem_strdup(object->key);
    return true;
}

static int64_t time_of(struct json_object *o, const char *name)
{
    const char *text = json_opt_str(o, name, "");
    int64_t us = 0;

    return text_to_time(text, strlen(text), &us) ? us : 0;
}

/* Of the run itself, or of its only table that has one. */
static const char *error_of(struct json_object *o)
{
    struct json_object *tables = json_opt(o, "tables");
    const char *message = json_opt_str(json_opt(o, "error"), "message", NULL);
    size_t count =
        json_object_is_type(tables, json_type_array) ? json_object_array_length(tables) : 0;

    for (size_t i = 0; i < count; i++) {
        struct json_object *table = json_object_array_get_idx(tables, i);
        const char *one = json_opt_str(json_opt(table, "error"), "message", NULL);
        if (one && message)
            return "";
        message = one ? one : message;
    }
    return message ? message : "";
}

static void take_tables(struct json_object *tables, struct runs_past *ret)
{
    size_t count =
        json_object_is_type(tables, json_type_array) ? json_object_array_length(tables) : 0;

    ret->tables = mem_alloc((count + 1) * sizeof(*ret->tables));
    for (ret->table_count = 0; ret->table_count < count; ret->table_count++) {
        struct json_object *o = json_object_array_get_idx(tables, ret->table_count);
        struct runs_table *t = &ret->tables[ret->table_count];
        snprintf(t->database, sizeof(t->database), "%s", json_opt_str(o, "database", ""));
        snprintf(t->schema, sizeof(t->schema), "%s", json_opt_str(o, "schema", ""));
        snprintf(t->table, sizeof(t->table), "%s", json_opt_str(o, "table", ""));
        snprintf(t->status, sizeof(t->status), "%s", json_opt_str(o, "status", ""));
        t->rows = json_opt_int(o, "records_archived", 0);
    }
}

static void take(struct json_object *o, struct runs_past *ret)
{
    const char *restore_id = json_opt_str(o, "restore_id", NULL);
    struct json_object *archives = json_opt(o, "archives");
    bool restore = restore_id != NULL;

    snprintf(ret->run_id, sizeof(ret->run_id), "%s",
             restore ? restore_id : json_opt_str(o, "run_id", ""));
    snprintf(ret->kind, sizeof(ret->kind), "%s", restore ? "restore" : "archive");
    snprintf(ret->status, sizeof(ret->status), "%s", json_opt_str(o, "status", ""));
    snprintf(ret->error, sizeof(ret->error), "%s", error_of(o));
    ret->started_us = time_of(o, "started_at");
    ret->ended_us = time_of(o, "ended_at");
    ret->rows = restore ? json_opt_int(o, "records_restored", 0) + json_opt_int(o, "updated", 0)
                        : json_opt_int(o, "records_archived", -1);
    ret->bytes = (uint64_t)json_opt_int(o, restore ? "bytes_fetched" : "bytes_uploaded", 0);
    ret->batches = json_opt_int(o, "batches", -1);
    if (!restore)
        take_tables(json_opt(o, "tables"), ret);
    if (restore && json_object_is_type(archives, json_type_array))
        ret->batches = (int64_t)json_object_array_length(archives);
}

/* False only where the store fails. */
static bool read_one(struct store *store, const char *key, struct runs_list *list, struct err *err)
{
    struct buf bytes = BUF_INIT;
    struct json_object *o = NULL;
    bool ok = store_get(store, key, 0, UINT64_MAX, &bytes, err);

    if (ok)
        o = json_parse(buf_str(&bytes), bytes.len, key, err);
    if (o)
        take(o, &list->items[list->count++]);
    else if (ok)
        log_err(LOG_WARN, err);
    json_object_put(o);
    buf_done(&bytes);
    return ok || err->kind == ERR_NOT_FOUND;
}

static int newest_first(const void *a, const void *b)
{
    int64_t one = ((const struct runs_past *)a)->started_us;
    int64_t other = ((const struct runs_past *)b)->started_us;

    return (other > one) - (other < one);
}

bool runs_read(struct store *store, const struct config *config, size_t most,
               struct runs_list *ret_list, struct err *err)
{
    struct buf prefix = BUF_INIT;
    struct keys keys = {0};

    *ret_list = (struct runs_list){0};
    add_prefix(config, &prefix);
    bool ok = store_list(store, buf_str(&prefix), NULL, keep_key, &keys, err);
    /* Names begin with the second, so the newest stand last, but for those of one second. */
    size_t count = most > 0 && most + SAME_SECOND < keys.count ? most + SAME_SECOND : keys.count;
    ret_list->items = mem_alloc((count + 1) * sizeof(*ret_list->items));
    for (size_t i = 0; ok && i < count; i++)
        ok = read_one(store, keys.items[keys.count - 1 - i], ret_list, err);
    qsort(ret_list->items, ret_list->count, sizeof(*ret_list->items), newest_first);
    while (most > 0 && ret_list->count > most)
        free(ret_list->items[--ret_list->count].tables);
    for (size_t i = 0; i < keys.count; i++)
        free(keys.items[i]);
    free(keys.items);
    buf_done(&prefix);
    return ok;
}

static bool get_report(struct store *store, const struct config *config, const char *run_id,
                       const char *ending, struct buf *ret_json, struct err *err)
{
    struct buf key = BUF_INIT;

    add_prefix(config, &key);
    buf_addf(&key, "%s%s", run_id, ending);
    bool ok = store_get(store, buf_str(&key), 0, UINT64_MAX, ret_json, err);
    buf_done(&key);
    return ok;
}

bool runs_report(struct store *store, const struct config *config, const char *run_id,
                 struct buf *ret_json, struct err *err)
{
    struct err missing, other;

    if (get_report(store, config, run_id, ".json", ret_json, &missing))
        return true;
    if (missing.kind == ERR_NOT_FOUND && /* a restore's ends otherwise */
        get_report(store, config, run_id, "-restore.json", ret_json, &other))
        return true;
    *err = missing;
    return err_in(err, "report of %s", run_id);
}

void runs_list_done(struct runs_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].tables);
    free(list->items);
    *list = (struct runs_list){0};
}
