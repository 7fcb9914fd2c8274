#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# doc/restore-by-hand.md is run as it stands, on an archive that holds every type of types.txt: zcat,
# jq and psql bring back what was there.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/types.sh
. "$TESTS/harness/types.sh"

# What stands in the page's blocks of a language.
blocks() { # sh|sql
    awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } /^```/ { on = 0 } on' \
        "$TESTS/../doc/restore-by-hand.md"
}

# The page's blocks in its order, where the objects of the one batch lie.
by_hand() { # TABLE
    mkdir "$DIR/by_hand"
    find "$STORE" -name '*_batch_*' -exec cp {} "$DIR/by_hand/" \;
    blocks sql >"$DIR/by_hand/by-hand.sql"
    blocks sh >"$DIR/by_hand/blocks.sh"
    [ "$(wc -l <"$DIR/by_hand/blocks.sh")" -gt 20 ]
    (
        cd "$DIR/by_hand"
        ARCHIVE=$(ls -- *.jsonl.gz)
        export ARCHIVE=${ARCHIVE%.jsonl.gz} TABLE=$1 PGDATABASE=$DB
        bash -eu -o pipefail blocks.sh
    )
}

test_every_type_comes_back() {
    fresh
    types_of_our_own
    make_table
    ok archive
    same "$(sql 'SELECT count(*) FROM logs')" 0
    by_hand public.logs
    same "$(sql 'SELECT count(*) FROM logs')" "$(sql 'SELECT count(*) FROM orig')"
    local number=0 type differ
    while read -r type; do
        number=$((number + 1))
        # bit for bit; a json document but for the space around it
        differ="(SELECT r FROM (SELECT o.c$number) r) *<> (SELECT r FROM (SELECT b.c$number) r)"
        [ "$type" != json ] ||
            differ="btrim(o.c$number::text, E' \\t\\n') IS DISTINCT FROM btrim(b.c$number::text, E' \\t\\n')"
        sql "SELECT '$(echo "$type" | tr -d "'")' || ': ' || left(coalesce(o.c$number::text, 'NULL'), 200)
                 || ' -> ' || left(coalesce(b.c$number::text, 'NULL'), 200)
             FROM orig o JOIN logs b USING (id) WHERE $differ" >>"$DIR/differ"
    done <"$DIR/types"
    [ "$number" -ge 80 ] || fail "only $number types"
    [ ! -s "$DIR/differ" ] || fail "$(cat "$DIR/differ")"
}

test_names_that_need_quotes_and_columns_that_are_made() {
    fresh
    config '      - {schema: "My S", name: "T\"x", timestamp_column: at}'
    local table='"My S"."T""x"'
    sql "CREATE SCHEMA \"My S\";
         CREATE TABLE $table (\"i d\" int PRIMARY KEY, at timestamptz, \"_json_null\" jsonb,
             \"it's\" text[], always int GENERATED ALWAYS AS IDENTITY);
         INSERT INTO $table (\"i d\", at, \"_json_null\", \"it's\")
         VALUES (1, '2020-01-01', 'null', '{\"a''b\"}'), (2, '2020-01-01', NULL, NULL),
             (3, '2020-01-01', '{\"n\": 1.10}', '{}')"
    if [ "$(sql 'SHOW server_version_num')" -ge 120000 ]; then
        sql "ALTER TABLE $table ADD COLUMN twice int GENERATED ALWAYS AS (\"i d\" * 2) STORED"
    fi
    sql "CREATE TABLE orig AS TABLE $table"
    ok archive
    by_hand "$table"
    same "$(sql "SELECT count(*) FROM orig o JOIN $table b USING (\"i d\") WHERE o *= b")" 3
    same "$(sql "SELECT count(*) FROM $table")" 3
}

test_what_is_damaged_is_not_taken() {
    fresh
    logs 3000
    ok archive
    truncate -s -20 "$(objects .jsonl.gz)"
    ! by_hand public.logs >"$DIR/said" 2>&1 || fail "a damaged object was taken"
    says "$DIR/said" FAILED
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
}

test_a_dropped_table_is_made_again() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz NOT NULL, n numeric(10,2) CHECK (n > 0));
         CREATE INDEX ON logs (at);
         INSERT INTO logs SELECT g, '2020-01-01', g FROM generate_series(1, 50) g;
         CREATE TABLE orig AS TABLE logs"
    ok archive
    sql 'DROP TABLE logs'
    by_hand public.logs
    same "$(sql 'SELECT count(*) FROM orig o JOIN logs b USING (id) WHERE o *= b')" 50
    same "$(sql "SELECT count(*) FROM pg_indexes WHERE tablename = 'logs'")" 2
}

run_tests
