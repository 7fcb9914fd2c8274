#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
# alone
#
# Whom the rows are sent to: certificates of an authority of our own, on stunnel in front of a real
# S3 server. What is not as it should be is refused before a single request, with exit code 7.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

REAL=$S3_ENDPOINT
SERVER_PORT=${REAL##*:}
TLS_PORT=$((SERVER_PORT + 4000)) # S3 servers have 12000 to 15000, databases 20000 and up
S3_ENDPOINT=https://localhost:$TLS_PORT
CA=$WORK/ca
export S3_ACCESS_KEY S3_SECRET_KEY

# Each test is a process of its own: what it started is known by a file.
stop_stunnel() {
    local pid
    [ -f "$WORK/stunnel.pid" ] || return 0
    pid=$(cat "$WORK/stunnel.pid")
    rm -f "$WORK/stunnel.pid"
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
}
trap stop_stunnel EXIT

authority() { # NAME
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout "$CA/$1.key" \
        -out "$CA/$1.crt" 2>/dev/null
}

# certificate NAME AUTHORITY HOST FROM TO: days from now
certificate() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$3" -keyout "$CA/$1.key" -out "$CA/$1.csr" \
        2>/dev/null
    rm -rf "$CA/db"
    mkdir -p "$CA/db"
    : >"$CA/db/index.txt"
    echo 1000 >"$CA/db/serial"
    cat >"$CA/db/conf" <<CONF
[ca]
default_ca = own
[own]
database = $CA/db/index.txt
serial = $CA/db/serial
new_certs_dir = $CA/db
default_md = sha256
policy = any
x509_extensions = host
[any]
commonName = supplied
[host]
subjectAltName = DNS:$3
CONF
    openssl ca -batch -config "$CA/db/conf" -cert "$CA/$2.crt" -keyfile "$CA/$2.key" \
        -in "$CA/$1.csr" -out "$CA/$1.crt" -startdate "$(date -u -d "$4 days" +%y%m%d%H%M%SZ)" \
        -enddate "$(date -u -d "$5 days" +%y%m%d%H%M%SZ)" 2>/dev/null
}

pin() { # CERTIFICATE: as curl writes it
    openssl x509 -in "$CA/$1.crt" -noout -pubkey | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | base64 | sed 's#^#sha256//#'
}

serve() { # CERTIFICATE [MORE OPTIONS OF STUNNEL]
    stop_stunnel
    {
        echo 'foreground = yes'
        echo 'syslog = no'
        echo 'pid ='
        echo '[s3]'
        echo "accept = 127.0.0.1:$TLS_PORT"
        echo "connect = 127.0.0.1:$SERVER_PORT"
        echo "cert = $CA/$1.crt"
        echo "key = $CA/$1.key"
        printf '%b' "${2:-}"
    } >"$DIR/stunnel.conf"
    stunnel4 "$DIR/stunnel.conf" >"$DIR/stunnel.log" 2>&1 &
    echo $! >"$WORK/stunnel.pid"
    local try
    for try in $(seq 100); do
        ! (exec 3<>"/dev/tcp/127.0.0.1/$TLS_PORT") 2>/dev/null || return 0
        sleep 0.05
    done
    cat "$DIR/stunnel.log" >&2
    fail 'stunnel does not start'
}

# place [OPTIONS OF s3]: a bucket, rows, and the authority's certificate as ca_file
place() {
    BUCKET=b$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null
    fresh
    logs 2200
    options "  ca_file: $CA/ours.crt"
}

options() { # LINES: instead of those before
    config
    sed -i "s#^  prefix: pg#  prefix: pg\n  retries: 0\n$1#" "$CONF"
}

# refused TEXT...: exit 7, these texts, and every row stays
refused() {
    local text
    exits 7 archive
    for text in "$@"; do
        says "$ERR" "$text"
    done
    same "$(sql 'SELECT count(*) FROM logs')" 2200
}

mkdir -p "$CA"
authority ours
authority theirs
certificate good ours localhost -1 2
certificate expired ours localhost -3 -1
certificate future ours localhost 1 2
certificate elsewhere ours store.example -1 2
certificate unknown theirs localhost -1 2

test_a_good_certificate_of_an_authority_of_ours() {
    place
    serve good
    ok archive
    ok verify
    [ "$(sql 'SELECT count(*) FROM logs')" -lt 2200 ] || fail 'nothing archived'
}

test_a_certificate_out_of_date() {
    place
    serve expired
    refused "the store's certificate is out of date" 'certificate has expired'
    serve future
    refused "the store's certificate is out of date" 'not yet valid'
}

test_a_certificate_of_another_host() {
    place
    serve elsewhere
    refused "the store's certificate is for another host" 's3.endpoint must be a name'
}

test_an_authority_that_nobody_knows() {
    place
    serve unknown
    refused "the store's certificate is not trusted" 's3.ca_file'
    # The system's authorities do not know ours, and ours stands instead of them.
    serve good
    options ''
    refused "the store's certificate is not trusted"
    options "  ca_file: $DIR/missing.crt"
    exits 3 archive
    says "$ERR" 's3.ca_file cannot be used'
}

test_a_pinned_key() {
    place
    serve good
    options "  ca_file: $CA/ours.crt\n  pinned_public_key: $(pin elsewhere)"
    refused "the store's key is not the pinned one" 's3.pinned_public_key'
    options "  ca_file: $CA/ours.crt\n  pinned_public_key: $(pin elsewhere);$(pin good)"
    ok archive
    # A pin does not stand for trust.
    serve unknown
    options "  ca_file: $CA/ours.crt\n  pinned_public_key: $(pin unknown)"
    exits 7 archive
    says "$ERR" "the store's certificate is not trusted"
    options '  pinned_public_key: sha256//short'
    exits 3 archive
    says "$ERR" 'not the digest of a public key'
}

test_tls_1_1_is_not_spoken() {
    place
    serve good 'sslVersionMin = TLSv1\nsslVersionMax = TLSv1.1\nsecurityLevel = 0\nciphers = ALL:@SECLEVEL=0\n'
    # The server does speak it, with those who want to.
    curl -sS -o /dev/null --cacert "$CA/ours.crt" --tlsv1.0 --tls-max 1.1 \
        --ciphers 'ALL:@SECLEVEL=0' "$S3_ENDPOINT/" || fail 'the server is not what it should be'
    refused 'no TLS connection to the store' 'TLS 1.2 or newer'
    serve good 'sslVersionMax = TLSv1.2\n'
    ok archive
}

test_a_server_without_tls() {
    place
    options "  ca_file: $CA/ours.crt"
    sed -i "s#endpoint: .*#endpoint: https://localhost:$SERVER_PORT#" "$CONF"
    refused 'no TLS connection to the store'
}

run_tests
