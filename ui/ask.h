/* SPDX-License-Identifier: PostgreSQL
 *
 * The wizard a line a question, for terminals too poor for a screen.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_UI_ASK_H
#define ARCHIVER_UI_ASK_H

#include "wizard.h"

/* The exit code: 0 where a configuration was written. */
int ask_run(struct wizard *wizard, const struct stop *stop, struct err *err);

#endif
