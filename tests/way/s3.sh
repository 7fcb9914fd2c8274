#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# The way out and back over a real S3 server.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

fresh_bucket() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    fresh
    export S3_ACCESS_KEY S3_SECRET_KEY
}

names() { # every object of the bucket, one a line
    s3 GET "/$BUCKET?list-type=2&max-keys=1000" | grep -o '<Key>[^<]*' | sed 's/<Key>//'
}

test_there_and_back_and_the_books_balance() {
    fresh_bucket
    config '' '  batch_size: 400'
    logs 4000
    all_ids "$DIR/all"
    ok check
    ok archive --json
    same "$(json "$OUT" '["batches"]')" 5
    same "$(names | grep -c jsonl.gz)" 5
    balanced "$DIR/all"
    ok verify --json
    same "$(json "$OUT" '["ok"]')" 5
    ok recover
    # what anybody else reads there
    s3 GET "/$BUCKET/$(names | grep jsonl.gz | head -1)" -o "$DIR/object.gz"
    same "$(zcat "$DIR/object.gz" | wc -l)" 400
}

test_encrypted_and_rewrapped() {
    fresh_bucket
    config '' '  batch_size: 400'
    export OLD_KEY NEW_KEY
    OLD_KEY=$(openssl rand -hex 32) NEW_KEY=$(openssl rand -hex 32)
    logs 4000
    all_ids "$DIR/all"
    echo 'encryption: {key_id: old, key_env: OLD_KEY}' >>"$CONF"
    ok archive
    sed -i '/^encryption:/d' "$CONF"
    cat >>"$CONF" <<'SECTION'
encryption: {key_id: new, key_env: NEW_KEY, previous_keys: [{key_id: old, key_env: OLD_KEY}]}
SECTION
    balanced "$DIR/all"
    ok recover --rewrap
    same "$(names | grep -c '[.]key[.]new[.]json$')" 5
    same "$(names | grep -c '[.]key[.]old[.]json$' || true)" 0
    sed -i '/^encryption:/d' "$CONF"
    echo 'encryption: {key_id: new, key_env: NEW_KEY}' >>"$CONF"
    ok verify --deep
    balanced "$DIR/all"
}

test_path_style_and_virtual_style() {
    fresh_bucket
    logs 2500
    all_ids "$DIR/all"
    sed -i 's/^  prefix: pg/  prefix: pg\n  addressing: path/' "$CONF"
    ok archive --limit 100
    # every name below localhost is this host
    sed -i "s#addressing: path#addressing: virtual#; s#endpoint: .*#endpoint: ${S3_ENDPOINT/127.0.0.1/localhost}#" "$CONF"
    ok archive
    ok verify
    balanced "$DIR/all"
}

test_a_large_object_goes_in_parts() {
    fresh_bucket
    sed -i 's/^  prefix: pg/  prefix: pg\n  multipart_threshold_mb: 5\n  part_size_mb: 5/' "$CONF"
    sed -i 's/retention_days: 90/retention_days: 90\n  compression_level: 1\n  batch_size: 1000000\n  strategy: index/' "$CONF"
    sql "CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz, noise text);
         CREATE INDEX ON logs (at);
         INSERT INTO logs SELECT g, now() - interval '1 year',
             (SELECT string_agg(md5(g::text || h), '') FROM generate_series(1, 30) h)
         FROM generate_series(1, 30000) g;
         ANALYZE logs"
    all_ids "$DIR/all"
    ok archive --json -vv
    same "$(json "$OUT" '["records_archived"]')" 30000
    local key etag
    key=$(names | grep jsonl.gz)
    etag=$(s3 HEAD "/$BUCKET/$key" -I | tr -d '\r' | awk -F'"' 'tolower($0) ~ /^etag/ { print $2 }')
    [[ $etag == *-* ]] || fail "the object was not uploaded in parts: etag $etag"
    balanced "$DIR/all"
    ok verify
    ok cat "$key" --offset 29999 --columns id
    same "$(wc -l <"$OUT")" 1
    # nothing of an upload is left open
    s3 GET "/$BUCKET?uploads=" >"$DIR/uploads"
    silent "$DIR/uploads" '<Upload>'
}

test_a_wrong_secret_is_a_matter_of_permission() {
    fresh_bucket
    logs 2500
    S3_SECRET_KEY=wrongsecret exits 5 archive
    says "$ERR" 'SignatureDoesNotMatch'
    silent "$ERR" wrongsecret
    same "$(sql 'SELECT count(*) FROM logs')" 2500
    S3_ACCESS_KEY=NOBODY exits 5 check
    says "$OUT" 'InvalidAccessKeyId'
}

test_a_bucket_that_is_not_there() {
    fresh_bucket
    logs 2500
    sed -i "s/bucket: $BUCKET/bucket: nosuchbucket/" "$CONF"
    run archive
    [ "$CODE" -ne 0 ] || fail "no error"
    says "$ERR" 'NoSuchBucket'
    same "$(sql 'SELECT count(*) FROM logs')" 2500
}

test_an_unreachable_host_is_the_network() {
    fresh_bucket
    logs 2500
    sed -i "s#endpoint: .*#endpoint: http://127.0.0.1:1#; s/^  prefix: pg/  prefix: pg\n  retries: 1/" "$CONF"
    exits 7 archive
    says "$ERR" '127.0.0.1 port 1'
    same "$(sql 'SELECT count(*) FROM logs')" 2500
}

test_plain_http_to_another_host_is_refused() {
    fresh_bucket
    sed -i "s#endpoint: .*#endpoint: http://s3.example.com#" "$CONF"
    logs 10
    exits 3 check
    says "$OUT" 'allow_http'
}

# A byte changes on the way, at every try: the server, which is told the digests, refuses the object.
test_a_changed_byte_is_found_by_the_server() {
    fresh_bucket
    logs 2500
    all_ids "$DIR/all"
    ARCHIVER_FAULT=s3.corrupt=flip exits 2 archive
    says "$ERR" XAmzContentSHA256Mismatch
    same "$(sql 'SELECT count(*) FROM logs')" 2500
    same "$(names | grep -c _batch_ || true)" 0
    ok archive
    balanced "$DIR/all"
}

# The server takes what it is sent, says all is well, and keeps something else.
test_a_lying_store_is_found_by_reading_back() {
    fresh_bucket
    sed -i 's/^  prefix: pg/  prefix: pg\n  verify: readback/' "$CONF"
    logs 2500
    all_ids "$DIR/all"
    ARCHIVER_FAULT=s3.lie=flip exits 2 archive
    says "$ERR" 'read back, the SHA-256 differs'
    same "$(sql 'SELECT count(*) FROM logs')" 2500
    same "$(names | grep -c _batch_ || true)" 0
    ok archive
    balanced "$DIR/all"
}

test_an_existing_object_is_never_overwritten() {
    fresh_bucket
    logs 2500
    ok archive --json
    local key
    key=$(names | grep jsonl.gz)
    ok check
    says "$OUT" 'no overwriting'
    s3 GET "/$BUCKET/$key" -o "$DIR/first"
    ok archive
    s3 GET "/$BUCKET/$key" -o "$DIR/second"
    cmp "$DIR/first" "$DIR/second"
}

test_killed_at_points_of_the_upload() {
    local point
    for point in s3.request=kill@3 s3.request=kill@4 s3.request=kill@5 s3.request=net@3 \
        put.data.done=kill@1 put.metadata.done=kill@1 archive.commit_sent=kill@2 \
        archive.commit_lost=lost@1 catalog.append=kill@1; do
        TEST=killed_${point//[^a-z0-9]/_}
        fresh_bucket
        config '' '  batch_size: 400'
        logs 4000
        all_ids "$DIR/all"
        ARCHIVER_FAULT=$point run archive
        sleep 0.3
        ok recover
        balanced "$DIR/all" || fail "after $point"
        ok verify || fail "after $point"
        ok archive
        balanced "$DIR/all" || fail "after $point"
    done
}

# What a server under load, or a network, does: requests are refused, or carried out and not answered
# for. Each is tried again; what was stored by then is known for our own.
test_refusals_and_lost_answers_are_tried_again() {
    local fault try relay
    for fault in 503 500 cut; do
        TEST=relay_$fault
        fresh_bucket
        config '' '  batch_size: 300'
        logs 3000
        all_ids "$DIR/all"
        python3 "$TESTS/harness/relay.py" "$S3_ENDPOINT" $fault 3 >"$DIR/port" &
        relay=$!
        for try in $(seq 100); do
            [ ! -s "$DIR/port" ] || break
            sleep 0.05
        done
        sed -i "s#endpoint: .*#endpoint: http://127.0.0.1:$(cat "$DIR/port")#" "$CONF"
        run archive --json
        kill $relay
        wait $relay 2>/dev/null || true
        same "$CODE" 0 "exit with $fault: $(cat "$ERR")"
        same "$(json "$OUT" '["records_archived"]')" 817 "$fault"
        sed -i "s#endpoint: .*#endpoint: $S3_ENDPOINT#" "$CONF"
        ok recover --json
        same "$(json "$OUT" '["batches"]')" '[]' "left after $fault"
        balanced "$DIR/all"
        ok verify --json
        same "$(json "$OUT" '["orphans"]')" '[]' "$fault"
    done
}

run_tests
