/* SPDX-License-Identifier: PostgreSQL */
#include "restore_report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"

#define CONFLICTS_MAX 1000

/* Room for one more: full at 0, 1, 3, 7, ... */
static void *room(void *items, size_t count, size_t size)
{
    return (count & (count + 1)) == 0 ? mem_grow(items, (count * 2 + 2) * size) : items;
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

struct restore_archive *restore_report_archive(struct restore_report *r, const char *key)
{
    r->archives = room(r->archives, r->archive_count, sizeof(*r->archives));
    struct restore_archive *a = &r->archives[r->archive_count++];
    *a = (struct restore_archive){.key = mem_strdup(key), .status = "not wanted"};
    return a;
}

void restore_report_conflict(struct restore_report *r, const char *key, const char *archive)
{
    if (r->conflict_count == CONFLICTS_MAX)
        return;
    r->conflicts = room(r->conflicts, r->conflict_count, sizeof(*r->conflicts));
    r->conflicts[r->conflict_count++] =
        (struct restore_conflict_row){.key = mem_strdup(key), .archive = mem_strdup(archive)};
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

void restore_report_difference(struct restore_report *r, const struct restore_difference *d)
{
    for (size_t i = 0; i < r->difference_count; i++) {
        const struct restore_difference *known = &r->differences[i];
        if (same(known->table, d->table) && same(known->kind, d->kind) &&
            same(known->column, d->column) && same(known->archive_type, d->archive_type))
            return;
    }
    r->differences = room(r->differences, r->difference_count, sizeof(*r->differences));
    r->differences[r->difference_count++] =
        (struct restore_difference){.table = copy(d->table),
                                    .archive = copy(d->archive),
                                    .kind = copy(d->kind),
                                    .column = copy(d->column),
                                    .archive_type = copy(d->archive_type),
                                    .target_type = copy(d->target_type),
                                    .text = copy(d->text),
                                    .refuses = d->refuses};
}

void restore_report_damage(struct restore_report *r, const struct restore_damage *d)
{
    r->damages = room(r->damages, r->damage_count, sizeof(*r->damages));
    r->damages[r->damage_count++] = (struct restore_damage){.archive = copy(d->archive),
                                                            .first_row = d->first_row,
                                                            .rows = d->rows,
                                                            .min_key = copy(d->min_key),
                                                            .max_key = copy(d->max_key),
                                                            .detail = copy(d->detail)};
}

void restore_report_loss(struct restore_report *r, const struct restore_loss *loss)
{
    for (size_t i = 0; i < r->loss_count; i++) {
        struct restore_loss *known = &r->losses[i];
        if (same(known->table, loss->table) && same(known->column, loss->column) &&
            same(known->reason, loss->reason)) {
            known->rows += loss->rows;
            return;
        }
    }
    r->losses = room(r->losses, r->loss_count, sizeof(*r->losses));
    r->losses[r->loss_count++] = (struct restore_loss){.table = copy(loss->table),
                                                       .column = copy(loss->column),
                                                       .reason = copy(loss->reason),
                                                       .gone = loss->gone,
                                                       .rows = loss->rows};
}

void restore_report_note(struct restore_report *r, const char *format, ...)
{
    char text[600];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (size_t i = 0; i < r->note_count; i++) {
        if (strcmp(r->notes[i], text) == 0)
            return;
    }
    r->notes = room(r->notes, r->note_count, sizeof(*r->notes));
    r->notes[r->note_count++] = mem_strdup(text);
}

void restore_report_add(struct restore_counts *to, const struct restore_counts *more)
{
    to->read += more->read;
    to->restored += more->restored;
    to->updated += more->updated;
    to->skipped += more->skipped;
    to->conflicts += more->conflicts;
}

void restore_report_done(struct restore_report *r)
{
    for (size_t i = 0; i < r->archive_count; i++)
        free(r->archives[i].key);
    for (size_t i = 0; i < r->conflict_count; i++) {
        free(r->conflicts[i].key);
        free(r->conflicts[i].archive);
    }
    for (size_t i = 0; i < r->difference_count; i++) {
        struct restore_difference *d = &r->differences[i];
        char *texts[] = {d->table,        d->archive,     d->kind, d->column,
                         d->archive_type, d->target_type, d->text};
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
            free(texts[t]);
    }
    for (size_t i = 0; i < r->damage_count; i++) {
        free(r->damages[i].archive);
        free(r->damages[i].min_key);
        free(r->damages[i].max_key);
        free(r->damages[i].detail);
    }
    for (size_t i = 0; i < r->note_count; i++)
        free(r->notes[i]);
    for (size_t i = 0; i < r->loss_count; i++) {
        free(r->losses[i].table);
        free(r->losses[i].column);
        free(r->losses[i].reason);
    }
    free(r->losses);
    free(r->archives);
    free(r->conflicts);
    free(r->differences);
    free(r->damages);
    free(r->notes);
    *r = (struct restore_report){0};
}

/* --- as JSON --- */

static void put_counts(struct json_out *j, const struct restore_counts *c)
{
    json_put_int(j, "records_read", c->read);
    json_put_int(j, "records_restored", c->restored);
    json_put_int(j, "updated", c->updated);
    json_put_int(j, "skipped", c->skipped);
    json_put_int(j, "conflicts_found", c->conflicts);
}

static void write_archives(const struct restore_report *r, struct json_out *j)
{
    json_key(j, "archives");
    json_begin_array(j);
    for (size_t i = 0; i < r->archive_count; i++) {
        const struct restore_archive *a = &r->archives[i];
        json_begin_object(j);
        json_put_str(j, "key", a->key);
        json_put_str(j, "status", a->status);
        put_counts(j, &a->counts);
        json_put_int(j, "bytes", (int64_t)a->bytes);
        json_end(j);
    }
    json_end(j);
}

static void write_conflicts(const struct restore_report *r, struct json_out *j)
{
    json_key(j, "conflicts");
    json_begin_array(j);
    for (size_t i = 0; i < r->conflict_count; i++) {
        json_begin_object(j);
        json_put_str(j, "key", r->conflicts[i].key);
        json_put_str(j, "archive", r->conflicts[i].archive);
        json_end(j);
    }
    json_end(j);
}

static void write_differences(const struct restore_report *r, struct json_out *j)
{
    json_key(j, "schema_diff");
    json_begin_array(j);
    for (size_t i = 0; i < r->difference_count; i++) {
        const struct restore_difference *d = &r->differences[i];
        json_begin_object(j);
        json_put_str(j, "table", d->table);
        json_put_str(j, "kind", d->kind);
        json_put_str(j, "column", d->column);
        json_put_str(j, "archive_type", d->archive_type);
        json_put_str(j, "target_type", d->target_type);
        json_put_bool(j, "refuses", d->refuses);
        json_put_str(j, "text", d->text);
        json_put_str(j, "archive", d->archive);
        json_end(j);
    }
    json_end(j);
}

static void put_raw(struct json_out *j, const char *key, const char *json)
{
    json_key(j, key);
    if (json)
        json_add_raw(j, json, strlen(json));
    else
        json_add_null(j);
}

static void write_damages(const struct restore_report *r, struct json_out *j)
{
    json_key(j, "damaged");
    json_begin_array(j);
    for (size_t i = 0; i < r->damage_count; i++) {
        const struct restore_damage *d = &r->damages[i];
        json_begin_object(j);
        json_put_str(j, "archive", d->archive);
        json_put_int(j, "first_row", (int64_t)d->first_row);
        json_put_int(j, "rows", (int64_t)d->rows);
        put_raw(j, "min_key", d->min_key);
        put_raw(j, "max_key", d->max_key);
        json_put_str(j, "detail", d->detail);
        json_end(j);
    }
    json_end(j);
}

static void write_losses(const struct restore_report *r, struct json_out *j)
{
    json_key(j, "losses");
    json_begin_array(j);
    for (size_t i = 0; i < r->loss_count; i++) {
        const struct restore_loss *l = &r->losses[i];
        json_begin_object(j);
        json_put_str(j, "table", l->table);
        json_put_str(j, "column", l->column);
        json_put_str(j, "kind", l->gone ? "lost" : "uncertain");
        json_put_int(j, "rows", (int64_t)l->rows);
        json_put_str(j, "reason", l->reason);
        json_end(j);
    }
    json_end(j);
}

void restore_report_write(const struct restore_report *r, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "restore_id", r->restore_id);
    json_put_str(j, "status", r->status);
    json_put_bool(j, "dry_run", r->dry_run);
    json_put_bool(j, "resumed", r->resumed);
    json_put_time(j, "started_at", r->started_us);
    json_put_time(j, "ended_at", r->ended_us);
    put_counts(j, &r->counts);
    json_put_int(j, "requests", (int64_t)r->requests);
    json_put_int(j, "bytes_fetched", (int64_t)r->bytes_fetched);
    json_put_int(j, "bytes_to_fetch", (int64_t)r->bytes_to_fetch);
    json_put_int(j, "target_bytes", (int64_t)r->target_bytes);
    if (r->dry_run)
        json_put_real(j, "estimated_seconds", r->estimated_seconds, 1);
    write_conflicts(r, j);
    write_differences(r, j);
    write_damages(r, j);
    write_losses(r, j);
    json_key(j, "notes");
    json_begin_array(j);
    for (size_t i = 0; i < r->note_count; i++)
        json_add_str(j, r->notes[i]);
    json_end(j);
    write_archives(r, j);
    json_put_err(j, "error", &r->err);
    json_end(j);
}
