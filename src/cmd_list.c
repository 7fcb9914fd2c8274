/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/text.h"
#include "command.h"
#include "output.h"
#include "reader.h"

struct listing {
    bool json;
    bool cut;                   /* nobody reads any more: `| head` has seen enough */
    struct output_table *table; /* for people */
    int64_t archives, records;
    uint64_t bytes;
};

static void print_json(const struct reader_archive *a)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 0);

    json_begin_object(&j);
    json_put_str(&j, "database", a->database);
    json_put_str(&j, "schema", a->schema);
    json_put_str(&j, "table", a->table);
    json_put_str(&j, "key", a->key);
    json_put_int(&j, "records", (int64_t)a->records);
    json_put_int(&j, "bytes", (int64_t)a->bytes);
    json_put_str(&j, "min_timestamp", a->min_timestamp);
    json_put_str(&j, "max_timestamp", a->max_timestamp);
    json_put_str(&j, "archived_at", a->archived_at);
    json_put_str(&j, "batch_id", a->batch_id);
    json_put_str(&j, "run_id", a->run_id);
    json_put_str(&j, "state", a->state);
    json_put_str(&j, "restored_at", a->restored_at);
    json_end(&j);
    output_json(&json);
}

static bool each(const struct reader_archive *a, void *state, struct err *err)
{
    struct listing *l = state;

    l->archives++;
    l->records += (int64_t)a->records;
    l->bytes += a->bytes;
    if (l->json) {
        print_json(a);
        if (!ferror(stdout))
            return true;
        l->cut = errno == EPIPE;
        return err_sys(err, ERR_RESOURCE, errno, "cannot write the list to stdout");
    }
    output_table_add_count(l->table, (int64_t)a->records);
    output_table_add_bytes(l->table, a->bytes);
    output_table_addf(l->table, "%.10s", a->min_timestamp ? a->min_timestamp : "");
    output_table_addf(l->table, "%.10s", a->max_timestamp ? a->max_timestamp : "");
    output_table_addf(l->table, "%.19s", a->archived_at ? a->archived_at : "");
    output_table_addf(l->table, "%s%s", a->state, a->restored_at ? ", restored" : "");
    output_table_add(l->table, a->key);
    return true;
}

static void print_total(const struct listing *l)
{
    struct buf text = BUF_INIT;

    text_add_count(&text, (uint64_t)l->archives);
    buf_adds(&text, " archives, ");
    text_add_count(&text, (uint64_t)l->records);
    buf_adds(&text, " rows, ");
    text_add_bytes(&text, l->bytes);
    puts(buf_str(&text));
    buf_done(&text);
}

static int run(const struct call *call, struct err *err)
{
    static const struct output_column columns[] = {{"rows", true},      {"stored", true},
                                                   {"from", false},     {"to", false},
                                                   {"archived", false}, {"state", false},
                                                   {"archive", false}};
    const struct options *o = &call->options;
    struct reader_list_params params = {.config = call->config,
                                        .database = o->database,
                                        .schema = o->schema,
                                        .table = o->table,
                                        .start_date = o->start_date,
                                        .end_date = o->end_date,
                                        .limit = o->limit,
                                        .stop = call->stop};
    struct listing l = {.json = o->json};

    if (!o->json)
        l.table = output_table_new(columns, sizeof(columns) / sizeof(columns[0]));
    bool ok = reader_list(&params, each, &l, err);
    if (ok && !o->json) {
        output_table_print(l.table);
        print_total(&l);
    }
    output_table_free(l.table);
    if (l.cut) {
        *err = ERR_INIT;
        return 0;
    }
    return ok ? 0 : err_exit_code(err->kind);
}

const struct command cmd_list = {
    .name = "list",
    .summary = "archives there are, with their rows, sizes and states",
    .usage = "[-d NAME] [-t TABLE] [--start-date D] [FLAGS]",
    .details = "Dates are those of the rows. States: settled; pending (recover decides); foreign\n"
               "(of the earlier archiver or another cluster); rolled_back. \"restored\": rows of\n"
               "it were brought back.\n\n"
               "Examples:\n"
               "  archiver-tui list -t audit_logs\n"
               "  archiver-tui list --start-date 2026-01-01 --end-date 2026-02-01 --json\n",
    .takes = TAKES_DATABASE | TAKES_TABLE | TAKES_DATES | TAKES_LIMIT,
    .needs_config = true,
    .run = run,
};
