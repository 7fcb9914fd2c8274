# SPDX-License-Identifier: PostgreSQL
#
# What the crash scripts share: cause a fault, recover, and prove that the books balance.
# shellcheck source=lib.sh
. "$TESTS/harness/lib.sh"

# 4,000 rows of which 1,817 are old, in batches of 300: seven batches, the last one not full.
# CRASH_SECTION: a further section of the configuration.
crash_place() {
    fresh
    config '' '  batch_size: 300
  member_kb: 64'
    [ -z "${CRASH_SECTION:-}" ] || echo "$CRASH_SECTION" >>"$CONF"
    logs 4000
    all_ids "$DIR/all"
}

# After the fault: recover decides everything, nothing is lost or double, nothing is left over, and
# the next run ends the work.
settles() {
    local try
    for try in $(seq 20); do # a killed client's backend may hold its lock for a moment
        run recover --json
        [ "$CODE" -eq 4 ] || break
        sleep 0.2
    done
    if [ "$CODE" -ne 0 ]; then
        cat "$ERR" "$OUT" >&2
        fail "recover after $1: exit $CODE"
    fi
    same "$(json "$OUT" '["left"]')" 0 "left after $1"
    balanced "$DIR/all" || fail "after $1"
    exits 0 verify --json || fail "after $1"
    same "$(json "$OUT" '["orphans"]')" "[]" "orphans after $1"
    same "$(find "$STORE" -name '.*' -type f | wc -l)" 0 "temporary files after $1"
    ok archive --json
    same "$(sql "SELECT count(*) FROM logs WHERE at < now() - interval '91 days 1 minute'")" 0
    balanced "$DIR/all" || fail "after $1 and the next run"
}

# survives FAULT: $ARCHIVER_FAULT for one run, then the proof.
survives() {
    crash_place
    ARCHIVER_FAULT=$1 run archive
    [ -n "${QUIET:-}" ] || echo "    $1: exit $CODE, $(sql 'SELECT count(*) FROM logs') rows stayed"
    unset ARCHIVER_FAULT
    settles "$1"
}
