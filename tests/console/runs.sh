#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Runs in the console: started, watched, steered, left alone.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"

SLOW="  rows_per_second: 100
  batch_size: 50"

# No test leaves a run behind.
trap 'stop_runs' EXIT

live() { # how many runs of this config's directory live
    ok runs --json
    jq '.live | length' "$OUT"
}

test_what_the_screen_says_is_what_the_report_says() {
    fresh
    three_tables
    ROWS=30 COLS=200 console <<'END'
wait never
key :
type archive
key Enter
wait Run this?
has archiver-tui archive
key y
wait where the time goes
wait success
quiet 500
screen
key o
wait report of
key q
wait where the time goes
key Q
exits 0
END
    local rows
    cp "$OUT" "$DIR/live"
    ok runs --json
    rows=$(jq '.past[0].rows' "$OUT")
    [ "$rows" -gt 4000 ] || fail "only $rows rows"
    same "$(sql 'SELECT 8800 - (SELECT count(*) FROM logs) - (SELECT count(*) FROM events)
        - (SELECT count(*) FROM audit.changes)')" "$rows" 'rows archived'
    local key table shown
    key=$(jq -r '.past[0].run_id' "$OUT")
    for table in logs events changes; do
        shown=$(grep "appdb.*\.$table " "$DIR/live" | grep -o '100%.*' | awk '{ print $3 }')
        same "$shown" "$(short "$(jq ".tables[] | select(.table == \"$table\") | .records_archived" \
            "$STORE/pg/_runs/$key.json")")" "rows of $table on the screen"
    done
}

short() { # as the console writes counts
    awk -v n="$1" 'BEGIN { if (n < 999.5) printf "%d", n; else printf "%.1fk", n / 1000 }'
}

test_a_run_started_here_survives_the_console() {
    fresh
    three_tables "$SLOW"
    console <<'END'
wait never
key a
wait Archive?
has appdb.public.logs
key Enter
gone Archive?
key a y
wait is on its way
wait RUNNING
wait where the time goes
wait batch 1 settled
quiet 100
hangup
exits
END
    same "$(live)" 1 'live runs'
    stop_runs
}

test_leaving_says_what_goes_on() {
    fresh
    three_tables "$SLOW"
    ok archive --detach
    console <<'END'
wait RUNNING
key Q
exits 0
has goes on: archiver-tui watch
END
    stop_runs
}

test_pause_resume_limit_and_stop() {
    fresh
    three_tables "$SLOW"
    ok archive --detach -t logs
    console <<'END'
wait RUNNING
key 2
wait running
key Enter
wait where the time goes
key p
wait PAUSED
key k
wait p resume
key p
wait RUNNING
key k
wait p pause
key c
type 50
key Enter
wait at most 50 rows a second
key +
wait at most 62 rows a second
key c
type nonsense
key Enter
wait a number of rows is expected
key c
type 0.5 MB
key Enter
wait at most 0.5 MB a second
key c
type 100
key Enter
wait at most 100
key s
wait Stop this run?
key Esc
gone Stop this run?
key s y
wait stopped
screen
key Q
exits 0
END
    ok runs --json
    same "$(jq -r '.past[0].status' "$OUT")" stopped 'the report'
    same "$(live)" 0 'live runs'
}

test_without_a_ceiling_it_goes_as_fast_as_it_can() {
    fresh
    three_tables "$SLOW"
    ok archive --detach -t logs
    console <<'END'
wait RUNNING
key 2
wait running
key Enter
wait where the time goes
key 0
wait no ceiling
wait success
key Q
exits 0
END
}

# In 80 columns, where the last one is not to be seen.
test_what_holds_a_table_up_stands_in_its_row() {
    fresh
    three_tables '  batch_size: 500
  sleep_between_batches: 0.5
  max_active_backends: 1'
    sql "ALTER DATABASE $DB SET vacuum_cost_delay = 100; ALTER DATABASE $DB SET vacuum_cost_limit = 1"
    for _ in 1 2 3; do
        psql -XAtq -d "$DB" -c 'SELECT pg_sleep(120)' >/dev/null 2>&1 &
    done
    ok archive --detach -t logs
    console <<'END'
wait RUNNING
key 2
wait running
key Enter
wait % active backends
key q
key Q
exits 0
END
    sed -i 's/  max_active_backends: 1/  max_active_backends: 0/' "$CONF"
    stop_runs
    until [ "$(live)" = 0 ]; do sleep 0.1; done
    ok archive --detach -t logs --limit 600
    console <<'END'
wait RUNNING
key 2
wait running
key Enter
wait vacuum logs: scanning heap
key Q
exits 0
END
    sql "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE datname = '$DB' AND query LIKE 'SELECT pg_sleep%'" >/dev/null
}

test_abort_rolls_back_the_batch_in_work() {
    fresh
    three_tables "$SLOW"
    ok archive --detach -t logs
    console <<'END'
wait RUNNING
key 2
wait running
key Enter
wait where the time goes
key X
wait Abort this run?
has rolled back
key y
wait stopped
key Q
exits 0
END
    same "$(live)" 0 'live runs'
    ok verify
}

test_a_run_that_is_killed_shows_as_died() {
    fresh
    three_tables "$SLOW"
    "$ARCHIVER" -c "$CONF" archive -t logs >/dev/null 2>&1 &
    local pid=$!
    disown # nobody has to say that it was killed
    console <<END
wait RUNNING
key 2
wait running
# killed from outside
signal 9 $pid
wait died
key Q
exits 0
END
    ok recover
}

test_read_only_takes_the_dangerous_keys_away() {
    fresh
    three_tables "$SLOW"
    ok archive --detach -t logs
    console --read-only <<'END'
wait READ-ONLY
wait RUNNING
lacks a archive
key a
wait read-only: start a run
key 2
wait running
key Enter
wait where the time goes
lacks p pause
key p
wait read-only: hold
key X
wait read-only: end at once
key ?
wait (not in read-only)
key q
key :
type archive
key Enter y
wait archive is refused: read-only
key Q
exits 0
END
    stop_runs
}

test_a_server_that_hangs_shows_and_keys_work() {
    fresh
    three_tables
    # It takes connections and says nothing.
    python3 - "$DIR/port" <<'END' &
import socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 0))
s.listen(5)
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
time.sleep(40)
END
    local pid=$! try
    for try in $(seq 100); do
        [ ! -s "$DIR/port" ] || break
        sleep 0.05
    done
    cat >>"$CONF" <<END
  - name: hangs
    host: 127.0.0.1
    port: $(cat "$DIR/port")
    dbname: x
    user: x
    connect_timeout: 30
    tables:
      - name: notes
        timestamp_column: at
END
    console <<'END'
wait never
wait 15 waits
has hangs.public.notes
has 2.6k
key ?
wait keys of Overview
key q
key t
wait asking hangs
key x
wait stopping
key q
key Q
exits 0
settings
END
    kill "$pid"
    same "$(cat "$OUT")" same settings
}

test_an_unreachable_server_is_an_error_in_its_row() {
    fresh
    three_tables
    cat >>"$CONF" <<END
  - name: away
    host: 127.0.0.1
    port: 1
    dbname: x
    user: x
    tables:
      - name: notes
        timestamp_column: at
END
    console <<'END'
wait never
wait ERROR
key End
wait cannot connect to database
key Enter
wait cannot connect to database
key q
key Q
exits 0
END
}

test_a_table_and_its_growth() {
    fresh
    three_tables
    ok archive
    console <<'END'
wait ok
key Enter
wait rows archived in
wait CREATE TABLE "public"."logs"
wait archived rows by month
key m
gone archived rows by month
key m
wait archived rows by month
key a
wait settled
key q q
wait 3 tables
key Q
exits 0
END
}

test_the_screens_of_a_table_and_its_past_runs() {
    fresh
    three_tables
    ok archive
    local size
    for size in '24 80' '50 200'; do
        ROWS=${size% *} COLS=${size#* } console <<'END'
wait ok
wait cutoff
key Enter
wait rows archived in
wait CREATE TABLE
quiet 200
screen
key 2
wait success
key Enter
wait report of
has records_archived
key q
wait success
quiet 200
screen
key Q
exits 0
END
        # Sizes, times, rates and months are of this moment.
        sed -i -E -e 's/^ [0-9]{8}T[^ ]+ +success  archive .*/ RUN  success  archive  numbers/' \
            -e '/^── archived rows/,/^── the table/{/^──/!d}' -e 's/[0-9]+s ago/9s ago/' \
            -e 's/ [0-9.]+ kB/ 9 kB/g; s/\([0-9.]+x/(9x/' "$OUT"
        golden "table-and-runs-${size#* }x${size% *}"
    done
}

test_names_of_any_width_break_no_line() {
    fresh
    local name='表格_é_'$'\t''x'
    sql "CREATE TABLE \"表格_é_	x\" (id int PRIMARY KEY, at timestamptz NOT NULL);
         CREATE INDEX ON \"表格_é_	x\" (at);
         INSERT INTO \"表格_é_	x\" SELECT g, now() - g * interval '1 day' FROM generate_series(1, 200) g;
         ANALYZE"
    config "      - name: \"表格_é_\\tx\"
        timestamp_column: at"
    console <<'END'
wait 表格_é_·x
wait never
quiet 300
screen
key a y
wait success
quiet 200
screen
key Q
exits 0
END
    # The columns stand where they stand for any other name.
    grep -q '^ appdb.public.表格_é_·x *1[01][0-9] ' "$OUT" || {
        cat "$OUT" >&2
        fail "the row is broken"
    }
    [ -n "$name" ]
}

run_tests
