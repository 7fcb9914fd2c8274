/* SPDX-License-Identifier: PostgreSQL
 *
 * Archived keys against the table they came from: they must not be there. Those that a restore
 * brought back are known by its ledger and are a note.
 *
 * Threads: one thread at a time; blocks.
 */
#ifndef ARCHIVER_VERIFY_KEYS_H
#define ARCHIVER_VERIFY_KEYS_H

#include "catalog/batches.h"
#include "catalog/metadata.h"
#include "targets.h"
#include "verify_report.h"

struct verify_keys;
/* Connects. `sample`: about a thousand keys of each archive instead of all. The store and the
 * report are borrowed. */
struct verify_keys_params {
    const struct target *target;
    struct store *store;
    struct verify_report *report;
    bool sample;
};
struct verify_keys *verify_keys_open(const struct verify_keys_params *params, struct err *err);
void verify_keys_close(struct verify_keys *keys); /* NULL allowed */
/* One settled batch. *ret_ok is false where there was a problem; false where the database cannot be
 * asked any more. */
bool verify_keys_check(struct verify_keys *keys, const struct batch *batch,
                       const struct metadata *metadata, bool *ret_ok, struct err *err);

#endif
