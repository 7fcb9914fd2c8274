#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Defects of the earlier archiver that concern archiving, each by its number: none of them is ours.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

table() { # NAME ROWS: a table like logs
    sql "CREATE TABLE $1 (id bigint PRIMARY KEY, at timestamptz NOT NULL, v text);
         INSERT INTO $1 SELECT g, now() - interval '200 days', '$1' || g FROM generate_series(1, $2) g"
}

ids_of() { # TABLE (schema.table): ids in its settled archives
    local key
    "$ARCHIVER" -c "$CONF" list -t "$1" --json </dev/null | sed 's/.*"key": *"\([^"]*\)".*/\1/' |
        while read -r key; do
            "$ARCHIVER" -c "$CONF" cat "$key" --columns id --format csv </dev/null | tail -n +2
        done | tr -d '\r' | sort -n
}

test_01_equal_names_in_two_schemas_do_not_meet() {
    fresh
    config '      - {name: events, timestamp_column: at}
      - {name: events, schema: other, timestamp_column: at}'
    sql 'CREATE SCHEMA other'
    table public.events 20
    table other.events 30
    sql "UPDATE other.events SET at = at - interval '10 days' WHERE id > 22"
    ok archive
    ids_of public.events | cmp - <(seq 20)
    ids_of other.events | cmp - <(seq 30)
    ok verify
}

test_02_equal_database_names_on_two_servers_do_not_meet() {
    fresh
    table logs 10
    ok archive
    # another server with a database of the same name, the same label, the same store
    (
        own_server
        sql_on postgres "CREATE DATABASE $DB"
        table logs 10
        sed -i "s/port: .*/port: $PGPORT/" "$CONF"
        ok archive --json
        same "$(json "$OUT" '["records_archived"]')" 10
        ok recover --json
        same "$(json "$OUT" '["removed"]')" 0
    )
    "$TESTS/harness/pg.sh" stop "$WORK/server-$TEST"
    same "$(objects .jsonl.gz | wc -l)" 2
}

test_03_an_update_during_the_upload_is_not_lost() {
    fresh
    table logs 1000
    # the upload takes a second; the update waits for the transaction and finds its row gone
    ARCHIVER_FAULT=put.data=delay:1000 "$ARCHIVER" -c "$CONF" archive >"$DIR/out" 2>"$DIR/err" </dev/null &
    local pid=$!
    sleep 0.6
    sql "UPDATE logs SET v = 'changed' WHERE id = 5" || true
    wait $pid
    local rows archived
    rows=$(sql "SELECT count(*) FROM logs WHERE id = 5 AND v = 'changed'")
    archived=$(archived | grep -c '"id":5,' || true)
    same "$((rows + archived))" 1
    [ "$rows" = 1 ] || same "$(sql 'SELECT count(*) FROM logs WHERE id = 5')" 0
}

test_04_nothing_is_deleted_where_the_stored_object_is_damaged() {
    fresh
    table logs 200
    ARCHIVER_FAULT=dir.corrupt=flip exits 2 archive
    says "$ERR" 'the store holds something else than was written'
    same "$(sql 'SELECT count(*) FROM logs')" 200
}

test_05_batch_numbers_and_counts_begin_anew_with_every_run() {
    fresh
    config '' '  batch_size: 100'
    table logs 1200
    ok archive --json
    [ "$(json "$OUT" '["batches"]')" -ge 12 ]
    sql "INSERT INTO logs VALUES (5000, now() - interval '200 days', 'x'), (5001, now() - interval '200 days', 'x'), (5002, now() - interval '200 days', 'x')"
    sleep 1
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 3
    ok list --json
    same "$(tail -1 "$OUT" | grep -c '_batch_001')" 1
}

test_06_types_are_in_way_types() {
    grep -q 'path' "$TESTS/way/types.txt" && grep -q 'multirange' "$TESTS/way/types.txt"
}

test_07_columns_named_like_row_metadata_keep_their_values() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, _batch_id text, _archived_at text, _source_table int);
         INSERT INTO logs VALUES (1, now() - interval '200 days', 'mine', 'then', 7)"
    ok archive
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --columns _batch_id,_archived_at,_source_table
    same "$(cat "$OUT")" '{"_batch_id":"mine","_archived_at":"then","_source_table":7}'
}

test_08_what_leaves_can_come_back() {
    fresh
    sql "CREATE TABLE logs (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, \"a b-c\" text,
             d date[], b bytea, twice int GENERATED ALWAYS AS (2 * 21) STORED);
         INSERT INTO logs (at, \"a b-c\", d, b) VALUES (now() - interval '200 days', '2024-01-01T00:00:00Z', '{2024-01-01}', '\\x00')"
    ok archive
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --format csv --columns 'id,a b-c,d,b'
    same "$(tail -1 "$OUT" | tr -d '\r')" '1,2024-01-01T00:00:00Z,{2024-01-01},\x00'
}

test_09_rows_that_come_later_with_old_timestamps_are_archived() {
    fresh
    table logs 10
    ok archive
    sql "INSERT INTO logs SELECT g, now() - interval '900 days', 'late' FROM generate_series(11, 20) g"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 10
    same "$(sql 'SELECT count(*) FROM logs')" 0
}

# 10: tests/way/writers.sh, locked rows are passed over, counted and taken next time.

test_11_keys_of_any_type_go_on_in_the_next_run() {
    fresh
    config '' '  batch_size: 3'
    sql "CREATE TABLE logs (id text PRIMARY KEY, at timestamptz);
         INSERT INTO logs VALUES ('-1', now() - interval '200 days'), ('007', now() - interval '201 days'),
             ('99999999999999999999', now() - interval '202 days'), ('', now() - interval '203 days')"
    ok archive --limit 2
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 2
}

test_12_odd_values_block_nothing() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, d date, t time);
         INSERT INTO logs VALUES (1, '0044-03-15 BC', '0044-03-15 BC', '24:00'), (2, now() - interval '200 days', '12345-01-01', '00:00'),
             (3, '-infinity', 'infinity', NULL)"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 3
    ok verify
    ok list
}

test_12_a_foreign_key_stops_its_batch_and_leaves_no_orphan() {
    fresh
    table logs 50
    sql "CREATE TABLE child (log bigint REFERENCES logs (id)); INSERT INTO child VALUES (7)"
    run archive
    [ "$CODE" -ne 0 ] || fail "no error"
    says "$ERR" 'child'
    same "$(sql 'SELECT count(*) FROM logs')" 50
    ok verify
    same "$(objects _batch_ | wc -l)" 0
    sql "DROP TABLE child; CREATE TABLE child (log bigint REFERENCES logs (id) ON DELETE CASCADE); INSERT INTO child VALUES (7)"
    exits 3 archive
    says "$ERR" 'ON DELETE CASCADE'
    same "$(sql 'SELECT count(*) FROM child')" 1
}

test_12_a_configured_key_that_is_not_unique_is_no_obstacle() {
    fresh
    config '      - {name: logs, timestamp_column: at, primary_key: v}'
    sql "CREATE TABLE logs (v text, at timestamptz); INSERT INTO logs SELECT 'same', now() - interval '200 days' FROM generate_series(1, 30)"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 30
}

# 13: tests/way/writers.sh, a second run exits 4 and says who holds the table.

test_14_what_fails_is_no_success() {
    fresh
    exits 3 archive
    table logs 10
    ok archive
    rm "$(objects .jsonl.gz)"
    exits 1 verify
    says "$OUT" missing_data
}

test_15_legal_holds_that_cannot_be_kept_stop_everything() {
    fresh
    table logs 10
    printf 'legal_holds:\n  enabled: true\n  check_table: holds\n' >>"$CONF"
    exits 3 archive
    says "$ERR" 'legal_holds'
    same "$(sql 'SELECT count(*) FROM logs')" 10
}

test_16_a_dry_run_writes_nothing() {
    fresh
    table logs 10
    ok archive --dry-run
    same "$(objects '' | wc -l)" 0
}

test_18_encryption_that_is_not_done_is_refused() {
    fresh
    table logs 10
    printf 'encryption:\n  enabled: true\n' >>"$CONF"
    exits 3 archive
    same "$(sql 'SELECT count(*) FROM logs')" 10
}

test_19_keys_without_effect_are_said() {
    fresh
    table logs 10
    sed -i 's/^version: .*/version: "2.0"/' "$CONF"
    printf 'monitoring:\n  health_check_port: 8080\n' >>"$CONF"
    ok config validate
    says "$ERR" 'has no effect'
}

test_20_a_manifest_that_cannot_be_written_keeps_the_rows() {
    fresh
    table logs 10
    ARCHIVER_FAULT=put.manifest=fail exits 2 archive
    same "$(sql 'SELECT count(*) FROM logs')" 10
    same "$(objects _batch_ | wc -l)" 0
}

test_22_tables_whose_names_begin_alike_do_not_mix() {
    fresh
    config '      - {name: audit_s, timestamp_column: at}
      - {name: audit_s_extra, timestamp_column: at}'
    table audit_s 5
    table audit_s_extra 7
    ok archive
    ids_of audit_s | cmp - <(seq 5)
    ids_of audit_s_extra | cmp - <(seq 7)
}

test_27_passwords_may_hold_any_character() {
    fresh
    table logs 10
    sql "DROP ROLE IF EXISTS pw_user"
    sql "CREATE ROLE pw_user LOGIN SUPERUSER PASSWORD 'a@b/c#d:e%f''g\"h\\ i'"
    sed -i 's/user: .*/user: pw_user\n    password_env: DB_PASSWORD/' "$CONF"
    DB_PASSWORD="a@b/c#d:e%f'g\"h\\ i" ok archive
    sql "DROP ROLE pw_user"
}

run_tests
