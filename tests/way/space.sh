#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The space of rows that have left: vacuumed, put off, watched, and what is said of it.
# shellcheck source=../harness/live.sh
. "$TESTS/harness/live.sh"

space() { # FIELD of the only table's space in the report of $OUT
    json "$OUT" "[\"tables\"][0][\"space\"]$1"
}

vacuums() { # how often somebody has vacuumed logs by hand
    sql "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'logs'"
}

slow_vacuum() {
    sql "ALTER DATABASE $DB SET vacuum_cost_delay = 100; ALTER DATABASE $DB SET vacuum_cost_limit = 1"
}

fast_vacuum() {
    sql "ALTER DATABASE $DB RESET vacuum_cost_delay; ALTER DATABASE $DB RESET vacuum_cost_limit"
}

# Until a session of the program vacuums.
until_it_vacuums() {
    local try
    for try in $(seq 150); do
        [ "$(sql "SELECT count(*) FROM pg_stat_progress_vacuum WHERE datname = '$DB'")" = 0 ] || return 0
        sleep 0.1
    done
    fail 'nobody vacuums'
}

# 100,000 rows of which the first 70,000 in the table are old.
many() {
    sql "CREATE TABLE logs (id bigserial PRIMARY KEY, at timestamptz NOT NULL, body text);
         CREATE INDEX ON logs (at);
         INSERT INTO logs (at, body) SELECT CASE WHEN g <= 70000 THEN now() - interval '300 days' ELSE now() END
             + g * interval '1 second', repeat('x', 100) FROM generate_series(1, 100000) g;
         ANALYZE logs"
}

test_deferred_is_done_by_vacuum_due() {
    live_place '  vacuum_strategy: deferred'
    ok archive --json
    says "$ERR" 'not vacuumed: `archiver-tui vacuum --due` does it'
    same "$(space '["vacuumed"], d["tables"][0]["space"]["due"]')" '(False, True)'
    same "$(vacuums)" 0
    ok vacuum --due --dry-run --json
    same "$(json "$OUT" '["tables"][0]["status"], d["tables"][0]["due"]["rows"]')" "('planned', $((4000 - $(sql 'SELECT count(*) FROM logs'))))"
    same "$(vacuums)" 0
    ok vacuum --due
    says "$OUT" done
    same "$(vacuums)" 1
    same "$(objects vacuum-due | wc -l)" 0
    ok vacuum --due --json
    same "$(json "$OUT" '["status"], d["tables"][0]["status"], d["tables"][0]["due"]')" "('success', 'not due', None)"
    same "$(vacuums)" 1
    # without --due it is done all the same
    ok vacuum --json
    same "$(json "$OUT" '["tables"][0]["status"]')" done
    same "$(vacuums)" 2
    exits 0 verify
    balanced "$DIR/all"
}

test_what_the_server_vacuumed_is_not_due() {
    live_place '  vacuum_strategy: deferred'
    ok archive --limit 500
    ok archive --limit 500
    same "$(json "$(objects vacuum-due)" '["rows"]')" 1000
    sql 'VACUUM logs'
    # before PostgreSQL 15 it is told a moment later
    until [ -n "$(sql "SELECT last_vacuum FROM pg_stat_user_tables WHERE relname = 'logs'")" ]; do sleep 0.1; done
    ok vacuum --due --json
    same "$(json "$OUT" '["tables"][0]["status"]')" 'not due'
    same "$(vacuums)" 1
    same "$(objects vacuum-due | wc -l)" 0
}

test_read_only_vacuums_nothing() {
    live_place '  vacuum_strategy: deferred'
    ok archive
    exits 5 vacuum --due --read-only
    ok vacuum --due --dry-run --read-only
    same "$(vacuums)" 0
}

# A snapshot from before the run: VACUUM may not remove what it still sees.
test_who_holds_dead_rows_back_is_named() {
    live_place
    coproc psql -XAtq -d "$DB" 2>/dev/null
    local holder=$COPROC_PID
    echo 'BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_backend_pid() FROM (SELECT count(*) FROM logs) x;' >&"${COPROC[1]}"
    local pid
    read -r pid <&"${COPROC[0]}"
    ok archive --json
    says "$ERR" "dead rows stay for now, as server process $pid of"
    same "$(space '["vacuumed"], d["tables"][0]["space"]["due"]')" '(True, True)'
    [[ $(space '["held_back"]') == "server process $pid of "* ]] || fail "$(space '["held_back"]')"
    ok vacuum --due --json
    same "$(json "$OUT" '["tables"][0]["status"], d["tables"][0]["space"]["due"]')" "('done', True)"
    kill "$holder"
    wait "$holder" || true
    until [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid")" = 0 ]; do sleep 0.1; done
    ok vacuum --due --json
    same "$(space '["held_back"]')" None
    same "$(objects vacuum-due | wc -l)" 0
    ok vacuum --due --json
    same "$(json "$OUT" '["tables"][0]["status"]')" 'not due'
}

test_a_vacuum_shows_how_far_it_is_and_can_be_stopped() {
    live_place
    slow_vacuum
    "$ARCHIVER" -c "$CONF" archive >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$! code=0
    until_snapshot 'd["tables"] and d["tables"][0]["phase"] == "vacuum" and d["tables"][0]["vacuum_phase"]'
    RUN=$(json "$OUT" '["live"][0]["run_id"]')
    same "$(json "$OUT" '["live"][0]["tables"][0]["vacuum_table"]')" logs
    same "$(json "$OUT" '["live"][0]["tables"][0]["vacuum_share"] >= 0')" True
    ok stop
    wait "$pid" || code=$?
    says "$DIR/run.err" 'the operator stopped the vacuum'
    same "$code" 0 'exit code of a run whose rows were all archived'
    same "$(objects vacuum-due | wc -l)" 1
    balanced "$DIR/all"
    fast_vacuum
    ok vacuum --due
    same "$(objects vacuum-due | wc -l)" 0
}

test_a_vacuum_lets_go_of_who_waits() {
    live_place '  vacuum_strategy: deferred
  max_blocked_seconds: 0.5'
    ok archive
    slow_vacuum
    "$ARCHIVER" -c "$CONF" vacuum --due --json >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$! code=0
    until_it_vacuums
    sql "ALTER TABLE logs ADD note text"
    wait "$pid" || code=$?
    same "$code" 2
    says "$DIR/run.err" 'the vacuum let go of the table'
    same "$(json "$DIR/run.out" '["status"], d["tables"][0]["status"]')" "('failure', 'failed')"
    fast_vacuum
    ok vacuum --due
    same "$(objects vacuum-due | wc -l)" 0
}

test_little_that_came_back_is_said_and_full_gives_all() {
    fresh
    many
    ok archive --json
    says "$ERR" 'appdb.public.logs: little came back: 0 B of about'
    says "$ERR" 'are empty (REINDEX INDEX CONCURRENTLY public.logs_'
    same "$(space '["before"]["heap"] <= d["tables"][0]["space"]["after"]["heap"]')" True
    [[ $(space '["bloated_index"]["name"]') == public.logs_* ]]
    sql 'DROP TABLE logs'
    many
    config '' '  vacuum_strategy: full'
    ok archive --json
    silent "$ERR" 'little came back'
    silent "$ERR" REINDEX
    says "$ERR" 'appdb.public.logs: size '
    same "$(space '["after"]["heap"] * 2 < d["tables"][0]["space"]["before"]["heap"]')" True
    same "$(json "$OUT" '["tables"][0]["size_after"]')" "$(sql "SELECT pg_total_relation_size('logs')")"
}

test_none_and_analyze_leave_it() {
    live_place '  vacuum_strategy: none'
    ok archive --limit 100 --json
    same "$(space '["vacuumed"], d["tables"][0]["space"]["due"]')" '(False, False)'
    config '' '  vacuum_strategy: analyze'
    ok archive --limit 100 --json
    same "$(space '["vacuumed"], d["tables"][0]["space"]["due"]')" '(True, False)'
    same "$(vacuums)" 0
}

run_tests
