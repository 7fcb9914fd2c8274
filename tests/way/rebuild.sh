#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The catalog is lost and comes back from the bucket alone: the same list, and nothing settled that
# was not.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# That rows were restored stood in the catalog alone.
list_to() { # FILE
    ok list --json
    sed 's/,"restored_at":[^,}]*//' "$OUT" >"$1"
}

lose_catalog() {
    find "$STORE" -path '*/_catalog/*' -type f -delete
}

three_runs() {
    config '' '  batch_size: 200'
    logs 2700
    ok archive --limit 200
    ok archive --limit 150
    ok archive
}

# Another timeline: its transactions cannot be asked any more.
forget_transactions() {
    objects .metadata.json | xargs sed -i 's/"timeline": "[0-9A-F]*"/"timeline": "000000EE"/'
}

test_the_list_is_what_it_was() {
    fresh
    three_runs
    list_to "$DIR/before"
    same "$(wc -l <"$DIR/before")" "$(objects .jsonl.gz | wc -l)"
    lose_catalog
    ok list --json
    same "$(grep -c '"state":"pending"' "$OUT")" "$(wc -l <"$DIR/before")"
    ok recover --rebuild-catalog --json
    same "$(json "$OUT" '["settled"]')" "$(wc -l <"$DIR/before")"
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
    ok verify
    # a second time there is nothing to do
    ok recover --rebuild-catalog --json
    same "$(json "$OUT" '["batches"]')" '[]'
    sql "INSERT INTO logs (at) SELECT now() - interval '1 year' FROM generate_series(1, 30)"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 30
    ok verify
}

test_a_batch_that_was_rolled_back_is_not_settled() {
    fresh
    three_runs
    sql "INSERT INTO logs (at) SELECT now() - interval '1 year' FROM generate_series(1, 30)"
    list_to "$DIR/before"
    # dies with all objects there and COMMIT not sent
    ARCHIVER_FAULT=archive.before_commit=kill run archive
    [ "$CODE" -ne 0 ]
    # the dead program's session may hold its lock for a moment
    while [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'archiver-tui%' AND datname = '$DB'")" -gt 0 ]; do
        sleep 0.1
    done
    lose_catalog
    exits 1 recover --rebuild-catalog --json
    same "$(json "$OUT" '["settled"]')" "$(wc -l <"$DIR/before")"
    same "$(json "$OUT" '["removed"]')" 0
    same "$(json "$OUT" '["left"]')" 1
    ok list --json
    same "$(grep -c '"state":"pending"' "$OUT")" 1
    ok recover --json
    same "$(json "$OUT" '["removed"]')" 1
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 30
    ok verify
}

test_without_the_transaction_the_keys_decide() {
    fresh
    config '' '  batch_size: 200'
    logs 2700
    ok archive
    list_to "$DIR/before"
    lose_catalog
    forget_transactions
    # the rows of the first batch are in the table: was it rolled back, or restored?
    local key
    key=$(json <(head -1 "$DIR/before") '["key"]')
    ok cat "$key" --columns id,at,level,body,ip --format csv
    psql -Xq -d "$DB" -c "\\copy logs (id, at, level, body, ip) FROM '$OUT' (FORMAT csv, HEADER)"
    exits 1 recover --rebuild-catalog --json
    same "$(json "$OUT" '["left"]')" 1
    same "$(json "$OUT" '["removed"]')" 0
    same "$(json "$OUT" '["settled"]')" $(($(wc -l <"$DIR/before") - 1))
    # the ledger of restores knows
    sql "CREATE SCHEMA archiver_tui;
         CREATE TABLE archiver_tui.archiver_restored (schema_name text, table_name text, archive_key text);
         INSERT INTO archiver_tui.archiver_restored VALUES ('public', 'logs', '$key')"
    ok recover --rebuild-catalog --json
    same "$(json "$OUT" '["settled"]')" 1
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
}

test_rows_archived_restored_and_archived_again() {
    fresh
    logs 2700
    ok archive
    local key
    key=$(objects .jsonl.gz | sed "s#^$STORE/##")
    ok restore "$key"
    sleep 1.1 # another second, another name
    ok archive --include-restored
    list_to "$DIR/before"
    lose_catalog
    forget_transactions
    ok recover --rebuild-catalog
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
}

test_a_damaged_part_of_the_catalog_is_set_aside() {
    fresh
    three_runs
    list_to "$DIR/before"
    local part
    part=$(objects _catalog/ | head -1)
    truncate -s -5 "$part"
    exits 2 list
    says "$ERR" 'a catalog line is damaged'
    ok recover --rebuild-catalog
    [ -f "$part.damaged" ] && [ ! -f "$part" ]
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
    ok verify
}

test_without_a_database_whole_batches_are_settled() {
    fresh
    three_runs
    list_to "$DIR/before"
    lose_catalog
    sed -i 's/port: .*/port: 1/' "$CONF"
    exits 7 recover --rebuild-catalog
    exits 2 recover --offline
    says "$ERR" '--offline goes with --rebuild-catalog'
    # one is not whole: its data object is cut short
    local cut
    cut=$(objects .jsonl.gz | tail -1)
    cp "$cut" "$DIR/whole"
    truncate -s -1 "$cut"
    exits 1 recover --rebuild-catalog --offline
    says "$OUT" 'its data object has another size than its metadata says'
    says "$OUT" 'no database was asked'
    cp "$DIR/whole" "$cut"
    ok recover --rebuild-catalog --offline
    list_to "$DIR/after"
    cmp "$DIR/before" "$DIR/after"
}

run_tests
