/* SPDX-License-Identifier: PostgreSQL
 *
 * What a restore tells of itself while it goes on: lists that grow, kept in the report. For restore
 * and restore_table only; what the report means stands in restore.h.
 *
 * Threads: one thread at a time.
 */
#ifndef ARCHIVER_RESTORE_REPORT_H
#define ARCHIVER_RESTORE_REPORT_H

#include "restore.h"

/* The report's own entry, valid until the next one is added. */
struct restore_archive *restore_report_archive(struct restore_report *report, const char *key);
void restore_report_conflict(struct restore_report *report, const char *key, const char *archive);
/* Once a table, kind and column. */
void restore_report_difference(struct restore_report *report,
                               const struct restore_difference *difference);
void restore_report_damage(struct restore_report *report, const struct restore_damage *damage);
/* Adds the rows to those of the same table, column and reason. */
void restore_report_loss(struct restore_report *report, const struct restore_loss *loss);
void restore_report_note(struct restore_report *report, const char *format, ...) ERR_PRINTF(2, 3);

void restore_report_add(struct restore_counts *to, const struct restore_counts *more);

#endif
