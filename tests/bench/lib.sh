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

show() { # NAME LABEL: against what stands in $TOP/floor
    awk -v s="$(median "$TOP/$1")" -v f="$(median "$TOP/floor")" -v rows="$ROWS" -v label="$2" \
        'BEGIN { printf "%-28s %7.2f s  %9d rows/s  %.2f x the floor\n", label, s, rows / s, s / f }'
}
