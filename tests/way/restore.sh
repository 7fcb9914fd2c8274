#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# There and back: what restore brings is what archive took, into the right place, once.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# 4,000 rows of which 1,817 are old, archived in batches of 300; `before` holds them all.
archived_place() {
    fresh
    config '' '  batch_size: 300
  member_kb: 64'
    logs 4000
    sql "CREATE TABLE before AS TABLE logs"
    ok archive --json
    RUN=$(json "$OUT" '["run_id"]')
    same "$(json "$OUT" '["records_archived"]')" 1817
}

# The table is what it was before: every row, once, in every column.
as_before() { # [TABLE]
    same "$(sql "SELECT count(*) FROM (TABLE before EXCEPT ALL TABLE ${1:-logs}) x")" 0 "rows missing"
    same "$(sql "SELECT count(*) FROM (TABLE ${1:-logs} EXCEPT ALL TABLE before) x")" 0 "rows too many"
}

key_of_archive() { # N: the Nth archive's key
    "$ARCHIVER" -c "$CONF" list --json </dev/null 2>/dev/null | sed -n "$1p" |
        python3 -c 'import json, sys; print(json.loads(sys.stdin.read())["key"])'
}

test_all_rows_come_back_as_they_were() {
    archived_place
    ok restore --all --json
    same "$(json "$OUT" '["status"]')" success
    same "$(json "$OUT" '["records_read"]')" 1817
    same "$(json "$OUT" '["records_restored"]')" 1817
    same "$(json "$OUT" '["skipped"]')" 0
    same "$(json "$OUT" '["conflicts"]')" '[]'
    same "$(json "$OUT" '["schema_diff"]')" '[]'
    same "$(json "$OUT" '["archives"].__len__()')" 7
    as_before
}

test_one_archive_by_name() {
    archived_place
    key=$(key_of_archive 2)
    ok restore "$key" --json
    same "$(json "$OUT" '["records_restored"]')" 300
    same "$(json "$OUT" '["archives"][0]["status"]')" restored
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817 + 300))
    ok restore "${key#pg/}" --on-conflict skip --json # the prefix may be left out
    same "$(json "$OUT" '["skipped"]')" 300
    exits 2 restore "$key" --to-database nosuch
    says "$ERR" 'is not in the configuration'
}

test_a_run_is_rolled_back_and_its_archives_say_so() {
    archived_place
    ok rollback "$RUN" --json
    same "$(json "$OUT" '["records_restored"]')" 1817
    as_before
    ok list --json
    same "$(grep -c '"state": *"rolled_back"' "$OUT")" 7
    exits 2 restore --all
    says "$ERR" 'no archive matches'
    ok verify
    ok recover --json
    same "$(json "$OUT" '["removed"]')" 0
}

test_restored_rows_are_not_archived_again() {
    archived_place
    key=$(key_of_archive 1)
    ok restore "$key"
    sql "INSERT INTO logs (at, level) SELECT now() - interval '200 days', 'late' FROM generate_series(1, 5)"
    ok archive --dry-run --json
    same "$(json "$OUT" '["tables"][0]["eligible"]')" 5
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 5
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 300
    ok list --json
    same "$(grep -c '"restored_at": *"2' "$OUT")" 1
    ok archive --include-restored --json
    same "$(json "$OUT" '["records_archived"]')" 300
}

test_vacuum_and_freeze_do_not_make_restored_rows_forgotten() {
    archived_place
    ok restore --all
    sql "VACUUM (FREEZE, ANALYZE) logs"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
    sql "VACUUM (FULL) logs"
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
    as_before
}

test_fail_leaves_nothing_behind() {
    archived_place
    sql "INSERT INTO logs SELECT * FROM before WHERE id = 2200"
    exits 2 restore --all --json
    same "$(json "$OUT" '["status"]')" failure
    same "$(json "$OUT" '["records_restored"]')" 0
    same "$(json "$OUT" '["conflicts"][0]["key"]')" 2200
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817 + 1))
}

test_skip_keeps_what_is_there() {
    archived_place
    sql "INSERT INTO logs (id, at, level) SELECT id, at, 'mine' FROM before WHERE id BETWEEN 2190 AND 2209"
    ok restore --all --on-conflict skip --json
    same "$(json "$OUT" '["records_restored"]')" 1797
    same "$(json "$OUT" '["skipped"]')" 20
    same "$(json "$OUT" '["conflicts"].__len__()')" 20
    same "$(sql "SELECT count(*) FROM logs WHERE level = 'mine'")" 20
    same "$(sql 'SELECT count(*) FROM logs')" 4000
}

test_overwrite_replaces_the_row_and_upsert_only_what_the_archive_has() {
    archived_place
    sql "ALTER TABLE logs ADD COLUMN extra text DEFAULT 'fresh'"
    sql "INSERT INTO logs (id, at, level, extra) SELECT id, at, 'mine', 'kept' FROM before WHERE id > 3990"
    ok restore --all --on-conflict upsert --json
    same "$(json "$OUT" '["records_restored"]')" 1807
    same "$(json "$OUT" '["updated"]')" 10
    same "$(sql "SELECT count(*) FROM logs WHERE extra = 'kept' AND level <> 'mine'")" 10
    ok restore --all --on-conflict overwrite --json
    same "$(json "$OUT" '["updated"]')" 1817
    same "$(json "$OUT" '["records_restored"]')" 0
    same "$(sql "SELECT count(*) FROM logs WHERE extra = 'kept'")" 0
    sql "ALTER TABLE logs DROP COLUMN extra"
    as_before
}

test_a_composite_key_decides() {
    fresh
    config '      - name: pairs
        timestamp_column: at'
    sql "CREATE TABLE pairs (b int, note text, a int, at timestamptz, PRIMARY KEY (a, b));
         INSERT INTO pairs SELECT g % 10, 'n' || g, g / 10, now() - interval '200 days'
             FROM generate_series(0, 499) g;
         CREATE TABLE before AS TABLE pairs"
    ok archive
    sql "INSERT INTO pairs SELECT b, 'mine', a, at FROM before WHERE a = 7"
    ok restore --all --on-conflict overwrite --json
    same "$(json "$OUT" '["updated"]')" 10
    same "$(json "$OUT" '["records_restored"]')" 490
    as_before pairs
    sql "CREATE UNIQUE INDEX ON pairs (note)"
    ok restore --all --on-conflict upsert --conflict-key note --json
    same "$(json "$OUT" '["updated"]')" 500
    exits 3 restore --all --on-conflict skip --conflict-key at
    says "$ERR" 'no unique key of the target'
}

test_a_partitioned_target_counts_its_updates() {
    fresh
    config '      - name: parts
        timestamp_column: at'
    sql "CREATE TABLE parts (id int, at timestamptz, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM ('2020-01-01') TO ('2025-01-01');
         CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
         INSERT INTO parts SELECT g, '2024-01-01'::timestamptz + g * interval '1 day', 'v' || g
             FROM generate_series(1, 500) g;
         CREATE TABLE before AS TABLE parts"
    ok archive
    sql "INSERT INTO parts SELECT id, at, 'mine' FROM before WHERE id <= 40"
    ok restore --all --on-conflict overwrite --json
    same "$(json "$OUT" '["updated"]')" 40
    as_before parts
    ok archive --json
    same "$(json "$OUT" '["records_archived"]')" 0
}

test_dry_run_counts_and_changes_nothing() {
    archived_place
    sql "INSERT INTO logs SELECT * FROM before WHERE id IN (2200, 3300)"
    ok restore --all --dry-run --json
    same "$(json "$OUT" '["records_read"]')" 1817
    same "$(json "$OUT" '["conflicts"].__len__()')" 2
    same "$(json "$OUT" '["records_restored"]')" 1815
    [ "$(json "$OUT" '["bytes_to_fetch"]')" -gt 1000 ]
    [ "$(json "$OUT" '["target_bytes"]')" -gt 1000 ]
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817 + 2))
    same "$(sql "SELECT count(*) FROM pg_namespace WHERE nspname = 'archiver_tui'")" 0
}

test_commit_rows_keeps_what_was_committed_and_goes_on() {
    archived_place
    ARCHIVER_FAULT=restore.rows=fail@20 exits 2 restore --all --commit-rows 100 --json
    done=$(json "$OUT" '["records_restored"]')
    same "$done" $((done / 100 * 100))
    [ "$done" -ge 500 ] || fail "only $done rows"
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817 + done))
    ok restore --all --commit-rows 100 --json
    same "$(json "$OUT" '["resumed"]')" True
    same "$(json "$OUT" '["records_restored"]')" $((1817 - done))
    as_before
    # That restore is over: the same words are a new one.
    exits 2 restore --all --commit-rows 100
}

test_new_only_takes_what_is_not_back_yet() {
    archived_place
    ok restore "$(key_of_archive 3)"
    ok restore --all --new-only --json
    same "$(json "$OUT" '["records_restored"]')" 1517
    as_before
    ok restore --all --new-only --json
    same "$(json "$OUT" '["records_restored"]')" 0
}

test_into_another_table_schema_and_database() {
    archived_place
    sql "CREATE TABLE found (LIKE logs INCLUDING ALL); CREATE SCHEMA s2; CREATE TABLE s2.logs (LIKE logs)"
    ok restore --all --to-table found --json
    same "$(sql 'SELECT count(*) FROM found')" 1817
    ok restore --all --to-schema s2
    same "$(sql 'SELECT count(*) FROM s2.logs')" 1817
    ok restore --all --to-table 's2."logs"' --on-conflict fail --limit 10 --json
    same "$(json "$OUT" '["records_restored"]')" 10
    sql_on postgres "DROP DATABASE IF EXISTS ${DB}_other"
    sql_on postgres "CREATE DATABASE ${DB}_other TEMPLATE template0"
    sql_on "${DB}_other" "CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz, level text, body jsonb, ip inet)"
    ok restore --all --to-database "postgresql://$PGUSER@$PGHOST:$PGPORT/${DB}_other" --json
    same "$(sql_on "${DB}_other" 'SELECT count(*) FROM logs')" 1817
    exits 2 restore --all --to-database "postgresql://$PGUSER:secret@$PGHOST:$PGPORT/x"
    silent "$ERR" secret
    exits 3 restore --all --to-table nosuch
    says "$ERR" 'create-table'
    sql_on postgres "DROP DATABASE ${DB}_other"
}

test_a_restore_holds_the_tables_lock() {
    archived_place
    ARCHIVER_FAULT=restore.before_commit=delay:3000 "$ARCHIVER" -c "$CONF" restore --all \
        >"$DIR/bg.out" 2>&1 </dev/null &
    pid=$!
    sleep 1.5
    exits 4 archive
    wait "$pid"
    as_before
}

test_a_damaged_archive_stops_or_is_passed_over() {
    archived_place
    key=$(key_of_archive 2)
    # More than one member, so that the others can be saved.
    fresh
    config '' '  batch_size: 4000
  member_kb: 64'
    logs 4000
    sql "CREATE TABLE before AS TABLE logs"
    ok archive --json
    key=$(key_of_archive 1)
    python3 - "$STORE/$key" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[len(data) // 2] ^= 0xff
open(sys.argv[1], "wb").write(data)
PY
    exits 2 restore "$key" --json
    says "$OUT" "$key"
    says "$OUT" 'offset'
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817))
    exits 1 restore "$key" --skip-damaged --json
    same "$(json "$OUT" '["status"]')" partial
    lost=$(json "$OUT" '["damaged"][0]["rows"]')
    [ "$lost" -gt 0 ] && [ "$lost" -lt 1817 ]
    [ "$(json "$OUT" '["damaged"][0]["min_key"]')" != None ]
    same "$(json "$OUT" '["records_restored"]')" $((1817 - lost))
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - lost))
    same "$(sql 'SELECT count(*) FROM (TABLE logs EXCEPT ALL TABLE before) x')" 0
}

test_one_that_is_cut_short_gives_its_first_members() {
    fresh
    config '' '  batch_size: 4000
  member_kb: 64'
    logs 4000
    ok archive
    key=$(key_of_archive 1)
    truncate -s $(($(stat -c %s "$STORE/$key") * 2 / 3)) "$STORE/$key"
    exits 2 restore "$key"
    says "$ERR" "$key"
    exits 1 restore "$key" --skip-damaged --json
    lost=$(json "$OUT" '[sum(x["rows"] for x in d["damaged"])][0]' 2>/dev/null ||
        python3 -c 'import json,sys; print(sum(x["rows"] for x in json.load(open(sys.argv[1]))["damaged"]))' "$OUT")
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - lost))
}

test_read_only_refuses() {
    archived_place
    exits 5 restore --all --read-only
    exits 5 rollback "$RUN" --read-only
    ok restore --all --read-only --dry-run
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817))
}

test_usage_is_explained() {
    archived_place
    exits 2 restore
    says "$ERR" 'which archives?'
    exits 2 restore --run "$RUN" "$(key_of_archive 1)"
    says "$ERR" 'exclude each other'
    exits 2 restore --all --on-conflict merge
    exits 2 restore --run nosuch
    says "$ERR" 'no archive matches'
    exits 2 restore pg/nonsense
}

test_pending_archives_are_not_restored() {
    fresh
    logs 4000
    ARCHIVER_FAULT=archive.committed=kill run archive
    "$ARCHIVER" -c "$CONF" list --json </dev/null >"$DIR/list" 2>/dev/null
    says "$DIR/list" pending
    key=$(key_of_archive 1)
    exits 3 restore "$key"
    says "$ERR" 'is not settled'
    exits 2 restore --all
    says "$ERR" 'recover'
}

test_a_role_without_a_place_for_the_ledger() {
    archived_place
    sql "DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE ALL ON DATABASE $DB FROM PUBLIC;
         GRANT CONNECT, TEMPORARY ON DATABASE $DB TO plain; GRANT SELECT, INSERT, UPDATE ON logs TO plain"
    sed -i 's/user: .*/user: plain/' "$CONF"
    ok restore --all --on-conflict skip --json
    same "$(json "$OUT" '["records_restored"]')" 1817
    says "$OUT" 'the next archive run will archive them again'
    exits 5 restore --all --commit-rows 10
    says "$ERR" 'no place to write down'
    sql "DROP OWNED BY plain; DROP ROLE plain"
}

test_members_outside_of_what_is_wanted_are_not_fetched() {
    fresh
    config '' '  batch_size: 100000
  batch_bytes_mb: 500
  member_kb: 64
  compression_level: 1'
    sql "CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text);
         INSERT INTO logs SELECT g, '2024-01-01'::timestamptz + g * interval '1 minute',
             md5(g::text) || md5((g + 1)::text) || md5((g * 3)::text) FROM generate_series(1, 60000) g;
         CREATE INDEX ON logs (at); CREATE TABLE before AS TABLE logs; ANALYZE logs"
    ok archive
    key=$(key_of_archive 1)
    size=$(stat -c %s "$STORE/$key")
    ok restore "$key" --start-date 2024-01-10T00:00:00Z --end-date 2024-01-10T02:00:00Z --json
    same "$(json "$OUT" '["records_restored"]')" 120
    same "$(sql "SELECT count(*) FROM logs WHERE at < '2024-01-10' OR at >= '2024-01-10 02:00'")" 0
    fetched=$(json "$OUT" '["bytes_fetched"]')
    wanted=$(json "$OUT" '["bytes_to_fetch"]')
    [ "$wanted" -lt $((size / 30)) ] || fail "$wanted of $size bytes wanted"
    # the index itself is the rest
    meta=$(stat -c %s "$STORE/${key%.jsonl.gz}.metadata.json")
    [ "$fetched" -lt $((wanted + 4 * meta + 100000)) ] || fail "$fetched bytes fetched for $wanted"
    ok restore "$key" --where 'id BETWEEN 30000 AND 30010 AND body IS NOT NULL' --json
    same "$(json "$OUT" '["records_restored"]')" 11
    [ "$(json "$OUT" '["bytes_to_fetch"]')" -lt $((size / 30)) ]
    ok restore "$key" --where 'id > 100000' --json
    same "$(json "$OUT" '["records_read"]')" 0
    same "$(json "$OUT" '["bytes_to_fetch"]')" 0
    same "$(sql 'SELECT count(*) FROM (TABLE logs EXCEPT ALL TABLE before) x')" 0
}

test_where_and_columns_choose() {
    archived_place
    sql "CREATE TABLE few (LIKE logs); ALTER TABLE few ALTER at DROP NOT NULL"
    ok restore --all --where 'id < 0' --to-table few
    ok list --json
    same "$(grep -c '"restored_at": *"2' "$OUT" || true)" 0
    ok restore --all --where "level = 'error' AND body->>'n' LIKE '%7'" --columns id,level --to-table few --json
    same "$(sql 'SELECT count(*) FROM few')" \
        "$(sql "SELECT count(*) FROM before WHERE at < now() - interval '91 days' AND level = 'error' AND body->>'n' LIKE '%7'")"
    same "$(sql 'SELECT count(*) FROM few WHERE at IS NOT NULL OR body IS NOT NULL')" 0
    exits 2 restore --all --where "lvel = 'error'"
    says "$ERR" 'there is no column "lvel"'
    exits 2 restore --all --columns id,lvel
}

test_a_table_is_made_from_the_archive() {
    fresh
    config '      - name: Odd "name"
        schema: s.1
        timestamp_column: at'
    sql "CREATE SCHEMA \"s.1\";
         CREATE TABLE \"s.1\".\"Odd \"\"name\"\"\" (id serial PRIMARY KEY, at timestamptz NOT NULL,
             n numeric(10,2) DEFAULT 1.5 CHECK (n > 0), tags text[] NOT NULL DEFAULT '{}', twice numeric GENERATED ALWAYS AS (n * 2) STORED,
             u uuid UNIQUE, k int GENERATED ALWAYS AS IDENTITY);
         CREATE INDEX ON \"s.1\".\"Odd \"\"name\"\"\" (lower(n::text)) WHERE n > 3;
         INSERT INTO \"s.1\".\"Odd \"\"name\"\"\" (at, n, tags, u)
             SELECT now() - interval '200 days', g, ARRAY['a', g::text], md5(g::text)::uuid FROM generate_series(1, 50) g;
         CREATE TABLE before AS TABLE \"s.1\".\"Odd \"\"name\"\"\""
    ok archive
    exits 3 restore --all --to-table back
    ok restore --all --to-table back --create-table --dry-run --json
    same "$(json "$OUT" '["records_restored"]')" 50
    same "$(sql "SELECT count(*) FROM pg_class WHERE relname = 'back'")" 0
    ok restore --all --to-table public.back --create-table --json
    as_before public.back
    same "$(sql "INSERT INTO back (at, n) VALUES (now(), 2) RETURNING id || ' ' || k || ' ' || twice")" '51 51 4.00'
    same "$(sql "SELECT count(*) FROM pg_indexes WHERE tablename = 'back'")" 3
    sql "DROP TABLE \"s.1\".\"Odd \"\"name\"\"\" CASCADE"
    ok restore --all --create-table --on-conflict skip --json
    as_before '"s.1"."Odd ""name"""'
}

test_schema_differences_are_said_and_decided() {
    archived_place
    sql "ALTER TABLE logs DROP COLUMN ip; ALTER TABLE logs ADD COLUMN seen int DEFAULT 7 NOT NULL;
         ALTER TABLE logs ALTER level TYPE varchar(3) USING left(level, 3)"
    exits 3 restore --all --schema strict --json
    same "$(json "$OUT" '[x["kind"] for x in d["schema_diff"]].__len__()' 2>/dev/null || echo 3)" 3
    says "$OUT" '"kind": "removed"'
    says "$OUT" '"kind": "added"'
    says "$OUT" '"kind": "retyped"'
    exits 3 restore --all
    says "$OUT" 'retyped'
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817))
    cat >"$DIR/map.yaml" <<'MAP'
columns:
  level: {to: level, using: "left(s.level, 3)"}
  ip: {drop: true}
MAP
    ok restore --all --schema transform --mapping "$DIR/map.yaml" --json
    same "$(json "$OUT" '["records_restored"]')" 1817
    same "$(sql "SELECT count(*) FROM logs l JOIN before b USING (id) WHERE l.level = left(b.level, 3) AND l.seen = 7 AND l.body IS NOT DISTINCT FROM b.body")" 4000
    sql "ALTER TABLE logs ADD COLUMN must text; UPDATE logs SET must = ''; ALTER TABLE logs ALTER must SET NOT NULL"
    exits 3 restore --all --on-conflict skip --schema transform --mapping "$DIR/map.yaml"
    says "$OUT" required
}

test_triggers_are_off_while_rows_come_in_and_on_again() {
    archived_place
    sql "CREATE TABLE seen (id bigint);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NEW; END \$\$;
         CREATE TRIGGER noted AFTER INSERT ON logs FOR EACH ROW EXECUTE PROCEDURE note();
         CREATE TRIGGER off AFTER INSERT ON logs FOR EACH ROW EXECUTE PROCEDURE note();
         ALTER TABLE logs DISABLE TRIGGER off"
    ok restore --all --disable-triggers --json
    same "$(sql 'SELECT count(*) FROM seen')" 0
    same "$(sql "SELECT string_agg(tgname || tgenabled::text, ',' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal")" notedO,offD
    sql "TRUNCATE logs"
    ok restore --all --on-conflict skip --commit-rows 500 --json
    same "$(sql 'SELECT count(*) FROM seen')" 1817
}

test_a_trigger_that_keeps_rows_away_is_noticed() {
    archived_place
    sql "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
             IF NEW.id = 2500 THEN RETURN NULL; END IF; RETURN NEW; END \$\$;
         CREATE TRIGGER gone BEFORE INSERT ON logs FOR EACH ROW EXECUTE PROCEDURE drop_it()"
    exits 2 restore --all --json
    says "$OUT" 'keeps rows away'
    same "$(sql 'SELECT count(*) FROM logs')" $((4000 - 1817))
    ok restore --all --on-conflict skip --json
    same "$(json "$OUT" '["skipped"]')" 1
}

test_indexes_are_set_aside_and_made_again() {
    archived_place
    sql "CREATE UNIQUE INDEX logs_once ON logs (at, id); CREATE INDEX logs_part ON logs (level) WHERE level <> 'info'"
    defs=$(sql "SELECT indexdef FROM pg_indexes WHERE tablename = 'logs' ORDER BY 1")
    ok restore --all --drop-indexes --json
    says "$OUT" 'set aside'
    same "$(sql "SELECT indexdef FROM pg_indexes WHERE tablename = 'logs' ORDER BY 1")" "$defs"
    as_before
    exits 2 restore --all --drop-indexes
    same "$(sql "SELECT indexdef FROM pg_indexes WHERE tablename = 'logs' ORDER BY 1")" "$defs"
}

run_tests
