/* SPDX-License-Identifier: PostgreSQL */
#include "restore.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "postgres/url.h"
#include "restore_report.h"
#include "restore_table.h"
#include "runs.h"

/* What all tables' turns work with. */
struct means {
    struct store *store;
    struct earlier_schemas *schemas;
    struct keyring *keyring;
    struct pool *pool;
    struct config_database url; /* the target where one is given as a URL; name NULL: none is */
};

/* --- the target's database --- */

static const struct config_database *find_database(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->database_count; i++) {
        if (strcmp(config->databases[i].name, name) == 0)
            return &config->databases[i];
    }
    return NULL;
}

static bool choose_database(const struct restore_params *p, const struct source *source,
                            const struct config_database *url, const struct config_database **ret,
                            struct err *err)
{
    const char *name = p->to_database ? p->to_database : source->database_name;

    *ret = url->name ? url : find_database(p->config, name);
    if (*ret)
        return true;
    err_set(err, p->to_database ? ERR_USAGE : ERR_PREFLIGHT,
            "database %s is not in the configuration", name);
    err_in(err, "%s", p->config->path);
    return err_hint(err, "--to-database NAME, or a postgresql:// URL");
}

/* --- table by table --- */

static bool same_table(const struct source *a, const struct source *b)
{
    return strcmp(a->database_name, b->database_name) == 0 && strcmp(a->schema, b->schema) == 0 &&
           strcmp(a->table_name, b->table_name) == 0;
}

static size_t group_end(const struct sources *all, size_t first)
{
    size_t end = first + 1;

    while (end < all->count && same_table(&all->items[first], &all->items[end]))
        end++;
    return end;
}

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

static void restore_group(const struct restore_params *p, const struct source *sources,
                          size_t count, const struct means *means, struct restore_report *report)
{
    struct err failure = ERR_INIT;
    struct restore_table_params table = {.restore = p,
                                         .sources = sources,
                                         .count = count,
                                         .schema = p->to_schema ? p->to_schema : sources->schema,
                                         .table = p->to_table ? p->to_table : sources->table_name,
                                         .store = means->store,
                                         .schemas = means->schemas,
                                         .keyring = means->keyring,
                                         .pool = means->pool,
                                         .limit = rows_left(p, report)};

    report->tables++;
    if (!choose_database(p, sources, &means->url, &table.target, &failure) ||
        !restore_table(&table, report, &failure))
        table_failed(report, sources, &failure);
}

static bool one_table(const struct restore_params *p, const struct sources *all, struct err *err)
{
    if (!p->to_table || group_end(all, 0) == all->count)
        return true;
    err_set(err, ERR_USAGE, "--to-table: the archives are of more than one table");
    err_why(err, "%s.%s and %s.%s", all->items[0].schema, all->items[0].table_name,
            all->items[all->count - 1].schema, all->items[all->count - 1].table_name);
    return err_hint(err, "choose one with -t");
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

static bool find_sources(const struct restore_params *p, struct store *store, struct sources *ret,
                         struct err *err)
{
    struct sources_params params = {.config = p->config,
                                    .store = store,
                                    .stop = p->stop,
                                    .keys = p->keys,
                                    .key_count = p->key_count,
                                    .run_id = p->run_id,
                                    .database = p->database,
                                    .schema = p->schema,
                                    .table = p->table,
                                    .start_date = p->start_date,
                                    .end_date = p->end_date,
                                    .archived_from = p->archived_from,
                                    .archived_to = p->archived_to};

    return sources_find(&params, ret, err);
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
    struct sources sources = {0};
    struct means means = {0};
    struct arena *arena = arena_new();
    bool ok = false;

    *report = (struct restore_report){.dry_run = params->dry_run, .started_us = text_now_us()};
    snprintf(report->restore_id, sizeof(report->restore_id), "%s", params->restore_id);
    log_set_run(report->restore_id);
    if (params->to_database && url_is(params->to_database) &&
        !url_read(params->to_database, arena, &means.url, err)) {
        err_in(err, "--to-database");
        goto out;
    }
    means.store = store_open(&params->config->s3, params->stop, err);
    if (!means.store || !find_sources(params, means.store, &sources, err) ||
        !one_table(params, &sources, err))
        goto out;
    means.schemas = earlier_schemas_new(means.store);
    means.keyring = keyring_new(params->config);
    means.pool = pool_new(pool_cores(), "open", err);
    if (!means.pool)
        goto out;
    for (size_t i = 0, end; i < sources.count && !stop_asked(params->stop); i = end) {
        end = group_end(&sources, i);
        restore_group(params, &sources.items[i], end - i, &means, report);
    }
    count_requests(means.store, report);
    report->ended_us = text_now_us();
    report->status = status_of(params, report);
    if (!params->dry_run)
        keep_report(means.store, params->config, report, arena);
    ok = true;
out:
    pool_free(means.pool);
    sources_done(&sources);
    earlier_schemas_free(means.schemas);
    keyring_free(means.keyring);
    store_close(means.store);
    arena_free(arena);
    return ok;
}
