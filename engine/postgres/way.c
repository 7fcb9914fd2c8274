/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/way.h"

/* TID range scans. */
#define HEAP_SINCE 140000
/* Of the table's rows; where more than that leave, its blocks in their order are read at least as
 * fast as an index that points to all of them. */
#define MOST 0.5

static bool has_ranges(const struct conn_server *server)
{
    return server->version_num >= HEAP_SINCE;
}

static void take_heap(struct plan *plan, const char *reason)
{
    plan->way = PLAN_HEAP;
    plan->strategy = arena_strdup(plan->arena, "heap");
    plan->reason = arena_printf(plan->arena, "%s: blocks in their order", reason);
}

/* Index order, or what comes nearest to it. */
static void take_index(struct plan *plan, const struct plan_params *p, const char *before)
{
    const char *column = p->info->shape->columns[p->info->shape->timestamp_column].name;

    plan->way = PLAN_INDEX;
    plan->strategy = arena_strdup(plan->arena, "index");
    if (p->info->timestamp_index)
        plan->reason = arena_printf(plan->arena, "%san index starts with %s: oldest rows first",
                                    before, column);
    else
        plan->reason =
            arena_printf(plan->arena,
                         "%sno index starts with %s: every batch reads the table from its start",
                         before, column);
}

static void choose(struct plan *plan, const struct conn_server *server, const struct plan_params *p,
                   int64_t eligible)
{
    const char *column = p->info->shape->columns[p->info->shape->timestamp_column].name;
    int64_t rows = p->info->rows_estimate;
    double share = rows > 0 ? (double)eligible / (double)rows : 0;

    if (!has_ranges(server)) {
        take_index(plan, p, p->info->timestamp_index ? "" : "before PostgreSQL 14, and ");
    } else if (!p->info->timestamp_index) {
        char *reason = arena_printf(plan->arena, "no index starts with %s", column);
        take_heap(plan, reason);
    } else if (share > MOST) {
        char *reason = arena_printf(plan->arena, "about %.0f %% of the rows leave",
                                    share < 1 ? share * 100 : 100);
        take_heap(plan, reason);
    } else {
        take_index(plan, p, "");
    }
}

static bool no_index(const struct plan_params *p, struct err *err)
{
    const struct config_table *table = p->table;

    err_set(err, ERR_PREFLIGHT, "strategy: index is not possible");
    err_why(err, "no index starts with %s", table->timestamp_column);
    return err_hint(err, "CREATE INDEX CONCURRENTLY ON \"%s\".\"%s\" (\"%s\"), or strategy: auto",
                    table->schema, table->name, table->timestamp_column);
}

bool way_choose(struct plan *plan, const struct conn_server *server,
                const struct plan_params *params, int64_t eligible, struct err *err)
{
    switch ((enum config_strategy)params->table->settings.strategy) {
    case STRATEGY_INDEX:
        if (!params->info->timestamp_index)
            return no_index(params, err);
        take_index(plan, params, "as configured; ");
        return true;
    case STRATEGY_HEAP:
        if (has_ranges(server))
            take_heap(plan, "as configured");
        else
            take_index(plan, params, "no heap ranges before PostgreSQL 14; ");
        return true;
    default:
        choose(plan, server, params, eligible);
        return true;
    }
}
