#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# The configuration edited in the console.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"

test_an_option_is_changed_and_the_rest_of_the_file_stays() {
    fresh
    three_tables
    sed -i 's/^  retention_days: 90/  retention_days: 90   # as agreed/; 1i# Ours, since 2019' "$CONF"
    cp "$CONF" "$DIR/before"
    console <<'END'
wait never
key 6
wait the file
key j j Enter
wait retention_days
key C-u
type 45x
wait is not a whole number
key BS
gone is not a whole number
key Down
key Esc
wait 20 1 change not written yet
key w
wait Write the configuration?
key Esc
wait what changes
has -  retention_days: 90   # as agreed
has +  retention_days: 45   # as agreed
key q w y
wait written; runs
has the file
key Q
exits 0
END
    sed 's/^  retention_days: 90 /  retention_days: 45 /' "$DIR/before" | diff - "$CONF" >&2 ||
        fail "more than that was changed"
    ok check
}

test_read_only_shows_and_does_not_change() {
    fresh
    three_tables
    cp "$CONF" "$DIR/before"
    console --read-only <<'END'
wait never
key 6
wait the file
lacks w write
key j j Enter
wait retention_days
type 1
quiet 100
key Esc
lacks not written yet
key w
wait read-only
key Q
exits 0
END
    cmp "$CONF" "$DIR/before"
}

test_what_others_changed_is_not_written_over() {
    fresh
    three_tables
    {
        echo 'wait never'
        echo 'key 6 j j Enter'
        echo 'wait retention_days'
        echo 'key C-u'
        echo 'type 45'
        echo 'key Esc'
        echo 'wait 20 1 change not written yet'
        echo "run echo '# another' >>$CONF"
        echo 'key w'
        echo 'wait was changed by somebody else'
        echo 'key Esc r'
        echo 'gone not written yet'
        echo 'key Q'
        echo 'exits 0'
    } >"$DIR/steps.in"
    console <"$DIR/steps.in"
    tail -1 "$CONF" | grep -q '# another' || fail "the other's change is gone"
}

run_tests
