/* SPDX-License-Identifier: PostgreSQL
 *
 * runs: the live ones of this host, by their sockets, and past ones, by their reports in the store.
 */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "command.h"
#include "control_client.h"
#include "output.h"
#include "progress_json.h"
#include "runs.h"

#define PAST_RUNS 20
#define ANSWER_MS 2000

/* What one live run says; false: it has just ended, or does not answer. */
static bool ask(const struct control_run *run, struct control_message *m)
{
    struct err err;
    struct control_client *client = control_connect(run, &err);
    bool ok = client && control_ask(client, "snapshot", &err) &&
              control_next(client, ANSWER_MS, m, &err) && m->event == CONTROL_SNAPSHOT;

    control_disconnect(client);
    return ok;
}

static void add_moment(struct output_table *table, int64_t us)
{
    struct buf text = BUF_INIT;

    text_add_time(&text, us);
    output_table_addf(table, "%.19s", buf_str(&text));
    buf_done(&text);
}

static void add_duration(struct output_table *table, double seconds)
{
    struct buf text = BUF_INIT;

    text_add_duration(&text, seconds);
    output_table_add(table, buf_str(&text));
    buf_done(&text);
}

static void add_row(struct output_table *table, const struct runs_past *r)
{
    output_table_add(table, r->run_id);
    output_table_add(table, r->kind);
    output_table_add(table, r->status);
    add_moment(table, r->started_us);
    add_duration(table, (double)(r->ended_us - r->started_us) / 1e6);
    output_table_add_count(table, r->rows);
    output_table_add_bytes(table, r->bytes);
    output_table_add(table, r->error);
}

/* A live run in the same columns; its state stands where the status will. */
static struct runs_past as_row(const struct progress_snapshot *s)
{
    struct runs_past r = {.started_us = s->started_utc_us,
                          .ended_us = s->started_utc_us + (int64_t)(s->seconds * 1e6),
                          .rows = s->rows_done,
                          .batches = s->batches,
                          .bytes = s->bytes};

    snprintf(r.run_id, sizeof(r.run_id), "%s", s->run_id);
    snprintf(r.kind, sizeof(r.kind), "%s", s->kind);
    snprintf(r.status, sizeof(r.status), "%s", s->state);
    return r;
}

static void print_table(const struct control_runs *live, const struct runs_list *past)
{
    static const struct output_column columns[] = {{"run", false},   {"kind", false},
                                                   {"state", false}, {"started (UTC)", false},
                                                   {"took", true},   {"rows", true},
                                                   {"stored", true}, {"error", false}};
    struct output_table *table = output_table_new(columns, 8);
    struct control_message m = {0};

    output_table_spare(table, 7);
    output_table_spare(table, 6);
    for (size_t i = live->count; i-- > 0;) {
        if (!ask(&live->items[i], &m))
            continue;
        struct runs_past row = as_row(&m.snapshot);
        add_row(table, &row);
    }
    for (size_t i = 0; i < past->count; i++)
        add_row(table, &past->items[i]);
    output_table_print(table);
    output_table_free(table);
    control_message_done(&m);
}

static void write_past(const struct runs_past *r, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "run_id", r->run_id);
    json_put_str(j, "kind", r->kind);
    json_put_str(j, "status", r->status);
    json_put_time(j, "started_at", r->started_us);
    json_put_time(j, "ended_at", r->ended_us);
    json_put_int(j, "rows", r->rows);
    json_put_int(j, "batches", r->batches);
    json_put_int(j, "bytes", (int64_t)r->bytes);
    json_put_str(j, "error", r->error[0] ? r->error : NULL);
    json_end(j);
}

static void print_json(const struct control_runs *live, const struct runs_list *past)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 2);
    struct control_message m = {0};

    json_begin_object(&j);
    json_key(&j, "live");
    json_begin_array(&j);
    for (size_t i = live->count; i-- > 0;) {
        if (ask(&live->items[i], &m))
            progress_json_write(&m.snapshot, &j);
    }
    json_end(&j);
    json_key(&j, "past");
    json_begin_array(&j);
    for (size_t i = 0; i < past->count; i++)
        write_past(&past->items[i], &j);
    json_end(&j);
    json_end(&j);
    output_json(&json);
    control_message_done(&m);
}

static int run(const struct call *call, struct err *err)
{
    struct control_runs live;
    struct runs_list past = {0};
    size_t most = call->options.limit > 0 ? (size_t)call->options.limit : PAST_RUNS;
    struct store *store = store_open(&call->config->s3, call->stop, err);
    bool ok = store && runs_read(store, call->config, most, &past, err);

    /* A store that is away does not hide what goes on here. */
    control_list(&live);
    if (ok || live.count > 0) {
        if (call->options.json)
            print_json(&live, &past);
        else
            print_table(&live, &past);
    }
    control_runs_done(&live);
    runs_list_done(&past);
    store_close(store);
    return ok ? 0 : err_exit_code(err->kind);
}

const struct command cmd_runs = {
    .name = "runs",
    .summary = "runs that go on here, and past ones",
    .usage = "[--limit N] [FLAGS]",
    .details = "Live runs of this host come first (their state instead of a status), then the\n"
               "newest 20 of the store's run reports, or as many as --limit says.\n\n"
               "Examples:\n"
               "  archiver-tui runs\n"
               "  archiver-tui runs --json --limit 100\n",
    .takes = TAKES_LIMIT,
    .needs_config = true,
    .run = run,
};
