#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The way out and what a reader finds there: rows leave the table, arrive, and are all accounted for.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

test_old_rows_leave_and_young_rows_stay() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    sql "SELECT id FROM logs WHERE at < now() - interval '91 days' ORDER BY id" >"$DIR/old"
    ok archive --json
    same "$(json "$OUT" '["status"]')" success
    same "$(json "$OUT" '["records_archived"]')" "$(wc -l <"$DIR/old")"
    same "$(json "$OUT" '["tables"][0]["eligible"]')" "$(wc -l <"$DIR/old")"
    archived_ids >"$DIR/gone"
    cmp "$DIR/gone" "$DIR/old"
    balanced "$DIR/all"
    ok verify
}

test_several_batches_are_each_an_object() {
    fresh
    config '' '  batch_size: 100'
    logs 2700
    all_ids "$DIR/all"
    ok archive --json
    same "$(json "$OUT" '["batches"]')" 6
    same "$(objects .jsonl.gz | wc -l)" 6
    same "$(objects .metadata.json | wc -l)" 6
    same "$(objects .manifest.json | wc -l)" 6
    balanced "$DIR/all"
}

test_a_second_run_finds_nothing_to_do() {
    fresh
    logs 3000
    ok archive
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
    same "$(json "$OUT" '["tables"][0]["status"]')" success
}

test_a_dry_run_counts_and_changes_nothing() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    ok archive --dry-run --json
    same "$(json "$OUT" '["tables"][0]["eligible"]')" \
        "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")"
    same "$(json "$OUT" '["records_archived"]')" 0
    same "$(objects '' | wc -l)" 0
    balanced "$DIR/all"
}

test_the_limit_is_exact_and_takes_the_oldest() {
    fresh
    config '' '  batch_size: 100'
    logs 3000
    ok archive --limit 250 --json
    same "$(json "$OUT" '["records_archived"]')" 250
    archived_ids >"$DIR/gone"
    seq 2751 3000 | cmp - "$DIR/gone"
}

test_dates_bound_what_leaves() {
    fresh
    logs 4000
    local from to
    from=$(date -u -d '-120 days' +%F)
    to=$(date -u -d '-110 days' +%F)
    sql "SELECT id FROM logs WHERE at >= '$from' AND at < '$to' ORDER BY id" >"$DIR/wanted"
    ok archive --start-date "$from" --end-date "$to"
    archived_ids | cmp - "$DIR/wanted"
    [ "$(wc -l <"$DIR/wanted")" -eq 240 ]
}

test_an_end_date_never_goes_past_the_cutoff() {
    fresh
    logs 3000
    ok archive --end-date 2100-01-01 --json
    same "$(json "$OUT" '["records_archived"]')" "$((3000 - 91 * 24 + 1))"
}

test_a_filter_keeps_what_it_does_not_name() {
    fresh
    config "      - name: logs
        timestamp_column: at
        where: \"level = 'info' -- not the others\""
    logs 3000
    all_ids "$DIR/all"
    ok archive
    same "$(sql "SELECT count(*) FROM logs WHERE level = 'info' AND at < now() - interval '91 days'")" 0
    balanced "$DIR/all"
    [ "$(archived_ids | wc -l)" -gt 100 ]
}

test_a_filter_cannot_undo_the_cutoff() {
    fresh
    config "      - name: logs
        timestamp_column: at
        where: \"true) OR (true\""
    logs 3000
    exits 3 archive
    says "$ERR" 'where: the server does not take this filter'
    same "$(sql 'SELECT count(*) FROM logs')" 3000
}

test_an_empty_table_is_a_success() {
    fresh
    logs 0
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
    same "$(objects '_batch_' | wc -l)" 0
}

test_composite_keys_quoted_names_and_reserved_words() {
    fresh
    config '      - schema: "My Schema"
        name: "select"
        timestamp_column: "from"'
    sql "CREATE SCHEMA \"My Schema\";
         CREATE TABLE \"My Schema\".\"select\" (\"group\" int, \"or\"\"der\" text, \"from\" timestamptz,
             \"_batch_id\" text, \"_json_null\" jsonb, PRIMARY KEY (\"group\", \"or\"\"der\"));
         INSERT INTO \"My Schema\".\"select\"
         SELECT g, 'o\"' || g, now() - interval '1 year', 'mine', 'null' FROM generate_series(1, 50) g"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 50
    ok verify
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --limit 1
    same "$(json "$OUT" '["_batch_id"]')" mine
    same "$(json "$OUT" '["__json_null"]')" "['_json_null']"
    same "$(json "$(objects .manifest.json)" '["primary_keys"][0]' | wc -w)" 2
}

test_a_table_without_key() {
    fresh
    sql "CREATE TABLE logs (at timestamptz, text text);
         INSERT INTO logs SELECT now() - interval '1 year', NULL FROM generate_series(1, 500)"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 500
    ok verify
    same "$(sql 'SELECT count(*) FROM logs')" 0
}

test_sixteen_hundred_columns() {
    fresh
    sql "DO \$\$ BEGIN EXECUTE 'CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, '
             || (SELECT string_agg('c' || g || ' int', ', ') FROM generate_series(1, 1598) g) || ')';
         END \$\$;
         INSERT INTO logs (id, at, c1, c1598) SELECT g, now() - interval '1 year', g, -g
         FROM generate_series(1, 20) g"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 20
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --limit 1 --columns c1598,c2
    same "$(cat "$OUT")" '{"c1598":-1,"c2":null}'
    ok verify
}

test_values_of_a_hundred_megabytes() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, big text);
         INSERT INTO logs VALUES (1, now() - interval '1 year', repeat('0123456789', 10000000)),
             (2, now() - interval '1 year', 'small')"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 2
    ok verify
    ok cat "$(objects .jsonl.gz | sed "s#^$STORE/##")" --columns big --format csv --limit 1
    same "$(tail -n +2 "$OUT" | tr -d '\r\n' | wc -c)" 100000000
}

test_the_other_types_of_time() {
    local type value
    for type in timestamp date bigint; do
        TEST=time_$type
        fresh
        value="now() - g * interval '1 day'"
        # a minute to spare, where what is stored is rounded
        [ $type = date ] || value="$value - interval '1 minute'"
        [ $type != bigint ] || value="extract(epoch FROM $value)::bigint"
        sql "CREATE TABLE logs (id int PRIMARY KEY, at $type);
             CREATE INDEX ON logs (at);
             INSERT INTO logs SELECT g, $value FROM generate_series(1, 200) g"
        all_ids "$DIR/all"
        ok archive --json
        # 91 days old to the moment, or the day: the row of that very day stays where it is a date
        case $type in
        date) same "$(json "$OUT" '["records_archived"]')" 109 "$type" ;;
        *) same "$(json "$OUT" '["records_archived"]')" 110 "$type" ;;
        esac
        balanced "$DIR/all"
    done
}

test_partitions_and_children_are_walked() {
    fresh
    sql "CREATE TABLE logs (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$(date -u -d '-200 days' +%F)')
             PARTITION BY LIST (id);
         CREATE TABLE logs_old_1 PARTITION OF logs_old DEFAULT;
         CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT g, now() - g * interval '1 day' FROM generate_series(1, 400) g"
    all_ids "$DIR/all"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 310
    balanced "$DIR/all"
    ok verify
}

test_an_unknown_table_fails_and_the_others_go_on() {
    fresh
    config '      - name: lgos
        timestamp_column: at
      - name: logs
        timestamp_column: at'
    logs 3000
    exits 1 archive --json
    same "$(json "$OUT" '["status"]')" partial
    same "$(json "$OUT" '["tables"][0]["status"]')" failure
    same "$(json "$OUT" '["tables"][0]["error"]["code"]')" preflight
    same "$(json "$OUT" '["tables"][0]["error"]["hint"]')" 'did you mean "logs"?'
    same "$(json "$OUT" '["tables"][1]["records_archived"]')" 817
}

run_tests
