# SPDX-License-Identifier: PostgreSQL
#
# What the scripts about the spool share: a store that goes away and comes back.
# shellcheck source=lib.sh
. "$TESTS/harness/lib.sh"

export S3_ACCESS_KEY S3_SECRET_KEY

# 4,000 rows of which 1,817 are old, in batches of 600.
place() { # [MORE OF s3]
    BUCKET=b$(echo -n "$TEST/$RANDOM$RANDOM" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    fresh
    config '' '  batch_size: 600
  member_kb: 64
  lock_timeout_seconds: 1'
    SPOOL=$DIR/spool
    sed -i "s#^  prefix: pg#  prefix: pg\n  retries: 0\n  connect_timeout: 2\n  spool_dir: $SPOOL\n${1:-}#" "$CONF"
    logs 4000
    all_ids "$DIR/all"
}

away() { # nobody listens on port 1
    sed -i "s#endpoint: .*#endpoint: http://127.0.0.1:1#" "$CONF"
}

back() {
    sed -i "s#endpoint: .*#endpoint: $S3_ENDPOINT#" "$CONF"
}

marks() {
    find "$SPOOL" -name '*.spooled.json' 2>/dev/null
}

rows() {
    sql 'SELECT count(*) FROM logs'
}

# The store is away, a batch of 600 rows waits.
spooled() {
    away
    exits 7 archive --json
    same "$(json "$OUT" '["tables"][0]["spooled"]')" 1 spooled
    same "$(rows)" 4000 'rows that stay'
    same "$(marks | wc -l)" 1 entries
    back
}

nothing_waits() {
    same "$(find "$SPOOL" -type f | wc -l)" 0 'files in the spool'
}

recovers() { # UPLOADED DROPPED WAITING
    ok recover --json
    same "$(json "$OUT" '["spool_uploaded"], d["spool_dropped"], d["spool_waiting"]')" "($1, $2, $3)" \
        'uploaded, dropped, waiting'
}
