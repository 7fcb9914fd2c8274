#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Every type of types.txt with its edge values goes out and comes back: compared bit for bit
# (record_image_ops) and by text. `make check-matrix` runs this on every server version.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

types_of_our_own() {
    sql "CREATE TYPE mood AS ENUM ('sad', 'it''s \"q\", ok');
         CREATE TYPE pair AS (a int, \"b c\" text);
         CREATE TYPE nested AS (p pair, i int[], ps pair[], j json, jb jsonb, iv interval, d date,
             by bytea, f float8);
         CREATE DOMAIN positive AS int CHECK (VALUE > 0);
         CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
         CREATE DOMAIN positives AS int[];
         CREATE TYPE textrange AS RANGE (subtype = text, collation = \"C\")"
    # A domain over a composite came with PostgreSQL 11.
    sql "CREATE DOMAIN pair_ok AS pair CHECK ((VALUE).a IS NULL OR (VALUE).a > 0)"
}

# One column a type, one row a value: the others are NULL.
make_table() {
    local version types type number
    version=$(sql 'SHOW server_version_num')
    grep -v '^#' "$TESTS/way/types.txt" |
        awk -F'|' -v version="$version" '$1 + 0 <= version + 0' >"$DIR/cases"
    cut -d'|' -f2 "$DIR/cases" | awk '!seen[$0]++' >"$DIR/types"
    {
        echo 'CREATE TABLE logs (id serial PRIMARY KEY, at timestamptz NOT NULL'
        awk '{ print ", c" NR " " $0 }' "$DIR/types"
        echo ');'
        while IFS='|' read -r _ type value; do
            number=$(grep -nxF -- "$type" "$DIR/types" | cut -d: -f1)
            echo "INSERT INTO logs (at, c$number) VALUES (now() - interval '1 year', ($value)::$type);"
        done <"$DIR/cases"
        # and a row where all are NULL
        echo "INSERT INTO logs (at) VALUES (now() - interval '1 year');"
        echo 'CREATE TABLE orig AS TABLE logs;'
        echo 'CREATE TABLE back (LIKE logs);'
    } >"$DIR/make.sql"
    psql -Xq -v ON_ERROR_STOP=1 -d "$DB" -f "$DIR/make.sql"
}

bring_back() {
    local key
    key=$(objects .jsonl.gz | sed "s#^$STORE/##")
    ok cat "$key" --format csv
    psql -Xq -v ON_ERROR_STOP=1 -d "$DB" -c "\\copy back FROM '$OUT' (FORMAT csv, HEADER)"
}

compare() {
    local column type
    same "$(sql 'SELECT count(*) FROM back')" "$(sql 'SELECT count(*) FROM orig')"
    sql "SELECT o.id FROM orig o JOIN back b USING (id) WHERE o *<> b OR o::text <> b::text" \
        >"$DIR/differ"
    if [ -s "$DIR/differ" ]; then
        number=0
        while read -r type; do
            number=$((number + 1))
            sql "SELECT '$(echo "$type" | tr -d "'")' || ': ' || left(o.c$number::text, 200) || ' -> ' ||
                     coalesce(left(b.c$number::text, 200), 'NULL')
                 FROM orig o JOIN back b USING (id) WHERE o.id IN ($(paste -sd, "$DIR/differ"))
                     AND (o.c$number IS NOT NULL OR b.c$number IS NOT NULL)" >&2
        done <"$DIR/types"
        fail "$(wc -l <"$DIR/differ") values came back different"
    fi
}

test_every_type_comes_back_bit_for_bit() {
    fresh
    types_of_our_own
    make_table
    ok archive
    same "$(sql 'SELECT count(*) FROM logs')" 0
    ok verify --deep --keys all
    bring_back
    compare
}

test_every_line_is_json_that_others_read() {
    fresh
    types_of_our_own
    make_table
    ok archive
    zcat "$(objects .jsonl.gz)" | python3 -c '
import json, sys
lines = sys.stdin.buffer.read().split(b"\n")
assert lines.pop() == b""
sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
def number(text): return text
for line in lines:
    row = json.loads(line, parse_constant=lambda c: 1 / 0)
    assert row["_source_table"] == "logs"
print(len(lines))' >"$DIR/lines"
    same "$(cat "$DIR/lines")" "$(sql 'SELECT count(*) FROM orig')"
}

test_server_settings_do_not_change_what_is_archived() {
    fresh
    sql "ALTER DATABASE $DB SET DateStyle = 'SQL, DMY'; ALTER DATABASE $DB SET IntervalStyle = iso_8601;
         ALTER DATABASE $DB SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE $DB SET bytea_output = escape;
         ALTER DATABASE $DB SET extra_float_digits = -5"
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, i interval, b bytea, f float8);
         INSERT INTO logs VALUES (1, '2020-02-03 04:05:06+00', '1 day 2 hours', '\\xff', 0.5)"
    ok archive
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --columns at,i,b,f
    same "$(cat "$OUT")" \
        '{"at":"2020-02-03T04:05:06+00:00","i":"1 day 02:00:00","b":"/w==","f":0.5}'
}

run_tests
