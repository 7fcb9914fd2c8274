#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The ways to walk a table: which one is taken, what each takes, and what others do meanwhile.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# As `logs`, in no order of time and without an index; $2: old rows have a timestamp of this one.
heap() { # ROWS; of more blocks than are read as one range
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz NOT NULL, body text) WITH (fillfactor = 15);
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
    [ "$(sort -n "$DIR/sizes" | tail -1)" -le 550 ] || fail "a batch of $(sort -n "$DIR/sizes" | tail -1)"
    [ "$(wc -l <"$DIR/sizes")" -le 55 ] || fail "$(wc -l <"$DIR/sizes") batches"
}

test_batches_of_a_small_heap_are_full() {
    fresh
    config '' '  batch_size: 100'
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz);
         INSERT INTO logs SELECT g, now() - interval '1 year' FROM generate_series(1, 1000) g"
    all_ids "$DIR/all"
    ok archive --json
    same "$(way) $(json "$OUT" '["batches"]')" 'heap 10'
    balanced "$DIR/all"
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

test_a_limit_is_kept_to_the_row() {
    fresh
    config '' '  batch_size: 100'
    retain 1
    heap 3000
    ok archive --json --limit 250
    same "$(way) $(json "$OUT" '["records_archived"]')" 'heap 250'
    balanced "$DIR/all"
}

# Few rows leave of each range, then all of them: neither small batches nor one that is too large.
test_ranges_are_as_wide_as_rows_are_sparse() {
    fresh
    config '' '  batch_size: 200'
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, body char(200) DEFAULT '');
         INSERT INTO logs SELECT g, CASE WHEN g > 9000 OR g % 100 = 0 THEN now() - interval '1 year' ELSE now() END
             FROM generate_series(1, 12000) g;
         ANALYZE logs"
    all_ids "$DIR/all"
    ok archive --json
    same "$(way)" heap
    same "$(old_rows)" 0
    balanced "$DIR/all"
    "$ARCHIVER" -c "$CONF" list --json 2>/dev/null | jq .records >"$DIR/sizes"
    [ "$(sort -n "$DIR/sizes" | tail -1)" -le 220 ] || fail "a batch of $(sort -n "$DIR/sizes" | tail -1)"
    [ "$(wc -l <"$DIR/sizes")" -le 30 ] || fail "$(wc -l <"$DIR/sizes") batches"
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

# A table of 400 days, five rows a block: a partition of two levels and one of its defaults, a
# partition that the cutoff is in, a default.
two_levels() {
    local border
    border=$(date -u -d '-200 days' +%F)
    sql "CREATE TABLE logs (id int, at timestamptz, body char(1500) DEFAULT '', PRIMARY KEY (id, at))
             PARTITION BY RANGE (at);
         CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$border') PARTITION BY LIST (id);
         CREATE TABLE logs_old_1 PARTITION OF logs_old FOR VALUES IN ($(seq -s, 2 2 600));
         CREATE TABLE logs_old_2 PARTITION OF logs_old DEFAULT;
         CREATE TABLE logs_mid PARTITION OF logs FOR VALUES FROM ('$border') TO ('$(date -u -d '-80 days' +%F)');
         CREATE TABLE logs_rest PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT g, now() - g * interval '1 day' FROM generate_series(1, 400) g"
    all_ids "$DIR/all"
    rows_are_of_old
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

# --- whole partitions ---

leaves() { # names of the tables in the tree that hold rows
    sql "SELECT string_agg(relid::regclass::text, ' ' ORDER BY relid::regclass::text)
             FROM pg_partition_tree('logs') WHERE isleaf AND relid <> 'logs'::regclass"
}

reason() {
    json "$OUT" '["tables"][0]["reason"]'
}

# Nothing was dropped and all old rows are archived all the same; $1: the log says why.
stayed() {
    same "$(leaves)" 'logs_mid logs_old_1 logs_old_2 logs_rest'
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 0
    says "$ERR" "$1"
}

# The one that comes first holds nothing: what comes behind it leaves whole all the same.
test_an_empty_partition_does_not_begin_the_next_one_by_rows() {
    fresh
    strategy partition '  batch_size: 30'
    sql "CREATE TABLE logs (id int, at timestamptz, body char(1500) DEFAULT '', PRIMARY KEY (id, at))
             PARTITION BY RANGE (at);
         CREATE TABLE logs_a PARTITION OF logs DEFAULT;
         CREATE TABLE logs_old PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$(date -u -d '-200 days' +%F)');
         INSERT INTO logs SELECT g, now() - g * interval '1 day' FROM generate_series(210, 400) g"
    all_ids "$DIR/all"
    rows_are_of_old
    ok archive --json -v
    same "$(json "$OUT" '["records_archived"]')" 191
    says "$ERR" 'partition public.logs_old left whole: 191 rows in '
    same "$(sql "SELECT to_regclass('logs_old') IS NULL")" t
    # nothing died where rows are left, so that there is nothing to vacuum
    same "$(json "$OUT" '["tables"][0]["space"]["vacuumed"]')" False
    balanced "$DIR/all"
}

test_old_partitions_leave_whole_and_are_dropped() {
    fresh
    strategy partition '  batch_size: 30'
    two_levels
    ok archive --dry-run --json
    same "$(way)" partition
    [[ $(reason) == '1 of 4 partitions leave whole; of the others, '* ]] || fail "$(reason)"
    same "$(leaves)" 'logs_mid logs_old_1 logs_old_2 logs_rest'
    ok archive --json -v
    same "$(json "$OUT" '["records_archived"]')" 310
    same "$(leaves)" 'logs_mid logs_old_2 logs_rest'
    same "$(sql "SELECT to_regclass('logs_old_1') IS NULL")" t
    says "$ERR" 'partition public.logs_old_1 left whole: 100 rows in '
    balanced "$DIR/all"
    ok verify --json --keys all
    same "$(json "$OUT" '["problems"]')" '[]'
    ok recover --json
    same "$(json "$OUT" '["settled"]') $(json "$OUT" '["removed"]')" '0 0'
}

test_all_objects_of_a_partition_share_its_transaction() {
    fresh
    strategy partition '  batch_size: 20'
    two_levels
    ok archive
    objects .metadata.json | xargs jq -r 'select(.strategy == "partition") | .source.txid' >"$DIR/txids"
    [ "$(wc -l <"$DIR/txids")" -ge 4 ] || fail "$(wc -l <"$DIR/txids") objects"
    same "$(sort -u "$DIR/txids" | wc -l)" 1 transactions
    same "$(sql "SELECT txid_status($(head -1 "$DIR/txids"))")" committed
    objects .metadata.json | xargs jq -r .table_ddl >"$DIR/ddl"
    says "$DIR/ddl" 'CREATE TABLE "public"."logs_old_1" PARTITION OF "public"."logs_old" FOR VALUES IN (2'
    "$ARCHIVER" -c "$CONF" list --json 2>/dev/null | jq .records >"$DIR/sizes"
    [ "$(sort -n "$DIR/sizes" | tail -1)" -le 30 ] || fail "an object of $(sort -n "$DIR/sizes" | tail -1) rows"
}

test_a_table_may_lose_all_its_partitions() {
    fresh
    strategy partition
    sql "CREATE TABLE logs (id int, at timestamptz) PARTITION BY RANGE (at);
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
         CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
         INSERT INTO logs SELECT g, '2019-12-31' FROM generate_series(1, 50) g;
         INSERT INTO logs SELECT g, '2020-12-31' FROM generate_series(51, 100) g"
    all_ids "$DIR/all"
    rows_are_of_old
    ok archive --json
    same "$(json "$OUT" '["tables"][0]["size_after"]')" 0
    same "$(reason)" 'all of 2 partitions leave whole'
    same "$(leaves)" ''
    balanced "$DIR/all"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
    ok check
}

start_run() { # returns when it reads a partition that is to leave whole, object by object
    "$ARCHIVER" -c "$CONF" archive -v >"$DIR/out" 2>"$DIR/err" </dev/null &
    RUN=$!
    ERR=$DIR/err
    held "application_name LIKE 'archiver-tui%' AND query LIKE 'COPY (SELECT%'"
}

# STATEMENTS: done by others while the partition is read. EMPTY_PLACE: a row that goes before.
meanwhile() {
    fresh
    strategy partition '  batch_size: 10
  lock_timeout_seconds: 1
  sleep_between_batches: 0.1'
    two_levels
    if [ -n "${EMPTY_PLACE:-}" ]; then
        sql "DELETE FROM logs WHERE id = $EMPTY_PLACE"
        sql "VACUUM logs_old_1"
    fi
    start_run
    sleep 0.05 # the first object is read
    sql "$1"
    wait $RUN
}

test_rows_that_come_meanwhile_keep_the_partition() {
    meanwhile "INSERT INTO logs VALUES (502, now() - interval '300 days'), (300, now() - interval '250 days')"
    stayed 'partition cannot be dropped now'
    says "$ERR" 'somebody wrote to it while it was read'
    { cat "$DIR/all"; echo 300; echo 502; } | sort -n >"$DIR/more"
    balanced "$DIR/more"
}

test_rows_that_change_meanwhile_keep_the_partition() {
    meanwhile "UPDATE logs SET body = 'new' WHERE id = 400"
    stayed 'somebody wrote to it while it was read'
    balanced "$DIR/all"
    same "$(archived | jq -r 'select(.id == 400) | .body' | tr -d ' ')" new
}

test_rows_that_go_meanwhile_keep_the_partition() {
    meanwhile "DELETE FROM logs WHERE id = 202"
    stayed 'somebody wrote to it while it was read'
    grep -vx 202 "$DIR/all" >"$DIR/less"
    balanced "$DIR/less"
}

# As many as before, and yet not the same: one that was read goes, another comes to where was read.
test_rows_that_are_exchanged_meanwhile_keep_the_partition() {
    EMPTY_PLACE=204 meanwhile "DELETE FROM logs WHERE id = 202; INSERT INTO logs VALUES (300, now() - interval '333 days')"
    stayed 'somebody wrote to it while it was read'
    same "$(archived | jq -r 'select(.id == 300) | .at' | wc -l)" 2
    { grep -vxE '202|204' "$DIR/all"; echo 300; } | sort -n >"$DIR/now.all"
    balanced "$DIR/now.all"
}

# Its transaction began before the stream, its rows are there before the lock, one of a savepoint.
test_rows_of_a_transaction_in_progress_keep_the_partition() {
    fresh
    strategy partition '  batch_size: 10
  sleep_between_batches: 0.1'
    two_levels
    in_background "BEGIN; INSERT INTO logs VALUES (500, now() - interval '333 days'); SAVEPOINT a;
                   INSERT INTO logs VALUES (502, now() - interval '333 days');
                   SELECT pg_sleep(5); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    start_run
    sql "DELETE FROM logs WHERE id IN (202, 204)"
    wait $RUN
    wait $BACKGROUND
    stayed 'somebody wrote to it while it was read'
    { grep -vxE '202|204' "$DIR/all"; echo 500; echo 502; } | sort -n >"$DIR/more"
    balanced "$DIR/more"
}

holding() { # STATEMENTS: in a transaction of another session while the run is at work
    fresh
    strategy partition '  batch_size: 10
  lock_timeout_seconds: 1'
    two_levels
    in_background "BEGIN; $1; SELECT pg_sleep(8); COMMIT"
    held "query LIKE '%pg_sleep%' AND state = 'active'"
    ok archive --json -v
}

test_locked_rows_keep_the_partition() {
    holding "SELECT FROM logs_old_1 WHERE id BETWEEN 380 AND 400 FOR UPDATE"
    says "$ERR" 'the partition cannot be dropped now'
    same "$(json "$OUT" '["tables"][0]["skipped_locked"]')" 11
    wait $BACKGROUND
    rows_are_of_old
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 11
    same "$(leaves)" 'logs_mid logs_old_2 logs_rest'
    balanced "$DIR/all"
}

test_a_reader_of_the_table_keeps_the_partition() {
    holding "SELECT count(*) FROM logs"
    stayed 'lock timeout'
    balanced "$DIR/all"
    wait $BACKGROUND
}

test_what_speaks_against_whole_partitions_is_said() {
    local try
    for try in "ALTER TABLE logs ADD UNIQUE (id, at); CREATE TABLE child (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES logs (id, at));foreign keys point at the table" \
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END'; CREATE TRIGGER t BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION f();a DROP would not fire its DELETE triggers" \
        "CREATE VIEW v AS SELECT * FROM logs_old_1;views need those that are old enough"; do
        fresh
        strategy partition
        two_levels
        sql "${try%;*}"
        ok archive -v
        stayed "no partition leaves whole, ${try##*;}"
        balanced "$DIR/all"
    done
}

test_a_limit_and_a_start_keep_partitions() {
    fresh
    strategy partition '  batch_size: 30'
    two_levels
    ok archive -v --limit 5
    says "$ERR" 'no partition leaves whole, the run has a limit'
    ok archive -v --start-date 2001-01-01
    stayed 'no partition leaves whole, not all old rows are to leave'
    balanced "$DIR/all"
}

test_restored_rows_keep_partitions() {
    fresh
    strategy partition
    two_levels
    ok archive --limit 60
    ok restore --all
    ok archive -v
    says "$ERR" 'rows that a restore brought back'
    same "$(leaves)" 'logs_mid logs_old_1 logs_old_2 logs_rest'
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 60
}

test_a_role_that_owns_nothing_drops_nothing() {
    fresh
    strategy partition
    two_levels
    sql "DROP ROLE IF EXISTS plain_$DB; CREATE ROLE plain_$DB LOGIN;
         GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain_$DB"
    sed -i "s/user: .*/user: plain_$DB/" "$CONF"
    ok archive -v
    stayed 'this role owns none of those that are old enough'
    balanced "$DIR/all"
    sql "DROP OWNED BY plain_$DB; DROP ROLE plain_$DB"
}

test_whole_partitions_that_can_never_be_are_refused() {
    fresh
    strategy partition
    logs 100
    exits 3 archive
    says "$ERR" 'strategy: partition is not possible: '
    says "$ERR" 'the table is not a partitioned one'
    exits 3 check
    says "$OUT" 'strategy: partition is not possible'
    sql "DROP TABLE logs"
    two_levels
    strategy partition "  where: id > 10"
    exits 3 archive
    says "$ERR" '`where` picks rows'
    same "$(sql 'SELECT count(*) FROM logs')" 400
}

# Auto drops nothing: whoever wants that says so.
test_partitions_are_dropped_only_where_it_is_asked_for() {
    fresh
    two_levels
    ok archive --json
    same "$(way)" heap
    same "$(leaves)" 'logs_mid logs_old_1 logs_old_2 logs_rest'
}

test_a_stop_within_a_partition_leaves_it_as_it_was() {
    fresh
    strategy partition '  batch_size: 10
  sleep_between_batches: 0.2'
    two_levels
    start_run
    kill -TERM $RUN
    local code=0
    wait $RUN || code=$?
    same "$code" 130
    same "$(sql 'SELECT count(*) FROM logs_old_1')" 100
    balanced "$DIR/all"
    ok recover --json
    same "$(json "$OUT" '["settled"]') $(json "$OUT" '["removed"]')" '0 0'
    ok archive
    same "$(leaves)" 'logs_mid logs_old_2 logs_rest'
    balanced "$DIR/all"
}

run_tests
