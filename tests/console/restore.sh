#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# needs: s3
#
# The restore flow in the console.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"
export S3_ACCESS_KEY S3_SECRET_KEY

# 2617 of 4800 rows of `logs` in three archives; $DIR/before: what the table was.
archived_logs() {
    fresh
    own_runs
    export XDG_STATE_HOME=$DIR/state
    logs 4800
    config "" "  batch_size: 1000
  strategy: index"
    content logs >"$DIR/before"
    ok archive
}

content() { # TABLE
    sql "SELECT md5(string_agg(l::text, ',' ORDER BY id)) FROM $1 l"
}

test_marked_archives_come_back_into_their_table_and_another() {
    archived_logs
    console <<'END'
wait cutoff
key 3
wait 20 3 archives, 2,617 rows
key * o
wait Which rows come back
has archives
key C-n
wait Where do the rows go
key C-n
wait 20 appdb.public.logs into appdb.public.logs: 3 archives, 2,617 rows
has same
key C-n
wait not counted yet
key C-r
wait of 2,617 rows 2,617 come back
has 0 are there already
key C-n
wait Nothing is written yet
has 5 same
has archiver-tui -c
key s
wait type logs to start
type lags
key Enter
wait not started
key s
type logs
key Enter
wait is on its way
wait success
key o
wait report of
wait records_restored
key q q
wait Started from here
has not counted yet
key C-p
wait rows that are there already
key C-r
wait 20 2,617 are there already
has the first of them ends its table's restore
key Right
wait the answers are others
key C-r
wait they stay as they are
has of 2,617 rows 0 come back
key C-p C-p
wait Where do the rows go
key Down
type old
key Down
type found
key C-n
wait there is no table old.found
key Esc Down
type y
key C-n
wait which will be made
key C-n C-n
wait Nothing is written yet
has (will be made)
has since it was counted
key s
type found
key Enter
wait is on its way
wait success
key Q
exits 0
settings
END
    same "$(cat "$OUT")" 'same' settings
    content logs | cmp - "$DIR/before" || fail "the rows are not those that left"
    sql "SELECT count(*), count(*) FILTER (WHERE f::text = l::text) FROM old.found f
        JOIN logs l USING (id)" >"$DIR/got"
    same "$(cat "$DIR/got")" '2617|2617' 'rows of the table that was made'
    same "$(sql "SELECT count(*) FROM pg_index WHERE indrelid = 'old.found'::regclass")" 2 indexes
}

test_rows_of_s3_by_date_and_expression() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    archived_logs
    local from before
    from=$(date -u -d '150 days ago' +%F)
    before=$(date -u -d '120 days ago' +%F)
    console <<END
wait cutoff
key 4
wait Which rows come back
type t
key Down
type appdb
key Down Down
type logs
key Down
type $from
key Down
type yesterday
wait is not a date or timestamp
key C-u
type $before
key Down
type level = 'error'
key C-n
wait Where do the rows go
key C-n
wait 20 appdb.public.logs into
key C-n
wait not counted yet
key C-r
wait 20 0 are there already
key C-n
wait Nothing is written yet
has level = 'error'
key Enter
type logs
key Enter
wait is on its way
wait success
key Q
exits 0
END
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days'")" 240 \
        'rows that came back'
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days' AND
        (level <> 'error' OR at < '$from' OR at >= '$before')")" 0 'rows that were not asked for'
}

test_back_and_forth_keeps_what_was_entered() {
    archived_logs
    console <<'END'
wait cutoff
key 4
wait Which rows come back
key C-n
wait no table is named
key Esc Down Down Down
type logs
key Down Down Down
type level = 'warn'
key C-n
wait Where do the rows go
type nowhere
key C-n
wait database nowhere is not in the configuration
key Esc C-p
wait Which rows come back
has logs
has level = 'warn'
key C-n
wait Where do the rows go
has nowhere
key C-u
type appdb
key C-n
wait 20 becomes
key C-n
wait Known by
key Right Down
type id
key Esc
wait becomes
key Esc Esc
wait level = 'warn'
key C-n
wait appdb
key C-n
wait becomes
key C-n
wait Known by
has id
has overwrite
key C-p
wait becomes
key 1
wait cutoff
key 4
wait Which rows come back
has level = 'warn'
key C-n
wait appdb
key C-p
wait level = 'warn'
key C-d
gone level = 'warn'
key C-c
exits 0
END
}

test_columns_are_mapped_in_the_editor() {
    archived_logs
    sql "ALTER TABLE logs RENAME level TO severity;
        ALTER TABLE logs ALTER ip TYPE text USING host(ip);
        ALTER TABLE logs ALTER id TYPE integer;
        ALTER TABLE logs ADD seen boolean NOT NULL DEFAULT false;
        ALTER TABLE logs ALTER seen DROP DEFAULT"
    ROWS=30 COLS=110 console <<'END'
wait cutoff
key 3
wait 20 3 archives, 2,617 rows
key * o
wait Which rows come back
key C-n
wait Where do the rows go
key C-n
wait 20 !missing
has dropped
has defaulted
has !cast
key C-n
wait columns marked ! do not fit
key Down Down Enter
wait Goes into
key Right Down
type severit
wait did you mean "severity"?
type y
key C-n
wait renamed
lacks dropped
key v
wait severity
key q
key g Enter
wait Goes into
key Down
type s.id::integer
key C-n
wait cast SQL
key /
type seen
key Enter Enter
wait Gets
key Right Down
type true
key C-n
wait filled
key Esc
wait severity
key m
wait mapping file
has to: severity
has using: "s.id::integer"
has value: "true"
key q
key g Down Enter
wait Goes into
key Right Down
type severity
key C-n
wait two things go into column "severity"
key Esc
wait renamed
key C-n
wait not counted yet
key C-n
wait Nothing is written yet
has 1 renamed
has 2 cast
has 1 filled
key s
type logs
key Enter
wait is on its way
wait success
key Q
exits 0
END
    same "$(sql "SELECT count(*), count(DISTINCT severity) FROM logs WHERE seen")" '2617|3' 'rows'
    same "$(sql "SELECT DISTINCT severity = (ARRAY['info', 'warn', 'error'])[1 + id % 3] AND
        ip = '10.0.' || id / 256 % 256 || '.' || id % 256 || '/32' FROM logs WHERE seen")" t \
        'what the columns hold'
}

test_columns_of_earlier_runs_are_seen() {
    archived_logs
    sql "ALTER TABLE logs DROP body; ALTER TABLE logs ADD note text;
        UPDATE logs SET at = at - interval '1 year' WHERE id < 10"
    ok archive
    ROWS=30 COLS=110 console <<'END'
wait cutoff
key 4
wait Which rows come back
key Down Down Down
type logs
key C-n
wait Where do the rows go
key C-n
wait 20 4 archives, 2,626 rows
has body (earlier)
has dropped
key C-c
exits 0
END
}

test_a_run_is_rolled_back_from_the_list_of_runs() {
    archived_logs
    console <<'END'
wait cutoff
key 2
wait success
key b
wait Which rows come back
has rollback
lacks Rows where
key C-n
wait Where do the rows go
key C-n
wait 20 3 archives, 2,617 rows
key C-n
wait not counted yet
key C-n
wait A whole run is brought back
key s
type logs
key Enter
wait is on its way
wait success
key 2
wait 20 restore
key b
wait not now
key 3
wait 20 rolled_bac
key Q
exits 0
END
    content logs | cmp - "$DIR/before" || fail "the rows are not those that left"
}

test_a_run_of_three_tables_is_rolled_back_at_once() {
    fresh
    three_tables "  batch_size: 1000
  strategy: index"
    ok archive
    console <<'END'
wait cutoff
key 2
wait success
key b
wait Which rows come back
key C-n
wait Where do the rows go
key Down Down
type elsewhere
key C-n
wait the archives are of more than one table
key Esc C-u C-n
wait 20 3 tables
has appdb.audit.changes
key Enter
wait name one in the first step
key C-n
wait not counted yet
key C-r
wait come back
key C-n
wait Nothing is written yet
has appdb.audit.changes ->
key s
wait type appdb to start
type appdb
key Enter
wait is on its way
wait success
key Q
exits 0
END
    same "$(sql 'SELECT (SELECT count(*) FROM logs) + (SELECT count(*) FROM events)
        + (SELECT count(*) FROM audit.changes)')" 8800 rows
}

test_counting_is_ended_by_a_key() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    archived_logs
    sed -i 's/^s3:/&\n  bandwidth_limit_mb: 0.01/' "$CONF"
    console <<'END'
wait cutoff
key 3
wait 20 3 archives
key * o
wait Which rows come back
key C-n
wait Where do the rows go
key C-n
wait 20 becomes
key C-n
wait not counted yet
lacks end counting
key C-r
wait Ctrl-X ends it
has end counting
key C-x
wait not counted yet
key C-r
wait Ctrl-X ends it
key C-n
wait Nothing is written yet
has Ctrl-X ends it
key C-p C-p
wait becomes
key C-n
wait not counted yet
key C-c
exits 0
END
}

test_read_only_takes_the_last_step_away() {
    archived_logs
    console --read-only <<'END'
wait cutoff
key 3
wait 20 3 archives
key o
wait Which rows come back
key C-n
wait Where do the rows go
key C-n
wait 20 becomes
key C-n
wait not counted yet
key C-r
wait 20 0 are there already
key C-n
wait nothing is started from here
lacks s start  ^P
key s
wait read-only: start it
key Q
exits 0
END
    same "$(sql 'SELECT count(*) FROM logs')" 2183 rows
}

test_a_server_that_is_down_is_said_and_the_flow_goes_on() {
    archived_logs
    sed -i "s/^databases:/&\n  - name: crm\n    host: 127.0.0.1\n    port: 9\n    user: nobody\n    tables:\n      - name: logs\n        timestamp_column: at/" "$CONF"
    console <<'END'
wait ERROR
key 3
wait 20 3 archives
key * o
wait Which rows come back
key C-n
wait Where do the rows go
type crm
key C-n
wait error: network
has do: check host and port
key Esc
wait Into database
key C-u C-n
wait 20 appdb.public.logs into
key C-n
wait not counted yet
key C-r
wait of 2,617 rows 2,617 come back
key C-c
exits 0
END
}

run_tests
