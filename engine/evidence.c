/* SPDX-License-Identifier: PostgreSQL */
#include "evidence.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "keylist.h"
#include "postgres/ledger.h"

#define LOOKUP_KEYS 1000

/* --- in the table --- */

struct lookup {
    const struct evidence_params *params;
    struct keylist *pending;
    uint64_t keys; /* of the manifest */
    uint64_t every;
    struct evidence_count *count;
};

static void lookup_sql(const struct lookup *l, struct buf *sql)
{
    const struct shape *shape = l->params->info->shape;
    struct conn *conn = l->params->conn;

    buf_adds(sql, "SELECT count(*) || coalesce(' ' || (array_agg(k::text))[1], '') FROM (SELECT "
                  "DISTINCT * FROM unnest(");
    for (size_t i = 0; i < shape->key_count; i++)
        buf_addf(sql, "%s$%zu::text[]", i ? ", " : "", i + 1);
    buf_adds(sql, ") u(");
    for (size_t i = 0; i < shape->key_count; i++)
        buf_addf(sql, "%sk%zu", i ? ", " : "", i);
    buf_adds(sql, ")) k WHERE EXISTS (SELECT FROM ");
    conn_add_table(conn, sql, shape->schema, shape->table);
    buf_adds(sql, " t WHERE ");
    for (size_t i = 0; i < shape->key_count; i++) {
        const struct column *c = &shape->columns[shape->key_columns[i]];
        buf_adds(sql, i ? " AND t." : "t.");
        conn_add_ident(conn, sql, c->name);
        buf_addf(sql, " = k.k%zu::%s", i, c->type->name);
    }
    buf_adds(sql, ")");
}

static void take_answer(struct evidence_count *count, const char *text)
{
    const char *space = strchr(text, ' ');

    count->present += strtoull(text, NULL, 10);
    if (space && count->example.len == 0)
        buf_adds(&count->example, space + 1);
}

static bool lookup_flush(struct lookup *l, struct err *err)
{
    struct buf sql = BUF_INIT, value = BUF_INIT;
    bool found;

    if (keylist_count(l->pending) == 0)
        return true;
    lookup_sql(l, &sql);
    bool ok = conn_value(l->params->conn, buf_str(&sql), l->params->info->shape->key_count,
                         keylist_end(l->pending), &value, &found, err);
    if (ok && found)
        take_answer(l->count, buf_str(&value));
    keylist_reset(l->pending);
    buf_done(&sql);
    buf_done(&value);
    return ok;
}

static bool lookup_key(const char *key_json, size_t len, void *state, struct err *err)
{
    struct lookup *l = state;

    if (l->keys++ % l->every != 0)
        return true;
    if (!keylist_add(l->pending, key_json, len, err))
        return false;
    l->count->looked_up++;
    return keylist_count(l->pending) < LOOKUP_KEYS || lookup_flush(l, err);
}

bool evidence_count(const struct evidence_params *params, struct evidence_count *ret_count,
                    struct err *err)
{
    struct lookup l = {.params = params,
                       .count = ret_count,
                       .pending = keylist_new(params->info->shape, err),
                       .every = params->every > 0 ? params->every : 1};
    bool ok =
        l.pending && manifest_read(&params->manifest, lookup_key, &l, err) && lookup_flush(&l, err);

    keylist_free(l.pending);
    if (!ok || l.keys == params->records)
        return ok;
    err_set(err, ERR_DATA, "the manifest does not hold the batch's keys");
    return err_why(err, "%" PRIu64 " keys, %" PRIu64 " rows", l.keys, params->records);
}

bool evidence_in_table(const struct evidence_params *params, enum evidence_answer *ret_answer,
                       struct err *err)
{
    struct evidence_count count = {0};

    *ret_answer = EVIDENCE_UNKNOWN;
    if (params->info->shape->key_count == 0 || !params->manifest.key)
        return true;
    bool ok = evidence_count(params, &count, err);
    if (ok)
        *ret_answer = count.present == 0                 ? EVIDENCE_NONE
                      : count.present == count.looked_up ? EVIDENCE_ALL
                                                         : EVIDENCE_SOME;
    buf_done(&count.example);
    return ok;
}

/* --- which cluster --- */

bool evidence_cluster_unknown(const struct conn *conn, const char *system_identifier)
{
    return strcmp(system_identifier, "0") == 0 ||
           strcmp(conn_server(conn)->system_identifier, "0") == 0;
}

/* --- by a restore --- */

bool evidence_restored(struct conn *conn, const struct shape *shape, const char *data_key,
                       bool *ret_restored, struct err *err)
{
    static const struct ledger_kind kind = {.name = "archiver_restored"};
    const char *const values[] = {shape->schema, shape->table, data_key};
    struct buf table = BUF_INIT, sql = BUF_INIT, value = BUF_INIT;
    bool found, ok = ledger_table(conn, &kind, shape->schema, false, &table, err);

    *ret_restored = false;
    if (!ok || table.len == 0)
        goto out;
    buf_addf(&sql,
             "SELECT EXISTS (SELECT FROM %s WHERE schema_name = $1 AND table_name = $2"
             " AND archive_key = $3)",
             buf_str(&table));
    ok = conn_value(conn, buf_str(&sql), 3, values, &value, &found, err);
    *ret_restored = ok && found && *buf_str(&value) == 't';
out:
    buf_done(&table);
    buf_done(&sql);
    buf_done(&value);
    return ok;
}

/* --- in other archives --- */

struct evidence_keys {
    struct buf text;   /* JSON texts, each NUL-ended, one behind the other */
    const char **keys; /* sorted */
    size_t count;
};

static bool add_key(const char *key_json, size_t len, void *state, struct err *err)
{
    struct evidence_keys *keys = state;

    keys->count++;
    if (!buf_reserve(&keys->text, len + 1, err))
        return false;
    buf_add(&keys->text, key_json, len);
    buf_addc(&keys->text, '\0');
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct evidence_keys *evidence_keys_load(const struct manifest_source *manifest, struct err *err)
{
    struct evidence_keys *keys = mem_alloc(sizeof(*keys));

    if (!manifest_read(manifest, add_key, keys, err)) {
        evidence_keys_free(keys);
        return NULL;
    }
    keys->keys = mem_alloc((keys->count + 1) * sizeof(*keys->keys));
    const char *at = buf_str(&keys->text);
    for (size_t i = 0; i < keys->count; i++) {
        keys->keys[i] = at;
        at += strlen(at) + 1;
    }
    qsort(keys->keys, keys->count, sizeof(*keys->keys), by_text);
    return keys;
}

void evidence_keys_free(struct evidence_keys *keys)
{
    if (!keys)
        return;
    buf_done(&keys->text);
    free(keys->keys);
    free(keys);
}

struct search {
    const struct evidence_keys *keys;
    bool hit;
};

static bool search_key(const char *key_json, size_t len, void *state, struct err *err)
{
    struct search *search = state;
    const struct evidence_keys *keys = search->keys;

    (void)len;
    (void)err;
    if (!search->hit && bsearch(&key_json, keys->keys, keys->count, sizeof(*keys->keys), by_text))
        search->hit = true;
    return true;
}

bool evidence_keys_shared(const struct evidence_keys *keys, const struct manifest_source *other,
                          bool *ret_shared, struct err *err)
{
    struct search search = {.keys = keys};
    bool ok = manifest_read(other, search_key, &search, err);

    *ret_shared = search.hit;
    return ok;
}

/* Timestamps, or the integers of an epoch column; false where there is none to compare. */
static bool moment_of(const char *text, int64_t *ret)
{
    return text && (text_to_time(text, strlen(text), ret) || text_to_int(text, ret));
}

bool evidence_may_share(const struct catalog_entry *entry, const struct metadata *self)
{
    int64_t min, max, own_min, own_max, settled, own;

    if (entry->state != CATALOG_SETTLED || strcmp(entry->key, self->data_key) == 0)
        return false;
    if (text_to_time(entry->archived_at, strlen(entry->archived_at), &settled) &&
        text_to_time(self->archived_at, strlen(self->archived_at), &own) && settled < own)
        return false;
    if (!moment_of(entry->min_timestamp, &min) || !moment_of(entry->max_timestamp, &max) ||
        !moment_of(self->min_timestamp, &own_min) || !moment_of(self->max_timestamp, &own_max))
        return true;
    return min <= own_max && own_min <= max;
}
