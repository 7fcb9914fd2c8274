# SPDX-License-Identifier: PostgreSQL
#
# What the scripts about live runs share: a table with its configuration, sockets of the test's own,
# and waiting for what a run says of itself.
# shellcheck source=lib.sh
. "$TESTS/harness/lib.sh"

# 4,000 rows of which 1,817 are old; $1: more defaults. The sockets go where this test alone looks.
live_place() { # DEFAULTS
    fresh
    config '' "${1:-}"
    logs 4000
    all_ids "$DIR/all"
    # the path of a socket has room for 107 bytes
    ARCHIVER_TUI_RUNTIME_DIR=$(mktemp -d "${TMPDIR:-/tmp}/archiver.XXXX")
    export ARCHIVER_TUI_RUNTIME_DIR
    # shellcheck disable=SC2064
    trap "rm -rf '$ARCHIVER_TUI_RUNTIME_DIR'" EXIT
}

detached() {
    ok archive --detach
    RUN=$(cat "$OUT")
    [[ $RUN =~ ^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$ ]] || fail "no run id: $RUN"
}

# Until an expression over `d`, the run's snapshot, is true.
until_snapshot() { # PYTHON-EXPRESSION
    local try
    for try in $(seq 150); do
        run runs --json
        python3 -c 'import json, sys
live = json.load(open(sys.argv[1]))["live"]
sys.exit(0 if live and (lambda d: eval(sys.argv[2]))(live[0]) else 1)' "$OUT" "$1" && return 0
        sleep 0.1
    done
    cat "$OUT" >&2
    fail "never: $1"
}

sockets() {
    find "$ARCHIVER_TUI_RUNTIME_DIR" -name '*.sock' | wc -l
}

# Until the run is no more.
over() {
    local try
    for try in $(seq 150); do
        [ "$(sockets)" != 0 ] || return 0
        sleep 0.1
    done
    fail 'the run does not end'
}

ends_well() {
    ok watch "$RUN" --json
    same "$(tail -1 "$OUT" | json /dev/stdin '["status"]')" success
    balanced "$DIR/all"
    same "$(sockets)" 0 'sockets that are left'
}
