/* SPDX-License-Identifier: PostgreSQL */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "roster.h"
#include "runlock.h"
#include "runs.h"
#include "turn.h"

static enum run_status overall(const struct run_report *report)
{
    size_t failed = 0, stopped = 0;

    for (size_t i = 0; i < report->table_count; i++) {
        failed += report->tables[i].status == RUN_FAILURE;
        stopped += report->tables[i].status == RUN_STOPPED;
    }
    if (failed == report->table_count)
        return RUN_FAILURE;
    if (failed > 0)
        return RUN_PARTIAL;
    return stopped > 0 ? RUN_STOPPED : RUN_SUCCESS;
}

int run_exit_code(const struct run_report *report)
{
    if (report->status == RUN_SUCCESS)
        return 0;
    if (report->status == RUN_STOPPED)
        return err_exit_code(ERR_INTERRUPTED);
    if (report->status == RUN_PARTIAL)
        return err_exit_code(ERR_PARTIAL);
    /* All failed: the one reason says most; with several reasons it is plain failure. */
    int code = err_exit_code(report->tables[0].err.kind);
    for (size_t i = 1; i < report->table_count; i++) {
        if (err_exit_code(report->tables[i].err.kind) != code)
            return err_exit_code(ERR_DATABASE);
    }
    return code;
}

static void keep_report(struct store *store, const struct config *config,
                        const struct run_report *report)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);

    run_report_write(report, &j);
    runs_keep(store, config, report->run_id, &json);
    buf_done(&json);
}

static void log_requests(struct store *store)
{
    struct store_stats stats;

    store_stats(store, &stats);
    log_msg(LOG_DEBUG,
            "store: %" PRIu64 " requests, %" PRIu64 " bytes sent, %" PRIu64 " received, %" PRIu64
            " retries",
            stats.requests, stats.bytes_sent, stats.bytes_received, stats.retries);
}

static void begin_report(const struct run_params *params, const struct targets *targets,
                         struct run_report *report)
{
    *report = (struct run_report){.dry_run = params->dry_run, .started_us = text_now_us()};
    snprintf(report->run_id, sizeof(report->run_id), "%s", params->run_id);
    report->tables = mem_alloc(targets->count * sizeof(*report->tables));
    report->table_count = targets->count;
    for (size_t i = 0; i < targets->count; i++) {
        report->tables[i].database = targets->items[i].database->name;
        report->tables[i].schema = targets->items[i].table->schema;
        report->tables[i].table = targets->items[i].table->name;
        report->tables[i].eligible = -1;
    }
}

/* What the threads share that take one table after another. */
struct crowd {
    const struct turn *common; /* what every table's turn has */
    const struct targets *targets;
    struct roster *roster;
    atomic_bool stopped; /* also by a stop file, which nobody asks `stop` for */
};

/* False: another run holds the table, and it comes again. */
static bool take_turn(struct crowd *c, struct turn *turn)
{
    const struct run_params *params = turn->params;
    bool limit = turn_run_is_full(turn);

    if (!limit && !c->stopped && !stop_asked(params->stop)) {
        turn_run(turn);
        if (turn->table->err.kind == ERR_LOCKED && roster_held(c->roster, turn->number)) {
            turn_comes_again(turn);
            return false;
        }
        turn_report(turn);
        if (turn->table->status == RUN_STOPPED)
            c->stopped = true;
        return true;
    }
    if (!limit)
        turn->table->status = RUN_STOPPED;
    turn_leave_out(turn, limit ? TABLE_SKIPPED : TABLE_STOPPED);
    return true;
}

static void *run_some(void *arg)
{
    struct crowd *c = arg;
    struct turn_session session = {0};
    size_t number;

    while (roster_take(c->roster, c->common->params->stop, &number)) {
        struct turn turn = *c->common;
        turn.target = &c->targets->items[number];
        turn.table = &turn.report->tables[number];
        turn.number = number;
        turn.session = &session;
        if (take_turn(c, &turn))
            roster_over(c->roster, number);
    }
    turn_session_done(&session);
    return NULL;
}

static void *run_thread(void *arg)
{
    pthread_setname_np(pthread_self(), "table");
    return run_some(arg);
}

/* In this thread, and in as many more as find something to do at a time. */
static void run_tables(struct turn *common, const struct targets *targets)
{
    struct turn_tally tally = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct crowd c = {.common = common,
                      .targets = targets,
                      .roster = roster_new(common->params->config, targets)};
    size_t count = roster_threads(c.roster), begun = 0;
    pthread_t *threads = mem_alloc((count + 1) * sizeof(*threads));

    common->tally = &tally;
    while (begun + 1 < count && pthread_create(&threads[begun], NULL, run_thread, &c) == 0)
        begun++;
    run_some(&c);
    for (size_t i = 0; i < begun; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    roster_free(c.roster);
    pthread_mutex_destroy(&tally.lock);
}

static bool take_lock(const struct run_params *params, int *ret_fd, struct err *err)
{
    const struct config_settings *settings = &params->config->defaults;
    struct runlock_params lock = {.path = params->dry_run ? NULL : settings->lock_file,
                                  .run_id = params->run_id,
                                  .wait_s = settings->lock_wait_seconds,
                                  .stop = params->stop};

    return runlock_take(&lock, ret_fd, err);
}

bool run_archive(const struct run_params *params, struct run_report *report, struct err *err)
{
    struct targets targets = {0};
    struct turn common = {.params = params,
                          .report = report,
                          .keyring = keyring_new(params->config)};
    int lock;
    bool ok = false;

    *report = (struct run_report){0};
    if (!take_lock(params, &lock, err) || !keyring_ready(common.keyring, err) ||
        !targets_find(params->config, params->database, params->schema, params->table, &targets,
                      err))
        goto out;
    common.store = store_open(&params->config->s3, params->stop, err);
    if (!common.store)
        goto out;
    common.pool = pool_new(pool_cores(), "seal", err);
    if (!common.pool)
        goto out;
    begin_report(params, &targets, report);
    log_set_run(report->run_id);
    for (size_t i = 0; params->progress && i < targets.count; i++)
        progress_add_table(params->progress, targets.items[i].database->name,
                           targets.items[i].table->schema, targets.items[i].table->name);
    run_tables(&common, &targets);
    report->ended_us = text_now_us();
    report->status = overall(report);
    if (!params->dry_run)
        keep_report(common.store, params->config, report);
    log_requests(common.store);
    ok = true;
out:
    pool_free(common.pool);
    store_close(common.store);
    keyring_free(common.keyring);
    targets_done(&targets);
    runlock_release(lock);
    return ok;
}
