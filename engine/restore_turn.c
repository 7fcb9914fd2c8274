/* SPDX-License-Identifier: PostgreSQL */
#include "restore_turn.h"

#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "postgres/aside.h"
#include "restore_report.h"

void restore_turn_show(struct restore_turn *t,
                       void (*change)(struct progress_snapshot *, const void *), const void *arg)
{
    if (t->r->progress)
        progress_change(t->r->progress, change, arg);
}

void restore_turn_notes(struct restore_turn *t, struct buf *lines)
{
    char *at = lines->data;

    for (char *end; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        if (!end)
            break;
        restore_report_note(t->report, "%.*s", (int)(end - at), at);
    }
    buf_done(lines);
}

bool restore_turn_begin(struct restore_turn *t, struct err *err)
{
    if (t->in_transaction)
        return true;
    if (!fault_point("restore.begin", err) || !conn_exec(t->conn, "BEGIN", err))
        return false;
    t->in_transaction = true;
    return true;
}

void restore_turn_roll_back(struct restore_turn *t)
{
    struct err ignored;

    if (t->in_transaction && conn_alive(t->conn))
        conn_exec(t->conn, "ROLLBACK", &ignored);
    t->in_transaction = false;
}

bool restore_turn_triggers_on(struct restore_turn *t, struct err *err)
{
    bool ok = t->triggers.len == 0 || aside_triggers_on(t->conn, buf_str(&t->triggers), err);

    buf_reset(&t->triggers);
    return ok;
}

/* The tag counts: a failed transaction answers COMMIT with ROLLBACK, without an error. */
bool restore_turn_commit(struct restore_turn *t, struct err *err)
{
    PGconn *pg = conn_pg(t->conn);
    PGresult *result;
    bool ok;

    if (!fault_point("restore.before_commit", err))
        return false;
    result = PQexec(pg, "COMMIT");
    ok = PQresultStatus(result) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    if (!ok && PQresultStatus(result) == PGRES_COMMAND_OK)
        err_set(err, ERR_DATABASE, "the server rolled back instead of committing");
    else if (!ok)
        err_pg(err, pg, result, "COMMIT failed");
    PQclear(result);
    if (!ok && !conn_alive(t->conn))
        err_hint(err, "ask for the same restore again: it goes on where this one stopped");
    t->in_transaction = false;
    return ok;
}

void restore_turn_count(struct restore_turn *t)
{
    for (; t->committed < t->report->archive_count; t->committed++)
        restore_report_add(&t->report->counts, &t->report->archives[t->committed].counts);
}

void restore_turn_forget(struct restore_turn *t)
{
    for (size_t i = t->committed; i < t->report->archive_count; i++) {
        struct restore_archive *a = &t->report->archives[i];
        if (strcmp(a->status, "done before") == 0 || strcmp(a->status, "not wanted") == 0)
            continue;
        a->status = "failed";
        if (t->single)
            a->counts = (struct restore_counts){.read = a->counts.read};
    }
    restore_turn_count(t);
}

bool restore_turn_commit_archives(struct restore_turn *t, struct err *err)
{
    if (!restore_turn_commit(t, err))
        return false;
    restore_turn_count(t);
    return fault_point("restore.committed", err);
}

void restore_turn_mark(struct restore_turn *t, const struct restore_source *s)
{
    bool ours = strcmp(s->metadata->version, "3") == 0;
    struct catalog_entry *e;

    if ((t->mark_count & (t->mark_count + 1)) == 0)
        t->marks = mem_grow(t->marks, (t->mark_count * 2 + 2) * sizeof(*t->marks));
    e = &t->marks[t->mark_count++];
    catalog_entry_from(s->metadata,
                       !ours                                          ? CATALOG_FOREIGN
                       : t->r->rollback                               ? CATALOG_ROLLED_BACK
                       : strcmp(s->source->state, "rolled_back") == 0 ? CATALOG_ROLLED_BACK
                                                                      : CATALOG_SETTLED,
                       e);
    e->key = s->source->key;
    catalog_entry_keep(e, t->arena);
}

void restore_turn_tell(struct restore_turn *t)
{
    const struct source *first = &t->p->sources[0];
    struct key_table table = {.prefix = t->r->config->s3.prefix,
                              .database = first->database_name,
                              .schema = first->schema,
                              .table = first->table_name};
    struct buf now = BUF_INIT;
    struct catalog_writer *writer;
    struct err err;

    if (t->marks_told == t->mark_count)
        return;
    /* A second later than anything written so far: the last word on an archive counts. */
    writer =
        catalog_writer_new(t->p->store, &table, t->report->restore_id, text_now_us() + 1000000);
    text_add_time(&now, text_now_us());
    for (; t->marks_told < t->mark_count; t->marks_told++) {
        t->marks[t->marks_told].restored_at = buf_str(&now);
        if (fault_point("restore.catalog", &err) &&
            catalog_settle(writer, &t->marks[t->marks_told], &err))
            continue;
        restore_report_note(
            t->report,
            "the rows are back, but the catalog could not be told: the list does not show it");
        log_err(LOG_WARN, &err);
        break;
    }
    t->marks_told = t->mark_count;
    catalog_writer_free(writer);
    buf_done(&now);
}
