/* SPDX-License-Identifier: PostgreSQL */
#include "overview.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "catalog/catalog.h"
#include "postgres/introspect.h"
#include "postgres/plan.h"

/* As many rows are counted where an index leads to them; more are estimated. */
#define COUNTED_MAX 20000
/* A look must not cost the server more than a look. */
#define LIMITS "SET statement_timeout = '10s'; SET lock_timeout = '2s'"

/* --- the server --- */

/* Is there nothing at all below the cutoff? Only what the index's end says. */
static bool none_is_older(const struct plan *plan, const struct introspect_table *info,
                          const struct buf *oldest)
{
    int64_t us;

    if (!info->timestamp_index || strcmp(info->timestamp_type, "timestamptz") != 0)
        return false;
    if (oldest->len == 0)
        return true;
    return text_to_time(oldest->data, oldest->len, &us) && us >= plan->cutoff_us;
}

static bool ask_eligible(struct conn *conn, const struct plan *plan,
                         const struct introspect_table *info, const struct buf *oldest,
                         struct overview_table *ret, struct err *err)
{
    int64_t rows;
    bool ok = true;

    if (none_is_older(plan, info, oldest)) {
        ret->eligible = 0;
        ret->eligible_exact = true;
        return true;
    }
    if (!plan_estimate(conn, plan, info, &ret->eligible, err))
        return false;
    if (info->timestamp_index && ret->eligible < COUNTED_MAX / 2) {
        ok = plan_count(conn, plan, info, COUNTED_MAX, NULL, &rows, NULL, err);
        if (ok && (rows < COUNTED_MAX || rows > ret->eligible)) {
            ret->eligible = rows;
            ret->eligible_exact = rows < COUNTED_MAX;
        }
    }
    return ok;
}

static void take_sizes(const struct introspect_table *info, struct overview_table *ret)
{
    ret->rows = info->rows_estimate;
    ret->bytes = info->total_bytes;
    ret->index = info->timestamp_index;
    ret->partitions = info->has_children ? info->leaf_count : 0;
    if (ret->eligible > 0 && ret->rows > 0) {
        double share = (double)ret->eligible / (double)ret->rows;
        ret->eligible_bytes = (uint64_t)((share < 1 ? share : 1) * (double)ret->bytes);
    }
}

static bool look_at_table(struct conn *conn, const struct config_table *table,
                          struct overview_table *ret, struct err *err)
{
    struct introspect_table *info = introspect_table(conn, table, err);
    struct plan_params params = {.table = table, .info = info};
    struct plan *plan = info ? plan_make(conn, &params, err) : NULL;
    struct buf oldest = BUF_INIT;
    bool ok = plan && introspect_bounds(conn, info, &oldest, NULL, err) &&
              ask_eligible(conn, plan, info, &oldest, ret, err);

    if (ok) {
        take_sizes(info, ret);
        snprintf(ret->oldest, sizeof(ret->oldest), "%s", buf_str(&oldest));
        snprintf(ret->cutoff, sizeof(ret->cutoff), "%s", plan->cutoff);
    }
    buf_done(&oldest);
    plan_free(plan);
    introspect_free(info);
    return ok;
}

bool overview_database(const struct config_database *database, const struct stop *stop,
                       overview_each each, void *state, struct err *err)
{
    struct conn *conn = conn_open(database, NULL, err);

    if (!conn)
        return false;
    bool ok = conn_exec(conn, LIMITS, err);
    for (size_t i = 0; ok && i < database->table_count && !stop_asked(stop); i++) {
        struct overview_table table = {.table = &database->tables[i], .rows = -1, .eligible = -1};
        if (!conn_alive(conn))
            err_set(&table.err, ERR_NETWORK, "the connection was lost");
        else
            look_at_table(conn, table.table, &table, &table.err);
        each(&table, state);
    }
    conn_close(conn);
    return ok;
}

/* --- the store --- */

static struct overview_month *month_of(struct overview_archived *a, int year, int month)
{
    size_t at = a->month_count;

    while (at > 0 && (a->months[at - 1].year > year ||
                      (a->months[at - 1].year == year && a->months[at - 1].month >= month)))
        at--;
    if (at < a->month_count && a->months[at].year == year && a->months[at].month == month)
        return &a->months[at];
    a->months = mem_grow(a->months, (a->month_count + 1) * sizeof(*a->months));
    memmove(&a->months[at + 1], &a->months[at], (a->month_count - at) * sizeof(*a->months));
    a->months[at] = (struct overview_month){.year = year, .month = month};
    a->month_count++;
    return &a->months[at];
}

static void add_entry(const struct catalog_entry *entry, struct overview_archived *a)
{
    int64_t made_us = 0, rows_us;
    int year, month, day;

    if (entry->archived_at)
        text_to_time(entry->archived_at, strlen(entry->archived_at), &made_us);
    a->archives++;
    a->rows += (int64_t)entry->records;
    a->bytes += entry->bytes;
    a->line_bytes += entry->line_bytes;
    a->last_us = made_us > a->last_us ? made_us : a->last_us;
    if (!entry->min_timestamp ||
        !text_to_time(entry->min_timestamp, strlen(entry->min_timestamp), &rows_us) ||
        rows_us == INT64_MIN || rows_us == INT64_MAX)
        rows_us = made_us;
    text_civil(rows_us, &year, &month, &day);
    struct overview_month *m = month_of(a, year, month);
    m->rows += (int64_t)entry->records;
    m->bytes += entry->bytes;
}

bool overview_archived(struct store *store, const struct config *config,
                       const struct config_database *database, const struct config_table *table,
                       struct overview_archived *ret_archived, struct err *err)
{
    struct key_table key = {.prefix = config->s3.prefix,
                            .database = database->name,
                            .schema = table->schema,
                            .table = table->name};
    struct catalog *catalog = catalog_read(store, &key, err);

    *ret_archived = (struct overview_archived){0};
    if (!catalog)
        return false;
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->entries[i].state == CATALOG_SETTLED)
            add_entry(&catalog->entries[i], ret_archived);
    }
    catalog_free(catalog);
    return true;
}

void overview_archived_done(struct overview_archived *archived)
{
    free(archived->months);
    archived->months = NULL;
    archived->month_count = 0;
}

/* --- one table in words --- */

static void describe_rights(const struct introspect_table *info, struct buf *text)
{
    buf_addf(text, "-- rights: SELECT %s, DELETE %s, lock rows %s, VACUUM %s\n",
             info->can_select ? "yes" : "NO", info->can_delete ? "yes" : "NO",
             info->can_lock ? "yes" : "no", info->can_vacuum ? "yes" : "no");
    if (info->row_security)
        buf_adds(text, "-- row security hides rows from this role\n");
    if (info->foreign_keys_here > 0)
        buf_addf(text, "-- foreign keys that point here: %s\n", info->foreign_keys_text);
    if (info->triggers > 0)
        buf_addf(text, "-- triggers that fire when rows are deleted: %s\n", info->triggers_text);
    if (!info->timestamp_index)
        buf_adds(text,
                 "-- no index starts with the timestamp column: every batch reads the table\n");
}

static void describe_size(const struct introspect_table *info, struct buf *text)
{
    buf_adds(text, "-- about ");
    text_add_count(text, info->rows_estimate > 0 ? (uint64_t)info->rows_estimate : 0);
    buf_adds(text, " rows, ");
    text_add_bytes(text, info->heap_bytes);
    buf_adds(text, " of rows, ");
    text_add_bytes(text, info->total_bytes);
    buf_adds(text, " with indexes");
    if (info->has_children)
        buf_addf(text, ", in %zu partitions", info->leaf_count);
    buf_adds(text, "\n");
}

bool overview_describe(const struct config_database *database, const struct config_table *table,
                       struct buf *ret_text, struct err *err)
{
    struct conn *conn = conn_open(database, NULL, err);
    struct introspect_table *info = NULL;
    struct buf ddl = BUF_INIT;
    bool ok = conn && conn_exec(conn, LIMITS, err) && (info = introspect_table(conn, table, err)) &&
              introspect_ddl(conn, info, &ddl, err);

    if (ok) {
        describe_size(info, ret_text);
        describe_rights(info, ret_text);
        buf_addf(ret_text, "\n%s\n", buf_str(&ddl));
    }
    buf_done(&ddl);
    introspect_free(info);
    conn_close(conn);
    return ok;
}
