#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Indexes that an interrupted restore left set aside: recover and every run put them back.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# As if a restore had dropped the index on logs (at) and been killed.
set_aside() {
    sql "CREATE SCHEMA archiver_tui;
         CREATE TABLE archiver_tui.archiver_set_aside (schema_name text, table_name text,
             index_name text, definition text, tablespace text, comment text,
             clustered boolean, set_by text DEFAULT current_user, set_at timestamptz DEFAULT now());
         INSERT INTO archiver_tui.archiver_set_aside
         SELECT schemaname, tablename, indexname, indexdef, NULL, 'by time', false
         FROM pg_indexes WHERE indexname = 'logs_at_idx';
         DROP INDEX logs_at_idx"
}

is_back() {
    same "$(sql "SELECT indexdef, obj_description('logs_at_idx'::regclass) FROM pg_indexes
                 WHERE indexname = 'logs_at_idx'")" \
        'CREATE INDEX logs_at_idx ON public.logs USING btree (at)|by time'
    same "$(sql "SELECT count(*) FROM archiver_tui.archiver_set_aside")" 0
}

test_recover_puts_indexes_back() {
    fresh
    logs 10
    set_aside
    ok recover
    says "$OUT" '1 indexes that a restore had set aside are put back, 0 left'
    is_back
    ok recover --json
    same "$(json "$OUT" '["indexes_put_back"]')" 0
}

# A restore may go into a table that is not in the configuration.
test_recover_puts_indexes_of_other_tables_back() {
    fresh
    logs 10
    sql "CREATE TABLE \"Side\" AS SELECT * FROM logs; CREATE INDEX side_i ON \"Side\" (level)"
    set_aside
    sql "INSERT INTO archiver_tui.archiver_set_aside
         SELECT schemaname, tablename, indexname, indexdef, NULL, NULL, false
         FROM pg_indexes WHERE indexname = 'side_i';
         DROP INDEX side_i"
    ok recover
    says "$OUT" '2 indexes that a restore had set aside are put back, 0 left'
    is_back
    same "$(sql "SELECT to_regclass('side_i')")" side_i
}

test_a_run_puts_indexes_back_first() {
    fresh
    logs 3000
    set_aside
    ok archive
    is_back
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '92 days'")" 0
}

test_an_index_that_cannot_come_back_is_said_and_stops_nothing() {
    fresh
    logs 3000
    set_aside
    sql "CREATE INDEX logs_at_idx ON logs (at DESC)"
    exits 1 recover
    says "$OUT" '0 indexes that a restore had set aside are put back, 1 left'
    says "$ERR" 'index "logs_at_idx" of "public"."logs" is not put back: something else has its name'
    ok archive
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '92 days'")" 0
    same "$(sql "SELECT count(*) FROM archiver_tui.archiver_set_aside")" 1
}

run_tests
