/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/activity.h"

#include <stdlib.h>

/* pg_blocking_pids takes the lock manager's locks: it is asked only of sessions that wait. Who does
 * stands in pg_locks for everybody to see; pg_stat_activity hides it from a role of few rights. The
 * advisory lock of the table is no batch's. */
static const char query[] =
    "WITH o (pids) AS (VALUES ('{%s}'::int[])), w AS ("
    "SELECT DISTINCT l.pid, (SELECT min(b) FROM unnest(pg_blocking_pids(l.pid)) b"
    " WHERE b = ANY(o.pids)) AS ours FROM pg_locks l, o"
    " WHERE NOT l.granted AND l.locktype <> 'advisory' AND l.pid <> ALL(o.pids))"
    "SELECT count(*) FILTER (WHERE a.state = 'active' AND a.pid <> pg_backend_pid()"
    " AND a.pid <> ALL(o.pids)),"
    " pg_has_role('pg_read_all_stats', 'usage'), count(*), current_setting('max_connections'),"
    " (SELECT string_agg(w.pid || ' ' || w.ours || ' ' || coalesce((SELECT"
    " extract(epoch FROM clock_timestamp() - x.xact_start) FROM pg_stat_activity x"
    " WHERE x.pid = w.ours), 0), ' ') FROM w WHERE w.ours IS NOT NULL),"
    " (SELECT count(*) FROM pg_locks l WHERE l.pid = ANY(o.pids) AND l.granted),"
    " extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.pid = ANY(o.pids))),"
    " CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_current_wal_lsn() - '0/0' END,"
    " coalesce((SELECT min(r.replay_lsn - '0/0') FROM pg_stat_replication r), 0),"
    " coalesce((SELECT extract(epoch FROM max(r.replay_lag)) FROM pg_stat_replication r), -1),"
    " string_agg(a.pid::text, ' ') FILTER (WHERE a.pid = ANY(o.pids) AND a.state = 'active'"
    " AND a.query ~ '^(VACUUM|ANALYZE) ')"
    " FROM pg_stat_activity a, o"
    " WHERE a.backend_type = 'client backend' OR a.backend_type IS NULL GROUP BY o.pids";

/* "pid ours age", again and again. */
static int64_t take_waiters(const char *text, struct activity *ret)
{
    int64_t count = 0;

    for (char *end; *text; text = end, count++) {
        struct activity_waiter w = {.pid = (int)strtol(text, &end, 10)};
        if (end == text)
            break;
        w.ours = (int)strtol(end, &end, 10);
        w.transaction_age = strtod(end, &end);
        if (count < ACTIVITY_WAITERS)
            ret->waiters[count] = w;
    }
    return count;
}

static void take_vacuums(const char *text, struct activity *ret)
{
    for (size_t i = 0; i < ACTIVITY_OURS && *text; i++)
        ret->vacuums[i] = (int)strtol(text, (char **)&text, 10);
}

static PGresult *ask(struct conn *conn, const int *ours, size_t count, int fd, struct err *err)
{
    struct buf pids = BUF_INIT;

    for (size_t i = 0; i < count && i < ACTIVITY_OURS; i++)
        buf_addf(&pids, "%s%d", i > 0 ? "," : "", ours[i]);
    char *sql = mem_printf(query, buf_str(&pids));
    PGresult *result = conn_query_until(conn, sql, fd, err);
    buf_done(&pids);
    free(sql);
    return result;
}

bool activity_read(struct conn *conn, const int *ours, size_t count, int fd, struct activity *ret,
                   struct err *err)
{
    PGresult *result = ask(conn, ours, count, fd, err);

    if (!result)
        return false;
    bool seen = PQgetvalue(result, 0, 1)[0] == 't'; /* what others do */
    *ret = (struct activity){.active = seen ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1,
                             .backends = strtoll(PQgetvalue(result, 0, 2), NULL, 10),
                             .backends_max = strtoll(PQgetvalue(result, 0, 3), NULL, 10),
                             .locks = strtoll(PQgetvalue(result, 0, 5), NULL, 10),
                             .transaction_age = PQgetisnull(result, 0, 6)
                                                    ? -1
                                                    : strtod(PQgetvalue(result, 0, 6), NULL),
                             .wal_at = strtoull(PQgetvalue(result, 0, 7), NULL, 10),
                             .replayed_to = strtoull(PQgetvalue(result, 0, 8), NULL, 10),
                             .replay_lag = strtod(PQgetvalue(result, 0, 9), NULL)};
    ret->blocked = take_waiters(PQgetvalue(result, 0, 4), ret);
    take_vacuums(PQgetvalue(result, 0, 10), ret);
    PQclear(result);
    return true;
}

/* postgres/walk.c has both. */
#define EXPORTS "(a.query LIKE 'COPY %' OR a.query LIKE 'SET LOCAL lock_timeout%;COPY %')"

/* COMMIT is left alone: whether it counted would have to be found out. */
bool activity_let_go(struct conn *conn, int pid, bool hard, int fd, bool *ret_done, struct err *err)
{
    static const char gently[] = "pg_cancel_backend(a.pid)";
    static const char ended[] = "pg_terminate_backend(a.pid)";
    static const char at_work[] =
        "a.state = 'active' AND (" EXPORTS " OR"
        " a.query LIKE 'SELECT count(*), count(*) FILTER (WHERE age(xmin)%' OR" /* leaf.c */
        " a.query LIKE 'VACUUM (ANALYZE)%' OR a.query LIKE 'ANALYZE%')";
    static const char stuck[] =
        "a.xact_start IS NOT NULL AND (a.state = 'idle in transaction' OR " EXPORTS ")";
    char sql[1024];

    /* A number alone may be somebody else's by now: the name is that of our own session, but for
     * the word that tells the two apart; the server keeps 63 bytes of it. */
    snprintf(sql, sizeof(sql),
             "SELECT %s FROM pg_stat_activity a WHERE a.pid = %d AND a.usename = current_user"
             " AND left(a.application_name, 55) ="
             " left(replace(current_setting('application_name'), ' monitor ', ' '), 55) AND %s",
             hard ? ended : gently, pid, hard ? stuck : at_work);
    PGresult *result = conn_query_until(conn, sql, fd, err);
    if (!result)
        return false;
    *ret_done = PQntuples(result) > 0 && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    return true;
}
