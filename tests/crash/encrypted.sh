#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A kill -9 and a failure at every fault point of an encrypted batch, and while recover itself is at
# work. way/encrypted.sh has those of a rewrap.
# shellcheck source=../harness/crash.sh
. "$TESTS/harness/crash.sh"
QUIET=1
export CRASH_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
CRASH_SECTION='encryption: {key_id: a, key_env: CRASH_KEY}'

points() {
    "$ARCHIVER" fault-points | awk '{ print $1 }' |
        grep -vE '^(s3\.|recover\.|leaf\.|rewrap\.|restore\.|clock\.|export\.cut|dir\.corrupt|archive\.commit_lost)'
}

# Every object of a batch is there, or none: an envelope too.
whole() {
    same "$(objects .key.a.json | wc -l)" "$(objects .jsonl.gz.enc | wc -l)" "envelopes after $1"
    same "$(objects .jsonl.gz | grep -vc '[.]enc$' || true)" 0 "batches in the clear after $1"
}

each_point() { # ACTION
    local point count=0
    for point in $(points); do
        survives "$point=$1"
        whole "$point=$1"
        count=$((count + 1))
    done
    [ "$count" -ge 18 ] || fail "only $count points"
}

test_killed_at_every_point() {
    each_point kill@2
}

test_in_a_whole_partition_killed_at_every_point() {
    local CRASH_WAY=partition
    each_point kill@2
}

test_failed_at_every_point() {
    each_point fail@2
}

test_commit_is_sent_and_its_answer_lost() {
    survives archive.commit_lost=lost@3
    whole 'a lost answer'
}

test_recover_killed_at_every_point() {
    local point
    for point in $("$ARCHIVER" fault-points | awk '/^(recover|catalog|dir)\./ { print $1 }'); do
        crash_place
        ARCHIVER_FAULT=put.manifest=kill@3 run archive
        ARCHIVER_FAULT="$point=kill@1" run recover
        settles "put.manifest and $point in recover"
        whole "put.manifest and $point in recover"
    done
}

run_tests
