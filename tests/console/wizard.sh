#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# needs: s3
#
# The wizard: a configuration from nothing, by keys, by a line a question, and by flags.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"
unset S3_BUCKET

# From the list of databases, where there are several, to the tables of $DB.
TO_TABLES="wait Databases
key Enter
wait tables tell when"

test_from_nothing_to_a_dry_run_by_keys_alone() {
    fresh
    three_tables
    sql "CREATE TABLE users (id int PRIMARY KEY, updated_at timestamptz);
         CREATE TABLE orders (id int PRIMARY KEY, user_id int REFERENCES users, at timestamptz);
         CREATE TABLE nothing (id int);
         CREATE TABLE \"Odd Name\" (a int, b int, logged_at timestamptz NOT NULL, PRIMARY KEY (a, b));
         ANALYZE"
    setup <<END
wait Connect by
quiet 100
key C-n
$TO_TABLES
has (1 do not)
quiet 100
# the likeliest first: logs, events and audit.changes, not users
key Space Space Space
wait 20 3 marked
screen
key Enter
wait leaves now
has 90d
key d C-u
type 30
quiet 100
has 30d
has ~4.
key Enter
wait Kept 30 days
key e C-u
type 60
key Enter
wait 60d
key C-n
wait Where do archives go
key d Down C-u
type $DIR/made
key C-n
wait Make the directory?
key y
wait the store takes, gives, lists and removes
wait 20 0 failed
key w
wait is written, for its owner alone
key d
wait Dry run: nothing was changed
key Q
exits 0
END
    # The likeliest stood on top.
    sed -n 5,7p "$OUT" | grep -q 'public.logs' || fail "logs is not among the likeliest"
    sed -n 5,7p "$OUT" | grep -q 'audit.changes' || fail "changes is not among the likeliest"
    same "$(stat -c %a "$DIR/new.yaml")" 600 'mode'
    CONF=$DIR/new.yaml ok check
    CONF=$DIR/new.yaml ok config show
    says "$OUT" 'retention_days: 60'
    # Keys that a person presses: fewer than a hundred, paths included.
    local keys
    keys=$(awk '$1 == "key" { n += NF - 1 } $1 == "type" { n += length($0) - 5 } END { print n }' \
        "$DIR/steps")
    keys=$((keys - ${#DIR}))
    [ "$keys" -lt 100 ] || fail "$keys keystrokes"
}

test_wrong_answers_are_said_where_they_stand() {
    fresh
    three_tables
    WHO=pw_user setup <<'END'
wait Connect by
key Down Down
key C-u
type no
wait "no"
key Enter
has Port
key C-u
type 1
key C-n
wait error: network
key Esc
gone error: network
key C-c
exits 130
has Nothing was written
END
    sql_on postgres "DROP ROLE IF EXISTS pw_user"
    sql_on postgres "CREATE ROLE pw_user LOGIN PASSWORD 'right-Xq7'"
    rm -rf "$DIR/state"
    WHO=pw_user setup <<END
wait Connect by
key Down Down Down Down Down Down Down
wait it is never written
type wrong-Xq7
key C-n
wait error: permission
lacks wrong-Xq7
key Esc
key C-u
type right-Xq7
key C-n
$TO_TABLES
has GRANT SELECT, DELETE ON
key C-c
exits 130
END
    ! grep -rq 'Xq7' "$DIR/state" "$DIR/out" || fail "a password was kept"
}

test_what_was_left_goes_on() {
    fresh
    three_tables
    setup <<END
wait Connect by
key C-n
$TO_TABLES
key Enter
wait leaves now
key d C-u
type 45
key Enter
wait Kept 45 days
key C-c
exits 130
END
    [ -f "$DIR/state/archiver-tui/wizard.yaml" ] || fail "no draft"
    setup <<END
wait Go on?
key y
wait Connect by
key C-n
$TO_TABLES
wait 20 1 marked
key Enter
wait Kept 45 days
# back and forth keeps it all
key Esc
wait tables tell when
key Esc
wait Databases
key C-p
wait Connect by
key Esc
exits 130
END
}

test_leaving_is_possible_at_every_step() {
    fresh
    three_tables
    mkdir -p "$DIR/made/audit-archives"
    local steps='wait Connect by' more
    for more in 'key C-n' 'wait Databases
key Enter' 'wait tables tell when
key Enter' 'wait leaves now
key C-n' "wait Where do archives go
key d Down C-u
type $DIR/made
key C-n" 'wait checked'; do
        rm -rf "$DIR/state"
        setup <<END
$steps
key C-c
exits 130
settings
END
        grep -qx same "$OUT" || fail "the terminal is not as it was"
        [ ! -e "$DIR/new.yaml" ] || fail "something was written"
        steps=$steps$'\n'$more
    done
}

test_a_file_that_is_there_is_not_written_over_unseen() {
    fresh
    three_tables
    mkdir -p "$DIR/made/audit-archives"
    echo '# mine' >"$DIR/new.yaml"
    setup --store directory --directory "$DIR/made" --tables logs <<END
wait Connect by
key C-n
$TO_TABLES
wait 20 1 marked
key Enter
wait leaves now
key C-n
wait Where do archives go
key C-n
wait 20 0 failed
key w
wait Write over it?
key Esc
wait what would change
has -# mine
key q
wait Review
key w
wait Write over it?
key y
wait is written
key Esc Q
exits 0
END
    silent "$DIR/new.yaml" '# mine'
    CONF=$DIR/new.yaml ok check
}

test_a_full_disk_loses_nothing() {
    fresh
    three_tables
    mkdir -p "$DIR/made/audit-archives" "$DIR/small"
    if ! mount -t tmpfs -o size=4k tmpfs "$DIR/small" 2>/dev/null; then
        echo "    (no right to mount: not tried)"
        return 0
    fi
    dd if=/dev/zero of="$DIR/small/full" bs=1k count=8 2>/dev/null || true
    run wizard --non-interactive -o "$DIR/small/new.yaml" --host "$PGHOST" --port "$PGPORT" \
        --user "$PGUSER" --dbname "$DB" --tables logs --store directory --directory "$DIR/made"
    local left
    left=$(find "$DIR/small" -name 'new.yaml*')
    umount "$DIR/small"
    same "$CODE" 6 'exit code'
    same "$left" '' 'what is left'
}

test_s3_with_keys_from_the_environment() {
    fresh
    three_tables
    local bucket
    bucket=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    REAL=$S3_ENDPOINT s3 PUT "/$bucket" -f -o /dev/null
    export ARCHIVER_S3_KEY=$S3_ACCESS_KEY ARCHIVER_S3_SECRET=$S3_SECRET_KEY
    setup --tables logs --store s3 --endpoint "$S3_ENDPOINT" --bucket "not-$bucket" --credentials env <<END
wait Connect by
key C-n
$TO_TABLES
key Enter
wait leaves now
key C-n
wait Where do archives go
key C-n
wait FAILED
key Esc
wait Where do archives go
key Down Down C-u
type $bucket
key C-n
wait the store takes, gives
wait 20 0 failed
key w
wait is written
key Esc Q
exits 0
END
    silent "$DIR/new.yaml" "$S3_SECRET_KEY"
    says "$DIR/new.yaml" "\${ARCHIVER_S3_SECRET}"
    CONF=$DIR/new.yaml ok archive
}

test_without_a_configuration_the_program_begins_with_it() {
    fresh
    cat >"$DIR/steps" <<END
spawn env -C $DIR/state -u ARCHIVER_CONFIG HOME=$DIR/state XDG_CONFIG_HOME=$DIR/state XDG_STATE_HOME=$DIR/state $ARCHIVER
wait Connect by
key Esc
exits 130
END
    mkdir -p "$DIR/state"
    "$BUILD/tests/console/driver" <"$DIR/steps" >"$DIR/out" || fail "the steps did not work out"
}

test_a_poor_terminal_is_asked_line_by_line() {
    fresh
    three_tables
    mkdir -p "$DIR/made/audit-archives"
    export XDG_STATE_HOME=$DIR/state
    cat >"$DIR/steps" <<END
size 40 100
spawn $ARCHIVER wizard -o $DIR/new.yaml --host $PGHOST --port $PGPORT --user $PGUSER --dbname $DB
wait Connect by [host]:
type nonsense
key Enter
wait is not one of host, service
key Enter
wait Host [
key Enter
wait Port [
key Enter
wait User [
key Enter
wait Database [
key Enter
wait TLS [
key Enter
wait Password from [
key Enter
wait Which (numbers
type logs,audit.changes::30
key Enter
wait Days to keep [90]:
key Enter
wait Rows a batch
key Enter
wait Vacuum
key Enter
wait Store [aws]:
type directory
key Enter
wait Directory [
type $DIR/made
key Enter
wait Bucket [
key Enter
wait Prefix [
key Enter
wait new.yaml]:
key Enter
wait Write it?
type y
key Enter
exits 0
END
    TERM=dumb "$BUILD/tests/console/driver" <"$DIR/steps" >"$DIR/out" || fail "the steps did not work out"
    CONF=$DIR/new.yaml ok check
    CONF=$DIR/new.yaml ok config show
    says "$OUT" 'retention_days: 30'
}

test_flags_and_an_answer_file_do_the_same() {
    fresh
    three_tables
    mkdir -p "$DIR/made/audit-archives"
    local base=(wizard --non-interactive -o "$DIR/new.yaml" --host "$PGHOST" --port "$PGPORT" --user "$PGUSER" --dbname "$DB")
    exits 2 "${base[@]}" --store directory --directory "$DIR/made"
    says "$ERR" 'no table is named'
    exits 3 "${base[@]}" --tables log --store directory --directory "$DIR/made"
    says "$ERR" 'did you mean logs?'
    exits 2 "${base[@]}" --tables logs:at:x --store directory --directory "$DIR/made"
    says "$ERR" 'is not [SCHEMA.]NAME[:COLUMN[:DAYS]]'
    exits 2 "${base[@]}" --tables logs --store tape
    says "$ERR" 'is not one of aws, s3, directory'
    [ ! -e "$DIR/new.yaml" ] || fail "something was written"
    ok "${base[@]}" --tables 'logs,"audit".changes:at:365' --store directory --directory "$DIR/made"
    says "$OUT" 'new.yaml: written'
    cp "$DIR/new.yaml" "$DIR/by-flags.yaml"
    exits 2 "${base[@]}" --tables logs --store directory --directory "$DIR/made"
    says "$ERR" '--yes writes over it'
    cmp "$DIR/new.yaml" "$DIR/by-flags.yaml"
    cat >"$DIR/answers" <<END
host: $PGHOST
port: $PGPORT
user: $PGUSER
dbname: $DB
store: directory
directory: $DIR/made
output: $DIR/by-file.yaml
tables:
  - table: logs
  - {schema: audit, table: changes, timestamp_column: at, retention_days: 365}
END
    ok wizard --non-interactive --answers "$DIR/answers" --json
    jq -e '.failed == 0' "$OUT" >/dev/null
    cmp "$DIR/by-file.yaml" "$DIR/by-flags.yaml"
    echo 'hots: x' >"$DIR/answers"
    exits 2 wizard --non-interactive --answers "$DIR/answers"
    says "$ERR" 'did you mean "host"?'
    CONF=$DIR/new.yaml ok archive --dry-run
}

test_five_thousand_tables_stay_fluid() {
    fresh
    own_runs
    local thousand
    for thousand in 0 1 2 3 4; do # locks are for so many at a time
        sql "DO \$\$ BEGIN FOR i IN 1..1000 LOOP EXECUTE format(
                 'CREATE TABLE t%s (id int, created_at timestamptz)', i + 1000 * $thousand);
             END LOOP; END \$\$"
    done
    sql "CREATE TABLE audit_log (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL);
         CREATE INDEX ON audit_log (created_at);
         INSERT INTO audit_log (created_at) SELECT now() - g * interval '1 hour' FROM generate_series(1, 5000) g;
         ANALYZE audit_log"
    setup <<END
wait Connect by
key C-n
wait Databases
key Enter
wait 60 5001 tables tell when
quiet 100
screen
key G g
key /
type t4999
wait public.t4999
key Esc g
wait public.audit_log
key Enter
wait leaves now
key C-c
exits 130
END
    # Of all of them, the one that is a log stands on top.
    sed -n 5p "$OUT" | grep -q audit_log || fail "audit_log is not the likeliest"
}

run_tests
