/* SPDX-License-Identifier: PostgreSQL */
#include "verify_keys.h"

#include <inttypes.h>
#include <stdlib.h>

#include "evidence.h"
#include "postgres/introspect.h"

#define SAMPLE_KEYS 1000

struct verify_keys {
    struct verify_keys_params params;
    struct conn *conn;
    struct introspect_table *info;
};

struct verify_keys *verify_keys_open(const struct verify_keys_params *params, struct err *err)
{
    struct verify_keys *k = mem_alloc(sizeof(*k));

    k->params = *params;
    k->conn = conn_open(params->target->database, NULL, err);
    k->info = k->conn ? introspect_table(k->conn, params->target->table, err) : NULL;
    if (k->info)
        return k;
    err_in(err, "%s.%s.%s", params->target->database->name, params->target->table->schema,
           params->target->table->name);
    verify_keys_close(k);
    return NULL;
}

void verify_keys_close(struct verify_keys *keys)
{
    if (!keys)
        return;
    introspect_free(keys->info);
    conn_close(keys->conn);
    free(keys);
}

/* What is in the table: put there by a restore, or by what? The ledger is asked afterwards, since
 * a restore writes it in the same transaction as the rows. */
static bool judge_present(struct verify_keys *k, const struct batch *batch,
                          const struct evidence_count *count, bool *ret_ok, struct err *err)
{
    bool restored;

    if (!evidence_restored(k->conn, k->info->shape, batch->data_key, &restored, err))
        return false;
    if (restored)
        verify_report_note(k->params.report, batch->data_key, "restored",
                           "%" PRIu64 " of %" PRIu64 " keys are in the table: a restore brought "
                           "them back",
                           count->present, count->looked_up);
    else
        verify_report_problem(k->params.report, batch->data_key, "key_in_table",
                              "%" PRIu64 " of %" PRIu64 " keys are in the table all the same, "
                              "%s for one",
                              count->present, count->looked_up, buf_str(&count->example));
    *ret_ok = restored;
    return true;
}

bool verify_keys_check(struct verify_keys *k, const struct batch *batch,
                       const struct metadata *metadata, bool *ret_ok, struct err *err)
{
    struct evidence_params evidence = {.conn = k->conn,
                                       .info = k->info,
                                       .manifest = {.store = k->params.store,
                                                    .key = batch->manifest_key,
                                                    .cipher = metadata->cipher},
                                       .records = metadata->record_count,
                                       .every = k->params.sample
                                                    ? metadata->record_count / SAMPLE_KEYS + 1
                                                    : 1};
    struct evidence_count count = {0};
    struct err failure;
    char line[600];
    bool ok;

    *ret_ok = true;
    if (!batch->manifest_key) /* a problem of its own, and said */
        return true;
    if (k->info->shape->key_count == 0) {
        verify_report_note(k->params.report, batch->data_key, "keys_skipped",
                           "the table has no key");
        return true;
    }
    ok = evidence_count(&evidence, &count, &failure);
    k->params.report->keys_looked_up += (int64_t)count.looked_up;
    if (ok && count.present > 0)
        ok = judge_present(k, batch, &count, ret_ok, &failure);
    buf_done(&count.example);
    if (!ok && failure.kind == ERR_DATA) {
        /* Of a table whose key was another one then; or damaged, which is said elsewhere. */
        err_line(&failure, line, sizeof(line));
        verify_report_note(k->params.report, batch->data_key, "keys_skipped", "%s", line);
        return true;
    }
    if (!ok)
        *err = failure;
    return ok;
}
