/* SPDX-License-Identifier: PostgreSQL
 *
 * A secret that a program prints: words separated by blanks, no shell between, nothing on its
 * standard input, its standard error is ours. What stands in the words everybody on the host can
 * see, so the secret is only ever in what comes back.
 *
 * Threads: any thread; blocks, at most as long as it is told.
 */
#ifndef ARCHIVER_CONFIG_SECRET_COMMAND_H
#define ARCHIVER_CONFIG_SECRET_COMMAND_H

#include "base/buf.h"

/* At most `max` bytes of output, which `ret` has room for (so that no copy is left behind).
 * ERR_CONFIG where it cannot be run, fails, prints more, or takes longer: it is killed then. */
bool secret_command(const char *command, int timeout_ms, size_t max, struct buf *ret,
                    struct err *err);

#endif
