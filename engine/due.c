/* SPDX-License-Identifier: PostgreSQL */
#include "due.h"

#include "base/json.h"
#include "base/text.h"

static void key_of_due(const struct key_table *table, struct buf *key)
{
    key_table_prefix(table, key);
    buf_adds(key, "vacuum-due.json");
}

static bool take(const struct buf *bytes, const char *key, struct due *ret, struct err *err)
{
    struct json_object *o = json_parse(buf_str(bytes), bytes->len, key, err);

    if (!o)
        return false;
    const char *since = json_opt_str(o, "since", ""), *until = json_opt_str(o, "until", "");
    bool ok = text_to_time(since, strlen(since), &ret->since_us) &&
              text_to_time(until, strlen(until), &ret->until_us);
    snprintf(ret->run_id, sizeof(ret->run_id), "%s", json_opt_str(o, "run_id", ""));
    ret->rows = json_opt_int(o, "rows", 0);
    ret->txid = (uint64_t)json_opt_int(o, "txid", 0);
    json_object_put(o);
    if (ok)
        return true;
    err_set(err, ERR_DATA, "this is no record of a table to vacuum");
    return err_in(err, "%s", key);
}

bool due_read(struct store *store, const struct key_table *table, struct due *ret, bool *ret_found,
              struct err *err)
{
    struct buf key = BUF_INIT, bytes = BUF_INIT;

    *ret = (struct due){0};
    key_of_due(table, &key);
    *ret_found = store_get(store, buf_str(&key), 0, UINT64_MAX, &bytes, err);
    bool ok = *ret_found ? take(&bytes, buf_str(&key), ret, err) : err->kind == ERR_NOT_FOUND;
    buf_done(&key);
    buf_done(&bytes);
    return ok;
}

static bool write_due(struct store *store, const struct key_table *table, const struct due *due,
                      struct err *err)
{
    struct buf key = BUF_INIT, json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    key_of_due(table, &key);
    json_begin_object(&j);
    json_put_str(&j, "run_id", due->run_id);
    json_put_time(&j, "since", due->since_us);
    json_put_time(&j, "until", due->until_us);
    json_put_int(&j, "rows", due->rows);
    json_put_int(&j, "txid", (int64_t)due->txid);
    json_end(&j);
    struct store_put_params params = {.key = buf_str(&key),
                                      .content_type = "application/json",
                                      .overwrite = true,
                                      .small = true};
    bool ok = store_put_bytes(store, &params, json.data, json.len, err);
    buf_done(&key);
    buf_done(&json);
    return ok;
}

bool due_add(struct store *store, const struct key_table *table, const struct due *more,
             struct err *err)
{
    struct due sum = *more, before;
    struct err unread;
    bool found;

    /* One that cannot be read is replaced: that the table is due is what counts. */
    if (due_read(store, table, &before, &found, &unread) && found) {
        sum.since_us = before.since_us;
        sum.rows += before.rows;
    }
    return write_due(store, table, &sum, err);
}

bool due_clear(struct store *store, const struct key_table *table, struct err *err)
{
    struct buf key = BUF_INIT;

    key_of_due(table, &key);
    bool ok = store_remove(store, buf_str(&key), err);
    buf_done(&key);
    return ok;
}
