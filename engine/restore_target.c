/* SPDX-License-Identifier: PostgreSQL */
#include "restore_target.h"

#include "base/fault.h"
#include "base/log.h"
#include "postgres/aside.h"
#include "postgres/create.h"
#include "restore_report.h"

/* --- the table --- */

bool restore_target_exists(struct conn *conn, const struct restore_table_params *table,
                           bool *ret_exists, struct err *err)
{
    struct buf value = BUF_INIT;
    bool ok =
        conn_value(conn,
                   "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                   " WHERE n.nspname = $1 AND c.relname = $2",
                   2, (const char *const[]){table->schema, table->table}, &value, ret_exists, err);

    buf_done(&value);
    return ok;
}

/* The newest archive knows the latest columns. */
static bool create_target(struct restore_turn *t, struct err *err)
{
    const struct source *newest = &t->p->sources[t->p->count - 1];
    struct restore_source source;
    struct buf notes = BUF_INIT;
    bool ok;

    if (!restore_source_open(t->p, newest, t->conn, NULL, &source, err))
        return false;
    ok = restore_turn_begin(t, err) &&
         create_table(t->conn, source.metadata->shape, t->p->schema, t->p->table, &notes, err);
    restore_turn_notes(t, &notes);
    restore_source_done(&source);
    if (!ok)
        return err_in(err, "creating the table");
    t->created = true;
    return t->single || restore_turn_commit(t, err);
}

bool restore_target_advance(struct restore_turn *t, struct err *err)
{
    struct buf notes = BUF_INIT;
    bool ok = !t->created || t->r->dry_run ||
              create_advance_sequences(t->conn, t->p->schema, t->p->table, &notes, err);

    restore_turn_notes(t, &notes);
    return ok;
}

static bool look_at_target(struct restore_turn *t, bool exists, struct err *err)
{
    struct config_table target = {.schema = t->p->schema, .name = t->p->table};

    t->info = introspect_table(t->conn, &target, err);
    if (!t->info && !exists && strncmp(err->hint, "did you mean", 12) != 0)
        err_hint(err, "--create-table makes it as it was archived");
    return t->info != NULL;
}

/* --- differences and size, before anything is written --- */

static void show_total(struct progress_snapshot *s, const void *arg)
{
    struct progress_table *t = progress_now(s);

    t->rows_total = (t->rows_total < 0 ? 0 : t->rows_total) + *(const int64_t *)arg;
}

static void tell_differences(struct restore_turn *t, const struct restore_source *s)
{
    struct buf table = BUF_INIT;

    buf_addf(&table, "%s.%s.%s", t->p->target->name, t->p->schema, t->p->table);
    for (size_t i = 0; i < s->mapping->difference_count; i++) {
        const struct mapping_difference *d = &s->mapping->differences[i];
        struct restore_difference difference = {.table = (char *)buf_str(&table),
                                                .archive = (char *)s->source->key,
                                                .kind = (char *)d->kind,
                                                .column = (char *)d->column,
                                                .archive_type = (char *)d->archive_type,
                                                .target_type = (char *)d->target_type,
                                                .text = (char *)d->text,
                                                .refuses = d->refuses};
        restore_report_difference(t->report, &difference);
    }
    buf_done(&table);
}

static bool refuse(const struct restore_source *s, struct err *err)
{
    const struct mapping *m = s->mapping;

    for (size_t i = 0; i < m->difference_count; i++) {
        if (!m->differences[i].refuses)
            continue;
        err_set(err, ERR_PREFLIGHT, "the archive's columns do not fit the table's");
        err_in(err, "%s", s->source->key);
        err_why(err, "%s", m->differences[i].text);
        return err_hint(err, "--schema lenient, or --schema transform with a mapping file");
    }
    return err_set(err, ERR_PREFLIGHT, "the archive has no column that the table has");
}

static bool look_at_source(struct restore_turn *t, const struct source *source, struct err *err)
{
    struct restore_source s;
    uint64_t bytes = 0, rows = 0;
    bool ok;

    if (!restore_source_open(t->p, source, t->conn, t->info, &s, err))
        return false;
    tell_differences(t, &s);
    struct rows_params rows_params = restore_source_rows(t->p, &s, false);
    ok = rows_plan(&rows_params, &bytes, &rows, err);
    if (ok && (s.mapping->refused || s.mapping->column_count == 0))
        ok = refuse(&s, err);
    t->report->bytes_to_fetch += bytes;
    restore_turn_show(t, show_total, &(int64_t){(int64_t)rows});
    restore_source_done(&s);
    return ok;
}

/* All are looked at, so that all differences are said at once; the first that refuses is the error.
 */
static bool look_at_sources(struct restore_turn *t, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < t->p->count && !stop_asked(t->r->stop); i++) {
        struct err failure;
        if (look_at_source(t, &t->p->sources[i], &failure))
            continue;
        if (failure.kind == ERR_DATA && t->r->skip_damaged)
            continue; /* said when its turn comes */
        if (ok)
            *err = failure;
        ok = false;
        if (failure.kind != ERR_PREFLIGHT)
            break;
    }
    return ok;
}

/* --- indexes --- */

static bool set_indexes_aside(struct restore_turn *t, struct err *err)
{
    struct aside_report report = {0};
    bool ok;

    if (!t->r->drop_indexes || t->r->dry_run || t->created)
        return true;
    t->aside = true;
    ok = aside_indexes_drop(t->conn, t->p->schema, t->p->table, t->r->conflict == RESTORE_FAIL,
                            &report, err);
    if (ok)
        restore_report_note(t->report, "indexes set aside while rows came in: %zu", report.done);
    restore_turn_notes(t, &report.notes);
    aside_report_done(&report);
    return ok && fault_point("restore.indexes_dropped", err);
}

/* Also after a failure: an operator shall not have to. Where even that fails, recover does it. */
bool restore_target_indexes_back(struct restore_turn *t, bool ok, struct err *err)
{
    struct aside_report report = {0};
    struct err failure;
    bool back;

    if (!t->aside || !conn_alive(t->conn))
        return ok;
    back = aside_indexes_put_back(t->conn, t->p->schema, t->p->table, &report, &failure);
    if (back && report.left > 0) {
        back = err_set(&failure, ERR_DATABASE, "%zu indexes could not be made again", report.left);
        err_why(&failure, "%.*s", (int)strcspn(buf_str(&report.notes), "\n"),
                buf_str(&report.notes));
    }
    restore_turn_notes(t, &report.notes);
    aside_report_done(&report);
    if (back)
        return ok;
    err_hint(&failure, "`archiver-tui recover` makes the indexes when the cause is gone");
    if (ok)
        *err = failure;
    else
        log_err(LOG_ERROR, &failure);
    return false;
}

bool restore_target_prepare(struct restore_turn *t, struct err *err)
{
    bool exists;

    if (!restore_target_exists(t->conn, t->p, &exists, err))
        return false;
    if (!exists && t->r->create_table && !create_target(t, err))
        return false;
    /* One that was killed did not come to the sequences of the table that it had made. */
    t->created |= t->r->create_table && t->restored && restored_is_resumed(t->restored);
    return look_at_target(t, exists, err) && look_at_sources(t, err) && set_indexes_aside(t, err);
}
