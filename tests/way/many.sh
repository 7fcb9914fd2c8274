#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Very many tables in one configuration, as tests/bench/tables has them: more than any list of a fixed
# length would hold, with a few rows each.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"

TABLES=100

# log_1 to log_N, three rows in each, of which the one with id 1 is old.
many_tables() {
    sql "DO \$\$ BEGIN
             FOR i IN 1 .. $TABLES LOOP
                 EXECUTE format('CREATE TABLE log_%s (id bigint PRIMARY KEY, at timestamptz NOT NULL)', i);
                 EXECUTE format('CREATE INDEX ON log_%s (at)', i);
                 EXECUTE format('INSERT INTO log_%s VALUES (1, now() - interval ''200 days''), (2, now()), (3, now())', i);
             END LOOP;
         END \$\$"
    config "$(seq "$TABLES" | sed 's/.*/      - {name: log_&, timestamp_column: at}/')" "  parallel_tables: 4"
}

rows_left() {
    sql "SELECT sum(((xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || relname, true, true, '')))[1])::text::int)
         FROM pg_class WHERE relkind = 'r' AND relname LIKE 'log\\_%'"
}

test_each_of_very_many_tables_is_checked_archived_listed_and_shown() {
    fresh
    own_runs
    many_tables
    ok check
    says "$OUT" "log_1"
    says "$OUT" "log_$TABLES"
    ok archive --dry-run --json
    same "$(jq '[.tables[] | select(.eligible == 1)] | length' "$OUT")" "$TABLES" "tables with a row to archive"
    ok archive --json
    same "$(jq '[.tables[] | select(.status == "success" and .records_archived == 1)] | length' "$OUT")" \
        "$TABLES" "tables archived"
    same "$(rows_left)" $((2 * TABLES)) "rows left"
    ok list --json
    same "$(jq -s '[.[] | select(.state == "settled") | .table] | unique | length' "$OUT")" "$TABLES" "tables listed"
    ok runs --json
    same "$(jq '.past[0].records_archived // .past[0].rows' "$OUT")" "$TABLES" "rows of the run"
    console <<END
wait 60 $TABLES tables
wait 60 archived: $TABLES rows
key G
wait 60 log_$TABLES
wait ok
key /
type log_77
key Enter
wait log_77
key Q
exits 0
END
}

# The configuration has more of them than fit on a screen, and the last one counts as the first does.
test_a_slip_in_the_name_of_any_table_is_noticed() {
    fresh
    config "$(seq 1000 | sed 's/.*/      - {name: log_&, timestamp_column: at}/')"
    exits 2 archive -t lgo_1000
    says "$ERR" "table lgo_1000 is not in the configuration"
    says "$ERR" "did you mean log_1000?"
}

run_tests
