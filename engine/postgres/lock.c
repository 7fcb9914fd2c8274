/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/lock.h"

#include <inttypes.h>
#include <poll.h>

#include "base/text.h"

/* The same table gives the same number in every process and version: locks are a contract between
 * them. */
static int64_t lock_number(const char *schema, const char *table)
{
    struct buf seed = BUF_INIT;
    uint8_t digest[32];
    uint64_t number = 0;

    buf_addf(&seed, "archiver-tui%c%s%c%s", '\0', schema, '\0', table);
    text_sha256(seed.data, seed.len, digest);
    buf_done(&seed);
    for (int i = 0; i < 8; i++)
        number = number << 8 | digest[i];
    return (int64_t)number;
}

static bool find_holder(struct conn *conn, const char *number, struct buf *ret_text)
{
    static const char sql[] =
        "SELECT a.pid, coalesce(nullif(a.application_name, ''), '?'),"
        " to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS\"Z\"'),"
        " coalesce(host(a.client_addr), 'local socket')"
        " FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint LIMIT 1";
    struct err ignored;
    PGresult *result = conn_query(conn, sql, 1, (const char *const[]){number}, &ignored);

    bool found = result && PQntuples(result) == 1;

    if (found)
        buf_addf(ret_text, "held by %s, server process %s from %s, since %s",
                 PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 0), PQgetvalue(result, 0, 3),
                 PQgetvalue(result, 0, 2));
    PQclear(result);
    return found;
}

static void name_holder(struct conn *conn, const char *number, struct err *err)
{
    struct buf text = BUF_INIT;

    err_why(err, "%s",
            find_holder(conn, number, &text) ? buf_str(&text) : "another run holds its lock");
    buf_done(&text);
}

bool lock_holder(struct conn *conn, const char *schema, const char *table, struct buf *ret_text)
{
    char number[24];

    snprintf(number, sizeof(number), "%" PRId64, lock_number(schema, table));
    return find_holder(conn, number, ret_text);
}

/* `function` asks for it, and says whether it got it. */
static bool ask(struct conn *conn, const char *schema, const char *table, const char *function,
                struct err *err)
{
    struct buf got = BUF_INIT;
    char number[24], sql[64];
    bool found;

    snprintf(number, sizeof(number), "%" PRId64, lock_number(schema, table));
    snprintf(sql, sizeof(sql), "SELECT %s($1::bigint)", function);
    bool ok = conn_value(conn, sql, 1, (const char *const[]){number}, &got, &found, err);
    if (ok && (!found || strcmp(got.data, "t") != 0)) {
        ok = err_set(err, ERR_LOCKED, "another run is archiving this table");
        name_holder(conn, number, err);
        err_hint(err, "wait for it to end, or stop it");
    }
    buf_done(&got);
    return ok;
}

bool lock_take(struct conn *conn, const char *schema, const char *table, struct err *err)
{
    return ask(conn, schema, table, "pg_try_advisory_lock", err);
}

bool lock_join(struct conn *conn, const char *schema, const char *table, struct err *err)
{
    return ask(conn, schema, table, "pg_try_advisory_lock_shared", err);
}

bool lock_share(struct conn *conn, const char *schema, const char *table, struct err *err)
{
    return lock_join(conn, schema, table, err) &&
           ask(conn, schema, table, "pg_advisory_unlock", err);
}

bool lock_take_again(struct conn *conn, const char *schema, const char *table, int wait_s,
                     const struct stop *stop, struct err *err)
{
    struct pollfd fd = {.fd = stop_fd(stop), .events = POLLIN};

    for (int tries = wait_s * 4;; tries--) {
        if (lock_take(conn, schema, table, err))
            return true;
        if (err->kind != ERR_LOCKED || tries <= 0 || stop_now(stop))
            return false;
        poll(&fd, stop_asked(stop) ? 0 : 1, 250);
    }
}

bool lock_release(struct conn *conn, const char *schema, const char *table)
{
    static const char sql[] =
        "SELECT CASE WHEN l.mode = 'ShareLock' THEN pg_advisory_unlock_shared($1::bigint)"
        " ELSE pg_advisory_unlock($1::bigint) END FROM pg_locks l"
        " WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND l.objsubid = 1"
        " AND (l.classid::bigint << 32 | l.objid::bigint) = $1::bigint";
    struct err ignored;
    char number[24];

    if (!conn || !conn_alive(conn))
        return false;
    snprintf(number, sizeof(number), "%" PRId64, lock_number(schema, table));
    PGresult *result = conn_query(conn, sql, 1, (const char *const[]){number}, &ignored);
    /* A session that has it not has none to give back. */
    bool released = result && (PQntuples(result) == 0 || PQgetvalue(result, 0, 0)[0] == 't');
    PQclear(result);
    return released;
}
