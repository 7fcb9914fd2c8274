/* SPDX-License-Identifier: PostgreSQL
 *
 * Where the sockets of this host's runs are: directories that are ours alone.
 *
 *   $ARCHIVER_TUI_RUNTIME_DIR, else $XDG_RUNTIME_DIR/archiver-tui, else /run/archiver-tui (root),
 *   else /tmp/archiver-tui-UID
 *
 * Threads: any thread (reads the environment).
 */
#ifndef ARCHIVER_CONTROL_DIR_H
#define ARCHIVER_CONTROL_DIR_H

#include "base/buf.h"
#include "base/err.h"

/* The directory for a new socket; made where it is missing. ERR_PERMISSION where what is there is
 * somebody else's, or open to others. */
bool control_dir(struct buf *ret_path, struct err *err);
/* Every directory that may hold a socket that we may speak to; root sees those of all users. Where
 * ARCHIVER_TUI_RUNTIME_DIR is set, it alone. */
typedef void (*control_dir_each)(const char *path, void *state);
void control_dirs(control_dir_each each, void *state);

#endif
