#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# Keys from all the places they come from, used against a real S3 server: it checks signatures and
# session tokens. Before it stands tests/harness/aws.py, which hands those keys out.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"

# The server's door that knows session tokens.
door=$("$TESTS/harness/s3.sh" sts "$S3_DIR" $((${S3_ENDPOINT##*:} + 1000)))
export S3_ENDPOINT=${door#*=}

# A bucket, a table, and a configuration that names no keys; the stand-in serves at AT, out of SIDE.
fresh_place() { # [CURL-FLAGS...]: of the request that makes the bucket
    BUCKET=k$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null "$@"
    fresh
    SIDE=$DIR/side
    export HOME=$DIR/home AWS_EC2_METADATA_DISABLED=true
    mkdir -p "$SIDE" "$HOME/.aws"
    echo "$S3_ACCESS_KEY $S3_SECRET_KEY" >"$SIDE/keys"
    # its proxy sees a Host that is its own, as the signature does
    python3 "$TESTS/harness/aws.py" "$SIDE" "$S3_ENDPOINT" &
    trap 'kill '$! EXIT
    for _ in $(seq 1 200); do
        [ ! -f "$SIDE/address" ] || break
        sleep 0.1
    done
    AT=$(cat "$SIDE/address")
    config '' '  batch_size: 400'
    sed -i "/access_key/d; s#endpoint: .*#endpoint: $AT#" "$CONF"
    logs 4000
    all_ids "$DIR/all"
}

# Archives and reads everything back with the keys at hand; FILE tells where they came from.
works() { # TEXT: what check says of them
    ok check
    says "$OUT" "store: credentials: $1"
    ok archive --json
    same "$(json "$OUT" '["status"]')" success
    balanced "$DIR/all"
    ok verify
}

handed() { # PART: how many keys the stand-in handed out
    grep -c "$1: keys" "$SIDE/requests" || true
}

test_instance_metadata() {
    fresh_place
    export AWS_EC2_METADATA_SERVICE_ENDPOINT=$AT
    unset AWS_EC2_METADATA_DISABLED
    works 'instance metadata, role archiver, until 20'
}

test_web_identity() {
    fresh_place
    echo token-of-pod >"$SIDE/identity"
    export AWS_WEB_IDENTITY_TOKEN_FILE=$SIDE/identity AWS_ROLE_ARN=arn:aws:iam:::role/archiver
    export AWS_ENDPOINT_URL_STS=$AT
    works 'web identity, role arn:aws:iam:::role/archiver, until 20'
    echo token-of-nobody >"$DIR/other"
    AWS_WEB_IDENTITY_TOKEN_FILE=$DIR/other exits 5 archive
    says "$ERR" 'InvalidIdentityToken'
}

test_containers_endpoint() {
    fresh_place
    echo secret-of-task >"$SIDE/authorization"
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AT/container
    export AWS_CONTAINER_AUTHORIZATION_TOKEN=secret-of-task
    works "container's endpoint, until 20"
    AWS_CONTAINER_AUTHORIZATION_TOKEN=wrong exits 5 archive
    says "$ERR" "no keys from the container's endpoint"
    silent "$ERR" secret-of-task
}

# No stand-in: the real server's own token service, asked with the profile's keys.
test_a_role_of_the_real_server() {
    fresh_place
    printf '[base]\naws_access_key_id = %s\naws_secret_access_key = %s\n' \
        "$S3_ACCESS_KEY" "$S3_SECRET_KEY" >"$HOME/.aws/credentials"
    printf '[profile cold]\nrole_arn = arn:aws:iam:::role/archiver\nsource_profile = base\n' \
        >"$HOME/.aws/config"
    export AWS_ENDPOINT_URL_STS=$S3_ENDPOINT
    sed -i "s#endpoint: .*#endpoint: $S3_ENDPOINT\n  profile: cold#" "$CONF"
    works 'shared files, profile cold, role arn:aws:iam:::role/archiver, until 20'
    sed -i 's#profile: cold#profile: warm#' "$CONF"
    exits 3 archive
    says "$ERR" 'there is no profile warm'
}

test_credential_process() {
    fresh_place
    cat >"$DIR/give" <<PROCESS
#!/bin/sh
echo "\$(date) \$*" >>"$DIR/asked"
echo '{"Version": 1, "AccessKeyId": "$S3_ACCESS_KEY", "SecretAccessKey": "$S3_SECRET_KEY"}'
PROCESS
    chmod +x "$DIR/give"
    printf '[default]\ncredential_process = %s --for "cold rows"\n' "$DIR/give" >"$HOME/.aws/config"
    works 'shared files, profile default, credential_process'
    says "$DIR/asked" '--for cold rows'
    silent "$OUT" "$S3_SECRET_KEY"
    silent "$ERR" "$S3_SECRET_KEY"
}

# Keys live for three seconds here, the run for longer.
test_keys_are_renewed_in_the_middle_of_a_run() {
    fresh_place
    echo 3 >"$SIDE/life"
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AT/container
    sed -i 's/batch_size: 400/batch_size: 400\n  sleep_between_batches: 1.5/' "$CONF"
    ok archive --json
    same "$(json "$OUT" '["batches"]')" 5
    balanced "$DIR/all"
    [ "$(handed container)" -ge 3 ] || fail "keys were handed out $(handed container) times"
    silent "$SIDE/requests" 'proxy: expired'
}

# The server refuses keys earlier than they said.
test_keys_that_the_server_finds_expired_are_renewed() {
    fresh_place
    echo 20 >"$SIDE/uses"
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AT/container
    ok archive --json
    same "$(json "$OUT" '["batches"]')" 5
    [ "$(grep -c 'proxy: expired' "$SIDE/requests")" -ge 2 ] || fail 'no key was found expired'
    same "$(handed container)" "$(($(grep -c 'proxy: expired' "$SIDE/requests") + 1))"
    balanced "$DIR/all"
    # static keys cannot be renewed: that is an error, and nothing is lost
    echo 0 >"$SIDE/uses"
    unset AWS_CONTAINER_CREDENTIALS_FULL_URI
    sql "INSERT INTO logs (at) SELECT now() - interval '1 year' FROM generate_series(1, 100)"
    export AWS_ACCESS_KEY_ID=$S3_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$S3_SECRET_KEY
    AWS_SESSION_TOKEN=old exits 5 archive
    says "$ERR" 'ExpiredToken'
    same "$(sql "SELECT count(*) FROM logs WHERE body IS NULL")" 100
}

test_the_service_goes_away_in_the_middle_of_a_run() {
    fresh_place
    echo 20 >"$SIDE/uses"
    export AWS_CONTAINER_CREDENTIALS_FULL_URI=$AT/container
    # the first keys, then nothing for a while, then good ones
    printf 'slow 0\n503\n503\n503\n503\n' >"$SIDE/answers"
    ok archive --json
    balanced "$DIR/all"
    same "$(grep -c 'container: 503' "$SIDE/requests")" 4
    # and one that is refused for good ends the run, not the rows
    sql "INSERT INTO logs (at) SELECT now() - interval '1 year' FROM generate_series(1, 100)"
    all_ids "$DIR/rest"
    printf 'slow 0\n403\n403\n403\n403\n403\n403\n403\n403\n' >"$SIDE/answers"
    echo 4 >"$SIDE/uses"
    exits 5 archive
    says "$ERR" "no keys from the container's endpoint"
    rm "$SIDE/uses" "$SIDE/answers"
    ok archive
    sort -nu "$DIR/all" "$DIR/rest" >"$DIR/both"
    balanced "$DIR/both"
}

# The policy that is printed, given to a role of the real server: enough, and no more. That server
# has no encryption by default and does not know the right to ask about it, and it wants another
# right than AWS does for the block of public access.
test_the_least_policy_is_enough() {
    fresh_place -H 'x-amz-bucket-object-lock-enabled: true'
    local settings='  object_lock_mode: GOVERNANCE\n  object_lock_days: 1\n'
    settings+='  object_lock_legal_hold: true\n  tags: ["team=data"]'
    sed -i "s#^  prefix: pg#  prefix: pg\n$settings#; s#endpoint: .*#endpoint: $S3_ENDPOINT#" "$CONF"
    ok check --iam-policy
    cp "$OUT" "$DIR/policy"
    same "$(json "$OUT" '["Statement"][1]["Resource"]')" "arn:aws:s3:::$BUCKET/pg/*"
    local admin=(radosgw-admin -c "$S3_DIR/ceph.conf")
    "${admin[@]}" role create --role-name=least --assume-role-policy-doc='{
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
        "Principal": {"AWS": ["arn:aws:iam:::user/archiver"]}}]}' >/dev/null 2>&1
    "${admin[@]}" role-policy put --role-name=least --policy-name=least \
        --policy-doc="$(grep -v s3:GetEncryptionConfiguration "$DIR/policy")" >/dev/null 2>&1
    export AWS_ENDPOINT_URL_STS=$S3_ENDPOINT
    printf '[default]\nrole_arn = arn:aws:iam:::role/least\nsource_profile = base\n[base]\n%s\n%s\n' \
        "aws_access_key_id = $S3_ACCESS_KEY" "aws_secret_access_key = $S3_SECRET_KEY" \
        >"$HOME/.aws/credentials"
    ok check
    same "$(grep -c 'not known' "$OUT")" 1
    says "$OUT" 'store: public access: not known: the credentials lack s3:GetBucketPublicAccessBlock'
    ok archive
    balanced "$DIR/all"
    ok verify
    ok recover
    sed -i 's/prefix: pg/prefix: elsewhere/' "$CONF"
    exits 5 check
    says "$OUT" 'AccessDenied'
}

run_tests
