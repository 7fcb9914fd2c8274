#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# `cat --where` gives the rows that PostgreSQL's own WHERE gives, for every expression of where.txt,
# NULLs included; and it fetches only members that can hold one.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

ODD="('Abc'), ('abc'), ('ab'), (''), (NULL), ('it''s'), (E'tab\\there'), (E'back\\\\slash'), ('Zoë'),
    ('\\N'), ('100%'), ('100\\%'), ('abab'), ('ab b'), ('山田太郎'), ('x]y.z'), (E'two\\nlines'), ('007')"

# Each column cycles through its values with a period of its own, so that all sorts of rows come up.
fill() {
    sql "CREATE TYPE mood AS ENUM ('sad', 'happy', 'it''s \"q\", ok');
        CREATE DOMAIN email AS text; CREATE DOMAIN positive AS int;
        CREATE DOMAIN cost AS numeric(10,2); CREATE SCHEMA own; CREATE DOMAIN own.code AS char(4);
        CREATE TABLE logs (id bigserial PRIMARY KEY, at timestamptz NOT NULL, small smallint,
            big bigint, price numeric, single real, dbl double precision, yes boolean, word text,
            label varchar(20), fixed char(5), day date, local timestamp, clock time, uid uuid,
            raw bytea, mood mood, addr inet, tags text[], nums int[], span int4range, mail email,
            pos positive, cost cost, code own.code, iv interval, body jsonb, doc json, detail text, \"Mixed Case\" text,
            \"select\" int)"
    sql "CREATE FUNCTION nth(n bigint, VARIADIC a text[]) RETURNS text LANGUAGE sql
            AS 'SELECT a[1 + n % array_length(a, 1)]';
        CREATE FUNCTION word(n bigint) RETURNS text LANGUAGE sql AS \$\$
            SELECT w FROM (SELECT w, row_number() OVER () - 1 AS i
                FROM (VALUES $ODD) v(w)) x WHERE i = n % 18 \$\$;
        INSERT INTO logs (at, small, big, price, single, dbl, yes, word, label, fixed, day, local,
            clock, uid, raw, mood, addr, tags, nums, span, mail, pos, cost, code,
            iv, body, doc, detail,
            \"Mixed Case\", \"select\")
        SELECT timestamptz '2024-03-01 10:00+00' + g * interval '6 hours',
            nth(g, '1', '2', '3', '-2', NULL)::smallint,
            nth(g, '9223372036854775807', '-9223372036854775808', '1000', '0', NULL, '-2', '7')::bigint,
            nth(g, '1.5', '1.50', '1.51', NULL, '0', '0.000', '-12.345', 'NaN', '2',
                '100000000000000000000000000000000000000.000000000000000000001')::numeric,
            nth(g, '0.1', 'NaN', 'Infinity', '3e38', NULL, '-0', '2')::real,
            nth(g, '0.1', 'NaN', '-Infinity', '1.5', NULL, '-0', '2.5', '0.10000000149011612')::float8,
            nth(g, 't', 'f', NULL)::boolean, word(g), left(word(g / 2), 20),
            nth(g, 'ab', 'ab ', 'cd', NULL, '')::char(5),
            nth(g, '2024-02-29', '2024-03-01', 'infinity', '-infinity', NULL, '0044-03-15 BC',
                '4713-01-01 BC', '5874897-12-31', '2024-03-05', '10000-01-01', '2024-03-09')::date,
            nth(g, '2024-02-29', '2024-02-29 00:00:00.000001', NULL, 'infinity', '2024-03-05',
                '294276-12-31 23:59:59.999999', '0001-01-01 BC')::timestamp,
            nth(g, '04:05:06', '04:05', '24:00', NULL, '00:00:00.5')::time,
            nth(g, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
                NULL, '00000000-0000-0000-0000-000000000000')::uuid,
            nth(g, '\\x00ff', '\\x', '\\x00', NULL, '\\x61625c6301')::bytea,
            nth(g, 'happy', 'sad', NULL, 'it''s \"q\", ok')::mood,
            nth(g, '10.0.0.1', '10.0.0.0/8', '::1', NULL)::inet,
            nth(g, '{a,b}', '{}', NULL, '{\"a b\",NULL}', '{a}')::text[],
            nth(g, '{1,2,3}', '{}', NULL, '{1}')::int[],
            nth(g, '[1,5)', 'empty', NULL)::int4range, nth(g, 'a@b', 'none', NULL),
            nth(g, '1', '5', NULL)::int, nth(g, '1.5', '20', NULL)::numeric,
            nth(g, 'ab', 'B', NULL)::char(4), nth(g, '1 day', '24:00', NULL)::interval,
            nth(g, '{\"user\": {\"id\": 7, \"tags\": [\"p\", \"q\"]}, \"n\": 1.0, \"flag\": true}',
                '{\"user\": {\"id\": \"8\"}, \"null\": null, \"list\": [\"x\", \"y\", \"z\"]}', NULL, '5', '[]',
                'null', '{\"a \\\"key\\\"\": \"v\", \"user\": 3, \"n\": 1}', '[\"5\"]',
                '{\"text\": \"line\\nand \\\"quotes\\\" \\\\ \\u00e9\"}')::jsonb,
            nth(g, '{\"a\": 1, \"a\": 2,  \"list\": [1,  2]}', '5', NULL, '{\"b\":{\"c\":\"d\"}}',
                '[5, 6]', 'null')::json,
            nth(g, '{\"k\": \"v\"}', '[]', NULL), nth(g, 'x', NULL), (g % 4)::int
        FROM generate_series(1, 400) g;
        CREATE TABLE kept AS TABLE logs"
}

expressions() {
    grep -v '^#' "$TESTS/way/where.txt"
}

# PostgreSQL's answers to all of them: $DIR/theirs.N for line N.
ask_postgresql() {
    expressions | awk -v dir="$DIR" '{ print "\\o " dir "/theirs." NR
        print "SELECT id FROM kept WHERE " $0 "\n ORDER BY id;" }' >"$DIR/ask.sql"
    psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" -f "$DIR/ask.sql"
}

test_every_expression_has_the_answer_of_postgresql() {
    fresh
    config '' '  member_kb: 16'
    fill
    ok archive
    KEY=$(objects .jsonl.gz | sed "s#^$STORE/##")
    ask_postgresql
    local number=0
    while IFS= read -r expression <&3; do
        number=$((number + 1))
        run cat "$KEY" --columns id --where "$expression"
        [ "$CODE" -eq 0 ] || cat "$ERR" >>"$OUT"
        mv "$OUT" "$DIR/ours.$number"
    done 3< <(expressions)
    expressions | python3 -c '
import sys
differ = 0
for number, expression in enumerate(sys.stdin, 1):
    theirs = open("%s/theirs.%d" % (sys.argv[1], number)).read().split()
    ours = open("%s/ours.%d" % (sys.argv[1], number)).read().replace("{\"id\":", "").replace("}", "")
    odd = set(theirs).symmetric_difference(ours.split())
    if odd or len(theirs) != len(ours.split()):
        differ += 1
        print(expression.strip(), "differs in", *sorted(odd)[:20], file=sys.stderr)
sys.exit(differ)' "$DIR" || fail 'PostgreSQL has another answer'
    [ "$number" -ge 200 ] || fail "only $number expressions"
    [ "$(cat "$DIR"/theirs.* | wc -l)" -gt "$number" ] || fail "hardly any row was meant"
}

test_members_that_cannot_match_are_not_fetched() {
    fresh
    config '' '  member_kb: 16'
    logs 6000
    ok archive
    KEY=$(objects .jsonl.gz | sed "s#^$STORE/##")
    # The oldest rows come first: the first member is damaged, and only who needs it finds out.
    dd if=/dev/zero of="$STORE/$KEY" bs=1 seek=200 count=64 conv=notrunc status=none
    exits 2 cat "$KEY"
    says "$ERR" 'member 0'
    ok cat "$KEY" --columns id --where 'id BETWEEN 2300 AND 2302'
    same "$(tr -dc '0-9\n' <"$OUT" | sort | paste -sd, -)" 2300,2301,2302
    ok cat "$KEY" --where "at::date > '2999-01-01'"
    same "$(wc -c <"$OUT")" 0
    exits 2 cat "$KEY" --where "level = 'info'"
}

test_limit_and_offset_count_rows_that_match() {
    fresh
    logs 3000
    ok archive
    KEY=$(objects .jsonl.gz | sed "s#^$STORE/##")
    ok cat "$KEY" --columns id --where "level = 'warn'"
    sed -n '11,15p' "$OUT" >"$DIR/expected"
    ok cat "$KEY" --columns id --where "level = 'warn'" --offset 10 --limit 5
    cmp "$OUT" "$DIR/expected"
    ok cat "$KEY" --columns id,level --format csv --where 'id = 2500'
    same "$(cat "$OUT")" $'id,level\r\n2500,warn\r'
    ok cat "$KEY" --where 'id = 2500' --offset 1
    same "$(wc -c <"$OUT")" 0
}

test_a_wrong_expression_is_said_at_its_character() {
    fresh
    logs 3000
    ok archive
    KEY=$(objects .jsonl.gz | sed "s#^$STORE/##")
    exits 2 cat "$KEY" --where "id = 5 AND lvel = 'info'"
    says "$ERR" 'column 12: there is no column "lvel"'
    says "$ERR" 'did you mean "level"?'
    same "$(wc -c <"$OUT")" 0
    exits 2 list --where 'id = 5'
    says "$ERR" 'list does not take --where'
}

test_a_value_that_cannot_be_cast_is_said_with_its_column_and_row() {
    fresh
    logs 3000
    ok archive
    KEY=$(objects .jsonl.gz | sed "s#^$STORE/##")
    exits 2 cat "$KEY" --where "(body->>'text')::int = 5"
    says "$ERR" 'is not an integer'
    says "$ERR" 'column "body"'
    says "$ERR" "$KEY"
}

run_tests
