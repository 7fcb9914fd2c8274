#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A throwaway PostgreSQL server on 127.0.0.1; no socket, whose path could be too long.
#
#   pg.sh start DIR         prints PGHOST, PGPORT and PGUSER as shell assignments
#   pg.sh stop DIR          stops what start began in DIR
#   pg.sh crash DIR         stops it as a power cut would, and starts it again
#   pg.sh standby DIR OF    a standby of the server in OF, in DIR; prints as start does
#   pg.sh promote DIR       makes a standby a primary of a new timeline
#
# $PG_BIN: where initdb and pg_ctl are; the newest Debian one where not said. PostgreSQL refuses to
# run as root: the server then runs as the user postgres.
set -euo pipefail

die() {
    echo "pg.sh: $*" >&2
    exit 2
}

find_bin() {
    if [ -n "${PG_BIN:-}" ]; then
        echo "$PG_BIN"
        return
    fi
    local newest
    newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -V | tail -1)
    [ -n "$newest" ] || newest=$(dirname "$(command -v initdb || true)")
    [ -x "$newest/initdb" ] || die "no PostgreSQL server programs found (package postgresql)"
    echo "$newest"
}

as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups -- env -C / "$@"
    else
        "$@"
    fi
}

is_free() { # PORT
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
    local try port
    for try in $(seq 50); do
        port=$((20000 + (RANDOM * 32768 + RANDOM + try) % 12000))
        if is_free "$port"; then
            echo "$port"
            return
        fi
    done
    die "no free port found"
}

settings() { # PORT
    cat <<CONF
listen_addresses = '127.0.0.1'
port = $1
unix_socket_directories = ''
fsync = ${PG_FSYNC:-off}
max_connections = 60
max_prepared_transactions = 5
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 30min
autovacuum = off
wal_level = replica
log_line_prefix = '%m [%p] %q%a '
lc_messages = 'C'
timezone = 'UTC'
CONF
}

start() { # DIR
    local dir=$1 bin port
    bin=$(find_bin)
    port=$(free_port)
    mkdir -p "$dir"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres:postgres "$dir"
    fi
    as_server "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        die "initdb failed"
    }
    settings "$port" | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    # pw_user needs its password.
    {
        echo 'host all pw_user 127.0.0.1/32 scram-sha-256'
        echo 'host all all 127.0.0.1/32 trust'
        echo 'host replication all 127.0.0.1/32 trust'
    } | as_server tee "$dir/data/pg_hba.conf" >/dev/null
    echo "$bin" >"$dir/bin"
    echo "$port" >"$dir/port"
    up "$dir"
    echo "PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres"
}

standby() { # DIR OF
    local dir=$1 bin port
    bin=$(cat "$2/bin")
    port=$(free_port)
    mkdir -p "$dir"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres:postgres "$dir"
    fi
    as_server "$bin/pg_basebackup" -D "$dir/data" -h 127.0.0.1 -p "$(cat "$2/port")" -U postgres \
        -R -X stream -c fast
    settings "$port" | as_server tee -a "$dir/data/postgresql.conf" >/dev/null
    echo "$bin" >"$dir/bin"
    echo "$port" >"$dir/port"
    up "$dir"
    echo "PGHOST=127.0.0.1 PGPORT=$port PGUSER=postgres"
}

up() { # DIR
    as_server "$(cat "$1/bin")/pg_ctl" -D "$1/data" -l "$1/server.log" -w -t 60 start \
        >"$1/ctl.log" 2>&1 || {
        cat "$1/ctl.log" "$1/server.log" >&2
        die "the server does not start"
    }
}

down() { # DIR MODE
    [ -f "$1/data/postmaster.pid" ] || return 0
    as_server "$(cat "$1/bin")/pg_ctl" -D "$1/data" -m "$2" -w -t 60 stop >/dev/null
}

case "${1:-}" in
start) start "${2:?DIR}" ;;
stop) down "${2:?DIR}" fast || down "$2" immediate ;;
crash)
    down "${2:?DIR}" immediate
    up "$2"
    ;;
standby) standby "${2:?DIR}" "${3:?OF}" ;;
promote) as_server "$(cat "${2:?DIR}/bin")/pg_ctl" -D "$2/data" -w -t 60 promote >/dev/null ;;
*) die "usage: pg.sh start|stop|crash|promote DIR | standby DIR OF" ;;
esac
