#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Every fault point with every kind of fault, at its first, second and fifth passing; and faults
# while recover itself is at work.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"
QUIET=1

points() { # those that a directory store and a run without trouble pass
    local never='s3\.|spool\.|recover\.|rewrap\.|put\.envelope|clock\.|export\.cut|dir\.corrupt|archive\.commit_lost'
    [ "${CRASH_WAY:-}" = partition ] || never="$never|leaf\."
    "$ARCHIVER" fault-points | awk '{ print $1 }' | grep -vE "^($never)"
}

each_point() { # ACTION
    local point n
    for point in $(points); do
        for n in 1 2 5; do
            survives "$point=$1@$n"
        done
    done
}

test_kill() {
    each_point kill
}

test_fail() {
    each_point fail
}

test_kill_in_a_heap() {
    local CRASH_WAY=heap
    each_point kill
}

test_kill_with_two_workers() {
    local CRASH_WAY CRASH_WORKERS=2
    for CRASH_WAY in heap index; do
        each_point kill
    done
}

test_fail_with_two_workers() {
    local CRASH_WAY=heap CRASH_WORKERS=2
    each_point fail
}

test_network_with_two_workers() {
    local CRASH_WAY=heap CRASH_WORKERS=2
    each_point net
}

test_kill_in_a_whole_partition() {
    local CRASH_WAY=partition
    each_point kill
}

test_fail_in_a_whole_partition() {
    local CRASH_WAY=partition
    each_point fail
}

test_network_in_a_whole_partition() {
    local CRASH_WAY=partition
    each_point net
}

test_network() {
    each_point net
}

test_no_space() {
    each_point enospc
}

test_delay() {
    local point
    for point in $(points); do
        survives "$point=delay:20@2"
    done
}

test_lost_and_unsent_commits_in_a_row() {
    survives archive.commit_lost=lost
    survives archive.commit_lost=unsent
}

# A batch that is settled and one that has to be removed are there when recover is killed.
test_recover_killed_at_every_point() {
    local point fault
    for fault in archive.commit_sent=kill@3 archive.before_commit=kill@3 catalog.append=kill@3 \
        put.metadata=kill@3; do
        for point in $("$ARCHIVER" fault-points | awk '/^(recover|catalog|dir)\./ { print $1 }'); do
            crash_place
            ARCHIVER_FAULT=$fault run archive
            ARCHIVER_FAULT="$point=kill@1" run recover
            settles "$fault and $point in recover"
        done
    done
}

run_tests
