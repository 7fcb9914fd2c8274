/* SPDX-License-Identifier: PostgreSQL */
#include "reclaim.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "due.h"

/* Of what a table takes: rows that took less are not missed on disk. */
#define WORTH_A_WORD 0.2
#define TOOK_LEAST   (8 << 20) /* bytes; likewise */
/* Of what the rows took: less is little. */
#define LITTLE 0.1
/* How often, and how far apart, who holds dead rows back is looked for again. */
#define HOLDER_TRIES 6
#define HOLDER_MS    500

static void say(const struct reclaim_params *p, enum log_level level, const char *text)
{
    log_msg(level, "%s.%s.%s: %s", p->database->name, p->table->schema, p->table->name, text);
}

/* --- due --- */

static struct key_table key_table_of(const struct reclaim_params *p)
{
    return (struct key_table){.prefix = p->config->s3.prefix,
                              .database = p->database->name,
                              .schema = p->table->schema,
                              .table = p->table->name};
}

static bool note_due(const struct reclaim_params *p, const struct reclaim_rows *left,
                     struct err *err)
{
    struct key_table table = key_table_of(p);
    struct due due = {.rows = left->count, .txid = left->txid};
    struct buf now = BUF_INIT;
    bool found;

    snprintf(due.run_id, sizeof(due.run_id), "%s", p->run_id);
    bool ok = conn_value(p->conn, "SELECT clock_timestamp()", 0, NULL, &now, &found, err) && found;
    if (ok)
        text_to_time(buf_str(&now), now.len, &due.until_us);
    due.since_us = due.until_us;
    buf_done(&now);
    return ok && due_add(p->store, &table, &due, err);
}

static void put_off(const struct reclaim_params *p, const struct reclaim_rows *left,
                    struct reclaim *r)
{
    struct err err;

    r->due = note_due(p, left, &err);
    if (r->due)
        say(p, LOG_INFO, "not vacuumed: `archiver-tui vacuum --due` does it");
    else
        log_err(LOG_WARN, &err);
}

/* The server has vacuumed, and yet the rows are there: what is due is due from now on. */
static void stays_due(const struct reclaim_params *p, const struct reclaim_rows *left,
                      struct reclaim *r)
{
    struct reclaim_rows more = *left;
    struct err err;

    if (left->noted)
        more.count = 0;
    r->due = note_due(p, &more, &err);
    if (!r->due)
        log_err(LOG_WARN, &err);
}

/* Not what a run noted while the server vacuumed. */
static void clear_due(const struct reclaim_params *p, const struct reclaim_rows *left)
{
    struct key_table table = key_table_of(p);
    struct due now;
    struct err err;
    bool found;

    if (due_read(p->store, &table, &now, &found, &err) && found && now.txid > left->txid)
        return;
    if (!due_clear(p->store, &table, &err))
        log_err(LOG_WARN, &err);
}

/* --- judging --- */

static void add_change(const char *name, uint64_t before, uint64_t after, struct buf *text)
{
    if (before == 0 && after == 0)
        return;
    buf_addf(text, ", %s ", name);
    text_add_bytes(text, before);
    buf_adds(text, " -> ");
    text_add_bytes(text, after);
}

static void say_sizes(const struct reclaim_params *p, const struct reclaim *r)
{
    struct buf text = BUF_INIT;

    buf_adds(&text, "size ");
    text_add_bytes(&text, vacuum_sum(&r->before));
    buf_adds(&text, " -> ");
    text_add_bytes(&text, vacuum_sum(&r->after));
    add_change("heap", r->before.heap, r->after.heap, &text);
    add_change("TOAST", r->before.toast, r->after.toast, &text);
    add_change("indexes", r->before.indexes, r->after.indexes, &text);
    say(p, LOG_INFO, buf_str(&text));
    buf_done(&text);
}

/* VACUUM cuts a table's end off; what is free elsewhere waits for new rows. */
static void say_if_little(const struct reclaim_params *p, const struct reclaim *r, int64_t rows)
{
    uint64_t before = r->before.heap + r->before.toast, after = r->after.heap + r->after.toast;
    struct buf text = BUF_INIT;

    if (p->info->rows_estimate <= 0 || r->strategy != VACUUM_STANDARD || r->held_back[0])
        return;
    double share = (double)rows / (double)p->info->rows_estimate;
    double took = (share < 1 ? share : 1) * (double)before;
    double back = after < before ? (double)(before - after) : 0;
    if (share < WORTH_A_WORD || took < TOOK_LEAST || back >= took * LITTLE)
        return;
    buf_adds(&text, "little came back: ");
    text_add_bytes(&text, (uint64_t)back);
    buf_adds(&text, " of about ");
    text_add_bytes(&text, (uint64_t)took);
    buf_adds(&text, "; the rest is free for new rows of this table (vacuum_strategy: full, or "
                    "pg_repack, gives it to the disk)");
    say(p, LOG_WARN, buf_str(&text));
    buf_done(&text);
}

static void say_index(const struct reclaim_params *p, const struct reclaim *r)
{
    struct buf text = BUF_INIT;

    if (!r->index.name[0])
        return;
    buf_addf(&text, "index %s: about ", r->index.name);
    text_add_bytes(&text, r->index.wasted);
    buf_adds(&text, " of its ");
    text_add_bytes(&text, r->index.bytes);
    buf_addf(&text, " are empty (REINDEX INDEX CONCURRENTLY %s gives them back)", r->index.name);
    say(p, LOG_INFO, buf_str(&text));
    buf_done(&text);
}

/* A transaction that is over in a moment is waited for: VACUUM then gets all rows. */
static bool find_holder(const struct reclaim_params *p, uint64_t txid, struct buf *ret_who,
                        struct err *err)
{
    struct pollfd fd = {.fd = stop_fd(p->stop), .events = POLLIN};

    for (int tries = 0;; tries++) {
        if (!vacuum_held_back(p->conn, txid, ret_who, err))
            return false;
        if (ret_who->len == 0 || tries == HOLDER_TRIES || stop_asked(p->stop))
            return true;
        poll(&fd, 1, HOLDER_MS);
    }
}

static void look_who_holds(const struct reclaim_params *p, uint64_t txid, struct reclaim *r)
{
    struct buf who = BUF_INIT;
    struct err err;

    if (txid > 0 && !find_holder(p, txid, &who, &err))
        log_err(LOG_WARN, &err);
    snprintf(r->held_back, sizeof(r->held_back), "%s", buf_str(&who));
    buf_done(&who);
    if (!r->held_back[0])
        return;
    char *text = mem_printf("dead rows stay for now, as %s may still see them: their space comes "
                            "back by a VACUUM after its end",
                            r->held_back);
    say(p, LOG_WARN, text);
    free(text);
}

/* --- the work --- */

struct shown_phase {
    size_t number;
    const char *phase;
};

static void show_vacuum(struct progress_snapshot *s, const void *arg)
{
    const struct shown_phase *shown = arg;
    struct progress_table *t = &s->tables[shown->number];

    PROGRESS_SET(t->phase, shown->phase);
    t->vacuum_table[0] = t->vacuum_phase[0] = '\0';
    t->vacuum_share = -1;
}

static void show(const struct reclaim_params *p, const char *phase)
{
    if (p->progress)
        progress_change(p->progress, show_vacuum, &(struct shown_phase){p->number, phase});
}

/* The server's word is that a statement was cancelled; whom it was for, the monitor knows. */
static bool explain(const struct reclaim_params *p, struct err *err)
{
    char why[160];

    if (err->kind != ERR_INTERRUPTED && monitor_let_go(p->monitor, p->subject, why, sizeof(why))) {
        err_set(err, ERR_TRANSIENT, "the vacuum let go of the table");
        err_why(err, "%s", why);
    }
    return false;
}

static bool measure_after(const struct reclaim_params *p, struct reclaim *r, struct err *err)
{
    return vacuum_measure(p->conn, p->info, &r->after, err) &&
           (r->strategy == VACUUM_ANALYZE || vacuum_worst_index(p->conn, p->info, &r->index, err));
}

bool reclaim_now(const struct reclaim_params *p, const struct reclaim_rows *left, struct reclaim *r,
                 struct err *err)
{
    int64_t start = text_monotonic_us();

    show(p, "vacuum");
    if (r->strategy != VACUUM_ANALYZE)
        look_who_holds(p, left->txid, r);
    r->vacuumed = vacuum_table(p->conn, p->info, r->strategy, p->stop, err);
    r->seconds = (double)(text_monotonic_us() - start) / 1e6;
    show(p, "");
    if (!r->vacuumed)
        return explain(p, err);
    struct err unmeasured;
    if (!measure_after(p, r, &unmeasured)) {
        log_err(LOG_WARN, &unmeasured);
        return true;
    }
    say_sizes(p, r);
    if (left->count > 0)
        say_if_little(p, r, left->count);
    say_index(p, r);
    if (r->held_back[0])
        stays_due(p, left, r);
    else if (r->strategy != VACUUM_ANALYZE)
        clear_due(p, left);
    return true;
}

bool reclaim_begin(const struct reclaim_params *p, struct reclaim *r, struct err *err)
{
    *r = (struct reclaim){.strategy = (enum config_vacuum)p->table->settings.vacuum_strategy};
    return vacuum_measure(p->conn, p->info, &r->before, err);
}

static void vacuum_or_note(const struct reclaim_params *p, const struct reclaim_rows *left,
                           struct reclaim *r)
{
    struct err err;

    if (!reclaim_now(p, left, r, &err)) {
        err_in(&err, "%s.%s.%s", p->database->name, p->table->schema, p->table->name);
        log_err(LOG_WARN, &err);
        if (conn_alive(p->conn) && r->strategy != VACUUM_ANALYZE)
            put_off(p, left, r);
    }
}

static bool is_stopping(const struct reclaim_params *p)
{
    return p->stopping || stop_asked(p->stop);
}

static void give_back(const struct reclaim_params *p, const struct reclaim_rows *left,
                      struct reclaim *r)
{
    if (left->count == 0 || r->strategy == VACUUM_NONE)
        return;
    if (!p->info->can_vacuum)
        say(p, LOG_WARN, "no right to VACUUM: left to autovacuum");
    else if (r->strategy == VACUUM_ANALYZE && is_stopping(p))
        return;
    else if (r->strategy == VACUUM_DEFERRED || is_stopping(p))
        put_off(p, left, r);
    else
        vacuum_or_note(p, left, r);
}

void reclaim_end(const struct reclaim_params *p, const struct reclaim_rows *left, struct reclaim *r)
{
    struct err err;

    give_back(p, left, r);
    if (!r->vacuumed && conn_alive(p->conn) && !vacuum_measure(p->conn, p->info, &r->after, &err))
        log_err(LOG_WARN, &err);
}

/* --- the report --- */

static void write_sizes(const char *name, const struct vacuum_sizes *sizes, struct json_out *j)
{
    json_key(j, name);
    json_begin_object(j);
    json_put_int(j, "heap", (int64_t)sizes->heap);
    json_put_int(j, "toast", (int64_t)sizes->toast);
    json_put_int(j, "indexes", (int64_t)sizes->indexes);
    json_end(j);
}

void reclaim_write(const struct reclaim *r, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "vacuum", vacuum_strategy_name(r->strategy));
    json_put_bool(j, "vacuumed", r->vacuumed);
    json_put_bool(j, "due", r->due);
    json_put_real(j, "seconds", r->seconds, 3);
    write_sizes("before", &r->before, j);
    write_sizes("after", &r->after, j);
    json_put_str(j, "held_back", r->held_back[0] ? r->held_back : NULL);
    json_key(j, "bloated_index");
    if (r->index.name[0]) {
        json_begin_object(j);
        json_put_str(j, "name", r->index.name);
        json_put_int(j, "bytes", (int64_t)r->index.bytes);
        json_put_int(j, "empty", (int64_t)r->index.wasted);
        json_end(j);
    } else {
        json_add_null(j);
    }
    json_end(j);
}
