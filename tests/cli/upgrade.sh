#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# config upgrade: a file of the earlier archiver becomes one of version 3 that asks for the same.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
export DB_PASSWORD=x

test_its_own_files_keep_their_effect() {
    fresh
    local file
    for file in "$TESTS"/config/v*.yaml; do
        cp "$file" "$CONF"
        ok -q config upgrade
        cp "$OUT" "$DIR/new.yaml"
        ok -q config show
        sed 's/^version:.*/version/' "$OUT" >"$DIR/before"
        CONF=$DIR/new.yaml ok config show
        sed 's/^version:.*/version/' "$OUT" | diff - "$DIR/before" >&2 || fail "$file changes its effect"
        silent "$ERR" WARN
    done
}

test_each_change_is_said_and_all_else_stays() {
    fresh
    cp "$TESTS/config/v1-all-sorts.yaml" "$CONF"
    ok -q config upgrade
    diff "$TESTS/config/v1-all-sorts.upgraded" "$OUT" >&2 || fail "it came out otherwise"
    # With --yes in its place, as private as it was; what was stays beside it.
    chmod 600 "$CONF"
    ok -q -y config upgrade
    same "$(stat -c %a "$CONF")" 600 mode
    cmp "$CONF" "$TESTS/config/v1-all-sorts.upgraded"
    cmp "$CONF.orig" "$TESTS/config/v1-all-sorts.yaml"
    exits 3 config upgrade
    says "$ERR" 'is of version 3 already'
    # and is never written over
    cp "$TESTS/config/v1-all-sorts.yaml" "$CONF"
    run -q -y config upgrade
    [ "$CODE" -ne 0 ] || fail "the file kept before was written over"
    cmp "$CONF" "$TESTS/config/v1-all-sorts.yaml"
}

test_what_cannot_be_changed_by_lines_is_left_alone() {
    fresh
    cat >"$CONF" <<'END'
version: "2.0"
s3: {bucket: b, region: eu-west-1}
databases:
  - name: a
    host: h
    user: u
    password_env: DB_PASSWORD
    tables: [{name: t, timestamp_column: at, primary_key: id}]
END
    cp "$CONF" "$DIR/before"
    exits 3 -y config upgrade
    says "$ERR" 'its keys share a line'
    cmp "$CONF" "$DIR/before"
}

run_tests
