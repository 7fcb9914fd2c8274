/* SPDX-License-Identifier: PostgreSQL
 *
 * Small files of the operator's, read and written whole.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_BASE_FILE_H
#define ARCHIVER_BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/* Appends all of it. ERR_CONFIG where it cannot be read or is larger than `most`. */
bool file_read(const char *path, size_t most, struct buf *ret_bytes, struct err *err);

struct file_params {
    const char *path;
    mode_t mode;     /* of a new file, less the umask */
    bool keep_mode;  /* mode and owner of the one that is there */
    bool never_over; /* ERR_EXISTS where one is there; else it is replaced */
};
/* Whole or not at all: what was there before stays until the new one is durable. */
bool file_write(const struct file_params *params, const void *bytes, size_t len, struct err *err);

/* Where a file of the program's own is kept: $XDG_STATE_HOME/archiver-tui/NAME, below
 * ~/.local/state where that is not set. Appended; directories are made. False: there is no place.
 */
bool file_state_path(const char *name, struct buf *ret_path);

#endif
