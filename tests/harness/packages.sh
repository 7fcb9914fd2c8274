#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# Installs what is missing:  packages.sh GROUP...   (groups of tests/packages.txt)
#
# As root or through sudo. Where neither is to be had it says what to install and goes on: what is
# really missing shows soon enough. Does nothing where all is there.
set -euo pipefail
list=$(dirname "$0")/../packages.txt

missing=()
for group in "$@"; do
    for package in $(awk -v group="$group" '$1 == group { print $2 }' "$list"); do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
            missing+=("$package")
    done
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || {
    echo "not a Debian system; install what these are called here: ${missing[*]}" >&2
    exit 0
}
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
        as_root=(sudo)
    else
        echo "please install: apt-get install ${missing[*]}" >&2
        exit 0
    fi
fi
echo "installing: ${missing[*]}" >&2
# A server that the package would start by itself is not wanted: the tests start their own.
no_start=$(mktemp)
[ -e /usr/sbin/policy-rc.d ] || {
    printf '#!/bin/sh\nexit 101\n' >"$no_start"
    "${as_root[@]}" install -m 755 "$no_start" /usr/sbin/policy-rc.d
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d; rm -f "$no_start"' EXIT
}
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
