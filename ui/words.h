/* SPDX-License-Identifier: PostgreSQL
 *
 * How the console names things, the same on every screen.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_UI_WORDS_H
#define ARCHIVER_UI_WORDS_H

#include "base/buf.h"
#include "config/config.h"
#include "theme.h"

/* "appdb.public.audit_logs" */
void words_add_table(struct buf *text, const struct config_database *database,
                     const struct config_table *table);
/* "12s ago", "3h ago", "5d ago"; 0 is "never". */
void words_add_age(struct buf *text, int64_t us);
/* success, partial, failure, stopped, running, ... */
enum theme_style words_status_style(const char *status);

#endif
