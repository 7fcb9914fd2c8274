#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Others write while rows leave: inserts, updates, locks, late rows, a second archiver.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

test_locked_rows_are_passed_over_counted_and_taken_next_time() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    in_background "BEGIN; SELECT 1 FROM logs WHERE id BETWEEN 2801 AND 2850 FOR UPDATE; SELECT pg_sleep(4); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    ok archive --json
    same "$(json "$OUT" '["tables"][0]["skipped_locked"]')" 50
    same "$(json "$OUT" '["records_archived"]')" 767
    same "$(json "$OUT" '["tables"][0]["eligible"]')" 817
    same "$(sql 'SELECT count(*) FROM logs WHERE id > 2200')" 50
    wait $BACKGROUND
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 50
    balanced "$DIR/all"
}

test_rows_unlocked_during_the_run_are_taken_by_the_last_sweep() {
    fresh
    config '' '  batch_size: 100
  sleep_between_batches: 0.2'
    logs 3000
    all_ids "$DIR/all"
    in_background "BEGIN; SELECT 1 FROM logs WHERE id BETWEEN 2951 AND 3000 FOR UPDATE; SELECT pg_sleep(0.8); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    ok archive --json
    wait $BACKGROUND
    same "$(json "$OUT" '["tables"][0]["skipped_locked"]')" 0
    same "$(json "$OUT" '["records_archived"]')" 817
    balanced "$DIR/all"
}

# What an update writes is what is archived, or the row stays: never the old value.
test_updates_of_old_rows_are_never_lost() {
    fresh
    config '' '  batch_size: 50'
    logs 3000
    all_ids "$DIR/all"
    updates_are_never_lost 2184 3000
}

test_late_rows_with_old_timestamps_are_archived() {
    local way
    for way in index heap; do
        fresh
        config '' "  batch_size: 100
  strategy: $way
  sleep_between_batches: 0.1"
        logs 3000
        in_background "SELECT pg_sleep(0.4); INSERT INTO logs (id, at) SELECT g, now() - interval '300 days' FROM generate_series(5001, 5020) g"
        ok archive
        wait $BACKGROUND
        same "$(sql 'SELECT count(*) FROM logs WHERE id > 5000')" 0 "late rows, $way"
        all_ids "$DIR/young"
        archived_ids | sort -n - "$DIR/young" | cmp - <(seq 3000; seq 5001 5020)
    done
}

test_inserts_go_on_meanwhile() {
    fresh
    config '' '  batch_size: 100'
    logs 3000
    cat >"$DIR/insert.sql" <<'SQL'
\set days random(0, 200)
INSERT INTO logs (at, level) VALUES (now() - :days * interval '1 day', 'new');
SQL
    pgbench -n -c 3 -T 2 -f "$DIR/insert.sql" "$DB" >"$DIR/pgbench.out" 2>&1 &
    local bench=$!
    ok archive
    wait $bench
    ok archive
    sql "SELECT last_value FROM logs_id_seq" >"$DIR/last"
    seq "$(cat "$DIR/last")" >"$DIR/all"
    balanced "$DIR/all"
}

test_a_second_run_exits_4_and_says_who_holds_the_table() {
    fresh
    config '' '  batch_size: 50
  sleep_between_batches: 0.2'
    logs 3000
    all_ids "$DIR/all"
    "$ARCHIVER" -c "$CONF" archive >"$DIR/first.out" 2>"$DIR/first.err" </dev/null &
    local first=$!
    held "application_name LIKE 'archiver-tui%' AND EXISTS (SELECT FROM pg_locks l WHERE l.pid = pg_stat_activity.pid AND locktype = 'advisory')"
    exits 4 archive
    says "$ERR" 'another run is archiving this table'
    says "$ERR" "@$(hostname)"
    exits 4 recover
    kill -INT $first
    local code=0
    wait $first || code=$?
    same "$code" 130 "exit of the stopped run"
    ok archive
    balanced "$DIR/all"
}

test_two_archivers_share_the_tables() {
    fresh
    config '' '  batch_size: 100'
    logs 6000
    all_ids "$DIR/all"
    "$ARCHIVER" -c "$CONF" archive >"$DIR/first.out" 2>&1 </dev/null &
    local first=$!
    run archive
    wait $first || true
    balanced "$DIR/all"
    ok verify
}

test_stopped_twice_rolls_back_at_once() {
    fresh
    config '' '  batch_size: 1000000'
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, t text);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN PERFORM pg_sleep(0.005); RETURN old; END \$\$;
         CREATE TRIGGER slow BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION slow();
         INSERT INTO logs SELECT g, now() - interval '1 year', 'x' FROM generate_series(1, 4000) g; ANALYZE logs"
    all_ids "$DIR/all"
    "$ARCHIVER" -c "$CONF" archive >"$DIR/out" 2>"$DIR/err" </dev/null &
    local pid=$! code=0
    held "query LIKE 'SET LOCAL%COPY (DELETE%' AND state = 'active'"
    kill -TERM $pid
    sleep 0.2
    kill -TERM $pid
    local start=$SECONDS
    wait $pid || code=$?
    same "$code" 130
    [ $((SECONDS - start)) -le 3 ] || fail "it took $((SECONDS - start)) s"
    same "$(sql 'SELECT count(*) FROM logs')" 4000
    same "$(objects _batch_ | wc -l)" 0
    balanced "$DIR/all"
}

test_a_hangup_never_stops_a_run() {
    fresh
    config '' '  batch_size: 200
  sleep_between_batches: 0.1'
    logs 3000
    "$ARCHIVER" -c "$CONF" archive >"$DIR/out" 2>"$DIR/err" </dev/null &
    local pid=$!
    held "application_name LIKE 'archiver-tui%'"
    kill -HUP $pid
    wait $pid
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
}

run_tests
