#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# find: the archives that hold a key and the row in them, without reading whole objects.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# The N of "N archives looked into" or "N bytes fetched" in the log of `find -v`.
said() { # BEFORE-WHAT
    sed -n "s/.*[ ,]\([0-9]*\) $1.*/\1/p" "$ERR" | tail -1
}

wide_logs() { # ROWS: a table like logs whose rows compress badly, so that members are many
    sql "CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz NOT NULL, v text);
         INSERT INTO logs SELECT g, now() - interval '1 year',
             (SELECT string_agg(md5(g || '/' || i), '') FROM generate_series(1, 8) i)
         FROM generate_series(1, $1) g"
}

test_a_key_is_found_by_one_member_of_many() {
    fresh
    config '' '  member_kb: 64'
    wide_logs 10000
    ok archive
    ok find 5432 -t logs --json -v
    local key row
    key=$(json "$OUT" '["key"]')
    row=$(json "$OUT" '["row"]')
    same "$(json "$OUT" '["data"]["id"]')" 5432
    same "$(json "$OUT" '["state"]')" settled
    [ "$(json "$OUT" '["member"]')" -gt 0 ]
    # the catalog lines, the metadata with its member index, and one member
    [ "$(said 'bytes fetched')" -lt $(($(stat -c %s "$STORE/$key") / 8)) ]
    ok cat "$key" --offset "$row" --limit 1
    same "$(json "$OUT" '["id"]')" 5432
}

test_a_key_that_is_nowhere_is_exit_1() {
    fresh
    wide_logs 100
    exits 1 find 5 -t logs
    says "$OUT" '5: in none of 0 archives'
    ok archive
    exits 1 find 101 -t logs
    exits 1 find 0 -t logs --json
    same "$(wc -c <"$OUT")" 0
    exits 2 find abc -t logs
    says "$ERR" '"abc" is not an integer'
    exits 2 find 5
    says "$ERR" 'which table?'
}

test_keys_in_no_order_are_found_by_the_manifest() {
    fresh
    config '' '  member_kb: 64'
    sql "CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz NOT NULL, v text);
         INSERT INTO logs SELECT g * 7919 % 10007, now() - interval '1 year',
             (SELECT string_agg(md5(g || '/' || i), '') FROM generate_series(1, 8) i)
         FROM generate_series(1, 10000) g"
    ok archive
    ok find 5432 -t logs --json -v
    same "$(json "$OUT" '["data"]["id"]')" 5432
    local key manifest
    key=$(json "$OUT" '["key"]')
    [ "$(said 'bytes fetched')" -lt $(($(stat -c %s "$STORE/$key") / 4)) ]
    # and a manifest that lies is not believed
    manifest=$STORE/${key%.jsonl.gz}.manifest.json
    sed -i 's/^5432,$/99999,/; 2s/.*/5432,/' "$manifest"
    exits 2 find 5432 -t logs
    says "$ERR" 'the manifest says that row'
}

test_keys_of_other_types() {
    fresh
    config '      - {name: u, timestamp_column: at}
      - {name: c, timestamp_column: at}
      - {name: t, timestamp_column: at}
      - {name: n, timestamp_column: at}
      - {name: p, timestamp_column: at}
      - {name: none, timestamp_column: at}'
    sql "CREATE TABLE u (k uuid PRIMARY KEY, at timestamptz);
         CREATE TABLE c (a text, b int, at timestamptz, PRIMARY KEY (a, b, at));
         CREATE TABLE t (k text PRIMARY KEY, at timestamptz);
         CREATE TABLE n (k numeric PRIMARY KEY, at timestamptz, b bytea);
         CREATE TABLE p (k char(8) PRIMARY KEY, at timestamptz);
         CREATE TABLE none (k int, at timestamptz);
         INSERT INTO u SELECT md5(g::text)::uuid, now() - interval '1 year' FROM generate_series(1, 500) g;
         INSERT INTO c SELECT 'x' || g, g, '2020-01-01 00:00:00.5+00' FROM generate_series(1, 50) g;
         INSERT INTO c VALUES ('a, \"b\"', 7, '2020-01-01'), ('', 8, '2020-01-01');
         INSERT INTO t VALUES ('5', '2020-01-01'), ('a,b', '2020-01-01'), (E'山\\t\"x\"\\\\', '2020-01-01'),
             ('null', '2020-01-01');
         INSERT INTO n VALUES (1.50, '2020-01-01'), (-0.001, '2020-01-01'), (1200, '2020-01-01'),
             ('NaN', '2020-01-01');
         INSERT INTO p VALUES ('abc', '2020-01-01');
         INSERT INTO none VALUES (1, '2020-01-01')"
    ok archive
    ok find c4ca4238-a0b9-2382-0dcc-509a6f75849b -t u --json
    same "$(json "$OUT" '["data"]["k"]')" c4ca4238-a0b9-2382-0dcc-509a6f75849b
    ok find '{C4CA4238A0B923820DCC509A6F75849B}' -t u
    exits 2 find c4ca4238 -t u
    says "$ERR" '"c4ca4238" is not a value of type uuid'
    ok find 'x9,9,2020-01-01T00:00:00.5Z' -t c --json
    same "$(json "$OUT" '["data"]["b"]')" 9
    exits 1 find 'x9,9,2020-01-01' -t c
    ok find '"a, ""b""",7,2020-01-01 01:00:00+01' -t c
    ok find ',8,2020-01-01' -t c
    exits 2 find 'x9,9' -t c
    says "$ERR" '"x9,9" is 2 values, the key has 3 columns'
    exits 2 find '"x9,9,2020-01-01' -t c
    ok find 5 -t t
    ok find a,b -t t
    ok find '"a,b"' -t t
    ok find null -t t
    ok find $'山\t"x"\\' -t t --json
    same "$(json "$OUT" '["data"]["k"]')" $'山\t"x"\\'
    local value
    for value in 1.5 001.50 -1e-3 1.2E3 1200.0 NaN; do ok find -t n -- "$value"; done
    exits 1 find 1.51 -t n
    exits 1 find 0.001 -t n
    ok find abc -t p
    exits 2 find 1 -t none
    says "$ERR" 'the table has no key'
}

test_all_archives_that_hold_it_are_listed() {
    fresh
    wide_logs 100
    ok archive
    local key
    key=$(objects .jsonl.gz | sed "s#^$STORE/##")
    ok cat "$key" --columns id,at,v --format csv
    psql -Xq -d "$DB" -c "\\copy logs FROM '$OUT' (FORMAT csv, HEADER)"
    sleep 1.1 # another second, another name
    ok archive
    ok find 5 -t logs --json
    same "$(wc -l <"$OUT")" 2
    # pending: no catalog line names it
    find "$STORE" -path '*_catalog*' -type f -delete
    ok find 5 -t logs --json
    same "$(grep -c '"state":"pending"' "$OUT")" 2
    ok find 5 -t logs
    same "$(grep -c '"id":5,' "$OUT")" 2
    # one that is damaged is said, the other is given out all the same
    printf 'damage' | dd of="$STORE/$key" bs=1 seek=200 conv=notrunc status=none
    exits 2 find 5 -t logs
    same "$(grep -c '"id":5,' "$OUT")" 1
}

test_archives_of_the_earlier_archiver() {
    local from=${TESTS%/tests}/tests/earlier
    fresh
    cp -r "$from/." "$STORE/"
    sed -e "s#prefix: pg#prefix: archives#; s/name: appdb/name: auditdb/; s/name: logs/name: audit_uuid/; s/column: at/column: occurred_at/" \
        -i "$CONF"
    ok find a87ff679-a2f3-e71d-9181-a67b7542122c -t audit_uuid --json
    same "$(json "$OUT" '["state"]')" foreign
    same "$(json "$OUT" '["data"]["actor"]')" actor4
    same "$(json "$OUT" '["row"]')" 1
    same "$(json "$OUT" '["member"]')" None
    exits 1 find a87ff679-a2f3-e71d-9181-a67b7542122d -t audit_uuid
}

# A catalog line says its key range, so that what cannot hold the key is not even opened.
test_a_hundred_thousand_archives() {
    fresh
    wide_logs 100
    ok archive
    python3 - "$STORE" <<'END'
import glob, json, sys
name = glob.glob(sys.argv[1] + "/pg/appdb/logs/_catalog/*.jsonl")[0]
entry = json.loads(open(name).readline())
assert entry["min_key"] == "1" and entry["max_key"] == "100", entry
for n in range(500):
    with open(name.replace("_000001", "_%06d" % (n + 2)), "w") as f:
        for i in range(200):
            k = 1000 + (n * 200 + i) * 100
            f.write(json.dumps(dict(entry, key=entry["key"].replace("_001.", "_%06d." % (n * 200 + i + 2)),
                                    min_key="%d" % k, max_key="%d" % (k + 99))) + "\n")
END
    ok find 55 -t logs -v
    same "$(said 'of 100001 archives')" 1
    [ "$(said requests)" -lt 520 ]
    # an older line does not say it: the metadata does
    sed -i 's/,"min_key".*}/}/' "$STORE"/pg/appdb/logs/_catalog/*_000001.jsonl
    ok find 55 -t logs -v
    same "$(said 'of 100001 archives')" 1
}

run_tests
