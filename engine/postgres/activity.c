/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/activity.h"

#include <stdlib.h>

/* pg_blocking_pids takes the lock manager's locks: it is asked only of sessions that wait. */
static const char query[] =
    "SELECT count(*) FILTER (WHERE a.state = 'active'), count(a.state), count(*),"
    " current_setting('max_connections'),"
    " count(*) FILTER (WHERE a.wait_event_type = 'Lock' AND %d = ANY(pg_blocking_pids(a.pid))),"
    " (SELECT count(*) FROM pg_locks l WHERE l.pid = %d AND l.granted),"
    " extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.pid = %d)),"
    " CASE WHEN pg_is_in_recovery() THEN 0 ELSE pg_current_wal_lsn() - '0/0' END,"
    " coalesce((SELECT min(r.replay_lsn - '0/0') FROM pg_stat_replication r), 0)"
    " FROM pg_stat_activity a"
    " WHERE a.backend_type = 'client backend' OR a.backend_type IS NULL";

bool activity_read(struct conn *conn, int pid, int fd, struct activity *ret, struct err *err)
{
    char sql[sizeof(query) + 32];

    snprintf(sql, sizeof(sql), query, pid, pid, pid);
    PGresult *result = conn_query_until(conn, sql, fd, err);
    if (!result)
        return false;
    /* Our own session's state is always seen, others' only by those who may. */
    bool seen = strtoll(PQgetvalue(result, 0, 1), NULL, 10) > 1 ||
                strcmp(PQgetvalue(result, 0, 2), "1") == 0;
    *ret = (struct activity){
        .active = seen ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : -1,
        .backends = strtoll(PQgetvalue(result, 0, 2), NULL, 10),
        .backends_max = strtoll(PQgetvalue(result, 0, 3), NULL, 10),
        .blocked = strtoll(PQgetvalue(result, 0, 4), NULL, 10),
        .locks = strtoll(PQgetvalue(result, 0, 5), NULL, 10),
        .transaction_age =
            PQgetisnull(result, 0, 6) ? -1 : strtod(PQgetvalue(result, 0, 6), NULL),
        .wal_at = strtoull(PQgetvalue(result, 0, 7), NULL, 10),
        .replayed_to = strtoull(PQgetvalue(result, 0, 8), NULL, 10)};
    PQclear(result);
    return true;
}
