#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A real standby is promoted while it lags: committed deletes may be undone, transaction numbers are
# used again. What is unsettled, and what was settled shortly before, is decided by its keys.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"

# Primary and standby, both up; the database is where PG* points.
pair() {
    own_server
    crash_place
    STANDBY=$WORK/standby-$TEST
    standby_variables=$("$TESTS/harness/pg.sh" standby "$STANDBY" "$SERVER")
}

standby_has_all() {
    local try lsn
    lsn=$(sql 'SELECT pg_current_wal_lsn()')
    for try in $(seq 100); do
        [ "$(psql -XAtq -p "$(cat "$STANDBY/port")" -d postgres -c \
            "SELECT pg_last_wal_replay_lsn() >= '$lsn'")" = t ] && return 0
        sleep 0.1
    done
    fail "the standby does not catch up"
}

# The primary is gone; the standby becomes what the configuration names.
fail_over() {
    "$TESTS/harness/pg.sh" stop "$SERVER"
    "$TESTS/harness/pg.sh" promote "$STANDBY"
    sed -i "s/port: $PGPORT/port: $(cat "$STANDBY/port")/" "$CONF"
    # shellcheck disable=SC2163,SC2086
    export $standby_variables
}

stop_receiving() {
    psql -XAtq -p "$(cat "$STANDBY/port")" -d postgres -c \
        "ALTER SYSTEM SET primary_conninfo = ''" -c "SELECT pg_reload_conf()" >/dev/null
    sleep 1
}

verdicts() {
    python3 -c 'import json, sys
for b in json.load(open(sys.argv[1]))["batches"]: print(b["verdict"])' "$OUT" | sort | uniq -c | tr -s ' '
}

end_pair() {
    "$TESTS/harness/pg.sh" stop "$STANDBY"
}

test_settled_batches_that_the_failover_undid_are_marked_undone() {
    pair
    ok archive --limit 600
    standby_has_all
    stop_receiving
    ok archive
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
    fail_over
    [ "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" -gt 1000 ] ||
        fail "the standby did not lag"
    ok recover --json
    same "$(verdicts)" ' 5 undone'
    settles 'a failover of settled batches'
    end_pair
}

test_unsettled_batches_are_decided_by_their_keys() {
    pair
    # committed and replicated, not settled
    ARCHIVER_FAULT=catalog.append=kill@2 run archive
    standby_has_all
    stop_receiving
    # the run settles the first by its transaction, so that two more are needed: one that the
    # standby knows and one that it does not
    ARCHIVER_FAULT=catalog.append=kill@3 run archive
    fail_over
    run recover --json
    same "$CODE" 0
    settles 'a failover with unsettled batches'
    end_pair
}

test_replicated_and_unsettled_is_settled() {
    pair
    ARCHIVER_FAULT=catalog.append=kill@2 run archive
    standby_has_all
    fail_over
    ok recover --json
    same "$(verdicts)" ' 1 settled'
    settles 'a failover after a replicated batch'
    end_pair
}

test_a_mixture_is_left_to_people_and_the_table_waits() {
    pair
    ARCHIVER_FAULT=catalog.append=kill@2 run archive
    standby_has_all
    fail_over
    # some of its rows come back by another way
    sql "INSERT INTO logs (id, at) SELECT g, now() - interval '300 days' FROM generate_series(3500, 3600) g
             ON CONFLICT DO NOTHING"
    exits 1 recover --json
    same "$(verdicts)" ' 1 undecided'
    exits 3 archive
    says "$ERR" 'a batch of an earlier run is not decided'
    end_pair
}

test_a_partition_that_is_dropped_there_too_is_settled_by_its_keys() {
    local CRASH_WAY=partition
    pair
    ARCHIVER_FAULT=archive.committed=kill@1 run archive
    same "$(sql "SELECT to_regclass('logs_1') IS NULL")" t
    standby_has_all
    fail_over
    ok recover --json
    same "$(verdicts | awk '{ print $2 }')" settled
    settles 'a failover after a dropped partition'
    end_pair
}

test_a_partition_that_the_failover_brought_back_is_no_archive() {
    local CRASH_WAY=partition
    pair
    standby_has_all
    stop_receiving
    ARCHIVER_FAULT=archive.committed=kill@1 run archive
    same "$(sql "SELECT to_regclass('logs_1') IS NULL")" t
    fail_over
    same "$(sql "SELECT to_regclass('logs_1') IS NULL")" f
    ok recover --json
    same "$(verdicts | awk '{ print $2 }')" removed
    settles 'a failover that undid a drop'
    end_pair
}

# Rolled back, its objects complete, its rows taken by a later batch; then the transaction is no
# longer known. Settling it would have the rows twice.
test_keys_that_another_archive_holds_settle_nothing() {
    pair
    ARCHIVER_FAULT=archive.before_commit=kill@1 run archive
    mkdir "$DIR/aside"
    for object in $(objects _batch_001); do
        mv "$object" "$DIR/aside"
    done
    sleep 1.1 # names hold the second
    ok archive
    standby_has_all
    fail_over
    mv -n "$DIR"/aside/* "$(dirname "$(objects _batch_002.jsonl.gz | head -1)")"
    exits 1 recover --json
    same "$(verdicts)" ' 1 undecided'
    says "$OUT" 'its rows are in'
    end_pair
}

run_tests
