/* SPDX-License-Identifier: PostgreSQL */
#include "config/options.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "config/config.h"

#define FILE_(field)    .section = IN_FILE, .offset = offsetof(struct config, field)
#define S3(field)       .section = IN_S3, .offset = offsetof(struct config_s3, field)
#define SETTING(field)  .section = IN_SETTINGS, .offset = offsetof(struct config_settings, field)
#define DATABASE(field) .section = IN_DATABASE, .offset = offsetof(struct config_database, field)
#define TABLE(field)    .section = IN_TABLE, .offset = offsetof(struct config_table, field)
#define LOGGING(field)  .section = IN_LOGGING, .offset = offsetof(struct config_logging, field)
#define ENCRYPTION(field)                                                                          \
    .section = IN_ENCRYPTION, .offset = offsetof(struct config_encryption, field)
#define PREVIOUS(field) .section = IN_PREVIOUS_KEY, .offset = offsetof(struct config_key, field)
#define IGNORED(where)  .section = (where), .effect = OPTION_IGNORED, .offset = OPTION_NO_FIELD
#define LATER(where)    .section = (where), .effect = OPTION_LATER, .offset = OPTION_NO_FIELD
#define CHOICES_MAX     16
#define KEY_ID_MAX      64
#define FIRST           .since = "0.1.0"

static const struct option_choice addressing[] = {
    {"auto", ADDRESSING_AUTO, false},
    {"path", ADDRESSING_PATH, false},
    {"virtual", ADDRESSING_VIRTUAL, false},
    {NULL, 0, false},
};
static const struct option_choice store_verify[] = {
    {"checksum", STORE_VERIFY_CHECKSUM, false},
    {"readback", STORE_VERIFY_READBACK, false},
    {NULL, 0, false},
};
static const struct option_choice store_encryption[] = {
    {"none", 0, false},  {"SSE-S3", 0, false}, {"SSE-KMS", 0, false},
    {"SSE-C", 0, false}, {NULL, 0, false},
};
static const struct option_choice lock_mode[] = {
    {"GOVERNANCE", 0, false},
    {"COMPLIANCE", 0, false},
    {NULL, 0, false},
};
static const struct option_choice compression[] = {
    {"gzip", COMPRESSION_GZIP, false},
    {"none", COMPRESSION_NONE, false},
    {"zstd", COMPRESSION_ZSTD, false},
    {NULL, 0, false},
};
static const struct option_choice row_metadata[] = {
    {"full", ROW_METADATA_FULL, false},
    {"none", ROW_METADATA_NONE, false},
    {NULL, 0, false},
};
static const struct option_choice partition_by[] = {
    {"archived_at", PARTITION_BY_ARCHIVED_AT, false},
    {"record", PARTITION_BY_RECORD, true},
    {NULL, 0, false},
};
static const struct option_choice delete_mode[] = {
    {"delete", 0, false},
    {"staged", 0, true},
    {"keep", 0, true},
    {NULL, 0, false},
};
static const struct option_choice strategy[] = {
    {"auto", STRATEGY_AUTO, false},
    {"index", STRATEGY_INDEX, false},
    {"heap", STRATEGY_HEAP, false},
    {"partition", STRATEGY_PARTITION, false},
    {NULL, 0, false},
};
static const struct option_choice epoch_unit[] = {
    {"seconds", EPOCH_SECONDS, false}, {"ms", EPOCH_MS, false}, {"us", EPOCH_US, false},
    {"s", EPOCH_SECONDS, false},       {NULL, 0, false},
};
static const struct option_choice vacuum_strategy[] = {
    {"none", VACUUM_NONE, false},         {"analyze", VACUUM_ANALYZE, false},
    {"standard", VACUUM_STANDARD, false}, {"full", VACUUM_FULL, false},
    {"deferred", VACUUM_DEFERRED, false}, {NULL, 0, false},
};
static const struct option_choice sslmode[] = {
    {"disable", 0, false},   {"allow", 0, false},       {"prefer", 0, false}, {"require", 0, false},
    {"verify-ca", 0, false}, {"verify-full", 0, false}, {NULL, 0, false},
};
static const struct option_choice log_level[] = {
    {"trace", 0, false}, {"debug", 0, false},   {"info", 0, false},     {"warn", 0, false},
    {"error", 0, false}, {"warning", 0, false}, {"critical", 0, false}, {NULL, 0, false},
};
static const struct option_choice log_format[] = {
    {"text", 0, false},
    {"json", 0, false},
    {NULL, 0, false},
};

static bool is_endpoint(const char *text, struct err *err)
{
    if (strchr(text, '@')) {
        err_set(err, ERR_CONFIG, "endpoint: no user or password belongs into an address");
        return err_hint(err, "access_key_id and secret_access_key take them");
    }
    if (strncmp(text, "file://", 7) == 0) {
        if (text[7] == '/' && text[8])
            return true;
        err_set(err, ERR_CONFIG, "endpoint: \"%s\" names no absolute directory", text);
        return err_hint(err, "file:///var/lib/archiver-tui/store");
    }
    for (size_t skip = 7; skip <= 8; skip++) {
        const char *scheme = skip == 7 ? "http://" : "https://";
        if (strncmp(text, scheme, skip) == 0 && text[skip] && text[skip] != '/')
            return true;
    }
    err_set(err, ERR_CONFIG, "endpoint: \"%s\" is not an address", text);
    return err_hint(err, "https://host, http://host, or file:///directory; none for AWS");
}

/* "sha256//" and 44 characters of base64, once or more with ';' between. */
static bool is_pin(const char *text, struct err *err)
{
    const char *at = text;

    for (;;) {
        struct buf key = BUF_INIT;
        char digest[45] = "";
        bool ok = strncmp(at, "sha256//", 8) == 0 && strlen(at) >= 52;
        if (ok)
            memcpy(digest, at + 8, 44);
        ok = ok && text_from_base64(&key, digest, 44) && key.len == 32;
        buf_done(&key);
        if (!ok)
            break;
        at += 52;
        if (!*at)
            return true;
        if (*at++ != ';')
            break;
    }
    err_set(err, ERR_CONFIG, "not the digest of a public key: %s", text);
    return err_hint(err, "write sha256//BASE64, as `curl --pinnedpubkey` takes it");
}

static bool is_bucket(const char *text, struct err *err)
{
    if (strcmp(text, ".") != 0 && strcmp(text, "..") != 0 && !strchr(text, '/') &&
        strncmp(text, ".tmp-", 5) != 0)
        return true;
    return err_set(err, ERR_CONFIG, "bucket: \"%s\" is not a bucket's name", text);
}

/* Goes into a header, as it is. */
static bool is_header_word(const char *text, struct err *err)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~')
            return err_set(err, ERR_CONFIG, "\"%s\" has blanks or other than ASCII in it", text);
    }
    return true;
}

static bool is_account(const char *text, struct err *err)
{
    if (strlen(text) == 12 && strspn(text, "0123456789") == 12)
        return true;
    err_set(err, ERR_CONFIG, "expected_bucket_owner: \"%s\" is not an account", text);
    return err_hint(err, "the 12 digits of an AWS account");
}

/* https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
static bool is_tag(const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;

    if (len == 0 || len > 128 || strlen(equals + 1) > 256) {
        err_set(err, ERR_CONFIG, "tags: \"%s\" is not NAME=VALUE", text);
        return err_hint(err, "at most 128 characters in a name and 256 in a value");
    }
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x80 && !isalnum(*c) && !strchr(" +-=._:/@", *c))
            return err_set(err, ERR_CONFIG, "tags: \"%c\" cannot be in a tag", *c);
    }
    if (strncmp(text, "aws:", 4) == 0)
        return err_set(err, ERR_CONFIG, "tags: names that begin with aws: are AWS's own");
    return true;
}

/* Not shown where it is none: somebody may have put the secret itself there. */
static bool check_variable(const char *option, const char *example, const char *text,
                           struct err *err)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len]) || text[len] == '_')
        len++;
    if (len > 0 && !text[len] && !isdigit((unsigned char)*text))
        return true;
    err_set(err, ERR_CONFIG, "%s: not the name of an environment variable", option);
    return err_hint(err, "letters, digits and _, as in %s", example);
}

static bool is_variable(const char *text, struct err *err)
{
    return check_variable("password_env", "DB_PASSWORD", text, err);
}

static bool is_key_variable(const char *text, struct err *err)
{
    return check_variable("key_env", "ARCHIVER_KEY", text, err);
}

/* It is part of objects' names. */
static bool is_key_id(const char *text, struct err *err)
{
    size_t len = 0;

    while (isalnum((unsigned char)text[len]) || (text[len] && strchr("-_", text[len])))
        len++;
    if (len > 0 && len <= KEY_ID_MAX && !text[len])
        return true;
    err_set(err, ERR_CONFIG, "key_id: \"%s\" is not the name of a key", text);
    return err_hint(err, "at most %d letters, digits, - and _, as in 2026-01", KEY_ID_MAX);
}

/* clang-format off */
const struct option_row options_table[] = {
    /* --- top level --- */
    {.name = "version", .section = IN_FILE, .offset = OPTION_NO_FIELD, .type = OPTION_TEXT,
     .required = true, .example = "\"3\"", .smallest = true, FIRST,
     .help = "Format of this file: \"3\"; \"1.0\" and \"2.0\" are the earlier archiver's"},
    {.name = "read_only", FILE_(read_only), .type = OPTION_BOOL, .fallback = "false", FIRST,
     .help = "Refuse every command that changes a table or the store"},
    {.name = "s3", FILE_(s3), .type = OPTION_MAP, .inside = IN_S3, .required = true, FIRST,
     .help = "Where archives are kept"},
    {.name = "defaults", FILE_(defaults), .type = OPTION_MAP, .inside = IN_SETTINGS, FIRST,
     .help = "Settings of every table; a database and a table may set each of them anew"},
    {.name = "logging", FILE_(logging), .type = OPTION_MAP, .inside = IN_LOGGING, FIRST,
     .help = "The program's own log"},
    {.name = "monitoring", .section = IN_FILE, .offset = 0, .type = OPTION_MAP,
     .inside = IN_MONITORING, FIRST, .help = "What a run tells while it lasts"},
    {.name = "compliance", FILE_(compliance), .type = OPTION_MAP, .inside = IN_COMPLIANCE, FIRST,
     .help = "Limits that every table's retention must keep"},
    {.name = "legal_holds", LATER(IN_FILE), .type = OPTION_MAP, .inside = IN_LEGAL_HOLDS,
     .help = "Rows that must stay"},
    {.name = "encryption", FILE_(encryption), .type = OPTION_MAP, .inside = IN_ENCRYPTION, FIRST,
     .help = "Encryption before upload"},
    {.name = "roles", LATER(IN_FILE), .type = OPTION_ANY,
     .help = "Who may archive, restore, erase and administer"},
    {.name = "notifications", IGNORED(IN_FILE), .type = OPTION_ANY,
     .help = "Mail and chat messages about runs"},
    {.name = "restore_watermark", IGNORED(IN_FILE), .type = OPTION_ANY,
     .help = "What was restored last"},
    {.name = "history", IGNORED(IN_FILE), .type = OPTION_ANY,
     .help = "Comparison of a run with those before it"},
    {.name = "cost", IGNORED(IN_FILE), .type = OPTION_ANY, .help = "Prices for estimates"},
    {.name = "databases", FILE_(databases), .type = OPTION_LIST, .inside = IN_DATABASE,
     .required = true, FIRST, .help = "What is archived"},

    /* --- s3 --- */
    {.name = "endpoint", S3(endpoint), .type = OPTION_TEXT, .validate = is_endpoint,
     .example = "file:///var/lib/archiver-tui/store", .smallest = true, FIRST,
     .help = "None for AWS; https://host of another store; file:///directory for a directory"},
    {.name = "bucket", S3(bucket), .type = OPTION_TEXT, .required = true, .validate = is_bucket,
     .example = "audit-archives", .smallest = true, FIRST,
     .help = "Bucket; with file:// a directory below the endpoint, made on first use"},
    {.name = "prefix", S3(prefix), .type = OPTION_TEXT, .fallback = "", .may_empty = true, FIRST,
     .help = "Every object's name begins with it"},
    {.name = "region", S3(region), .type = OPTION_TEXT, .fallback = "us-east-1", FIRST,
     .help = "Region that requests are signed for"},
    {.name = "access_key_id", S3(access_key_id), .type = OPTION_TEXT,
     .earlier = {"aws_access_key_id"}, FIRST,
     .help = "Access key; where not said, profile, environment, ~/.aws and the host are looked at"},
    {.name = "secret_access_key", S3(secret_access_key), .type = OPTION_TEXT, .secret = true,
     .earlier = {"aws_secret_access_key"}, FIRST,
     .help = "Secret key of access_key_id"},
    {.name = "session_token", S3(session_token), .type = OPTION_TEXT, .secret = true,
     .earlier = {"aws_session_token"}, FIRST,
     .help = "Session token of temporary keys"},
    {.name = "storage_class", S3(storage_class), .type = OPTION_TEXT, .validate = is_header_word,
     .fallback_old = "STANDARD_IA", FIRST,
     .help = "Storage class of data objects; the server's own where not said"},
    {.name = "encryption", S3(encryption), .type = OPTION_TEXT, .choices = store_encryption,
     .fallback_old = "SSE-S3", FIRST,
     .help = "Encryption by the store; the bucket's own where not said"},
    {.name = "addressing", S3(addressing), .type = OPTION_CHOICE, .choices = addressing,
     .fallback = "auto", FIRST,
     .help = "Bucket in the path or in the host name; auto: virtual for AWS, path elsewhere"},
    {.name = "allow_http", S3(allow_http), .type = OPTION_BOOL, .fallback = "false", FIRST,
     .help = "Allow http:// to other hosts than this one"},
    {.name = "ca_file", S3(ca_file), .type = OPTION_TEXT, FIRST,
     .help = "Certificates that the store's is checked against, instead of the system's"},
    {.name = "pinned_public_key", S3(pinned_public_key), .type = OPTION_TEXT,
     .validate = is_pin, FIRST,
     .help = "Keys that the store's certificate may have: sha256//BASE64, more after ';'"},
    {.name = "multipart_threshold_mb", S3(multipart_threshold_mb), .type = OPTION_INT,
     .fallback = "10", .min = 1, .max = 5120, .unit = "MiB", FIRST,
     .help = "Objects larger than this are uploaded in parts"},
    {.name = "part_size_mb", S3(part_size_mb), .type = OPTION_INT, .fallback = "16", .min = 5,
     .max = 5120, .unit = "MiB", FIRST, .help = "Size of a part"},
    {.name = "max_concurrent_parts", S3(max_concurrent_parts), .type = OPTION_INT,
     .fallback = "4", .min = 1, .max = 64, FIRST, .help = "Parts under way at a time"},
    {.name = "retries", S3(retries), .type = OPTION_INT, .fallback = "5", .min = 0, .max = 100,
     FIRST, .help = "Further attempts at a request that failed for a passing reason"},
    {.name = "connect_timeout", S3(connect_timeout), .type = OPTION_INT, .fallback = "10",
     .min = 1, .max = 3600, .unit = "seconds", FIRST, .help = "Wait for a connection"},
    {.name = "idle_timeout", S3(idle_timeout), .type = OPTION_INT, .fallback = "30", .min = 1,
     .max = 3600, .unit = "seconds", FIRST,
     .help = "Give up where it is slower than min_speed_kb for so long"},
    {.name = "min_speed_kb", S3(min_speed_kb), .type = OPTION_INT, .fallback = "1", .min = 0,
     .max = 1048576, .unit = "KiB/s", FIRST,
     .help = "Slower than this is no progress; 0: anything that moves is"},
    {.name = "request_timeout", S3(request_timeout), .type = OPTION_INT, .fallback = "3600",
     .min = 0, .max = 86400, .unit = "seconds", FIRST,
     .help = "A request as a whole, one try of it; 0: no limit"},
    {.name = "bandwidth_limit_mb", S3(bandwidth_limit_mb), .type = OPTION_REAL, .fallback = "0",
     .min = 0, .max = 1e6, .unit = "MiB/s", FIRST,
     .help = "Bytes sent and received together, at most; 0: no limit"},
    {.name = "rate_limit_requests_per_second", S3(rate_limit), .type = OPTION_REAL,
     .fallback = "0", .min = 0, .max = 1e6, .unit = "requests/s", FIRST,
     .help = "Requests at most; 0: as many as the store takes"},
    {.name = "stale_upload_hours", S3(stale_upload_hours), .type = OPTION_INT, .fallback = "24",
     .min = 0, .max = 8760, .unit = "hours", FIRST,
     .help = "Unfinished uploads older than this are removed by recover"},
    {.name = "verify", S3(verify), .type = OPTION_CHOICE, .choices = store_verify,
     .fallback = "checksum", FIRST,
     .help = "What an upload must pass: the store's checksum, or being read back whole"},
    {.name = "profile", S3(profile), .type = OPTION_TEXT, FIRST,
     .help = "Profile of ~/.aws/credentials and ~/.aws/config that keys are taken from"},
    {.name = "kms_key_id", S3(kms_key_id), .type = OPTION_TEXT, .validate = is_header_word,
     FIRST, .help = "Key of SSE-KMS: id, ARN or alias; the account's own where not said"},
    {.name = "sse_c_key_file", S3(sse_c_key_file), .type = OPTION_TEXT, FIRST,
     .help = "File with the key of SSE-C: 32 bytes as base64 or hex"},
    {.name = "object_lock_mode", S3(object_lock_mode), .type = OPTION_TEXT,
     .choices = lock_mode, FIRST,
     .help = "Lock data, metadata and manifest against removal"},
    {.name = "object_lock_days", S3(object_lock_days), .type = OPTION_INT, .fallback = "0",
     .min = 0, .max = 36500, .unit = "days", FIRST, .help = "How long they stay locked"},
    {.name = "object_lock_legal_hold", S3(object_lock_legal_hold), .type = OPTION_BOOL,
     .fallback = "false", FIRST,
     .help = "Put them under legal hold too, which lasts until somebody takes it off"},
    {.name = "expected_bucket_owner", S3(expected_bucket_owner), .type = OPTION_TEXT,
     .validate = is_account, FIRST,
     .help = "AWS account that the bucket must belong to; requests to another's are refused"},
    {.name = "tags", S3(tags), .type = OPTION_NAMES, .validate = is_tag, FIRST,
     .help = "Tags of data, metadata and manifest: a list of NAME=VALUE"},
    {.name = "spool_dir", S3(spool_dir), .type = OPTION_TEXT,
     .earlier = {"local_fallback_dir"}, .example = "/var/lib/archiver-tui/spool", FIRST,
     .help = "Directory where one batch a table waits while the store is away; none where not said"},
    {.name = "spool_max_mb", S3(spool_max_mb), .type = OPTION_INT, .fallback = "1024", .min = 0,
     .max = 1e9, .unit = "MiB", FIRST, .help = "What may wait there in all; 0: no limit"},
    {.name = "spool_retention_days", S3(spool_retention_days), .type = OPTION_INT,
     .earlier = {"local_fallback_retention_days"}, .fallback = "7", .min = 1, .max = 3650,
     .unit = "days", FIRST, .help = "How long a batch waits there before it is dropped"},

    /* --- defaults, databases, tables --- */
    {.name = "retention_days", SETTING(retention_days), .type = OPTION_INT, .fallback = "90",
     .min = 0, .max = 36500, .min_old = 1, .max_old = 36499, .unit = "days", FIRST,
     .help = "Rows older than this leave the table"},
    {.name = "safety_buffer_days", SETTING(safety_buffer_days), .type = OPTION_INT,
     .fallback = "1", .min = 0, .max = 3650, .unit = "days", FIRST,
     .help = "Added to the retention"},
    {.name = "where", SETTING(where), .type = OPTION_TEXT, .never_empty = true,
     .example = "status <> 'open'", FIRST,
     .help = "SQL condition that a row must also meet to be archived"},
    {.name = "timezone", SETTING(timezone), .type = OPTION_TEXT, .fallback = "UTC", FIRST,
     .help = "Zone of timestamps without one, and of dates"},
    {.name = "epoch_unit", SETTING(epoch_unit), .type = OPTION_CHOICE, .choices = epoch_unit,
     .fallback = "seconds", FIRST, .help = "Unit of an integer timestamp column"},
    {.name = "batch_size", SETTING(batch_size), .type = OPTION_INT, .fallback = "100000",
     .fallback_old = "10000", .min = 1, .max = 10000000, .unit = "rows", FIRST,
     .help = "Rows of a batch at most; a batch is one transaction and one object"},
    {.name = "batch_bytes_mb", SETTING(batch_bytes_mb), .type = OPTION_INT, .fallback = "64",
     .min = 1, .max = 102400, .unit = "MiB", FIRST, .help = "Size of rows a batch aims at"},
    {.name = "batch_seconds", SETTING(batch_seconds), .type = OPTION_REAL, .fallback = "30",
     .min = 0, .max = 86400, .unit = "seconds", FIRST,
     .help = "Time a batch aims at: slow rows make smaller batches; 0: batch_size alone counts"},
    {.name = "max_batches", SETTING(max_batches), .type = OPTION_INT, .fallback = "0", .min = 0,
     .max = 1e9, .unit = "batches", FIRST, .help = "A table's limit in a run; 0: none"},
    {.name = "max_rows", SETTING(max_rows), .type = OPTION_INT, .fallback = "0", .min = 0,
     .max = 1e12, .unit = "rows", FIRST, .help = "A table's limit in a run; 0: none"},
    {.name = "max_duration_minutes", SETTING(max_duration_minutes), .type = OPTION_REAL,
     .fallback = "0", .min = 0, .max = 525600, .unit = "minutes", FIRST,
     .help = "A table's limit in a run, waits included; its last batch is finished; 0: none"},
    {.name = "sleep_between_batches", SETTING(sleep_between_batches), .type = OPTION_REAL,
     .fallback = "0", .min = 0, .max = 86400, .unit = "seconds", FIRST,
     .help = "Pause after each batch"},
    {.name = "stop_file", SETTING(stop_file), .type = OPTION_TEXT,
     .example = "/run/archiver-tui/stop", FIRST,
     .help = "The run stops cleanly when this file appears"},
    {.name = "transaction_timeout_minutes", SETTING(transaction_timeout_minutes),
     .type = OPTION_INT, .fallback = "30", .min = 1, .max = 1440, .unit = "minutes", FIRST,
     .help = "A batch that takes longer is rolled back"},
    {.name = "lock_timeout_seconds", SETTING(lock_timeout_seconds), .type = OPTION_INT,
     .fallback = "10", .min = 1, .max = 3600, .unit = "seconds", FIRST,
     .help = "Wait for a lock held by others"},
    {.name = "strategy", SETTING(strategy), .type = OPTION_CHOICE, .choices = strategy,
     .fallback = "auto", FIRST,
     .help = "index: by the timestamp's index; heap: block by block; auto: the better of the two; "
             "partition: whole partitions, which are dropped"},
    {.name = "delete_mode", .section = IN_SETTINGS, .offset = OPTION_NO_FIELD,
     .type = OPTION_CHOICE, .choices = delete_mode, .fallback = "delete", FIRST,
     .help = "What happens to archived rows"},
    {.name = "compression", SETTING(compression), .type = OPTION_CHOICE, .choices = compression,
     .fallback = "gzip", FIRST, .help = "Compression of data objects"},
    {.name = "compression_level", SETTING(compression_level), .type = OPTION_INT,
     .fallback = "6", .min = 1, .max = 12, .min_old = 1, .max_old = 12, FIRST,
     .help = "1 is fast, 12 is small"},
    {.name = "member_kb", SETTING(member_kb), .type = OPTION_INT, .fallback = "1024", .min = 1,
     .max = 65536, .unit = "KiB", FIRST,
     .help = "Rows compressed together; what a preview or a filtered restore reads at least"},
    {.name = "row_metadata", SETTING(row_metadata), .type = OPTION_CHOICE,
     .choices = row_metadata, .fallback = "full", FIRST,
     .help = "Add _archived_at, _batch_id, _source_database and _source_table to each row"},
    {.name = "partition_by", SETTING(partition_by), .type = OPTION_CHOICE,
     .choices = partition_by, .fallback = "archived_at", FIRST,
     .help = "Day in an object's name: of the run, or of its rows"},
    {.name = "vacuum_after", SETTING(vacuum_after), .type = OPTION_BOOL, .fallback = "true",
     FIRST, .help = "false makes vacuum_strategy none"},
    {.name = "vacuum_strategy", SETTING(vacuum_strategy), .type = OPTION_CHOICE,
     .choices = vacuum_strategy, .fallback = "standard", FIRST,
     .help = "What follows a table's last batch; full locks the table while it lasts, deferred "
             "leaves it to `archiver-tui vacuum --due`"},
    {.name = "rows_per_second", SETTING(rows_per_second), .type = OPTION_REAL, .fallback = "0",
     .min = 0, .max = 1e9, .unit = "rows/s", FIRST,
     .help = "Archive at most so fast on average; 0: no limit"},
    {.name = "mb_per_second", SETTING(mb_per_second), .type = OPTION_REAL, .fallback = "0",
     .min = 0, .max = 1e6, .unit = "MB/s", FIRST,
     .help = "Store at most so many million bytes of objects a second on average; 0: no limit"},
    {.name = "max_replica_lag_seconds", SETTING(max_replica_lag_seconds), .type = OPTION_REAL,
     .fallback = "60", .min = 0, .max = 1e6, .unit = "seconds", FIRST,
     .help = "Wait between batches while a standby is further behind; 0: never"},
    {.name = "max_active_backends", SETTING(max_active_backends), .type = OPTION_INT,
     .fallback = "0", .min = 0, .max = 1e6, .unit = "sessions", FIRST,
     .help = "Wait between batches while more sessions of others are at work; 0: never"},
    {.name = "max_blocked_seconds", SETTING(max_blocked_seconds), .type = OPTION_REAL,
     .fallback = "10", .min = 0, .max = 86400, .unit = "seconds", FIRST,
     .help = "Roll a batch back when a session has waited so long for its locks; 0: never"},
    {.name = "workers", SETTING(workers), .type = OPTION_INT, .fallback = "1", .min = 1, .max = 16,
     FIRST,
     .help = "Sessions that archive a table at the same time, each a part of it"},
    {.name = "overlap", SETTING(overlap), .type = OPTION_BOOL, .fallback = "true", FIRST,
     .help = "While a batch is stored and committed, the next one's rows come in on one more "
             "session"},
    {.name = "parallel_tables", SETTING(parallel_tables), .type = OPTION_INT, .fallback = "1",
     .min = 1, .max = 32, FIRST, .help = "Tables of a database at the same time"},
    {.name = "parallel_databases", SETTING(parallel_databases), .type = OPTION_BOOL,
     .fallback = "false", FIRST, .help = "Databases at the same time (in defaults)"},
    {.name = "max_parallel_databases", SETTING(max_parallel_databases), .type = OPTION_INT,
     .fallback = "3", .min = 1, .max = 32, FIRST,
     .help = "How many of them at most (in defaults)"},
    {.name = "lock_wait_seconds", SETTING(lock_wait_seconds), .type = OPTION_REAL,
     .fallback = "0", .min = 0, .max = 1e6, .unit = "seconds", FIRST,
     .help = "Wait so long for a table that another run holds, when all else is through, and for "
             "lock_file"},
    {.name = "lock_file", SETTING(lock_file), .type = OPTION_TEXT,
     .example = "/run/archiver-tui/lock", FIRST,
     .help = "One archive run at a time on this host: it locks this file (in defaults)"},
    {.name = "timestamp_type", IGNORED(IN_SETTINGS), .type = OPTION_TEXT, .fallback = "auto",
     .help = "Type of the timestamp column; auto: as the database says"},
    {.name = "classification", IGNORED(IN_SETTINGS), .type = OPTION_TEXT,
     .help = "Data classification of a table"},
    {.name = "tenant_column", IGNORED(IN_SETTINGS), .type = OPTION_TEXT,
     .help = "Column that tells tenants apart"},
    {.name = "connection_pool_size", IGNORED(IN_SETTINGS), .type = OPTION_INT, .fallback = "5",
     .help = "Connections kept; a run opens what it needs"},
    {.name = "fail_on_schema_drift", IGNORED(IN_SETTINGS), .type = OPTION_BOOL,
     .fallback = "false", .help = "Stop where a table's columns changed since the last run"},
    {.name = "lock_type", IGNORED(IN_SETTINGS), .type = OPTION_TEXT, .fallback = "postgresql",
     .help = "Locks are always PostgreSQL's"},
    {.name = "watermark_storage_type", IGNORED(IN_SETTINGS), .type = OPTION_TEXT,
     .fallback = "s3", .help = "There is no watermark"},
    {.name = "checkpoint_storage_type", IGNORED(IN_SETTINGS), .type = OPTION_TEXT,
     .fallback = "s3", .help = "There are no checkpoints"},
    {.name = "checkpoint_interval", IGNORED(IN_SETTINGS), .type = OPTION_INT, .fallback = "10",
     .help = "There are no checkpoints"},
    {.name = "audit_trail_storage_type", IGNORED(IN_SETTINGS), .type = OPTION_TEXT,
     .fallback = "s3", .help = "Where the audit trail is kept"},

    /* --- databases --- */
    {.name = "name", DATABASE(name), .type = OPTION_TEXT, .example = "appdb",
     .smallest = true, FIRST,
     .help = "What the database is called here and in object names; dbname where not said"},
    {.name = "dbname", DATABASE(dbname), .type = OPTION_TEXT, FIRST,
     .help = "The database's own name where it differs from name"},
    {.name = "host", DATABASE(host), .type = OPTION_TEXT, .example = "127.0.0.1",
     .smallest = true, FIRST,
     .help = "Host or socket directory; libpq's rules where not said"},
    {.name = "port", DATABASE(port), .type = OPTION_INT, .fallback_old = "5432", .min = 1,
     .max = 65535, FIRST, .help = "Port; libpq's rules where not said"},
    {.name = "user", DATABASE(user), .type = OPTION_TEXT, .example = "archiver",
     .smallest = true, FIRST,
     .help = "Role to connect as"},
    {.name = "password_env", DATABASE(password_env), .type = OPTION_TEXT,
     .validate = is_variable, .example = "DB_PASSWORD", .smallest = true, FIRST,
     .help = "Environment variable that holds the password"},
    {.name = "password_file", DATABASE(password_file), .type = OPTION_TEXT, FIRST,
     .help = "File that holds the password and that others may not read"},
    {.name = "password", DATABASE(password), .type = OPTION_TEXT, .secret = true, FIRST,
     .help = "The password itself; better kept out of this file"},
    {.name = "passfile", DATABASE(passfile), .type = OPTION_TEXT, FIRST,
     .help = "libpq's password file instead of ~/.pgpass"},
    {.name = "service", DATABASE(service), .type = OPTION_TEXT, FIRST,
     .help = "Entry of libpq's service file"},
    {.name = "sslmode", DATABASE(sslmode), .type = OPTION_TEXT, .choices = sslmode,
     .fallback_old = "prefer", FIRST,
     .help = "TLS; where not said verify-full for other hosts, prefer for this one"},
    {.name = "sslrootcert", DATABASE(sslrootcert), .type = OPTION_TEXT, FIRST,
     .help = "Certificates that the server's is checked against"},
    {.name = "application_name", DATABASE(application_name), .type = OPTION_TEXT,
     .fallback = "archiver-tui", FIRST, .help = "Shown in pg_stat_activity"},
    {.name = "connect_timeout", DATABASE(connect_timeout), .type = OPTION_INT,
     .fallback = "10", .min = 1, .max = 3600, .unit = "seconds", FIRST,
     .help = "Wait for a connection"},
    {.name = "tables", DATABASE(tables), .type = OPTION_LIST, .inside = IN_TABLE,
     .required = true, FIRST, .help = "Tables of the database, in the order they are archived"},
    {.name = "discover", LATER(IN_DATABASE), .type = OPTION_ANY,
     .help = "Find tables by patterns"},
    {.name = "secret", LATER(IN_DATABASE), .type = OPTION_ANY,
     .help = "Password from a secret manager"},
    {.name = "read_replica", IGNORED(IN_DATABASE), .type = OPTION_ANY,
     .help = "Rows are read where they are deleted"},

    /* --- tables --- */
    {.name = "name", TABLE(name), .type = OPTION_TEXT, .required = true,
     .example = "audit_logs", .smallest = true, FIRST,
     .help = "The table, as PostgreSQL spells it"},
    {.name = "schema", TABLE(schema), .type = OPTION_TEXT, .fallback = "public",
     .earlier = {"schema_name"}, FIRST, .help = "Its schema"},
    {.name = "timestamp_column", TABLE(timestamp_column), .type = OPTION_TEXT,
     .required = true, .example = "created_at", .smallest = true, FIRST,
     .help = "Column that tells a row's age: timestamp, date, or integer epoch"},
    {.name = "primary_key", TABLE(primary_key), .type = OPTION_NAMES, .example = "id", FIRST,
     .help = "Column or list of columns; the table's own key where not said"},
    {.name = "critical", IGNORED(IN_TABLE), .type = OPTION_BOOL, .fallback = "false",
     .help = "Mark for compliance.enforce_encryption"},

    /* --- logging --- */
    {.name = "level", LOGGING(level), .type = OPTION_TEXT, .choices = log_level,
     .fallback = "info", FIRST, .help = "Least important level that is written"},
    {.name = "format", LOGGING(format), .type = OPTION_TEXT, .choices = log_format,
     .fallback = "text", FIRST, .help = "For people, or one JSON object a line"},
    {.name = "file", LOGGING(file), .type = OPTION_TEXT,
     .example = "/var/log/archiver-tui.log", FIRST, .help = "stderr where not said"},
    {.name = "max_size_mb", IGNORED(IN_LOGGING), .type = OPTION_INT, .fallback = "100",
     .unit = "MiB", .help = "Start a new file at this size"},
    {.name = "keep", IGNORED(IN_LOGGING), .type = OPTION_INT, .fallback = "10",
     .unit = "files", .help = "Old files kept"},
    {.name = "syslog", IGNORED(IN_LOGGING), .type = OPTION_ANY, .fallback = "false",
     .help = "Write to syslog too"},

    /* --- monitoring --- */
    {.name = "progress_update_interval", .section = IN_MONITORING,
     .offset = offsetof(struct config, progress_update_interval), .type = OPTION_REAL,
     .fallback = "5", .min = 0.1, .max = 86400, .unit = "seconds", FIRST,
     .help = "Time between progress lines where stderr is not a terminal"},
    {.name = "progress_enabled", IGNORED(IN_MONITORING), .type = OPTION_BOOL,
     .fallback = "true", .help = "Progress lines; --quiet leaves them out"},
    {.name = "quiet_mode", IGNORED(IN_MONITORING), .type = OPTION_BOOL, .fallback = "false",
     .help = "As --quiet"},
    {.name = "metrics_enabled", IGNORED(IN_MONITORING), .type = OPTION_BOOL,
     .fallback = "false", .help = "Serve metrics while a run lasts"},
    {.name = "metrics_port", IGNORED(IN_MONITORING), .type = OPTION_INT, .fallback = "8000",
     .help = "Port for metrics"},
    {.name = "health_check_enabled", IGNORED(IN_MONITORING), .type = OPTION_BOOL,
     .fallback = "false", .help = "Serve health checks"},
    {.name = "health_check_port", IGNORED(IN_MONITORING), .type = OPTION_INT,
     .fallback = "8001", .help = "Port for health checks"},

    /* --- compliance --- */
    {.name = "min_retention_days", .section = IN_COMPLIANCE,
     .offset = offsetof(struct config_compliance, min_retention_days), .type = OPTION_INT,
     .fallback = "7", .min = 0, .max = 36500, .unit = "days", FIRST,
     .help = "A table with a shorter retention is an error"},
    {.name = "max_retention_days", .section = IN_COMPLIANCE,
     .offset = offsetof(struct config_compliance, max_retention_days), .type = OPTION_INT,
     .fallback = "2555", .min = 0, .max = 36500, .unit = "days", FIRST,
     .help = "A table with a longer retention is an error"},
    {.name = "enforce_encryption", LATER(IN_COMPLIANCE), .type = OPTION_BOOL,
     .fallback = "false", .help = "Refuse to archive without encryption"},
    {.name = "data_classifications", IGNORED(IN_COMPLIANCE), .type = OPTION_ANY,
     .help = "Classification of tables"},

    /* --- legal_holds --- */
    {.name = "enabled", IGNORED(IN_LEGAL_HOLDS), .type = OPTION_BOOL, .fallback = "true",
     .help = "false where there are no holds"},
    {.name = "check_table", IGNORED(IN_LEGAL_HOLDS), .type = OPTION_TEXT,
     .help = "Table that lists holds"},
    {.name = "check_database", IGNORED(IN_LEGAL_HOLDS), .type = OPTION_TEXT,
     .help = "Database of that table"},
    {.name = "api_endpoint", IGNORED(IN_LEGAL_HOLDS), .type = OPTION_TEXT,
     .help = "Service that lists holds"},
    {.name = "api_timeout", IGNORED(IN_LEGAL_HOLDS), .type = OPTION_REAL, .fallback = "5",
     .unit = "seconds", .help = "Wait for that service"},

    /* --- encryption --- */
    {.name = "enabled", ENCRYPTION(enabled), .type = OPTION_BOOL, .fallback = "true", FIRST,
     .help = "false: new batches stay in the clear, the keys are for reading old ones"},
    {.name = "key_id", ENCRYPTION(key.id), .type = OPTION_TEXT, .validate = is_key_id,
     .example = "\"2026\"", FIRST,
     .help = "Name of the key, which archives carry: letters, digits, - and _"},
    {.name = "key_env", ENCRYPTION(key.env), .type = OPTION_TEXT, .validate = is_key_variable,
     .example = "ARCHIVER_KEY", FIRST,
     .help = "Environment variable that holds the key: 64 hex digits, or base64 of 32 bytes"},
    {.name = "key_file", ENCRYPTION(key.file), .type = OPTION_TEXT, FIRST,
     .help = "File that holds the key; nobody else may read it"},
    {.name = "key_command", ENCRYPTION(key.command), .type = OPTION_TEXT, FIRST,
     .help = "Program, with its arguments, that prints the key; not run by a shell"},
    {.name = "previous_keys", ENCRYPTION(previous), .type = OPTION_LIST,
     .inside = IN_PREVIOUS_KEY, FIRST,
     .help = "Keys that older archives need, until `recover --rewrap` is through"},

    /* --- encryption.previous_keys[] --- */
    {.name = "key_id", PREVIOUS(id), .type = OPTION_TEXT, .required = true,
     .validate = is_key_id, FIRST, .help = "Name of the key"},
    {.name = "key_env", PREVIOUS(env), .type = OPTION_TEXT, .validate = is_key_variable, FIRST,
     .help = "Environment variable that holds it"},
    {.name = "key_file", PREVIOUS(file), .type = OPTION_TEXT, FIRST,
     .help = "File that holds it"},
    {.name = "key_command", PREVIOUS(command), .type = OPTION_TEXT, FIRST,
     .help = "Program, with its arguments, that prints it"},
};
/* clang-format on */

const size_t options_count = sizeof(options_table) / sizeof(options_table[0]);

const char *options_section_name(enum option_section section)
{
    static const char *const names[OPTION_SECTIONS] = {
        [IN_FILE] = "",
        [IN_S3] = "s3",
        [IN_SETTINGS] = "defaults",
        [IN_DATABASE] = "databases",
        [IN_TABLE] = "tables",
        [IN_LOGGING] = "logging",
        [IN_MONITORING] = "monitoring",
        [IN_COMPLIANCE] = "compliance",
        [IN_LEGAL_HOLDS] = "legal_holds",
        [IN_ENCRYPTION] = "encryption",
        [IN_PREVIOUS_KEY] = "previous_keys",
    };

    return names[section];
}

const struct option_row *options_find(enum option_section section, const char *name)
{
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        if (row->section != section)
            continue;
        if (strcmp(row->name, name) == 0)
            return row;
        for (size_t e = 0; e < sizeof(row->earlier) / sizeof(row->earlier[0]); e++) {
            if (row->earlier[e] && strcmp(row->earlier[e], name) == 0)
                return row;
        }
    }
    return NULL;
}

static const char *fallback_of(const struct option_row *row, bool old)
{
    return old && row->fallback_old ? row->fallback_old : row->fallback;
}

/* What YAML 1.1 takes for a truth value. */
static bool to_bool(const char *text, int64_t *ret_value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = i & 1;
            return true;
        }
    }
    return false;
}

static bool not_a(const struct option_row *row, const char *text, const char *kind, struct err *err)
{
    if (row->secret)
        return err_set(err, ERR_CONFIG, "%s: not %s", row->name, kind);
    return err_set(err, ERR_CONFIG, "%s: \"%s\" is not %s", row->name, text, kind);
}

/* %.15g: whole numbers without a fraction, and no more digits than were written. */
static bool in_range(const struct option_row *row, double value, bool old, struct err *err)
{
    bool own = old && (row->min_old != 0 || row->max_old != 0);
    double min = own ? row->min_old : row->min;
    double max = own ? row->max_old : row->max;

    if ((min == 0 && max == 0) || (value >= min && value <= max))
        return true;
    return err_set(err, ERR_CONFIG, "%s: %.15g is not between %.15g and %.15g%s%s", row->name,
                   value, min, max, row->unit ? " " : "", row->unit ? row->unit : "");
}

static bool no_choice(const struct option_row *row, const char *text, struct err *err)
{
    const char *names[CHOICES_MAX];
    struct buf list = BUF_INIT;
    size_t count = 0;

    for (const struct option_choice *c = row->choices; c->text; c++) {
        if (c->later)
            continue;
        assert(count < CHOICES_MAX);
        names[count++] = c->text;
        buf_addf(&list, "%s%s", list.len ? ", " : "", c->text);
    }
    err_set(err, ERR_CONFIG, "%s: \"%s\" is not one of %s", row->name, text, buf_str(&list));
    const char *nearest = text_nearest(text, names, count);
    if (nearest)
        err_hint(err, "did you mean `%s`?", nearest);
    buf_done(&list);
    return false;
}

static bool find_choice(const struct option_row *row, const char *text,
                        const struct option_choice **ret_choice, struct err *err)
{
    const struct option_choice *c = row->choices;

    while (c->text && strcasecmp(c->text, text) != 0)
        c++;
    if (!c->text)
        return no_choice(row, text, err);
    *ret_choice = c;
    if (!c->later)
        return true;
    err_set(err, ERR_CONFIG, "%s: %s is not supported by this version yet", row->name, c->text);
    return err_why(err, "rows are not touched");
}

static bool set_names(struct config_names *names, const char *text, struct arena *arena)
{
    const char **all = arena_alloc(arena, (names->count + 1) * sizeof(*all));

    if (names->count > 0)
        memcpy(all, names->names, names->count * sizeof(*all));
    all[names->count] = arena_strdup(arena, text);
    *names = (struct config_names){.names = all, .count = names->count + 1};
    return true;
}

static bool set_number(const struct option_row *row, const char *text, bool old, void *field,
                       struct err *err)
{
    int64_t whole = 0;
    double real = 0;

    switch (row->type) {
    case OPTION_INT:
        if (!text_to_int(text, &whole))
            return not_a(row, text, "a whole number", err);
        if (!in_range(row, (double)whole, old, err))
            return false;
        break;
    case OPTION_REAL:
        if (!text_to_real(text, &real) || !(real - real == 0))
            return not_a(row, text, "a number", err);
        if (!in_range(row, real, old, err))
            return false;
        if (field)
            *(double *)field = real;
        return true;
    default:
        if (!to_bool(text, &whole))
            return not_a(row, text, "true or false", err);
    }
    if (field)
        *(int64_t *)field = whole;
    return true;
}

bool options_set(const struct option_row *row, const char *text, bool old, void *base,
                 struct arena *arena, struct err *err)
{
    void *field = row->offset == OPTION_NO_FIELD ? NULL : (char *)base + row->offset;
    const struct option_choice *choice = NULL;

    if (row->validate && !row->validate(text, err))
        return false;
    if (row->choices && !find_choice(row, text, &choice, err))
        return false;
    switch (row->type) {
    case OPTION_TEXT:
        if (field)
            *(const char **)field = choice ? choice->text : arena_strdup(arena, text);
        return true;
    case OPTION_CHOICE:
        if (field)
            *(int64_t *)field = choice->value;
        return true;
    case OPTION_NAMES:
        return set_names(field, text, arena);
    case OPTION_INT:
    case OPTION_REAL:
    case OPTION_BOOL:
        return set_number(row, text, old, field, err);
    default:
        return not_a(row, text, row->type == OPTION_LIST ? "a list" : "a map", err);
    }
}

void options_defaults(enum option_section section, bool old, void *base, struct arena *arena)
{
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        const char *text = fallback_of(row, old);
        struct err err;
        if (row->section != section || row->effect != OPTION_ACTS || !text)
            continue;
        bool ok = options_set(row, text, old, base, arena, &err);
        assert(ok);
        (void)ok;
    }
}

bool options_is_default(const struct option_row *row, const char *text)
{
    int64_t a, b;
    double x, y;

    if (!row->fallback)
        return false;
    if (row->type == OPTION_BOOL || row->type == OPTION_ANY) {
        if (to_bool(row->fallback, &a) && to_bool(text, &b))
            return a == b;
    }
    if (text_to_real(row->fallback, &x) && text_to_real(text, &y))
        return x == y;
    return strcasecmp(row->fallback, text) == 0;
}

bool options_text(const struct option_row *row, const void *base, struct buf *ret_text)
{
    const void *field = (const char *)base + row->offset;

    if (row->offset == OPTION_NO_FIELD)
        return false;
    switch (row->type) {
    case OPTION_TEXT:
        if (!*(const char *const *)field)
            return false;
        buf_adds(ret_text, *(const char *const *)field);
        return true;
    case OPTION_REAL:
        buf_addf(ret_text, "%.15g", *(const double *)field);
        return true;
    case OPTION_BOOL:
        buf_adds(ret_text, *(const int64_t *)field ? "true" : "false");
        return true;
    case OPTION_CHOICE:
        for (const struct option_choice *c = row->choices; c->text; c++) {
            if (c->value == *(const int64_t *)field && !c->later) {
                buf_adds(ret_text, c->text);
                return true;
            }
        }
        return false;
    case OPTION_INT:
        /* Unset where there is no default and zero is out of range: a port. */
        if (!row->fallback && *(const int64_t *)field == 0)
            return false;
        buf_addf(ret_text, "%lld", (long long)*(const int64_t *)field);
        return true;
    default:
        return false;
    }
}
