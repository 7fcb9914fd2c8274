# SPDX-License-Identifier: PostgreSQL
#
# What the console's scripts stand on, beside lib.sh: a real terminal, and screens to compare.
export TERM=xterm-256color

# console [FLAGS] <<STEPS: the program in a terminal of $ROWS x $COLS does these steps
# (tests/console/driver.c); what they print is in $OUT.
console() {
    OUT=$DIR/out
    {
        echo "size ${ROWS:-24} ${COLS:-80}"
        echo "spawn $ARCHIVER -c $CONF $*"
        cat
    } >"$DIR/steps"
    "$BUILD/tests/console/driver" <"$DIR/steps" >"$OUT" 2>"$DIR/driver.err" || {
        cat "$DIR/driver.err" >&2
        fail "the steps did not work out"
    }
}

# setup [FLAGS] <<STEPS: the same with the wizard, which writes $DIR/new.yaml.
setup() {
    OUT=$DIR/out
    export XDG_STATE_HOME=$DIR/state
    {
        echo "size ${ROWS:-24} ${COLS:-80}"
        echo "spawn $ARCHIVER wizard -o $DIR/new.yaml --host $PGHOST --port $PGPORT --user ${WHO:-$PGUSER} --dbname $DB $*"
        cat
    } >"$DIR/steps"
    "$BUILD/tests/console/driver" <"$DIR/steps" >"$OUT" 2>"$DIR/driver.err" || {
        cat "$DIR/driver.err" >&2
        fail "the steps did not work out"
    }
}

# What differs from run to run, replaced by signs of the same width.
masked() {
    sed -E -e 's/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}/RRRRRRRRRRRRRRRRRRRRR/g' \
        -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}(Z?)/hh:mm:ss\1/g' \
        -e 's/run [0-9a-f]{4} /run RRRR /g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}( |T|$)/yyyy-mm-dd\1/g' \
        -e 's/T[0-9]{2}:[0-9]{2}Z/Thh:mmZ/g' \
        -e 's#/tmp/[^ ]* *(no run|run |READ)#/STORE \1#; s/[0-9]+s ago/1s ago/'
}

# golden NAME: $OUT is what tests/console/golden/NAME.txt says. GOLDEN=1 writes it instead.
golden() {
    local want=$TESTS/console/golden/$1.txt
    masked <"$OUT" >"$DIR/$1.got"
    if [ -n "${GOLDEN:-}" ]; then
        mkdir -p "$(dirname "$want")"
        cp "$DIR/$1.got" "$want"
    fi
    diff -u "$want" "$DIR/$1.got" >&2 || fail "the screen is not that of golden/$1.txt"
}

# Runs of this test are seen by it alone. (The path of a socket has to be short.)
own_runs() {
    export ARCHIVER_TUI_RUNTIME_DIR=${WORK%/*}/r$BASHPID
    mkdir -p -m 700 "$ARCHIVER_TUI_RUNTIME_DIR"
}

# For a trap, so that no test leaves a run behind.
stop_runs() {
    local run
    [ -n "${CONF:-}" ] || return 0
    for run in $("$ARCHIVER" -c "$CONF" runs --json 2>/dev/null | jq -r '.live[].run_id' 2>/dev/null); do
        "$ARCHIVER" -c "$CONF" stop "$run" --now >/dev/null 2>&1 || true
    done
}

# Three tables: 4800 rows an hour apart, 2400 two hours apart, 1600 three hours apart; $1: defaults.
three_tables() {
    own_runs
    logs 4800
    sql "CREATE TABLE events (id bigserial PRIMARY KEY, at timestamptz NOT NULL, who text);
         CREATE INDEX ON events (at);
         INSERT INTO events (at, who) SELECT now() - g * interval '2 hours', 'u' || g % 7
         FROM generate_series(1, 2400) g;
         CREATE SCHEMA audit;
         CREATE TABLE audit.changes (id bigserial PRIMARY KEY, at timestamptz NOT NULL, what jsonb);
         CREATE INDEX ON audit.changes (at);
         INSERT INTO audit.changes (at, what) SELECT now() - g * interval '3 hours', '{\"a\": 1}'
         FROM generate_series(1, 1600) g;
         ANALYZE"
    config "      - name: logs
        timestamp_column: at
      - name: events
        timestamp_column: at
      - name: changes
        schema: audit
        timestamp_column: at" "${1:-}"
}
