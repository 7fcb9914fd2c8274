/* SPDX-License-Identifier: PostgreSQL */
#include "command.h"

#include <assert.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"

/* What of a screen of 24 x 80 is left for flags. */
#define HELP_LINES   12
#define HELP_COLUMNS 78

static bool no_such_command(const char *name, struct err *err);

/* --- commands that need no file of their own --- */

static int run_help(const struct call *call, struct err *err)
{
    const struct command *command = NULL;

    if (call->arg_count > 0) {
        command = command_find(call->args[0]);
        if (!command && !no_such_command(call->args[0], err))
            return err_exit_code(err->kind);
    }
    command_print_help(command, stdout);
    return 0;
}

static const struct command cmd_help = {
    .name = "help",
    .summary = "what a command does and takes",
    .usage = "[COMMAND]",
    .details = "Examples:\n"
               "  archiver-tui help\n"
               "  archiver-tui help archive\n",
    .args_max = 1,
    .run = run_help,
};

#ifdef WITH_FAILPOINTS
static int run_fault_points(const struct call *call, struct err *err)
{
    (void)call;
    (void)err;
    fault_list(stdout);
    return 0;
}

static const struct command cmd_fault_points = {
    .name = "fault-points",
    .summary = "the named points where tests kill, fail and delay",
    .usage = "",
    .details = "",
    .hidden = true,
    .run = run_fault_points,
};
#endif

static const struct command *const commands[] = {
    &cmd_check,        &cmd_archive,  &cmd_list,   &cmd_show,     &cmd_cat,    &cmd_find,
    &cmd_restore,      &cmd_rollback, &cmd_verify, &cmd_recover,  &cmd_runs,   &cmd_watch,
    &cmd_pause,        &cmd_resume,   &cmd_stop,   &cmd_throttle, &cmd_vacuum, &cmd_config,
    &cmd_help,         &cmd_console,  &cmd_wizard,
#ifdef WITH_FAILPOINTS
    &cmd_fault_points,
#endif
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_at(size_t i)
{
    return i < COMMAND_COUNT ? commands[i] : NULL;
}

const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

/* --- flags --- */

enum flag_id {
    FLAG_CONFIG = 256,
    FLAG_DATABASE,
    FLAG_TABLE,
    FLAG_START,
    FLAG_END,
    FLAG_LIMIT,
    FLAG_OFFSET,
    FLAG_DRY_RUN,
    FLAG_COLUMNS,
    FLAG_FORMAT,
    FLAG_WHERE,
    FLAG_INCLUDE_RESTORED,
    FLAG_RUN,
    FLAG_ALL,
    FLAG_ARCHIVED_FROM,
    FLAG_ARCHIVED_TO,
    FLAG_NEW_ONLY,
    FLAG_TO_DATABASE,
    FLAG_TO_SCHEMA,
    FLAG_TO_TABLE,
    FLAG_CREATE_TABLE,
    FLAG_ON_CONFLICT,
    FLAG_CONFLICT_KEY,
    FLAG_SCHEMA,
    FLAG_MAPPING,
    FLAG_COMMIT_ROWS,
    FLAG_DISABLE_TRIGGERS,
    FLAG_DROP_INDEXES,
    FLAG_SKIP_DAMAGED,
    FLAG_REBUILD,
    FLAG_REWRAP,
    FLAG_OFFLINE,
    FLAG_DEEP,
    FLAG_KEYS,
    FLAG_HTML,
    FLAG_IAM_POLICY,
    FLAG_DETACH,
    FLAG_ROWS_PER_SECOND,
    FLAG_MB_PER_SECOND,
    FLAG_NOW,
    FLAG_DUE,
    FLAG_TABLES,
    FLAG_ANSWERS,
    FLAG_NON_INTERACTIVE,
    FLAG_JSON,
    FLAG_QUIET,
    FLAG_VERBOSE,
    FLAG_LOG_LEVEL,
    FLAG_LOG_FORMAT,
    FLAG_LOG_FILE,
    FLAG_NO_COLOR,
    FLAG_READ_ONLY,
    FLAG_YES,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_WIZARD = 1000, /* and on: one a question of the wizard */
};

struct flag {
    const char *name;
    int id;            /* enum flag_id */
    char letter;       /* '\0': none */
    const char *value; /* what it takes; NULL: nothing */
    unsigned of;       /* TAKES_*; 0: every command takes it */
    const char *help;
};

static const struct flag own_flags[] = {
    {"database", FLAG_DATABASE, 'd', "NAME", TAKES_DATABASE, "only this database of the config"},
    {"table", FLAG_TABLE, 't', "[SCHEMA.]NAME", TAKES_TABLE, "only this table"},
    {"start-date", FLAG_START, '\0', "DATE", TAKES_DATES, "only rows from here on (ISO)"},
    {"end-date", FLAG_END, '\0', "DATE", TAKES_DATES, "only rows before this (ISO)"},
    {"limit", FLAG_LIMIT, '\0', "N", TAKES_LIMIT, "at most N"},
    {"offset", FLAG_OFFSET, '\0', "N", TAKES_OFFSET, "skip the first N rows"},
    {"dry-run", FLAG_DRY_RUN, '\0', NULL, TAKES_DRY_RUN, "count and plan, change nothing"},
    {"columns", FLAG_COLUMNS, '\0', "A,B", TAKES_COLUMNS, "only these columns, in this order"},
    {"format", FLAG_FORMAT, '\0', "F", TAKES_FORMAT, "jsonl (default), csv or table"},
    {"where", FLAG_WHERE, '\0', "EXPR", TAKES_WHERE, "only rows of which EXPR is true"},
    {"include-restored", FLAG_INCLUDE_RESTORED, '\0', NULL, TAKES_INCLUDE_RESTORED,
     "also rows that a restore brought back"},
    {"run", FLAG_RUN, '\0', "ID", TAKES_SELECTION, "the archives of one run"},
    {"all", FLAG_ALL, '\0', NULL, TAKES_SELECTION, "all archives (of -d, -t)"},
    {"archived-from", FLAG_ARCHIVED_FROM, '\0', "DATE", TAKES_SELECTION, "archived since then"},
    {"archived-to", FLAG_ARCHIVED_TO, '\0', "DATE", TAKES_SELECTION, "archived before then"},
    {"new-only", FLAG_NEW_ONLY, '\0', NULL, TAKES_SELECTION, "not what is back already"},
    {"to-database", FLAG_TO_DATABASE, '\0', "NAME|URL", TAKES_RESTORE, "into this database"},
    {"to-schema", FLAG_TO_SCHEMA, '\0', "NAME", TAKES_RESTORE, "into this schema"},
    {"to-table", FLAG_TO_TABLE, '\0', "[SCHEMA.]NAME", TAKES_RESTORE, "into this table"},
    {"create-table", FLAG_CREATE_TABLE, '\0', NULL, TAKES_RESTORE, "make it where it is missing"},
    {"on-conflict", FLAG_ON_CONFLICT, '\0', "HOW", TAKES_RESTORE,
     "fail (default), skip, overwrite, upsert"},
    {"conflict-key", FLAG_CONFLICT_KEY, '\0', "A,B", TAKES_RESTORE, "by this unique key"},
    {"schema", FLAG_SCHEMA, '\0', "HOW", TAKES_RESTORE, "strict, lenient (default), transform"},
    {"mapping", FLAG_MAPPING, '\0', "FILE", TAKES_RESTORE, "rules for --schema transform"},
    {"commit-rows", FLAG_COMMIT_ROWS, '\0', "N", TAKES_RESTORE, "a COMMIT every N rows"},
    {"disable-triggers", FLAG_DISABLE_TRIGGERS, '\0', NULL, TAKES_RESTORE, "while rows come in"},
    {"drop-indexes", FLAG_DROP_INDEXES, '\0', NULL, TAKES_RESTORE, "and make them again after"},
    {"skip-damaged", FLAG_SKIP_DAMAGED, '\0', NULL, TAKES_RESTORE, "go on behind what is damaged"},
    {"rebuild-catalog", FLAG_REBUILD, '\0', NULL, TAKES_REBUILD,
     "the catalog is lost: settle what is proved"},
    {"offline", FLAG_OFFLINE, '\0', NULL, TAKES_REBUILD,
     "and the database too: settle what is whole"},
    {"rewrap", FLAG_REWRAP, '\0', NULL, TAKES_REBUILD, "data keys by the present encryption key"},
    {"deep", FLAG_DEEP, '\0', NULL, TAKES_PROOFS,
     "each row against its index, manifest and schema"},
    {"keys", FLAG_KEYS, '\0', "sample|all", TAKES_PROOFS, "and that they are not in the table"},
    {"html", FLAG_HTML, '\0', "FILE", TAKES_PROOFS, "the report as one page, too"},
    {"iam-policy", FLAG_IAM_POLICY, '\0', NULL, TAKES_IAM_POLICY, "print the least IAM policy"},
    {"detach", FLAG_DETACH, '\0', NULL, TAKES_DETACH, "in the background; prints the run's id"},
    {"rows-per-second", FLAG_ROWS_PER_SECOND, '\0', "N", TAKES_THROTTLE, "at most; 0: no limit"},
    {"mb-per-second", FLAG_MB_PER_SECOND, '\0', "N", TAKES_THROTTLE, "at most; 0: no limit"},
    {"now", FLAG_NOW, '\0', NULL, TAKES_NOW, "roll the batch in work back"},
    {"due", FLAG_DUE, '\0', NULL, TAKES_DUE, "only what waits for it"},
    {"tables", FLAG_TABLES, '\0', "LIST", TAKES_WIZARD, "what to archive"},
    {"answers", FLAG_ANSWERS, '\0', "FILE", TAKES_WIZARD, "answers as YAML, a key a question"},
    {"non-interactive", FLAG_NON_INTERACTIVE, '\0', NULL, TAKES_WIZARD, "ask nothing"},
    {"config", FLAG_CONFIG, 'c', "FILE", 0, "configuration file"},
    {"json", FLAG_JSON, '\0', NULL, 0, "JSON on stdout"},
    {"quiet", FLAG_QUIET, 'q', NULL, 0, "only errors on stderr, no progress"},
    {"verbose", FLAG_VERBOSE, 'v', NULL, 0, "more in the log; -vv, -vvv still more"},
    {"log-level", FLAG_LOG_LEVEL, '\0', "LEVEL", 0, "error, warn, info, debug, trace"},
    {"log-format", FLAG_LOG_FORMAT, '\0', "F", 0, "text or json"},
    {"log-file", FLAG_LOG_FILE, '\0', "FILE", 0, "log there instead of stderr"},
    {"no-color", FLAG_NO_COLOR, '\0', NULL, 0, "no colours"},
    {"read-only", FLAG_READ_ONLY, '\0', NULL, 0, "refuse whatever changes rows or archives"},
    {"yes", FLAG_YES, 'y', NULL, 0, "answer yes where it would ask"},
    {"force", FLAG_YES, '\0', NULL, 0, "the same as --yes"},
    {"help", FLAG_HELP, 'h', NULL, 0, "this text"},
    {"version", FLAG_VERSION, 'V', NULL, 0, "version"},
};

enum {
    OWN_FLAGS = sizeof(own_flags) / sizeof(own_flags[0]),
    FLAGS_MAX = OWN_FLAGS + WIZARD_QUESTIONS_MAX,
};

/* The flags above, and one a question of the wizard that none of them is. */
static struct flag flags[FLAGS_MAX];
static size_t flag_count;

static const struct flag *flag_named(const char *name)
{
    for (size_t i = 0; i < flag_count; i++) {
        if (strcmp(flags[i].name, name) == 0)
            return &flags[i];
    }
    return NULL;
}

static void gather_flags(void)
{
    memcpy(flags, own_flags, sizeof(own_flags));
    flag_count = OWN_FLAGS;
    for (size_t i = 0; wizard_question(i); i++) {
        const struct wizard_question *q = wizard_question(i);
        assert(!flag_named(q->id));
        flags[flag_count++] = (struct flag){.name = q->id,
                                            .id = FLAG_WIZARD + (int)i,
                                            .letter = strcmp(q->id, "output") == 0 ? 'o' : '\0',
                                            .value = "X",
                                            .of = TAKES_WIZARD,
                                            .help = q->prompt};
    }
}

static const struct flag *flag_of_id(int id)
{
    for (size_t i = 0; i < flag_count; i++) {
        if (flags[i].id == id || (flags[i].letter && flags[i].letter == id))
            return &flags[i];
    }
    return NULL;
}

static bool take_count(const struct flag *flag, const char *text, int64_t *ret, struct err *err)
{
    if (text_to_int(text, ret) && *ret >= 0)
        return true;
    err_set(err, ERR_USAGE, "--%s: \"%s\" is not a number of rows", flag->name, text);
    return false;
}

static bool take_ceiling(const struct flag *flag, const char *text, const char **ret,
                         struct err *err)
{
    double value;

    *ret = text;
    if (text_to_real(text, &value) && value >= 0)
        return true;
    err_set(err, ERR_USAGE, "--%s: \"%s\" is not a number", flag->name, text);
    return err_hint(err, "0 takes the limit away");
}

static bool take_date(const struct flag *flag, const char *text, const char **ret, struct err *err)
{
    int64_t us;

    *ret = text;
    if (text_to_time(text, strlen(text), &us))
        return true;
    err_set(err, ERR_USAGE, "--%s: \"%s\" is not a date or timestamp", flag->name, text);
    return err_hint(err, "for example 2026-01-31 or 2026-01-31T12:00:00Z");
}

static bool take_choice(const struct flag *flag, const char *text, const char *const *choices,
                        struct err *err)
{
    struct buf all = BUF_INIT;

    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            buf_done(&all);
            return true;
        }
        buf_addf(&all, "%s%s", i ? ", " : "", choices[i]);
    }
    err_set(err, ERR_USAGE, "--%s: \"%s\" is not one of %s", flag->name, text, buf_str(&all));
    buf_done(&all);
    return false;
}

static bool take_table(const struct flag *flag, const char *text, char **ret_schema,
                       char **ret_table, struct err *err)
{
    struct buf first = BUF_INIT, second = BUF_INIT;
    const char *rest = text_take_name(text, ".", &first);
    bool dotted = rest && *rest == '.';

    if (dotted)
        rest = text_take_name(rest + 1, ".", &second);
    if (!rest || *rest || first.len == 0 || (dotted && second.len == 0)) {
        err_set(err, ERR_USAGE, "--%s: \"%s\" is not [SCHEMA.]NAME", flag->name, text);
        err_hint(err, "quote names with dots in them: '\"my.schema\".\"my.table\"'");
        buf_done(&first);
        buf_done(&second);
        return false;
    }
    free(*ret_schema); /* of the same flag, given before */
    free(*ret_table);
    *ret_schema = dotted ? buf_steal(&first) : NULL;
    *ret_table = buf_steal(dotted ? &second : &first);
    return true;
}

static bool take_restore_flag(const struct flag *flag, const char *value, struct options *o,
                              struct err *err)
{
    switch (flag->id) {
    case FLAG_TO_DATABASE:
        o->to_database = value;
        return true;
    case FLAG_TO_SCHEMA:
        o->to_schema = value;
        return true;
    case FLAG_TO_TABLE:
        return take_table(flag, value, &o->to_table_schema, &o->to_table, err);
    case FLAG_CREATE_TABLE:
        return o->create_table = true;
    case FLAG_ON_CONFLICT:
        o->on_conflict = value;
        return take_choice(flag, value,
                           (const char *const[]){"fail", "skip", "overwrite", "upsert", NULL}, err);
    case FLAG_CONFLICT_KEY:
        o->conflict_key = value;
        return true;
    case FLAG_SCHEMA:
        o->schema_mode = value;
        return take_choice(flag, value,
                           (const char *const[]){"strict", "lenient", "transform", NULL}, err);
    case FLAG_MAPPING:
        o->mapping_file = value;
        return true;
    case FLAG_COMMIT_ROWS:
        return take_count(flag, value, &o->commit_rows, err);
    case FLAG_DISABLE_TRIGGERS:
        return o->disable_triggers = true;
    case FLAG_DROP_INDEXES:
        return o->drop_indexes = true;
    case FLAG_SKIP_DAMAGED:
        return o->skip_damaged = true;
    default:
        return true;
    }
}

static bool take_flag(const struct flag *flag, const char *value, struct options *o,
                      struct err *err)
{
    switch (flag->id) {
    case FLAG_CONFIG:
        o->config = value;
        return true;
    case FLAG_DATABASE:
        o->database = value;
        return true;
    case FLAG_TABLE:
        return take_table(flag, value, &o->schema, &o->table, err);
    case FLAG_START:
        return take_date(flag, value, &o->start_date, err);
    case FLAG_END:
        return take_date(flag, value, &o->end_date, err);
    case FLAG_LIMIT:
        return take_count(flag, value, &o->limit, err);
    case FLAG_OFFSET:
        return take_count(flag, value, &o->offset, err);
    case FLAG_COLUMNS:
        o->columns = value;
        return true;
    case FLAG_FORMAT:
        o->format = value;
        return take_choice(flag, value, (const char *const[]){"jsonl", "csv", "table", NULL}, err);
    case FLAG_WHERE:
        o->where = value;
        return true;
    case FLAG_INCLUDE_RESTORED:
        return o->include_restored = true;
    case FLAG_RUN:
        o->run = value;
        return true;
    case FLAG_ALL:
        return o->all = true;
    case FLAG_ARCHIVED_FROM:
        return take_date(flag, value, &o->archived_from, err);
    case FLAG_ARCHIVED_TO:
        return take_date(flag, value, &o->archived_to, err);
    case FLAG_NEW_ONLY:
        return o->new_only = true;
    case FLAG_LOG_LEVEL: {
        enum log_level ignored;
        o->log_level = value;
        if (log_level_from(value, &ignored))
            return true;
        return err_set(err, ERR_USAGE,
                       "--log-level: \"%s\" is not one of error, warn, info, debug, trace", value);
    }
    case FLAG_LOG_FORMAT:
        o->log_format = value;
        return take_choice(flag, value, (const char *const[]){"text", "json", NULL}, err);
    case FLAG_LOG_FILE:
        o->log_file = value;
        return true;
    case FLAG_REBUILD:
        return o->rebuild_catalog = true;
    case FLAG_REWRAP:
        return o->rewrap = true;
    case FLAG_OFFLINE:
        return o->offline = true;
    case FLAG_DEEP:
        return o->deep = true;
    case FLAG_KEYS:
        o->keys = value;
        return take_choice(flag, value, (const char *const[]){"sample", "all", NULL}, err);
    case FLAG_HTML:
        o->html = value;
        return true;
    case FLAG_DRY_RUN:
        return o->dry_run = true;
    case FLAG_IAM_POLICY:
        return o->iam_policy = true;
    case FLAG_DETACH:
        return o->detach = true;
    case FLAG_ROWS_PER_SECOND:
        return take_ceiling(flag, value, &o->rows_per_second, err);
    case FLAG_MB_PER_SECOND:
        return take_ceiling(flag, value, &o->mb_per_second, err);
    case FLAG_NOW:
        return o->now = true;
    case FLAG_DUE:
        return o->due = true;
    case FLAG_TABLES:
        o->tables = value;
        return true;
    case FLAG_ANSWERS:
        o->answers = value;
        return true;
    case FLAG_NON_INTERACTIVE:
        return o->non_interactive = true;
    case FLAG_JSON:
        return o->json = true;
    case FLAG_QUIET:
        return o->quiet = true;
    case FLAG_VERBOSE:
        return ++o->verbose;
    case FLAG_NO_COLOR:
        return o->no_color = true;
    case FLAG_READ_ONLY:
        return o->read_only = true;
    case FLAG_YES:
        return o->yes = true;
    case FLAG_HELP:
        return o->help = true;
    case FLAG_VERSION:
        return o->version = true;
    default:
        if (flag->id >= FLAG_WIZARD) {
            o->wizard[flag->id - FLAG_WIZARD] = value;
            return true;
        }
        return take_restore_flag(flag, value, o, err);
    }
}

/* --- the command line --- */

static bool wrong_flag(int id, char **argv, struct err *err)
{
    const char *names[FLAGS_MAX];
    const char *word = argv[optind - 1];

    if (id == ':') {
        const struct flag *flag = flag_of_id(optopt);
        err_set(err, ERR_USAGE, "--%s needs a value", flag ? flag->name : word);
        return flag ? err_hint(err, "--%s %s", flag->name, flag->value) : false;
    }
    if (optopt > 0 && optopt < 256)
        return err_set(err, ERR_USAGE, "there is no flag -%c", optopt);
    if (optopt >= 256)
        return err_set(err, ERR_USAGE, "%s takes no value", word);
    err_set(err, ERR_USAGE, "there is no flag %s", word);
    for (size_t i = 0; i < flag_count; i++)
        names[i] = flags[i].name;
    const char *nearest = text_nearest(word + strspn(word, "-"), names, flag_count);
    if (nearest)
        err_hint(err, "did you mean --%s?", nearest);
    return false;
}

static bool no_such_command(const char *name, struct err *err)
{
    /* What cli.md promises and this version does not do: said as what it is, not as a typo. */
    static const char *const later[] = {"cost",   "hold", "audit",   "erase",     "compact",
                                        "expire", "ddl",  "preview", "completion"};
    const char *names[COMMAND_COUNT];

    err_set(err, ERR_USAGE, "there is no command \"%s\"", name);
    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (strcmp(later[i], name) == 0)
            return err_why(err, "not in this version");
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->name;
    const char *nearest = text_nearest(name, names, COMMAND_COUNT);
    if (nearest)
        return err_hint(err, "did you mean \"%s\"?", nearest);
    return err_hint(err, "archiver-tui help");
}

static bool check_taken(const struct command *command, const bool *used, struct err *err)
{
    for (size_t i = 0; i < flag_count; i++) {
        if (!used[i] || flags[i].of == 0 || (command->takes & flags[i].of))
            continue;
        err_set(err, ERR_USAGE, "%s does not take --%s", command->name, flags[i].name);
        return err_hint(err, "archiver-tui %s --help", command->name);
    }
    return true;
}

static bool check_args(const struct command *command, const struct call *call, struct err *err)
{
    if (call->arg_count >= command->args_min && call->arg_count <= command->args_max)
        return true;
    if (call->arg_count < command->args_min)
        err_set(err, ERR_USAGE, "%s: something is missing", command->name);
    else
        err_set(err, ERR_USAGE, "%s: too much: \"%s\"", command->name,
                call->args[command->args_max]);
    return err_hint(err, "archiver-tui %s %s", command->name, command->usage);
}

/* One table of flags into getopt's two. */
static void build_getopt(struct option *ret_long, char *ret_short)
{
    size_t n = 0;

    ret_short[n++] = ':';
    for (size_t i = 0; i < flag_count; i++) {
        ret_long[i] = (struct option){.name = flags[i].name,
                                      .has_arg = flags[i].value ? required_argument : no_argument,
                                      .val = (int)flags[i].id};
        if (flags[i].letter)
            ret_short[n++] = flags[i].letter;
        if (flags[i].letter && flags[i].value)
            ret_short[n++] = ':';
    }
    ret_long[flag_count] = (struct option){0};
    ret_short[n] = '\0';
}

static bool read_flags(int argc, char **argv, bool *used, struct options *o, struct err *err)
{
    struct option long_flags[FLAGS_MAX + 1];
    char short_flags[FLAGS_MAX * 2 + 2];
    int id;

    gather_flags();
    build_getopt(long_flags, short_flags);
    opterr = 0;
    while ((id = getopt_long(argc, argv, short_flags, long_flags, NULL)) != -1) {
        const struct flag *flag = id == '?' || id == ':' ? NULL : flag_of_id(id);
        if (!flag)
            return wrong_flag(id, argv, err);
        used[flag - flags] = true;
        if (!take_flag(flag, optarg, o, err))
            return false;
    }
    return true;
}

bool command_parse(int argc, char **argv, const struct command **ret_command, struct call *ret_call,
                   struct err *err)
{
    bool used[FLAGS_MAX] = {0};

    *ret_command = NULL;
    if (!read_flags(argc, argv, used, &ret_call->options, err))
        return false;
    if (optind == argc)
        return true;
    *ret_command = command_find(argv[optind]);
    if (!*ret_command)
        return no_such_command(argv[optind], err);
    ret_call->args = (const char *const *)argv + optind + 1;
    ret_call->arg_count = (size_t)(argc - optind - 1);
    if (ret_call->options.help || ret_call->options.version)
        return true;
    return check_taken(*ret_command, used, err) && check_args(*ret_command, ret_call, err) &&
           (!(*ret_command)->check || (*ret_command)->check(ret_call, err));
}

void command_done(struct call *call)
{
    free(call->options.schema);
    free(call->options.table);
    free(call->options.to_table_schema);
    free(call->options.to_table);
}

bool command_may_write(const struct call *call, const char *name, struct err *err)
{
    if (call->options.dry_run || (!call->options.read_only && !call->config->read_only))
        return true;
    err_set(err, ERR_PERMISSION, "%s is refused: read-only", name);
    return err_hint(err, "leave out --read-only and read_only: true, or use --dry-run");
}

/* --- help --- */

static void print_flag(const struct flag *flag, FILE *out)
{
    char name[40];

    snprintf(name, sizeof(name), "%c%c %s--%s%s%s", flag->letter ? '-' : ' ',
             flag->letter ? flag->letter : ' ', "", flag->name, flag->value ? " " : "",
             flag->value ? flag->value : "");
    fprintf(out, "  %-28s %s\n", name, flag->help);
}

/* More than a screen of lines would hold: names only, doc/ says what they mean. */
static void print_flag_names(const struct command *command, FILE *out)
{
    size_t column = 0;

    for (size_t i = 0; i < flag_count; i++) {
        char name[48];
        if (!(command->takes & flags[i].of))
            continue;
        int len = snprintf(name, sizeof(name), "--%s%s%s", flags[i].name, flags[i].value ? " " : "",
                           flags[i].value ? flags[i].value : "");
        if (column > 0 && column + (size_t)len + 2 > HELP_COLUMNS) {
            fputs(",\n", out);
            column = 0;
        }
        column += (size_t)fprintf(out, "%s%s", column > 0 ? ", " : "  ", name);
    }
    fputs(column > 0 ? "\n" : "", out);
}

static void print_flags(const struct command *command, FILE *out)
{
    size_t count = 0;

    for (size_t i = 0; i < flag_count; i++)
        count += (command->takes & flags[i].of) != 0;
    if (count > HELP_LINES) {
        print_flag_names(command, out);
        return;
    }
    for (size_t i = 0; i < flag_count; i++) {
        if (command->takes & flags[i].of)
            print_flag(&flags[i], out);
    }
}

static void print_program(FILE *out)
{
    fputs("archiver-tui moves cold PostgreSQL rows to S3 or a directory and back again.\n"
          "Usage: archiver-tui [COMMAND] [FLAGS]    (none: the console)    help COMMAND\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!commands[i]->hidden)
            fprintf(out, "  %-9s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("\n  -c, --config FILE  else $ARCHIVER_CONFIG, ./archiver.yaml,\n"
          "      ~/.config/archiver-tui/config.yaml, /etc/archiver-tui/config.yaml\n",
          out);
}

void command_print_help(const struct command *command, FILE *out)
{
    if (!command) {
        print_program(out);
        return;
    }
    fprintf(out, "archiver-tui %s: %s\n\nUsage: archiver-tui %s %s\n\n", command->name,
            command->summary, command->name, command->usage);
    print_flags(command, out);
    fputs("  -c --config FILE, --json, -q --quiet, -v --verbose, --log-level LEVEL,\n"
          "  --log-format text|json, --log-file FILE, --no-color, --read-only, -y --yes\n",
          out);
    fprintf(out, "\n%s", command->details);
}
