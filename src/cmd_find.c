/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "find.h"
#include "output.h"

struct finding {
    const struct call *call;
    bool cut;                   /* nobody reads any more */
    struct output_table *table; /* for people */
    struct buf rows;            /* behind the table: as they are stored */
};

static void print_json(const struct find_hit *hit)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 0);

    json_begin_object(&j);
    json_put_str(&j, "database", hit->database);
    json_put_str(&j, "schema", hit->schema);
    json_put_str(&j, "table", hit->table);
    json_put_str(&j, "key", hit->key);
    json_put_int(&j, "row", (int64_t)hit->row);
    json_key(&j, "member");
    if (hit->member < 0)
        json_add_null(&j);
    else
        json_add_int(&j, hit->member);
    json_put_str(&j, "state", hit->state);
    json_put_str(&j, "archived_at", hit->archived_at);
    json_put_str(&j, "batch_id", hit->batch_id);
    json_put_str(&j, "run_id", hit->run_id);
    json_key(&j, "data");
    if (hit->is_json)
        json_add_raw(&j, hit->line, hit->line_len);
    else
        json_add_strn(&j, hit->line, hit->line_len);
    json_end(&j);
    output_json(&json);
}

static bool each(const struct find_hit *hit, void *state, struct err *err)
{
    struct finding *f = state;

    if (f->call->options.json) {
        print_json(hit);
        if (!ferror(stdout))
            return true;
        f->cut = errno == EPIPE;
        return err_sys(err, ERR_RESOURCE, errno, "cannot write to stdout");
    }
    output_table_addf(f->table, "%" PRIu64, hit->row);
    output_table_addf(f->table, "%.19s", hit->archived_at ? hit->archived_at : "");
    output_table_add(f->table, hit->state);
    output_table_add(f->table, hit->key);
    buf_add(&f->rows, hit->line, hit->line_len);
    buf_addc(&f->rows, '\n');
    return true;
}

static int finish(const struct finding *f, const struct find_report *report, struct err *err)
{
    log_msg(LOG_INFO,
            "find: %" PRIu64 " of %" PRIu64 " archives looked into, %" PRIu64 " requests, %" PRIu64
            " bytes fetched",
            report->opened, report->known, report->requests, report->bytes_received);
    if (!f->call->options.json && report->hits > 0) {
        output_table_print(f->table);
        putchar('\n');
        fwrite(f->rows.data, 1, f->rows.len, stdout);
    }
    if (report->failed > 0) { /* more may hold it than are listed */
        *err = report->err;
        return err_exit_code(err->kind);
    }
    if (report->hits > 0)
        return 0;
    if (!f->call->options.json && !f->call->options.quiet)
        printf("%s: in none of %" PRIu64 " archives\n", f->call->args[0], report->known);
    return err_exit_code(ERR_PARTIAL);
}

static int run(const struct call *call, struct err *err)
{
    static const struct output_column columns[] = {{"row", true},
                                                   {"archived", false},
                                                   {"state", false},
                                                   {"archive", false}};
    struct find_params params = {.config = call->config,
                                 .database = call->options.database,
                                 .schema = call->options.schema,
                                 .table = call->options.table,
                                 .value = call->args[0],
                                 .stop = call->stop};
    struct finding f = {.call = call};
    struct find_report report;
    int code;

    f.table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));
    if (find_run(&params, each, &f, &report, err))
        code = finish(&f, &report, err);
    else
        code = f.cut ? 0 : err_exit_code(err->kind);
    if (f.cut)
        *err = ERR_INIT;
    output_table_free(f.table);
    buf_done(&f.rows);
    return code;
}

static bool check(const struct call *call, struct err *err)
{
    if (call->options.table)
        return true;
    err_set(err, ERR_USAGE, "find: which table?");
    return err_hint(err, "archiver-tui find VALUE -t TABLE");
}

const struct command cmd_find = {
    .name = "find",
    .summary = "which archives hold a key, and its row",
    .usage = "VALUE[,VALUE] -t TABLE [-d NAME] [FLAGS]",
    .details = "VALUE: one value a column of the key, commas between them; a value with a comma\n"
               "or a quote in it in double quotes, its quotes twice (as in CSV). `cat ARCHIVE\n"
               "--offset ROW --limit 1` prints the row again. Exit 0 found, 1 not found; any\n"
               "other: some archive could not be looked into.\n\n"
               "Examples:\n"
               "  archiver-tui find 4711 -t audit_logs\n"
               "  archiver-tui find 'acme,\"Berlin, 2\",17' -t events --json\n",
    .takes = TAKES_DATABASE | TAKES_TABLE,
    .args_min = 1,
    .args_max = 1,
    .needs_config = true,
    .check = check,
    .run = run,
};
