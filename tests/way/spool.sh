#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# A store that stays away: with spool_dir a batch waits on this host, and is archived when the store
# is back, if its rows are what they were. Whatever happens, no row is lost and none is there twice.
# shellcheck source=../harness/spool.sh
. "$TESTS/harness/spool.sh"

export ARCHIVER_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f

test_a_batch_waits_and_recover_archives_it() {
    place
    spooled
    recovers 1 0 0
    same "$(rows)" 3400
    balanced "$DIR/all"
    nothing_waits
    ok verify
    ok archive
    balanced "$DIR/all"
}

test_the_next_run_archives_it_first() {
    place
    spooled
    ok archive --json
    same "$(json "$OUT" '["tables"][0]["spool_uploaded"]')" 1
    same "$(json "$OUT" '["records_archived"]')" $((4000 - $(rows)))
    balanced "$DIR/all"
    nothing_waits
    ok verify
}

test_what_waits_is_whole_and_for_nobody_else() {
    place
    spooled
    same "$(stat -c %a "$SPOOL" "$SPOOL"/cluster-* | sort -u)" 700
    local stem
    stem=$(marks)
    stem=${stem%.spooled.json}
    same "$(zcat "$stem.jsonl.gz" | wc -l)" 600
    same "$(zcat "$stem.jsonl.gz" | sha256sum | cut -d' ' -f1)" \
        "$(json "$stem.metadata.json" '["checksums"]["jsonl_sha256"]')"
    same "$(json "$stem.manifest.json" '["primary_keys"].__len__()')" 600
}

test_one_batch_a_table_waits_not_more() {
    place
    spooled
    away
    exits 7 archive --json
    same "$(json "$OUT" '["tables"][0]["spooled"]')" 0
    says "$ERR" 'waits in'
    same "$(marks | wc -l)" 1
    back
    recovers 1 0 0
    balanced "$DIR/all"
}

test_a_changed_row_drops_it() {
    place
    spooled
    sql "UPDATE logs SET level = 'changed' WHERE id = (SELECT max(id) FROM logs)"
    recovers 0 1 0
    says "$ERR" 'some were changed'
    same "$(rows)" 4000
    nothing_waits
    ok archive
    balanced "$DIR/all"
    same "$(archived | grep -c '"changed"')" 1
}

test_a_missing_row_drops_it() {
    place
    spooled
    sql "DELETE FROM logs WHERE id = (SELECT max(id) FROM logs)"
    sed -i '$d' "$DIR/all"
    recovers 0 1 0
    says "$ERR" '599 of 600'
    same "$(rows)" 3999
    nothing_waits
    ok archive
    balanced "$DIR/all"
}

test_rows_that_are_not_to_be_archived_any_more_stay() {
    place
    spooled
    sed -i 's/retention_days: 90/retention_days: 3000/' "$CONF"
    recovers 0 1 0
    same "$(rows)" 4000
    balanced "$DIR/all"
}

test_a_locked_row_lets_it_wait() {
    place
    spooled
    psql -XAtq -d "$DB" -c "BEGIN; SELECT FROM logs WHERE id = (SELECT max(id) FROM logs) FOR UPDATE; SELECT pg_sleep(60)" >/dev/null 2>&1 &
    local pid=$! try
    for try in $(seq 100); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = '$DB' AND pid <> pg_backend_pid()")" = 0 ] || break
        sleep 0.1
    done
    recovers 0 0 1
    same "$(rows)" 4000
    kill "$pid"
    sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND datname = '$DB' AND pid <> pg_backend_pid()" >/dev/null
    recovers 1 0 0
    balanced "$DIR/all"
    nothing_waits
}

test_what_waited_too_long_is_dropped() {
    place
    spooled
    sed -i 's/"spooled_at": "[0-9]*/"spooled_at": "2020/' "$(marks)"
    recovers 0 1 0
    says "$ERR" 'spool_retention_days'
    same "$(rows)" 4000
    nothing_waits
}

test_a_damaged_entry_is_dropped() {
    place
    spooled
    local manifest
    manifest=$(marks)
    manifest=${manifest%.spooled.json}.manifest.json
    head -c 2000 "$manifest" >"$DIR/cut"
    cp "$DIR/cut" "$manifest"
    recovers 0 1 0
    same "$(rows)" 4000
    nothing_waits
    spooled
    echo '{' >"$(marks)"
    recovers 0 1 0
    nothing_waits
    balanced "$DIR/all"
}

test_without_a_key_nothing_waits() {
    place
    sql "ALTER TABLE logs DROP CONSTRAINT logs_pkey"
    away
    exits 7 archive --json
    same "$(json "$OUT" '["tables"][0]["spooled"]')" 0
    same "$(marks)" ''
}

test_a_full_spool_says_so_and_the_stores_error_stays() {
    place "  spool_max_mb: 1"
    spooled
    recovers 1 0 0
    head -c 2000000 /dev/urandom >"$(echo "$SPOOL"/cluster-*)/of_another_table"
    away
    exits 7 archive --json
    says "$ERR" 'the spool is full'
    same "$(json "$OUT" '["tables"][0]["spooled"]')" 0
}

test_a_spool_that_cannot_be_written_is_a_warning() {
    place
    sed -i "s#spool_dir: .*#spool_dir: /proc/none#" "$CONF"
    away
    exits 7 archive
    says "$ERR" 'cannot make a directory of the spool'
    same "$(rows)" 4000
}

test_encrypted_batches_wait_encrypted() {
    place
    printf 'encryption:\n  key_id: a\n  key_env: ARCHIVER_KEY\n' >>"$CONF"
    spooled
    same "$(find "$SPOOL" -name '*.jsonl.gz.enc' | wc -l)" 1
    same "$(grep -rl '"id":' "$SPOOL" | wc -l)" 0
    recovers 1 0 0
    same "$(rows)" 3400
    balanced "$DIR/all"
    ok verify
}

test_a_store_that_goes_in_the_middle_of_a_run() {
    place
    local said=$WORK/$TEST.proxy try
    exec {PROXY_STDIN}> >(exec python3 "$TESTS/harness/fault_proxy.py" 0 "${S3_ENDPOINT##*:}" >"$said" 2>&1)
    for try in $(seq 100); do
        ! grep -q '^ready' "$said" 2>/dev/null || break
        sleep 0.1
    done
    local proxy
    proxy=http://127.0.0.1:$(sed -n 's/^ready //p' "$said")
    sed -i "s#endpoint: .*#endpoint: $proxy#" "$CONF"
    echo 'reset-before 1000 (PUT|GET|HEAD|DELETE|POST) batch_002' | sed 's/(.*) /PUT /' |
        curl -sS -f -X POST --data-binary @- "$proxy/-/rules"
    exits 7 archive --json
    same "$(json "$OUT" '["records_archived"]')" 600
    same "$(json "$OUT" '["tables"][0]["spooled"]')" 1
    same "$(rows)" 3400
    back
    recovers 1 0 0
    same "$(rows)" 2800
    balanced "$DIR/all"
    nothing_waits
    ok verify
}

run_tests
