#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A kill -9, a failure and a cut connection at every fault point of a restore and a rollback; then
# `recover`, and the same words once more (PASSINGS="1 3": at the third passing too): exactly the wanted rows are there, once, and so are the
# indexes.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# $1: a template that was archived; a copy of its table, ledger and store is one try's place.
place() {
    fresh
    config '' '  batch_size: 300
  member_kb: 64'
    logs 4000
    sql "CREATE INDEX logs_level ON logs (level)"
    sql "CREATE TABLE before AS TABLE logs"
    ok archive --json
    RUN=$(json "$OUT" '["run_id"]')
    sql "CREATE TABLE left_over AS TABLE logs"
    cp -a "$STORE" "$DIR/store.kept"
}

again() { # the place as it was
    sql "DROP SCHEMA IF EXISTS archiver_tui CASCADE; TRUNCATE logs; INSERT INTO logs TABLE left_over;
         DROP INDEX IF EXISTS logs_level; CREATE INDEX logs_level ON logs (level)"
    rm -rf "$STORE"
    cp -a "$DIR/store.kept" "$STORE"
}

# The killed client's backend may hold its lock for a moment.
patiently() { # CODE... -- ARGS: one of these codes is expected
    local try codes=""
    while [ "$1" != -- ]; do
        codes="$codes $1"
        shift
    done
    shift
    for try in $(seq 40); do
        run "$@"
        [ "$CODE" -eq 4 ] || break
        sleep 0.1
    done
    [[ " $codes " == *" $CODE "* ]] || {
        cat "$ERR" "$OUT" >&2
        fail "archiver-tui $*: exit $CODE"
    }
}

survives() { # FAULT ARGS...
    local fault=$1 first=0
    shift
    set -- "${@/#RUN/$RUN}"
    again
    ARCHIVER_FAULT=$fault run "$@" || true
    first=$CODE
    patiently 0 -- recover
    [ "$first" -eq 0 ] || patiently 0 -- "$@"
    same "$(sql 'SELECT count(*) FROM (TABLE before EXCEPT ALL TABLE logs) x')" 0 "missing: $fault"
    same "$(sql 'SELECT count(*) FROM (TABLE logs EXCEPT ALL TABLE before) x')" 0 "double: $fault"
    same "$(sql "SELECT count(*) FROM pg_indexes WHERE tablename = 'logs'")" 3 "indexes: $fault"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0 "archived again: $fault"
}

points() { # those that a restore passes
    "$ARCHIVER" fault-points | awk '{ print $1 }' | grep -E "^(restore\.|catalog\.)" |
        grep -vE "${1:-nothing}"
}

each() { # ACTION EXCEPT ARGS...
    local action=$1 except=$2 point n
    shift 2
    place
    for point in $(points "$except"); do
        for n in ${PASSINGS:-1}; do
            survives "$point=$action@$n" "$@"
        done
    done
}

test_restore_in_one_transaction_killed() {
    each kill 'merged|indexes' restore --all
}

test_restore_in_pieces_killed() {
    each kill 'merged|indexes' restore --all --commit-rows 70
}

test_restore_with_skip_killed() {
    each kill indexes restore --all --on-conflict skip
}

test_rollback_killed() {
    each kill 'merged|indexes' rollback RUN
}

test_restore_without_indexes_killed() {
    each kill merged restore --all --drop-indexes
}

test_restore_in_pieces_fails() {
    each fail 'merged|indexes' restore --all --commit-rows 70
}

test_restore_in_pieces_cut() {
    each net 'merged|indexes' restore --all --commit-rows 70
}

run_tests
