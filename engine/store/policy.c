/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
 */
#include "store/policy.h"

#include <stdlib.h>

static const char *partition(const char *region)
{
    if (strncmp(region, "cn-", 3) == 0)
        return "aws-cn";
    return strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov" : "aws";
}

static void begin_statement(struct json_out *j, const char *id)
{
    json_begin_object(j);
    json_put_str(j, "Sid", id);
    json_put_str(j, "Effect", "Allow");
    json_key(j, "Action");
    json_begin_array(j);
}

/* Ends the actions, and names what they are allowed on; takes `resource`. */
static void end_actions(struct json_out *j, char *resource)
{
    json_end(j);
    json_put_str(j, "Resource", resource);
    free(resource);
}

static void write_bucket(const struct config_s3 *s3, struct json_out *j)
{
    /* the first two for every run, the others for `check` */
    static const char *const actions[] = {
        "s3:ListBucket",
        "s3:ListBucketMultipartUploads",
        "s3:GetBucketVersioning",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetEncryptionConfiguration",
        "s3:GetBucketPublicAccessBlock",
        "s3:GetBucketPolicyStatus",
    };

    begin_statement(j, "Bucket");
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        json_add_str(j, actions[i]);
    if (s3->expected_bucket_owner)
        json_add_str(j, "s3:GetBucketLocation");
    end_actions(j, mem_printf("arn:%s:s3:::%s", partition(s3->region), s3->bucket));
    json_end(j);
}

static void write_objects(const struct config_s3 *s3, struct json_out *j)
{
    const char *prefix = s3->prefix ? s3->prefix : "";

    begin_statement(j, "Objects");
    json_add_str(j, "s3:PutObject");
    json_add_str(j, "s3:GetObject");
    json_add_str(j, "s3:DeleteObject");
    json_add_str(j, "s3:AbortMultipartUpload");
    if (s3->tags.count > 0)
        json_add_str(j, "s3:PutObjectTagging");
    if (s3->object_lock_days > 0) {
        json_add_str(j, "s3:PutObjectRetention");
        json_add_str(j, "s3:GetObjectRetention");
    }
    if (s3->object_lock_legal_hold) {
        json_add_str(j, "s3:PutObjectLegalHold");
        json_add_str(j, "s3:GetObjectLegalHold");
    }
    end_actions(j, mem_printf("arn:%s:s3:::%s/%s%s*", partition(s3->region), s3->bucket, prefix,
                              *prefix ? "/" : ""));
    json_end(j);
}

/* The account's own key for S3 needs no right; one that is named does. */
static void write_key(const struct config_s3 *s3, struct json_out *j)
{
    const char *key = s3->kms_key_id, *alias = strstr(key, "alias/");

    begin_statement(j, "Key");
    json_add_str(j, "kms:GenerateDataKey");
    json_add_str(j, "kms:Decrypt");
    if (strncmp(key, "arn:", 4) == 0 && !alias) {
        end_actions(j, mem_printf("%s", key));
    } else {
        end_actions(j, mem_printf("arn:%s:kms:%s:*:key/%s", partition(s3->region), s3->region,
                                  alias ? "*" : key));
    }
    if (alias) {
        json_key(j, "Condition");
        json_begin_object(j);
        json_key(j, "ForAnyValue:StringEquals");
        json_begin_object(j);
        json_put_str(j, "kms:ResourceAliases", alias);
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

void policy_write(const struct config_s3 *s3, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "Version", "2012-10-17");
    json_key(j, "Statement");
    json_begin_array(j);
    write_bucket(s3, j);
    write_objects(s3, j);
    if (s3->kms_key_id)
        write_key(s3, j);
    json_end(j);
    json_end(j);
}
