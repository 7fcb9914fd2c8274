/* SPDX-License-Identifier: PostgreSQL */
#include "failover.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "evidence.h"
#include "leftover.h"
#include "member/open.h"

/* Batches settled this long before the last one of an old timeline are looked up once more. */
#define SWITCH_WINDOW_US (TEXT_US_PER_DAY)

struct failover {
    const struct failover_params *params;
    struct introspect_table *info; /* asked for when keys have to be looked up */
};

static int64_t entry_time(const struct catalog_entry *entry)
{
    int64_t us = 0;

    text_to_time(entry->archived_at, strlen(entry->archived_at), &us);
    return us;
}

static bool of_old_timeline(const struct failover *f, const struct catalog_entry *entry)
{
    const struct conn_server *server = conn_server(f->params->conn);

    /* Rows that a restore brought back are in the table for that reason. */
    return entry->state == CATALOG_SETTLED && !entry->restored_at &&
           strcmp(entry->system_identifier, server->system_identifier) == 0 &&
           strcmp(entry->timeline, server->timeline) != 0;
}

static bool mark(struct failover *f, const struct catalog_entry *entry, enum catalog_state state,
                 struct err *err)
{
    struct catalog_entry again = *entry;

    again.state = state;
    again.timeline = conn_server(f->params->conn)->timeline;
    return catalog_settle(f->params->writer, &again, err);
}

static bool look_up(struct failover *f, const struct catalog_entry *entry, const char *manifest_key,
                    enum evidence_answer *ret_answer, struct err *err)
{
    const struct failover_params *p = f->params;
    bool encrypted;
    struct cipher *cipher =
        keyring_cipher(p->target->keyring, p->store, entry->key, &encrypted, err);

    if (encrypted && !cipher)
        return false;
    if (!f->info)
        f->info = introspect_table(p->conn, p->target->table, err);
    struct evidence_params evidence = {.conn = p->conn,
                                       .info = f->info,
                                       .manifest = {.store = p->store,
                                                    .key = manifest_key,
                                                    .cipher = cipher},
                                       .records = entry->records};
    bool ok = f->info && evidence_in_table(&evidence, ret_answer, err);
    cipher_free(cipher);
    return ok;
}

/* A committed delete may have been undone by the switch: then all rows are back and the copy goes.
 */
static bool undo(struct failover *f, const struct catalog_entry *entry, struct leftover *batch,
                 struct err *err)
{
    const struct failover_params *p = f->params;

    if (!mark(f, entry, CATALOG_UNDONE, err) || !leftover_find_envelopes(batch, p->store, err) ||
        !leftover_remove(batch, p->store, err))
        return false;
    recover_note(p->report, entry->key, RECOVER_UNDONE,
                 "the failover brought all of its rows back to the table");
    return true;
}

static bool check_again(struct failover *f, const struct catalog_entry *entry, struct err *err)
{
    const struct failover_params *p = f->params;
    struct buf metadata = BUF_INIT, manifest = BUF_INIT;
    enum evidence_answer answer;

    key_sibling(entry->key, KEY_METADATA, NULL, &metadata);
    key_sibling(entry->key, KEY_MANIFEST, NULL, &manifest);
    struct leftover batch = {.data_key = mem_strdup(entry->key),
                             .metadata_key = buf_steal(&metadata),
                             .manifest_key = buf_steal(&manifest)};
    bool ok = look_up(f, entry, batch.manifest_key, &answer, err);
    if (!ok)
        goto out;
    if (answer == EVIDENCE_ALL && evidence_cluster_unknown(p->conn, entry->system_identifier))
        recover_note(p->report, entry->key, RECOVER_UNDECIDED,
                     "all of its keys are in the table, and the role may not ask whether this is "
                     "its cluster: GRANT EXECUTE ON FUNCTION pg_control_system(), compare by hand");
    else if (answer == EVIDENCE_ALL)
        ok = undo(f, entry, &batch, err);
    else if (answer == EVIDENCE_SOME)
        recover_note(p->report, entry->key, RECOVER_UNDECIDED,
                     "after the failover some of its keys are in the table: compare by hand");
    else
        ok = mark(f, entry, CATALOG_SETTLED, err);
out:
    leftover_done(&batch);
    return ok;
}

bool failover_check(const struct failover_params *params, struct err *err)
{
    struct failover f = {.params = params};
    const struct catalog *catalog = params->catalog;
    int64_t newest = INT64_MIN;
    bool ok = true;

    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_entry *entry = &catalog->entries[i];
        if (of_old_timeline(&f, entry) && entry_time(entry) > newest)
            newest = entry_time(entry);
    }
    for (size_t i = 0; ok && i < catalog->count; i++) {
        const struct catalog_entry *entry = &catalog->entries[i];
        if (of_old_timeline(&f, entry) && entry_time(entry) >= newest - SWITCH_WINDOW_US)
            ok = check_again(&f, entry, err);
    }
    introspect_free(f.info);
    return ok;
}
