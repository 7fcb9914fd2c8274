/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/plan.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/text.h"
#include "postgres/restored.h"

#define DAY_US INT64_C(86400000000)

/* --- the cutoff --- */

/* A host clock that is a year off cuts nothing (the server's clock does), but it names objects and
 * says that something is wrong; a server's clock that is off cuts the wrong rows. */
static bool check_clock(struct conn *conn, const struct config_settings *s, struct err *err)
{
    int64_t days = s->safety_buffer_days > 1 ? s->safety_buffer_days : 1;
    int64_t skew = conn_server(conn)->clock_skew_us;

    if (skew > -days * DAY_US && skew < days * DAY_US)
        return true;
    err_set(err, ERR_PREFLIGHT, "the server's clock and this host's are %" PRId64 " days apart",
            (skew < 0 ? -skew : skew) / DAY_US);
    err_why(err, "the cutoff would not be what retention_days means");
    return err_hint(err, "set the clock that is wrong, then run again");
}

static bool parse_date(const char *flag, const char *text, struct buf *ret_utc, int64_t *ret_us,
                       struct err *err)
{
    buf_reset(ret_utc);
    if (!text)
        return true;
    if (!text_to_time(text, strlen(text), ret_us) || *ret_us == INT64_MAX || *ret_us == INT64_MIN) {
        err_set(err, ERR_USAGE, "%s: \"%s\" is not a date or timestamp", flag, text);
        return err_hint(err, "for example 2026-01-31 or 2026-01-31T12:00:00Z");
    }
    text_add_time(ret_utc, *ret_us);
    return true;
}

/* A timestamptz expression as a value of the column's type. Where the type is coarser than the
 * limit, the limit moves up to the next value: `column < limit` means the same for what the column
 * can hold; for a date, which is a whole day, the upper limit stays on the day. */
static char *in_column_type(struct conn *conn, const struct plan_params *p, const char *value,
                            bool upper)
{
    static const char *const scale[] = {
        [EPOCH_SECONDS] = "1", [EPOCH_MS] = "1000", [EPOCH_US] = "1000000"};
    const struct config_settings *s = &p->table->settings;
    const char *type = p->info->timestamp_type;
    struct buf zone = BUF_INIT;
    char *sql;

    conn_add_literal(conn, &zone, s->timezone ? s->timezone : "UTC");
    if (strcmp(type, "timestamptz") == 0)
        sql = mem_printf("(%s)::timestamptz", value);
    else if (strcmp(type, "timestamp") == 0)
        sql = mem_printf("(%s)::timestamptz AT TIME ZONE %s", value, buf_str(&zone));
    else if (strcmp(type, "date") == 0)
        sql = mem_printf("((%s)::timestamptz AT TIME ZONE %s%s)::date", value, buf_str(&zone),
                         upper ? "" : " + interval '1 day' - interval '1 microsecond'");
    else
        sql = mem_printf("ceil(extract(epoch FROM (%s)::timestamptz)::numeric * %s)::int8", value,
                         scale[s->epoch_unit]);
    buf_done(&zone);
    return sql;
}

static const char *literal_type(const struct plan_params *p)
{
    return p->info->timestamp_type[0] == 'i' ? "int8" : p->info->timestamp_type;
}

static char *literal_of(struct conn *conn, const struct plan_params *p, struct arena *arena,
                        const char *text)
{
    struct buf literal = BUF_INIT;

    conn_add_literal(conn, &literal, text);
    char *ret = arena_printf(arena, "%s::%s", buf_str(&literal), literal_type(p));
    buf_done(&literal);
    return ret;
}

/* The cutoff and both limits, all by the server's clock and zone tables. */
static bool ask_limits(struct conn *conn, const struct plan_params *p, struct plan *plan,
                       const char *start, const char *end, struct err *err)
{
    const struct config_settings *s = &p->table->settings;
    char *upper =
        in_column_type(conn, p, "least(l.cutoff, coalesce($3::timestamptz, l.cutoff))", true);
    char *lower = in_column_type(conn, p, "$2", false);
    char *sql = mem_printf("SELECT l.cutoff, (%s)::text, (%s)::text FROM (SELECT"
                           " now() - make_interval(days => $1::int) AS cutoff) l",
                           upper, lower);
    char days[24];
    struct buf cutoff = BUF_INIT;
    PGresult *result;

    snprintf(days, sizeof(days), "%" PRId64, s->retention_days + s->safety_buffer_days);
    result = conn_query(conn, sql, 3,
                        (const char *const[]){days, *start ? start : NULL, *end ? end : NULL}, err);
    free(upper);
    free(lower);
    free(sql);
    if (!result)
        return err_in(err, "cutoff");
    if (!text_to_time(PQgetvalue(result, 0, 0), strlen(PQgetvalue(result, 0, 0)),
                      &plan->cutoff_us)) {
        err_set(err, ERR_PREFLIGHT, "retention_days: the cutoff would be %s",
                PQgetvalue(result, 0, 0));
        PQclear(result);
        return false;
    }
    text_add_time(&cutoff, plan->cutoff_us);
    plan->cutoff = arena_strdup(plan->arena, buf_str(&cutoff));
    plan->upper = literal_of(conn, p, plan->arena, PQgetvalue(result, 0, 1));
    if (!PQgetisnull(result, 0, 2))
        plan->lower = literal_of(conn, p, plan->arena, PQgetvalue(result, 0, 2));
    buf_done(&cutoff);
    PQclear(result);
    return true;
}

/* --- the condition --- */

static void add_timestamp(struct conn *conn, const struct introspect_table *info, struct buf *sql)
{
    conn_add_ident(conn, sql, info->shape->columns[info->shape->timestamp_column].name);
}

static bool make_condition(struct conn *conn, const struct plan_params *p, struct plan *plan,
                           struct err *err)
{
    struct buf sql = BUF_INIT, restored = BUF_INIT;

    if (!p->include_restored &&
        !restored_condition(conn, p->table->schema, p->table->name, &restored, err)) {
        buf_done(&restored);
        return false;
    }

    add_timestamp(conn, p->info, &sql);
    buf_addf(&sql, " < %s", plan->upper);
    if (plan->lower) {
        buf_adds(&sql, " AND ");
        add_timestamp(conn, p->info, &sql);
        buf_addf(&sql, " >= %s", plan->lower);
    }
    if (restored.len > 0)
        buf_addf(&sql, " AND %s", buf_str(&restored));
    /* On lines of its own: a comment in it ends with it. */
    if (p->table->settings.where)
        buf_addf(&sql, " AND (\n%s\n)", p->table->settings.where);
    plan->eligible_sql = arena_strdup(plan->arena, buf_str(&sql));
    buf_done(&sql);
    buf_done(&restored);
    return true;
}

/* The filter alone, in a place where only one whole expression can stand: one that ends our
 * parenthesis and goes on with OR would not be bound by the cutoff any more. */
static bool check_where(struct conn *conn, const struct plan_params *p, struct err *err)
{
    const struct introspect_leaf *leaf = &p->info->leaves[0];
    struct buf sql = BUF_INIT;

    if (!p->table->settings.where || p->info->leaf_count == 0)
        return true;
    buf_addf(&sql, "SELECT CASE WHEN\n%s\nTHEN 1 END FROM ", p->table->settings.where);
    conn_add_table(conn, &sql, leaf->schema, leaf->table);
    buf_adds(&sql, " LIMIT 0");
    PGresult *result = conn_query(conn, buf_str(&sql), 0, NULL, err);
    buf_done(&sql);
    if (result) {
        PQclear(result);
        return true;
    }
    if (err->kind == ERR_DATABASE || err->kind == ERR_PREFLIGHT) {
        struct err server = *err;
        err_set(err, ERR_CONFIG, "where: the server does not take this filter");
        err_why(err, "%s", server.why);
        err_hint(err, "one SQL condition over the table's columns is expected");
    }
    return false;
}

struct plan *plan_make(struct conn *conn, const struct plan_params *params, struct err *err)
{
    struct arena *arena = arena_new();
    struct plan *plan = arena_alloc(arena, sizeof(*plan));
    struct buf start = BUF_INIT, end = BUF_INIT;
    int64_t start_us = INT64_MIN, end_us = INT64_MAX;
    bool ok = false;

    plan->arena = arena;
    if (!check_clock(conn, &params->table->settings, err) ||
        !parse_date("--start-date", params->start_date, &start, &start_us, err) ||
        !parse_date("--end-date", params->end_date, &end, &end_us, err))
        goto out;
    if (start_us >= end_us) {
        err_set(err, ERR_USAGE, "--start-date is not before --end-date");
        goto out;
    }
    if (!ask_limits(conn, params, plan, buf_str(&start), buf_str(&end), err) ||
        !check_where(conn, params, err) || !make_condition(conn, params, plan, err))
        goto out;
    plan->strategy = plan_way_name(plan->way);
    ok = true;
out:
    buf_done(&start);
    buf_done(&end);
    if (ok)
        return plan;
    plan_free(plan);
    return NULL;
}

const char *plan_way_name(enum plan_way way)
{
    return way == PLAN_HEAP ? "heap" : "index";
}

void plan_free(struct plan *plan)
{
    if (plan)
        arena_free(plan->arena); /* the plan itself stands in it */
}

/* --- how many --- */

static void add_leaf(struct conn *conn, const struct introspect_leaf *leaf, struct buf *sql)
{
    buf_adds(sql, "ONLY ");
    conn_add_table(conn, sql, leaf->schema, leaf->table);
}

bool plan_count(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                int64_t cap, const struct stop *stop, int64_t *ret_rows, struct buf *ret_oldest,
                struct err *err)
{
    struct buf sql = BUF_INIT, column = BUF_INIT;
    PGresult *result = NULL;

    *ret_rows = 0;
    if (ret_oldest)
        buf_reset(ret_oldest);
    if (info->leaf_count == 0)
        return true;
    add_timestamp(conn, info, &column);
    buf_adds(&sql, "SELECT sum(n), min(oldest) FROM (");
    for (size_t i = 0; i < info->leaf_count; i++) {
        buf_addf(&sql, "%sSELECT count(*) AS n, min(t) AS oldest FROM (SELECT %s AS t FROM ",
                 i ? " UNION ALL " : "", buf_str(&column));
        add_leaf(conn, &info->leaves[i], &sql);
        buf_addf(&sql, " WHERE %s", plan->eligible_sql);
        if (cap > 0)
            buf_addf(&sql, " LIMIT %" PRId64, cap);
        buf_addf(&sql, ") q%zu", i);
    }
    buf_adds(&sql, ") leaves");
    result = conn_query_stop(conn, buf_str(&sql), stop, err);
    if (result) {
        *ret_rows = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        if (ret_oldest)
            buf_adds(ret_oldest, PQgetvalue(result, 0, 1));
    } else {
        err_in(err, "counting rows");
    }
    PQclear(result);
    buf_done(&sql);
    buf_done(&column);
    return result != NULL;
}

static bool rows_of_explain(const char *json, int64_t *ret_rows, struct err *err)
{
    struct json_object *root = json_parse(json, strlen(json), "EXPLAIN", err);
    struct json_object *plan;

    if (!root)
        return false;
    plan = json_opt(json_object_array_get_idx(root, 0), "Plan");
    *ret_rows = plan ? json_opt_int(plan, "Plan Rows", 0) : 0;
    json_object_put(root);
    return true;
}

bool plan_estimate(struct conn *conn, const struct plan *plan, const struct introspect_table *info,
                   int64_t *ret_rows, struct err *err)
{
    struct buf sql = BUF_INIT, json = BUF_INIT;
    bool ok = true, found;

    *ret_rows = 0;
    for (size_t i = 0; ok && i < info->leaf_count; i++) {
        int64_t rows = 0;
        buf_reset(&sql);
        buf_adds(&sql, "EXPLAIN (FORMAT JSON) SELECT 1 FROM ");
        add_leaf(conn, &info->leaves[i], &sql);
        buf_addf(&sql, " WHERE %s", plan->eligible_sql);
        ok = conn_value(conn, buf_str(&sql), 0, NULL, &json, &found, err) &&
             rows_of_explain(buf_str(&json), &rows, err);
        *ret_rows += rows;
    }
    buf_done(&sql);
    buf_done(&json);
    return ok;
}
