/* SPDX-License-Identifier: PostgreSQL
 *
 * Why what was streamed is what is dropped. A version of a row never changes: others can only add
 * versions and remove them. The snapshot S is taken before the first range is read. Under the lock
 * nobody writes, and it is found that
 *
 *   1. no version that is there was made by a transaction that S did not see as over: each of them
 *      was there when every range was read, and the ranges are all blocks, so each was streamed;
 *   2. there are as many as were streamed: so nothing else was.
 *
 * The transaction of a version is compared by its number alone, 32 bits of it: one that is over and
 * not older than the oldest that S saw at work counts as new as well, and so does one from more
 * than two thousand million transactions ago. That errs to the safe side: the leaf stays. Vacuum
 * neither adds nor removes what is to be seen; what would rewrite the table or change its columns
 * waits for the lock of archive_begin.
 *
 * No deadlock that somebody else would have to pay for: writers that wait for our SHARE lock may
 * hold locks on the parent that we need. So those are waited for only for a part of
 * deadlock_timeout at a time, and never while anybody waits for the leaf.
 */
#include "leaf.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "postgres/span.h"

#define TRY_AGAIN_MS 100
#define NO_DROP      "the partition cannot be dropped now"

struct leaf {
    const struct leaf_params *params;
    struct leaf_report *report;
    struct conn *conn;
    struct archive_transaction transaction;
    struct buf name, parent; /* quoted */
    char oldest[24];         /* transaction that S saw at work, modulo 2^32 */
    int64_t begun_us;        /* this host's steady clock */
    struct archive_part **parts;
    size_t part_count;
};

static const struct config_settings *settings_of(const struct leaf *l)
{
    return &l->params->archive->table->settings;
}

/* The leaf's own fault, not the store's or the connection's. */
static bool it_stays(struct leaf *l, const char *why, struct err *err)
{
    l->report->stays = true;
    err_set(err, ERR_TRANSIENT, NO_DROP);
    return err_why(err, "%s", why);
}

/* Where the server refuses, the leaf stays; where it is gone, that is another matter. */
static bool refused(struct leaf *l, struct err *err)
{
    struct err server = *err;

    if (!conn_alive(l->conn) || err->kind == ERR_INTERRUPTED)
        return false;
    return it_stays(l, *server.why ? server.why : server.what, err);
}

/* --- its rows --- */

static bool take_snapshot(struct leaf *l, struct err *err)
{
    struct buf xmin = BUF_INIT;
    bool found;
    bool ok = conn_value(l->conn, "SELECT txid_snapshot_xmin(txid_current_snapshot()) % 4294967296",
                         0, NULL, &xmin, &found, err);

    if (ok)
        snprintf(l->oldest, sizeof(l->oldest), "%s", buf_str(&xmin));
    buf_done(&xmin);
    return ok;
}

/* The last range has no end: blocks that came meanwhile belong to it. */
static void range_sql(const struct leaf *l, const struct span *span, struct buf *sql)
{
    const struct shape *shape = l->params->archive->info->shape;

    buf_reset(sql);
    buf_adds(sql, "COPY (SELECT ");
    for (size_t i = 0; i < shape->column_count; i++) {
        buf_adds(sql, i > 0 ? "," : "");
        conn_add_ident(l->conn, sql, shape->columns[i].name);
    }
    buf_addf(sql, " FROM ONLY %s WHERE ctid >= '(%" PRId64 ",0)'", buf_str(&l->name), span->start);
    if (span->end < span->blocks)
        buf_addf(sql, " AND ctid < '(%" PRId64 ",0)'", span->end);
    buf_adds(sql, ") TO STDOUT");
}

static void name_object(struct leaf *l, const struct archive_part *part)
{
    struct archive_batch object = {0}, *total = &l->report->total;

    archive_part_describe(part, &object);
    buf_reset(&total->key);
    buf_add(&total->key, buf_str(&object.key), object.key.len);
    archive_batch_done(&object);
}

static void add_to_report(struct leaf *l, const struct archive_part *part)
{
    struct archive_batch object = {0}, *total = &l->report->total;

    archive_part_describe(part, &object);
    l->report->objects++;
    total->rows += object.rows;
    total->rows_shown += object.rows_shown;
    total->bytes += object.bytes;
    total->line_bytes += object.line_bytes;
    name_object(l, part);
    l->params->took(l->params->state, &object);
    archive_batch_done(&object);
}

static bool stream_range(struct leaf *l, struct span *span, struct err *err)
{
    struct archive_copy copy = {.transaction = &l->transaction};
    struct archive_part *part;
    struct buf sql = BUF_INIT;
    int64_t before = l->report->total.rows;

    range_sql(l, span, &sql);
    copy.sql = buf_str(&sql);
    bool ok = archive_part_prove(l->params->archiver, l->conn, l->params->leaf, &copy, &part, err);
    buf_done(&sql);
    if (ok && part) {
        l->parts = mem_grow(l->parts, (l->part_count + 1) * sizeof(struct archive_part *));
        l->parts[l->part_count++] = part;
        add_to_report(l, part);
    }
    span_took(span, l->report->total.rows - before, true);
    return ok || err_in(err, "object %" PRId64, l->report->objects + 1);
}

static bool in_time(struct leaf *l, struct err *err)
{
    int64_t limit_us = settings_of(l)->transaction_timeout_minutes * 60 * 1000000;

    return text_monotonic_us() - l->begun_us < limit_us ||
           it_stays(l, "it takes longer than transaction_timeout_minutes", err);
}

static bool stream(struct leaf *l, struct err *err)
{
    struct span span;

    if (!take_snapshot(l, err) || !span_begin(&span, l->conn, l->params->leaf, true, err))
        return refused(l, err);
    while (!span_is_over(&span)) {
        int64_t rows = l->params->ask(l->params->state);
        if (rows == 0)
            return err_set(err, ERR_INTERRUPTED, "the run was stopped within a partition");
        span_range(&span, rows);
        if (!in_time(l, err) || !stream_range(l, &span, err))
            return false;
    }
    return fault_point("leaf.streamed", err);
}

/* --- compared --- */

static bool compare(struct leaf *l, struct err *err)
{
    struct buf sql = BUF_INIT;
    PGresult *result = NULL;
    bool ok = false;

    buf_addf(&sql, "LOCK TABLE ONLY %s IN SHARE MODE", buf_str(&l->name));
    if (!conn_exec(l->conn, buf_str(&sql), err)) {
        refused(l, err);
        goto out;
    }
    buf_reset(&sql);
    buf_addf(&sql,
             "SELECT count(*), count(*) FILTER (WHERE age(xmin) <= age('%s'::xid)),"
             " count(*) FILTER (WHERE (%s) IS NOT TRUE) FROM ONLY %s",
             l->oldest, l->params->archive->plan->eligible_sql, buf_str(&l->name));
    result = conn_query(l->conn, buf_str(&sql), 0, NULL, err);
    if (!result) {
        refused(l, err);
        goto out;
    }
    int64_t rows = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    if (strcmp(PQgetvalue(result, 0, 2), "0") != 0)
        it_stays(l, "it holds rows that are not to leave", err);
    else if (rows != l->report->total.rows || strcmp(PQgetvalue(result, 0, 1), "0") != 0)
        it_stays(l, "somebody wrote to it while it was read, or shortly before", err);
    else
        ok = fault_point("leaf.compared", err);
out:
    PQclear(result);
    buf_done(&sql);
    return ok;
}

/* --- dropped --- */

/* Who waits for the leaf is about to change it, or to read what is not there any more. */
static bool somebody_waits(struct leaf *l, bool *ret_waits, struct err *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted"
                              " AND database = (SELECT oid FROM pg_database"
                              "  WHERE datname = current_database())"
                              " AND relation = $1::regclass)";
    struct buf waits = BUF_INIT;
    bool found;
    bool ok =
        conn_value(l->conn, sql, 1, (const char *const[]){buf_str(&l->name)}, &waits, &found, err);

    *ret_waits = ok && buf_str(&waits)[0] == 't';
    buf_done(&waits);
    return ok;
}

static bool drop_now(struct leaf *l, struct err *err)
{
    static const char patience[] =
        "SELECT set_config('lock_timeout', (SELECT least(400, setting::int / 2)::text FROM"
        " pg_settings WHERE name = 'deadlock_timeout'), true)";
    struct buf sql = BUF_INIT, ignored = BUF_INIT;
    bool found;

    buf_addf(&sql,
             "LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE; LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE"
             " MODE; ALTER TABLE %s DETACH PARTITION %s; DROP TABLE %s",
             buf_str(&l->parent), buf_str(&l->name), buf_str(&l->parent), buf_str(&l->name),
             buf_str(&l->name));
    bool ok = conn_exec(l->conn, "SAVEPOINT archiver_drop", err) &&
              conn_value(l->conn, patience, 0, NULL, &ignored, &found, err) &&
              conn_exec(l->conn, buf_str(&sql), err);
    buf_done(&sql);
    buf_done(&ignored);
    return ok;
}

static bool wait_a_moment(const struct leaf *l, struct err *err)
{
    const struct stop *stop = l->params->archive->stop;
    struct pollfd fd = {.fd = stop_fd(stop), .events = POLLIN};

    poll(&fd, 1, TRY_AGAIN_MS);
    return !stop_asked(stop) ||
           err_set(err, ERR_INTERRUPTED, "the run was stopped within a partition");
}

static bool drop(struct leaf *l, struct err *err)
{
    int64_t until_us = text_monotonic_us() + settings_of(l)->lock_timeout_seconds * 1000000;
    bool waits;

    for (;;) {
        if (!somebody_waits(l, &waits, err))
            return refused(l, err);
        if (waits)
            return it_stays(l, "somebody waits for it", err);
        if (drop_now(l, err))
            return fault_point("leaf.dropped", err);
        struct err why = *err;
        if (err->kind != ERR_TRANSIENT || text_monotonic_us() > until_us)
            return refused(l, err);
        if (!conn_exec(l->conn, "ROLLBACK TO SAVEPOINT archiver_drop", err)) {
            *err = why;
            return refused(l, err);
        }
        if (!wait_a_moment(l, err))
            return false;
    }
}

/* --- the whole of it --- */

/* Not a word of COMMIT was sent, or the server said no. */
static void undo(struct leaf *l)
{
    struct err ignored;

    if (conn_alive(l->conn) && PQtransactionStatus(conn_pg(l->conn)) != PQTRANS_IDLE)
        conn_exec(l->conn, "ROLLBACK", &ignored);
    for (size_t i = 0; i < l->part_count; i++)
        archive_part_undo(l->parts[i]);
}

/* Of those that recover has to settle, one is named, and its failure is told. */
static bool settle_parts(struct leaf *l, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; i < l->part_count; i++) {
        struct err failure;
        if (archive_part_end(l->parts[i], true, &failure))
            continue;
        name_object(l, l->parts[i]);
        *err = failure;
        ok = false;
    }
    return ok;
}

static bool commit(struct leaf *l, struct err *err)
{
    bool ok = false;

    switch (archive_commit(l->conn, err)) {
    case COMMIT_DONE:
        ok = settle_parts(l, err);
        l->report->outcome = ok ? ARCHIVE_SETTLED : ARCHIVE_UNKNOWN;
        return ok;
    case COMMIT_UNANSWERED:
        for (size_t i = 0; i < l->part_count; i++)
            archive_part_end(l->parts[i], false, err);
        l->report->outcome = ARCHIVE_UNKNOWN;
        return false;
    default:
        undo(l);
        return false;
    }
}

static bool prove(struct leaf *l, struct err *err)
{
    if (!archive_begin(l->params->archive, l->conn, l->params->leaf, true, &l->transaction, err))
        return err->kind == ERR_TRANSIENT ? refused(l, err) : false;
    if (!stream(l, err))
        return false;
    if (l->report->total.rows == 0) {
        l->report->outcome = ARCHIVE_EMPTY;
        return true;
    }
    return compare(l, err) && drop(l, err);
}

bool leaf_archive(const struct leaf_params *params, struct leaf_report *report, struct err *err)
{
    struct leaf l = {.params = params,
                     .report = report,
                     .conn = params->conn,
                     .begun_us = text_monotonic_us()};
    const struct introspect_leaf *leaf = params->leaf;
    bool ok;

    *report = (struct leaf_report){.outcome = ARCHIVE_UNDONE};
    conn_add_table(l.conn, &l.name, leaf->schema, leaf->table);
    conn_add_table(l.conn, &l.parent, leaf->parent_schema, leaf->parent_table);
    ok = prove(&l, err);
    if (!ok || report->outcome == ARCHIVE_EMPTY)
        undo(&l);
    else
        ok = commit(&l, err);
    for (size_t i = 0; i < l.part_count; i++)
        archive_part_free(l.parts[i]);
    free(l.parts);
    buf_done(&l.name);
    buf_done(&l.parent);
    return ok || err_in(err, "%s.%s", leaf->schema, leaf->table);
}
