/* SPDX-License-Identifier: PostgreSQL */
#include <stdlib.h>

#include "archive_part.h"
#include "base/text.h"

/* --- members and sealers that are used again --- */

struct member *batch_member_borrow(struct archiver *a)
{
    struct member *m = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->spare_count > 0)
        m = a->spare[--a->spare_count];
    pthread_mutex_unlock(&a->lock);
    return m ? m : mem_alloc(sizeof(*m));
}

static void member_free(struct member *m)
{
    if (!m)
        return;
    buf_done(&m->lines);
    buf_done(&m->keys);
    buf_done(&m->sealed);
    free(m);
}

void batch_member_return(struct archiver *a, struct member *m)
{
    /* One huge row must not keep its memory for the rest of the run. */
    size_t keep = (size_t)a->params.table->settings.member_kb * 1024 * 3;

    if (!m)
        return;
    buf_trim(&m->lines, keep);
    buf_trim(&m->keys, keep);
    buf_trim(&m->sealed, keep);
    free(m->index.min_key);
    free(m->index.max_key);
    m->index = (struct member_index){0};
    pthread_mutex_lock(&a->lock);
    if (a->spare_count == a->spare_cap) {
        a->spare_cap = a->spare_cap ? a->spare_cap * 2 : 16;
        a->spare = mem_grow(a->spare, a->spare_cap * sizeof(struct member *));
    }
    a->spare[a->spare_count++] = m;
    pthread_mutex_unlock(&a->lock);
}

/* `none` is stored blocks in gzip members: one format less, and it says whose an object is. */
enum packing archiver_packing(const struct archiver *a)
{
    bool zstd = a->params.table->settings.compression == COMPRESSION_ZSTD;

    return zstd ? PACKING_ZSTD : PACKING_GZIP;
}

static struct sealer *sealer_borrow(struct archiver *a, struct err *err)
{
    const struct config_settings *s = &a->params.table->settings;
    struct sealer *sealer = NULL;

    pthread_mutex_lock(&a->lock);
    if (a->sealer_count > 0)
        sealer = a->sealers[--a->sealer_count];
    pthread_mutex_unlock(&a->lock);
    if (sealer)
        return sealer;
    return sealer_new(archiver_packing(a),
                      s->compression == COMPRESSION_NONE ? 0 : (int)s->compression_level, err);
}

static void sealer_return(struct archiver *a, struct sealer *sealer, double seconds)
{
    pthread_mutex_lock(&a->lock);
    if (a->sealer_count == a->sealer_cap) {
        a->sealer_cap = a->sealer_cap ? a->sealer_cap * 2 : 8;
        a->sealers = mem_grow(a->sealers, a->sealer_cap * sizeof(struct sealer *));
    }
    a->sealers[a->sealer_count++] = sealer;
    a->compress_seconds += seconds;
    pthread_mutex_unlock(&a->lock);
}

void archiver_spares_free(struct archiver *a)
{
    for (size_t i = 0; i < a->spare_count; i++)
        member_free(a->spare[i]);
    for (size_t i = 0; i < a->sealer_count; i++)
        sealer_free(a->sealers[i]);
    free(a->spare);
    free(a->sealers);
}

/* --- the pool's part: seal --- */

bool batch_seal(void *item, void *state, struct err *err)
{
    struct batch *b = state;
    struct member *m = item;
    int64_t start = text_monotonic_us();
    struct sealer *sealer = sealer_borrow(b->archiver, err);

    if (!sealer)
        return false;
    /* The first member says whose the object is, for recover, should metadata.json never come; of
     * an encrypted object its head does. */
    bool says = m->index.first_row == 0 && !b->cipher;
    bool ok = seal_member(sealer, m, says ? buf_str(&b->comment) : NULL, b->cipher, err);
    sealer_return(b->archiver, sealer, batch_seconds_since(start));
    return ok;
}

void batch_seal_drop(void *item, void *state)
{
    struct batch *b = state;

    batch_member_return(b->archiver, item);
}
