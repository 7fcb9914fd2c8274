#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Runs as processes: started in the background, looked at, paused, stopped, and outliving whoever
# started them.
# shellcheck source=../harness/live.sh
. "$TESTS/harness/live.sh"

# 1,816 old rows in batches of 100, with a rest of $1 seconds (0.2) between them.
place() {
    live_place "  batch_size: 100
  sleep_between_batches: ${1:-0.2}"
}

rows() {
    sql 'SELECT count(*) FROM logs'
}

# A client of the protocol: says $1 a line each, prints what comes for $2 seconds.
talk() { # LINES SECONDS
    python3 - "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock" "$1" "$2" <<'PYTHON'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
s.settimeout(0.1)
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end:
    try:
        data = s.recv(65536)
    except TimeoutError:
        continue
    except ConnectionResetError:
        break  # it had enough of us, and of what it had not read yet
    if not data:
        break
    sys.stdout.write(data.decode())
PYTHON
}

test_a_detached_run_outlives_its_session() {
    place
    python3 - "$ARCHIVER" "$CONF" "$DIR/id" <<'PYTHON'
import os, pty, signal, sys, time
archiver, conf, path = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever the suite was started with
    os.execvp("bash", ["bash", "-c", f"{archiver} -c {conf} archive --detach >{path}; sleep 60"])
for _ in range(200):
    if os.path.exists(path) and os.path.getsize(path) > 20:
        break
    time.sleep(0.05)
os.close(fd)  # the terminal goes away, and SIGHUP with it
os.kill(pid, signal.SIGHUP)
os.waitpid(pid, 0)
PYTHON
    RUN=$(cat "$DIR/id")
    until_snapshot 'd["batches"] >= 1'
    ends_well
}

test_the_last_snapshot_is_the_report() {
    place 0.1
    detached
    ok watch "$RUN" --json
    tail -1 "$OUT" >"$DIR/last"
    local report=$STORE/pg/_runs/$RUN.json
    same "$(json "$DIR/last" '["rows_done"], d["batches"], d["bytes"], d["status"], d["exit_code"]')" \
        "$(json "$report" '["records_archived"], d["batches"], d["bytes_uploaded"], d["status"], 0')"
    same "$(json "$DIR/last" '["tables"][0]["rows_done"], d["tables"][0]["bytes"], d["tables"][0]["skipped"]')" \
        "$(json "$report" '["tables"][0]["records_archived"], d["tables"][0]["bytes"], d["tables"][0]["skipped_locked"]')"
    same "$(json "$DIR/last" '["tables"][0]["phases"]')" "$(json "$report" '["tables"][0]["phases"]')"
    same "$(json "$DIR/last" '["tables"][0]["state"]')" done
}

test_watchers_come_and_go() {
    place
    detached
    "$ARCHIVER" watch "$RUN" --json >"$DIR/one" &
    "$ARCHIVER" watch --json >"$DIR/two" &
    "$ARCHIVER" watch >"$DIR/plain" &
    "$ARCHIVER" watch --json >"$DIR/killed" &
    local killed=$!
    talk '{"do": "subscribe", "every_ms": 50, "log": "info"}' 2 >"$DIR/talk"
    kill -9 "$killed"
    # one that never reads
    python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall(b"{\"do\": \"subscribe\", \"every_ms\": 50, \"log\": \"info\"}\n"); time.sleep(30)' \
        "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock" &
    local deaf=$!
    ends_well
    kill "$deaf"
    wait
    same "$(tail -1 "$DIR/one" | json /dev/stdin '["exit_code"]')" 0
    same "$(tail -1 "$DIR/two" | json /dev/stdin '["exit_code"]')" 0
    says "$DIR/plain" "$RUN  archive success"
    says "$DIR/talk" '"type":"hello","version":1'
    says "$DIR/talk" 'settled: 100 rows'
    says "$DIR/talk" '"server":{"database":"appdb"'
}

test_pause_holds_between_batches() {
    place
    detached
    until_snapshot 'd["batches"] >= 1'
    ok pause "${RUN##*-}"
    until_snapshot 'd["state"] == "paused"'
    local before
    before=$(rows)
    same "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB' AND application_name LIKE 'archiver-tui%' AND application_name NOT LIKE 'archiver-tui monitor%' AND xact_start IS NOT NULL")" \
        0 'transactions that are open'
    same "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = '$DB')")" \
        1 'locks of the table'
    exits 4 archive
    sleep 1
    same "$(rows)" "$before"
    ok runs
    says "$OUT" paused
    ok resume
    ends_well
}

test_a_paused_run_can_be_stopped() {
    place
    detached
    until_snapshot 'd["batches"] >= 1'
    ok pause
    until_snapshot 'd["state"] == "paused"'
    ok stop
    over
    same "$(json "$STORE/pg/_runs/$RUN.json" '["status"]')" stopped
    balanced "$DIR/all"
}

test_stop_ends_after_the_batch() {
    place
    "$ARCHIVER" -c "$CONF" archive >"$DIR/run.out" 2>&1 &
    local pid=$! code=0
    until_snapshot 'd["batches"] >= 2'
    RUN=$(json "$OUT" '["live"][0]["run_id"]')
    ok stop "$RUN"
    wait "$pid" || code=$?
    same "$code" 130
    same "$(json "$STORE/pg/_runs/$RUN.json" '["status"]')" stopped
    balanced "$DIR/all"
    ok archive
    balanced "$DIR/all"
}

# A second a row.
test_a_stop_does_not_wait_for_a_count() {
    fresh
    config '      - name: logs
        timestamp_column: at
        where: pg_sleep(1) IS NOT NULL'
    logs 3000
    "$ARCHIVER" -c "$CONF" archive --dry-run >"$DIR/run.out" 2>"$DIR/run.err" </dev/null &
    local pid=$! code=0
    held "wait_event = 'PgSleep'"
    kill -INT "$pid"
    wait "$pid" || code=$?
    same "$code" 130 'exit code'
    same "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB' AND wait_event = 'PgSleep'")" 0
}

test_stop_now_rolls_the_batch_back() {
    place
    ARCHIVER_FAULT=put.data=delay:5000@3 "$ARCHIVER" -c "$CONF" archive >"$DIR/run.out" 2>&1 &
    local pid=$! code=0
    until_snapshot 'd["batches"] == 2 and d["tables"][0]["object"]'
    ok stop --now
    wait "$pid" || code=$?
    same "$code" 130
    same "$(rows)" 3800
    balanced "$DIR/all"
}

test_ceilings_are_changed_live() {
    place 0
    config '' '  batch_size: 100
  rows_per_second: 200'
    detached
    until_snapshot 'd["rows_ceiling"] == 200 and d["tables"][0]["wait"] == "ceiling"'
    ok throttle --rows-per-second 100 --mb-per-second 50
    until_snapshot 'd["rows_ceiling"] == 100 and d["mb_ceiling"] == 50'
    ok throttle --rows-per-second 0
    until_snapshot 'd["rows_ceiling"] == 0' || true # it may have ended by now
    over
    same "$(json "$STORE/pg/_runs/$RUN.json" '["status"]')" success
    balanced "$DIR/all"
    exits 2 throttle
    exits 2 throttle --rows-per-second x
}

test_what_is_left_of_a_killed_run_is_cleared() {
    place
    detached
    until_snapshot 'd["batches"] >= 1'
    ok runs --json
    talk '{"do":"snapshot"}' 0.3 >"$DIR/talk"
    kill -9 "$(head -1 "$DIR/talk" | json /dev/stdin '["pid"]')"
    sleep 0.3
    same "$(sockets)" 1
    ok runs --json
    same "$(json "$OUT" '["live"]')" '[]'
    same "$(sockets)" 0
    exits 2 watch "$RUN"
    says "$ERR" 'no such run goes on here'
    local try
    for try in $(seq 20); do
        run recover
        [ "$CODE" -eq 4 ] || break
        sleep 0.2
    done
    ok archive
    balanced "$DIR/all"
}

test_nonsense_does_no_harm() {
    place
    detached
    until_snapshot 'd["batches"] >= 1'
    talk 'x' 0.3 >"$DIR/talk"
    says "$DIR/talk" 'not understood'
    talk '{"do": ["stop"]}' 0.3 >"$DIR/talk"
    says "$DIR/talk" 'not understood'
    talk '{"do": "throttle", "rows_per_second": "many"}' 0.3 >"$DIR/talk"
    says "$DIR/talk" '"ok"'
    talk "$(head -c 40000 /dev/zero | tr '\0' x)" 0.3 >"$DIR/talk"
    says "$DIR/talk" 'too long'
    python3 - "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock" <<'PYTHON'
import random, socket, sys
random.seed(5)
for _ in range(300):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    try:
        s.sendall(bytes(random.choices(b'{}[]":,\n\\ ednostpauw\x00\xff0123', k=random.randrange(400))))
    except OSError:
        pass  # it had enough of us
    s.close()
PYTHON
    ends_well
}

test_others_are_not_listened_to() {
    [ "$(id -u)" -eq 0 ] || return 0
    place
    chmod 755 "$WORK" "$DIR"
    detached
    until_snapshot 'd["batches"] >= 1'
    same "$(stat -c %a "$ARCHIVER_TUI_RUNTIME_DIR" "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock" | xargs)" '700 600'
    # even where the door was left open
    chmod 755 "$ARCHIVER_TUI_RUNTIME_DIR"
    chmod 777 "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock"
    setpriv --reuid=nobody --clear-groups python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
try: s.sendall(b"{\"do\": \"stop\"}\n"); sys.stdout.write(repr(s.recv(100)))
except OSError as e: sys.stdout.write("closed")' "$ARCHIVER_TUI_RUNTIME_DIR/$RUN.sock" >"$DIR/said"
    [[ $(cat "$DIR/said") =~ ^(closed|b\'\')$ ]] || fail "$(cat "$DIR/said")"
    ends_well
}

test_a_directory_that_is_not_ours_alone_is_not_used() {
    place 0
    chmod 777 "$ARCHIVER_TUI_RUNTIME_DIR"
    ok archive
    says "$ERR" 'is not ours alone'
    balanced "$DIR/all"
    rmdir "$ARCHIVER_TUI_RUNTIME_DIR"
    mkdir -m 700 "$DIR/elsewhere"
    ln -s "$DIR/elsewhere" "$ARCHIVER_TUI_RUNTIME_DIR"
    ok archive
    says "$ERR" 'is not ours alone'
}

# As a login has it, and looked for there.
test_the_users_runtime_directory_is_the_default() {
    place
    local runtime=$ARCHIVER_TUI_RUNTIME_DIR
    unset ARCHIVER_TUI_RUNTIME_DIR
    XDG_RUNTIME_DIR=$runtime ok archive --detach
    RUN=$(cat "$OUT")
    [ -S "$runtime/archiver-tui/$RUN.sock" ] || fail "no socket in $runtime"
    same "$(stat -c %a "$runtime/archiver-tui")" 700
    XDG_RUNTIME_DIR=$runtime ok watch "$RUN" --json
    same "$(tail -1 "$OUT" | json /dev/stdin '["status"]')" success
    same "$(find "$runtime" -type s | wc -l)" 0
    rm -rf "$runtime"
}

test_what_cannot_start_says_so() {
    place
    echo 'nonsense: [' >>"$CONF"
    exits 3 archive --detach
    says "$ERR" 'not YAML'
    config '' '  batch_size: 0'
    exits 3 archive --detach --json
    says "$OUT" '"code"'
    exits 2 archive --detach --nonsense
}

test_past_runs_are_listed() {
    place 0
    ok archive --limit 100
    ok archive --limit 100
    ok restore --all
    ok runs
    same "$(grep -c ' success ' "$OUT")" 3
    ok runs --json --limit 2
    same "$(json "$OUT" '["past"].__len__()')" 2
    same "$(json "$OUT" '["past"][0]["kind"], d["past"][0]["rows"]')" "('restore', 200)"
    same "$(json "$OUT" '["past"][1]["kind"], d["past"][1]["rows"]')" "('archive', 100)"
}

test_a_restore_is_watched_but_not_paused() {
    place 0
    ok archive
    ARCHIVER_FAULT=restore.fetch=delay:3000@1 ok restore --all --detach
    RUN=$(cat "$OUT")
    until_snapshot 'd["kind"] == "restore" and d["tables"]'
    exits 3 pause "$RUN"
    says "$ERR" 'only an archive run can wait'
    ok watch "$RUN" --json
    same "$(tail -1 "$OUT" | json /dev/stdin '["rows_done"], d["status"]')" "($((4000 - $(archived_ids | comm -23 <(sort "$DIR/all") - | wc -l))), 'success')" || true
    same "$(rows)" 4000
}

run_tests
