# SPDX-License-Identifier: PostgreSQL
#
# What the crash scripts share: cause a fault, recover, and prove that the books balance.
# shellcheck source=lib.sh
. "$TESTS/harness/lib.sh"

# 4,000 rows of which 1,817 are old, in batches of 300: seven batches, the last one not full.
# CRASH_SECTION: a further section of the configuration. CRASH_WAY: how they are found; as whole
# partitions there are two, of 880 and 720 rows, and a default one for the others. CRASH_WORKERS: how
# many share the table.
crash_place() {
    fresh
    config '' "  batch_size: 300
  member_kb: 64
  strategy: ${CRASH_WAY:-auto}
  workers: ${CRASH_WORKERS:-1}"
    [ -z "${CRASH_SECTION:-}" ] || echo "$CRASH_SECTION" >>"$CONF"
    logs 4000
    all_ids "$DIR/all"
    [ "${CRASH_WAY:-}" != partition ] || in_partitions
    [ "${CRASH_WAY:-}" != heap ] && [ "${CRASH_WORKERS:-1}" = 1 ] || thin_out
}

thin_out() { # more blocks than are read as one range
    sql "ALTER TABLE logs SET (fillfactor = 10)"
    sql "VACUUM (FULL, ANALYZE) logs"
}

in_partitions() {
    local first second
    first=$(date -u -d '-130 days' +%F)
    second=$(date -u -d '-100 days' +%F)
    sql "ALTER TABLE logs RENAME TO plain;
         CREATE TABLE logs (LIKE plain INCLUDING DEFAULTS, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
         CREATE TABLE logs_1 PARTITION OF logs FOR VALUES FROM (MINVALUE) TO ('$first');
         CREATE TABLE logs_2 PARTITION OF logs FOR VALUES FROM ('$first') TO ('$second');
         CREATE TABLE logs_3 PARTITION OF logs DEFAULT;
         INSERT INTO logs SELECT * FROM plain;
         ALTER SEQUENCE logs_id_seq OWNED BY NONE;
         DROP TABLE plain"
    rows_are_of_old
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
    [[ $1 != leaf.*=kill@[12] ]] || same "$CODE" 137 "the exit code of $1"
    settles "$1"
}
