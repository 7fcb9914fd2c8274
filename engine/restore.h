/* SPDX-License-Identifier: PostgreSQL
 *
 * THE WAY BACK: archives + filter -> a table. Which archives (sources.h), their rows as COPY text
 * (rows.h), into which columns (row/mapping.h), and what happens where a row is there already
 * (postgres/import.h).
 *
 *   look    every archive's metadata: schema differences are known before the first row is written
 *   write   archive by archive, each transaction with a line that says what it brought back
 *   prove   counts, and for a rollback every key; then the catalog says so
 *
 * What one transaction holds: with IMPORT_FAIL all of a table (so that nothing of it is left behind), else an
 * archive; with commit_rows so many rows. A restore that was killed goes on where it stopped when
 * it is asked for again in the same words.
 *
 * Threads: restore_run blocks its caller, starts its own threads and joins them.
 */
#ifndef ARCHIVER_RESTORE_H
#define ARCHIVER_RESTORE_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"
#include "monitor.h"
#include "progress.h"

/* In the order of import_conflict and mapping_mode. */
enum restore_conflict { RESTORE_FAIL, RESTORE_SKIP, RESTORE_OVERWRITE, RESTORE_UPSERT };
enum restore_schema { RESTORE_STRICT, RESTORE_LENIENT, RESTORE_TRANSFORM };

struct restore_params {
    const struct config *config;
    /* which archives (sources.h) */
    const char *const *keys;
    size_t key_count;
    const char *run_id;
    const char *database, *schema, *table;
    const char *archived_from, *archived_to;
    /* which rows */
    const char *start_date, *end_date; /* of the rows' timestamps; NULL: none */
    const char *where;                 /* NULL: all */
    const char *const *columns;        /* NULL: all */
    size_t column_count;
    int64_t limit;     /* rows at most; 0: no limit */
    bool new_only;     /* archives that no restore brought back whole */
    bool skip_damaged; /* go on behind a damaged member, and say what is lost */
    /* where to */
    const char *to_database; /* a name of the config or a postgresql:// URL; NULL: where from */
    const char *to_schema, *to_table; /* NULL: as archived */
    bool create_table;
    /* how */
    enum restore_conflict conflict;
    const struct config_names *conflict_key; /* NULL: the target's primary key */
    enum restore_schema schema_mode;
    const char *mapping_file;
    int64_t commit_rows; /* 0: see above */
    bool disable_triggers, drop_indexes;
    bool rollback; /* prove every key, and say in the catalog that the archives are rolled back */
    bool dry_run;
    const struct stop *stop;   /* may be NULL */
    struct progress *progress; /* may be NULL */
    struct monitor *monitor; /* may be NULL */
    const char *restore_id;  /* text_run_id */
};

struct restore_counts {
    int64_t read, restored, updated, skipped;
    int64_t conflicts; /* rows that were there already */
};

struct restore_archive {
    char *key;
    const char *status; /* restored, done before, not wanted, failed, would restore */
    struct restore_counts counts;
    uint64_t bytes; /* to fetch */
};

struct restore_conflict_row {
    char *key, *archive;
};

struct restore_difference {
    char *table, *archive; /* the first archive that shows it */
    char *kind, *column, *archive_type, *target_type, *text;
    bool refuses;
};

struct restore_damage {
    char *archive;
    uint64_t first_row, rows; /* lost */
    char *min_key, *max_key;  /* JSON; NULL: not known */
    char *detail;
};

/* What an archive of the earlier archiver no longer holds. */
struct restore_loss {
    char *table, *column, *reason;
    bool gone; /* NULL in its place; else a value that may be another */
    uint64_t rows;
};

struct restore_report {
    char restore_id[40];
    const char *status; /* success, partial, failure, stopped */
    bool dry_run, resumed;
    int64_t started_us, ended_us;
    struct restore_counts counts;
    uint64_t requests, bytes_fetched; /* of the store, metadata and lists included */
    uint64_t bytes_to_fetch, target_bytes; /* target_bytes: what the rows will take, an estimate */
    double estimated_seconds;              /* dry run */
    struct restore_archive *archives;
    size_t archive_count;
    struct restore_conflict_row *conflicts; /* the first ones */
    size_t conflict_count;
    struct restore_difference *differences;
    size_t difference_count;
    struct restore_damage *damages;
    size_t damage_count;
    struct restore_loss *losses;
    size_t loss_count;
    char **notes; /* for people */
    size_t note_count;
    size_t tables, tables_failed;
    struct err err; /* the first table that failed */
};

/* False only where nothing could be tried; else the report says how it went. */
bool restore_run(const struct restore_params *params, struct restore_report *ret_report,
                 struct err *err);
void restore_report_done(struct restore_report *report);
/* The document of restore --json (cli.md). */
void restore_report_write(const struct restore_report *report, struct json_out *j);
int restore_exit_code(const struct restore_report *report);

#endif
