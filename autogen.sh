#!/bin/sh
# SPDX-License-Identifier: PostgreSQL
# Makes ./configure, and says nothing where that goes well. Needs autoconf, automake and pkg-config.
set -eu
cd "$(dirname "$0")"
mkdir -p m4 build-aux
log=$(autoreconf --install --force --warnings=all 2>&1) || {
    echo "$log" >&2
    exit 1
}
