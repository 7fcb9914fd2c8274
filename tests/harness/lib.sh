# SPDX-License-Identifier: PostgreSQL
#
# What every script below tests/ stands on: source it, write functions whose names begin with
# test_ (the name is the sentence it proves), and end with run_tests.
#
# tests/run has set: ARCHIVER (the program), WORK (a directory of the script's own), TESTS (this
# tree), PGHOST, PGPORT, PGUSER (a throwaway server). Each test gets a database, a store and a
# configuration of its own from `fresh`, and fails when a command in it fails.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
export PGOPTIONS="-c client_min_messages=warning -c timezone=UTC"

fail() {
    echo "    ${FUNCNAME[1]}: $*" >&2
    return 1
}

# --- a place of its own ---

sql() { # STATEMENTS: unaligned rows, '|' between columns
    psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" -c "$1"
}

sql_on() { # DATABASE STATEMENTS
    psql -XAtq -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

# A database, a directory store and a configuration: DB, STORE (holds the objects), CONF, DIR.
fresh() {
    DIR=$WORK/$TEST
    DB=t_$(echo -n "$SCRIPT/$TEST" | md5sum | cut -c1-12)
    STORE=$DIR/store/cold
    CONF=$DIR/archiver.yaml
    rm -rf "$DIR"
    mkdir -p "$STORE"
    sql_on postgres "DROP DATABASE IF EXISTS $DB"
    sql_on postgres "CREATE DATABASE $DB TEMPLATE template0"
    config
}

# A PostgreSQL server of the test's own, where PG* point from now on; its directory is $SERVER.
own_server() {
    local variables
    chmod 755 "$WORK"
    SERVER=$WORK/server-$TEST
    variables=$("$TESTS/harness/pg.sh" start "$SERVER")
    # shellcheck disable=SC2163,SC2086
    export $variables
}

# Writes $CONF: the tables are $1 (a YAML list, indented by 6) or "logs"; $2: more defaults.
config() {
    {
        echo 'version: "3"'
        if [ -n "${S3_ENDPOINT:-}" ] && [ -n "${BUCKET:-}" ]; then
            echo 's3:'
            echo "  endpoint: $S3_ENDPOINT"
            echo "  bucket: $BUCKET"
            echo '  region: us-east-1'
            echo "  access_key_id: \${S3_ACCESS_KEY}"
            echo "  secret_access_key: \${S3_SECRET_KEY}"
        else
            echo 's3:'
            echo "  endpoint: file://$DIR/store"
            echo '  bucket: cold'
        fi
        echo '  prefix: pg'
        echo 'defaults:'
        echo '  retention_days: 90'
        [ -z "${2:-}" ] || echo "$2"
        echo 'databases:'
        echo "  - name: appdb"
        echo "    dbname: $DB"
        echo "    host: $PGHOST"
        echo "    port: $PGPORT"
        echo "    user: $PGUSER"
        echo '    tables:'
        if [ -n "${1:-}" ]; then
            echo "$1"
        else
            echo '      - name: logs'
            echo '        timestamp_column: at'
        fi
    } >"$CONF"
}

# A request to the S3 server from outside, by curl's own signature code and not by ours.
# $REAL is the server itself where something stands before it.
s3() { # METHOD PATH [CURL-FLAGS...]
    local method=$1 path=${2//year=/year%3D}
    path=${path//month=/month%3D}
    path=${path//day=/day%3D}
    shift 2
    curl -sS -X "$method" --aws-sigv4 aws:amz:us-east-1:s3 --user "$S3_ACCESS_KEY:$S3_SECRET_KEY" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@" "${REAL:-$S3_ENDPOINT}$path"
}

# A table `logs` of $1 rows, one an hour back from now, id 1 the youngest.
logs() {
    sql "CREATE TABLE logs (id bigserial PRIMARY KEY, at timestamptz NOT NULL, level text,
             body jsonb, ip inet);
         CREATE INDEX ON logs (at);
         INSERT INTO logs (at, level, body, ip)
         SELECT now() - g * interval '1 hour', (ARRAY['info', 'warn', 'error'])[1 + g % 3],
             jsonb_build_object('n', g, 'text', repeat('x', g % 50)),
             ('10.0.' || g / 256 % 256 || '.' || g % 256)::inet
         FROM generate_series(1, $1) g;
         ANALYZE logs"
}

# Returns when all transactions from before are over: rows that may be younger than one of them keep a
# partition.
rows_are_of_old() {
    local last
    last=$(sql 'SELECT txid_current()')
    until [ "$(sql 'SELECT txid_snapshot_xmin(txid_current_snapshot())')" -gt "$last" ]; do
        sleep 0.1
    done
}

# Runs statements in a session of its own; `held` waits until it holds what it should.
in_background() { # STATEMENTS
    psql -XAtq -v ON_ERROR_STOP=1 -d "$DB" -c "$1" >/dev/null &
    BACKGROUND=$!
}

held() { # CONDITION on pg_stat_activity
    local try
    for try in $(seq 100); do
        [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE datname = '$DB' AND $1")" = 0 ] || return 0
        sleep 0.05
    done
    fail "nobody: $1"
}

# --- the program ---

# Runs it with the configuration; its exit code is in CODE, stdout in $OUT, stderr in $ERR.
run() {
    OUT=$DIR/out
    ERR=$DIR/err
    CODE=0
    # The braces keep the shell's own word about a killed program away.
    { "$ARCHIVER" -c "$CONF" "$@" >"$OUT" 2>"$ERR" </dev/null || CODE=$?; } 2>/dev/null
}

# The same, and 0 is expected.
ok() {
    run "$@"
    if [ "$CODE" -ne 0 ]; then
        cat "$ERR" "$OUT" >&2
        fail "archiver-tui $*: exit $CODE"
    fi
}

# exits CODE ARGS...: that exit code is expected.
exits() {
    local want=$1
    shift
    run "$@"
    if [ "$CODE" -ne "$want" ]; then
        cat "$ERR" "$OUT" >&2
        fail "archiver-tui $*: exit $CODE, not $want"
    fi
}

# --- what is expected ---

same() { # ACTUAL EXPECTED [WHAT]
    [ "$1" = "$2" ] || fail "${3:-value}: got '$1', expected '$2'"
}

says() { # FILE TEXT: the text stands in the file
    grep -qF -- "$2" "$1" || {
        cat "$1" >&2
        fail "does not say: $2"
    }
}

silent() { # FILE TEXT: the text does not stand in the file
    ! grep -qF -- "$2" "$1" || fail "says: $2"
}

json() { # FILE PATH: json value by a dotted path, [] and numbers as python has them
    python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval("d" + sys.argv[2]))' "$1" "$2"
}

objects() { # TEXT: objects of the directory store with the text in their name
    find "$STORE" -type f -printf '%P\n' | { grep -F -- "$1" || true; } | sed "s#^#$STORE/#" | sort
}

# Rows of the table in archives that are settled, as JSON lines.
archived() { # [DATABASE-LABEL]
    "$ARCHIVER" -c "$CONF" list --json 2>"$DIR/list.err" </dev/null |
        python3 -c 'import json, sys
for line in sys.stdin:
    o = json.loads(line)
    if o["state"] == "settled": print(o["key"])' >"$DIR/keys"
    # zcat where it can: a process for all instead of one each. What cat says of them has tests.
    if ! grep -qv '\.jsonl\.gz$' "$DIR/keys" && grep -q 'endpoint: file:' "$CONF"; then
        (cd "$STORE" && xargs -r -d '\n' zcat) <"$DIR/keys"
        return
    fi
    while IFS= read -r key; do
        "$ARCHIVER" -c "$CONF" cat "$key" </dev/null
    done <"$DIR/keys"
}

archived_ids() { # one id a line, sorted; the id is each row's first column
    archived | sed 's/^{"id":\([0-9]*\)[,}].*/\1/' | sort -n
}

# The promise: ids of the table and of settled archives together are exactly $1's lines, none twice.
balanced() { # FILE-OF-ALL-IDS
    { sql "SELECT id FROM logs"; archived_ids; } | sort -n >"$DIR/now"
    if ! cmp -s "$DIR/now" "$1"; then
        diff "$1" "$DIR/now" | head -5 >&2
        fail "rows are lost or double: $(wc -l <"$1") before, $(wc -l <"$DIR/now") now," \
            "$(sort -n "$DIR/now" | uniq -d | wc -l) twice"
    fi
}

all_ids() { # FILE
    sql "SELECT id FROM logs ORDER BY id" >"$1"
}

# Rows FIRST to LAST are updated beside a run: what each update wrote is archived, or its row stays. The
# numbers that the updates count up in `n` come to what was done; $DIR/all holds all ids.
updates_are_never_lost() { # FIRST LAST
    local bench updates archived
    sql "ALTER TABLE logs ADD n int NOT NULL DEFAULT 0"
    cat >"$DIR/update.sql" <<SQL
\\set id random($1, $2)
UPDATE logs SET n = n + 1 WHERE id = :id;
SQL
    pgbench -n -c 4 -T 3 -f "$DIR/update.sql" "$DB" >"$DIR/pgbench.out" 2>&1 &
    bench=$!
    sleep 0.3
    run archive --json
    wait $bench
    same "$CODE" 0
    ok archive
    balanced "$DIR/all"
    updates=$(sql "SELECT sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname = 'logs'")
    archived=$({ archived | python3 -c 'import json, sys
print(sum(json.loads(line)["n"] for line in sys.stdin))'; sql 'SELECT coalesce(sum(n), 0) FROM logs'; } |
        paste -sd+ | bc)
    [ "$archived" -gt 0 ] || fail "no update was made"
    same "$archived" "$updates" "updates"
}

# --- running ---

# One test, its words and its verdict into files of its own.
run_test() { # NAME
    local started status
    started=$(date +%s.%N)
    set +e
    (
        set -e
        TEST=$1
        "$1"
    ) >"$WORK/$1.said" 2>&1
    status=$?
    set -e
    printf '  %-6s %5.1f s  %s\n' "$([ "$status" -eq 0 ] && echo ok || echo FAILED)" \
        "$(echo "$(date +%s.%N) - $started" | bc)" "${1#test_}" >"$WORK/$1.verdict"
}

# $JOBS tests at a time; "# alone" in the script's head says that its tests stand in each other's
# way (they stop a server, or count what it does).
run_tests() {
    local name names=() failed
    for name in $(declare -F | sed -n 's/^declare -f \(test_.*\)/\1/p'); do
        [ -z "${ONLY:-}" ] || [[ $name == *$ONLY* ]] || continue
        names+=("$name")
    done
    ! grep -q '^# alone$' "$0" || JOBS=1
    for name in "${names[@]}"; do
        while [ "$(jobs -pr | wc -l)" -ge "${JOBS:-1}" ]; do wait -n; done
        run_test "$name" &
    done
    wait
    for name in "${names[@]}"; do
        cat "$WORK/$name.said" "$WORK/$name.verdict"
    done
    failed=$(cat "$WORK"/*.verdict | grep -c '^  FAILED' || true)
    echo "$((${#names[@]} - failed)) $failed" >"$WORK/counts"
    [ "$failed" -eq 0 ]
}
