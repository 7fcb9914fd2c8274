/* SPDX-License-Identifier: PostgreSQL
 *
 * The least that AWS's credentials must allow for a configuration, as an IAM policy.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_STORE_POLICY_H
#define ARCHIVER_STORE_POLICY_H

#include "base/json.h"
#include "config/config.h"

void policy_write(const struct config_s3 *s3, struct json_out *j);

#endif
