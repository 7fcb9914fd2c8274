#!/bin/bash
# SPDX-License-Identifier: PostgreSQL
# needs: s3
#
# How a real S3 server keeps objects: encryption, lock, tags, storage class; and what becomes of a
# batch when it does not.
# shellcheck source=../harness/lib.sh
. "$TESTS/harness/lib.sh"
export AWS_EC2_METADATA_DISABLED=true

fresh_bucket() { # [CURL-FLAGS...]
    BUCKET=q$(echo -n "$TEST" | md5sum | cut -c1-12)
    s3 PUT "/$BUCKET" -f -o /dev/null "$@"
    fresh
    export S3_ACCESS_KEY S3_SECRET_KEY
    logs 3000
    all_ids "$DIR/all"
}

set_s3() { # LINE...: settings of the store
    local line
    for line in "$@"; do
        sed -i "s#^  prefix: pg#  prefix: pg\n  $line#" "$CONF"
    done
}

names() { # TEXT
    s3 GET "/$BUCKET?list-type=2&max-keys=1000" | grep -o '<Key>[^<]*' | sed 's/<Key>//' |
        { grep -F -- "$1" || true; }
}

head_of() { # TEXT: headers of the first object with the text in its name
    s3 HEAD "/$BUCKET/$(names "$1" | head -1)" -I | tr -d '\r' | tr '[:upper:]' '[:lower:]'
}

# The batch rolled back: rows are there, objects are not.
nothing_happened() {
    all_ids "$DIR/now"
    cmp "$DIR/all" "$DIR/now"
    same "$(names _batch_)" ''
}

small_parts() {
    set_s3 'multipart_threshold_mb: 5' 'part_size_mb: 5'
    sed -i 's/retention_days: 90/retention_days: 90\n  compression_level: 1\n  batch_size: 1000000/' "$CONF"
    sql "DROP TABLE logs;
         CREATE TABLE logs (id bigint PRIMARY KEY, at timestamptz, noise text);
         INSERT INTO logs SELECT g, now() - interval '1 year',
             (SELECT string_agg(md5(g::text || h), '') FROM generate_series(1, 30) h)
         FROM generate_series(1, 15000) g;
         ANALYZE logs"
    all_ids "$DIR/all"
}

test_kms_with_a_key() {
    fresh_bucket
    set_s3 'encryption: SSE-KMS' 'kms_key_id: archive-key'
    ok check
    ok archive
    local what
    for what in jsonl.gz metadata.json manifest.json _catalog; do
        head_of "$what" >"$DIR/head"
        says "$DIR/head" 'x-amz-server-side-encryption: aws:kms'
        says "$DIR/head" 'x-amz-server-side-encryption-aws-kms-key-id: archive-key'
    done
    balanced "$DIR/all"
    ok verify
}

test_kms_in_parts() {
    fresh_bucket
    small_parts
    set_s3 'encryption: SSE-KMS' 'kms_key_id: archive-key'
    ok archive
    head_of jsonl.gz >"$DIR/head"
    says "$DIR/head" 'x-amz-server-side-encryption: aws:kms'
    grep -q '^etag: ".*-.*"' "$DIR/head" || fail 'not in parts'
    balanced "$DIR/all"
}

test_a_kms_key_that_the_server_does_not_have() {
    fresh_bucket
    set_s3 'encryption: SSE-KMS' 'kms_key_id: nobodys-key'
    exits 5 archive
    says "$ERR" 'has the server the key s3.kms_key_id'
    nothing_happened
}

# This server takes the header of SSE-S3 and does nothing: its silence must be heard.
test_a_server_that_leaves_encryption_out() {
    fresh_bucket
    set_s3 'encryption: SSE-S3'
    exits 3 archive
    says "$ERR" 'the store did not encrypt the object'
    says "$ERR" 'set s3.encryption: none'
    nothing_happened
}

test_keys_of_our_own() {
    fresh_bucket
    openssl rand -base64 32 >"$DIR/key"
    openssl rand -hex 32 >"$DIR/other"
    set_s3 'encryption: SSE-C' "sse_c_key_file: $DIR/key"
    ok check
    ok archive
    local what
    for what in jsonl.gz metadata.json manifest.json _catalog; do
        [[ $(head_of "$what") == *' 400 '* ]] || fail "$what can be read without the key"
    done
    balanced "$DIR/all"
    ok verify
    sed -i "s#sse_c_key_file: .*#sse_c_key_file: $DIR/other#" "$CONF"
    run verify
    [ "$CODE" -ne 0 ] || fail 'another key reads it'
    says "$ERR" 'encrypted with another key than s3.sse_c_key_file'
    silent "$ERR" "$(cat "$DIR/other")"
    sed -i '/sse_c_key_file/d' "$CONF"
    exits 3 verify
    says "$ERR" 'there is no s3.sse_c_key_file'
}

test_keys_of_our_own_in_parts() {
    fresh_bucket
    small_parts
    openssl rand -hex 32 >"$DIR/key"
    set_s3 'encryption: SSE-C' "sse_c_key_file: $DIR/key" 'verify: readback'
    ok archive
    balanced "$DIR/all"
    ok verify
}

# Archives from before are read without the key, those from after it is given up with it.
test_a_key_comes_and_goes() {
    fresh_bucket
    ok archive --limit 1000
    openssl rand -base64 32 >"$DIR/key"
    set_s3 'encryption: SSE-C' "sse_c_key_file: $DIR/key"
    ok archive --limit 500
    balanced "$DIR/all"
    ok verify
    sed -i 's/encryption: SSE-C/encryption: none/' "$CONF"
    ok archive
    [[ $(head_of _batch_001.jsonl.gz) == *' 200 '* ]] || fail 'the first one is encrypted'
    balanced "$DIR/all"
    ok verify
}

test_locked() { # MODE
    local mode
    for mode in GOVERNANCE COMPLIANCE; do
        TEST=locked_$mode
        fresh_bucket -H 'x-amz-bucket-object-lock-enabled: true'
        set_s3 "object_lock_mode: ${mode,,}" 'object_lock_days: 3' 'object_lock_legal_hold: true'
        ok check
        ok archive
        local what
        for what in jsonl.gz metadata.json manifest.json; do
            head_of "$what" >"$DIR/head"
            says "$DIR/head" "x-amz-object-lock-mode: ${mode,,}"
            says "$DIR/head" \
                "x-amz-object-lock-retain-until-date: $(date -u -d '+3 days' +%Y-%m-%dt | cut -c1-8)"
            says "$DIR/head" 'x-amz-object-lock-legal-hold: on'
        done
        head_of _catalog >"$DIR/head"
        silent "$DIR/head" 'x-amz-object-lock'
        balanced "$DIR/all"
        # the server keeps its word
        local key version
        key=$(names jsonl.gz | head -1)
        version=$(s3 HEAD "/$BUCKET/$key" -I | tr -d '\r' | sed -n 's/^x-amz-version-id: //p')
        same "$(s3 DELETE "/$BUCKET/$key?versionId=$version" -o /dev/null -w '%{http_code}')" 403
    done
}

# This server takes a lock with the first request of an upload in parts, and forgets it.
test_a_server_that_leaves_the_lock_out() {
    fresh_bucket -H 'x-amz-bucket-object-lock-enabled: true'
    small_parts
    set_s3 'object_lock_mode: GOVERNANCE' 'object_lock_days: 1'
    exits 3 archive
    says "$ERR" 'the store did not lock the object'
    nothing_happened
    sed -i 's/multipart_threshold_mb: 5/multipart_threshold_mb: 500/' "$CONF"
    ok archive
    head_of jsonl.gz >"$DIR/head"
    says "$DIR/head" 'x-amz-object-lock-mode: governance'
    balanced "$DIR/all"
}

# What rolls back goes, although it is locked: as a version behind a mark of deletion.
test_a_locked_batch_rolls_back() {
    fresh_bucket -H 'x-amz-bucket-object-lock-enabled: true'
    set_s3 'object_lock_mode: COMPLIANCE' 'object_lock_days: 1'
    ARCHIVER_FAULT=put.metadata=fail exits 2 archive
    nothing_happened
    ok archive
    balanced "$DIR/all"
}

test_a_bucket_without_object_lock() {
    fresh_bucket
    set_s3 'object_lock_mode: GOVERNANCE' 'object_lock_days: 1'
    run archive
    [ "$CODE" -ne 0 ] || fail 'archived without a lock'
    says "$ERR" 's3.object_lock_* need a bucket that was made with object lock'
    nothing_happened
}

test_tags_and_storage_class() {
    fresh_bucket
    set_s3 'storage_class: STANDARD_IA' 'tags: ["team=data, rows", "cost center=42/7"]'
    # a tag may not hold a comma: said at once
    exits 3 archive
    says "$ERR" '"," cannot be in a tag'
    sed -i 's/data, rows/data-rows/' "$CONF"
    ok archive
    local what
    for what in jsonl.gz metadata.json manifest.json; do
        s3 GET "/$BUCKET/$(names "$what" | head -1)?tagging=" >"$DIR/tags"
        says "$DIR/tags" '<Key>team</Key><Value>data-rows</Value>'
        says "$DIR/tags" '<Key>cost center</Key><Value>42/7</Value>'
    done
    s3 GET "/$BUCKET?list-type=2&max-keys=1000" | sed 's/<Contents>/\n/g' >"$DIR/list"
    same "$(grep -c 'jsonl.gz.*<StorageClass>STANDARD_IA<' "$DIR/list")" "$(names jsonl.gz | wc -l)"
    same "$(grep -c '<StorageClass>STANDARD_IA<' "$DIR/list")" "$(names jsonl.gz | wc -l)"
    balanced "$DIR/all"
}

test_settings_that_do_not_go_together() {
    fresh
    local settings wanted
    while IFS='|' read -r settings wanted; do
        config
        # shellcheck disable=SC2086
        IFS=';' eval 'set_s3 $settings'
        sed -i 's#endpoint: .*#endpoint: https://127.0.0.1:1#' "$CONF"
        exits 3 list
        says "$ERR" "$wanted"
    done <<'CASES'
kms_key_id: a|s3.kms_key_id is set and s3.encryption is none
encryption: SSE-C|there is no s3.sse_c_key_file
encryption: SSE-C;sse_c_key_file: /dev/null|holds no key of 32 bytes
encryption: SSE-C;sse_c_key_file: /no/such/file|cannot read the key file /no/such/file
object_lock_mode: GOVERNANCE|s3.object_lock_days is not
object_lock_days: 3|s3.object_lock_mode is not
object_lock_mode: FOREVER|is not one of GOVERNANCE, COMPLIANCE
storage_class: DEEP_ARCHIVE;verify: readback|readback cannot read what is in DEEP_ARCHIVE
tags: [a]|is not NAME=VALUE
tags: ["aws:a=b"]|names that begin with aws:
expected_bucket_owner: me|is not an account
storage_class: "A B"|has blanks
CASES
    config
    set_s3 'storage_class: GLACIER_RI'
    sed -i '/endpoint:/d' "$CONF"
    exits 3 list
    says "$ERR" 'did you mean GLACIER_IR?'
}

put_setting() { # SUBRESOURCE XML
    s3 PUT "/$BUCKET?$1=" -f -o /dev/null -d "$2" \
        -H "content-md5: $(printf %s "$2" | openssl md5 -binary | base64)"
}

test_check_reads_what_the_bucket_is_set_to() {
    fresh_bucket
    set_s3 'expected_bucket_owner: "123456789012"'
    ok check
    says "$OUT" 'store: credentials: configuration'
    says "$OUT" 'store: versioning: off: an archive that is removed is gone'
    says "$OUT" 'store: object lock: off'
    says "$OUT" 'store: lifecycle: no rule ends uploads that were left unfinished'
    says "$OUT" 'store: encryption: not supported by the server'
    says "$OUT" 'store: public access: not blocked: 0 of 4 blocks are on'
    says "$OUT" 'store: owner: the server does not look at s3.expected_bucket_owner'
    says "$OUT" ' 0 failed'
    put_setting versioning '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>'
    local rules='<Rule><ID>tidy</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter>'
    rules+='<AbortIncompleteMultipartUpload><DaysAfterInitiation>7</DaysAfterInitiation>'
    rules+='</AbortIncompleteMultipartUpload></Rule>'
    rules+='<Rule><ID>elsewhere</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>'
    rules+='<Expiration><Days>3</Days></Expiration></Rule>'
    put_setting lifecycle "<LifecycleConfiguration>$rules</LifecycleConfiguration>"
    ok check
    says "$OUT" 'store: versioning: on'
    says "$OUT" 'store: lifecycle: unfinished uploads are ended'
    says "$OUT" 'store: lifecycle: no rule removes old versions'
    silent "$OUT" 'removes archives'
    # a rule that would eat archives
    rules+='<Rule><ID>eater</ID><Status>Enabled</Status><Filter><Prefix>pg/app</Prefix></Filter>'
    rules+='<Expiration><Days>3</Days></Expiration><NoncurrentVersionExpiration>'
    rules+='<NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration></Rule>'
    put_setting lifecycle "<LifecycleConfiguration>$rules</LifecycleConfiguration>"
    ok check
    says "$OUT" 'store: lifecycle: rule eater removes archives after a time'
    silent "$OUT" 'no rule removes old versions'
    # a lock that the bucket cannot give
    set_s3 'object_lock_mode: GOVERNANCE' 'object_lock_days: 1'
    exits 3 check
    says "$OUT" 'store: object lock: off, and s3.object_lock_* ask for it'
    # this server then takes no object at all, but says so
    put_setting publicAccessBlock '<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>'
    run check
    says "$OUT" 'store: public access: blocked'
}

test_the_policy_names_the_key() {
    fresh
    config
    exits 3 check --iam-policy
    says "$ERR" 'the store is a directory'
    sed -i 's#endpoint: .*#region: cn-north-1#' "$CONF"
    set_s3 'encryption: SSE-KMS' 'kms_key_id: alias/cold'
    ok check --iam-policy
    same "$(json "$OUT" '["Statement"][2]["Condition"]["ForAnyValue:StringEquals"]["kms:ResourceAliases"]')" \
        alias/cold
    same "$(json "$OUT" '["Statement"][2]["Resource"]')" 'arn:aws-cn:kms:cn-north-1:*:key/*'
    sed -i 's#alias/cold#arn:aws-cn:kms:cn-north-1:123456789012:key/0a-1b#' "$CONF"
    ok check --iam-policy
    same "$(json "$OUT" '["Statement"][2]["Resource"]')" 'arn:aws-cn:kms:cn-north-1:123456789012:key/0a-1b'
}

run_tests
