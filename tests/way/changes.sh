#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The world changes while a run is at work, or between two runs: columns, names, keys, rights, the
# store.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# Starts a run of many batches with a pause after each, and waits for its first one.
start_slowly() {
    local try
    config '' '  batch_size: 100
  sleep_between_batches: 1'
    "$ARCHIVER" -c "$CONF" archive >"$DIR/slow.out" 2>"$DIR/slow.err" </dev/null &
    SLOW=$!
    for try in $(seq 200); do
        [ "$(sql 'SELECT count(*) FROM logs')" -gt 2900 ] || return 0
        sleep 0.02
    done
    fail 'no batch was archived'
}

# Its exit code is in CODE.
wait_slowly() {
    CODE=0
    wait "$SLOW" || CODE=$?
    cp "$DIR/slow.err" "$ERR"
}

test_a_column_added_during_a_run_is_not_left_out() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    ERR=$DIR/err
    start_slowly
    sql "ALTER TABLE logs ADD extra text; UPDATE logs SET extra = 'precious ' || id"
    sql "SELECT count(*) FROM logs" >"$DIR/with"
    wait_slowly
    same "$CODE" 3
    says "$ERR" 'the columns of the table were changed while the run was at work'
    ok archive
    balanced "$DIR/all"
    { archived | grep -o '"extra":"precious [0-9]*"' || true
        sql "SELECT extra FROM logs"; } | wc -l | cmp - "$DIR/with"
    ok verify
}

test_a_column_of_another_type_during_a_run_is_not_misread() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    ERR=$DIR/err
    start_slowly
    sql "ALTER TABLE logs ALTER level TYPE int USING length(level)"
    wait_slowly
    same "$CODE" 3
    says "$ERR" 'were changed while the run was at work'
    ok archive
    balanced "$DIR/all"
    ok verify
}

# Log rotation: what is called logs is another table now. Rows of the one that was moved away stay.
test_a_table_replaced_during_a_run() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    ERR=$DIR/err
    start_slowly
    sql "BEGIN; ALTER TABLE logs RENAME TO logs_before;
         CREATE TABLE logs (LIKE logs_before INCLUDING ALL); COMMIT"
    wait_slowly
    sql "SELECT id FROM logs_before" >"$DIR/here"
    archived_ids | sort -n - "$DIR/here" | cmp - "$DIR/all"
    ok verify
}

test_a_table_renamed_after_a_crash_is_settled_under_its_old_name() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    ARCHIVER_FAULT=catalog.append=kill@1 run archive
    sql "ALTER TABLE logs RENAME TO records"
    ok recover --json
    same "$(json "$OUT" '["settled"]')" 1
    sql "SELECT id FROM records" >"$DIR/here"
    archived_ids | sort -n - "$DIR/here" | cmp - "$DIR/all"
}

test_a_foreign_key_that_cascades_from_a_partition_is_refused() {
    fresh
    sql "CREATE TABLE logs (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
         CREATE TABLE logs_new PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT g, '2019-01-01' FROM generate_series(1, 10) g;
         CREATE TABLE child (id int, at timestamptz,
             FOREIGN KEY (id, at) REFERENCES logs_old ON DELETE CASCADE);
         INSERT INTO child SELECT id, at FROM logs_old"
    exits 3 archive
    says "$ERR" 'deleting its rows would delete or change rows of other tables'
    says "$ERR" 'child'
    same "$(sql 'SELECT count(*) FROM child')" 10
    same "$(sql 'SELECT count(*) FROM logs')" 10
}

test_a_key_that_cascades_within_the_table_is_refused() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz,
             parent int REFERENCES logs ON DELETE CASCADE);
         INSERT INTO logs VALUES (1, '2019-01-01', NULL), (2, now(), 1)"
    exits 3 archive
    same "$(sql 'SELECT count(*) FROM logs')" 2
}

# --- a role that may not ask which cluster this is ---

blind() { # the role in the configuration; logs is filled
    logs 3000
    all_ids "$DIR/all"
    sql "DROP ROLE IF EXISTS blind_$DB; CREATE ROLE blind_$DB LOGIN;
         REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC;
         GRANT SELECT, DELETE ON logs TO blind_$DB"
    sed -i "s/user: .*/user: blind_$DB/" "$CONF"
}

# A killed client's backend may hold its lock for a moment.
recovered() { # WANTED VERDICTS as "verdict number ..."
    local try
    for try in $(seq 50); do
        run recover --json
        [ "$CODE" -eq 4 ] || break
        sleep 0.1
    done
    same "$(python3 -c 'import json, sys
print(" ".join(sorted(b["verdict"] for b in json.load(open(sys.argv[1]))["batches"])))' "$OUT")" "$1"
}

test_a_role_that_may_not_ask_for_the_cluster_recovers_its_own() {
    fresh
    blind
    ok check
    says "$OUT" 'GRANT EXECUTE ON FUNCTION pg_control_system()'
    ARCHIVER_FAULT=catalog.append=kill@1 run archive --limit 10
    recovered settled
    ARCHIVER_FAULT=archive.before_commit=kill@1 run archive --limit 10
    recovered removed
    ARCHIVER_FAULT=put.metadata=kill@1 run archive --limit 10
    recovered removed
    same "$(sql 'SELECT count(*) FROM logs')" 2990
    ok archive
    balanced "$DIR/all"
    sql "DROP OWNED BY blind_$DB; DROP ROLE blind_$DB"
}

# Two clusters that look alike, a database of the same name, the same keys, one store.
test_a_cluster_that_looks_alike_takes_nothing_away() {
    fresh
    blind
    ARCHIVER_FAULT=catalog.append=kill@1 run archive --limit 10
    ARCHIVER_FAULT=put.metadata=kill@1 run archive --limit 20
    local before
    before=$(objects _batch_ | md5sum)
    cp "$CONF" "$DIR/first.yaml"
    (
        own_server
        sql_on postgres "CREATE DATABASE $DB"
        blind
        sed -i "s/port: .*/port: $PGPORT/" "$CONF"
        sql "SELECT count(txid_current()) FROM generate_series(1, 5)" >/dev/null
        run recover --json
        same "$(json "$OUT" '["removed"]')" 0
    )
    "$TESTS/harness/pg.sh" stop "$WORK/server-$TEST"
    same "$(objects _batch_ | md5sum)" "$before"
    CONF=$DIR/first.yaml
    ok recover
    sql "SELECT id FROM logs" >"$DIR/here"
    archived_ids | sort -n - "$DIR/here" | cmp - "$DIR/all"
    sql "DROP OWNED BY blind_$DB; DROP ROLE blind_$DB"
}

test_tables_that_fail_for_different_reasons_exit_2() {
    fresh
    logs 3000
    sql "DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN; GRANT SELECT ON logs TO limited"
    config '      - {name: logs, timestamp_column: at}
      - {name: nosuch, timestamp_column: at}'
    sed -i 's/user: .*/user: limited/' "$CONF"
    exits 2 archive --json
    same "$(json "$OUT" '["status"]')" failure
    exits 5 archive -t logs
    exits 3 archive -t nosuch
    sql "DROP OWNED BY limited; DROP ROLE limited"
}

test_a_store_that_cannot_be_written_keeps_every_row() {
    [ "$(id -u)" -eq 0 ] || return 0
    fresh
    logs 3000
    if ! mount -t tmpfs -o ro tmpfs "$STORE" 2>/dev/null; then
        echo "    (no mount here: skipped)"
        return 0
    fi
    run archive
    umount "$STORE"
    same "$CODE" 5
    says "$ERR" 'Read-only file system'
    same "$(sql 'SELECT count(*) FROM logs')" 3000
    same "$(objects '' | wc -l)" 0
}

# FOR UPDATE, which passes locked rows over, needs the right to UPDATE; without it they are waited for.
test_a_role_without_the_right_to_update_waits_for_locked_rows() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    sql "DROP ROLE IF EXISTS plain_$DB; CREATE ROLE plain_$DB LOGIN;
         GRANT SELECT, DELETE ON logs TO plain_$DB"
    sed -i "s/user: .*/user: plain_$DB/" "$CONF"
    ok check
    says "$OUT" "GRANT UPDATE (\"at\") ON \"public\".\"logs\" TO \"plain_$DB\""
    # one row is made young again, one is changed; both are locked when the run comes
    psql -XAtq -d "$DB" -c "BEGIN; UPDATE logs SET at = now() WHERE id = 2900" \
        -c "UPDATE logs SET level = 'changed' WHERE id = 2901; SELECT pg_sleep(1.5); COMMIT" >/dev/null &
    local locker=$! try
    for try in $(seq 100); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = '$DB' AND pid <> pg_backend_pid()")" = 0 ] ||
            break
        sleep 0.05
    done
    ok archive --json
    wait $locker
    same "$(json "$OUT" '["records_archived"]')" 816
    same "$(sql 'SELECT id FROM logs WHERE id > 2200')" 2900
    same "$(archived | grep -c '"id":2901,.*"level":"changed"')" 1
    balanced "$DIR/all"
    sql "DROP OWNED BY plain_$DB; DROP ROLE plain_$DB"
}

# Timeouts that the server ends whole sessions for.
test_the_servers_timeouts_do_not_end_a_run() {
    fresh
    config '' '  batch_size: 300
  sleep_between_batches: 0.4'
    logs 3000
    all_ids "$DIR/all"
    local version name
    version=$(sql 'SHOW server_version_num')
    sql "ALTER DATABASE $DB SET idle_in_transaction_session_timeout = '100ms'"
    [ "$version" -lt 140000 ] || sql "ALTER DATABASE $DB SET idle_session_timeout = '100ms'"
    [ "$version" -lt 170000 ] || sql "ALTER DATABASE $DB SET transaction_timeout = '100ms'"
    ARCHIVER_FAULT=put.metadata=delay:300 ok archive --limit 700 --log-level debug
    silent "$ERR" timeout
    silent "$ERR" 'was lost'
    balanced "$DIR/all"
}

run_tests
