/* SPDX-License-Identifier: PostgreSQL
 *
 * The last lines of the console's own log, which has no stderr to go to.
 *
 * Threads: any thread (own lock).
 */
#ifndef ARCHIVER_UI_LOGBOOK_H
#define ARCHIVER_UI_LOGBOOK_H

#include "base/buf.h"

void logbook_open(void); /* takes the log's lines from now on */
void logbook_close(void);
void logbook_read(struct buf *ret_text); /* appends them, the oldest first */

#endif
