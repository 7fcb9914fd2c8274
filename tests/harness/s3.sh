#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
#
# A throwaway S3 server: a single-node Ceph object store (radosgw) on 127.0.0.1, in memory.
#
#   s3.sh start DIR PORT    prints S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY as shell assignments
#   s3.sh sts DIR PORT      a second door to the same data, which knows session tokens: prints its
#                           S3_ENDPOINT
#   s3.sh stop DIR          stops what start began in DIR, by its process ids
#
# PORT+1 is taken by its monitor. Buckets are made with a plain PUT of /BUCKET. Temporary keys are
# had at the second door by STS AssumeRole of arn:aws:iam:::role/archiver; it does not tell a wrong
# secret from a missing right, so it is not the first. SSE-KMS has one key, archive-key. Data is gone
# at the stop. Needs the packages radosgw, ceph-mon, ceph-osd and
# ceph-common; without them start says so and exits 77.
set -euo pipefail

KEY=ARCHIVERKEY
SECRET=archiversecret1234

die() {
    echo "s3.sh: $*" >&2
    exit 2
}

configure() { # DIR PORT FSID
    cat <<CONF
[global]
fsid = $3
mon host = [v2:127.0.0.1:$(($2 + 1))/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
run dir = $1/run
admin socket = $1/run/\$name.asok
log file = $1/log/\$name.log
pid file = $1/run/\$name.pid
keyring = $1/keyring
mon data = $1/mon
mon data avail warn = 0
mon data avail crit = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
osd data = $1/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd memory target = 939524096
osd max object name len = 460
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
[client.rgw]
rgw data = $1/rgw
rgw frontends = beast endpoint=127.0.0.1:$2
rgw dns name = localhost
rgw thread pool size = 64
rgw enable usage log = false
rgw dynamic resharding = false
rgw override bucket index max shards = 0
rgw crypt require ssl = false
rgw crypt default encryption key = 4YSmvJtBv0aZ7geVgAsdpRnLBEwWSWlMIGnRS8a9TSA=
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = archive-key=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
CONF
}

start_cluster() { # DIR PORT; what it prints goes to a log
    local dir=$1 port=$2 fsid uuid osd_key
    local conf=(-c "$dir/ceph.conf") as=(--setuser "$(id -un)" --setgroup "$(id -gn)")

    fsid=$(cat /proc/sys/kernel/random/uuid)
    uuid=$(cat /proc/sys/kernel/random/uuid)
    configure "$dir" "$port" "$fsid" >"$dir/ceph.conf"
    ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool "$dir/keyring" --gen-key -n client.admin \
        --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    monmaptool --create --clobber --addv a "[v2:127.0.0.1:$((port + 1))]" --fsid "$fsid" \
        "$dir/monmap"
    ceph-mon "${conf[@]}" --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/keyring" "${as[@]}"
    ceph-mon "${conf[@]}" -i a "${as[@]}"
    ceph "${conf[@]}" -n client.admin auth get-or-create client.rgw \
        mon 'allow *' osd 'allow *' mgr 'allow *' >>"$dir/keyring"
    ceph "${conf[@]}" osd new "$uuid"
    osd_key=$(ceph-authtool --gen-print-key)
    printf '[osd.0]\n\tkey = %s\n' "$osd_key" >>"$dir/keyring"
    ceph "${conf[@]}" auth add osd.0 osd 'allow *' mon 'allow profile osd' -i "$dir/keyring"
    ceph-osd "${conf[@]}" -i 0 --mkfs --osd-uuid "$uuid" "${as[@]}"
    ceph-osd "${conf[@]}" -i 0 "${as[@]}"
    radosgw-admin "${conf[@]}" user create --uid=archiver --display-name=archiver \
        --access-key="$KEY" --secret-key="$SECRET"
    # a role that may do all, whose session tokens the server checks
    radosgw-admin "${conf[@]}" role create --role-name=archiver --assume-role-policy-doc='{
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
        "Principal": {"AWS": ["arn:aws:iam:::user/archiver"]}}]}'
    radosgw-admin "${conf[@]}" role-policy put --role-name=archiver --policy-name=all \
        --policy-doc='{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": "arn:aws:s3:::*"}]}'
    radosgw-admin "${conf[@]}" zonegroup placement add --rgw-zonegroup default \
        --placement-id default-placement --storage-class STANDARD_IA || true
    radosgw-admin "${conf[@]}" zone placement add --rgw-zone default \
        --placement-id default-placement --storage-class STANDARD_IA \
        --data-pool default.rgw.ia.data || true
    radosgw "${conf[@]}" -n client.rgw "${as[@]}"
}

start() { # DIR PORT
    local dir port tool
    for tool in radosgw ceph-mon ceph-osd ceph; do
        if ! command -v "$tool" >/dev/null; then
            echo "s3.sh: $tool is not installed (radosgw, ceph-mon, ceph-osd, ceph-common)" >&2
            exit 77
        fi
    done
    dir=$(realpath -m "$1")
    port=$2
    [ ! -e "$dir/ceph.conf" ] || die "$dir is in use already"
    mkdir -p "$dir"/{mon,osd,rgw,run,log}
    # in the background, since `if` would take the -e from it
    start_cluster "$dir" "$port" >"$dir/log/start.log" 2>&1 &
    if ! wait $!; then
        tail -n 20 "$dir/log/start.log" >&2
        stop "$dir"
        die "cannot start, see $dir/log"
    fi
    if answers "$port"; then
        echo "S3_ENDPOINT=http://127.0.0.1:$port"
        echo "S3_ACCESS_KEY=$KEY"
        echo "S3_SECRET_KEY=$SECRET"
        return 0
    fi
    stop "$dir"
    die "the server does not answer, see $dir/log"
}

answers() { # PORT: within a minute
    for _ in $(seq 1 120); do
        ! curl -fsS -o /dev/null "http://127.0.0.1:$1/" 2>/dev/null || return 0
        sleep 0.5
    done
    return 1
}

sts() { # DIR PORT
    local dir
    dir=$(realpath -m "$1")
    radosgw -c "$dir/ceph.conf" -n client.rgw --setuser "$(id -un)" --setgroup "$(id -gn)" \
        --rgw-frontends="beast endpoint=127.0.0.1:$2" --rgw-s3-auth-use-sts=true \
        --rgw-sts-key=archivertestkey1 --pid-file="$dir/run/sts.pid" \
        --log-file="$dir/log/sts.log" --admin-socket="$dir/run/sts.asok" >&2
    answers "$2" || die "the second door does not answer, see $dir/log/sts.log"
    echo "S3_ENDPOINT=http://127.0.0.1:$2"
}

ours() { # PID DIR: is this process one that start began in DIR?
    tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2/ceph.conf"
}

stop() { # DIR
    local dir pid file signal
    dir=$(realpath -m "$1")
    for signal in TERM KILL; do
        for file in "$dir"/run/*.pid; do
            [ -f "$file" ] || continue
            pid=$(cat "$file")
            if ours "$pid" "$dir"; then kill -s "$signal" "$pid" 2>/dev/null || true; fi
        done
        for _ in $(seq 1 20); do
            for file in "$dir"/run/*.pid; do
                [ -f "$file" ] && ours "$(cat "$file")" "$dir" && sleep 0.25 && continue 2
            done
            return 0
        done
    done
}

case "${1:-} $#" in
'start 3') start "$2" "$3" ;;
'sts 3') sts "$2" "$3" ;;
'stop 2') stop "$2" ;;
*) die 'usage: s3.sh start DIR PORT | sts DIR PORT | stop DIR' ;;
esac
