/* SPDX-License-Identifier: PostgreSQL */
#include "restore_archive.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "evidence.h"
#include "postgres/aside.h"
#include "postgres/import.h"
#include "restore_report.h"
#include "rows.h"

/* What a row takes in a heap besides its values. */
#define ROW_OVERHEAD 28

/* One archive in work. */
struct passage {
    struct restore_turn *turn;
    struct restore_source source;
    struct import *import;
    struct rows *rows;
    size_t entry; /* in the report */
    bool open;    /* a piece is */
    bool damaged; /* some of it is lost */
    int64_t in_piece;
    uint64_t through_row;
    struct restore_counts kept; /* of pieces that were committed before the archive's end */
};

static struct restore_archive *entry_of(struct passage *a)
{
    return &a->turn->report->archives[a->entry];
}

static void show_rows(struct progress_snapshot *s, const void *arg)
{
    progress_now(s)->rows_done += *(const int64_t *)arg;
}

static void show_archive(struct progress_snapshot *s, const void *arg)
{
    progress_now(s)->batches++;
    progress_now(s)->bytes += *(const uint64_t *)arg;
}

/* --- pieces --- */

static void conflict_seen(const char *key, void *state)
{
    struct passage *a = state;

    restore_report_conflict(a->turn->report, key, a->source.source->key);
}

/* "Key (id)=(5) already exists." tells the only conflict that a failed COPY knows. */
static void name_conflict(struct passage *a, struct err *err)
{
    const char *start = strstr(err->why, ")=(");
    const char *end = start ? strstr(start, ") already exists") : NULL;

    if (!end || !strstr(err->where, "23505"))
        return;
    char *key = mem_printf("%.*s", (int)(end - start - 3), start + 3);
    restore_report_conflict(a->turn->report, key, a->source.source->key);
    free(key);
    err_hint(err,
             "nothing was written; --dry-run counts conflicts, --on-conflict skip, overwrite or "
             "upsert decide them");
}

static bool open_piece(struct passage *a, struct err *err)
{
    struct restore_turn *t = a->turn;

    if (a->open)
        return true;
    if (!restore_turn_begin(t, err))
        return false;
    size_t off;
    if (t->r->disable_triggers && !t->r->dry_run && t->triggers.len == 0 &&
        !aside_triggers_off(t->conn, t->p->schema, t->p->table, &t->triggers, &off, err))
        return false;
    if (!import_begin(a->import, err))
        return false;
    a->open = true;
    a->in_piece = 0;
    return true;
}

static void count_piece(struct passage *a, const struct import_counts *c)
{
    struct restore_counts *counts = &entry_of(a)->counts;
    struct restore_counts more = {.restored = c->inserted,
                                  .updated = c->updated,
                                  .skipped = c->skipped,
                                  .conflicts = c->conflicts};

    if (a->turn->r->dry_run) /* what a real run would come to */
        more.restored = c->staged - c->conflicts;
    restore_report_add(counts, &more);
}

/* What was sent has to be in the table, row for row: a trigger or a rule may keep rows away. */
static bool all_arrived(const struct passage *a, const struct import_counts *c, struct err *err)
{
    const struct restore_params *r = a->turn->r;

    if (r->dry_run || r->conflict != RESTORE_FAIL || c->inserted == a->in_piece)
        return true;
    err_set(err, ERR_DATA, "the table took another number of rows than it was sent");
    err_why(err, "%" PRId64 " of %" PRId64 ": a trigger or a rule keeps rows away", c->inserted,
            a->in_piece);
    return err_hint(err, "--disable-triggers, or --on-conflict skip to go without those rows");
}

/* Ends what was sent; with `complete`, the archive is through. */
static bool close_piece(struct passage *a, bool complete, struct err *err)
{
    struct restore_turn *t = a->turn;
    struct import_counts counts;

    if (!import_end(a->import, &counts, conflict_seen, a, err)) {
        name_conflict(a, err);
        return false;
    }
    a->open = false;
    if (!all_arrived(a, &counts, err))
        return false;
    count_piece(a, &counts);
    if (t->r->dry_run)
        return true;
    struct restored_piece piece = {.archive_key = a->source.source->key,
                                   .through_row = a->through_row,
                                   .rows = counts.inserted + counts.updated,
                                   .complete = complete,
                                   .whole = complete && a->source.whole && !a->damaged};
    if (!restored_record(t->restored, &piece, err))
        return false;
    if (t->single || complete)
        return true;
    if (!restore_turn_triggers_on(t, err) || !restore_turn_commit(t, err))
        return false;
    a->kept = entry_of(a)->counts;
    return true;
}

/* --- rows --- */

/* Bytes of the first `count` lines. */
static size_t lines_len(const char *lines, size_t len, uint64_t count)
{
    const char *at = lines, *end = lines + len;

    for (; count > 0 && at < end; count--)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    return (size_t)(at - lines);
}

/* How many of the rows that are left of a chunk go into the open piece. */
static uint64_t fitting(const struct passage *a, uint64_t rows)
{
    const struct restore_turn *t = a->turn;
    uint64_t fit = rows;

    /* An archive without index is proved at its end only: no row of it is committed before. */
    if (t->r->commit_rows > 0 && a->source.metadata->member_count > 0 &&
        fit > (uint64_t)(t->r->commit_rows - a->in_piece))
        fit = (uint64_t)(t->r->commit_rows - a->in_piece);
    return fit > (uint64_t)t->left ? (uint64_t)t->left : fit;
}

static bool send_chunk(struct passage *a, const struct rows_chunk *c, struct err *err)
{
    struct restore_turn *t = a->turn;
    const char *lines = c->lines;
    size_t len = c->len;

    for (uint64_t sent = 0; sent < c->kept && t->left > 0;) {
        uint64_t fit = fitting(a, c->kept - sent);
        size_t part = fit == c->kept - sent ? len : lines_len(lines, len, fit);
        if (!open_piece(a, err) || !import_add(a->import, lines, part, err))
            return false;
        lines += part;
        len -= part;
        sent += fit;
        a->in_piece += (int64_t)fit;
        t->left -= (int64_t)fit;
        a->through_row = c->first_row + (c->kept_at ? c->kept_at[sent - 1] + 1 : sent);
        t->report->target_bytes += part + fit * ROW_OVERHEAD;
        if (t->r->commit_rows > 0 && a->in_piece >= t->r->commit_rows && !t->single &&
            a->source.metadata->member_count > 0 && !close_piece(a, false, err))
            return false;
    }
    entry_of(a)->counts.read += (int64_t)c->read;
    restore_turn_show(t, show_rows, &(int64_t){(int64_t)c->read});
    return true;
}

static void tell_damage(struct passage *a, const struct rows_chunk *c)
{
    struct restore_damage damage = {.archive = (char *)a->source.source->key,
                                    .first_row = c->first_row,
                                    .rows = a->source.metadata->record_count};
    char line[sizeof(struct err)];

    err_line(&c->err, line, sizeof(line));
    damage.detail = line;
    if (c->index) {
        damage.rows = c->index->rows;
        damage.min_key = c->index->min_key;
        damage.max_key = c->index->max_key;
    }
    a->damaged = true;
    restore_report_damage(a->turn->report, &damage);
    log_msg(LOG_WARN, "%s", line);
}

static bool send_rows(struct passage *a, struct err *err)
{
    const struct rows_chunk *chunk;

    while (a->turn->left > 0) {
        if (stop_asked(a->turn->r->stop))
            return err_set(err, ERR_INTERRUPTED, "the operator stopped the restore");
        if (!rows_next(a->rows, &chunk, err))
            return false;
        if (!chunk)
            break;
        if (chunk->damaged)
            tell_damage(a, chunk);
        else if (!send_chunk(a, chunk, err))
            return false;
    }
    return true;
}

/* --- the archive --- */

/* An archive without index is only known to be whole when all of it was read. */
static bool probe(struct passage *a, bool *ret_good, struct err *err)
{
    struct rows_params params = restore_source_rows(a->turn->p, &a->source, false);
    const struct rows_chunk *chunk = NULL;
    struct rows *rows = rows_open(&params, err);
    bool ok = rows != NULL;

    do
        ok = ok && rows_next(rows, &chunk, err);
    while (ok && chunk);
    rows_close(rows);
    *ret_good = ok;
    if (ok || err->kind != ERR_DATA)
        return ok;
    struct rows_chunk lost = {.err = *err};
    tell_damage(a, &lost);
    return true;
}

static bool prove_keys(struct passage *a, struct err *err)
{
    struct restore_turn *t = a->turn;
    const struct metadata *m = a->source.metadata;
    struct buf manifest = BUF_INIT;
    enum evidence_answer answer;

    key_sibling(a->source.source->key, KEY_MANIFEST, NULL, &manifest);
    struct evidence_params params = {.conn = t->conn,
                                     .info = t->info,
                                     .manifest = {.store = t->p->store,
                                                  .key = buf_str(&manifest),
                                                  .cipher = m->cipher},
                                     .records = m->record_count};
    bool ok = evidence_in_table(&params, &answer, err);
    buf_done(&manifest);
    if (ok && answer == EVIDENCE_UNKNOWN)
        restore_report_note(t->report, "%s: the table has no key: its rows were counted only",
                            a->source.source->key);
    if (!ok || answer == EVIDENCE_ALL || answer == EVIDENCE_UNKNOWN)
        return ok;
    err_set(err, ERR_DATA, "not every key of the archive is in the table");
    return err_in(err, "%s", a->source.source->key);
}

static void loss_seen(const struct decode_loss *loss, void *state)
{
    struct passage *a = state;
    const struct source *source = a->source.source;
    struct buf table = BUF_INIT;

    buf_addf(&table, "%s.%s.%s", source->database_name, source->schema, source->table_name);
    struct restore_loss lost = {.table = table.data,
                                .column = (char *)loss->column,
                                .reason = (char *)loss->reason,
                                .gone = loss->gone,
                                .rows = loss->rows};
    restore_report_loss(a->turn->report, &lost);
    buf_done(&table);
}

/* With rows of its own or without: that the archive is through is written down too. */
static bool end_archive(struct passage *a, struct err *err)
{
    struct restore_turn *t = a->turn;
    struct restore_archive *entry = entry_of(a);

    a->through_row = a->source.metadata->record_count;
    rows_losses(a->rows, loss_seen, a);
    if (!open_piece(a, err) || !close_piece(a, true, err) ||
        (t->r->rollback && !t->r->dry_run && !prove_keys(a, err)))
        return false;
    if (a->source.whole && !a->damaged && t->r->conflict == RESTORE_FAIL && !t->r->dry_run &&
        entry->counts.restored > (int64_t)a->source.metadata->record_count)
        return err_set(err, ERR_DATA, "more rows came back than the archive holds");
    entry->status = t->r->dry_run ? "would restore" : a->damaged ? "damaged" : "restored";
    restore_turn_show(t, show_archive, &(uint64_t){a->source.metadata->object_bytes});
    if (t->r->dry_run)
        return true;
    if (t->r->rollback || entry->counts.restored + entry->counts.updated > 0)
        restore_turn_mark(t, &a->source);
    if (t->single)
        return true;
    if (!restore_turn_triggers_on(t, err) || !restore_turn_commit_archives(t, err))
        return false;
    restore_turn_tell(t);
    return true;
}

static bool passage_open(struct passage *a, struct err *err)
{
    struct restore_turn *t = a->turn;
    struct import_params params = {.schema = t->p->schema,
                                   .table = t->p->table,
                                   .partitioned = t->info->relkind == 'p',
                                   .target = t->info->shape,
                                   .archive = a->source.metadata->shape,
                                   .mapping = a->source.mapping,
                                   .conflict = (enum import_conflict)t->r->conflict,
                                   .key = t->r->conflict_key,
                                   .count_only = t->r->dry_run};

    a->import = import_new(t->conn, &params, err);
    if (!a->import)
        return false;
    struct rows_params rows = restore_source_rows(t->p, &a->source, true);
    rows.from_row = a->through_row;
    a->rows = rows_open(&rows, err);
    return a->rows != NULL;
}

static void passage_done(struct passage *a)
{
    rows_close(a->rows);
    import_free(a->import);
    restore_source_done(&a->source);
}

/* Whether the archive is to be read at all. */
static bool is_wanted(struct passage *a, const struct source *source, bool *ret_wanted,
                      struct err *err)
{
    struct restore_turn *t = a->turn;
    bool whole = false, complete = false;

    *ret_wanted = false;
    if (t->r->new_only &&
        !restored_whole(t->conn, t->p->schema, t->p->table, source->key, &whole, err))
        return false;
    if (t->restored &&
        !restored_done_through(t->restored, source->key, &a->through_row, &complete, err))
        return false;
    if (complete)
        entry_of(a)->status = "done before";
    *ret_wanted = !whole && !complete && t->left > 0;
    return true;
}

/* A restore that was killed after the COMMIT did not come to tell the catalog. */
static bool mark_again(struct passage *a, const struct source *source, struct err *err)
{
    if (strcmp(entry_of(a)->status, "done before") != 0)
        return true;
    if (!restore_source_open(a->turn->p, source, a->turn->conn, NULL, &a->source, err))
        return false;
    restore_turn_mark(a->turn, &a->source);
    return true;
}

static bool lose_archive(struct passage *a, const struct source *source, const struct err *err)
{
    struct restore_damage damage = {.archive = (char *)source->key, .rows = source->records};
    char line[sizeof(*err)];

    err_line(err, line, sizeof(line));
    damage.detail = line;
    restore_report_damage(a->turn->report, &damage);
    entry_of(a)->status = "damaged";
    log_msg(LOG_WARN, "%s", line);
    return true;
}

bool restore_archive(struct restore_turn *t, const struct source *source, struct err *err)
{
    struct passage a = {.turn = t, .entry = t->report->archive_count};
    bool wanted, good = true, ok = false;

    restore_report_archive(t->report, source->key)->bytes = source->bytes;
    if (!is_wanted(&a, source, &wanted, err))
        goto out;
    if (!wanted) {
        ok = mark_again(&a, source, err);
        goto out;
    }
    if (!restore_source_open(t->p, source, t->conn, t->info, &a.source, err)) {
        ok = err->kind == ERR_DATA && t->r->skip_damaged && lose_archive(&a, source, err);
        goto out;
    }
    entry_of(&a)->status = "failed";
    if (t->r->skip_damaged && a.source.metadata->member_count == 0 && !probe(&a, &good, err))
        goto out;
    if (!good) {
        entry_of(&a)->status = "damaged";
        ok = true;
        goto out;
    }
    ok = passage_open(&a, err) && send_rows(&a, err) && end_archive(&a, err);
out:
    passage_done(&a);
    if (!ok && !t->single)
        entry_of(&a)->counts = a.kept;
    return ok || err_in(err, "%s", source->key);
}
