#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# needs: s3
#
# Rows of archives in the console: moving, searching, one row as a form, files; and stores that make
# trouble meanwhile.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"
# shellcheck source=../harness/proxy.sh
. "$TESTS/harness/proxy.sh"
export S3_ACCESS_KEY S3_SECRET_KEY

# 4,617 rows of `logs` in archives of $1 rows and members of 64 KiB.
many_members() {
    fresh
    own_runs
    logs 6800
    config "" "  batch_size: ${1:-5000}
  strategy: index
  member_kb: ${2:-64}"
    ok archive
}

# The same in a bucket, behind a proxy that makes trouble.
bucket_behind_proxy() {
    proxy
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    many_members "$@"
    sed -i "s/^  prefix: pg/  prefix: pg\n  retries: 1\n  idle_timeout: 30\n  connect_timeout: 2/" "$CONF"
}

test_rows_are_reached_by_number_time_key_text_and_expression() {
    many_members
    local at
    at=$(json "$(objects .metadata.json)" '["timestamp_range"]["min"]')
    at=$(date -u -d "$at + 100 hours + 30 minutes" '+%F %T')
    console <<END
wait cutoff
key 3
wait 20 1 archives, 4,617 rows
key p
wait row 1 of 4,617
key J
type 4000
key Enter
wait row 4000 of
key K
type 2500
key Enter
wait "n": 2500
key T
type $at
key Enter
gone row 4000 of
wait row 
key K
type 99
key Enter
wait not found: 99
key T
type yesterday
key Enter
wait "yesterday" is not
key Enter
gone "yesterday" is not
key g
wait row 1 of
key \\
type "n": 3333
key Enter
wait "n": 3333,
gone row 1 of
key g \\ C-u
type level = 'error' and id > 5000
key Enter
wait 5000
key n n
wait row 
key N
wait row 
key \\ C-u
type nowhere at all
key Enter
wait not found: nowhere at all
key Q
exits 0
END
}

# A page costs the members it stands in; what is held costs nothing.
test_requests_are_as_many_as_members() {
    bucket_behind_proxy 5000 256
    trouble
    console <<'END'
wait cutoff
key 3
wait 20 1 archives, 4,617 rows
key p
wait row 1 of 4,617
wait 20 2 requests
key J
type 2300
key Enter
wait row 2300 of
wait 20 3 requests
key g
wait row 1 of
quiet 300
has 3 requests
key G
wait row 4617 of
wait 20 4 requests
quiet 300
has 4 requests
key Q
exits 0
END
    same "$(asked 'GET .*metadata.json')" 1
    same "$(asked 'GET .*jsonl.gz')" 3
}

test_a_row_opens_as_a_form() {
    fresh
    own_runs
    config '      - {name: t, timestamp_column: at}'
    sql "CREATE TABLE t (id int PRIMARY KEY, at timestamptz, a text, b text, c text, j json);
         INSERT INTO t VALUES (1, '2020-01-01', NULL, '', 'NULL', '{\"k\": 1.50, \"deep\": {\"list\": [true, {\"x\": null}]}, \"k\": \"ü\"}');
         INSERT INTO t VALUES (2, '2020-01-02', '''''', repeat('long ', 100), E'two\nlines', 'null')"
    ok archive
    console <<'END'
wait no index
key 3
wait 20 1 archives
key p
wait row 1 of 2
wait NULL
has ''
key f
wait row 1 of 2
wait 20 1.50
has "NULL"
has deep
has true
has "ü"
key -
gone deep
has {..} 3
key G Enter
wait deep
key g j j y
wait copied
sent \e]52;c;TlVMTA==
key ]
wait row 2 of 2
wait long
has "''"
key G k k Enter
wait long long
key q
wait row 2 of 2
key ]
wait the last row
key [
wait row 1 of 2
key q q Q
exits 0
END
}

test_rows_are_written_to_files() {
    many_members 2000
    console <<END
wait cutoff
key 3
wait 20 3 archives
key * w
type level = 'error' and id < 2400
key Enter
wait that match: level
gone so far
key E
type $DIR/errors.csv
key Enter
wait rows in
key E
type $DIR/errors.csv
key Enter
wait name another file
key Enter q
wait 20 3 archives marked
key p
wait 4,617 in 3 archives
key Space j j Space E
type $DIR/two.jsonl
key Enter
wait 20 2 rows in
key * E
type $DIR/all
key Enter
wait end the file's name in .csv or .jsonl
key Enter
key Q
exits 0
END
    "$ARCHIVER" -c "$CONF" list --json | python3 -c 'import json, sys
for line in sys.stdin: print(json.loads(line)["key"])' >"$DIR/keys"
    # shellcheck disable=SC2046
    "$ARCHIVER" -c "$CONF" cat $(cat "$DIR/keys") --format csv --where "level = 'error' and id < 2400" |
        cmp - "$DIR/errors.csv"
    "$ARCHIVER" -c "$CONF" cat "$(head -1 "$DIR/keys")" --limit 4 | sed '2,3d' | cmp - "$DIR/two.jsonl"
    same "$(stat -c %a "$DIR/errors.csv")" 600
    [ ! -e "$DIR/all" ]
}

test_matches_of_many_archives_are_one_list() {
    many_members 1000
    console <<'END'
wait cutoff
key 3
wait 20 5 archives
key w
type id in (2200, 3300, 4400, 5500, 6600)
key Enter
wait row 1 of 5 that match
has logs_
wait 20 2200
has 6600
key G o
wait of 617
key q
wait row 5 of 5 that match
key i
wait rows of appdb.public.logs
key q w C-u Enter
wait row 1 of 4,617 in 5 archives
key K
type 5500
key Enter
gone row 1 of
wait 20 5500
key Q
exits 0
END
}

# The member in the middle is damaged: its rows say so, the others are there.
test_a_damaged_member_hides_no_other() {
    many_members
    local metadata object first next
    metadata=$(objects .metadata.json)
    object=$(objects .jsonl.gz)
    printf 'xxxxxxxx' | dd of="$object" bs=1 conv=notrunc 2>/dev/null \
        seek=$(($(json "$metadata" '["members"][5][0]') + 500))
    first=$(json "$metadata" '["members"][5][2]')
    next=$(json "$metadata" '["members"][6][2]')
    console <<END
wait cutoff
key 3
wait 20 1 archives
key p
wait row 1 of 4,617
key J
type $((first + 1))
key Enter
wait row $((first + 1)) of
wait damaged
key Enter
wait member 5
key Enter
key k
wait row $first of
key J
type $((next + 1))
key Enter
wait "n": 
key j j
wait row $((next + 3)) of
key G
wait row 4617 of
lacks damaged
key w
type id = $((2184 + first))
key Enter
wait 20 0 match; not all rows could be read
key w C-u
type id in (2190, 6700)
key Enter
wait 20 2 that match
key Q
exits 0
END
}

test_a_store_that_hangs_or_dies_leaves_the_rest() {
    bucket_behind_proxy
    console <<END
wait cutoff
key 3
wait 20 1 archives, 4,617 rows
key p
wait row 1 of 4,617
wait "n": 
run printf 'hang 1000 GET jsonl.gz\$\n' | curl -sS -f -X POST --data-binary @- $S3_ENDPOINT/-/rules
key G
wait row 4617 of
key g
wait row 1 of
wait "n": 
key t
wait reading rows
key x
wait nothing works in the background
key q
wait r reads again
run printf 'none 1 GET x\n' | curl -sS -f -X POST --data-binary @- $S3_ENDPOINT/-/rules
key r G
wait row 4617 of
wait 20 6800
run printf '500 1000 GET jsonl.gz\$\n' | curl -sS -f -X POST --data-binary @- $S3_ENDPOINT/-/rules
key J
type 2000
key Enter
wait 20 500 InternalError
key Enter
wait r reads again
key g
wait 20 2184
run printf 'wrong-body 1000 GET jsonl.gz\$\n' | curl -sS -f -X POST --data-binary @- $S3_ENDPOINT/-/rules
key r J
type 3000
key Enter
wait damaged
key Q
exits 0
END
}

test_five_thousand_random_keys() {
    many_members 1000
    console <<'END'
wait cutoff
key 3
wait 20 5 archives
key p
wait row 1 of 
random 41 1500
resize 16 60
resize 60 220
resize 17 61
resize 24 80
resize 16 200
resize 50 60
resize 5 20
resize 50 200
key Esc Esc Esc Esc Esc 3
quiet 300
key Enter
random 42 1500
resize 16 60
key Esc Esc Esc Esc Esc 3
quiet 300
key * p f
random 43 2000
key Esc Esc Esc Esc Esc
signal 15
exits 0
settings
END
    same "$(cat "$OUT")" same settings
}

run_tests
