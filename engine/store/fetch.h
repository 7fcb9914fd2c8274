/* SPDX-License-Identifier: PostgreSQL
 *
 * One question to a service that hands out keys: short timeouts, a few tries, an error that names
 * the service. Plain http is for this host and for the link-local addresses of such services only.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_FETCH_H
#define ARCHIVER_STORE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/queue.h"
#include "store/http.h"

struct fetch {
    const char *from; /* for errors: "instance metadata" */
    const char *method;
    const char *url;
    const struct sign_pair *headers;
    size_t header_count;
    const struct buf *body; /* NULL: none */
    bool direct;            /* no proxy: a service of this host or its network */
    bool once;              /* no second try where nothing answers */
    const struct stop *stop;
};

/* True only for 200. *ret_reply is filled either way (status 0: no answer) and the caller's. What
 * may pass is ERR_NETWORK with err.retry, what is refused ERR_PERMISSION. */
bool fetch_send(const struct fetch *fetch, struct http_reply *ret_reply, struct err *err);
/* ERR_CONFIG unless https, or http to this host (or, where `link_local`, to 169.254.0.0/16 and the
 * address that EKS serves on). `name` is the variable that holds it. */
bool fetch_check_url(const char *url, const char *name, bool link_local, struct err *err);

#endif
