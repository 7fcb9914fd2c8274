/* SPDX-License-Identifier: PostgreSQL
 *
 * Named points where tests kill, fail and delay the program. Compiled to nothing unless
 * --enable-failpoints.
 *
 * $ARCHIVER_FAULT is "name=action[@n][,...]": action is kill (SIGKILL to ourselves), fail (an
 * ERR_STORE-like error "fault injected at name"), enospc, net (ERR_NETWORK, retry), delay:MS, or
 * any other word, which only the place itself understands and asks for with fault_is. @n: only at
 * the nth passing (1 is the first; default every passing, for kill the first). All names stand in
 * the table in fault.c; fault_list prints them, which is where the crash suite takes its list from.
 *
 * Threads: any thread (atomic counters).
 */
#ifndef ARCHIVER_BASE_FAULT_H
#define ARCHIVER_BASE_FAULT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

#ifdef WITH_FAILPOINTS
bool fault_point(const char *name, struct err *err); /* false: *err is filled */
bool fault_is(const char *name,
              const char *action); /* is this special action armed and due here? counts a passing */
void fault_list(FILE *out);
#else
static inline bool fault_point(const char *name, struct err *err)
{
    (void)name;
    (void)err;
    return true;
}
static inline bool fault_is(const char *name, const char *action)
{
    (void)name;
    (void)action;
    return false;
}
#endif

#endif
