/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/batches.h"

#include <stdlib.h>

#include "catalog/earlier.h"

struct listing {
    struct batches *batches; /* the last one may still get objects */
    size_t cap;
    batches_keep keep;
    void *state;
    const struct stop *stop;
};

static void batch_done(struct batch *b)
{
    free(b->stem);
    free(b->data_key);
    free(b->metadata_key);
    free(b->manifest_key);
    free(b->envelope_key);
}

/* All of the last batch's objects are known now. */
static void close_last(struct listing *l)
{
    struct batches *all = l->batches;

    if (!l->keep || all->count == 0 || l->keep(&all->items[all->count - 1], l->state))
        return;
    batch_done(&all->items[--all->count]);
}

/* Keys come in order, so the objects of one batch follow each other. */
static struct batch *batch_for(struct listing *l, const char *key, size_t stem_len)
{
    struct batches *all = l->batches;

    if (all->count > 0) {
        struct batch *last = &all->items[all->count - 1];
        if (strncmp(last->stem, key, stem_len) == 0 && last->stem[stem_len] == '\0')
            return last;
    }
    close_last(l);
    if (all->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        all->items = mem_grow(all->items, l->cap * sizeof(*all->items));
    }
    struct batch *b = &all->items[all->count++];
    *b = (struct batch){.stem = mem_printf("%.*s", (int)stem_len, key)};
    return b;
}

static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct listing *l = state;
    size_t stem_len;
    enum key_kind kind = key_kind(object->key, &stem_len);

    if (stop_asked(l->stop))
        return err_set(err, ERR_INTERRUPTED, "listing the archives was stopped");
    if (kind == KEY_OTHER)
        return true;
    struct batch *b = batch_for(l, object->key, stem_len);
    char **place = kind == KEY_DATA       ? &b->data_key
                   : kind == KEY_METADATA ? &b->metadata_key
                   : kind == KEY_MANIFEST ? &b->manifest_key
                                          : &b->envelope_key;
    free(*place);
    *place = mem_strdup(object->key);
    if (kind == KEY_DATA)
        b->data_bytes = object->size;
    return true;
}

static bool end_list(struct listing *l, bool ok)
{
    if (ok)
        close_last(l);
    else
        batches_done(l->batches);
    return ok;
}

bool batches_list(struct store *store, const char *prefix, batches_keep keep, void *state,
                  const struct stop *stop, struct batches *ret_batches, struct err *err)
{
    struct listing l = {.batches = ret_batches, .keep = keep, .state = state, .stop = stop};

    *ret_batches = (struct batches){0};
    return end_list(&l, store_list(store, prefix, NULL, collect, &l, err));
}

bool batches_list_keys(struct store *store, const char *prefix, batches_keep keep, void *state,
                       const struct stop *stop, struct batches *ret_batches, struct err *err)
{
    struct listing l = {.batches = ret_batches, .keep = keep, .state = state, .stop = stop};

    *ret_batches = (struct batches){0};
    return end_list(&l, store_list_keys(store, prefix, collect, &l, err));
}

bool batches_list_earlier(struct store *store, const struct key_table *table,
                          const struct stop *stop, struct batches *ret_batches, struct err *err)
{
    struct listing l = {.batches = ret_batches, .stop = stop};

    *ret_batches = (struct batches){0};
    return end_list(&l, earlier_list(store, table, collect, &l, err));
}

void batches_done(struct batches *batches)
{
    for (size_t i = 0; i < batches->count; i++)
        batch_done(&batches->items[i]);
    free(batches->items);
    *batches = (struct batches){0};
}
