/* SPDX-License-Identifier: PostgreSQL
 *
 * The table of commands and what the words on a command line come to. One flag means the same in
 * every command that takes it; a flag that a command does not take is an error, never ignored.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_SRC_COMMAND_H
#define ARCHIVER_SRC_COMMAND_H

#include <stdatomic.h>

#include "base/err.h"
#include "base/queue.h"
#include "config/config.h"
#include "wizard.h"

/* Flags as bits: what a command takes. The common ones (config, output, logging) all take. */
enum {
    TAKES_DATABASE = 1 << 0, /* -d */
    TAKES_TABLE = 1 << 1,    /* -t */
    TAKES_DATES = 1 << 2,    /* --start-date, --end-date */
    TAKES_LIMIT = 1 << 3,
    TAKES_OFFSET = 1 << 4,
    TAKES_DRY_RUN = 1 << 5,
    TAKES_COLUMNS = 1 << 6,
    TAKES_FORMAT = 1 << 7,
    TAKES_WHERE = 1 << 8,
    TAKES_INCLUDE_RESTORED = 1 << 9,
    TAKES_SELECTION = 1 << 10, /* --run, --all, --archived-from, --archived-to, --new-only */
    TAKES_RESTORE = 1 << 11,   /* where to and how */
    TAKES_REBUILD = 1 << 12,   /* --rebuild-catalog, --offline, --rewrap */
    TAKES_PROOFS = 1 << 13,    /* --deep, --keys, --html */
    TAKES_IAM_POLICY = 1 << 14,
    TAKES_DETACH = 1 << 15,
    TAKES_NOW = 1 << 16,
    TAKES_THROTTLE = 1 << 17, /* --rows-per-second, --mb-per-second */
    TAKES_WIZARD = 1 << 18,   /* an answer a question, --tables, --answers, --non-interactive */
    TAKES_DUE = 1 << 19,
};

struct options { /* borrowed from argv but for what is said */
    const char *config;
    const char *database;
    char *schema, *table; /* malloc'd */
    const char *start_date, *end_date;
    const char *columns, *format, *where;
    const char *run, *archived_from, *archived_to;
    const char *to_database, *to_schema, *mapping_file;
    char *to_table_schema, *to_table;                     /* malloc'd */
    const char *on_conflict, *conflict_key, *schema_mode; /* as given; NULL: not said */
    int64_t commit_rows;                                  /* 0: not said */
    bool include_restored, all, new_only, create_table, disable_triggers, drop_indexes,
        skip_damaged;
    int64_t limit, offset; /* 0: none */
    bool json, quiet, no_color, read_only, yes, dry_run, iam_policy, detach, now, due, help,
        version;
    bool rebuild_catalog, offline, rewrap, deep;
    const char *keys, *html, *rows_per_second, *mb_per_second;
    const char *wizard[WIZARD_QUESTIONS_MAX]; /* answers, by question */
    const char *tables, *answers;
    bool non_interactive;
    int verbose;
    const char *log_level, *log_format, *log_file;
};

struct call {
    struct options options;
    const char *const *args; /* what stands behind the flags */
    size_t arg_count;
    struct config *config; /* loaded where the command needs one */
    atomic_bool hangup_stops;
    struct stop *stop;
};

struct command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* what stands behind the name */
    const char *details; /* own flags and examples */
    unsigned takes;      /* TAKES_* */
    size_t args_min, args_max;
    bool needs_config;
    bool hidden;
    bool terminal; /* paints on it: the log has to go elsewhere, and SIGHUP is its end */
    /* Judges the arguments before any file is read; may be NULL. */
    bool (*check)(const struct call *call, struct err *err);
    /* The exit code; *err filled where it is not the command's own to say. */
    int (*run)(const struct call *call, struct err *err);
};

extern const struct command cmd_archive, cmd_check, cmd_list, cmd_show, cmd_cat, cmd_find,
    cmd_verify, cmd_recover, cmd_config, cmd_restore, cmd_rollback, cmd_runs, cmd_watch, cmd_pause,
    cmd_resume, cmd_stop, cmd_throttle, cmd_vacuum, cmd_console, cmd_wizard;

/* Reads argv; ERR_USAGE with a hint. *ret_command is NULL where there is no command (only
 * --help or --version may stand without one). */
bool command_parse(int argc, char **argv, const struct command **ret_command, struct call *ret_call,
                   struct err *err);
void command_done(struct call *call);
/* ERR_PERMISSION where it is to be read-only; a dry run may always go on. */
bool command_may_write(const struct call *call, const char *name, struct err *err);
const struct command *command_find(const char *name);
const struct command *command_at(size_t i);                        /* NULL behind the last */
void command_print_help(const struct command *command, FILE *out); /* NULL: the program's */

#endif
