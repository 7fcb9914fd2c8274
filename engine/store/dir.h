/* SPDX-License-Identifier: PostgreSQL
 *
 * The directory store: file:///dir and a bucket below it, one file an object, with the promises of
 * store.h. Used through store.h only.
 *
 * A key is a path below the bucket. Directories are made when first needed (0700), files are 0600.
 * While an object is written it is a file `.tmp-<host>-<pid>-<n>` beside its final name; the name
 * tells the sweep whether its writer can still be alive. Such names are no keys.
 *
 * Threads: as store.h.
 */
#ifndef ARCHIVER_STORE_DIR_H
#define ARCHIVER_STORE_DIR_H

#include "store/store.h"

/* s3->endpoint begins with file://. Touches nothing on disk. */
struct store *dir_open(const struct config_s3 *s3, const struct stop *stop, struct err *err);

#endif
