/* SPDX-License-Identifier: PostgreSQL
 *
 * A loaded configuration as text. Not for: callers outside of config/, who ask config_show.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_CONFIG_SHOW_H
#define ARCHIVER_CONFIG_SHOW_H

#include "config/config.h"

/* Adds effective values with secrets masked: a file that config_load takes again, or one JSON
 * document. */
void show_config(const struct config *config, bool json, struct buf *ret_text);

#endif
