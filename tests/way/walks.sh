#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The ways to walk a table: which one is taken, what each takes, and what others do meanwhile.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# As `logs`, in no order of time and without an index; $2: old rows have a timestamp of this one.
heap() { # ROWS
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz NOT NULL, body text);
         INSERT INTO logs SELECT g, now() - (g * 7919 % $1 + 1) * interval '1 hour', repeat('x', g % 90)
         FROM generate_series(1, $1) g;
         ANALYZE logs"
    all_ids "$DIR/all"
}

old_rows() {
    sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'"
}

way() { # the way of the first table in the last run's report
    json "$OUT" '["tables"][0]["strategy"]'
}

retain() { # DAYS
    sed -i "s/retention_days: .*/retention_days: $1/" "$CONF"
}

strategy() { # NAME [MORE-DEFAULTS]
    config '' "  strategy: $1
${2:-}"
}

# --- which one ---

test_without_an_index_the_heap_is_walked() {
    fresh
    heap 3000
    ok archive --dry-run --json
    same "$(way)" heap
    same "$(json "$OUT" '["tables"][0]["reason"]')" 'no index starts with at: blocks in their order'
    ok archive --dry-run
    says "$OUT" 'heap walk: no index starts with at'
    ok archive --json -v
    says "$ERR" 'heap walk: no index starts with at'
    same "$(old_rows)" 0
    balanced "$DIR/all"
}

test_where_most_rows_leave_the_heap_is_walked() {
    fresh
    logs 3000
    ok archive --dry-run --json
    same "$(way)" index
    retain 1
    ok archive --dry-run --json
    same "$(way)" heap
    [[ $(json "$OUT" '["tables"][0]["reason"]') == 'about 9'?' % of the rows leave: blocks in their order' ]]
}

test_the_strategy_is_as_configured() {
    fresh
    logs 3000
    all_ids "$DIR/all"
    strategy heap
    ok archive --json
    same "$(way)" heap
    same "$(json "$OUT" '["records_archived"]')" 817
    balanced "$DIR/all"
    same "$(jq -r .strategy "$(objects .metadata.json)")" heap
    strategy index
    retain 1
    ok archive --json
    same "$(way)" index
    balanced "$DIR/all"
}

test_index_order_without_an_index_is_refused() {
    fresh
    heap 3000
    strategy index
    exits 3 archive
    says "$ERR" 'strategy: index is not possible'
    says "$ERR" 'CREATE INDEX CONCURRENTLY ON "public"."logs" ("at")'
    same "$(sql 'SELECT count(*) FROM logs')" 3000
}

# --- heap range ---

test_batches_of_a_heap_are_of_the_size_asked_for() {
    fresh
    config '' '  batch_size: 500'
    retain 1
    heap 20000
    ok archive --json
    same "$(way)" heap
    same "$(old_rows)" 0
    balanced "$DIR/all"
    "$ARCHIVER" -c "$CONF" list --json 2>/dev/null | jq .records >"$DIR/sizes"
    [ "$(sort -n "$DIR/sizes" | tail -1)" -le 500 ] || fail "a batch of $(sort -n "$DIR/sizes" | tail -1)"
    [ "$(wc -l <"$DIR/sizes")" -le 60 ] || fail "$(wc -l <"$DIR/sizes") batches"
}

test_a_heap_that_was_never_analysed_is_walked() {
    fresh
    config '' '  batch_size: 500'
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, body text);
         INSERT INTO logs SELECT g, now() - interval '1 year', '' FROM generate_series(1, 9000) g
             WHERE g < 200 OR g > 8000"
    all_ids "$DIR/all"
    ok archive --json
    same "$(way)" heap
    same "$(sql 'SELECT count(*) FROM logs')" 0
    balanced "$DIR/all"
}

test_rows_without_a_timestamp_stay() {
    fresh
    heap 1000
    sql "ALTER TABLE logs ALTER at DROP NOT NULL; UPDATE logs SET at = NULL WHERE id % 10 = 0"
    retain 1
    ok archive
    same "$(sql 'SELECT count(*) FROM logs WHERE at IS NULL')" 100
    balanced "$DIR/all"
}

test_locked_rows_of_a_heap_are_passed_over_counted_and_taken_next_time() {
    fresh
    config '' '  batch_size: 100'
    heap 3000
    local old
    old=$(old_rows)
    in_background "BEGIN; SELECT count(*) FROM (SELECT FROM logs WHERE id BETWEEN 1001 AND 1200
                       AND at < now() - interval '91 days' LIMIT 20 FOR UPDATE) x; SELECT pg_sleep(4); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    ok archive --json
    same "$(way)" heap
    same "$(json "$OUT" '["tables"][0]["skipped_locked"]')" 20
    same "$(json "$OUT" '["records_archived"]')" $((old - 20))
    wait $BACKGROUND
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 20
    balanced "$DIR/all"
}

test_a_role_that_may_not_lock_walks_a_heap_too() {
    fresh
    config '' '  batch_size: 200'
    heap 3000
    sql "DROP ROLE IF EXISTS plain_$DB; CREATE ROLE plain_$DB LOGIN; GRANT SELECT, DELETE ON logs TO plain_$DB"
    sed -i "s/user: .*/user: plain_$DB/" "$CONF"
    ok archive --json
    same "$(way)" heap
    same "$(old_rows)" 0
    balanced "$DIR/all"
    sql "DROP OWNED BY plain_$DB; DROP ROLE plain_$DB"
}

# Updates move rows to blocks that were passed, inserts come behind the end: the last sweep has them.
test_rows_that_come_and_move_meanwhile_are_in_one_place() {
    fresh
    strategy heap '  batch_size: 100'
    logs 3000
    sql "ALTER TABLE logs ADD n int NOT NULL DEFAULT 0"
    cat >"$DIR/write.sql" <<'SQL'
\set id random(2000, 3000)
\set days random(0, 200)
UPDATE logs SET n = n + 1 WHERE id = :id;
INSERT INTO logs (at, level) VALUES (now() - :days * interval '1 day', 'new');
SQL
    pgbench -n -c 3 -T 2 -f "$DIR/write.sql" "$DB" >"$DIR/pgbench.out" 2>&1 &
    local bench=$!
    sleep 0.2
    ok archive
    wait $bench
    ok archive
    same "$(old_rows)" 0
    seq "$(sql 'SELECT last_value FROM logs_id_seq')" >"$DIR/all"
    balanced "$DIR/all"
}

# --- trees ---

two_levels() { # as of a table of 400 days: months, the first of them by list, and a default
    sql "CREATE TABLE logs (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$(date -u -d '-200 days' +%F)')
             PARTITION BY LIST (id);
         CREATE TABLE logs_old_1 PARTITION OF logs_old FOR VALUES IN ($(seq -s, 2 2 400));
         CREATE TABLE logs_old_2 PARTITION OF logs_old DEFAULT;
         CREATE TABLE logs_mid PARTITION OF logs FOR VALUES FROM ('$(date -u -d '-200 days' +%F)')
             TO ('$(date -u -d '-80 days' +%F)');
         CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT g, now() - g * interval '1 day' FROM generate_series(1, 400) g"
    all_ids "$DIR/all"
}

test_each_leaf_of_a_tree_is_walked_by_itself() {
    fresh
    config '' '  batch_size: 30'
    two_levels
    ok archive --json
    same "$(way)" heap
    same "$(json "$OUT" '["records_archived"]')" 310
    balanced "$DIR/all"
    ok verify
}

test_a_tree_by_inheritance_is_walked() {
    fresh
    config '' '  batch_size: 30'
    sql "CREATE TABLE logs (id int, at timestamptz);
         CREATE TABLE logs_1 () INHERITS (logs);
         CREATE TABLE logs_2 () INHERITS (logs_1);
         INSERT INTO logs SELECT g, now() - g * interval '1 day' FROM generate_series(1, 200) g;
         INSERT INTO logs_1 SELECT g, now() - g * interval '1 day' FROM generate_series(201, 300) g;
         INSERT INTO logs_2 SELECT g, now() - g * interval '1 day' FROM generate_series(301, 400) g"
    all_ids "$DIR/all"
    ok archive --json
    same "$(way)" heap
    same "$(json "$OUT" '["records_archived"]')" 310
    balanced "$DIR/all"
}

run_tests
