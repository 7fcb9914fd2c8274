#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Every type of types.txt with its edge values goes out and comes back: compared bit for bit
# (record_image_ops) and by text. `make check-matrix` runs this on every server version.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/types.sh
. "$TESTS/harness/types.sh"

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
