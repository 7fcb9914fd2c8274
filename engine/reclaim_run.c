/* SPDX-License-Identifier: PostgreSQL */
#include "reclaim_run.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "targets.h"

struct turn {
    const struct reclaim_run_params *params;
    struct reclaim_table *table;
    size_t number;
    struct reclaim_params work;
    struct conn *conn;
    struct monitor_subject subject;
    struct introspect_table *info;
};

const char *reclaim_status_name(enum reclaim_status status)
{
    static const char *const names[RECLAIM_STATUSES] = {"done", "planned", "not due", "stopped",
                                                        "failed"};

    return names[status];
}

/* --- progress --- */

static void show_begin(struct progress_snapshot *s, const void *arg)
{
    s->tables[*(const size_t *)arg].state = TABLE_RUNNING;
}

static void show_end(struct progress_snapshot *s, const void *arg)
{
    static const enum progress_state states[RECLAIM_STATUSES] = {
        [RECLAIM_DONE] = TABLE_DONE,       [RECLAIM_PLANNED] = TABLE_DONE,
        [RECLAIM_NOT_DUE] = TABLE_SKIPPED, [RECLAIM_STOPPED] = TABLE_STOPPED,
        [RECLAIM_FAILED] = TABLE_FAILED,
    };
    const struct turn *turn = arg;
    struct progress_table *t = &s->tables[turn->number];

    t->state = states[turn->table->status];
    t->phases[PHASE_VACUUM] = turn->table->space.seconds;
    t->phase[0] = '\0';
    if (turn->table->err.kind != ERR_NONE)
        err_line(&turn->table->err, t->error, sizeof(t->error));
}

static void show(struct turn *t, void (*change)(struct progress_snapshot *, const void *),
                 const void *arg)
{
    if (t->params->progress)
        progress_change(t->params->progress, change, arg);
}

/* --- one table --- */

static struct key_table key_table_of(const struct turn *t)
{
    return (struct key_table){.prefix = t->params->config->s3.prefix,
                              .database = t->table->database,
                              .schema = t->table->schema,
                              .table = t->table->table};
}

static bool connect_to(struct turn *t, struct err *err)
{
    const struct config_table *table = t->work.table;

    t->conn = conn_open(t->work.database, t->params->run_id, err);
    if (!t->conn)
        return false;
    t->subject = (struct monitor_subject){.database = t->work.database,
                                          .pid = PQbackendPID(conn_pg(t->conn)),
                                          .max_blocked_s = table->settings.max_blocked_seconds,
                                          .table = t->number};
    monitor_watch(t->params->monitor, &t->subject);
    if (conn_server(t->conn)->in_recovery) {
        err_set(err, ERR_PREFLIGHT, "the server is a standby");
        return err_hint(err, "connect to the primary");
    }
    t->info = introspect_table(t->conn, table, err);
    if (!t->info)
        return false;
    if (t->info->can_vacuum)
        return true;
    err_set(err, ERR_PERMISSION, "no right to VACUUM");
    return err_hint(err, "a table is vacuumed by its owner; from PostgreSQL 17 on also by whom it "
                         "grants MAINTAIN");
}

/* The server's own word: autovacuum, or somebody else, may have been there. */
static bool is_still_due(struct turn *t, bool *ret, struct err *err)
{
    struct key_table table = key_table_of(t);
    int64_t last_us;

    if (!vacuum_last(t->conn, t->info, &last_us, err))
        return false;
    *ret = last_us < t->table->due.until_us;
    return *ret || t->params->dry_run || due_clear(t->work.store, &table, err);
}

/* What is put off, or left to autovacuum, is done all the same when it is asked for. */
static enum config_vacuum strategy_of(const struct turn *t)
{
    bool full = t->work.table->settings.vacuum_strategy == VACUUM_FULL;

    return full ? VACUUM_FULL : VACUUM_STANDARD;
}

static bool give_back(struct turn *t, struct err *err)
{
    struct reclaim_rows left = {.count = t->table->due.rows,
                                .noted = true,
                                .txid = t->table->due.txid};

    t->work.conn = t->conn;
    t->work.subject = &t->subject;
    t->work.number = t->number;
    t->work.info = t->info;
    if (!reclaim_begin(&t->work, &t->table->space, err))
        return false;
    t->table->space.strategy = strategy_of(t);
    t->table->space.after = t->table->space.before;
    t->table->status = RECLAIM_PLANNED;
    if (t->params->dry_run)
        return true;
    t->table->status = RECLAIM_DONE;
    return reclaim_now(&t->work, &left, &t->table->space, err);
}

static bool take_turn(struct turn *t, struct err *err)
{
    struct key_table table = key_table_of(t);
    bool due;

    if (!due_read(t->work.store, &table, &t->table->due, &t->table->was_due, err))
        return false;
    due = t->table->was_due || !t->params->due;
    if (due && (!connect_to(t, err) || (t->params->due && !is_still_due(t, &due, err))))
        return false;
    t->table->status = RECLAIM_NOT_DUE;
    return !due || give_back(t, err);
}

static void run_table(struct turn *t)
{
    struct err err = ERR_INIT;

    show(t, show_begin, &t->number);
    if (!take_turn(t, &err)) {
        bool stopped = err.kind == ERR_INTERRUPTED;
        err_in(&err, "%s.%s.%s", t->table->database, t->table->schema, t->table->table);
        t->table->err = err;
        t->table->status = stopped ? RECLAIM_STOPPED : RECLAIM_FAILED;
        log_err(stopped ? LOG_WARN : LOG_ERROR, &err);
    }
    monitor_leave(t->params->monitor, &t->subject);
    introspect_free(t->info);
    conn_close(t->conn);
    show(t, show_end, t);
}

/* --- all --- */

static void begin_report(const struct reclaim_run_params *p, const struct targets *targets,
                         struct reclaim_report *report)
{
    snprintf(report->run_id, sizeof(report->run_id), "%s", p->run_id);
    report->started_us = text_now_us();
    report->tables = mem_alloc(targets->count * sizeof(*report->tables));
    report->table_count = targets->count;
    for (size_t i = 0; i < targets->count; i++) {
        const struct target *target = &targets->items[i];
        report->tables[i] = (struct reclaim_table){.database = target->database->name,
                                                   .schema = target->table->schema,
                                                   .table = target->table->name,
                                                   .status = RECLAIM_STOPPED};
        if (p->progress)
            progress_add_table(p->progress, target->database->name, target->table->schema,
                               target->table->name);
    }
}

bool reclaim_run(const struct reclaim_run_params *p, struct reclaim_report *report, struct err *err)
{
    struct targets targets = {0};
    struct reclaim_params common; /* of every turn */
    struct store *store = NULL;
    bool ok = false;

    *report = (struct reclaim_report){0};
    if (!targets_find(p->config, p->database, p->schema, p->table, &targets, err))
        goto out;
    store = store_open(&p->config->s3, p->stop, err);
    if (!store)
        goto out;
    begin_report(p, &targets, report);
    log_set_run(report->run_id);
    common = (struct reclaim_params){.config = p->config,
                                     .run_id = p->run_id,
                                     .stop = p->stop,
                                     .progress = p->progress,
                                     .monitor = p->monitor,
                                     .store = store};
    for (size_t i = 0; i < targets.count; i++) {
        struct turn turn = {.params = p, .table = &report->tables[i], .number = i, .work = common};
        turn.work.database = targets.items[i].database;
        turn.work.table = targets.items[i].table;
        if (!stop_asked(p->stop))
            run_table(&turn);
        report->counts[report->tables[i].status]++;
    }
    report->ended_us = text_now_us();
    ok = true;
out:
    store_close(store);
    targets_done(&targets);
    return ok;
}

void reclaim_report_done(struct reclaim_report *report)
{
    free(report->tables);
    *report = (struct reclaim_report){0};
}

const char *reclaim_report_status(const struct reclaim_report *r)
{
    if (r->counts[RECLAIM_FAILED] == r->table_count)
        return "failure";
    if (r->counts[RECLAIM_FAILED] > 0)
        return "partial";
    return r->counts[RECLAIM_STOPPED] > 0 ? "stopped" : "success";
}

int reclaim_exit_code(const struct reclaim_report *r)
{
    if (r->counts[RECLAIM_FAILED] == r->table_count)
        return err_exit_code(r->tables[0].err.kind);
    if (r->counts[RECLAIM_FAILED] > 0)
        return err_exit_code(ERR_PARTIAL);
    return r->counts[RECLAIM_STOPPED] > 0 ? err_exit_code(ERR_INTERRUPTED) : 0;
}

uint64_t reclaim_before(const struct reclaim_table *table)
{
    return vacuum_sum(&table->space.before);
}

uint64_t reclaim_after(const struct reclaim_table *table)
{
    return vacuum_sum(&table->space.after);
}

static void write_due(const struct reclaim_table *t, struct json_out *j)
{
    json_key(j, "due");
    if (!t->was_due) {
        json_add_null(j);
        return;
    }
    json_begin_object(j);
    json_put_time(j, "since", t->due.since_us);
    json_put_time(j, "until", t->due.until_us);
    json_put_int(j, "rows", t->due.rows);
    json_put_str(j, "run_id", t->due.run_id);
    json_end(j);
}

static void write_table(const struct reclaim_table *t, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "database", t->database);
    json_put_str(j, "schema", t->schema);
    json_put_str(j, "table", t->table);
    json_put_str(j, "status", reclaim_status_name(t->status));
    write_due(t, j);
    json_put_int(j, "size_before", (int64_t)reclaim_before(t));
    json_put_int(j, "size_after", (int64_t)reclaim_after(t));
    json_key(j, "space");
    reclaim_write(&t->space, j);
    json_put_err(j, "error", &t->err);
    json_end(j);
}

void reclaim_report_write(const struct reclaim_report *r, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "run_id", r->run_id);
    json_put_str(j, "status", reclaim_report_status(r));
    json_put_time(j, "started_at", r->started_us);
    json_put_time(j, "ended_at", r->ended_us);
    json_key(j, "tables");
    json_begin_array(j);
    for (size_t i = 0; i < r->table_count; i++)
        write_table(&r->tables[i], j);
    json_end(j);
    json_end(j);
}
