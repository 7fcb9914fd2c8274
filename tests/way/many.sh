#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Very many tables in one configuration, as tests/bench/tables has them: more than any list of a fixed
# length would hold, with a few rows each.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"

TABLES=100

# log_1 to log_N, three rows in each, of which the one with id 1 is old.
many_tables() {
    sql "DO \$\$ BEGIN
             FOR i IN 1 .. $TABLES LOOP
                 EXECUTE format('CREATE TABLE log_%s (id bigint PRIMARY KEY, at timestamptz NOT NULL)', i);
                 EXECUTE format('CREATE INDEX ON log_%s (at)', i);
                 EXECUTE format('INSERT INTO log_%s VALUES (1, now() - interval ''200 days''), (2, now()), (3, now())', i);
             END LOOP;
         END \$\$"
    config "$(seq "$TABLES" | sed 's/.*/      - {name: log_&, timestamp_column: at}/')" "  parallel_tables: 4"
}

rows_left() {
    sql "SELECT sum(((xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || relname, true, true, '')))[1])::text::int)
         FROM pg_class WHERE relkind = 'r' AND relname LIKE 'log\\_%'"
}

test_each_of_very_many_tables_is_checked_archived_listed_and_shown() {
    fresh
    own_runs
    many_tables
    ok check
    says "$OUT" "log_1"
    says "$OUT" "log_$TABLES"
    ok archive --dry-run --json
    same "$(jq '[.tables[] | select(.eligible == 1)] | length' "$OUT")" "$TABLES" "tables with a row to archive"
    ok archive --json
    same "$(jq '[.tables[] | select(.status == "success" and .records_archived == 1)] | length' "$OUT")" \
        "$TABLES" "tables archived"
    same "$(rows_left)" $((2 * TABLES)) "rows left"
    ok list --json
    same "$(jq -s '[.[] | select(.state == "settled") | .table] | unique | length' "$OUT")" "$TABLES" "tables listed"
    ok runs --json
    same "$(jq '.past[0].records_archived // .past[0].rows' "$OUT")" "$TABLES" "rows of the run"
    console <<END
wait 60 $TABLES tables
wait 60 archived: $TABLES rows
key G
wait 60 log_$TABLES
wait ok
key /
type log_77
key Enter
wait log_77
key Q
exits 0
END
}

sessions_so_far() { # that have ended, of this database
    sql_on postgres "SELECT sessions FROM pg_stat_database WHERE datname = '$DB'"
}

# Of three at most per thread of a run: its own, its monitor's, one that is opened anew.
test_a_session_serves_one_table_after_the_other() {
    fresh
    many_tables
    [ "$(sql 'SHOW server_version_num')" -ge 140000 ] || return 0
    local before
    before=$(sessions_so_far)
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" "$TABLES"
    [ $(($(sessions_so_far) - before)) -le 12 ] || fail "$(($(sessions_so_far) - before)) sessions for $TABLES tables"
}

# One that is ended between two tables is opened anew.
test_a_session_that_is_lost_between_two_tables_is_no_failure() {
    fresh
    many_tables
    sed -i 's/parallel_tables: 4/parallel_tables: 1/' "$CONF"
    export ARCHIVER_FAULT=turn.begin=delay:300
    "$ARCHIVER" -c "$CONF" archive --json --limit 8 >"$DIR/run.out" 2>"$DIR/run.err" </dev/null &
    local run=$! ended=0
    unset ARCHIVER_FAULT
    while kill -0 $run 2>/dev/null; do
        ended=$((ended + $(sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '$DB'
            AND state = 'idle' AND query LIKE '%pg_advisory_unlock%' AND now() - state_change < interval '100 ms'")))
        sleep 0.02
    done
    wait $run || {
        cat "$DIR/run.err" >&2
        fail 'the run failed'
    }
    [ "$ended" -gt 0 ] || fail 'no session was ended'
    same "$(json "$DIR/run.out" '["records_archived"], d["status"]')" "(8, 'success')"
}

# The configuration has more of them than fit on a screen, and the last one counts as the first does.
test_a_slip_in_the_name_of_any_table_is_noticed() {
    fresh
    config "$(seq 1000 | sed 's/.*/      - {name: log_&, timestamp_column: at}/')"
    exits 2 archive -t lgo_1000
    says "$ERR" "table lgo_1000 is not in the configuration"
    says "$ERR" "did you mean log_1000?"
}

run_tests
