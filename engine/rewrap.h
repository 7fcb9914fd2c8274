/* SPDX-License-Identifier: PostgreSQL
 *
 * After a change of the key-encryption key: the data keys of all encrypted batches wrapped by the
 * new one, the envelopes of those before removed. Reads no data and asks no database; may be killed
 * and run again at any time.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_REWRAP_H
#define ARCHIVER_REWRAP_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"

struct rewrap_params {
    const struct config *config;
    const char *database, *schema, *table; /* filters; NULL: all */
    const struct stop *stop;
};

struct rewrap_failure {
    char *key; /* stem of the batch */
    char *detail;
};

struct rewrap_report {
    const char *key_id;         /* of the new key; borrowed from the configuration */
    int64_t rewrapped, current; /* batches: now; before already */
    struct rewrap_failure *failures;
    size_t failed;
    struct err err; /* the first of them */
};

/* False where nothing could be tried, or the store went away. */
bool rewrap_run(const struct rewrap_params *params, struct rewrap_report *ret_report,
                struct err *err);
void rewrap_report_done(struct rewrap_report *report);
void rewrap_report_write(const struct rewrap_report *report, struct json_out *j);

#endif
