#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A kill -9 at every fault point of a batch, and the faults that are no kill; the long suite
# (points.sh, random.sh) has the rest.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"
QUIET=1

points() { # those that a directory store and a run without trouble pass
    local never='s3\.|recover\.|rewrap\.|put\.envelope|clock\.|export\.cut|dir\.corrupt|archive\.commit_lost'
    [ "${CRASH_WAY:-}" = partition ] || never="$never|leaf\."
    "$ARCHIVER" fault-points | awk '{ print $1 }' | grep -vE "^($never)"
}

test_there_are_points_to_be_killed_at() {
    [ "$(points | wc -l)" -ge 18 ]
}

killed_at() { # SED-ADDRESS WAY: at these of the points, the rows being found so
    local point CRASH_WAY=$2
    for point in $(points | sed -n "$1p"); do
        survives "$point=kill@2"
    done
}

test_killed_at_the_odd_points() {
    killed_at 1~2 index
}

test_killed_at_the_even_points() {
    killed_at 2~2 index
}

test_in_a_heap_killed_at_the_odd_points() {
    killed_at 1~2 heap
}

test_in_a_heap_killed_at_the_even_points() {
    killed_at 2~2 heap
}

test_in_a_whole_partition_killed_at_the_odd_points() {
    killed_at 1~2 partition
}

test_in_a_whole_partition_killed_at_the_even_points() {
    killed_at 2~2 partition
}

# Half of the points each: the others meet two workers in points.sh.
test_with_two_workers_in_a_heap_killed_at_the_odd_points() {
    local CRASH_WORKERS=2
    killed_at 1~2 heap
}

test_with_two_workers_by_index_killed_at_the_even_points() {
    local CRASH_WORKERS=2
    killed_at 2~2 index
}

test_with_two_workers_an_answer_to_commit_is_lost() {
    local CRASH_WORKERS=2 CRASH_WAY=heap fault
    for fault in lost unsent; do
        survives "archive.commit_lost=$fault@2"
        survives "archive.commit_lost=$fault"
    done
}

# What those above stand on: undisturbed, both partitions go.
test_whole_partitions_are_dropped() {
    local CRASH_WAY=partition
    crash_place
    ok archive
    same "$(sql "SELECT coalesce(to_regclass('logs_1'), to_regclass('logs_2')) IS NULL")" t
    balanced "$DIR/all"
}

# Dropped, or there with all its rows; and which of them, recover knows.
test_the_drop_is_committed_and_its_answer_lost() {
    local CRASH_WAY=partition fault
    for fault in lost unsent; do
        survives "archive.commit_lost=$fault@1"
        survives "archive.commit_lost=$fault@2"
    done
}

test_a_catalog_line_of_a_dropped_partition_is_missing() {
    local CRASH_WAY=partition n
    for n in 1 2 3; do
        survives "catalog.append=fail@$n"
        survives "catalog.append=kill@$n"
    done
}

# The last is that of the run's report, which stands beside the tables.
test_killed_at_every_write() {
    local n
    for n in $(seq 20); do
        crash_place
        ARCHIVER_FAULT=dir.write=kill@$n run archive --limit 300
        [ "$CODE" -ne 0 ] || break
        settles "dir.write=kill@$n"
    done
    same "$CODE $([ "$n" -gt 4 ] && echo several)" '0 several'
}

test_commit_is_sent_and_its_answer_lost() {
    survives archive.commit_lost=lost@3
}

test_commit_never_arrives() {
    survives archive.commit_lost=unsent@3
}

test_connection_cut_while_rows_come() {
    survives export.cut=cut@700
}

test_the_store_holds_something_else_than_it_was_sent() {
    survives dir.corrupt=flip@3
}

test_the_disk_is_full() {
    survives dir.write=enospc@4
}

test_this_hosts_clock_jumps() {
    crash_place
    ARCHIVER_FAULT=clock.now=jump exits 3 archive
    says "$ERR" 'days apart'
    same "$(sql 'SELECT count(*) FROM logs')" 4000
}

# What all these tests stand on.
test_the_books_notice_a_lost_and_a_double_row() {
    crash_place
    ok archive --limit 500
    balanced "$DIR/all"
    sql "CREATE TABLE kept AS SELECT * FROM logs WHERE id = 7; DELETE FROM logs WHERE id = 7"
    ! balanced "$DIR/all" 2>/dev/null || fail "a lost row is not noticed"
    sql "INSERT INTO logs SELECT * FROM kept"
    balanced "$DIR/all"
    sql "INSERT INTO logs (id, at) VALUES (4000, now())"
    ! balanced "$DIR/all" 2>/dev/null || fail "a double row is not noticed"
}

run_tests
