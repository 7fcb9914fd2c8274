/* SPDX-License-Identifier: PostgreSQL
 *
 * A run's batches follow one another by stamp, and their numbers rise. So the first batch of a run
 * is found by going back from any other, until one has a schema; where a number does not fall on
 * the way, that is another run's, and the first batch is gone.
 */
#include "catalog/earlier.h"

#include <stdlib.h>

#include "base/text.h"

#define NO_BATCH SIZE_MAX

/* --- where --- */

/* As the earlier archiver made it: nothing is escaped, and what begins with the prefix already does
 * not get it again. */
static void make_place(const struct key_table *table, bool with_schema, struct buf *ret_place)
{
    const char *prefix = table->prefix ? table->prefix : "";
    size_t len = strlen(prefix);

    while (len > 0 && prefix[len - 1] == '/')
        len--;
    buf_reset(ret_place);
    buf_addf(ret_place, "%s/", table->database);
    if (with_schema)
        buf_addf(ret_place, "%s/", table->schema);
    buf_addf(ret_place, "%s/", table->table);
    if (len == 0 || (strncmp(ret_place->data, prefix, len) == 0 && ret_place->data[len] == '/'))
        return;
    char *place = buf_steal(ret_place);
    buf_addf(ret_place, "%.*s/%s", (int)len, prefix, place);
    free(place);
}

bool earlier_list(struct store *store, const struct key_table *table, store_each each, void *state,
                  struct err *err)
{
    struct buf own = BUF_INIT, place = BUF_INIT;
    bool ok = true;

    key_table_prefix(table, &own);
    for (int with_schema = 0; ok && with_schema < 2; with_schema++) {
        make_place(table, with_schema, &place);
        if (strcmp(buf_str(&place), buf_str(&own)) != 0)
            ok = store_list(store, buf_str(&place), NULL, each, state, err);
    }
    buf_done(&own);
    buf_done(&place);
    return ok;
}

bool earlier_wrote(const struct metadata *metadata)
{
    return strcmp(metadata->version, "1.0") == 0;
}

bool earlier_is_of(const struct metadata *metadata, const struct key_table *table)
{
    return strcmp(metadata->schema, table->schema) == 0 &&
           strcmp(metadata->table, table->table) == 0;
}

/* --- the schema of a run --- */

struct earlier_batch {
    char *key; /* of its metadata */
    int64_t stamp_us;
    unsigned long number;
};

struct earlier_schemas {
    struct store *store;
    struct buf place; /* whose batches these are, in the order of stamps and numbers */
    struct earlier_batch *batches;
    size_t count, cap;
    struct buf json; /* the metadata that was found last, of batch `first`; */
    size_t first;    /* NO_BATCH: none. Its schema holds for batches up to `last` of `schema` */
    size_t last;
    struct buf schema;
};

struct earlier_schemas *earlier_schemas_new(struct store *store)
{
    struct earlier_schemas *s = mem_alloc(sizeof(*s));

    s->store = store;
    s->first = NO_BATCH;
    return s;
}

static void forget(struct earlier_schemas *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->batches[i].key);
    s->count = 0;
    s->first = NO_BATCH;
    buf_reset(&s->place);
}

void earlier_schemas_free(struct earlier_schemas *s)
{
    if (!s)
        return;
    forget(s);
    free(s->batches);
    buf_done(&s->place);
    buf_done(&s->json);
    buf_done(&s->schema);
    free(s);
}

/* ..._20261123T132845Z_batch_001 */
static bool read_name(const char *key, struct earlier_batch *ret)
{
    size_t len;

    if (key_kind(key, &len) != KEY_METADATA)
        return false;
    const char *end = key + len, *number = end;
    while (number > key && number[-1] >= '0' && number[-1] <= '9')
        number--;
    /* key_kind has seen "_batch_" and a stamp before it; a "_vN" behind is ours alone */
    if (number - key < 23 || strncmp(number - 7, "_batch_", 7) != 0 ||
        !text_from_stamp(number - 23, 16, &ret->stamp_us))
        return false;
    ret->number = strtoul(number, NULL, 10);
    return true;
}

static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct earlier_schemas *s = state;
    struct earlier_batch batch;

    (void)err;
    if (!read_name(object->key, &batch))
        return true;
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 64;
        s->batches = mem_grow(s->batches, s->cap * sizeof(*s->batches));
    }
    batch.key = mem_strdup(object->key);
    s->batches[s->count++] = batch;
    return true;
}

static int by_order(const void *a, const void *b)
{
    const struct earlier_batch *x = a, *y = b;

    if (x->stamp_us != y->stamp_us)
        return x->stamp_us < y->stamp_us ? -1 : 1;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->key, y->key);
}

/* The table's place: the key without its file, day, month and year. */
static bool load_place(struct earlier_schemas *s, const char *metadata_key, struct err *err)
{
    size_t len = strlen(metadata_key);

    for (int level = 0; level < 4; level++) {
        const char *slash = memrchr(metadata_key, '/', len);
        if (!slash)
            break;
        len = (size_t)(slash - metadata_key);
    }
    if (s->place.len == len + 1 && memcmp(s->place.data, metadata_key, len) == 0)
        return true;
    forget(s);
    buf_add(&s->place, metadata_key, len);
    buf_addc(&s->place, '/');
    if (!store_list(s->store, s->place.data, NULL, collect, s, err)) {
        forget(s);
        return false;
    }
    if (s->count > 0)
        qsort(s->batches, s->count, sizeof(*s->batches), by_order);
    return true;
}

/* Is batch i of a run whose schema is remembered, and that run the one of batch `number`? */
static bool is_known(const struct earlier_schemas *s, size_t i, const char *schema, unsigned number)
{
    return s->first != NO_BATCH && (i == s->first || i == s->last) &&
           s->batches[i].number < number && strcmp(buf_str(&s->schema), schema) == 0;
}

static void remember(struct earlier_schemas *s, size_t first, const char *schema, struct buf *json)
{
    buf_reset(&s->schema);
    buf_adds(&s->schema, schema);
    buf_done(&s->json);
    s->json = *json;
    *json = BUF_INIT;
    s->first = s->last = first;
}

enum look { GO_ON, FOUND, GIVE_UP, FAILED };

/* Is batch i the first of the run that `wanted` is of? *number: of the batch looked at last. */
static enum look look_at(struct earlier_schemas *s, size_t i, const struct metadata *wanted,
                         unsigned *number, struct err *err)
{
    struct buf json = BUF_INIT;
    struct metadata *m = NULL;
    enum look look = GO_ON;

    if (store_get(s->store, s->batches[i].key, 0, UINT64_MAX, &json, err))
        m = metadata_read(buf_str(&json), json.len, s->batches[i].key, err);
    if (!m) { /* damaged or gone, it may have been the one */
        look = err->kind == ERR_DATA || err->kind == ERR_NOT_FOUND ? GIVE_UP : FAILED;
    } else if (earlier_wrote(m) && strcmp(m->schema, wanted->schema) == 0) {
        look = m->batch_number >= *number ? GIVE_UP : m->shape ? FOUND : GO_ON;
        *number = m->batch_number;
    }
    if (look == FOUND)
        remember(s, i, m->schema, &json);
    metadata_free(m);
    buf_done(&json);
    return look;
}

/* A shape of its own for each, from the metadata that was found. */
static bool take_shape(const struct earlier_schemas *s, struct metadata *metadata, struct err *err)
{
    struct metadata *m =
        metadata_read(buf_str(&s->json), s->json.len, s->batches[s->first].key, err);

    if (!m)
        return false;
    metadata->shape = m->shape;
    m->shape = NULL;
    metadata_free(m);
    return true;
}

/* As a rule it is the one behind the last. */
static size_t find_batch(const struct earlier_schemas *s, const char *key)
{
    size_t next = s->first == NO_BATCH ? 0 : s->last + 1;

    if (next < s->count && strcmp(s->batches[next].key, key) == 0)
        return next;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->batches[i].key, key) == 0)
            return i;
    return NO_BATCH;
}

bool earlier_schemas_fill(struct earlier_schemas *s, const char *metadata_key,
                          struct metadata *metadata, struct err *err)
{
    unsigned number = metadata->batch_number;
    enum look look = GO_ON;

    if (metadata->shape || !earlier_wrote(metadata))
        return true;
    if (!load_place(s, metadata_key, err))
        return false;
    size_t own = find_batch(s, metadata_key);
    for (size_t i = own == NO_BATCH ? 0 : own; look == GO_ON && i-- > 0;)
        look = is_known(s, i, metadata->schema, number) ? FOUND
                                                        : look_at(s, i, metadata, &number, err);
    if (look == FAILED)
        return err_in(err, "%s", metadata_key);
    if (look != FOUND)
        return true;
    s->last = own;
    return take_shape(s, metadata, err);
}
