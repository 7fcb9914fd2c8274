#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# What a run waits for between batches, how it says so, and that nobody waits long for a batch.
# shellcheck source=../harness/live.sh
. "$TESTS/harness/live.sh"

waits() { # REASON: how long the report says that the only table waited for it, in whole ms
    json "$STORE/pg/_runs/$RUN.json" "[\"tables\"][0][\"waited\"][\"$1\"] * 1000" | cut -d. -f1
}

# Until a session of the run is as CONDITION says.
until_at_work() { # CONDITION on pg_stat_activity
    local try
    for try in $(seq 150); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB'
                 AND application_name LIKE 'archiver-tui%' AND $1")" = 0 ] || return 0
        sleep 0.1
    done
    fail "never: $1"
}

test_a_ceiling_of_the_configuration_is_kept_and_said() {
    live_place '  batch_size: 100
  compression: none
  mb_per_second: 0.05'
    detached
    until_snapshot 'd["mb_ceiling"] == 0.05 and d["tables"][0]["wait"] == "ceiling"'
    same "$(json "$OUT" '["live"][0]["tables"][0]["why"]')" 'at most 0.05 MB/s'
    ok throttle --mb-per-second 0
    ends_well
    [ "$(waits ceiling)" -gt 0 ] || fail 'the report does not say what it waited for'
}

test_a_sleep_is_kept_and_said() {
    live_place '  batch_size: 500
  sleep_between_batches: 0.3'
    ok archive -vv
    says "$ERR" 'waits: 0.3 s between batches'
    says "$ERR" 'appdb.public.logs: waited '
    same "$(grep -c 'waits: 0.3 s between' "$ERR")" 4
}

test_a_paused_standby_is_waited_for_and_named() {
    own_server
    local primary=$SERVER standby=$WORK/standby-$TEST
    live_place '  batch_size: 100
  sleep_between_batches: 0.3
  max_replica_lag_seconds: 1'
    "$TESTS/harness/pg.sh" standby "$standby" "$primary" >"$DIR/standby"
    psql -XAtq -p "$(cat "$standby/port")" -d postgres -c 'SELECT pg_wal_replay_pause()'
    sql 'CREATE TABLE noise AS SELECT g FROM generate_series(1, 1000) g'
    "$ARCHIVER" -c "$CONF" archive >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$!
    until_snapshot 'd["tables"] and d["tables"][0]["wait"] == "lag"'
    RUN=$(json "$OUT" '["live"][0]["run_id"]')
    [[ $(json "$OUT" '["live"][0]["tables"][0]["why"]') =~ ^replica\ lag\ [0-9]+s\ \>\ 1s$ ]] ||
        fail "$(json "$OUT" '["live"][0]["tables"][0]["why"]')"
    timeout 6 "$ARCHIVER" watch "$RUN" >"$DIR/watch" || true
    says "$DIR/watch" 'replica lag'
    psql -XAtq -p "$(cat "$standby/port")" -d postgres -c 'SELECT pg_wal_replay_resume()'
    wait "$pid"
    says "$DIR/run.err" 'waits: replica lag'
    says "$DIR/run.err" '(lag)'
    [ "$(waits lag)" -gt 0 ] || fail 'the report does not say what it waited for'
    balanced "$DIR/all"
    "$TESTS/harness/pg.sh" stop "$standby"
    "$TESTS/harness/pg.sh" stop "$primary"
}

test_a_busy_server_is_left_alone() {
    own_server
    live_place '  batch_size: 300
  sleep_between_batches: 0.2
  max_active_backends: 2'
    local i
    for i in 1 2 3 4; do
        psql -XAtq -d "$DB" -c "SELECT pg_sleep(60) /* busy */" >/dev/null 2>&1 &
    done
    detached
    until_snapshot 'd["tables"][0]["wait"] == "backends"'
    same "$(json "$OUT" '["live"][0]["tables"][0]["why"]')" 'active backends 4 > 2'
    sql "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%/* busy */' AND pid <> pg_backend_pid()" >/dev/null
    ends_well
    [ "$(waits backends)" -gt 0 ] || fail 'the report does not say what it waited for'
    "$TESTS/harness/pg.sh" stop "$SERVER"
}

test_a_stop_file_ends_the_run_cleanly() {
    live_place "  batch_size: 100
  sleep_between_batches: 0.3
  stop_file: $WORK/$TEST/stop"
    "$ARCHIVER" -c "$CONF" archive >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$! code=0
    until_snapshot 'd["batches"] >= 1'
    touch "$DIR/stop"
    wait "$pid" || code=$?
    same "$code" 130
    says "$DIR/run.err" "the stop file $DIR/stop is there"
    balanced "$DIR/all"
    exits 130 archive
    rm "$DIR/stop"
    ok archive
    balanced "$DIR/all"
}

# A role of few rights sees in pg_locks that somebody waits for it, which is enough.
plain_role() {
    ROLE=plain_$DB
    sql "DROP ROLE IF EXISTS $ROLE; CREATE ROLE $ROLE LOGIN; GRANT SELECT, DELETE, UPDATE ON logs TO $ROLE"
    sed -i "s/    user: .*/    user: $ROLE/" "$CONF"
}

drop_role() {
    sql "DROP OWNED BY $ROLE; DROP ROLE $ROLE"
}

# The statement of the batch is in work, and sleeps the first time that it comes by.
test_a_session_that_waits_for_a_batch_gets_its_turn() {
    live_place '  max_blocked_seconds: 1'
    sql "CREATE SEQUENCE slow;
         CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN
             IF OLD.id = 3000 AND nextval('slow') = 1 THEN PERFORM pg_sleep(120); END IF;
             RETURN OLD; END \$\$;
         CREATE TRIGGER dawdle BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION dawdle()"
    plain_role
    "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$!
    until_at_work "wait_event = 'PgSleep'"
    sql "UPDATE logs SET level = 'mine' WHERE id = 3990"
    wait "$pid"
    says "$DIR/run.err" 'batch 1 rolled back: server process'
    says "$DIR/run.err" 'the next takes'
    same "$(json "$DIR/run.out" '["tables"][0]["let_go"]')" 1
    balanced "$DIR/all"
    { archived | grep '^{"id":3990,'; sql "SELECT row_to_json(l) FROM logs l WHERE id = 3990"; } >"$DIR/row" || true
    same "$(wc -l <"$DIR/row")" 1
    says "$DIR/row" '"level":"mine"'
    drop_role
}

# The rows are out and the store does not answer: the transaction is idle, and its session is ended.
# A range that is deleted as it is has another statement than a batch by index.
test_a_session_that_waits_for_a_range_gets_its_turn() {
    live_place '  max_blocked_seconds: 1
  strategy: heap'
    sql "ALTER TABLE logs ADD pad text DEFAULT repeat('x', 1000);
         UPDATE logs SET pad = pad || 'y'"
    sql "VACUUM FULL ANALYZE logs"
    sql "CREATE SEQUENCE slow;
         CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$ BEGIN
             IF nextval('slow') = 1000 THEN PERFORM pg_sleep(120); END IF;
             RETURN OLD; END \$\$;
         CREATE TRIGGER dawdle BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION dawdle()"
    plain_role
    "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$!
    until_at_work "wait_event = 'PgSleep' AND query LIKE 'SET LOCAL lock_timeout%'"
    sql "UPDATE logs SET level = 'mine'" # whichever went first is among them
    wait "$pid"
    says "$DIR/run.err" 'rolled back: server process'
    same "$(json "$DIR/run.out" '["tables"][0]["let_go"]')" 1
    balanced "$DIR/all"
    drop_role
}

test_a_session_that_waits_for_the_store_gets_its_turn() {
    live_place '  max_blocked_seconds: 0.5'
    plain_role
    ARCHIVER_FAULT=put.metadata=delay:10000@1 "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$!
    until_at_work "state = 'idle in transaction' AND query LIKE 'COPY%'"
    sql "ALTER TABLE logs ALTER COLUMN level SET DEFAULT 'none'"
    same "$(sql 'SELECT count(*) FROM logs')" 4000 'rows while the store hangs'
    wait "$pid"
    says "$DIR/run.err" 'rolled back: server process'
    same "$(json "$DIR/run.out" '["status"]')" success
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
    drop_role
}

test_who_waits_may_be_let_wait() {
    live_place '  max_blocked_seconds: 0'
    ARCHIVER_FAULT=put.metadata=delay:4000@1 "$ARCHIVER" -c "$CONF" archive --json >"$DIR/run.out" 2>"$DIR/run.err" &
    local pid=$!
    until_at_work "state = 'idle in transaction' AND query LIKE 'COPY%'"
    sql "UPDATE logs SET level = 'mine' WHERE id = 3990"
    wait "$pid"
    same "$(json "$DIR/run.out" '["tables"][0]["let_go"]')" 0
    balanced "$DIR/all"
}

test_limits_end_a_turn_and_the_next_run_goes_on() {
    live_place '  batch_size: 100
  max_batches: 3'
    ok archive --json
    same "$(json "$OUT" '["status"], d["batches"], d["records_archived"], d["tables"][0]["ended_by"]')" \
        "('success', 3, 300, 'max_batches')"
    says "$ERR" 'max_batches is reached: the next run goes on'
    config '' '  batch_size: 100
  max_rows: 250'
    ok archive --json
    same "$(json "$OUT" '["status"], d["batches"], d["records_archived"], d["tables"][0]["ended_by"]')" \
        "('success', 3, 250, 'max_rows')"
    # its time is up while it waits for the next batch
    config '' '  batch_size: 100
  sleep_between_batches: 300
  max_duration_minutes: 0.02'
    ok archive --json
    same "$(json "$OUT" '["status"], d["batches"], d["records_archived"], d["tables"][0]["ended_by"]')" \
        "('success', 1, 100, 'max_duration_minutes')"
    balanced "$DIR/all"
    config
    ok archive --json
    same "$(json "$OUT" '["tables"][0]["ended_by"]')" None
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
    balanced "$DIR/all"
}

run_tests
