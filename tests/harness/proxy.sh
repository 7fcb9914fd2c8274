# SPDX-License-Identifier: PostgreSQL
#
# A store in trouble: fault_proxy.py between the program and a real S3 server. Source it beside
# lib.sh in a script that needs s3; $REAL is the server itself.
REAL=$S3_ENDPOINT

# A proxy for this test, where S3_ENDPOINT points from now on. It ends with its stdin, so with the
# test, however that ends.
proxy() {
    local try said=$WORK/$TEST.proxy
    exec {PROXY_STDIN}> >(exec python3 "$TESTS/harness/fault_proxy.py" 0 "${REAL##*:}" >"$said" 2>&1)
    for try in $(seq 100); do
        ! grep -q '^ready' "$said" 2>/dev/null || break
        sleep 0.1
    done
    S3_ENDPOINT=http://127.0.0.1:$(sed -n 's/^ready //p' "$said")
}

trouble() { # [RULE]...: from now on; none: none
    printf '%s\n' "$@" | curl -sS -f -X POST --data-binary @- "$S3_ENDPOINT/-/rules"
}

asked() { # REGEX: requests since the last call of `trouble` whose line in the log it finds
    curl -sS "$S3_ENDPOINT/-/log" | grep -cE -- "$1" || true
}
