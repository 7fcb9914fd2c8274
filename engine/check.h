/* SPDX-License-Identifier: PostgreSQL
 *
 * Pre-flight: connection, version, clock, and for each table columns, key, index, rights, foreign
 * keys, triggers, timestamps that cannot be, and what would leave; the room there is for it; the
 * store by doing (put, get, list, delete a probe) and by what it says of its bucket. Changes
 * nothing but the probe.
 *
 * Threads: one thread; blocks.
 */
#ifndef ARCHIVER_CHECK_H
#define ARCHIVER_CHECK_H

#include "base/json.h"
#include "base/queue.h"
#include "config/config.h"

/* For estimates: rows that two cores moved a second in doc/performance.md, rounded down, and how
 * much smaller objects were than the table. */
#define CHECK_ROWS_A_SECOND 100000.0
#define CHECK_PACKED        8.0

enum check_verdict { CHECK_PASS, CHECK_WARN, CHECK_FAIL };

struct check_item {
    enum check_verdict verdict;
    char subject[160]; /* "store", "appdb", "appdb.public.audit_logs" */
    char name[24];     /* "connection", "rights", "index", ... */
    char detail[400];
    char hint[400];     /* the statement that would help; "" for none */
    enum err_kind kind; /* of a failure */
};

struct check_report {
    struct check_item *items;
    size_t count;
    size_t passed, warned, failed;
};

struct check_params {
    const struct config *config;
    const char *database, *schema, *table;
    const struct stop *stop;
};

/* The store's part alone, added to what is there. */
void check_store(const struct check_params *params, struct check_report *report);
bool check_run(const struct check_params *params, struct check_report *ret_report, struct err *err);
void check_report_done(struct check_report *report);
void check_report_write(const struct check_report *report, struct json_out *j);
/* The least that AWS's credentials must allow, as an IAM policy; ERR_CONFIG where the store is a
 * directory. */
bool check_iam_policy(const struct config *config, struct json_out *j, struct err *err);
/* 0; 5 or 7 where only such failures; else 3. */
int check_exit_code(const struct check_report *report);

#endif
