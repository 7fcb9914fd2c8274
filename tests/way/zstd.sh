#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# `compression: zstd`: the same promises, and every reader reads it, zstd's own too.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

export ARCHIVER_KEY=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f

# Members of 64 KiB, so that an object has several.
place() { # [MORE SETTINGS]
    fresh
    config '' "  batch_size: 1500
  member_kb: 64
  compression: zstd${1:-}"
    logs 6000
    all_ids "$DIR/all"
    sql "CREATE TABLE before AS TABLE logs"
}

all_came_back() {
    same "$(sql "SELECT count(*) FROM (TABLE before EXCEPT TABLE logs) x")" 0 "rows that did not come back"
    same "$(sql 'SELECT count(*) FROM logs')" 6000
}

first() {
    objects .jsonl.zst | head -1
}

test_there_and_back() {
    place
    ok archive
    balanced "$DIR/all"
    same "$(objects .jsonl.gz)" ''
    same "$(objects .jsonl.zst | wc -l)" 3
    ok verify --deep
    ok restore --all
    all_came_back
}

test_zstd_itself_reads_it() {
    place
    ok archive
    local object
    for object in $(objects .jsonl.zst); do
        zstd -q -t "$object"
        zstd -q -dc "$object" | sha256sum | cut -d' ' -f1 >"$DIR/sum"
        same "$(cat "$DIR/sum")" "$(json "${object%.jsonl.zst}.metadata.json" '["checksums"]["jsonl_sha256"]')"
        same "$(json "${object%.jsonl.zst}.metadata.json" '["data_info"]["compression"]')" zstd
    done
    archived >"$DIR/cat"
    for object in $(objects .jsonl.zst); do zstd -q -dc "$object"; done | cmp - "$DIR/cat"
}

test_one_row_is_found_and_read_by_its_member() {
    place
    ok archive
    ok find 5000 -t logs --json
    says "$OUT" '"id":5000,'
    local key
    key=$("$ARCHIVER" -c "$CONF" list --json | head -1 | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["key"])')
    ok cat "$key" --offset 1200 --limit 2
    same "$(wc -l <"$OUT")" 2
}

test_both_in_one_table() {
    place
    ok archive --limit 1500
    sed -i 's/compression: zstd/compression: gzip/' "$CONF"
    ok archive
    same "$(objects .jsonl.zst | wc -l)" 1
    same "$(objects .jsonl.gz | wc -l)" 2
    balanced "$DIR/all"
    ok verify
    ok restore --all
    all_came_back
}

test_a_damaged_member_is_found() {
    place
    ok archive
    python3 - "$(first)" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-300, 2)
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 1]))
PYTHON
    exits 1 verify
    says "$OUT" 'bad_member'
    local stayed
    stayed=$(sql 'SELECT count(*) FROM logs')
    run restore --all
    [ "$CODE" -ne 0 ] || fail 'restored what is damaged'
    says "$ERR" 'a member is damaged'
    same "$(sql 'SELECT count(*) FROM logs')" "$stayed"
}

test_without_metadata_the_object_says_whose_it_is() {
    place
    ARCHIVER_FAULT=put.metadata=kill@2 run archive
    [ "$CODE" -ne 0 ]
    local try
    for try in $(seq 20); do
        run recover --json
        [ "$CODE" -eq 4 ] || break
        sleep 0.2
    done
    same "$CODE" 0
    same "$(json "$OUT" '["removed"]')" 1
    balanced "$DIR/all"
}

test_encrypted_too() {
    place
    printf 'encryption:\n  key_id: a\n  key_env: ARCHIVER_KEY\n' >>"$CONF"
    ok archive
    same "$(objects .jsonl.zst.enc | wc -l)" 3
    ok verify --deep
    ARCHIVER_FAULT=put.metadata=kill@1 run archive --limit 1
    ok recover
    ok restore --all
    all_came_back
}

run_tests
