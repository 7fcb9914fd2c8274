#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# A store that is in trouble: a proxy in front of a real S3 server makes it. Whatever happens,
# nothing is lost, nothing is there twice, and nothing is left over once recover was there.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/proxy.sh
. "$TESTS/harness/proxy.sh"
export S3_ACCESS_KEY S3_SECRET_KEY

# A bucket, a table, and a store that is given up soon. $1: more options of s3.
place() {
    proxy
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    fresh
    config '' '  compression: none'
    sed -i "s/^  prefix: pg/  prefix: pg\n  retries: ${RETRIES:-3}\n  idle_timeout: 2\n  connect_timeout: 2\n  stale_upload_hours: 0\n${1:-}/" "$CONF"
    sql "CREATE TABLE logs (id bigserial PRIMARY KEY, at timestamptz NOT NULL, body text)"
    more 20
}

more() { # ROWS [BYTES]: old rows, and one young one
    sql "INSERT INTO logs (at, body)
         SELECT now() - interval '1 year', repeat('x', ${2:-20}) FROM generate_series(1, $1);
         INSERT INTO logs (at, body) VALUES (now(), 'young')"
    all_old
}

all_old() {
    { sql "SELECT id FROM logs"; archived_ids; } | sort -n >"$DIR/all"
}

old_left() {
    sql "SELECT count(*) FROM logs WHERE body <> 'young'"
}

nothing_open() {
    s3 GET "/$BUCKET?uploads=" >"$DIR/uploads"
    silent "$DIR/uploads" '<Upload>'
}

# After the trouble: recover settles, the books balance, nothing is left over, work goes on.
settles() { # WHAT
    trouble
    ok recover --json
    same "$(json "$OUT" '["left"]')" 0 "left after $1"
    balanced "$DIR/all" || fail "after $1"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" "[]" "orphans after $1"
    nothing_open || fail "after $1"
    ok archive
    same "$(old_left)" 0 "old rows after $1 and the next run"
    balanced "$DIR/all" || fail "after $1 and the next run"
}

# survives FAULT REGEX [METHOD]: once, and the run does not even fail.
survives() {
    [ "$(old_left)" -gt 0 ] || more 20
    trouble "$1 1 ${3:-PUT} $2"
    ok archive
    same "$(asked "^${3:-PUT} $1 ")" 1 "$1 of $2"
    same "$(old_left)" 0 "old rows after $1 of $2"
    balanced "$DIR/all" || fail "$1 of $2"
}

# gives_up CODE FAULT REGEX [METHOD]: every time, so the run fails and nothing has happened.
gives_up() {
    [ "$(old_left)" -gt 0 ] || more 20
    local before
    before=$(old_left)
    trouble "$2 1000 ${4:-PUT} $3"
    exits "$1" archive
    same "$(old_left)" "$before" "rows that stay after $2 of $3"
    settles "$2 of $3"
}

each_object() { # FAULT...
    local fault
    for fault in "$@"; do
        survives "$fault" 'jsonl.gz$'
        survives "$fault" 'metadata.json$'
        survives "$fault" 'manifest.json$'
    done
    settles "$*"
}

test_a_connection_reset_before_or_during_the_body() {
    place
    each_object reset-before reset-during
}

test_an_answer_that_is_lost_after_the_work_was_done() {
    place
    each_object reset-after 500-after
    # Not one answer comes; that the object is there, and ours, is answer enough.
    more 20
    trouble 'reset-after 1000 PUT _batch_'
    ok archive
    same "$(old_left)" 0
    settles 'no answer at all'
}

test_an_answer_that_breaks_off() {
    place
    survives truncate 'list-type=2' GET
    survives wrong-length 'list-type=2' GET
    survives truncate 'jsonl.gz$'
    survives wrong-length 'metadata.json$'
    settles 'broken answers'
}

test_errors_that_pass() {
    place
    each_object 500 503
}

test_a_server_that_says_nothing_or_next_to_nothing() {
    place
    survives hang 'jsonl.gz$'
    survives slow 'metadata.json$'
    survives hang 'list-type=2' GET
    settles 'silence'
}

test_a_connection_that_the_server_closed_meanwhile() {
    place
    trouble 'close 1000 ANY .'
    ok archive
    same "$(old_left)" 0
    settles 'closed connections'
}

test_storms_end_the_run_cleanly() {
    RETRIES=1 place
    gives_up 2 500 'jsonl.gz$'
    gives_up 7 503 'metadata.json$'
    gives_up 7 reset-during 'manifest.json$'
    gives_up 7 reset-before 'jsonl.gz$'
}

# It must be found before COMMIT.
test_a_success_that_lies() {
    place
    gives_up 2 lie 'jsonl.gz$'
    gives_up 2 lie 'metadata.json$'
    gives_up 2 lie 'manifest.json$'
    [ "$(old_left)" -gt 0 ] || more 20
    trouble 'lie 1000 PUT metadata.json$'
    exits 2 archive
    says "$ERR" 'the store does not hold what it said it took'
    trouble 'lie-half 1 PUT jsonl.gz$'
    exits 2 archive
    says "$ERR" 'the store holds something else than was sent'
    settles 'half of an object'
}

test_a_wrong_body_is_never_taken_for_rows() {
    place
    ok archive
    trouble 'wrong-body 1000 GET jsonl.gz$'
    run verify --json
    [ "$CODE" -ne 0 ] || fail 'verify found nothing'
    run cat --format jsonl "$(s3 GET "/$BUCKET?list-type=2" | grep -o '<Key>[^<]*jsonl.gz' | sed 's/<Key>//')"
    [ "$CODE" -ne 0 ] || fail 'cat found nothing'
    settles 'wrong bodies'
}

big() { # old rows of 12 MiB: three parts
    [ "$(old_left)" -gt 0 ] || more 24 524288
}

PARTED='  multipart_threshold_mb: 5\n  part_size_mb: 5'

# Only the part that failed is sent again.
test_parts_that_fail_are_sent_again_alone() {
    place "$PARTED"
    local fault
    for fault in reset-before reset-during reset-after 500 wrong-length; do
        sql "DELETE FROM logs WHERE body <> 'young'"
        big
        trouble "$fault 1 PUT partNumber=2"
        ok archive
        same "$(asked '^PUT .*partNumber=1')" 1 "part 1 with $fault"
        same "$(asked '^PUT .*partNumber=2')" 2 "part 2 with $fault"
        same "$(asked '^PUT .*partNumber=3')" 1 "part 3 with $fault"
        same "$(old_left)" 0
        balanced "$DIR/all" || fail "$fault"
        nothing_open
    done
    settles 'parts'
}

test_a_multipart_upload_whose_begin_or_end_is_lost() {
    place "$PARTED"
    sql "DELETE FROM logs WHERE body <> 'young'"
    big
    survives reset-after '[?&]uploads=' POST
    nothing_open # recover is not needed for it
    big
    survives reset-after 'uploadId=' POST
    nothing_open
    big
    survives 500-after 'uploadId=' POST
    nothing_open
    settles 'lost answers'
}

test_a_multipart_upload_that_fails_is_aborted() {
    place "$PARTED"
    sql "DELETE FROM logs WHERE body <> 'young'"
    big
    trouble 'lie 1 POST uploadId='
    exits 2 archive
    says "$ERR" 'the store does not hold what it said it took'
    nothing_open
    trouble '500 1000 PUT partNumber=3'
    exits 2 archive
    nothing_open
    trouble 'lie 1 PUT partNumber=2'
    exits 2 archive
    # The abort fails, too: recover does it.
    trouble '500 1000 PUT partNumber=2' '500 1000 DELETE uploadId='
    run archive
    [ "$CODE" -ne 0 ] || fail 'no error'
    s3 GET "/$BUCKET?uploads=" >"$DIR/uploads"
    says "$DIR/uploads" '<Upload>'
    settles 'aborted uploads'
}

test_checksums_are_used_where_the_server_keeps_them() {
    place "$PARTED"
    trouble 'checksum 100000 ANY .'
    ok archive
    big
    trouble 'checksum 100000 ANY .'
    ok archive
    same "$(asked '^PUT checksum 200 .*partNumber=')" 3
    big
    trouble 'checksum-wrong 100000 ANY .'
    exits 2 archive
    says "$ERR" 'SHA-256'
    settles 'checksums'
}

test_what_the_server_does_not_know_is_left_out() {
    place "$PARTED"
    trouble 'no-checksum 100000 ANY .'
    ok archive
    # found out once
    same "$(asked '^PUT no-checksum 400')" 1
    big
    trouble 'no-condition 100000 ANY .'
    ok archive
    same "$(asked 'no-condition 501')" 1
    settles 'unknown headers'
}

test_the_region_is_found() {
    place
    local status
    for status in 301 307 400; do
        [ "$(old_left)" -gt 0 ] || more 20
        trouble "region:eu-test-1:$status 100000 ANY ."
        ok archive
        same "$(asked " $status ")" 1 "requests answered $status"
    done
    settles 'another region'
}

test_slow_down_is_heeded() {
    place
    trouble 'wait 2 PUT jsonl.gz$'
    ok archive -vv
    same "$(asked '^PUT wait 503')" 2
    settles 'SlowDown'
}

# A store that is away is not asked for each object of each table again.
test_the_breaker_stops_asking() {
    RETRIES=12 place
    trouble 'reset-before 7 PUT jsonl.gz$'
    ok archive
    balanced "$DIR/all"
    more 20
    # long enough for it to open; the probe finds the store back
    trouble 'reset-before 8 PUT jsonl.gz$'
    ok archive
    balanced "$DIR/all"
    sed -i 's/  retries: 12/  retries: 8/' "$CONF"
    more 20
    trouble 'reset-before 1000 ANY .'
    exits 7 archive
    # 8 tries, then one: what came after was refused without asking
    [ "$(asked reset-before)" -le 12 ] || fail "asked $(asked reset-before) times"
    settles 'a store that was away'
}

test_bandwidth_is_limited() {
    place "$PARTED\n  bandwidth_limit_mb: 4"
    sql "DELETE FROM logs WHERE body <> 'young'"
    big
    local started
    started=$(date +%s%N)
    ok archive
    # 12 MiB up, at 4 MiB/s: never faster than that, however slow this host is
    [ $(($(date +%s%N) - started)) -gt 2500000000 ] || fail 'faster than the limit'
    # sent again from its start
    big
    survives reset-during 'partNumber=2'
    settles 'a limit'
}

test_a_wrong_clock_is_corrected_by_the_server() {
    place
    local archiver=$ARCHIVER
    cat >"$DIR/late" <<SCRIPT
#!/bin/sh
exec faketime -f '-2h' "$archiver" "\$@"
SCRIPT
    chmod +x "$DIR/late"
    ARCHIVER=$DIR/late ok archive
    [ "$(asked ' 403 ')" -ge 1 ] || fail 'the server did not mind'
    [ "$(asked ' 403 ')" -le 2 ] || fail 'not learnt'
    same "$(old_left)" 0
    settles 'a wrong clock'
}

run_tests
