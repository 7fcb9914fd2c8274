/* SPDX-License-Identifier: PostgreSQL
 *
 * Where a secret comes from, and getting it when it is needed; never kept longer than the caller
 * keeps it, never printed. Sources: in the file (warned about), environment variable, file (last
 * newline cut; refused with ERR_PERMISSION when others may read it), a program's output, libpq's
 * passfile and service (libpq reads those itself).
 *
 * Threads: any thread.
 */
#ifndef ARCHIVER_CONFIG_SECRET_H
#define ARCHIVER_CONFIG_SECRET_H

#include "base/buf.h"
#include "config/config.h"

/* True with an empty buf and *ret_given false where libpq's own rules apply. */
bool secret_database(const struct config_database *database, struct buf *ret_password,
                     bool *ret_given, struct err *err);
/* Where it comes from, for people: "environment DB_PASSWORD", "file /etc/x", "libpq". */
void secret_describe(const struct config_database *database, struct buf *ret_text);
/* A key-encryption key as text, and where it comes from for people: "command pass". */
bool secret_key(const struct config_key *key, struct buf *ret_key, struct err *err);
void secret_describe_key(const struct config_key *key, struct buf *ret_text);
/* Overwrites the bytes before freeing. */
void secret_done(struct buf *secret);

#endif
