#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# needs: s3
#
# Archives and their rows in the console.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"
export S3_ACCESS_KEY S3_SECRET_KEY

# Looks at 2617 rows of `logs` in whatever store and form they are.
look() {
    console <<'END'
wait cutoff
key 3
wait 20 1 archives, 2,617 rows
key Enter
wait 20 2,617 rows of appdb.public.logs
wait keys 2184 to 4800
key s
wait jsonb
key d
wait CREATE TABLE
key q
wait 20 1 archives, 2,617 rows
key p
wait row 1 of 2,617
has requests
wait 20 2202
key G
wait row 2617 of 2,617
wait 20 4800
key J
type 1000
key Enter
wait row 1000 of
wait 20 3183
key J
type 5000
key Enter
wait a row from 1 to 2617
key w
type id > 4790 AND level = 'error'
key Enter
wait that match: id > 4790
gone so far
has row 1 of 3
key w C-u
type level ==
key Enter
gone opening
wait 20 operator is due here
key Enter
wait r reads again
key q
wait archives, 2,617 rows
key Q
exits 0
settings
END
    same "$(cat "$OUT")" same settings
}

test_rows_of_a_directory_store() {
    fresh
    own_runs
    logs 4800
    ok archive
    look
}

test_rows_of_s3_encrypted_and_by_zstd() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    fresh
    own_runs
    logs 4800
    config "" "  compression: zstd"
    head -c 32 /dev/urandom | base64 >"$DIR/key"
    chmod 600 "$DIR/key"
    cat >>"$CONF" <<END
encryption:
  enabled: true
  key_id: k1
  key_file: $DIR/key
END
    ok archive
    look
}

test_a_list_is_filtered_marked_and_summed() {
    fresh
    three_tables "  batch_size: 500
  strategy: index"
    ok archive
    console <<'END'
wait cutoff
key 3
wait 11 archives, 4,
key /
type events
key Enter
wait 20 3 archives, 1,
key Esc
wait 11 archives
key R Space Space
wait 20 2 archives marked, 1,000 rows
key v
wait stored
key q
key x
wait archives marked
key Q
exits 0
END
}

test_rows_come_back_by_keys() {
    fresh
    own_runs
    logs 4800
    config "" "  batch_size: 1000
  strategy: index"
    sql "SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM logs l" >"$DIR/before"
    ok archive
    console <<'END'
wait cutoff
key 3
wait 20 3 archives, 2,617 rows
key d
wait Nothing was changed
key q
wait 20 3 archives, 2,617 rows
key *
wait 20 3 archives marked
key b
wait Bring rows back?
key Enter
gone Bring rows back?
key b y
wait is on its way
wait success
key q
wait 20 3 archives
key r
wait settled R
key Q
exits 0
END
    sql "SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM logs l" | cmp - "$DIR/before" ||
        fail "the rows are not those that left"
    console --read-only <<'END'
wait cutoff
key 3
wait 20 3 archives
lacks bring back
key b
wait read-only
key Q
END
}

test_a_tree_narrows_the_list() {
    fresh
    three_tables "  batch_size: 500
  strategy: index"
    ok archive
    local all day
    all=$("$ARCHIVER" -c "$CONF" list --json | wc -l)
    day=$(date -u +%F)
    console <<END
wait cutoff
key 3
wait 20 $all archives
lacks archives of
key Tab
wait archives of
has public.events
key / e v e n t s Enter
wait 20 3 archives, 1,
has of appdb.public.events
key Esc
wait public.logs
key l
wait $day
key Esc
gone archives of
has of appdb.public.events
key Tab g
wait 20 $all archives
key Tab * Tab
resize 50 200
wait archives of
wait 20 $all archives marked
key Q
exits 0
END
}

test_a_key_is_found_and_shown_among_others() {
    fresh
    own_runs
    logs 4800
    config "" "  batch_size: 1000
  strategy: index
  member_kb: 64"
    ok archive
    console <<'END'
wait cutoff
key 3
wait 20 3 archives
key f
type 3456
key Enter
wait 20 3456: 1 row, 1 of 3 archives looked into
key Enter
wait of 1,000
wait "n": 3456
key q i
wait 20 1,000 rows of appdb.public.logs
has keys 
key q q
wait 20 3 archives
key f
type 12
key Enter
wait no archive has it
key q f
type twelve
key Enter
wait "twelve" is not an integer
key Q
exits 0
END
}

test_a_damaged_archive_says_so() {
    fresh
    own_runs
    logs 4800
    ok archive
    local object
    object=$(find "$STORE" -name '*.jsonl.gz')
    printf 'xxxxxxxx' | dd of="$object" bs=1 seek=2000 conv=notrunc 2>/dev/null
    console <<'END'
wait cutoff
key 3
wait 20 1 archives, 2,617 rows
key p
wait 20 damaged
key q
wait archives, 2,617 rows
key Q
exits 0
END
}

run_tests
