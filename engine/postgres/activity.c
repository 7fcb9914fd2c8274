/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/activity.h"

#include <stdlib.h>

/* pg_blocking_pids takes the lock manager's locks: it is asked only of sessions that wait. Who does
 * stands in pg_locks for everybody to see; pg_stat_activity hides it from a role of few rights. The
 * advisory lock of the table is no batch's. */
static const char query[] =
    "SELECT count(*) FILTER (WHERE a.state = 'active' AND a.pid NOT IN (pg_backend_pid(), %d)),"
    " pg_has_role('pg_read_all_stats', 'usage'), count(*), current_setting('max_connections'),"
    " (SELECT string_agg(w.pid::text, ' ') FROM (SELECT DISTINCT l.pid FROM pg_locks l"
    " WHERE NOT l.granted AND l.locktype <> 'advisory' AND %d = ANY(pg_blocking_pids(l.pid))) w),"
    " (SELECT count(*) FROM pg_locks l WHERE l.pid = %d AND l.granted),"
    " extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.pid = %d)),"
    " CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_current_wal_lsn() - '0/0' END,"
    " coalesce((SELECT min(r.replay_lsn - '0/0') FROM pg_stat_replication r), 0),"
    " coalesce((SELECT extract(epoch FROM max(r.replay_lag)) FROM pg_stat_replication r), -1),"
    " coalesce(bool_or(a.pid = %d AND a.state = 'active' AND a.query ~ '^(VACUUM|ANALYZE) '), "
    "false)"
    " FROM pg_stat_activity a"
    " WHERE a.backend_type = 'client backend' OR a.backend_type IS NULL";

static int64_t take_waiters(const char *text, struct activity *ret)
{
    int64_t count = 0;

    for (char *end; *text; text = end, count++) {
        int pid = (int)strtol(text, &end, 10);
        if (end == text)
            break;
        if (count < ACTIVITY_WAITERS)
            ret->waiters[count] = pid;
    }
    return count;
}

bool activity_read(struct conn *conn, int pid, int fd, struct activity *ret, struct err *err)
{
    char sql[sizeof(query) + 64];

    snprintf(sql, sizeof(sql), query, pid, pid, pid, pid, pid);
    PGresult *result = conn_query_until(conn, sql, fd, err);
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
                             .replay_lag = strtod(PQgetvalue(result, 0, 9), NULL),
                             .vacuums = PQgetvalue(result, 0, 10)[0] == 't'};
    ret->blocked = take_waiters(PQgetvalue(result, 0, 4), ret);
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
