#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# Killed while a batch goes into the spool, and while it is archived from there.
# shellcheck source=../harness/spool.sh
. "$TESTS/harness/spool.sh"

# A killed program's session may hold its lock for a moment.
gone() {
    local try
    for try in $(seq 100); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'archiver-tui%' AND datname = '$DB'")" != 0 ] ||
            return 0
        sleep 0.1
    done
    fail 'a session stays'
}

# Each point of the replay, which is a batch as any other.
survives() { # FAULT
    place
    spooled
    ARCHIVER_FAULT=$1 run recover
    gone
    ok recover --json
    balanced "$DIR/all" || fail "after $1"
    nothing_waits || fail "after $1"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" "[]" "orphans after $1"
}

test_killed_while_it_is_kept() {
    place
    local point
    for point in spool.begin archive.begin archive.txid put.data put.metadata put.manifest \
        spool.rolled_back spool.mark spool.marked; do
        away
        ARCHIVER_FAULT="$point=kill" run archive
        [ "$CODE" -ge 128 ] || fail "$point: exit $CODE"
        same "$(rows)" 4000 "rows after $point"
        same "$(marks | wc -l)" "$([ $point = spool.marked ] && echo 1 || echo 0)" "entries after $point"
    done
    back
    gone
    recovers 1 0 0
    same "$(rows)" 3400
    balanced "$DIR/all"
    nothing_waits
}

test_killed_before_its_commit() {
    local point
    for point in spool.replay archive.begin put.data put.metadata archive.before_commit; do
        survives "$point=kill"
    done
}

test_killed_after_its_commit() {
    local point
    for point in archive.commit_sent archive.committed catalog.append catalog.appended \
        spool.replayed spool.unmarked; do
        survives "$point=kill"
    done
}

test_its_commit_is_lost_or_never_sent() {
    survives archive.commit_lost=lost
    survives archive.commit_lost=unsent
}

run_tests
