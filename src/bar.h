/* SPDX-License-Identifier: PostgreSQL
 *
 * The progress bar on the last line of stderr; where stderr is no terminal, a log line every
 * `interval_s` seconds.
 *
 * Threads: one thread starts and stops it; it has one of its own in between.
 */
#ifndef ARCHIVER_SRC_BAR_H
#define ARCHIVER_SRC_BAR_H

#include "progress.h"

struct bar;
struct bar *bar_start(struct progress *progress, double interval_s);
void bar_stop(struct bar *bar); /* NULL allowed */

#endif
