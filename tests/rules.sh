#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# What a script can judge of the house's style: include directions, banned calls, externs that only
# one file uses, lines too long, a licence line in every file.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
failed=0

say() {
    echo "rules: $*"
    failed=$((failed + 1))
}

# base <- config <- {postgres row member store} <- catalog <- operations <- src, ui
may_include() { # ROOM: the rooms it may include, its own is understood
    case $1 in
    base) echo "" ;;
    config) echo "base" ;;
    row | member | store) echo "base config" ;;
    postgres) echo "base config row/shape.h row/mapping.h" ;;
    catalog) echo "base config store row/shape.h member/member.h member/cipher.h member/packing.h" ;;
    esac
}

for file in engine/*/*.[ch]; do
    room=$(basename "$(dirname "$file")")
    allowed=" $room $(may_include "$room") "
    while read -r header; do
        case $header in
        */*)
            [[ $allowed == *" ${header%%/*} "* || $allowed == *" $header "* ]] ||
                say "$file includes $header"
            ;;
        *)
            [ ! -f "engine/$header" ] || say "$file includes the operation $header"
            ;;
        esac
    done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done
for file in src/*.[ch]; do
    while read -r header; do
        case $header in
        */*) [[ $header == base/* || $header == config/* ]] || say "$file includes $header" ;;
        esac
    done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
done

# The console stands on the operations as src/ does; curses and readline have one file each.
for file in ui/*.[ch]; do
    while read -r header; do
        case $header in
        */*) [[ $header == base/* || $header == config/* ]] ||
            say "$file includes $header" ;;
        esac
    done < <(sed -n 's/^#include "\(.*\)"/\1/p' "$file")
    ! grep -qE '^#include <(curses|term)\.h>' "$file" || [ "$file" = ui/term.c ] ||
        say "$file includes curses"
    ! grep -qE '^#include <readline/' "$file" || [[ $file == ui/prompt.c || $file == ui/ask.c ]] ||
        say "$file includes readline"
done

sources=$(git ls-files 'engine/*.[ch]' 'engine/*/*.[ch]' 'src/*.[ch]' 'ui/*.[ch]' 2>/dev/null)
[ -n "$sources" ] || sources=$(find engine src ui -name '*.[ch]' 2>/dev/null)
banned='\b(strcpy|strcat|sprintf|strtok|atoi|gmtime|localtime|system|gets|alloca)[[:space:]]*\('
# shellcheck disable=SC2086
grep -nE "$banned" $sources && say "banned calls, see above"
# shellcheck disable=SC2086
grep -LE '^/\* SPDX-License-Identifier: PostgreSQL' $sources | grep . && say "no SPDX line, see above"
# shellcheck disable=SC2086
awk '!/[^ -~\t]/ && length($0) > 110 { print FILENAME ":" FNR ": " length($0) " columns"; bad = 1 } END { exit bad }' \
    $sources || say "lines too long, see above"
# shellcheck disable=SC2086
grep -nE '\b(TODO|FIXME|XXX)\b' $sources && say "unfinished, see above"

# A function that a header promises and nobody else calls. base/ is exempt: it is a library.
for header in $(ls engine/*.h engine/*/*.h ui/*.h | grep -v '^engine/base/'); do
    module=${header%.h}.c
    [ -f "$module" ] || continue
    for name in $(sed -n 's/^[a-z].*[ *]\([a-z0-9_]*\)(.*/\1/p' "$header" | sort -u); do
        # shellcheck disable=SC2086
        grep -lw "$name" $sources tests/*.c tests/unit/*/*.c tests/live/*.c 2>/dev/null |
            grep -vxF -e "$header" -e "$module" | grep -q . || say "$header: nobody uses $name"
    done
done

[ "$failed" -eq 0 ] && echo "rules: ok"
[ "$failed" -eq 0 ]
