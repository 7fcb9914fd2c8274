/* SPDX-License-Identifier: PostgreSQL
 *
 * That a leaf's bounds lie before the cutoff is the server's word: with constraint_exclusion it
 * plans a query for rows that would stay as one that reads nothing, where the partition's
 * constraint, those of all levels above it included, shows that there can be none.
 */
#include "postgres/way.h"

#include "base/json.h"

/* TID range scans. */
#define HEAP_SINCE 140000
/* Of the table's rows; where more than that leave, its blocks in their order are read at least as
 * fast as an index that points to all of them. */
#define MOST 0.5

static const char *column_of(const struct way_params *p)
{
    return p->info->shape->columns[p->info->shape->timestamp_column].name;
}

static bool has_ranges(const struct way_params *p)
{
    return conn_server(p->conn)->version_num >= HEAP_SINCE;
}

/* --- rows by batch --- */

static void take(struct plan *plan, enum plan_way way, const char *reason)
{
    plan->way = way;
    plan->strategy = plan_way_name(way);
    plan->reason = reason;
}

static void take_heap(struct plan *plan, const char *why)
{
    take(plan, PLAN_HEAP, arena_printf(plan->arena, "%s: blocks in their order", why));
}

/* Index order, or what comes nearest to it. */
static void take_index(struct plan *plan, const struct way_params *p, const char *why)
{
    bool has = p->info->timestamp_index;

    take(plan, PLAN_INDEX,
         arena_printf(plan->arena, "%s%s index starts with %s: %s", why, has ? "an" : "no",
                      column_of(p),
                      has ? "oldest rows first" : "every batch reads the table from its start"));
}

static void choose(struct plan *plan, const struct way_params *p)
{
    int64_t rows = p->info->rows_estimate;
    double share = rows > 0 ? (double)p->eligible / (double)rows : 0;

    if (!has_ranges(p))
        take_index(plan, p, p->info->timestamp_index ? "" : "before PostgreSQL 14, and ");
    else if (!p->info->timestamp_index)
        take_heap(plan, arena_printf(plan->arena, "no index starts with %s", column_of(p)));
    else if (share > MOST)
        take_heap(plan, arena_printf(plan->arena, "about %.0f %% of the rows leave",
                                     share < 1 ? share * 100 : 100));
    else
        take_index(plan, p, "");
}

static bool no_index(const struct way_params *p, struct err *err)
{
    const struct config_table *table = p->table;

    err_set(err, ERR_PREFLIGHT, "strategy: index is not possible");
    err_why(err, "no index starts with %s", table->timestamp_column);
    return err_hint(err, "CREATE INDEX CONCURRENTLY ON \"%s\".\"%s\" (\"%s\"), or strategy: auto",
                    table->schema, table->name, table->timestamp_column);
}

/* --- whole partitions --- */

/* Is `column < upper` all that is asked of a row? */
static bool only_the_cutoff(const struct plan *plan, const struct way_params *p)
{
    struct buf sql = BUF_INIT;

    conn_add_ident(p->conn, &sql, column_of(p));
    buf_addf(&sql, " < %s", plan->upper);
    bool only = strcmp(buf_str(&sql), plan->eligible_sql) == 0;
    buf_done(&sql);
    return only;
}

/* What the configuration asks for and the table cannot do. */
static bool may_leave_whole(const struct way_params *p, struct err *err)
{
    const char *why = NULL;

    if (!has_ranges(p))
        why = "it needs PostgreSQL 14 or later";
    else if (p->info->relkind != 'p')
        why = "the table is not a partitioned one";
    else if (p->table->settings.where)
        why = "`where` picks rows, and a partition that is dropped takes all of them along";
    if (!why)
        return true;
    err_set(err, ERR_PREFLIGHT, "strategy: partition is not possible");
    err_why(err, "%s", why);
    return err_hint(err, "strategy: auto finds the rows one by one");
}

/* Why no leaf at all leaves whole this time; NULL: nothing speaks against it. */
static const char *no_leaf(const struct plan *plan, const struct way_params *p)
{
    if (p->info->foreign_keys_here > 0)
        return "foreign keys point at the table";
    if (p->info->triggers > 0)
        return "a DROP would not fire its DELETE triggers";
    if (p->limited)
        return "the run has a limit";
    if (!only_the_cutoff(plan, p))
        return "not all old rows are to leave: a start date, or rows that a restore brought back";
    return NULL;
}

static bool reads_nothing(const char *explained, bool *ret_nothing, struct err *err)
{
    struct json_object *root = json_parse(explained, strlen(explained), "EXPLAIN", err);
    struct json_object *plan;

    if (!root)
        return false;
    plan = json_opt(json_object_array_get_idx(root, 0), "Plan");
    *ret_nothing = plan && strcmp(json_opt_str(plan, "Node Type", ""), "Result") == 0 &&
                   strcmp(json_opt_str(plan, "One-Time Filter", ""), "false") == 0;
    json_object_put(root);
    return true;
}

static bool is_before(const struct plan *plan, const struct way_params *p,
                      const struct introspect_leaf *leaf, bool *ret_before, struct err *err)
{
    struct buf column = BUF_INIT, sql = BUF_INIT, explained = BUF_INIT;
    bool found;

    conn_add_ident(p->conn, &column, column_of(p));
    buf_adds(&sql, "EXPLAIN (FORMAT JSON) SELECT FROM ONLY ");
    conn_add_table(p->conn, &sql, leaf->schema, leaf->table);
    buf_addf(&sql, " WHERE %s >= %s OR %s IS NULL", buf_str(&column), plan->upper,
             buf_str(&column));
    bool ok = conn_value(p->conn, buf_str(&sql), 0, NULL, &explained, &found, err) &&
              reads_nothing(buf_str(&explained), ret_before, err);
    buf_done(&column);
    buf_done(&sql);
    buf_done(&explained);
    return ok;
}

/* A view on it, or a table that inherits from it: the DROP would be refused. */
static bool is_needed(const struct way_params *p, const struct introspect_leaf *leaf,
                      bool *ret_needed, struct err *err)
{
    static const char sql[] =
        "SELECT EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass"
        " AND refobjid = $1::regclass AND classid = 'pg_rewrite'::regclass)";
    struct buf name = BUF_INIT, needed = BUF_INIT;
    bool found;

    conn_add_table(p->conn, &name, leaf->schema, leaf->table);
    bool ok =
        conn_value(p->conn, sql, 1, (const char *const[]){buf_str(&name)}, &needed, &found, err);
    *ret_needed = ok && buf_str(&needed)[0] == 't';
    buf_done(&name);
    buf_done(&needed);
    return ok;
}

struct found {
    size_t whole;
    size_t kept_by_views, not_ours; /* old enough, and yet not */
};

static bool look_at_leaf(const struct plan *plan, const struct way_params *p,
                         struct introspect_leaf *leaf, struct found *found, struct err *err)
{
    bool before = false, needed = false;

    if (!leaf->bounds)
        return true;
    if (!is_before(plan, p, leaf, &before, err) || (before && !is_needed(p, leaf, &needed, err)))
        return false;
    found->not_ours += before && !leaf->can_drop;
    found->kept_by_views += before && leaf->can_drop && needed;
    leaf->whole = before && leaf->can_drop && !needed;
    found->whole += leaf->whole;
    return true;
}

static bool find_whole(const struct plan *plan, const struct way_params *p, struct found *found,
                       struct err *err)
{
    bool ok = conn_exec(p->conn, "BEGIN; SET LOCAL constraint_exclusion = on", err);

    for (size_t i = 0; ok && i < p->info->leaf_count; i++)
        ok = look_at_leaf(plan, p, &p->info->leaves[i], found, err);
    return conn_end(p->conn, ok, err);
}

static const char *why_none(const struct found *found)
{
    if (found->not_ours > 0)
        return "this role owns none of those that are old enough, or not what they belong to";
    if (found->kept_by_views > 0)
        return "views need those that are old enough";
    return "the bounds of none lie before the cutoff";
}

static bool choose_partitions(struct plan *plan, const struct way_params *p, struct err *err)
{
    struct found found = {0};
    const char *none;

    if (!may_leave_whole(p, err))
        return false;
    none = no_leaf(plan, p);
    if (!none && !find_whole(plan, p, &found, err))
        return false;
    choose(plan, p);
    if (found.whole == 0) {
        plan->reason = arena_printf(plan->arena, "no partition leaves whole, %s; %s",
                                    none ? none : why_none(&found), plan->reason);
        return true;
    }
    plan->strategy = "partition";
    if (found.whole == p->info->leaf_count)
        plan->reason = arena_printf(plan->arena, "all of %zu partitions leave whole", found.whole);
    else
        plan->reason =
            arena_printf(plan->arena, "%zu of %zu partitions leave whole; of the others, %s",
                         found.whole, p->info->leaf_count, plan->reason);
    return true;
}

bool way_choose(struct plan *plan, const struct way_params *params, struct err *err)
{
    plan->exact = params->limited;
    switch ((enum config_strategy)params->table->settings.strategy) {
    case STRATEGY_INDEX:
        if (!params->info->timestamp_index)
            return no_index(params, err);
        take_index(plan, params, "as configured; ");
        return true;
    case STRATEGY_HEAP:
        if (has_ranges(params))
            take_heap(plan, "as configured");
        else
            take_index(plan, params, "no heap ranges before PostgreSQL 14; ");
        return true;
    case STRATEGY_PARTITION:
        return choose_partitions(plan, params, err);
    default:
        choose(plan, params);
        return true;
    }
}
