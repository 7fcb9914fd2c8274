/* SPDX-License-Identifier: PostgreSQL
 *
 * A postgresql:// URL as a database of the configuration would say it. A password in it is refused:
 * command lines are there for all to read.
 *
 * Threads: any thread.
 */
#ifndef ARCHIVER_POSTGRES_URL_H
#define ARCHIVER_POSTGRES_URL_H

#include "base/buf.h"
#include "config/config.h"

bool url_is(const char *text);
/* Texts are in `arena`. ERR_USAGE says what is wrong. */
bool url_read(const char *text, struct arena *arena, struct config_database *ret_database,
              struct err *err);

#endif
