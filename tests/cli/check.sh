#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The pre-flight: what it finds about a table's times, and the room there is.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

test_times_that_cannot_be_are_said() {
    fresh
    logs 3000
    ok check
    says "$OUT" 'timestamps: from '
    says "$OUT" ' 0 warnings'
    sql "INSERT INTO logs (at) VALUES ('1970-01-01 00:00Z')"
    ok check
    says "$OUT" 'timestamps: from 1970-01-01 00:00:00'
    says "$OUT" 'rows so old leave with the first run'
    sql "DELETE FROM logs WHERE at < '1971-01-01'; INSERT INTO logs (at) VALUES (now() + interval '9 days')"
    ok check
    says "$OUT" 'rows from the future stay'
    # Nothing to tell by where a table is empty, or has no index that leads there.
    sql "DELETE FROM logs"
    ok check
    silent "$OUT" 'timestamps: from'
}

test_a_run_that_works_on_a_table_is_named() {
    fresh
    logs 3000
    config "" "  rows_per_second: 100
  batch_size: 50"
    ok archive --detach
    ok check
    says "$OUT" 'held by archiver-tui'
    ok stop --now
}

test_room_and_work_are_estimated() {
    fresh
    logs 3000
    ok check --json
    jq -e '[.checks[] | select(.subject == "store" and .name == "room")][0].verdict == "pass"' "$OUT" >/dev/null
    jq -e '[.checks[] | select(.name == "cutoff")][0].detail | test("to store")' "$OUT" >/dev/null
}

run_tests
