#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Archives that the store cannot read: what of rows and keys is in the bucket, who can open it, what
# happens to a wrong key and a changed byte, other keys, and doc/encryption.md run as it stands.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

export KEY_A=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
export KEY_B=fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0

encrypts() { # ID VARIABLE [ID VARIABLE]: and the second is a previous one
    sed -i '/^encryption:/,$d' "$CONF"
    printf 'encryption:\n  key_id: %s\n  key_env: %s\n' "$1" "$2" >>"$CONF"
    [ $# -lt 3 ] || printf '  previous_keys: [{key_id: %s, key_env: %s}]\n' "$3" "$4" >>"$CONF"
}

clear() {
    sed -i '/^encryption:/,$d' "$CONF"
}

# Small members and batches, so that there are several of each.
place() { # [ROWS]
    fresh
    config '' '  batch_size: 1000
  member_kb: 64'
    encrypts a KEY_A
    logs "${1:-4000}"
    all_ids "$DIR/all"
}

# Texts that nobody could guess, as rows and as keys.
secrets() {
    fresh
    config
    encrypts a KEY_A
    sql "CREATE TABLE logs (id text PRIMARY KEY, at timestamptz NOT NULL, body text);
         INSERT INTO logs SELECT 'KEYSECRET' || g, now() - interval '100 days', 'ROWSECRET' || g
         FROM generate_series(1, 3000) g"
}

flip() { # FILE OFFSET
    python3 - "$1" "$2" <<'PYTHON'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]), 0 if int(sys.argv[2]) >= 0 else 2)
    byte = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([byte ^ 1]))
PYTHON
}

test_nothing_of_rows_and_keys_is_in_the_bucket() {
    secrets
    ok archive
    same "$(sql 'SELECT count(*) FROM logs')" 0
    same "$(objects .jsonl.gz.enc | wc -l)" 1
    same "$(objects .manifest.json.enc | wc -l)" 1
    same "$(objects .key.a.json | wc -l)" 1
    ok verify
    ok restore --all
    exits 2 restore --all
    local object
    find "$STORE" -type f >"$DIR/objects"
    [ "$(wc -l <"$DIR/objects")" -ge 8 ] # a batch's four, its catalog lines, reports
    while read -r object; do
        for said in SECRET "$KEY_A" AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8; do
            ! { cat "$object"; zcat -f "$object" 2>/dev/null || true; } | grep -qaF "$said" ||
                fail "$object holds $said"
        done
    done <"$DIR/objects"
    same "$(json "$(objects .metadata.json)" '["checksums"]["jsonl_sha256"]')" None
    same "$(json "$(objects .metadata.json)" '["key_range"]["min"]')" None
    # What this test stands on: in the clear it is there.
    clear
    ok archive --include-restored
    zgrep -q ROWSECRET7 "$(objects .jsonl.gz | grep -v '[.]enc$')"
    grep -q KEYSECRET7 "$(objects .manifest.json | grep -v '[.]enc$')"
}

test_every_reader_opens_it() {
    place
    ok archive
    balanced "$DIR/all"
    same "$(objects .jsonl.gz.enc | wc -l)" 2
    ok list --json
    local key run_id old
    old=$((4000 - $(sql 'SELECT count(*) FROM logs')))
    run_id=$(head -1 "$OUT" | python3 -c 'import json, sys; print(json.load(sys.stdin)["run_id"])')
    key=$(tail -1 "$OUT" | python3 -c 'import json, sys; print(json.load(sys.stdin)["key"])')
    [[ $key == *.jsonl.gz.enc ]] || fail "key $key"
    ok cat "$key" --where 'id = 2500' --format csv --columns id,level
    same "$(tail -n +2 "$OUT" | wc -l)" 1
    ok find 2500 -t logs --json
    same "$(grep -c '"id":2500' "$OUT")" 1
    ok find 3999 -t logs --json
    exits 1 find 99999 -t logs
    ok show "$key"
    ok show "${key/.jsonl.gz.enc/.manifest.json.enc}"
    ok verify --deep --keys all --json
    same "$(json "$OUT" '["encryption_keys"]')" "[{'key_id': 'a', 'archives': 2}]"
    same "$(json "$OUT" '["keys_looked_up"]')" "$old"
    ok verify "$key"
    says "$OUT" '1 opened with key a'
    ok verify --html "$DIR/page.html"
    says "$DIR/page.html" 'encrypted with key a'
    sql 'CREATE TABLE copy (LIKE logs INCLUDING ALL)'
    ok restore --all --to-table copy
    same "$(sql 'SELECT count(*) FROM copy')" "$old"
    sql 'TRUNCATE copy'
    ok restore --all --to-table copy --where 'id BETWEEN 2400 AND 2500' --on-conflict skip
    same "$(sql 'SELECT count(*) FROM copy')" 101
    sql 'DROP TABLE copy'
    ok rollback "$run_id"
    sql 'SELECT id FROM logs ORDER BY id' | cmp - "$DIR/all"
}

test_in_the_clear_and_encrypted_side_by_side() {
    place
    clear
    ok archive --limit 500
    encrypts a KEY_A
    ok archive --limit 500
    printf 'encryption: {enabled: false, key_id: a, key_env: KEY_A}\n' >"$DIR/off"
    clear
    cat "$DIR/off" >>"$CONF"
    ok archive
    same "$(objects .jsonl.gz.enc | wc -l)" 1
    same "$(objects .jsonl.gz | wc -l)" 3
    # Least and greatest keys stand in the catalog of those in the clear, and of those alone.
    same "$(cat "$STORE"/pg/appdb/logs/_catalog/* | grep -c '"min_key":"[0-9]')" 2
    same "$(cat "$STORE"/pg/appdb/logs/_catalog/* | grep -c '[.]enc".*"min_key":"[0-9]')" 0
    balanced "$DIR/all"
    ok verify --deep
    says "$OUT" '3 archives checked'
    says "$OUT" '1 opened with key a'
    clear # without the key, the others are as they were
    exits 1 verify --json
    same "$(json "$OUT" '["ok"]')" 2
    same "$(json "$OUT" '["problems"][0]["kind"]')" no_key
}

test_without_the_key_nothing_is_touched() {
    place
    unset KEY_A
    exits 3 archive
    says "$ERR" 'environment variable KEY_A is not set: encryption key "a"'
    exits 3 check
    export KEY_A=not-a-key
    exits 3 archive
    says "$ERR" 'the encryption key "a" is not 32 bytes'
    silent "$ERR" not-a-key
    same "$(sql 'SELECT count(*) FROM logs')" 4000
    same "$(find "$STORE" -name '*_batch_*' | wc -l)" 0
    sed -i '/^encryption:/,$d' "$CONF"
    echo 'encryption: {}' >>"$CONF"
    exits 3 archive
    echo 'encryption: {enabled: true, key_id: a}' >"$DIR/half"
    sed -i '/^encryption:/,$d' "$CONF"
    cat "$DIR/half" >>"$CONF"
    exits 3 archive
    says "$ERR" 'nothing says where it comes from'
}

test_where_keys_come_from() {
    place
    echo "$KEY_A" >"$DIR/key"
    chmod 644 "$DIR/key"
    sed -i "s#key_env: KEY_A#key_file: $DIR/key#" "$CONF"
    exits 5 archive
    chmod 600 "$DIR/key"
    ok archive --limit 500
    sed -i "s#key_file: .*#key_command: head -1 $DIR/key#" "$CONF"
    ok check
    says "$OUT" 'command head'
    ok archive
    ok verify
    says "$OUT" '3 opened with key a'
    ok config show
    says "$OUT" "key_command"
    silent "$OUT" "$KEY_A"
    sed -i "s#key_command: .*#key_command: false#" "$CONF"
    exits 3 archive
    says "$ERR" 'false failed: encryption key "a": exit 1'
}

test_a_wrong_key_an_unknown_one_and_a_changed_byte_are_told_apart() {
    place
    ok archive --limit 1000
    local data manifest metadata envelope offset
    data=$(objects .jsonl.gz.enc) manifest=$(objects .manifest.json.enc)
    metadata=$(objects .metadata.json) envelope=$(objects .key.a.json)
    tar -C "$DIR" -cf "$DIR/good.tar" store

    encrypts a KEY_B
    exits 3 cat "${data#"$STORE"/}"
    says "$ERR" 'key "a" of the configuration is not the one it was sealed with'
    exits 1 verify --json
    same "$(json "$OUT" '["problems"][0]["kind"]')" no_key
    exits 3 restore --all
    encrypts b KEY_B
    exits 3 cat "${data#"$STORE"/}"
    says "$ERR" 'it is encrypted with key "a", which the configuration does not have'
    exits 3 find 3500 -t logs
    says "$ERR" 'key "a"'
    clear
    exits 3 cat "${data#"$STORE"/}"
    says "$ERR" 'it is encrypted with key "a", which the configuration does not have'
    ok show "${data#"$STORE"/}"
    silent "$ERR" "$KEY_A"

    encrypts a KEY_A
    ok verify --deep
    offset=$(json "$metadata" '["members"][1][0]')
    flip "$data" $((offset + 50))
    exits 1 verify --json
    same "$(json "$OUT" '["problems"][0]["kind"]')" bad_member
    says "$OUT" 'it was changed after it was encrypted'
    tar -C "$DIR" -xf "$DIR/good.tar"

    # The second member in the place of the first, and the index says so.
    python3 - "$metadata" "$data" <<'PYTHON'
import json, sys
meta, data = json.load(open(sys.argv[1])), bytearray(open(sys.argv[2], "rb").read())
(o1, l1, *_), (o2, l2, *_) = meta["members"][:2]
one, two = bytes(data[o1:o1 + l1]), bytes(data[o2:o2 + l2])
data[o1:o2 + l2] = two + one
meta["members"][0][1], meta["members"][1][0], meta["members"][1][1] = l2, o1 + l2, l1
json.dump(meta, open(sys.argv[1], "w"))
open(sys.argv[2], "wb").write(data)
PYTHON
    exits 2 cat "${data#"$STORE"/}"
    says "$ERR" 'it was changed after it was encrypted'
    tar -C "$DIR" -xf "$DIR/good.tar"

    # The last member left out, everywhere in the clear.
    python3 - "$metadata" "$data" <<'PYTHON'
import json, sys
meta, data = json.load(open(sys.argv[1])), open(sys.argv[2], "rb").read()
last = meta["members"].pop()
meta["data_info"]["record_count"] -= last[3]
meta["data_info"]["uncompressed_size_bytes"] -= last[4]
meta["data_info"]["compressed_size_bytes"] -= last[1]
json.dump(meta, open(sys.argv[1], "w"))
open(sys.argv[2], "wb").write(data[:last[0]])
PYTHON
    exits 2 cat "${data#"$STORE"/}"
    says "$ERR" 'its number of rows is not what the sealed index says'
    tar -C "$DIR" -xf "$DIR/good.tar"

    flip "$manifest" -20
    exits 1 verify --json
    says "$OUT" 'it was changed after it was encrypted'
    tar -C "$DIR" -xf "$DIR/good.tar"
    truncate -s -100 "$manifest"
    exits 1 verify --json
    says "$OUT" 'cut short'
    tar -C "$DIR" -xf "$DIR/good.tar"
    sed -i 's/"wrapped_key": "\(.\)/"wrapped_key": "\1A/; s/\(.\)\("\n\)/\2/' "$envelope"
    exits 1 verify --json
    same "$(json "$OUT" '["problems"][0]["kind"]')" bad_seal
    tar -C "$DIR" -xf "$DIR/good.tar"
    python3 - "$envelope" <<'PYTHON'
import base64, json, sys
e = json.load(open(sys.argv[1]))
key = bytearray(base64.b64decode(e["wrapped_key"]))
key[5] ^= 1
e["wrapped_key"] = base64.b64encode(key).decode()
json.dump(e, open(sys.argv[1], "w"))
PYTHON
    exits 2 cat "${data#"$STORE"/}"
    says "$ERR" 'the wrapped data key was changed'
    rm "$envelope"
    exits 2 cat "${data#"$STORE"/}"
    says "$ERR" 'it is encrypted, and its data key is gone'
    tar -C "$DIR" -xf "$DIR/good.tar"
    ok verify --deep
}

test_envelopes_of_two_batches_are_not_exchanged() {
    place
    ok archive
    local one two
    one=$(objects .key.a.json | head -1) two=$(objects .key.a.json | tail -1)
    [ "$one" != "$two" ]
    cp "$one" "$DIR/one"
    cp "$two" "$one"
    cp "$DIR/one" "$two"
    exits 1 verify --json
    same "$(json "$OUT" '["ok"]')" 0
    says "$OUT" 'the wrapped data key is another batch'
}

test_another_key() {
    place
    ok archive
    find "$STORE" -name '*_batch_*' ! -name '*.key.*' -exec sha256sum {} + >"$DIR/sums"
    encrypts b KEY_B a KEY_A
    ok verify
    says "$OUT" '2 opened with key a'
    ok cat "$(objects .jsonl.gz.enc | head -1 | sed "s#$STORE/##")" --limit 1
    same "$(wc -l <"$OUT") $(wc -l <"$ERR")" '1 0' 'lines, errors'
    exits 5 recover --rewrap --read-only
    exits 2 recover --rewrap --offline
    ok recover --rewrap --json
    same "$(json "$OUT" '["rewrapped"]')" 2
    same "$(json "$OUT" '["failures"]')" '[]'
    same "$(objects .key.a.json | wc -l)" 0
    same "$(objects .key.b.json | wc -l)" 2
    sha256sum --quiet -c "$DIR/sums"
    ok recover --rewrap
    says "$OUT" 'key b: 0 data keys wrapped by it now, 2 before, 0 failed'
    encrypts b KEY_B # the old one is gone
    ok verify --deep
    says "$OUT" '2 opened with key b'
    balanced "$DIR/all"
    encrypts a KEY_A
    exits 3 restore --all
    says "$ERR" 'it is encrypted with key "b"'
    exits 1 recover --rewrap
    says "$OUT" 'it is encrypted with key "b", which the configuration does not have'
    same "$(objects .key.b.json | wc -l)" 2
    clear
    exits 3 recover --rewrap
    says "$ERR" 'encryption is off'
}

test_a_wrong_old_key_leaves_everything_as_it_is() {
    place
    ok archive
    export KEY_C=$KEY_B
    encrypts b KEY_B a KEY_C
    exits 1 recover --rewrap
    says "$OUT" 'key "a" of the configuration is not the one it was sealed with'
    same "$(objects .key.b.json | wc -l)" 0
    encrypts a KEY_A
    ok verify
}

test_an_envelope_of_somebody_else_stays() {
    place
    ok archive --limit 1000
    cp "$(objects .key.a.json)" "$(objects .key.a.json | sed s/key.a.json/key.escrow.json/)"
    encrypts b KEY_B a KEY_A
    ok recover --rewrap
    same "$(objects .key. | sed 's/.*[.]key/key/' | paste -sd' ')" 'key.b.json key.escrow.json'
    ok verify
}

# Killed at each of its steps, and run again: an envelope that opens is there at every moment.
test_rewrap_killed_at_every_step() {
    local point n fault
    place
    ok archive
    tar -C "$DIR" -cf "$DIR/good.tar" store
    encrypts b KEY_B a KEY_A
    for point in $("$ARCHIVER" fault-points | awk '/^(rewrap|dir)\./ { print $1 }' | grep -v corrupt); do
        for n in 1 2 5; do
            rm -rf "$DIR/store"
            tar -C "$DIR" -xf "$DIR/good.tar"
            fault=$point=kill@$n
            ARCHIVER_FAULT=$fault run recover --rewrap
            unset ARCHIVER_FAULT
            exits 0 verify --json || fail "after $fault"
            same "$(json "$OUT" '["orphans"]')" '[]' "after $fault"
            exits 0 recover --rewrap || fail "after $fault"
            same "$(objects .key. | sed 's/.*[.]key/key/' | sort | uniq -c | xargs)" '2 key.b.json' "after $fault"
            exits 0 verify || fail "after $fault"
        done
    done
    balanced "$DIR/all"
}

test_recover_needs_the_key_only_for_keys() {
    place
    ARCHIVER_FAULT=archive.committed=kill run archive
    encrypts a KEY_B # a wrong one
    ok recover --json
    same "$(json "$OUT" '["settled"]')" 1
    encrypts a KEY_A
    ARCHIVER_FAULT=put.metadata.done=kill run archive
    clear
    ok recover --json
    same "$(json "$OUT" '["removed"]')" 1
    same "$(objects .key. | wc -l)" 1
    encrypts a KEY_A
    # Of another timeline, so that only its keys can tell.
    ARCHIVER_FAULT=archive.committed=kill run archive
    local metadata
    metadata=$(objects .metadata.json | tail -1)
    sed -i 's/"timeline": "[0-9A-F]*"/"timeline": "000000EE"/' "$metadata"
    clear
    exits 1 recover --json
    same "$(json "$OUT" '["left"]')" 1
    says "$OUT" 'it is encrypted with key \"a\", which the configuration does not have'
    same "$(objects .jsonl.gz.enc | wc -l)" 2
    encrypts a KEY_A
    ok recover --json
    same "$(json "$OUT" '["settled"]')" 1
    balanced "$DIR/all"
}

test_a_lost_catalog() {
    place
    ok archive
    ok list --json
    sort "$OUT" >"$DIR/before"
    rm -r "$STORE"/pg/appdb/logs/_catalog
    ok recover --rebuild-catalog
    ok list --json
    sort "$OUT" | cmp - "$DIR/before"
    rm -r "$STORE"/pg/appdb/logs/_catalog
    clear
    exits 1 recover --rebuild-catalog --offline
    says "$OUT" 'its key is not to be had'
    encrypts a KEY_A
    ok recover --rebuild-catalog --offline
    balanced "$DIR/all"
}

test_an_envelope_alone_is_removed() {
    place
    ok archive --limit 1000
    mkdir "$DIR/aside"
    mv "$(objects .jsonl.gz.enc)" "$(objects .manifest.json.enc)" "$(objects .metadata.json)" "$DIR/aside"
    find "$STORE" -path '*_catalog*' -type f -delete
    exits 1 verify --json
    [[ $(json "$OUT" '["orphans"]') == *key.a.json* ]]
    ok recover --json
    same "$(json "$OUT" '["removed"]')" 1
    same "$(objects .key. | wc -l)" 0
}

# What stands in the page's blocks of a language.
blocks() { # sh|python
    awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } /^```/ { on = 0 } on' \
        "$TESTS/../doc/encryption.md"
}

test_the_page_opens_it_by_hand() {
    fresh
    config '' '  member_kb: 64'
    encrypts a KEY_A
    logs 6000
    ok archive
    archived >"$DIR/expected"
    mkdir "$DIR/by_hand"
    find "$STORE" -name '*_batch_*' -exec cp {} "$DIR/by_hand/" \;
    blocks sh >"$DIR/by_hand/blocks.sh"
    blocks python >"$DIR/by_hand/blocks.py"
    [ "$(wc -l <"$DIR/by_hand/blocks.sh")" -gt 15 ]
    [ "$(wc -l <"$DIR/by_hand/blocks.py")" -gt 30 ]
    (
        cd "$DIR/by_hand"
        ARCHIVE=$(ls -- *.jsonl.gz.enc)
        export ARCHIVE=${ARCHIVE%.jsonl.gz.enc} KEY=$KEY_A KEY_ID=a
        bash -eu -o pipefail blocks.sh
        cmp rows.jsonl "$DIR/expected"
        rm rows.jsonl
        python3 blocks.py
        cmp rows.jsonl "$DIR/expected"
        same "$(jq '.primary_keys | length' keys.json)" "$(wc -l <"$DIR/expected")"
        same "$(jq .deletion_info.deleted_count keys.json)" "$(wc -l <"$DIR/expected")"
        same "$(jq '.primary_keys[0]' keys.json)" "$(head -1 rows.jsonl | jq .id)"
        export KEY=$KEY_B
        ! bash -eu -o pipefail blocks.sh >"$DIR/said"
        says "$DIR/said" 'this is another key'
        ! python3 blocks.py 2>"$DIR/said"
        says "$DIR/said" 'this is another key'
        export KEY=$KEY_A
        flip "$ARCHIVE.jsonl.gz.enc" 3000
        ! python3 blocks.py 2>"$DIR/said"
        says "$DIR/said" InvalidTag
    )
}

run_tests
