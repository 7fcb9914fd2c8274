#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Several at a time: workers within a table, tables of a database, databases, and runs beside each
# other.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# A table that is worth several parts: 6,000 rows of which 3,817 are old, seven a block.
place() { # [MORE-DEFAULTS]
    fresh
    config '' "  batch_size: 200
  member_kb: 64
  workers: 3
${1:-}"
    logs 6000
    sql "ALTER TABLE logs SET (fillfactor = 10)"
    sql "VACUUM (FULL, ANALYZE) logs"
    all_ids "$DIR/all"
}

# Starts a run, and waits until that many of its sessions have a transaction at a time.
start_and_see() { # COUNT [ARGS...]
    local try seen=0 most=0 count=$1
    shift
    "$ARCHIVER" -c "$CONF" archive --json -v "$@" >"$DIR/run.out" 2>"$DIR/run.err" </dev/null &
    RUN=$!
    for try in $(seq 200); do
        seen=$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB' AND xact_start IS NOT NULL
                        AND application_name LIKE 'archiver-tui%' AND application_name NOT LIKE '%monitor%'")
        [ "$seen" -le "$most" ] || most=$seen
        [ "$most" -lt "$count" ] || return 0
        kill -0 $RUN 2>/dev/null || break
        sleep 0.02
    done
    cat "$DIR/run.err" >&2
    fail "at most $most sessions at work at a time, not $count"
}

ends() { # EXIT-CODE
    local code=0
    wait $RUN || code=$?
    [ "$code" = "$1" ] || cat "$DIR/run.err" >&2
    same "$code" "$1" 'exit code'
}

slow() { # so that batches overlap
    export ARCHIVER_FAULT=put.metadata=delay:100
}

# --- workers within a table ---

test_workers_share_a_heap() {
    place '  strategy: heap'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    ends 0
    says "$DIR/run.err" '3 workers share it'
    same "$(json "$DIR/run.out" '["records_archived"], d["tables"][0]["strategy"]')" "(3817, 'heap')"
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 0
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
}

test_workers_share_an_index() {
    place '  strategy: index'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    ends 0
    same "$(json "$DIR/run.out" '["records_archived"], d["tables"][0]["strategy"]')" "(3817, 'index')"
    balanced "$DIR/all"
}

test_every_type_of_timestamp_can_be_shared() {
    local type
    for type in timestamp date bigint int; do
        place '  strategy: index'
        case $type in
        *int) sql "ALTER TABLE logs ALTER at TYPE $type USING extract(epoch FROM at)" ;;
        *) sql "ALTER TABLE logs ALTER at TYPE $type" ;;
        esac
        ok archive --json -v
        says "$ERR" '3 workers share it'
        same "$(json "$OUT" '["tables"][0]["skipped_locked"], d["status"]')" "(0, 'success')"
        balanced "$DIR/all"
    done
}

test_a_timestamp_of_minus_infinity_is_one_part() {
    place '  strategy: index'
    sql "UPDATE logs SET at = '-infinity' WHERE id = 6000"
    ok archive --json -v
    says "$ERR" '1 workers share it'
    balanced "$DIR/all"
    same "$(json "$OUT" '["records_archived"]')" 3817
}

test_workers_share_partitions_and_drop_the_old_ones() {
    place '  strategy: partition'
    sql "ALTER TABLE logs RENAME TO plain;
         CREATE TABLE logs (LIKE plain INCLUDING DEFAULTS, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         ALTER SEQUENCE logs_id_seq OWNED BY NONE;
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$(date -u -d '-200 days' +%F)');
         CREATE TABLE logs_2 PARTITION OF logs FOR VALUES
             FROM ('$(date -u -d '-200 days' +%F)') TO ('$(date -u -d '-110 days' +%F)');
         CREATE TABLE logs_3 PARTITION OF logs FOR VALUES
             FROM ('$(date -u -d '-110 days' +%F)') TO ('$(date -u -d '-50 days' +%F)');
         CREATE TABLE logs_4 PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT * FROM plain; DROP TABLE plain; ANALYZE logs"
    rows_are_of_old
    ok archive --json -v
    says "$ERR" 'partition public.logs_1 left whole'
    says "$ERR" 'partition public.logs_2 left whole'
    says "$ERR" 'workers share it'
    same "$(sql "SELECT to_regclass('logs_1') IS NULL AND to_regclass('logs_2') IS NULL")" t
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 0
    balanced "$DIR/all"
}

test_a_limit_holds_for_all_workers_together() {
    place '  strategy: heap'
    slow
    ok archive --json --limit 1234
    unset ARCHIVER_FAULT
    same "$(json "$OUT" '["records_archived"], d["tables"][0]["ended_by"]')" "(1234, '--limit')"
    sed -i 's/  workers: 3/  workers: 3\n  max_batches: 4/' "$CONF"
    ok archive --json
    same "$(json "$OUT" '["batches"], d["tables"][0]["ended_by"]')" "(4, 'max_batches')"
    sed -i 's/max_batches: 4/max_rows: 333/' "$CONF"
    ok archive --json
    same "$(json "$OUT" '["records_archived"], d["tables"][0]["ended_by"]')" "(333, 'max_rows')"
    balanced "$DIR/all"
}

test_a_ceiling_holds_for_all_workers_together() {
    place '  strategy: heap
  rows_per_second: 2000'
    local began
    began=$(date +%s%N)
    ok archive --json
    # 3,817 rows at 2,000 a second; those of the batches that go last, 600, are due when all is over
    [ $((($(date +%s%N) - began) / 1000000)) -ge 1600 ] || fail "faster than its ceiling"
    balanced "$DIR/all"
}

test_locked_rows_are_passed_over_and_taken_next_time() {
    place '  strategy: heap'
    in_background "BEGIN; SELECT 1 FROM logs WHERE id BETWEEN 5801 AND 5850 FOR UPDATE; SELECT pg_sleep(6); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    ok archive --json
    same "$(json "$OUT" '["tables"][0]["skipped_locked"], d["records_archived"]')" '(50, 3767)'
    wait $BACKGROUND
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 50
    balanced "$DIR/all"
}

# Updates move rows to blocks that another worker has, or that all have passed.
test_updates_of_old_rows_are_never_lost() {
    place '  strategy: heap'
    updates_are_never_lost 2184 6000
}

test_a_worker_loses_its_session_and_all_goes_on() {
    place '  strategy: heap'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    same "$(sql "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                     WHERE datname = '$DB' AND application_name LIKE 'archiver-tui%' AND xact_start IS NOT NULL
                     AND application_name NOT LIKE '%monitor%' ORDER BY backend_start DESC LIMIT 1) p")" 1
    ends 0
    says "$DIR/run.err" 'WARN'
    silent "$DIR/run.err" 'does without a session'
    same "$(json "$DIR/run.out" '["records_archived"], d["status"]')" "(3817, 'success')"
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
}

test_a_server_without_room_for_more_sessions_is_no_failure() {
    place '  strategy: heap'
    ROLE=narrow_$DB
    sql "DROP ROLE IF EXISTS $ROLE; CREATE ROLE $ROLE LOGIN CONNECTION LIMIT 2;
         GRANT SELECT, DELETE, UPDATE ON logs TO $ROLE"
    sed -i "s/    user: .*/    user: $ROLE/" "$CONF"
    ok archive --json
    says "$ERR" 'does without a session of its own'
    same "$(json "$OUT" '["records_archived"]')" 3817
    balanced "$DIR/all"
    sql "DROP OWNED BY $ROLE; DROP ROLE $ROLE"
}

test_a_run_that_is_stopped_settles_what_all_workers_have() {
    place '  strategy: heap'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    kill -INT $RUN
    ends 130
    same "$(json "$DIR/run.out" '["status"]')" stopped
    [ "$(json "$DIR/run.out" '["records_archived"]')" -gt 0 ] || fail 'nothing was settled'
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
    ok archive
    balanced "$DIR/all"
}

# Nobody else has the table while a worker is at it, and everybody when the run is over.
test_the_tables_lock_is_shared_by_the_workers_only() {
    place '  strategy: heap'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    exits 4 archive
    says "$ERR" 'another run is archiving this table'
    ends 0
    same "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
                     AND database = (SELECT oid FROM pg_database WHERE datname = '$DB')")" 0
    balanced "$DIR/all"
}

test_encrypted_objects_of_several_workers() {
    local ARCHIVER_KEY
    place '  strategy: heap'
    ARCHIVER_KEY=$(openssl rand -hex 32)
    export ARCHIVER_KEY
    echo 'encryption: {key_id: k1, key_env: ARCHIVER_KEY}' >>"$CONF"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 3817
    balanced "$DIR/all"
    exits 0 verify --json
}

# --- batches that overlap ---

one_worker() { # [MORE-DEFAULTS]
    place "  strategy: heap
${1:-}"
    sed -i 's/  workers: 3/  workers: 1/' "$CONF"
}

test_a_batch_is_stored_while_the_next_ones_rows_come_in() {
    one_worker
    slow
    start_and_see 2
    unset ARCHIVER_FAULT
    ends 0
    silent "$DIR/run.err" 'workers share it'
    same "$(json "$DIR/run.out" '["records_archived"]')" 3817
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
}

# Each one's last row is here before the next one's first is asked for.
test_one_worker_has_rows_of_one_batch_coming_in() {
    one_worker
    export ARCHIVER_FAULT=archive.encoded=delay:20,put.metadata=delay:30
    ok archive --json -vv
    unset ARCHIVER_FAULT
    says "$ERR" 'batches overlap'
    grep -oE 'next batch of at most|all rows of a batch are here' "$ERR" >"$DIR/order"
    same "$(grep -c here "$DIR/order")" "$(grep -c next "$DIR/order")" 'batches that came in'
    same "$(uniq -d "$DIR/order")" '' 'one after the other'
    balanced "$DIR/all"
}

test_batches_do_not_overlap_where_they_are_not_to() {
    local more
    for more in 'overlap: false' 'sleep_between_batches: 0.01' 'rows_per_second: 100000' \
        'mb_per_second: 100' 'strategy: index'; do
        one_worker
        [ "$more" != 'strategy: index' ] || sed -i '/strategy: heap/d' "$CONF"
        sed -i "s/^defaults:/&\n  $more/" "$CONF"
        ok archive --json -vv
        silent "$ERR" 'batches overlap'
        balanced "$DIR/all"
    done
}

test_where_nothing_is_left_nobody_looks_again() {
    one_worker
    ok archive --json -vv
    says "$ERR" 'batches overlap'
    silent "$ERR" 'last sweep'
    same "$(json "$OUT" '["records_archived"], d["tables"][0]["skipped_locked"]')" '(3817, 0)'
    balanced "$DIR/all"
}

# It is of the first range, which is through with one batch, and free again long before the last one is.
test_a_row_that_was_passed_over_leaves_with_the_last_sweep() {
    one_worker
    sed -i 's/retention_days: .*/retention_days: 1/' "$CONF"
    in_background "BEGIN; SELECT FROM logs WHERE id = 60 FOR UPDATE; SELECT pg_sleep(2); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    export ARCHIVER_FAULT=put.metadata=delay:300
    ok archive --json -vv
    unset ARCHIVER_FAULT
    wait $BACKGROUND
    says "$ERR" 'last sweep'
    same "$(json "$OUT" '["tables"][0]["skipped_locked"]')" 0
    same "$(sql 'SELECT count(*) FROM logs WHERE id = 60')" 0
    balanced "$DIR/all"
}

test_small_tables_have_one_session() {
    fresh
    config '' '  batch_size: 200'
    logs 3000
    all_ids "$DIR/all"
    ok archive --json -vv
    silent "$ERR" 'batches overlap'
    balanced "$DIR/all"
}

# --- tables and databases ---

several() { # COUNT: tables t1, t2, ... of 300 old rows each, and the tables of $CONF
    local n tables=
    for n in $(seq "$1"); do
        sql "CREATE TABLE t$n (id int PRIMARY KEY, at timestamptz NOT NULL);
             INSERT INTO t$n SELECT g, now() - interval '200 days' FROM generate_series(1, 300) g;
             ANALYZE t$n"
        tables+="      - {name: t$n, timestamp_column: at}
"
    done
    config "$tables" "  batch_size: 100
${2:-}"
}

left_in() { # COUNT of tables
    local n sum=0
    for n in $(seq "$1"); do
        sum=$((sum + $(sql "SELECT count(*) FROM t$n")))
    done
    echo $sum
}

test_tables_at_the_same_time() {
    fresh
    several 5 '  parallel_tables: 3'
    slow
    start_and_see 3
    unset ARCHIVER_FAULT
    ends 0
    same "$(json "$DIR/run.out" '["records_archived"], d["batches"]')" '(1500, 15)'
    same "$(json "$DIR/run.out" '["tables"].__len__(), {t["status"] for t in d["tables"]}, [t["records_archived"] for t in d["tables"]]')" \
        "(5, {'success'}, [300, 300, 300, 300, 300])"
    same "$(left_in 5)" 0
    ok list --json
    same "$(wc -l <"$OUT")" 15
}

test_a_failed_table_beside_others_stops_none() {
    fresh
    several 4 '  parallel_tables: 4'
    sql "ALTER TABLE t2 RENAME COLUMN at TO other"
    exits 1 archive --json
    same "$(json "$OUT" '["status"], [t["status"] for t in d["tables"]]')" \
        "('partial', ['success', 'failure', 'success', 'success'])"
    same "$(left_in 4)" 300
}

test_a_limit_holds_for_all_tables_together() {
    fresh
    several 4 '  parallel_tables: 4'
    ok archive --json --limit 450
    same "$(json "$OUT" '["records_archived"]')" 450
    same "$(left_in 4)" 750
}

test_databases_at_the_same_time() {
    fresh
    several 2 '  parallel_databases: true
  max_parallel_databases: 2'
    sql_on postgres "DROP DATABASE IF EXISTS ${DB}_b"
    sql_on postgres "CREATE DATABASE ${DB}_b TEMPLATE $DB"
    sed -n '/^  - name: appdb/,$p' "$CONF" | sed "s/name: appdb/name: other/; s/dbname: $DB/dbname: ${DB}_b/" >"$DIR/more"
    cat "$DIR/more" >>"$CONF"
    export ARCHIVER_FAULT=put.metadata=delay:200
    "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" </dev/null &
    RUN=$!
    local try seen=0
    for try in $(seq 100); do
        seen=$(sql "SELECT count(DISTINCT datname) FROM pg_stat_activity WHERE datname LIKE '$DB%'
                        AND xact_start IS NOT NULL AND application_name LIKE 'archiver-tui%'")
        [ "$seen" -lt 2 ] || break
        sleep 0.02
    done
    unset ARCHIVER_FAULT
    same "$seen" 2 'databases at work'
    ends 0
    same "$(json "$DIR/run.out" '["records_archived"]')" 1200
    sql_on postgres "DROP DATABASE ${DB}_b"
}

# --- beside other runs ---

lock_number() { # TABLE
    printf 'archiver-tui\0public\0%s' "$1" | sha256sum | cut -c1-16 |
        python3 -c 'import sys; n = int(sys.stdin.read(), 16); print(n - (n >> 63 << 64))'
}

test_a_table_that_another_run_holds_comes_again_at_the_end() {
    fresh
    several 3
    in_background "SELECT pg_advisory_lock($(lock_number t1)); SELECT pg_sleep(1.5)"
    held "query LIKE '%pg_sleep%'"
    export ARCHIVER_FAULT=put.metadata=delay:400
    ok archive --json -v
    unset ARCHIVER_FAULT
    says "$ERR" 'its turn comes again'
    same "$(json "$OUT" '["records_archived"], [t["status"] for t in d["tables"]]')" \
        "(900, ['success', 'success', 'success'])"
    wait $BACKGROUND
}

test_a_table_that_stays_held_is_told() {
    fresh
    several 2
    in_background "SELECT pg_advisory_lock($(lock_number t1)); SELECT pg_sleep(5)"
    held "query LIKE '%pg_sleep%'"
    exits 1 archive --json
    same "$(json "$OUT" '["records_archived"], [t["status"] for t in d["tables"]]')" "(300, ['failure', 'success'])"
    says "$ERR" 'another run is archiving this table'
    exits 4 archive -t t1
    sql "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = '$DB' AND query LIKE '%pg_sleep(5)' AND pid <> pg_backend_pid()" >/dev/null
    wait $BACKGROUND || true
}

test_a_run_waits_as_long_as_it_is_told_to() {
    fresh
    several 1 '  lock_wait_seconds: 60'
    in_background "SELECT pg_advisory_lock($(lock_number t1)); SELECT pg_sleep(2)"
    held "query LIKE '%pg_sleep%'"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 300
    wait $BACKGROUND
}

# The same configuration in several processes: each table is one process's.
test_a_fleet_shares_the_tables() {
    local n pids=() took=0
    fresh
    several 12 '  lock_wait_seconds: 60'
    slow
    for n in 1 2 3 4; do
        "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run$n.out" 2>"$DIR/run$n.err" </dev/null &
        pids+=($!)
    done
    unset ARCHIVER_FAULT
    for n in 1 2 3 4; do
        wait "${pids[$((n - 1))]}" || fail "run $n: $(cat "$DIR/run$n.err")"
        took=$((took + $(json "$DIR/run$n.out" '["records_archived"]')))
        [ "$(json "$DIR/run$n.out" '["records_archived"]')" -gt 0 ] || fail "run $n did nothing"
    done
    same "$took" 3600
    same "$(left_in 12)" 0
    ok list --json
    same "$(wc -l <"$OUT")" 36
}

# --- the lock file ---

run_with_lock_file() { # [MORE-DEFAULTS]: in the background, until it holds the file
    local try
    fresh
    several 1 "  lock_file: $DIR/lock
${1:-}"
    export ARCHIVER_FAULT=put.metadata=delay:1000
    "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" </dev/null &
    RUN=$!
    unset ARCHIVER_FAULT
    for try in $(seq 100); do
        grep -qs "process $RUN on " "$DIR/lock" && return
        sleep 0.05
    done
    fail 'nobody holds the file'
}

test_the_lock_file_lets_one_run_in_and_says_who_it_is() {
    run_with_lock_file
    exits 4 archive
    says "$ERR" "another run holds the file $DIR/lock"
    grep -qE "run 20[0-9T]*Z-[0-9a-f]{4}, process $RUN on .*, since 20" "$ERR" || fail "$(cat "$ERR")"
    ok archive --dry-run
    ends 0
    same "$(json "$DIR/run.out" '["records_archived"]')" 300
    ok archive
}

test_a_killed_run_leaves_the_lock_file_free() {
    run_with_lock_file
    kill -9 $RUN
    wait $RUN || true
    ok archive
    same "$(left_in 1)" 0
}

test_a_run_waits_for_the_lock_file_as_long_as_it_is_told_to() {
    run_with_lock_file '  lock_wait_seconds: 60'
    ok archive
    ends 0
    same "$(left_in 1)" 0
}

test_a_run_that_waits_for_the_lock_file_can_be_stopped() {
    local waits
    run_with_lock_file '  lock_wait_seconds: 60'
    "$ARCHIVER" -c "$CONF" archive >"$DIR/out2" 2>"$DIR/err2" </dev/null &
    waits=$!
    sleep 0.3
    kill -INT $waits
    local code=0
    wait $waits || code=$?
    same "$code" 130
    ends 0
}

test_a_lock_file_that_is_none_ends_the_run_before_it_begins() {
    fresh
    several 1 "  lock_file: $DIR/none/lock"
    exits 3 archive
    says "$ERR" "cannot lock the file $DIR/none/lock"
    says "$ERR" 'correct lock_file'
    same "$(sql 'SELECT count(*) FROM t1')" 300
}

run_tests
