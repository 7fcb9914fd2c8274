/* SPDX-License-Identifier: PostgreSQL */
#include "runs.h"

#include "base/log.h"

void runs_keep(struct store *store, const struct config *config, const char *name,
               const struct buf *json)
{
    struct buf key = BUF_INIT;
    struct err err;

    buf_addf(&key, "%s%s_runs/%s.json", config->s3.prefix, config->s3.prefix[0] ? "/" : "", name);
    struct store_put_params params = {.key = buf_str(&key),
                                      .content_type = "application/json",
                                      .overwrite = true,
                                      .small = true};
    if (!store_put_bytes(store, &params, json->data, json->len, &err)) {
        err_in(&err, "report of %s", name);
        log_err(LOG_WARN, &err);
    }
    buf_done(&key);
}
