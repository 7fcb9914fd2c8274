#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Kills at random moments, connections cut at random moments, and a server that crashes.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"
ROUNDS=${ROUNDS:-50}

# Waits a random part of what a whole run takes.
a_moment() {
    sleep "0.$(printf '%03d' $((RANDOM % 400)))"
}

start_run() {
    "$ARCHIVER" -c "$CONF" archive >"$DIR/out" 2>"$DIR/err" </dev/null &
    PID=$!
}

test_killed_at_random_moments() {
    local round
    fresh
    config '' '  batch_size: 300
  member_kb: 64'
    logs 40000
    all_ids "$DIR/all"
    for round in $(seq "$ROUNDS"); do
        start_run
        a_moment
        kill -9 "$PID" 2>/dev/null || true
        wait "$PID" 2>/dev/null || true
        # the rows archived come back, so that every round has some to archive
        if [ $((round % 10)) -eq 0 ]; then
            settles "round $round"
            sql "INSERT INTO logs (id, at) SELECT g, now() - interval '200 days'
                     FROM generate_series(100000 + $round * 1000, 100000 + $round * 1000 + 30000) g"
            all_ids "$DIR/more"
            archived_ids | sort -n - "$DIR/more" >"$DIR/all"
        fi
    done
    settles "$ROUNDS rounds"
}

test_connections_cut_at_random_moments() {
    local round
    crash_place
    sql "INSERT INTO logs (id, at) SELECT g, now() - interval '200 days' FROM generate_series(10001, 60000) g"
    all_ids "$DIR/all"
    for round in $(seq 20); do
        start_run
        a_moment
        sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE application_name LIKE 'archiver-tui%' AND datname = '$DB'" >/dev/null
        a_moment
        sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                 WHERE application_name LIKE 'archiver-tui%' AND datname = '$DB'" >/dev/null
        wait "$PID" || true
    done
    settles 'cut connections'
}

test_the_server_crashes() {
    local round
    own_server
    crash_place
    sql "INSERT INTO logs (id, at) SELECT g, now() - interval '200 days' FROM generate_series(10001, 60000) g"
    sql CHECKPOINT
    all_ids "$DIR/all"
    for round in 1 2 3; do
        start_run
        a_moment
        "$TESTS/harness/pg.sh" crash "$SERVER"
        wait "$PID" || true
    done
    settles 'crashes of the server'
    "$TESTS/harness/pg.sh" stop "$SERVER"
}

run_tests
