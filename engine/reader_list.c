/* SPDX-License-Identifier: PostgreSQL */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "catalog/catalog.h"
#include "catalog/earlier.h"
#include "catalog/key.h"
#include "catalog/metadata.h"
#include "reader.h"
#include "targets.h"

struct search {
    pthread_t thread;
    bool runs, ok;
    struct err err;
};

struct listing {
    const struct reader_list_params *params;
    reader_list_each each;
    void *state;
    struct store *store;
    struct catalog *catalog;
    const struct target *target;
    struct key_table table;
    struct buf metadata; /* keys, each NUL-ended */
    size_t own_len;      /* of those in `metadata` that lie in the table's own place */
    struct search search;
    int64_t given;
    int64_t start_us, end_us;
};

static bool in_range(const struct listing *l, const char *min, const char *max)
{
    int64_t min_us, max_us;

    if (!l->params->start_date && !l->params->end_date)
        return true;
    /* What is not known may be anything: an epoch column, a bound that was not recorded. */
    if (!min || !max || !text_to_time(min, strlen(min), &min_us) ||
        !text_to_time(max, strlen(max), &max_us))
        return true;
    return max_us >= l->start_us && min_us < l->end_us;
}

static bool give(struct listing *l, const struct reader_archive *archive, struct err *err)
{
    if (!in_range(l, archive->min_timestamp, archive->max_timestamp))
        return true;
    if (l->params->limit > 0 && l->given >= l->params->limit)
        return true;
    l->given++;
    return l->each(archive, l->state, err);
}

static bool give_settled(struct listing *l, struct err *err)
{
    for (size_t i = 0; i < l->catalog->count; i++) {
        const struct catalog_entry *e = &l->catalog->entries[i];
        struct reader_archive archive = {.database = e->database,
                                         .schema = e->schema,
                                         .table = e->table,
                                         .key = e->key,
                                         .state = catalog_state_name(e->state),
                                         .archived_at = e->archived_at,
                                         .batch_id = e->batch_id,
                                         .run_id = e->run_id,
                                         .min_timestamp = e->min_timestamp,
                                         .max_timestamp = e->max_timestamp,
                                         .restored_at = e->restored_at,
                                         .records = e->records,
                                         .bytes = e->bytes};
        if (e->state != CATALOG_UNDONE && !give(l, &archive, err))
            return false;
    }
    return true;
}

static bool add_metadata(const struct store_object *object, void *state, struct err *err)
{
    struct buf *keys = state;
    size_t stem_len;

    (void)err;
    if (key_kind(object->key, &stem_len) == KEY_METADATA)
        buf_add(keys, object->key, strlen(object->key) + 1);
    return true;
}

static bool has_line(const struct listing *l, const char *metadata_key)
{
    const struct catalog_entry *entry = NULL;
    struct buf data = BUF_INIT;

    for (size_t i = 0; !entry && key_data_suffix(i); i++) {
        key_sibling(metadata_key, KEY_DATA, key_data_suffix(i), &data);
        entry = catalog_find(l->catalog, buf_str(&data));
    }
    buf_done(&data);
    return entry != NULL;
}

/* --- the table's place, listed by a thread while its catalog is read --- */

static void search_place(struct listing *l)
{
    struct buf prefix = BUF_INIT;

    key_table_prefix(&l->table, &prefix);
    l->search.ok =
        store_list_keys(l->store, buf_str(&prefix), add_metadata, &l->metadata, &l->search.err);
    buf_done(&prefix);
}

static void *search_main(void *arg)
{
    pthread_setname_np(pthread_self(), "list");
    search_place(arg);
    return NULL;
}

static void search_begin(struct listing *l)
{
    l->search.runs = pthread_create(&l->search.thread, NULL, search_main, l) == 0;
    if (!l->search.runs)
        search_place(l);
}

static bool search_end(struct listing *l, struct err *err)
{
    if (l->search.runs)
        pthread_join(l->search.thread, NULL);
    if (!l->search.ok)
        *err = l->search.err;
    return l->search.ok;
}

/* --- both together --- */

/* `own`: it lies where ours do; else only what is the earlier archiver's, and of this table,
 * counts. */
static bool give_unsettled(struct listing *l, const char *metadata_key, bool own, struct err *err)
{
    struct metadata *m = metadata_get(l->store, metadata_key, err);
    struct buf data = BUF_INIT;

    if (!m && err->kind != ERR_DATA)
        return false;
    bool ours = m && !earlier_wrote(m);
    if (ours || !m ? !own : !earlier_is_of(m, &l->table)) {
        metadata_free(m);
        return true;
    }
    key_sibling(metadata_key, KEY_DATA, m ? metadata_suffix(m) : NULL, &data);
    struct reader_archive archive = {.database = l->target->database->name,
                                     .schema = l->target->table->schema,
                                     .table = l->target->table->name,
                                     .key = buf_str(&data),
                                     .state = ours ? "pending" : "foreign",
                                     .archived_at = m ? m->archived_at : NULL,
                                     .batch_id = m ? m->batch_id : NULL,
                                     .run_id = m ? m->run_id : NULL,
                                     .min_timestamp = m ? m->min_timestamp : NULL,
                                     .max_timestamp = m ? m->max_timestamp : NULL,
                                     .records = m ? m->record_count : 0,
                                     .bytes = m ? m->object_bytes : 0};
    bool ok = give(l, &archive, err);
    buf_done(&data);
    metadata_free(m);
    return ok;
}

static bool give_the_rest(struct listing *l, struct err *err)
{
    l->own_len = l->metadata.len;
    if (!earlier_list(l->store, &l->table, add_metadata, &l->metadata, err))
        return false;
    for (size_t at = 0; at < l->metadata.len; at += strlen(l->metadata.data + at) + 1) {
        const char *key = l->metadata.data + at;
        if (!has_line(l, key) && !give_unsettled(l, key, at < l->own_len, err))
            return false;
    }
    return true;
}

static bool list_table(struct listing *l, struct err *err)
{
    struct err failure;

    l->table = (struct key_table){.prefix = l->params->config->s3.prefix,
                                  .database = l->target->database->name,
                                  .schema = l->target->table->schema,
                                  .table = l->target->table->name};
    buf_reset(&l->metadata);
    search_begin(l);
    l->catalog = catalog_read(l->store, &l->table, err);
    bool ok = l->catalog && give_settled(l, err);
    bool found = search_end(l, ok ? err : &failure);
    ok = ok && found && give_the_rest(l, err);
    catalog_free(l->catalog);
    l->catalog = NULL;
    return ok;
}

static bool read_date(const char *text, int64_t otherwise, int64_t *ret_us, struct err *err)
{
    *ret_us = otherwise;
    if (!text || text_to_time(text, strlen(text), ret_us))
        return true;
    err_set(err, ERR_USAGE, "%s is not a date or timestamp", text);
    return err_hint(err, "write 2026-01-31 or 2026-01-31T12:00:00Z");
}

bool reader_list(const struct reader_list_params *params, reader_list_each each, void *state,
                 struct err *err)
{
    struct listing l = {.params = params, .each = each, .state = state};
    struct targets targets = {0};
    bool ok = false;

    if (!read_date(params->start_date, INT64_MIN, &l.start_us, err) ||
        !read_date(params->end_date, INT64_MAX, &l.end_us, err) ||
        !targets_find(params->config, params->database, params->schema, params->table, &targets,
                      err))
        goto out;
    l.store = store_open(&params->config->s3, params->stop, err);
    if (!l.store)
        goto out;
    for (size_t i = 0; i < targets.count; i++) {
        l.target = &targets.items[i];
        if (!list_table(&l, err))
            goto out;
    }
    ok = true;
out:
    store_close(l.store);
    targets_done(&targets);
    buf_done(&l.metadata);
    return ok;
}
