#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# verify beyond sums and sizes: rows against their index and manifest, keys against the table, the
# schema over the batches, the catalog's word; and its report as a page.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

kinds() { # problems|notes: kinds of the last report, each with its count
    python3 - "$OUT" "$1" <<'END'
import collections, json, sys
c = collections.Counter(f["kind"] for f in json.load(open(sys.argv[1]))[sys.argv[2]])
print(" ".join(f"{k}={n}" for k, n in sorted(c.items())))
END
}

ledger() { # DATA-KEY: what a restore leaves behind
    sql "CREATE SCHEMA archiver_tui;
         CREATE TABLE archiver_tui.archiver_restored (schema_name text, table_name text, archive_key text);
         INSERT INTO archiver_tui.archiver_restored VALUES ('public', 'logs', '$1')"
}

test_deep_finds_what_the_sums_do_not() {
    fresh
    config '' '  batch_size: 300
  member_kb: 16'
    logs 3000
    ok archive
    ok verify --deep --json
    local metadata manifest
    mapfile -t metadata < <(objects .metadata.json)
    mapfile -t manifest < <(objects .manifest.json)
    # two keys of a manifest change places
    awk 'NR == 3 { held = $0; next } { print } NR == 4 { print held }' "${manifest[0]}" >"$DIR/swapped"
    cp "$DIR/swapped" "${manifest[0]}"
    # the index gives a member other timestamps; the batch another moment than its rows say
    python3 - "${metadata[1]}" "${metadata[2]}" <<'END'
import json, sys
for path, change in zip(sys.argv[1:], (
        lambda d: d["members"][0].__setitem__(d["member_fields"].index("min_us"), 1),
        lambda d: d["batch_info"].__setitem__("archived_at", "2020-01-01T00:00:00+00:00"))):
    d = json.load(open(path))
    change(d)
    json.dump(d, open(path, "w"))
END
    ok verify
    exits 1 verify --deep --json
    same "$(kinds problems)" 'bad_bounds=1 bad_key=1 bad_row=1'
    says "$OUT" 'member 0 (rows 0 to '
    same "$(json "$OUT" '["ok"]')" "$((${#metadata[@]} - 3))"
}

test_deep_takes_rows_without_row_metadata_and_uncompressed() {
    fresh
    config '' '  row_metadata: none
  compression: none
  member_kb: 16'
    logs 3000
    ok archive
    ok verify --deep
}

test_archived_keys_must_not_be_in_the_table() {
    fresh
    config '' '  batch_size: 500'
    logs 3000
    ok archive
    ok verify --keys all --json
    same "$(json "$OUT" '["keys_looked_up"]')" "$(json "$OUT" '["rows"]')"
    ok verify --json
    same "$(json "$OUT" '["keys_looked_up"]')" 0
    sql "INSERT INTO logs (id, at) VALUES (2999, now()), (2998, now())"
    exits 1 verify --keys all --json
    same "$(kinds problems)" 'key_in_table=1'
    says "$OUT" '2 of '
    local key
    key=$(json "$OUT" '["problems"][0]["key"]')
    exits 1 verify --keys all "$key"
    says "$OUT" 'key_in_table'
    ledger "$key"
    ok verify --keys all --json
    same "$(kinds notes)" 'restored=1'
    sed -i 's/port: .*/port: 1/' "$CONF"
    ok verify
    exits 7 verify --keys all
}

test_a_sample_of_keys_is_a_thousand_an_archive() {
    fresh
    sql "CREATE TABLE logs (a int, b text, at timestamptz, PRIMARY KEY (a, b));
         INSERT INTO logs SELECT g, 'x' || g, '2020-01-01' FROM generate_series(1, 4000) g"
    ok archive
    ok verify --keys sample --json
    local looked archives
    looked=$(json "$OUT" '["keys_looked_up"]')
    archives=$(json "$OUT" '["archives_checked"]')
    [ "$looked" -le $((archives * 1000)) ] && [ "$looked" -ge $((archives * 300)) ] ||
        fail "$looked of $archives archives"
    sql "INSERT INTO logs SELECT g, 'x' || g, now() FROM generate_series(1, 4000) g"
    exits 1 verify --keys sample --json
    grep -qE ', \(([0-9]+),x\1\) for one' "$OUT"
}

test_the_schema_over_the_batches() {
    fresh
    sql "CREATE TABLE logs (id int PRIMARY KEY, at timestamptz, a int, b text);
         INSERT INTO logs VALUES (1, '2020-01-01', 1, 'x')"
    ok archive
    sql "ALTER TABLE logs DROP COLUMN b, ADD COLUMN c text, ALTER a TYPE bigint;
         ALTER TABLE logs DROP CONSTRAINT logs_pkey, ADD PRIMARY KEY (id, at);
         INSERT INTO logs VALUES (1, '2020-01-02', 2, 'y')"
    sleep 1.1
    ok archive
    ok verify --deep --json
    same "$(kinds notes)" 'column_added=1 column_removed=1 column_retyped=1 key_changed=1'
    says "$OUT" '\"a\" is bigint, was integer since '
    # keys of the one column, of a table whose key has two now
    ok verify --keys all --json
    says "$OUT" keys_skipped
    # within one run there can be no such change
    local first
    first=$(json "$(objects .metadata.json | head -1)" '["batch_info"]["run_id"]')
    sed -i "s/\"run_id\": \"[^\"]*\"/\"run_id\": \"$first\"/" "$(objects .metadata.json | tail -1)"
    exits 1 verify --json
    same "$(kinds problems)" 'bad_catalog=1 bad_schema=4'
}

test_the_catalog_says_something_else() {
    fresh
    logs 3000
    ok archive
    sed -i 's/"records":[0-9]*/"records":5/' "$(objects _catalog/ | head -1)"
    exits 1 verify --json
    same "$(kinds problems)" 'bad_catalog=1'
}

test_the_report_as_a_page() {
    fresh
    config '      - {name: "<b>&\"t\"", timestamp_column: at}'
    sql "CREATE TABLE \"<b>&\"\"t\"\"\" (id int PRIMARY KEY, at timestamptz);
         INSERT INTO \"<b>&\"\"t\"\"\" VALUES (1, '2020-01-01')"
    ok archive
    ok verify --html "$DIR/report.html" --json
    says "$DIR/report.html" 'No problems'
    rm "$(objects .manifest.json)"
    touch "$STORE/$(objects .jsonl.gz | sed "s#^$STORE/##; s/_001/_002/")"
    exits 1 verify --html "$DIR/report.html"
    says "$DIR/report.html" '2 problems, 1 orphans'
    python3 - "$DIR/report.html" <<'END'
import html.parser, sys
text = open(sys.argv[1], encoding="utf-8").read()
class Page(html.parser.HTMLParser):
    open, seen, words = [], set(), ""
    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        assert not {"src", "href", "onload"} & {a for a, _ in attrs}, (tag, attrs)
        if tag not in ("meta",): self.open.append(tag)
    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag
    def handle_data(self, data): self.words += data
page = Page()
page.feed(text)
assert page.open == [], page.open
assert not {"script", "link", "img", "b"} & page.seen, page.seen
assert '/<b>&"t"/' in page.words and "missing_manifest" in page.words and "Orphans" in page.words
assert "url(" not in text and "http" not in text.replace("http-equiv", "")
END
    # whole or not at all
    cp "$DIR/report.html" "$DIR/before.html"
    exits 2 verify --html "$DIR/nosuch/report.html" --json
    same "$(json "$OUT" '["error"]["message"]' | grep -c 'cannot write')" 1
    same "$(find "$DIR" -name '*.tmp' | wc -l)" 0
}

run_tests
