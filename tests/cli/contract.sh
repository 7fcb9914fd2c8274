#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The command line as a contract: exit codes, messages, JSON documents.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

bare() { # runs the program without a configuration flag
    OUT=$DIR/out
    ERR=$DIR/err
    CODE=0
    "$ARCHIVER" "$@" >"$OUT" 2>"$ERR" </dev/null || CODE=$?
}

test_usage_errors_exit_2_and_say_what_next() {
    fresh
    bare
    same "$CODE" 2
    says "$ERR" 'archiver-tui: no command given (archiver-tui help)'
    bare archiv
    same "$CODE" 2
    says "$ERR" 'there is no command "archiv" (did you mean "archive"?)'
    bare compact
    same "$CODE" 2
    says "$ERR" 'not in this version'
    bare archive --dryrun
    same "$CODE" 2
    says "$ERR" 'there is no flag --dryrun (did you mean --dry-run?)'
    bare archive --limit many
    same "$CODE" 2
    says "$ERR" '--limit: "many" is not a number of rows'
    bare list --dry-run
    same "$CODE" 2
    says "$ERR" 'list does not take --dry-run'
    bare archive --table
    same "$CODE" 2
    says "$ERR" '--table needs a value'
    bare show
    same "$CODE" 2
    says "$ERR" 'show: something is missing'
    exits 2 archive --start-date yesterday
    says "$ERR" '--start-date: "yesterday" is not a date or timestamp'
    exits 2 archive -d nosuch
    exits 2 archive -t nosuch
}

test_help_of_every_command_fits_a_screen() {
    fresh
    local command
    bare help
    same "$CODE" 0
    for command in $(sed -n 's/^  \([a-z]*\)  *.*/\1/p' "$OUT" | grep -v archiver); do
        bare "$command" --help
        same "$CODE" 0 "$command --help"
        [ "$(wc -l <"$OUT")" -le 24 ] || fail "$command --help: $(wc -l <"$OUT") lines"
        [ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' "$OUT")" -le 80 ] ||
            fail "$command --help is too wide"
        same "$(grep -A2 '^Examples:' "$OUT" | grep -c archiver-tui)" 2 "examples of $command"
    done
}

test_version() {
    fresh
    bare --version
    same "$CODE" 0
    grep -qE '^archiver-tui [0-9]+\.[0-9]+\.[0-9]+$' "$OUT"
}

test_configuration_errors_exit_3_with_file_and_line() {
    fresh
    sed -i 's/retention_days/retention_dys/' "$CONF"
    exits 3 archive
    says "$ERR" "unknown key \`retention_dys\` in defaults: $CONF:7:3"
    says "$ERR" 'did you mean `retention_days`?'
    exits 3 archive --json
    same "$(json "$OUT" '["error"]["code"]')" config
    same "$(json "$OUT" '["error"]["hint"]')" 'did you mean `retention_days`?'
    CONF=$DIR/none.yaml
    exits 3 check
    says "$ERR" none.yaml
}

test_wrong_password_exits_5_and_never_shows_it() {
    fresh
    logs 10
    sql "DROP ROLE IF EXISTS pw_user"
    sql "CREATE ROLE pw_user LOGIN PASSWORD 'right'"
    sed -i 's/user: .*/user: pw_user\n    password_env: DB_PASSWORD/' "$CONF"
    DB_PASSWORD=hunter2 exits 5 archive
    says "$ERR" 'password authentication failed'
    silent "$ERR" hunter2
    DB_PASSWORD=right run check
    says "$OUT" 'user pw_user'
    sql "DROP ROLE pw_user"
}

test_missing_rights_exit_5_with_the_grant() {
    fresh
    logs 10
    sql "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON logs TO reader"
    sed -i 's/user: .*/user: reader/' "$CONF"
    exits 5 archive
    says "$ERR" 'GRANT SELECT, DELETE ON "public"."logs" TO "reader"'
    exits 5 check
    says "$OUT" 'GRANT DELETE ON "public"."logs" TO "reader"'
    sql "DROP OWNED BY reader; DROP ROLE reader"
}

test_unreachable_server_exits_7() {
    fresh
    sed -i 's/port: .*/port: 1/' "$CONF"
    exits 7 archive
    says "$ERR" '127.0.0.1:1'
    exits 7 check
}

test_a_missing_bucket_is_said() {
    fresh
    logs 10
    sed -i 's/bucket: cold/bucket: nosuch/' "$CONF"
    run archive
    [ "$CODE" -ne 0 ] || fail "no error"
    says "$ERR" nosuch
    run verify
    [ "$CODE" -ne 0 ] || fail "verify finds nothing wrong with a missing bucket"
}

test_a_disk_without_room_exits_6_and_loses_nothing() {
    [ "$(id -u)" -eq 0 ] || return 0
    fresh
    logs 3000
    sql "ALTER TABLE logs ADD pad text; UPDATE logs SET pad = (SELECT string_agg(md5(id::text || g), '') FROM generate_series(1, 60) g)"
    all_ids "$DIR/all"
    if ! mount -t tmpfs -o size=256k tmpfs "$STORE" 2>/dev/null; then
        echo "    (no mount here: skipped)"
        return 0
    fi
    run archive
    local code=$CODE
    balanced "$DIR/all" || { umount "$STORE"; return 1; }
    umount "$STORE"
    same "$code" 6
    says "$ERR" 'No space left on device'
    same "$(sql 'SELECT count(*) FROM logs')" 3000
}

# The names are as long as those of README.md; what is left out stands in the summary or in --json.
test_tables_fit_a_terminal_of_80_columns() {
    fresh
    config '      - {name: audit_logs, timestamp_column: at}'
    logs 3000
    sql 'ALTER TABLE logs RENAME TO audit_logs'
    local columns
    for columns in 80 200; do
        script -qec "stty cols $columns rows 24; '$ARCHIVER' -c '$CONF' archive --dry-run; '$ARCHIVER' -c '$CONF' archive --limit 400" \
            "$DIR/typescript" </dev/null >/dev/null
        # the progress bar writes over itself; the dry run's row ends in its walk
        tr '\r' '\n' <"$DIR/typescript" | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g' |
            grep -aE '^appdb.public.audit_logs +(success |[0-9].* index$)' >"$DIR/rows$columns"
        same "$(wc -l <"$DIR/rows$columns")" 2
    done
    [ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' "$DIR/rows80")" -le 80 ] ||
        fail "$(cat "$DIR/rows80")"
    [ "$(awk '{ if (length($0) > m) m = length($0) } END { print m }' "$DIR/rows200")" -gt 80 ] ||
        fail "nothing would have had to be left out: $(cat "$DIR/rows200")"
}

test_read_only_refuses_what_changes() {
    fresh
    logs 3000
    exits 5 archive --read-only
    exits 5 recover --read-only
    ok archive --dry-run --read-only
    same "$(sql 'SELECT count(*) FROM logs')" 3000
}

test_archive_json_is_one_document_with_the_promised_fields() {
    fresh
    logs 3000
    ok archive --json
    python3 - "$OUT" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
for f in ("run_id", "status", "started_at", "ended_at", "records_archived", "bytes_uploaded", "batches", "tables"):
    assert f in d, f
t = d["tables"][0]
for f in ("database", "schema", "table", "status", "strategy", "cutoff", "eligible", "records_archived",
          "skipped_locked", "batches", "bytes", "phases", "size_before", "size_after", "error"):
    assert f in t, f
assert set(t["phases"]) == {"select", "encode", "compress", "upload", "verify", "commit", "vacuum"}, t["phases"]
PY
}

test_list_json_is_a_line_an_archive() {
    fresh
    config '' '  batch_size: 300'
    logs 3000
    ok archive
    ok list --json
    same "$(wc -l <"$OUT")" 3
    python3 - "$OUT" <<'PY'
import json, sys
for line in open(sys.argv[1]):
    d = json.loads(line)
    assert set(d) >= {"database", "schema", "table", "key", "records", "bytes", "min_timestamp", "max_timestamp",
                      "archived_at", "batch_id", "run_id", "state"}, d
    assert d["state"] == "settled"
PY
    ok list --json --limit 2
    same "$(wc -l <"$OUT")" 2
    ok list --json --start-date 2100-01-01
    same "$(wc -l <"$OUT")" 0
    ok list
    says "$OUT" '3 archives, 817 rows'
}

test_cat_by_columns_offset_and_format() {
    fresh
    logs 3000
    ok archive
    ok list --json
    local key
    key=$(json "$OUT" '["key"]')
    ok cat "$key" --columns level,id --limit 2
    same "$(wc -l <"$OUT")" 2
    grep -qE '^\{"level":"[a-z]+","id":[0-9]+\}$' "$OUT"
    ok cat "$key" --format csv --columns id --offset 815
    same "$(wc -l <"$OUT")" 3
    ok cat "$key" --format table --limit 1
    same "$(wc -l <"$OUT")" 2
    ok cat "$key" "$key" --offset 817
    same "$(wc -l <"$OUT")" 817
    exits 2 cat "$key" --columns lvel
    says "$ERR" 'did you mean "level"?'
    exits 2 cat nosuch/logs_20200101T000000Z_batch_001.jsonl.gz
    ok show "$key"
    says "$OUT" '817 rows'
    ok show "${key#pg/}" --json
    same "$(json "$OUT" '["version"]')" 3
}

# Twenty times the archive is far more than a pipe holds: the program is sure to meet its end.
test_a_reader_that_leaves_early_is_no_failure() {
    fresh
    logs 3000
    ok archive
    ok list --json
    local key keys format codes
    key=$(json "$OUT" '["key"]')
    mapfile -t keys < <(for _ in $(seq 20); do echo "$key"; done)
    for format in jsonl csv table; do
        codes=0
        "$ARCHIVER" -c "$CONF" cat "${keys[@]}" --format "$format" 2>"$ERR" </dev/null |
            head -1 >"$OUT" || codes="${PIPESTATUS[*]}"
        same "$codes" 0 "exit codes, $format"
        same "$(wc -l <"$OUT")" 1 "lines, $format"
        same "$(cat "$ERR")" "" "stderr, $format"
    done
}

test_output_that_cannot_be_written_exits_6() {
    fresh
    logs 3000
    ok archive
    ok list --json
    local key code=0
    key=$(json "$OUT" '["key"]')
    "$ARCHIVER" -c "$CONF" cat "$key" 2>"$ERR" </dev/null >/dev/full || code=$?
    same "$code" 6
    says "$ERR" 'No space left on device'
    code=0
    "$ARCHIVER" -c "$CONF" list 2>"$ERR" </dev/null >/dev/full || code=$?
    same "$code" 6
    says "$ERR" 'cannot write to stdout'
}

test_verify_finds_each_kind_of_damage() {
    fresh
    config '' '  batch_size: 100'
    logs 3000
    ok archive
    ok verify --json
    same "$(json "$OUT" '["archives_checked"]')" 9
    local objects
    mapfile -t objects < <(objects .jsonl.gz)
    printf 'x' | dd of="${objects[0]}" bs=1 seek=100 conv=notrunc status=none
    truncate -s -1 "${objects[1]}"
    rm "${objects[2]}"
    rm "${objects[3]%.jsonl.gz}.metadata.json"
    rm "${objects[4]%.jsonl.gz}.manifest.json"
    echo '{}' >"${objects[5]%.jsonl.gz}.metadata.json"
    cp "${objects[7]}" "${objects[6]}"
    exits 1 verify --json
    cp "$OUT" "$DIR/verify.json"
    python3 - "$OUT" "${objects[@]}" <<'PY'
import json, sys
d = json.load(open(sys.argv[1]))
kinds = {}
for p in d["problems"]:
    kinds.setdefault(p["kind"], []).append(p["key"])
print("   ", {k: len(v) for k, v in kinds.items()}, "orphans", len(d["orphans"]))
bad = {p["key"].split("_batch_")[1][:3] for p in d["problems"]}
bad |= {o.split("_batch_")[1][:3] for o in d["orphans"]}
assert bad == {"001", "002", "003", "004", "005", "006", "007"}, bad
PY
}

test_config_show_masks_secrets_and_can_be_used_again() {
    fresh
    sed -i 's/user: .*/user: postgres\n    password: topsecret/' "$CONF"
    ok config show
    silent "$OUT" topsecret
    silent "$ERR" topsecret
    ok config show --json
    silent "$OUT" topsecret
    ok config validate
    says "$OUT" '1 databases, 1 tables'
    says "$ERR" 'password stands in the file'
}

test_dates_of_the_log_are_json_where_asked() {
    fresh
    logs 3000
    ok archive --log-format json --log-level info
    head -1 "$ERR" | python3 -c 'import json, sys; d = json.loads(sys.stdin.readline()); assert d'
    ok archive --log-file "$DIR/log"
    same "$(wc -c <"$ERR")" 0
}

run_tests
