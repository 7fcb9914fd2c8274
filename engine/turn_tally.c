/* SPDX-License-Identifier: PostgreSQL
 *
 * What the turns of a run and the hands of a turn count together, and the limits of it. A batch is
 * promised its rows before it begins, so that several in work together do not take more than a
 * limit allows.
 */
#include "base/text.h"
#include "turn_part.h"

static int64_t smaller(int64_t a, int64_t limit)
{
    return a < limit ? a : limit;
}

int64_t turn_deadline(const struct turn *t)
{
    double minutes = t->target->table->settings.max_duration_minutes;

    return minutes > 0 ? t->started_us + (int64_t)(minutes * 60e6) : 0;
}

static bool run_is_full(const struct turn *t)
{
    return t->params->limit > 0 && t->report->records_archived >= t->params->limit;
}

bool turn_run_is_full(const struct turn *t)
{
    pthread_mutex_lock(&t->tally->lock);
    bool full = run_is_full(t);
    pthread_mutex_unlock(&t->tally->lock);
    return full;
}

static const char *limit_reached(const struct turn *t)
{
    const struct config_settings *s = &t->target->table->settings;
    int64_t deadline_us = turn_deadline(t);

    if (run_is_full(t))
        return "--limit";
    if (s->max_rows > 0 && t->table->records_archived >= s->max_rows)
        return "max_rows";
    if (s->max_batches > 0 && t->table->batches >= s->max_batches)
        return "max_batches";
    if (deadline_us > 0 && text_monotonic_us() >= deadline_us)
        return "max_duration_minutes";
    return NULL;
}

const char *turn_limit(struct turn *t)
{
    pthread_mutex_lock(&t->tally->lock);
    const char *limit = limit_reached(t);
    pthread_mutex_unlock(&t->tally->lock);
    return limit;
}

static int64_t left_of(const struct turn *t, int64_t rows)
{
    const struct config_settings *s = &t->target->table->settings;

    if (limit_reached(t))
        return 0;
    if (s->max_batches > 0 && t->table->batches + t->promised_batches >= s->max_batches)
        return 0;
    if (s->max_rows > 0)
        rows = smaller(rows, s->max_rows - t->table->records_archived - t->promised_rows);
    if (t->params->limit > 0)
        rows = smaller(rows, t->params->limit - t->report->records_archived - t->tally->promised);
    return rows > 0 ? rows : 0;
}

int64_t turn_promise(struct turn *t, int64_t wanted)
{
    pthread_mutex_lock(&t->tally->lock);
    int64_t rows = left_of(t, wanted);
    t->promised_rows += rows;
    t->promised_batches += rows > 0;
    t->tally->promised += rows;
    pthread_mutex_unlock(&t->tally->lock);
    return rows;
}

static void add_settled(struct turn *t, const struct archive_batch *batch, int64_t objects,
                        bool deleted)
{
    t->table->records_archived += batch->rows;
    t->table->batches += objects;
    t->table->bytes += batch->bytes;
    t->table->line_bytes += batch->line_bytes;
    t->report->records_archived += batch->rows;
    t->report->bytes_uploaded += batch->bytes;
    t->report->batches += objects;
    t->deleted += deleted ? batch->rows : 0;
    if (batch->txid > t->txid)
        t->txid = batch->txid;
}

void turn_took(struct turn *t, int64_t promised, const struct archive_batch *settled,
               int64_t objects, bool deleted)
{
    pthread_mutex_lock(&t->tally->lock);
    t->promised_rows -= promised;
    t->promised_batches -= promised > 0;
    t->tally->promised -= promised;
    if (settled)
        add_settled(t, settled, objects, deleted);
    pthread_mutex_unlock(&t->tally->lock);
}

struct turn_counts turn_counts(struct turn *t)
{
    pthread_mutex_lock(&t->tally->lock);
    struct turn_counts counts = {.rows = t->table->records_archived,
                                 .batches = t->table->batches,
                                 .bytes = t->table->bytes};
    pthread_mutex_unlock(&t->tally->lock);
    return counts;
}
