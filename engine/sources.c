/* SPDX-License-Identifier: PostgreSQL */
#include "sources.h"

#include <stdlib.h>

#include "base/text.h"
#include "catalog/catalog.h"
#include "reader.h"
#include "targets.h"

struct search {
    const struct sources_params *params;
    struct sources *sources;
    int64_t from_us, to_us;
    size_t unsettled; /* passed over */
};

static const char *keep(struct search *s, const char *text)
{
    return text ? arena_strdup(s->sources->arena, text) : NULL;
}

static struct source *add(struct search *s)
{
    struct sources *all = s->sources;

    if ((all->count & (all->count + 1)) == 0) /* full at 0, 1, 3, 7, ... */
        all->items = mem_grow(all->items, (all->count * 2 + 2) * sizeof(*all->items));
    all->items[all->count] = (struct source){0};
    return &all->items[all->count++];
}

static void place(struct search *s, struct source *source)
{
    const struct config *config = s->params->config;

    for (size_t d = 0; d < config->database_count; d++) {
        const struct config_database *db = &config->databases[d];
        if (strcmp(db->name, source->database_name) != 0)
            continue;
        source->database = db;
        for (size_t t = 0; t < db->table_count; t++) {
            if (strcmp(db->tables[t].name, source->table_name) == 0 &&
                strcmp(db->tables[t].schema, source->schema) == 0)
                source->table = &db->tables[t];
        }
    }
}

static bool readable(const char *state)
{
    return strcmp(state, "settled") == 0 || strcmp(state, "foreign") == 0;
}

/* --- by everything but name --- */

static bool of_run(const char *asked, const char *run_id)
{
    const char *tail;

    if (!run_id)
        return false;
    tail = strrchr(run_id, '-');
    return strcmp(asked, run_id) == 0 || (tail && strcmp(asked, tail + 1) == 0);
}

static bool archived_within(const struct search *s, const char *archived_at)
{
    int64_t us;

    if (!s->params->archived_from && !s->params->archived_to)
        return true;
    return archived_at && text_to_time(archived_at, strlen(archived_at), &us) && us >= s->from_us &&
           us < s->to_us;
}

static bool take(const struct reader_archive *a, void *state, struct err *err)
{
    struct search *s = state;
    bool rolled_back = strcmp(a->state, catalog_state_name(CATALOG_ROLLED_BACK)) == 0;

    (void)err;
    if ((s->params->run_id && !of_run(s->params->run_id, a->run_id)) ||
        !archived_within(s, a->archived_at))
        return true;
    if (!readable(a->state) && !(rolled_back && s->params->run_id)) {
        s->unsettled += !rolled_back;
        return true;
    }
    struct source *source = add(s);
    *source = (struct source){.key = keep(s, a->key),
                              .database_name = keep(s, a->database),
                              .schema = keep(s, a->schema),
                              .table_name = keep(s, a->table),
                              .state = keep(s, a->state),
                              .run_id = keep(s, a->run_id),
                              .archived_at = keep(s, a->archived_at),
                              .records = a->records,
                              .bytes = a->bytes};
    place(s, source);
    return true;
}

static bool by_filters(struct search *s, struct err *err)
{
    const struct sources_params *p = s->params;
    struct reader_list_params list = {.config = p->config,
                                      .database = p->database,
                                      .schema = p->schema,
                                      .table = p->table,
                                      .start_date = p->start_date,
                                      .end_date = p->end_date,
                                      .stop = p->stop};

    return reader_list(&list, take, s, err);
}

/* --- by name --- */

static bool state_of(struct search *s, const struct metadata *m, const char *key,
                     const char **ret_state, struct err *err)
{
    struct key_table table = {.prefix = s->params->config->s3.prefix,
                              .database = m->database,
                              .schema = m->schema,
                              .table = m->table};
    struct catalog *catalog;

    *ret_state = "foreign";
    if (strcmp(m->version, "3") != 0)
        return true;
    catalog = catalog_read(s->params->store, &table, err);
    if (!catalog)
        return false;
    const struct catalog_entry *entry = catalog_find(catalog, key);
    *ret_state = keep(s, catalog_state_name(entry ? entry->state : CATALOG_PENDING));
    catalog_free(catalog);
    return true;
}

static bool refuse_unsettled(const struct source *source, struct err *err)
{
    if (readable(source->state) ||
        strcmp(source->state, catalog_state_name(CATALOG_ROLLED_BACK)) == 0)
        return true;
    err_set(err, ERR_PREFLIGHT, "%s is not settled", source->key);
    err_why(err, "its rows may still be in the table");
    return err_hint(err, "run `archiver-tui recover` first");
}

static bool by_name(struct search *s, const char *given, struct err *err)
{
    struct reader_params params = {.config = s->params->config,
                                   .key = given,
                                   .stop = s->params->stop};
    struct reader *reader = reader_open(&params, err);
    struct buf metadata_key = BUF_INIT;
    struct metadata *m = NULL;
    bool ok = false;

    if (!reader)
        return false;
    key_sibling(reader_key(reader), KEY_METADATA, NULL, &metadata_key);
    m = metadata_get(s->params->store, buf_str(&metadata_key), err);
    if (!m)
        goto out;
    struct source *source = add(s);
    *source = (struct source){.key = keep(s, reader_key(reader)),
                              .database_name = keep(s, m->database),
                              .schema = keep(s, m->schema),
                              .table_name = keep(s, m->table),
                              .run_id = m->run_id && *m->run_id ? keep(s, m->run_id) : NULL,
                              .archived_at = keep(s, m->archived_at),
                              .records = m->record_count,
                              .bytes = m->object_bytes};
    place(s, source);
    ok = state_of(s, m, source->key, &source->state, err) && refuse_unsettled(source, err);
out:
    metadata_free(m);
    buf_done(&metadata_key);
    reader_close(reader);
    return ok;
}

/* --- in order --- */

static int order_of(const struct source *x, const struct source *y)
{
    int order = strcmp(x->database_name, y->database_name);

    order = order ? order : strcmp(x->schema, y->schema);
    order = order ? order : strcmp(x->table_name, y->table_name);
    return order ? order : strcmp(x->key, y->key);
}

static int in_order(const void *a, const void *b)
{
    return order_of(a, b);
}

/* One named twice is read once. */
static void sort_and_join(struct sources *all)
{
    size_t kept = 0;

    if (all->count == 0)
        return;
    qsort(all->items, all->count, sizeof(*all->items), in_order);
    for (size_t i = 1; i < all->count; i++) {
        if (order_of(&all->items[kept], &all->items[i]) != 0)
            all->items[++kept] = all->items[i];
    }
    all->count = kept + 1;
}

static bool moment(const char *text, int64_t otherwise, int64_t *ret, struct err *err)
{
    *ret = otherwise;
    if (!text || text_to_time(text, strlen(text), ret))
        return true;
    err_set(err, ERR_USAGE, "%s is not a date or timestamp", text);
    return err_hint(err, "write 2026-01-31 or 2026-01-31T12:00:00Z");
}

static bool nothing_found(const struct search *s, struct err *err)
{
    err_set(err, ERR_NOT_FOUND, "no archive matches");
    if (s->params->run_id)
        err_in(err, "run %s", s->params->run_id);
    if (s->unsettled > 0)
        return err_hint(err, "some are not settled: run `archiver-tui recover` first");
    return err_hint(err, "`archiver-tui list` shows what there is");
}

bool sources_find(const struct sources_params *params, struct sources *ret, struct err *err)
{
    struct search s = {.params = params, .sources = ret};
    bool ok = moment(params->archived_from, INT64_MIN, &s.from_us, err) &&
              moment(params->archived_to, INT64_MAX, &s.to_us, err);

    *ret = (struct sources){.arena = arena_new()};
    for (size_t i = 0; ok && i < params->key_count; i++)
        ok = by_name(&s, params->keys[i], err);
    if (ok && params->key_count == 0)
        ok = by_filters(&s, err);
    sort_and_join(ret);
    if (ok && ret->count == 0)
        ok = nothing_found(&s, err);
    if (!ok)
        sources_done(ret);
    return ok;
}

void sources_done(struct sources *sources)
{
    free(sources->items);
    arena_free(sources->arena);
    *sources = (struct sources){0};
}
