/* SPDX-License-Identifier: PostgreSQL */
#include "restore.h"

#include "base/log.h"
#include "base/text.h"
#include "restore_means.h"
#include "restore_report.h"
#include "runs.h"

/* --- table by table --- */

static void table_failed(struct restore_report *report, const struct source *source,
                         struct err *failure)
{
    err_in(failure, "%s.%s.%s", source->database_name, source->schema, source->table_name);
    log_err(failure->kind == ERR_INTERRUPTED ? LOG_WARN : LOG_ERROR, failure);
    err_also(&report->err, failure);
    report->tables_failed++;
}

static int64_t rows_left(const struct restore_params *p, const struct restore_report *r)
{
    if (p->limit == 0)
        return INT64_MAX;
    return p->limit - (r->counts.restored + r->counts.updated + r->counts.skipped);
}

static void restore_group(const struct restore_means *means, size_t first, struct pool *pool,
                          struct restore_report *report)
{
    struct err failure = ERR_INIT;
    struct restore_table_params table;

    report->tables++;
    bool ok = restore_means_table(means, first, &table, &failure);
    table.pool = pool;
    table.limit = rows_left(means->params, report);
    if (!ok || !restore_table(&table, report, &failure))
        table_failed(report, &means->sources.items[first], &failure);
}

static const char *status_of(const struct restore_params *p, const struct restore_report *r)
{
    if (r->err.kind == ERR_INTERRUPTED || (r->tables_failed == 0 && stop_asked(p->stop)))
        return "stopped";
    if (r->tables_failed == r->tables && r->tables > 0)
        return "failure";
    return r->tables_failed > 0 || r->damage_count > 0 ? "partial" : "success";
}

int restore_exit_code(const struct restore_report *r)
{
    if (strcmp(r->status, "success") == 0)
        return 0;
    if (strcmp(r->status, "stopped") == 0)
        return err_exit_code(ERR_INTERRUPTED);
    return strcmp(r->status, "partial") == 0 ? err_exit_code(ERR_PARTIAL)
                                             : err_exit_code(r->err.kind);
}

/* --- the restore --- */

/* Keys of rows, and what a server says of them, stay out of a store that holds encrypted archives.
 */
static void without_keys(struct restore_report *r, struct arena *arena)
{
    struct restore_damage *damages =
        arena_alloc(arena, (r->damage_count + 1) * sizeof(*r->damages));

    for (size_t i = 0; i < r->damage_count; i++) {
        damages[i] = r->damages[i];
        damages[i].min_key = damages[i].max_key = NULL;
    }
    r->damages = damages;
    r->conflict_count = 0;
    r->err.why[0] = '\0';
}

static void keep_report(struct store *store, const struct config *config,
                        const struct restore_report *report, struct arena *arena)
{
    struct restore_report kept = *report;
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);
    char name[sizeof(report->restore_id) + 8];

    if (config->encryption.enabled)
        without_keys(&kept, arena);
    restore_report_write(&kept, &j);
    snprintf(name, sizeof(name), "%s-restore", report->restore_id);
    runs_keep(store, config, name, &json);
    buf_done(&json);
}

static void count_requests(struct store *store, struct restore_report *report)
{
    struct store_stats stats;

    store_stats(store, &stats);
    report->requests = stats.requests;
    report->bytes_fetched = stats.bytes_received;
}

bool restore_run(const struct restore_params *params, struct restore_report *report,
                 struct err *err)
{
    struct restore_means means;
    struct pool *pool = NULL;
    bool ok = false;

    *report = (struct restore_report){.dry_run = params->dry_run, .started_us = text_now_us()};
    snprintf(report->restore_id, sizeof(report->restore_id), "%s", params->restore_id);
    log_set_run(report->restore_id);
    if (!restore_means_open(&means, params, err))
        goto out;
    pool = pool_new(pool_cores(), "open", err);
    if (!pool)
        goto out;
    for (size_t i = 0; i < means.sources.count && !stop_asked(params->stop);
         i = restore_means_end(&means, i))
        restore_group(&means, i, pool, report);
    count_requests(means.store, report);
    report->ended_us = text_now_us();
    report->status = status_of(params, report);
    if (!params->dry_run)
        keep_report(means.store, params->config, report, means.arena);
    ok = true;
out:
    pool_free(pool);
    restore_means_done(&means);
    return ok;
}
