#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# How large a batch is: by its rows, its time, and what went wrong.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

place() { # DEFAULTS BODY-OF-A-TRIGGER
    fresh
    config '' "$1"
    logs 4000
    all_ids "$DIR/all"
    sql "CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $2; RETURN OLD; END \$\$;
         CREATE TRIGGER hinder BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION hinder()"
}

# Rows of each archive in the order in which they were made, a line each, in $DIR/batches.
batches() {
    "$ARCHIVER" -c "$CONF" list --json 2>"$DIR/list.err" | python3 -c 'import json, sys
made = [json.loads(line) for line in sys.stdin]
for o in sorted(made, key=lambda o: o["key"]): print(o["records"])' >"$DIR/batches"
}

batch() { # NUMBER
    sed -n "$1p" "$DIR/batches"
}

largest() { # FROM-BATCH
    sed -n "$1,\$p" "$DIR/batches" | sort -n | tail -1
}

# What a statement timeout answers, for a transaction of more than 150 rows.
TIMES_OUT="PERFORM set_config('test.n', (coalesce(nullif(current_setting('test.n', true), ''), '0')::int + 1)::text, true);
    IF current_setting('test.n')::int > 150 THEN
        RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014';
    END IF"

test_a_timeout_halves_the_batch_and_the_table_goes_on() {
    place '  batch_size: 1000' "$TIMES_OUT"
    ok archive --json
    same "$(json "$OUT" '["status"]')" success
    says "$ERR" 'due to statement timeout'
    says "$ERR" 'appdb.public.logs: the next batch takes 500 rows at most'
    batches
    same "$(batch 1)" 125
    [ "$(largest 1)" -le 150 ] || fail 'a batch above what goes'
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
    balanced "$DIR/all"
    exits 0 verify --json
    same "$(json "$OUT" '["orphans"]')" '[]'
}

test_a_table_that_always_times_out_is_given_up() {
    place '  batch_size: 1000' "RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014'"
    exits 2 archive
    says "$ERR" 'due to statement timeout'
    same "$(sql 'SELECT count(*) FROM logs')" 4000
    same "$(objects .jsonl | wc -l)" 0
}

# 2 ms a row: in half a second go 250 of them, on a machine with much to do fewer.
test_slow_rows_make_smaller_batches() {
    place '  batch_size: 1000
  batch_seconds: 0.5' 'PERFORM pg_sleep(0.002)'
    ok archive
    batches
    same "$(batch 1)" 1000
    [ "$(largest 2)" -le 250 ] || fail "$(xargs <"$DIR/batches")"
    balanced "$DIR/all"
}

test_time_may_not_matter() {
    place '  batch_size: 1000
  batch_seconds: 0' 'PERFORM pg_sleep(0.001)'
    ok archive
    batches
    same "$(batch 1)" 1000
    same "$(wc -l <"$DIR/batches")" 2
    balanced "$DIR/all"
}

run_tests
