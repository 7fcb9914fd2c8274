#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# What is always there: the lines around a screen, the keys that work everywhere, every kind of
# terminal, and the terminal as it was found.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
# shellcheck source=../harness/console.sh
. "$TESTS/harness/console.sh"

test_the_first_screen_at_80x24() {
    fresh
    three_tables
    console <<'END'
wait never
wait cutoff
quiet 300
screen
key Q
exits 0
END
    golden overview-80x24
}

test_the_first_screen_at_200x50() {
    fresh
    three_tables
    ROWS=50 COLS=200 console <<'END'
wait never
wait cutoff
quiet 300
screen
key Q
exits 0
END
    golden overview-200x50
}

test_every_kind_of_terminal_shows_the_same() {
    fresh
    three_tables
    local term
    # So that lsan.supp is understood also where another library stands between.
    export ASAN_OPTIONS=fast_unwind_on_malloc=0
    for term in xterm-256color screen-256color tmux-256color xterm linux; do
        TERM=$term console <<'END'
wait never
wait cutoff
quiet 300
screen
key Q
exits 0
settings
END
        sed -i '/^same$/d' "$OUT"
        golden overview-80x24
    done
}

test_a_terminal_without_utf8_or_colours_shows_it_in_ascii() {
    fresh
    three_tables
    TERM=vt100 LC_ALL=C console <<'END'
wait never
wait cutoff
quiet 300
screen
key Q
exits 0
END
    ! LC_ALL=C grep -q '[^ -~]' "$OUT" || fail "not only ASCII"
    golden overview-ascii
}

test_colours_are_left_out_where_nobody_wants_them() {
    fresh
    three_tables
    console <<'END'
wait never
quiet 300
look table 
key Q
END
    says "$OUT" 'fg":"#'
    NO_COLOR=1 console <<'END'
wait never
quiet 300
look table 
look appdb.public.logs
key Q
END
    silent "$OUT" 'fg":"#'
    says "$OUT" 'reverse 1'
    console --no-color <<'END'
wait never
look table 
key Q
END
    silent "$OUT" 'fg":"#'
}

test_the_help_names_the_keys_of_its_screen() {
    fresh
    three_tables
    console <<'END'
wait never
key ?
wait keys of Overview
quiet 200
screen
# a filter as one types
key /
type marked
wait start a run for the marked
gone one row up
key Esc
wait one row up
key q
wait 3 tables
key Q
exits 0
END
    golden help-80x24
}

test_the_terminal_is_as_it_was_found_however_it_ends() {
    fresh
    three_tables
    local signal
    for signal in 15 1; do
        console <<END
wait never
signal $signal
exits 0
settings
lacks never
END
        same "$(cat "$OUT")" same "settings after signal $signal"
    done
    for signal in 11 6 7; do
        console <<END
wait never
signal $signal
exits
settings
lacks never
END
        grep -qx same "$OUT" || fail "settings after signal $signal: $(cat "$OUT")"
    done
    console <<'END'
wait never
key q
exits 0
settings
lacks never
END
    same "$(cat "$OUT")" same "settings after q"
}

test_ctrl_z_gives_the_shell_its_turn() {
    fresh
    three_tables
    cat >"$DIR/steps" <<END
spawn bash $DIR/shell
wait never
key C-z
wait THE SHELL HAS IT
lacks never
wait never
key Q
wait IT ENDED WITH 0
exits 0
settings
END
    cat >"$DIR/shell" <<END
set -m
$ARCHIVER -c $CONF
echo THE SHELL HAS IT: \$(stty -a | grep -ow -e '-*icanon' -e '-*echo' | tr '\n' ' ')
sleep 0.5
fg >/dev/null
echo IT ENDED WITH \$?
END
    "$BUILD/tests/console/driver" <"$DIR/steps" >"$DIR/out" || fail "the steps did not work out"
    same "$(cat "$DIR/out")" same settings
}

test_any_size_down_to_60x16_and_a_word_below() {
    fresh
    three_tables
    {
        echo 'wait never'
        for i in $(seq 60); do
            echo "resize $((1 + (i * 37) % 100)) $((1 + (i * 61) % 300))"
            [ $((i % 4)) -ne 0 ] || echo 'key ? j q 2 1'
        done
        echo 'resize 15 80'
        echo 'wait 80x15 is too small: 60x16'
        echo 'resize 16 60'
        echo 'wait cutoff'
        echo 'wait 1.6 MB   archive'
        echo 'quiet 300'
        echo 'screen'
        echo 'resize 100 300'
        echo 'wait appdb.public.logs'
        echo 'resize 1 1'
        echo 'quiet 100'
        echo 'key Q'
        echo 'exits 0'
    } >"$DIR/storm"
    console <"$DIR/storm"
    golden overview-60x16
}

test_no_terminal_is_a_clear_error() {
    fresh
    three_tables
    exits 2 console
    says "$ERR" 'the console needs a terminal'
    exits 2
    says "$ERR" 'no command given'
    TERM=dumb console <<'END'
exits 2
has the console needs a terminal
END
    TERM=no-such-terminal console <<'END'
exits 2
has TERM=no-such-terminal is not known
END
}

test_the_command_line_completes_and_remembers() {
    fresh
    three_tables
    console <<'END'
wait never
key :
type che
key Tab
wait :check
type -t logs
key Enter
wait appdb: connection
key q
wait 3 tables
key : Up
wait :check -t logs
key C-u
type rest
key Tab
wait :restore
key Esc
key :
type nonsense
key Enter
wait there is no command "nonsense"
key :
type list "
key Enter
wait a quote is not closed
key :
type 2
key Enter
wait Runs
key :
type quit
key Enter
exits 0
END
}

test_filter_search_order_and_marks() {
    fresh
    three_tables
    console <<'END'
wait never
key /
type event
gone public.logs
has public.events
key Enter
has /event
key Esc
wait public.logs
key /
type !event
key Enter
gone public.events
has public.logs
key Esc
wait public.events
key \
type changes
key Enter v
wait table          appdb.audit.changes
key q
wait 3 tables
key \
type not there
key Enter
wait not found: not there
key T
wait table▲
key T
wait table▼
key Home Space Space
wait 20 2 marked
key *
gone marked
key y
wait copied
sent \e]52;c;
key 4
wait Which rows come back?
key C-c
exits 0
END
}

test_mouse_wheel_and_click() {
    fresh
    three_tables
    printf 'wait never\nquiet 200\ntype \e[<0;5;8M\e[<0;5;8m\nkey v\nwait table          appdb.audit.changes\nkey q\ntype \e[<64;5;8M\nkey v\nwait table          appdb.public.events\nkey q\ntype \e[<0;3;5M\e[<0;3;5m\nwait table▲\nkey M\nwait mouse off\nkey Q\nexits 0\n' |
        console
}

test_ten_thousand_random_keys_with_a_run() {
    fresh
    three_tables "  rows_per_second: 100
  batch_size: 50"
    ok archive --detach
    console <<'END'
wait never
random 4711 5000
resize 20 70
random 4712 5000
key Esc Esc Esc Esc
signal 15
exits 0
settings
END
    same "$(cat "$OUT")" same settings
    run stop --now # where the keys have left it going
}

run_tests
