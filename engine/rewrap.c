/* SPDX-License-Identifier: PostgreSQL */
#include "rewrap.h"

#include <stdlib.h>

#include "catalog/key.h"
#include "keyring.h"
#include "store/store.h"
#include "targets.h"

struct rewrapping {
    const struct rewrap_params *params;
    struct rewrap_report *report;
    struct keyring *keyring;
    struct store *store;
    char **stems; /* of batches that have an envelope, each once */
    size_t count, cap;
};

/* Keys come in order, so the envelopes of one batch follow each other. */
static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct rewrapping *r = state;
    size_t len;

    (void)err;
    if (key_kind(object->key, &len) != KEY_ENVELOPE)
        return true;
    const char *last = r->count > 0 ? r->stems[r->count - 1] : "";
    if (strncmp(last, object->key, len) == 0 && last[len] == '\0')
        return true;
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->stems = mem_grow(r->stems, r->cap * sizeof(*r->stems));
    }
    r->stems[r->count++] = mem_printf("%.*s", (int)len, object->key);
    return true;
}

static void forget(struct rewrapping *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->stems[i]);
    r->count = 0;
}

static void note_failure(struct rewrap_report *report, const char *stem, const struct err *err)
{
    char line[sizeof(*err)];

    err_line(err, line, sizeof(line));
    report->failures = mem_grow(report->failures, (report->failed + 1) * sizeof(*report->failures));
    report->failures[report->failed++] =
        (struct rewrap_failure){.key = mem_strdup(stem), .detail = mem_strdup(line)};
    err_also(&report->err, err);
}

/* What is wrong with one batch keeps nobody from the others. */
static bool rewrap_batch(struct rewrapping *r, const char *stem, struct err *err)
{
    struct err why;
    bool changed;

    if (stop_asked(r->params->stop))
        return err_set(err, ERR_INTERRUPTED, "the operator stopped the rewrapping");
    if (keyring_rewrap(r->keyring, r->store, stem, &changed, &why)) {
        r->report->rewrapped += changed;
        r->report->current += !changed;
        return true;
    }
    if (why.kind == ERR_NETWORK || why.kind == ERR_INTERRUPTED || why.kind == ERR_CONFIG) {
        *err = why;
        return false;
    }
    note_failure(r->report, stem, &why);
    return true;
}

static bool rewrap_table(struct rewrapping *r, const struct target *target, struct err *err)
{
    struct key_table table = {.prefix = r->params->config->s3.prefix,
                              .database = target->database->name,
                              .schema = target->table->schema,
                              .table = target->table->name};
    struct buf prefix = BUF_INIT;

    key_table_prefix(&table, &prefix);
    bool ok = store_list(r->store, buf_str(&prefix), NULL, collect, r, err);
    for (size_t i = 0; ok && i < r->count; i++)
        ok = rewrap_batch(r, r->stems[i], err);
    forget(r);
    buf_done(&prefix);
    return ok;
}

static bool begin(struct rewrapping *r, struct err *err)
{
    r->report->key_id = keyring_id(r->keyring);
    if (r->report->key_id)
        return keyring_ready(r->keyring, err);
    err_set(err, ERR_PREFLIGHT, "encryption is off: there is no key to wrap data keys by");
    return err_hint(err, "encryption.enabled: true, and a key");
}

bool rewrap_run(const struct rewrap_params *params, struct rewrap_report *report, struct err *err)
{
    struct rewrapping r = {.params = params,
                           .report = report,
                           .keyring = keyring_new(params->config)};
    struct targets targets = {0};
    bool ok = false;

    *report = (struct rewrap_report){0};
    if (!begin(&r, err) || !targets_find(params->config, params->database, params->schema,
                                         params->table, &targets, err))
        goto out;
    r.store = store_open(&params->config->s3, params->stop, err);
    ok = r.store != NULL;
    for (size_t i = 0; ok && i < targets.count; i++)
        ok = rewrap_table(&r, &targets.items[i], err);
out:
    free(r.stems);
    store_close(r.store);
    targets_done(&targets);
    keyring_free(r.keyring);
    return ok;
}

void rewrap_report_done(struct rewrap_report *report)
{
    for (size_t i = 0; i < report->failed; i++) {
        free(report->failures[i].key);
        free(report->failures[i].detail);
    }
    free(report->failures);
    *report = (struct rewrap_report){0};
}

void rewrap_report_write(const struct rewrap_report *report, struct json_out *j)
{
    json_begin_object(j);
    json_put_str(j, "key_id", report->key_id);
    json_put_int(j, "rewrapped", report->rewrapped);
    json_put_int(j, "current", report->current);
    json_key(j, "failures");
    json_begin_array(j);
    for (size_t i = 0; i < report->failed; i++) {
        json_begin_object(j);
        json_put_str(j, "key", report->failures[i].key);
        json_put_str(j, "detail", report->failures[i].detail);
        json_end(j);
    }
    json_end(j);
    json_end(j);
}
