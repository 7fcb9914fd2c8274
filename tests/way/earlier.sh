#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Archives that the earlier archiver wrote, in tests/earlier: every value that the file still holds
# comes back, every one that it does not is reported, and list, show, cat and verify work on them.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

EARLIER=$TESTS/earlier

# A database and a configuration for TABLES (YAML list), with the database's name in the keys.
fresh_for() { # TABLE...
    local list="" table
    fresh
    for table in "$@"; do
        case $table in
        *.*) list="$list      - {schema: ${table%%.*}, name: ${table#*.}, timestamp_column: created_at}"$'\n' ;;
        *) list="$list      - {name: $table, timestamp_column: created_at}"$'\n' ;;
        esac
    done
    config "$list"
    sed -i 's/name: appdb/name: auditdb/' "$CONF"
}

# The archives of a case under the keys that they had; DATE as a path is year=.../month=.../day=...
place() { # CASE [DIRECTORY-OF-THE-TABLE]
    local file name table day
    for file in "$EARLIER/$1"/*.json "$EARLIER/$1"/*.jsonl.gz; do
        name=$(basename "$file")
        if [[ $name =~ ^(.+)_([0-9]{4})([0-9]{2})([0-9]{2})T[0-9]{6}Z_batch_ ]]; then
            table=${BASH_REMATCH[1]}
            day=year=${BASH_REMATCH[2]}/month=${BASH_REMATCH[3]}/day=${BASH_REMATCH[4]}
            put "$file" "${2:-pg/auditdb/$table}/$day/$name"
        elif [[ $name =~ ^([0-9]{4})([0-9]{2})([0-9]{2})T.*_archive_ ]]; then
            put "$file" "pg/audit/year=${BASH_REMATCH[1]}/month=${BASH_REMATCH[2]}/day=${BASH_REMATCH[3]}/$name"
        else
            put "$file" "${2:-pg/auditdb/${name%%.*}}/.${name#*.}"
        fi
    done
}

put() { # FILE KEY
    mkdir -p "$(dirname "$STORE/$2")"
    cp "$1" "$STORE/$2"
}

keys() { # TEXT: keys of data objects with the text in their names
    objects "$1" | grep '\.jsonl\.gz$' | sed "s#^$STORE/##"
}

load() { # FILE TABLE [OPTION]
    psql -Xq -v ON_ERROR_STOP=1 -d "$DB" -c "\\copy $2 FROM '$1' (FORMAT csv, HEADER)"
}

# The rows of archives, by way of CSV, into table `back`.
bring_back() { # TABLE-LIKE KEY...
    local like=$1
    shift
    ok cat "$@" --format csv
    sql "DROP TABLE IF EXISTS back; CREATE TABLE back (LIKE $like)"
    load "$OUT" back
    cp "$ERR" "$DIR/cat.err"
    restored_alike "$like" "$@"
    cp "$DIR/cat.err" "$ERR"
}

# What restore brings is what cat shows.
restored_alike() { # TABLE-LIKE KEY...
    sql "DROP TABLE IF EXISTS again; CREATE TABLE again (LIKE $1)"
    shift
    ok restore "$@" --to-table again --json
    same "$(sql "SELECT count(*) FROM (SELECT the_row::text FROM back the_row
                 EXCEPT ALL SELECT the_row::text FROM again the_row) x")" 0 "rows that restore did not bring"
    same "$(sql 'SELECT count(*) FROM again')" "$(sql 'SELECT count(*) FROM back')" restored
}

# Prints `column id` for each value of `back` that is not the one of TABLE, by its text.
differences() { # TABLE KEY-COLUMN
    local column
    same "$(sql 'SELECT count(*) FROM back')" "$(sql "SELECT count(*) FROM $1")" rows
    sql "SELECT attname FROM pg_attribute WHERE attrelid = '$1'::regclass AND attnum > 0
             AND NOT attisdropped ORDER BY attnum" | while read -r column; do
        sql "SELECT '$column', o.$2 FROM $1 o FULL JOIN back b USING ($2)
             WHERE o.$column::text IS DISTINCT FROM b.$column::text ORDER BY 2"
    done
}

test_plain_rows_come_back() {
    fresh_for audit_simple
    place simple
    sql "$(cat "$EARLIER/simple/ddl.sql")"
    gunzip -c "$EARLIER/simple/rows.csv.gz" >"$DIR/rows.csv"
    load "$DIR/rows.csv" audit_simple
    bring_back audit_simple "$(keys audit_simple)"
    same "$(differences audit_simple id)" ""
    silent "$ERR" column
    ok verify
    says "$OUT" '1 archives checked, 5,000 rows'
    says "$OUT" '1 ok, 0 problems, 0 notes, 0 orphans'
}

test_null_and_empty_stay_apart() {
    fresh_for audit_en
    place empty_null
    sql "$(cat "$EARLIER/empty_null/ddl.sql")"
    load "$EARLIER/empty_null/rows.csv" audit_en
    bring_back audit_en "$(keys audit_en)"
    same "$(differences audit_en id)" ""
}

test_later_batches_take_the_schema_of_their_run() {
    fresh_for audit_naive audit_date
    place naive_ts
    sql "$(cat "$EARLIER/naive_ts/ddl.sql")"
    load "$EARLIER/naive_ts/rows.csv" audit_naive
    # shellcheck disable=SC2046
    bring_back audit_naive $(keys audit_naive)
    same "$(differences audit_naive id)" ""
    sql "INSERT INTO audit_date SELECT g, DATE '2024-01-10' + g, 'n' || g FROM generate_series(1, 10) g;
         INSERT INTO audit_date VALUES (100, '2024-06-01', 'x')"
    # shellcheck disable=SC2046
    bring_back audit_date $(keys audit_date)
    same "$(differences audit_date id)" ""
    ok verify --json
    same "$(json "$OUT" '["archives_checked"]')" 7
    same "$(json "$OUT" '["ok"]')" 7
    same "$(json "$OUT" '["notes"]')" '[]'
}

test_a_batch_of_a_run_without_its_first_has_no_schema() {
    fresh_for audit_date
    place naive_ts
    rm "$STORE/pg/auditdb/audit_date/year=2026/month=11/day=23/"*134643Z*
    local file
    for file in "$EARLIER/naive_ts/audit_date_20261123T134634Z_batch_002".*; do
        put "$file" "pg/auditdb/audit_date/year=2026/month=11/day=23/audit_date_20261123T134650Z_batch_002.${file#*.}"
    done
    ok cat "$(keys audit_date_20261123T134634Z_batch_002)" --format csv
    exits 2 cat "$(keys 134650Z_batch_002)" --format csv
    says "$ERR" 'the archive does not say its columns'
    ok cat "$(keys 134650Z_batch_002)"
    same "$(wc -l <"$OUT")" 4
    ok verify
    # nor where the first one cannot be read
    echo '{' >"$STORE/pg/auditdb/audit_date/year=2026/month=11/day=23/audit_date_20261123T134634Z_batch_001.metadata.json"
    exits 2 cat "$(keys audit_date_20261123T134634Z_batch_002)" --format csv
    exits 1 verify
    says "$OUT" bad_metadata
}

test_each_run_has_its_own_schema() {
    fresh_for audit_drift
    place schema_drift
    sql "$(cat "$EARLIER/schema_drift/ddl.sql")"
    load "$EARLIER/schema_drift/rows.csv" audit_drift
    bring_back audit_drift "$(keys 20261123T)"
    same "$(differences audit_drift id)" ""
    sql "TRUNCATE audit_drift; $(cat "$EARLIER/schema_drift/ddl_run2.sql")"
    load "$EARLIER/schema_drift/rows_run2.csv" audit_drift
    bring_back audit_drift "$(keys 20261124T)"
    same "$(differences audit_drift id)" ""
}

test_uuid_keys_come_back() {
    fresh_for audit_uuid
    place uuidpk
    sql "$(cat "$EARLIER/uuidpk/ddl.sql")"
    load "$EARLIER/uuidpk/rows.csv" audit_uuid
    load "$EARLIER/uuidpk/rows_run2.csv" audit_uuid
    # shellcheck disable=SC2046
    bring_back audit_uuid $(keys audit_uuid)
    same "$(differences audit_uuid event_id)" ""
    ok verify
}

test_every_type_comes_back_or_is_reported() {
    fresh_for typezoo
    place typezoo
    psql -Xq -v ON_ERROR_STOP=1 -d "$DB" -f "$EARLIER/typezoo/ddl.sql" 2>"$DIR/ddl.err"
    load "$EARLIER/typezoo/rows.csv" typezoo
    bring_back typezoo "$(keys typezoo)"
    differences typezoo id >"$DIR/lost"
    # What the file does not hold. Array bounds ([5:6]={1,2}) leave no trace by which to tell.
    printf '%s\n' 'c_numeric|8' 'c_numeric|9' 'c_interval|2' 'c_interval|6' 'c_int_arr|4' \
        'c_text_arr|4' 'c_numeric_arr|4' 'c_path|1' 'c_path|2' 'c_path|3' 'c_polygon|1' \
        'c_polygon|2' 'c_polygon|3' | diff - "$DIR/lost"
    says "$ERR" 'column "c_numeric": 0E-32 is taken for zero; infinities were written so too (2 rows: 8, 9)'
    says "$ERR" 'column "c_interval": months and years of an interval were written as 30 and 365 days (2 rows: 2, 6)'
    says "$ERR" 'column "c_numeric_arr": 0E-32'
    says "$ERR" 'column "c_path": the address of an object stands in its place: NULL (3 rows: 1, 2, 3)'
    says "$ERR" 'column "c_polygon": the address of an object stands in its place: NULL (3 rows: 1, 2, 3)'
    # right, but not surely so
    says "$ERR" 'column "c_date": taken for infinity; the last and first date were written so too (1 row: 4)'
    says "$ERR" 'column "c_ts": taken for infinity'
    says "$ERR" 'column "c_date_arr": taken for infinity'
    same "$(wc -l <"$ERR")" 8 # and nothing else
}

test_verify_says_what_is_lost_and_finds_no_problem_in_it() {
    fresh_for typezoo
    place typezoo
    ok verify --json
    same "$(json "$OUT" '["ok"]')" 1
    same "$(json "$OUT" '["problems"]')" '[]'
    same "$(json "$OUT" '["orphans"]')" '[]'
    same "$(json "$OUT" '["notes"].__len__()')" 8
    python3 - "$OUT" <<'EOF'
import json, sys
notes = json.load(open(sys.argv[1]))["notes"]
kinds = {n["detail"].split('"')[1]: n["kind"] for n in notes}
assert kinds["c_path"] == kinds["c_polygon"] == "lost", kinds
assert kinds["c_interval"] == kinds["c_ts"] == "uncertain", kinds
assert all(n["key"].endswith("typezoo_20261123T133021Z_batch_001.jsonl.gz") for n in notes)
EOF
    ok verify "$(keys typezoo)"
    says "$OUT" 'lost'
}

test_all_formats_of_cat() {
    fresh_for typezoo
    place typezoo
    local key
    key=$(keys typezoo)
    ok cat "$key"
    { zcat "$STORE/$key" && echo; } | cmp - "$OUT" # their last line has no newline
    ok cat "$key" --columns id,c_lsn,c_real --limit 2
    same "$(head -1 "$OUT")" '{"id":1,"c_lsn":97500059720,"c_real":1.100000023841858}'
    same "$(tail -1 "$OUT")" '{"id":2,"c_lsn":0,"c_real":NaN}'
    ok cat "$key" --columns id,c_lsn,c_comp --offset 2 --limit 1 --format csv
    same "$(tail -1 "$OUT" | tr -d '\r')" '3,FFFFFFFF/FFFFFFFF,"(""comma,paren)"",1,)"'
    ok cat "$key" --columns c_path --offset 1 --limit 1 --format table
    says "$OUT" NULL
    says "$ERR" '(1 row: 2)'
}

test_list_and_show() {
    fresh_for audit_simple audit_naive audit_uuid
    place simple
    place naive_ts
    place uuidpk
    ok list --json
    same "$(wc -l <"$OUT")" 8
    same "$(grep -c '"state":"foreign"' "$OUT")" 8
    grep audit_simple "$OUT" >"$DIR/line"
    same "$(json "$DIR/line" '["records"]')" 5000
    same "$(json "$DIR/line" '["bytes"]')" 458989
    same "$(json "$DIR/line" '["schema"]')" public
    same "$(json "$DIR/line" '["min_timestamp"]')" '2024-03-01T00:00:37.123456+00:00'
    ok list -t audit_uuid --start-date 2024-02-01 --json
    same "$(wc -l <"$OUT")" 1
    ok show "$(keys audit_simple)"
    says "$OUT" 'audit_simple'
    says "$OUT" '5,000 rows'
    says "$OUT" 'metadata'
    ok show "$(keys audit_uuid | sed -n 2p)" --json
    same "$(json "$OUT" '["batch_info"]["batch_number"]')" 2
}

test_tables_of_one_name_in_two_schemas_stay_apart() {
    fresh_for audit_en other.audit_en
    place empty_null
    local from=$STORE/pg/auditdb/audit_en/year=2026/month=11/day=23 suffix
    for suffix in jsonl.gz manifest.json metadata.json; do
        sed 's/"schema": "public"/"schema": "other"/; s/"schema_name": "public"/"schema_name": "other"/' \
            "$from/audit_en_20261123T133037Z_batch_001.$suffix" >"$from/audit_en_20261123T133039Z_batch_001.$suffix"
    done
    ok list -t other.audit_en --json
    same "$(wc -l <"$OUT")" 1
    says "$OUT" 133039Z
    says "$OUT" '"schema":"other"'
    ok list -t public.audit_en --json
    same "$(wc -l <"$OUT")" 1
    says "$OUT" 133037Z
    ok verify --json
    same "$(json "$OUT" '["archives_checked"]')" 2
    same "$(json "$OUT" '["problems"]')" '[]'
    ok verify -t other.audit_en --json
    same "$(json "$OUT" '["archives_checked"]')" 1
    # damage to the one is no problem of the other
    printf 'X' | dd of="$from/audit_en_20261123T133039Z_batch_001.jsonl.gz" bs=1 seek=100 conv=notrunc status=none
    ok verify -t public.audit_en
    exits 1 verify -t other.audit_en
}

test_older_layouts_are_found() {
    fresh_for audit_en
    place empty_null pg/auditdb/public/audit_en
    ok list --json
    same "$(wc -l <"$OUT")" 1
    ok verify --json
    same "$(json "$OUT" '["ok"]')" 1
    ok cat "$(keys audit_en)" --format csv
    same "$(wc -l <"$OUT")" 6
    mkdir -p "$STORE/pg/auditdb/audit_en/2026/11"
    mv "$STORE/pg/auditdb/public/audit_en/year=2026/month=11/day=23" "$STORE/pg/auditdb/audit_en/2026/11/23"
    sed -i 's/"database":/"database_name":/; s/"table":/"table_name":/' \
        "$STORE"/pg/auditdb/audit_en/2026/11/23/*.metadata.json
    ok list --json
    same "$(wc -l <"$OUT")" 1
    ok verify "$(keys audit_en)"
    ok cat "$(keys audit_en)" --format csv
    same "$(wc -l <"$OUT")" 6
}

test_damage_is_found() {
    fresh_for audit_uuid
    place uuidpk
    local data
    data=$(objects 132852Z_batch_002.jsonl.gz)
    printf '\xff' | dd of="$data" bs=1 seek=6000 conv=notrunc status=none
    exits 1 verify --json
    same "$(json "$OUT" '["archives_checked"]')" 4
    same "$(json "$OUT" '["ok"]')" 3
    same "$(json "$OUT" '["problems"][0]["key"]')" "${data#"$STORE"/}"
    # whole gzip, another row: the checksums tell
    zcat "$EARLIER/uuidpk/audit_uuid_20261123T132852Z_batch_002.jsonl.gz" | sed '1s/actor13/actor14/' |
        gzip -9 >"$data"
    exits 1 verify
    rm "$data"
    exits 1 verify
    says "$OUT" missing_data
    exits 2 cat "$(keys 132852Z_batch_001 | sed 's/001/002/')"
}

test_recover_leaves_them_alone() {
    fresh_for audit_uuid audit_simple
    place uuidpk
    place simple
    sql "$(cat "$EARLIER/uuidpk/ddl.sql"); $(cat "$EARLIER/simple/ddl.sql")"
    (cd "$STORE/pg" && find . -type f -exec sha256sum {} + | sort) >"$DIR/before"
    ok recover
    sed -i '/name: audit_uuid/s/created_at/occurred_at/' "$CONF"
    ok archive
    (cd "$STORE/pg" && find . -type f -not -path '*/_*' -exec sha256sum {} + | sort) | diff "$DIR/before" -
}

test_restore_names_what_is_lost_and_knows_schemas_of_one_name() {
    fresh_for typezoo
    place typezoo
    sql "$(cat "$EARLIER/typezoo/ddl.sql")"
    ok restore --all --json
    same "$(json "$OUT" '["status"]')" success
    says "$OUT" '"column": "c_polygon"'
    says "$OUT" '"kind": "lost"'
    says "$OUT" '"table": "auditdb.public.typezoo"'
    ok list --json
    same "$(grep -c '"state": *"foreign"' "$OUT")" 1
    same "$(grep -c '"restored_at": *"2' "$OUT")" 1
    ok restore --all --new-only --json
    same "$(json "$OUT" '["records_read"]')" 0
    ok restore --all --on-conflict skip --dry-run
}

test_a_damaged_one_is_passed_over() {
    local key
    fresh_for audit_uuid
    place uuidpk
    sql "$(cat "$EARLIER/uuidpk/ddl.sql")"
    key=$(keys audit_uuid | head -1)
    printf 'x' | dd of="$STORE/$key" bs=1 seek=60 conv=notrunc 2>/dev/null
    exits 2 restore --all
    same "$(sql 'SELECT count(*) FROM audit_uuid')" 0
    exits 1 restore --all --skip-damaged --json
    same "$(json "$OUT" '["damaged"].__len__()')" 1
    [ "$(sql 'SELECT count(*) FROM audit_uuid')" -gt 0 ] || [ "$(keys audit_uuid | wc -l)" -eq 1 ]
}

run_tests
