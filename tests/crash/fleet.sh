#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A fleet: four processes with the same configuration on twelve tables, two of them killed at random
# moments. Those that live end the work of those that died, and nothing is done twice.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"
TABLES=12
ROWS=600

fleet_place() {
    local n tables=
    for n in $(seq "$TABLES"); do
        tables+="      - {name: t$n, timestamp_column: at}
"
    done
    fresh
    config "$tables" "  batch_size: 100
  workers: $1
  lock_wait_seconds: 120"
}

fill() { # ROUND: each table has rows of its own numbers
    local n
    for n in $(seq "$TABLES"); do
        sql "CREATE TABLE IF NOT EXISTS t$n (id int PRIMARY KEY, at timestamptz NOT NULL, body text);
             INSERT INTO t$n SELECT $1 * 100000 + g, now() - interval '200 days', repeat('x', 800)
             FROM generate_series(1, $ROWS) g;
             ANALYZE t$n"
    done
}

# Every row of every round, once: table and id.
archived_once() { # ROUNDS
    archived | sed -n 's/^{"id":\([0-9]*\),.*"_source_table":"\([a-z0-9]*\)".*/\2 \1/p' | sort >"$DIR/now"
    same "$(wc -l <"$DIR/now")" $((TABLES * ROWS * $1)) rows
    same "$(uniq -d "$DIR/now" | wc -l)" 0 'rows that are there twice'
}

test_two_of_four_are_killed() {
    local round n pids killed=0
    fleet_place 1
    for round in 1 2 3 4 5; do
        fill "$round"
        pids=()
        for n in 1 2 3 4; do
            ARCHIVER_FAULT=put.metadata=delay:20 "$ARCHIVER" -c "$CONF" archive --json \
                >"$DIR/run$n.out" 2>"$DIR/run$n.err" </dev/null &
            pids+=($!)
        done
        { # the shell's own word about who is killed goes away
            for n in 0 1; do
                sleep "0.$(printf '%03d' $((RANDOM % 800 + 100)))"
                if kill -9 "${pids[$n]}"; then killed=$((killed + 1)); fi
            done
            wait "${pids[@]:0:2}" || true
        } 2>/dev/null
        for n in 2 3; do
            wait "${pids[$n]}" || fail "round $round, process $n: $(cat "$DIR/run$((n + 1)).err")"
        done
        for n in $(seq "$TABLES"); do
            same "$(sql "SELECT count(*) FROM t$n")" 0 "rows left in t$n"
        done
        archived_once "$round"
    done
    [ "$killed" -ge 5 ] || fail "only $killed were still at work when they were to be killed"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
    same "$(find "$STORE" -name '.*' -type f | wc -l)" 0 'temporary files'
}

run_tests
