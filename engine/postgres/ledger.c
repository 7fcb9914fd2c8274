/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/ledger.h"

#define HOME "archiver_tui"

static bool find_table(struct conn *conn, const struct ledger_kind *kind, const char *schema,
                       struct buf *ret_name, struct err *err)
{
    static const char sql[] =
        "SELECT format('%I.%I', n.nspname, c.relname), has_table_privilege(c.oid, 'SELECT'),"
        " has_schema_privilege(n.oid, 'USAGE')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relname = $1 AND c.relkind = 'r' AND n.nspname IN ('" HOME "', $2)"
        " ORDER BY n.nspname <> '" HOME "' LIMIT 1";
    PGresult *result = conn_query(conn, sql, 2, (const char *const[]){kind->name, schema}, err);
    bool ok = result != NULL;

    buf_reset(ret_name);
    if (!ok)
        return false;
    if (PQntuples(result) > 0) {
        buf_adds(ret_name, PQgetvalue(result, 0, 0));
        if (PQgetvalue(result, 0, 1)[0] != 't' || PQgetvalue(result, 0, 2)[0] != 't') {
            ok = err_set(err, ERR_PERMISSION, "%s may not be read", buf_str(ret_name));
            err_why(err, "it says which rows a restore brought back");
            err_hint(err, "GRANT USAGE on its schema and SELECT ON %s TO this role",
                     buf_str(ret_name));
        }
    }
    PQclear(result);
    return ok;
}

/* Where the role may make a table: "archiver_tui", `schema`, or nowhere. */
static bool choose_schema(struct conn *conn, const char *schema, struct buf *ret_schema,
                          struct err *err)
{
    static const char sql[] =
        "SELECT CASE"
        " WHEN (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace"
        "  WHERE nspname = '" HOME "') THEN '" HOME "'"
        " WHEN to_regnamespace('" HOME "') IS NULL"
        "  AND has_database_privilege(current_database(), 'CREATE') THEN '" HOME "'"
        " WHEN (SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1)"
        "  THEN $1 END";
    bool found;

    return conn_value(conn, sql, 1, (const char *const[]){schema}, ret_schema, &found, err);
}

static bool make_table(struct conn *conn, const struct ledger_kind *kind, const char *schema,
                       struct err *err)
{
    struct buf sql = BUF_INIT, name = BUF_INIT;

    conn_add_table(conn, &name, schema, kind->name);
    buf_adds(&sql, "BEGIN;");
    if (strcmp(schema, HOME) == 0)
        buf_adds(&sql,
                 "CREATE SCHEMA IF NOT EXISTS " HOME "; GRANT USAGE ON SCHEMA " HOME " TO PUBLIC;");
    /* Other roles archive and restore the same tables; there is no row of anybody's in it. */
    buf_addf(&sql, "CREATE TABLE IF NOT EXISTS %s (%s);", buf_str(&name), kind->columns);
    if (kind->insert_only)
        buf_addf(&sql, "GRANT SELECT, DELETE, INSERT (%s) ON %s TO PUBLIC; COMMIT",
                 kind->insert_only, buf_str(&name));
    else
        buf_addf(&sql, "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO PUBLIC; COMMIT",
                 buf_str(&name));
    bool ok = conn_exec(conn, buf_str(&sql), err);
    if (!ok && conn_alive(conn)) {
        struct err ignored;
        conn_exec(conn, "ROLLBACK", &ignored);
    }
    buf_done(&sql);
    buf_done(&name);
    return ok;
}

bool ledger_table(struct conn *conn, const struct ledger_kind *kind, const char *schema,
                  bool create, struct buf *ret_name, struct err *err)
{
    struct buf place = BUF_INIT;
    bool ok = find_table(conn, kind, schema, ret_name, err);

    if (!ok || !create || ret_name->len > 0)
        goto out;
    ok = choose_schema(conn, schema, &place, err);
    if (!ok || place.len == 0)
        goto out;
    /* Two at once: the loser finds the winner's. */
    ok = make_table(conn, kind, buf_str(&place), err) || conn_alive(conn);
    ok = ok && find_table(conn, kind, schema, ret_name, err);
out:
    buf_done(&place);
    return ok;
}
