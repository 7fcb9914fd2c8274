/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/vacuum.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"

/* What a smaller index wastes is not worth a word. */
#define INDEX_BYTES_LEAST (1 << 20)

const char *vacuum_strategy_name(enum config_vacuum strategy)
{
    static const char *const names[] = {[VACUUM_NONE] = "none",
                                        [VACUUM_ANALYZE] = "analyze",
                                        [VACUUM_STANDARD] = "standard",
                                        [VACUUM_FULL] = "full",
                                        [VACUUM_DEFERRED] = "deferred"};

    return names[strategy];
}

/* --- the statement --- */

static bool run_statement(struct conn *conn, const char *sql, const struct stop *stop,
                          struct err *err)
{
    PGresult *result = conn_query_stop(conn, sql, stop, err);

    if (!result && err->kind == ERR_INTERRUPTED)
        return err_set(err, ERR_INTERRUPTED, "the operator stopped the vacuum");
    if (!result)
        return false;
    PQclear(result);
    return true;
}

static void add_regclass(struct conn *conn, const struct introspect_leaf *leaf, struct buf *sql)
{
    struct buf name = BUF_INIT;

    conn_add_table(conn, &name, leaf->schema, leaf->table);
    buf_adds(sql, "to_regclass(");
    conn_add_literal(conn, sql, buf_str(&name));
    buf_addc(sql, ')');
    buf_done(&name);
}

static bool is_there(struct conn *conn, const struct introspect_leaf *leaf, bool *ret,
                     struct err *err)
{
    struct buf sql = BUF_INIT, value = BUF_INIT;

    buf_adds(&sql, "SELECT ");
    add_regclass(conn, leaf, &sql);
    bool ok = conn_value(conn, buf_str(&sql), 0, NULL, &value, ret, err);
    buf_done(&sql);
    buf_done(&value);
    return ok;
}

bool vacuum_table(struct conn *conn, const struct introspect_table *table,
                  enum config_vacuum strategy, const struct stop *stop, struct err *err)
{
    static const char *const statements[] = {
        [VACUUM_ANALYZE] = "ANALYZE ",
        [VACUUM_STANDARD] = "VACUUM (ANALYZE) ",
        [VACUUM_FULL] = "VACUUM (FULL, ANALYZE) ",
    };
    struct buf sql = BUF_INIT;
    bool ok = true, there;

    for (size_t i = 0; ok && i < table->leaf_count; i++) {
        ok = is_there(conn, &table->leaves[i], &there, err);
        if (!ok || !there)
            continue;
        buf_reset(&sql);
        buf_adds(&sql, statements[strategy]);
        conn_add_table(conn, &sql, table->leaves[i].schema, table->leaves[i].table);
        ok = run_statement(conn, buf_str(&sql), stop, err) ||
             err_in(err, "%s%s.%s", statements[strategy], table->leaves[i].schema,
                    table->leaves[i].table);
    }
    buf_done(&sql);
    return ok;
}

/* --- how far it is --- */

bool vacuum_watch(struct conn *conn, int pid, int fd, struct vacuum_progress *ret, struct err *err)
{
    int version = conn_server(conn)->version_num;
    struct buf sql = BUF_INIT;

    buf_addf(&sql,
             "SELECT relid::regclass::text, phase, CASE WHEN phase = 'vacuuming heap' THEN"
             " heap_blks_vacuumed ELSE heap_blks_scanned END, heap_blks_total"
             " FROM pg_stat_progress_vacuum WHERE pid = %d",
             pid);
    if (version >= 120000)
        buf_addf(&sql,
                 " UNION ALL SELECT relid::regclass::text, phase, heap_blks_scanned,"
                 " heap_blks_total FROM pg_stat_progress_cluster WHERE pid = %d",
                 pid);
    if (version >= 130000)
        buf_addf(&sql,
                 " UNION ALL SELECT relid::regclass::text, 'analyze: ' || phase,"
                 " sample_blks_scanned, sample_blks_total FROM pg_stat_progress_analyze"
                 " WHERE pid = %d",
                 pid);
    buf_adds(&sql, " LIMIT 1");
    PGresult *result = conn_query_until(conn, buf_str(&sql), fd, err);
    buf_done(&sql);
    if (!result)
        return false;
    *ret = (struct vacuum_progress){0};
    if (PQntuples(result) > 0) {
        snprintf(ret->table, sizeof(ret->table), "%s", PQgetvalue(result, 0, 0));
        snprintf(ret->phase, sizeof(ret->phase), "%s", PQgetvalue(result, 0, 1));
        ret->done = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
        ret->total = strtoll(PQgetvalue(result, 0, 3), NULL, 10);
    }
    PQclear(result);
    return true;
}

/* --- sizes --- */

uint64_t vacuum_sum(const struct vacuum_sizes *sizes)
{
    return sizes->heap + sizes->toast + sizes->indexes;
}

/* "(VALUES (to_regclass('..')), ...) v(leaf)": those that are no more are NULL. */
static void add_leaves(struct conn *conn, const struct introspect_table *table, struct buf *sql)
{
    buf_adds(sql, "(VALUES ");
    for (size_t i = 0; i < table->leaf_count; i++) {
        buf_adds(sql, i ? ", (" : "(");
        add_regclass(conn, &table->leaves[i], sql);
        buf_addc(sql, ')');
    }
    buf_adds(sql, ") v(leaf)");
}

bool vacuum_measure(struct conn *conn, const struct introspect_table *table,
                    struct vacuum_sizes *ret, struct err *err)
{
    struct buf sql = BUF_INIT;

    *ret = (struct vacuum_sizes){0};
    if (table->leaf_count == 0)
        return true;
    buf_adds(&sql, "SELECT coalesce(sum(pg_table_size(leaf) - t.bytes), 0),"
                   " coalesce(sum(t.bytes), 0), coalesce(sum(pg_indexes_size(leaf)), 0) FROM ");
    add_leaves(conn, table, &sql);
    buf_adds(&sql, " JOIN pg_class c ON c.oid = leaf, LATERAL (SELECT CASE WHEN c.reltoastrelid = 0"
                   " THEN 0 ELSE pg_total_relation_size(c.reltoastrelid) END) t(bytes)");
    PGresult *result = conn_query(conn, buf_str(&sql), 0, NULL, err);
    buf_done(&sql);
    if (!result)
        return err_in(err, "sizes");
    ret->heap = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    ret->toast = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
    ret->indexes = strtoull(PQgetvalue(result, 0, 2), NULL, 10);
    PQclear(result);
    return true;
}

/* --- what keeps space from coming back --- */

/* Whoever has a horizon as old as the transaction. Another VACUUM does not count, nor does a
 * session in another database. Of a session whose horizon this role may not see, the number of a
 * transaction that writes stands in pg_locks. */
static const char holders[] =
    "WITH o AS (SELECT ($1::bigint & 4294967295)::text::xid AS ours) SELECT who FROM ("
    "SELECT format('server process %s of %s, %s since %s', a.pid, a.usename, a.state,"
    " to_char(coalesce(a.xact_start, a.backend_start), 'YYYY-MM-DD HH24:MI:SS TZ')) AS who,"
    " a.backend_xmin AS horizon, 1 AS rank FROM pg_stat_activity a WHERE a.pid <> pg_backend_pid()"
    " AND a.datname = current_database() AND a.backend_type = 'client backend'"
    " AND a.query NOT LIKE 'VACUUM%'"
    " UNION ALL SELECT format('prepared transaction %L since %s', p.gid,"
    " to_char(p.prepared, 'YYYY-MM-DD HH24:MI:SS TZ')), p.transaction, 1"
    " FROM pg_prepared_xacts p WHERE p.database = current_database()"
    " UNION ALL SELECT format('replication slot %L', s.slot_name), s.xmin, 1"
    " FROM pg_replication_slots s"
    " UNION ALL SELECT format('standby %L', r.application_name), r.backend_xmin, 1"
    " FROM pg_stat_replication r"
    " UNION ALL SELECT format('server process %s of %s', a.pid, a.usename), l.transactionid, 2"
    " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'transactionid' AND l.granted AND a.pid <> pg_backend_pid()"
    " AND a.datname = current_database()) h, o"
    " WHERE age(h.horizon) >= age(o.ours) ORDER BY rank, age(h.horizon) DESC LIMIT 1";

bool vacuum_held_back(struct conn *conn, uint64_t txid, struct buf *ret_who, struct err *err)
{
    char text[24];
    bool found;

    buf_reset(ret_who);
    snprintf(text, sizeof(text), "%" PRIu64, txid);
    return conn_value(conn, holders, 1, (const char *const[]){text}, ret_who, &found, err);
}

/* An entry is its header and line pointer (12 bytes) and its columns, each to a whole 8 bytes;
 * pages are filled to nine tenths. Indexes that keep an entry once for many rows need less than
 * that, so that what is said errs to the silent side. Partial indexes and those on expressions are
 * not guessed at. */
static const char worst_index[] =
    " JOIN pg_class c ON c.oid = leaf JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid"
    " JOIN pg_namespace m ON m.oid = i.relnamespace"
    " JOIN pg_am a ON a.oid = i.relam AND a.amname = 'btree', LATERAL"
    " (SELECT count(s.avg_width) AS known, sum((s.avg_width + 7) / 8 * 8) AS width"
    " FROM pg_attribute t JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname"
    " AND s.attname = t.attname AND NOT s.inherited"
    " WHERE t.attrelid = c.oid AND t.attnum = ANY(x.indkey)) w, LATERAL"
    " (SELECT (16384 + greatest(c.reltuples, 0) * (12 + w.width) / 0.9)::bigint AS needed) e,"
    " LATERAL (SELECT pg_relation_size(i.oid) AS bytes) b"
    " WHERE x.indpred IS NULL AND x.indexprs IS NULL AND w.known = x.indnatts"
    " AND b.bytes > $1::bigint AND e.needed * 2 < b.bytes"
    " ORDER BY b.bytes - e.needed DESC LIMIT 1";

bool vacuum_worst_index(struct conn *conn, const struct introspect_table *table,
                        struct vacuum_index *ret, struct err *err)
{
    struct buf sql = BUF_INIT;
    char least[24];

    *ret = (struct vacuum_index){0};
    if (table->leaf_count == 0)
        return true;
    snprintf(least, sizeof(least), "%d", INDEX_BYTES_LEAST);
    buf_adds(&sql, "SELECT m.nspname || '.' || i.relname, b.bytes, b.bytes - e.needed FROM ");
    add_leaves(conn, table, &sql);
    buf_adds(&sql, worst_index);
    PGresult *result = conn_query(conn, buf_str(&sql), 1, (const char *const[]){least}, err);
    buf_done(&sql);
    if (!result)
        return err_in(err, "indexes");
    if (PQntuples(result) > 0) {
        snprintf(ret->name, sizeof(ret->name), "%s", PQgetvalue(result, 0, 0));
        ret->bytes = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
        ret->wasted = strtoull(PQgetvalue(result, 0, 2), NULL, 10);
    }
    PQclear(result);
    return true;
}

bool vacuum_last(struct conn *conn, const struct introspect_table *table, int64_t *ret_us,
                 struct err *err)
{
    struct buf sql = BUF_INIT, value = BUF_INIT;
    bool found;

    *ret_us = INT64_MIN;
    if (table->leaf_count == 0)
        return true;
    buf_adds(&sql, "SELECT min(coalesce(greatest(s.last_vacuum, s.last_autovacuum), '-infinity'))"
                   " FROM ");
    add_leaves(conn, table, &sql);
    buf_addf(&sql, " JOIN pg_stat_all_tables s ON s.relid = leaf%s",
             table->leaf_count > 1 ? " AND s.n_dead_tup > 0" : "");
    bool ok = conn_value(conn, buf_str(&sql), 0, NULL, &value, &found, err);
    if (ok && !found) /* no leaf has dead rows */
        *ret_us = INT64_MAX;
    else if (ok && !text_to_time(buf_str(&value), value.len, ret_us))
        *ret_us = INT64_MIN;
    buf_done(&sql);
    buf_done(&value);
    return ok;
}
