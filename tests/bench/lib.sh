# SPDX-License-Identifier: PostgreSQL
#
# What the benchmarks share: a server, a table of about 440 bytes a row, a configuration, medians.
#
#   BENCH_ROWS=1000000  BENCH_ROUNDS=3  BENCH_BATCH=100000  BENCH_STRATEGY=auto  BENCH_SHUFFLED=  BUILD=build
set -euo pipefail
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(cd "${BUILD:-.}" && pwd)
ROWS=${BENCH_ROWS:-1000000}
ROUNDS=${BENCH_ROUNDS:-3}
BATCH=${BENCH_BATCH:-100000}
STRATEGY=${BENCH_STRATEGY:-auto}
SHUFFLED=${BENCH_SHUFFLED:-} # not empty: rows lie in the table in no order of time
NOTE=${BENCH_NOTE:-3}             # times 33 bytes more in a row
TOP=$(mktemp -d "${TMPDIR:-/tmp}/archiver-bench.XXXXXX")
chmod 755 "$TOP"
trap '"$TESTS/harness/pg.sh" stop "$TOP/pg" || true; rm -rf "$TOP"' EXIT
trap 'exit 130' INT TERM

variables=$("$TESTS/harness/pg.sh" start "$TOP/pg")
# shellcheck disable=SC2163,SC2086
export $variables
PATH=$(cat "$TOP/pg/bin"):$PATH

sql() {
    psql -XAtq -v ON_ERROR_STOP=1 -d postgres -c "$1"
}

fill() { # about 440 bytes a row in the heap and its index
    sql "SET client_min_messages = error; DROP TABLE IF EXISTS audit"
    sql "CREATE TABLE audit (id bigserial PRIMARY KEY, user_id int NOT NULL, action text NOT NULL,
             detail jsonb NOT NULL, remote inet, created_at timestamptz NOT NULL)"
    sql "INSERT INTO audit (user_id, action, detail, remote, created_at)
         SELECT g % 5000, (ARRAY['login', 'logout', 'update', 'export'])[1 + g % 4],
             jsonb_build_object('request', md5(g::text), 'path', '/api/v1/orders/' || g,
                 'status', 200 + g % 7, 'agent', 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101',
                 'note', repeat(md5((g * 7)::text) || ' ', $NOTE)),
             ('10.' || g / 65536 % 256 || '.' || g / 256 % 256 || '.' || g % 256)::inet,
             now() - interval '1 year' + g * interval '1 second'
         FROM generate_series(1, $ROWS) g ${SHUFFLED:+ORDER BY md5(g::text)}"
    sql "CREATE INDEX ON audit (created_at)"
    sql "VACUUM ANALYZE audit"
    sql CHECKPOINT
}

server() { # SQL...: where no session may be in the database of the benches
    local args=()
    for statement in "$@"; do args+=(-c "$statement"); done
    psql -XAtq -v ON_ERROR_STOP=1 -d template1 "${args[@]}"
}

# The table again as fill made it: the files of its database are copied, which takes a fraction of making
# them, so that more rounds fit into the same time.
refill() {
    local files=
    if [ -e "$TOP/filled" ]; then
        server "DROP DATABASE postgres"
    else
        fill
        server "ALTER DATABASE postgres RENAME TO filled"
        touch "$TOP/filled"
    fi
    [ "$(server 'SHOW server_version_num')" -lt 150000 ] || files='STRATEGY file_copy'
    server "CREATE DATABASE postgres TEMPLATE filled $files" CHECKPOINT
}

config() { # LEVEL VACUUM
    rm -rf "$TOP/store"
    mkdir -p "$TOP/store/cold"
    cat >"$TOP/archiver.yaml" <<CONFIG
version: "3"
s3: {endpoint: "file://$TOP/store", bucket: cold, prefix: pg}
defaults: {retention_days: 30, batch_size: $BATCH, batch_bytes_mb: 1024, compression_level: $1, vacuum_strategy: $2, strategy: $STRATEGY}
databases:
  - name: bench
    dbname: postgres
    host: $PGHOST
    port: $PGPORT
    user: $PGUSER
    tables: [{name: audit, timestamp_column: created_at}]
CONFIG
}

median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# CPU seconds of the server: those of its processes that have ended, as its postmaster counts them, and
# those that live.
server_cpu() {
    local postmaster
    postmaster=$(head -1 "$TOP/pg/data/postmaster.pid")
    sleep 0.3 # a session that has just ended is waited for by then
    # Some are gone by the time that they are read. Without its name, a process's fields are: 3 parent,
    # 13 and 14 its own ticks, 15 and 16 those of its children that have ended.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | sed 's/^\([0-9]*\) (.*) /\1 /' |
        awk -v pm="$postmaster" -v hz="$(getconf CLK_TCK)" '
            $1 == pm { ticks += $13 + $14 + $15 + $16 }
            $3 == pm { ticks += $13 + $14 }
            END { printf "%.2f\n", ticks / hz }'
}

measure() { # NAME COMMAND...: its seconds, and CPU seconds of both sides, to $TOP/NAME, .client, .server
    local name=$1 start end before
    shift
    before=$(server_cpu)
    start=$(date +%s.%N)
    /usr/bin/time -f '%U %S %M' -o "$TOP/time.now" "$@"
    end=$(date +%s.%N)
    echo "$end - $start" | bc >>"$TOP/$name"
    echo "$(server_cpu) - $before" | bc >>"$TOP/$name.server"
    awk '{ print $1 + $2 }' "$TOP/time.now" >>"$TOP/$name.client"
    awk '{ print $3 }' "$TOP/time.now" | tee -a "$TOP/$name.rss" >>"$TOP/rss"
}

# The median of what each round gives; all of them, the least first, are in $TOP/ratios.
ratio() { # FILE OTHER
    paste "$1" "$2" | awk '{ print $1 / $2 }' | sort -n >"$TOP/ratios"
    median "$TOP/ratios"
}

# Against the floor, which takes turns with it: the median of what each round gives, and the rounds' range.
show() { # NAME LABEL
    local x
    x=$(ratio "$TOP/$1" "$TOP/floor")
    awk -v s="$(median "$TOP/$1")" -v rows="$ROWS" -v label="$2" -v x="$x" \
        -v least="$(head -1 "$TOP/ratios")" -v most="$(tail -1 "$TOP/ratios")" \
        -v client="$(median "$TOP/$1.client")" -v server="$(median "$TOP/$1.server")" \
        'BEGIN { printf "| %s | %.2f | %d | %.2f | %.2f to %.2f | %.2f | %.2f |\n", label, s, rows / s, x, least, most,
                     client, server }'
}

show_head() {
    echo "$ROWS rows, $(nproc) cores, PostgreSQL $(sql 'SHOW server_version'), medians of $ROUNDS rounds," \
        "load $(cut -d' ' -f1-3 /proc/loadavg)"
    echo
    echo '| | seconds | rows/s | x the floor | in a round | client CPU s | server CPU s |'
    echo '|---|--:|--:|--:|--:|--:|--:|'
}
