/* SPDX-License-Identifier: PostgreSQL
 *
 * What the operator wants, typed: the configuration file after defaults, inheritance (table over
 * database over defaults) and validation.
 *
 * All strings and arrays live in the config's arena and die with config_free. Secrets are not
 * resolved here: the config says where one comes from (config/secret.h gets it).
 *
 * Threads: immutable once loaded.
 */
#ifndef ARCHIVER_CONFIG_CONFIG_H
#define ARCHIVER_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum config_version { CONFIG_V1, CONFIG_V2, CONFIG_V3 };
enum config_compression { COMPRESSION_GZIP, COMPRESSION_ZSTD, COMPRESSION_NONE };
enum config_row_metadata { ROW_METADATA_FULL, ROW_METADATA_NONE };
enum config_strategy { STRATEGY_AUTO, STRATEGY_INDEX, STRATEGY_HEAP, STRATEGY_PARTITION };
enum config_epoch { EPOCH_SECONDS, EPOCH_MS, EPOCH_US };
enum config_vacuum { VACUUM_NONE, VACUUM_ANALYZE, VACUUM_STANDARD, VACUUM_FULL, VACUUM_DEFERRED };
enum config_addressing { ADDRESSING_AUTO, ADDRESSING_PATH, ADDRESSING_VIRTUAL };
enum config_store_verify { STORE_VERIFY_CHECKSUM, STORE_VERIFY_READBACK };
enum config_partition_by { PARTITION_BY_ARCHIVED_AT, PARTITION_BY_RECORD };

struct config_names {
    const char **names;
    size_t count;
};

/* What defaults:, a database and a table can all set. */
struct config_settings {
    int64_t retention_days;
    int64_t safety_buffer_days;
    int64_t batch_size;           /* rows at most */
    int64_t batch_bytes_mb;       /* MiB of lines a batch aims at */
    double batch_seconds;         /* it aims at; 0: time does not matter */
    int64_t max_batches;          /* a table and run; 0: no limit */
    int64_t max_rows;             /* a table and run; 0: no limit */
    double max_duration_minutes;  /* 0: no limit */
    double sleep_between_batches; /* seconds */
    int64_t compression;          /* enum config_compression */
    int64_t compression_level;
    int64_t member_kb;
    int64_t row_metadata;    /* enum config_row_metadata */
    int64_t partition_by;    /* enum config_partition_by */
    int64_t strategy;        /* enum config_strategy */
    int64_t epoch_unit;      /* enum config_epoch */
    int64_t vacuum_strategy; /* enum config_vacuum; vacuum_after: false makes it none */
    int64_t transaction_timeout_minutes;
    int64_t lock_timeout_seconds;
    const char *timezone;           /* for timestamp without time zone and date */
    const char *where;              /* NULL: none */
    const char *stop_file;          /* NULL: none */
    double rows_per_second;         /* 0: no limit */
    double mb_per_second;           /* million bytes of objects; 0: no limit */
    double max_replica_lag_seconds; /* 0: lag does not matter */
    int64_t max_active_backends;    /* 0: they do not matter */
    double max_blocked_seconds;     /* 0: who waits for us waits */
    int64_t vacuum_after;           /* bool; already taken into vacuum_strategy */
    int64_t workers;                /* sessions a table */
    int64_t overlap;                /* bool: and one more that stores what it has */
    int64_t parallel_tables;        /* of a database at a time */
    int64_t parallel_databases;     /* bool */
    int64_t max_parallel_databases; /* at a time, where they are parallel */
    double lock_wait_seconds;       /* for the lock file, and for tables others hold, at the end */
    const char *lock_file;          /* NULL: none */
};

struct config_table {
    const char *schema; /* "public" where not said */
    const char *name;
    const char *timestamp_column;
    struct config_names primary_key; /* empty: the table's own */
    struct config_settings settings; /* effective */
    int line;                        /* in the file, for messages */
};

struct config_database {
    const char *name;   /* label, used in keys */
    const char *dbname; /* == name unless said */
    const char *host;   /* NULL: libpq's rule */
    int64_t port;       /* 0: libpq's rule */
    const char *user;
    const char *password; /* in the file: a warning */
    const char *password_env;
    const char *password_file;
    const char *passfile;
    const char *service;
    const char *sslmode; /* NULL: verify-full when remote, prefer on loopback and sockets */
    const char *sslrootcert;
    const char *application_name;
    int64_t connect_timeout; /* seconds */
    struct config_settings settings;
    struct config_table *tables;
    size_t table_count;
    int line;
};

struct config_s3 {
    const char *endpoint; /* NULL: AWS; file:///dir: directory store */
    const char *bucket;
    const char *prefix; /* without leading or trailing slash; "" for none */
    const char *region;
    const char *access_key_id; /* NULL: store/credentials.h */
    const char *secret_access_key;
    const char *session_token;
    const char *profile; /* NULL: AWS_PROFILE, or "default" */
    const char *storage_class;
    const char *encryption;
    const char *kms_key_id;
    const char *sse_c_key_file;
    const char *object_lock_mode; /* GOVERNANCE, COMPLIANCE; NULL: none */
    int64_t object_lock_days;
    int64_t object_lock_legal_hold; /* bool */
    struct config_names tags;       /* "name=value" */
    const char *expected_bucket_owner;
    int64_t addressing; /* enum config_addressing */
    int64_t allow_http; /* bool */
    const char *ca_file;
    const char *pinned_public_key; /* "sha256//BASE64[;...]" */
    int64_t multipart_threshold_mb;
    int64_t part_size_mb;
    int64_t max_concurrent_parts;
    int64_t retries;
    int64_t connect_timeout;   /* seconds */
    int64_t idle_timeout;      /* seconds */
    int64_t min_speed_kb;      /* KiB a second; 0: anything that moves */
    int64_t request_timeout;   /* seconds; 0: none */
    double bandwidth_limit_mb; /* MiB a second; 0: none */
    double rate_limit;         /* requests a second; 0: none */
    int64_t stale_upload_hours;
    int64_t verify;        /* enum config_store_verify */
    const char *spool_dir; /* NULL: none */
    int64_t spool_max_mb;  /* MiB; 0: no limit */
    int64_t spool_retention_days;
};

/* What `compliance:` asks for; checked against every table on loading. */
struct config_compliance {
    int64_t present; /* bool */
    int64_t min_retention_days;
    int64_t max_retention_days;
};

/* A key-encryption key: where it is to be had. */
struct config_key {
    const char *id; /* letters, digits, - and _ */
    const char *env;
    const char *file;
    const char *command; /* program and arguments, no shell */
};

struct config_encryption {
    int64_t enabled;       /* bool: new batches are encrypted, with the key below */
    struct config_key key; /* its id is NULL where there is none */
    struct config_key *previous;
    size_t previous_count;
};

struct config_logging {
    const char *level;
    const char *format; /* text or json */
    const char *file;   /* NULL: stderr */
};

struct config {
    enum config_version version;
    const char *path; /* the file it came from */
    struct config_s3 s3;
    struct config_settings defaults;
    struct config_logging logging;
    double progress_update_interval; /* seconds between progress lines */
    int64_t read_only;               /* bool */
    struct config_database *databases;
    size_t database_count;
    const char *
        *warnings; /* one line each: accepted keys without effect, password in the file, ... */
    size_t warning_count;
    struct arena *arena;
    struct config_compliance compliance;
    struct config_encryption encryption;
};

/* The file that would be used: `given`, or $ARCHIVER_CONFIG, ./archiver.yaml, ... (cli.md). NULL
 * with ERR_CONFIG where there is none. The path is malloc'd, the caller's. */
char *config_find(const char *given, struct err *err);
/* Reads, checks and completes; NULL with ERR_CONFIG and file:line:column. Free with config_free. */
struct config *config_load(const char *path, struct err *err);
/* The same of a text in memory; places in it are those of a file that is no more. */
struct config *config_load_text(const char *text, size_t len, struct err *err);
void config_free(struct config *config);
/* The directory below which a store of this host has its bucket; NULL: it is no such store.
 * Borrowed. */
const char *config_directory(const struct config_s3 *s3);
/* Effective values as YAML or JSON with secrets masked. */
void config_show(const struct config *config, bool json, struct buf *ret_text);

#endif
