/* SPDX-License-Identifier: PostgreSQL
 *
 * restore and rollback: one engine call, two sets of flags.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "command.h"
#include "live.h"
#include "output.h"
#include "restore.h"

#define SHOWN_MAX 20 /* conflicts and archives that a person is shown */

/* --- what a person reads --- */

static void print_differences(const struct restore_report *r)
{
    for (size_t i = 0; i < r->difference_count; i++) {
        const struct restore_difference *d = &r->differences[i];
        output_colored(d->refuses ? COLOR_BAD : COLOR_WARN, d->kind, 10);
        printf(" %s.%s: %s\n", d->table, d->column, d->text);
    }
}

static void print_conflicts(const struct restore_report *r)
{
    for (size_t i = 0; i < r->conflict_count && i < SHOWN_MAX; i++) {
        output_colored(COLOR_WARN, "conflict", 10);
        printf(" %s in %s\n", r->conflicts[i].key, r->conflicts[i].archive);
    }
    if (r->conflict_count > SHOWN_MAX)
        printf("           ... and more: --json lists up to 1,000\n");
}

static void print_damages(const struct restore_report *r)
{
    for (size_t i = 0; i < r->damage_count; i++) {
        const struct restore_damage *d = &r->damages[i];
        output_colored(COLOR_BAD, "lost", 10);
        printf(" %s: %" PRIu64 " rows from row %" PRIu64, d->archive, d->rows, d->first_row + 1);
        if (d->min_key && d->max_key)
            printf(", keys %s to %s", d->min_key, d->max_key);
        printf(": %s\n", d->detail);
    }
}

static void print_losses(const struct restore_report *r)
{
    for (size_t i = 0; i < r->loss_count; i++) {
        const struct restore_loss *l = &r->losses[i];
        output_colored(COLOR_WARN, l->gone ? "lost" : "uncertain", 10);
        printf(" %s.%s: %" PRIu64 " rows: %s\n", l->table, l->column, l->rows, l->reason);
    }
}

static void print_archives(const struct restore_report *r)
{
    static const struct output_column columns[] = {{"read", true},      {"restored", true},
                                                   {"updated", true},   {"skipped", true},
                                                   {"conflicts", true}, {"status", false},
                                                   {"archive", false}};
    struct output_table *table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));
    size_t shown = r->archive_count < SHOWN_MAX ? r->archive_count : SHOWN_MAX;

    for (size_t i = 0; i < shown; i++) {
        const struct restore_archive *a = &r->archives[i];
        output_table_add_count(table, a->counts.read);
        output_table_add_count(table, a->counts.restored);
        output_table_add_count(table, a->counts.updated);
        output_table_add_count(table, a->counts.skipped);
        output_table_add_count(table, a->counts.conflicts);
        output_table_add(table, a->status);
        output_table_add(table, a->key);
    }
    if (shown > 0)
        output_table_print(table);
    if (r->archive_count > shown)
        printf("... and %zu archives more\n", r->archive_count - shown);
    output_table_free(table);
}

static void add_estimate(const struct restore_report *r, struct buf *text)
{
    buf_adds(text, "; to fetch: ");
    text_add_bytes(text, r->bytes_to_fetch);
    buf_adds(text, ", in the table: about ");
    text_add_bytes(text, r->target_bytes);
    buf_adds(text, ", time: about ");
    text_add_duration(text, r->estimated_seconds);
}

static void print_summary(const struct restore_report *r)
{
    struct buf text = BUF_INIT;
    enum output_color color = strcmp(r->status, "success") == 0   ? COLOR_GOOD
                              : strcmp(r->status, "failure") == 0 ? COLOR_BAD
                                                                  : COLOR_WARN;

    printf("%s %s: ", r->dry_run ? "dry run" : "restore", r->restore_id);
    output_colored(color, r->status, 0);
    buf_adds(&text, ", ");
    text_add_count(&text, (uint64_t)r->counts.read);
    buf_adds(&text, r->dry_run ? " rows read, to restore " : " rows read, ");
    text_add_count(&text, (uint64_t)r->counts.restored);
    buf_adds(&text, r->dry_run ? ", conflicts " : " restored, ");
    if (r->dry_run) {
        text_add_count(&text, (uint64_t)r->counts.conflicts);
        add_estimate(r, &text);
    } else {
        text_add_count(&text, (uint64_t)r->counts.updated);
        buf_adds(&text, " updated, ");
        text_add_count(&text, (uint64_t)r->counts.skipped);
        buf_adds(&text, " skipped, ");
        text_add_duration(&text, (double)(r->ended_us - r->started_us) / 1e6);
    }
    puts(buf_str(&text));
    if (r->dry_run)
        puts("Nothing was changed.");
    buf_done(&text);
}

static void print_report(const struct restore_report *r, const struct options *o)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);
    char line[sizeof(struct err)];

    if (o->json) {
        restore_report_write(r, &j);
        output_json(&json);
        return;
    }
    if (o->quiet)
        return;
    print_differences(r);
    print_conflicts(r);
    print_damages(r);
    print_losses(r);
    print_archives(r);
    for (size_t i = 0; i < r->note_count; i++)
        printf("note: %s\n", r->notes[i]);
    if (r->err.kind != ERR_NONE) {
        err_line(&r->err, line, sizeof(line));
        output_colored(COLOR_BAD, "error", 0);
        printf(": %s\n", line);
    }
    print_summary(r);
}

/* --- words to parameters --- */

static int position(const char *word, const char *const *words)
{
    int i = 0;

    while (word && words[i] && strcmp(words[i], word) != 0)
        i++;
    return word && words[i] ? i : 0;
}

/* A list of names; `names` holds them, their texts are in `text`. */
static void split_names(const char *list, struct buf *text, struct buf *names)
{
    size_t start = 0;

    if (!list)
        return;
    buf_adds(text, list);
    for (size_t i = 0; i <= text->len; i++) {
        if (i < text->len && text->data[i] != ',')
            continue;
        text->data[i] = '\0';
        const char *name = text->data + start;
        buf_add(names, &name, sizeof(name));
        start = i + 1;
    }
}

static int run_with(const struct call *call, struct restore_params *params, struct err *err)
{
    const struct options *o = &call->options;
    struct restore_report report;
    struct live live;

    params->config = call->config;
    params->stop = call->stop;
    params->dry_run = o->dry_run;
    live_start(&live, call, "restore");
    params->restore_id = live.run_id;
    params->progress = live.progress;
    params->monitor = live.monitor;
    bool ok = restore_run(params, &report, err);
    int code = ok ? restore_exit_code(&report) : err_exit_code(err->kind);
    live_ended(&live, ok ? report.status : "failure", code);
    if (ok)
        print_report(&report, o);
    restore_report_done(&report);
    live_done(&live);
    return code;
}

static void take_target(const struct options *o, struct restore_params *p)
{
    static const char *const conflicts[] = {"fail", "skip", "overwrite", "upsert", NULL};
    static const char *const modes[] = {"strict", "lenient", "transform", NULL};

    p->to_database = o->to_database;
    p->to_schema = o->to_table_schema ? o->to_table_schema : o->to_schema;
    p->to_table = o->to_table;
    p->create_table = o->create_table;
    p->conflict = (enum restore_conflict)position(o->on_conflict, conflicts);
    p->schema_mode = o->schema_mode    ? (enum restore_schema)position(o->schema_mode, modes)
                     : o->mapping_file ? RESTORE_TRANSFORM
                                       : RESTORE_LENIENT;
    p->mapping_file = o->mapping_file;
    p->commit_rows = o->commit_rows;
    p->disable_triggers = o->disable_triggers;
    p->drop_indexes = o->drop_indexes;
    p->skip_damaged = o->skip_damaged;
}

/* --- restore --- */

static bool check_restore(const struct call *call, struct err *err)
{
    const struct options *o = &call->options;
    bool some = call->arg_count > 0 || o->run || o->all || o->start_date || o->end_date ||
                o->archived_from || o->archived_to;

    if (!some) {
        err_set(err, ERR_USAGE, "restore: which archives?");
        return err_hint(err, "name KEYs, or --run ID, a date range, or --all");
    }
    if (call->arg_count > 0 && (o->run || o->all || o->archived_from || o->archived_to)) {
        err_set(err, ERR_USAGE, "restore: KEYs and a selection exclude each other");
        return err_hint(err, "name KEYs, or --run ID, --archived-from, --archived-to, or --all");
    }
    if (o->mapping_file && o->schema_mode && strcmp(o->schema_mode, "transform") != 0)
        return err_set(err, ERR_USAGE, "--mapping goes with --schema transform only");
    return true;
}

static int run_restore(const struct call *call, struct err *err)
{
    const struct options *o = &call->options;
    struct buf column_text = BUF_INIT, columns = BUF_INIT, key_text = BUF_INIT, keys = BUF_INIT;
    struct config_names key;
    int code;

    if (!command_may_write(call, "restore", err))
        return err_exit_code(err->kind);
    split_names(o->columns, &column_text, &columns);
    split_names(o->conflict_key, &key_text, &keys);
    key = (struct config_names){.names = (const char **)(void *)keys.data,
                                .count = keys.len / sizeof(char *)};
    struct restore_params params = {.keys = call->args,
                                    .key_count = call->arg_count,
                                    .run_id = o->run,
                                    .database = o->database,
                                    .schema = o->schema,
                                    .table = o->table,
                                    .archived_from = o->archived_from,
                                    .archived_to = o->archived_to,
                                    .start_date = o->start_date,
                                    .end_date = o->end_date,
                                    .where = o->where,
                                    .columns = (const char *const *)(void *)columns.data,
                                    .column_count = columns.len / sizeof(char *),
                                    .limit = o->limit,
                                    .new_only = o->new_only,
                                    .conflict_key = key.count > 0 ? &key : NULL};
    take_target(o, &params);
    code = run_with(call, &params, err);
    buf_done(&column_text);
    buf_done(&columns);
    buf_done(&key_text);
    buf_done(&keys);
    return code;
}

const struct command cmd_restore = {
    .name = "restore",
    .summary = "bring archived rows back into a table",
    .usage = "KEY...|--run ID|--all|--start-date D [FLAGS]",
    .details = "Examples:\n"
               "  archiver-tui restore -t audit_logs --start-date 2025-03-01 --dry-run\n"
               "  archiver-tui restore KEY --where \"actor = 'eve'\" --to-table found\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_DATES | TAKES_LIMIT | TAKES_DRY_RUN |
             TAKES_COLUMNS | TAKES_WHERE | TAKES_SELECTION | TAKES_RESTORE | TAKES_DETACH,
    .args_max = SIZE_MAX,
    .needs_config = true,
    .check = check_restore,
    .run = run_restore,
};

/* --- rollback --- */

static int run_rollback(const struct call *call, struct err *err)
{
    const struct options *o = &call->options;
    struct restore_params params = {.run_id = call->args[0],
                                    .database = o->database,
                                    .schema = o->schema,
                                    .table = o->table,
                                    .rollback = true};

    if (!command_may_write(call, "rollback", err))
        return err_exit_code(err->kind);
    take_target(o, &params);
    return run_with(call, &params, err);
}

const struct command cmd_rollback = {
    .name = "rollback",
    .summary = "bring back every row that one run archived",
    .usage = "RUN [FLAGS]",
    .details = "Every key is looked up in the table before the archives are called rolled back.\n\n"
               "Examples:\n"
               "  archiver-tui rollback 20261123T140211Z-7f3a --dry-run\n"
               "  archiver-tui rollback 7f3a -t audit_logs\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_DRY_RUN | TAKES_RESTORE | TAKES_DETACH,
    .args_min = 1,
    .args_max = 1,
    .needs_config = true,
    .run = run_rollback,
};
