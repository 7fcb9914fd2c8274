/* SPDX-License-Identifier: PostgreSQL
 *
 * One archive run at a time on a host, where `lock_file` asks for it: a file that the run locks for
 * as long as it lasts. The kernel gives the lock back when the process ends, however it ends; the
 * file stays, and says who took it last. The tables' own locks (postgres/lock.h) are what keeps
 * runs of several hosts apart, with or without it.
 *
 * Threads: one thread at a time; waits in poll() on the stop token's fd.
 */
#ifndef ARCHIVER_RUNLOCK_H
#define ARCHIVER_RUNLOCK_H

#include "base/queue.h"

struct runlock_params {
    const char *path; /* NULL: nothing is asked for, and nothing taken */
    const char *run_id;
    double wait_s; /* for who holds it */
    const struct stop *stop;
};
/* *ret_fd: for runlock_release, -1 where nothing was taken. ERR_LOCKED says who holds it;
 * ERR_CONFIG and ERR_PERMISSION: the file cannot be one. */
bool runlock_take(const struct runlock_params *params, int *ret_fd, struct err *err);
void runlock_release(int fd);

#endif
