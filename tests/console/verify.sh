#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# needs: s3
#
# Verify & audit in the console.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"
# shellcheck source=../harness/proxy.sh
. "$TESTS/harness/proxy.sh"
export S3_ACCESS_KEY S3_SECRET_KEY

trap 'stop_runs' EXIT

# Six archives of `logs`, 500 rows but the last, in whatever store.
six_archives() {
    fresh
    own_runs
    logs 4800
    config "" "  batch_size: 500
  strategy: index
  member_kb: 16"
    ok archive
}

# Rows for one more batch.
more_old() {
    sql "INSERT INTO logs (at, level) SELECT now() - interval '1 year', 'info' FROM generate_series(1, 20)"
}

bucket() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
}

# The second archive loses bytes, the fourth its metadata: $DAMAGED and $ALONE are their data.
damage() {
    DAMAGED=$(objects .jsonl.gz | sed -n 2p)
    ALONE=$(objects .jsonl.gz | sed -n 4p)
    printf 'xxxxxxxx' | dd of="$DAMAGED" bs=1 conv=notrunc 2>/dev/null
    rm "${ALONE%.jsonl.gz}.metadata.json"
    DAMAGED=${DAMAGED##*/} ALONE=${ALONE##*/}
}

# The same of a bucket.
damage_s3() {
    ok list --json
    local key
    key=$(sed -n 2p "$OUT" | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
    s3 GET "/$BUCKET/$key" -f -o "$DIR/object"
    printf 'xxxxxxxx' | dd of="$DIR/object" bs=1 conv=notrunc 2>/dev/null
    s3 PUT "/$BUCKET/$key" -f -o /dev/null --data-binary @"$DIR/object"
    DAMAGED=${key##*/}
    key=$(sed -n 4p "$OUT" | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
    s3 DELETE "/$BUCKET/${key%.jsonl.gz}.metadata.json" -f -o /dev/null
    ALONE=${key##*/}
}

look() {
    console <<END
wait cutoff
key 5
wait nothing was verified yet
wait 20 0 unsettled batches
lacks 1 unsettled
key c
wait What to verify
key C-n
wait 6 archives verified: PROBLEMS
wait 20 2 problems, 2 orphans, 0 notes; 0 unsettled
has bad_member       $DAMAGED
has missing_metadata $ALONE
has orphan           $ALONE
wait A part of the object is damaged
wait a member is damaged: member 0
key Enter
wait What to do
has earlier version of the object
key q
key i
wait 20 500 rows of appdb
key q
key Down Down Enter
wait belongs to no batch
key q
key Q
exits 0
END
}

test_damage_and_orphans_of_a_directory_store() {
    six_archives
    damage
    look
}

test_damage_and_orphans_of_s3() {
    bucket
    six_archives
    damage_s3
    look
}

looks() { # COLS ROWS
    ROWS=$2 COLS=$1 console <<'END'
wait cutoff
key 5
wait 20 unsettled batches
key c C-n
wait verified: PROBLEMS
quiet 300
screen
key Q
END
    # What each day has of its own.
    sed -i -E 's/[0-9.]+ kB in/nn.n kB in/; s/_[0-9]{8}T[0-9]{6}Z_/_yyyymmddThhmmssZ_/
        s/year=[0-9]{4}/year=yyyy/; s/month=[0-9]{2}/month=mm/; s/day=[0-9]{2}/day=dd/' "$OUT"
    golden "verify-$1x$2"
}

test_how_it_looks() {
    six_archives
    damage
    looks 80 24
    looks 200 50
    looks 60 16
}

test_one_table_or_what_is_marked_and_deeper() {
    fresh
    three_tables "  batch_size: 500
  strategy: index"
    ok archive
    console <<'END'
wait cutoff
key 5
wait 20 0 unsettled
key c
type event
wait no such table
key C-n
wait no such table
type s
gone no such table
key Enter Enter Right
wait each row
key Enter Right
wait about a thousand keys
key Enter
wait 3 archives verified: no problem
has appdb.public.events, each row, keys sampled
key Q
exits 0
END
    damage
    console <<END
wait cutoff
key 5
wait 20 0 unsettled
key c C-n
wait verified: PROBLEMS
key /
type bad_member
key Enter
key Space
wait 1 marked
key Esc
key c
wait archives      pg/appdb/
key C-n
wait 20 1 archive verified: PROBLEMS
has 1 problem, 0 orphans
key Q
exits 0
END
}

# Of two batches of a run that died, one has no line in the catalog.
test_an_unsettled_batch_is_recovered() {
    six_archives
    more_old
    ARCHIVER_FAULT=archive.committed=kill@1 run archive
    console <<'END'
wait cutoff
key 5
wait 20 1 unsettled batch
has unsettled unsettled
key Enter
wait a run works on it right now
key q
key c C-n
wait verified: PROBLEMS
wait 20 1 problem, 0 orphans
lacks unsettled unsettled
key R
wait 20 1 unsettled batch is known
key Enter
gone Recover?
wait 20 1 unsettled batch
key R y
wait 20 1 batches settled
key q
wait 20 0 unsettled batches
key c C-n
wait verified: no problem
key Q
exits 0
END
    ok verify
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 0
}

test_read_only_recovers_nothing() {
    six_archives
    more_old
    ARCHIVER_FAULT=archive.committed=kill@1 run archive
    console --read-only <<'END'
wait cutoff
key 5
wait 20 1 unsettled batch
lacks R recover
key R
wait read-only: settle or remove
lacks Recover?
key Enter
wait What to do
lacks R recovers
key q
key c C-n
wait verified: PROBLEMS
key Q
exits 0
END
    ok list --json
    says "$OUT" pending
}

# The third archive never comes.
hangs() {
    bucket
    proxy
    six_archives
    sed -i "s/^  prefix: pg/  prefix: pg\n  idle_timeout: 300/" "$CONF"
    trouble 'hang 1000 GET _batch_003.jsonl.gz$'
}

test_a_store_that_hangs_leaves_the_console_usable() {
    hangs
    console <<'END'
wait cutoff
key 5
wait 20 0 unsettled
key c C-n
wait 20 2 of 6 archives
wait _batch_003.jsonl.gz
lacks c verify
key c
wait not now
key 1
wait cutoff
key 3
wait 20 6 archives
key t
wait verifying archives
wait 20 2 of 6 archives
key Q
wait Leave the console?
wait Ends with it: verifying archives, 2 of 6 archives
key Enter
gone Leave the console?
key q
key 5
wait 20 2 of 6 archives
clock
key x
wait STOPPED after 2 archives
clock
has 0 problems, 0 orphans
key w
wait not now
key Q
exits 0
END
    local ms
    ms=$(tail -1 "$OUT")
    [ "${ms%.*}" -lt 3000 ] || fail "cancelled after $ms ms"
}

test_a_task_is_cancelled_in_the_list_and_another_begins() {
    hangs
    console <<END
wait cutoff
key 5
wait 20 0 unsettled
key c C-n
wait 20 2 of 6 archives
key t
wait verifying archives
wait 20 2 of 6 archives
key x
wait nothing works in the background
key q
wait STOPPED after 2 archives
run printf 'none 1 GET x' | curl -sS -f -X POST --data-binary @- $S3_ENDPOINT/-/rules
key c C-n
wait 6 archives verified: no problem
key Q
exits 0
END
}

test_leaving_ends_it_and_not_a_run() {
    hangs
    more_old
    trouble 'hang 1000 GET _batch_003.jsonl.gz$' 'hang 1000 PUT jsonl.gz'
    ok archive --detach
    local id
    id=$(cat "$OUT")
    console <<END
wait cutoff
key 5
wait 20 0 unsettled
key c C-n
wait 20 2 of 6 archives
key Q
wait Leave the console?
wait Ends with it: verifying
wait Goes on: run $id
key y
exits 0
settings
END
    same "$(cat "$OUT")" same settings
    ok runs --json
    says "$OUT" "$id"
    stop_runs
}

test_a_store_that_is_away_is_said() {
    six_archives
    mv "$STORE" "$STORE.away"
    console <<'END'
wait directory is not there
key 5
wait unsettled not known
key c C-n
wait FAILED after 0 archives
key Q
exits 0
END
}

test_the_report_is_what_the_command_writes() {
    six_archives
    damage
    exits 1 verify --html "$DIR/by-command.html" --json
    cp "$OUT" "$DIR/by-command.json"
    echo before >"$DIR/report.html"
    console <<END
wait cutoff
key 5
wait 20 0 unsettled
key w
wait not now
key c C-n
wait verified: PROBLEMS
key w
wait report (.html, .json)
key C-u
type $DIR/report.json
key Enter
wait written: /
key w C-u
type $DIR/report.html
key Enter
wait Replace the file?
key y
wait written: /
key w C-u
type $DIR/nowhere/report.html
key Enter
wait error:
key Esc
key Q
exits 0
END
    cmp "$DIR/by-command.json" "$DIR/report.json"
    without_time() { sed -E 's/[0-9-]+T[0-9:]+\+00:00//' "$1"; }
    diff <(without_time "$DIR/by-command.html") <(without_time "$DIR/report.html") >&2
}

run_tests
