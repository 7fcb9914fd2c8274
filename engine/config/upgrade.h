/* SPDX-License-Identifier: PostgreSQL
 *
 * A file of the earlier archiver (version "1.0" or "2.0") as one of version "3": its own lines,
 * order and comments, with a comment on each change, and the same effect.
 *
 * Threads: any thread (no state; reads the environment).
 */
#ifndef ARCHIVER_CONFIG_UPGRADE_H
#define ARCHIVER_CONFIG_UPGRADE_H

#include "base/buf.h"
#include "base/err.h"

/* ERR_CONFIG where the file does not load, is of version 3 already, or is written in a way that
 * lines cannot be changed in (maps in braces). What comes out was loaded and compared: it asks for
 * exactly what the old one did. */
bool upgrade_config(const char *path, struct buf *ret_text, size_t *ret_changes, struct err *err);

#endif
