/* SPDX-License-Identifier: PostgreSQL
 *
 * Where a bucket is: from the configuration, and anew when the server says that it is in another
 * region. Sends nothing.
 *
 * A server may name another region, never another host: with an endpoint of their own, people say
 * whom the rows are sent to; with AWS the host follows from the region.
 *
 * Threads: immutable once made.
 */
#ifndef ARCHIVER_STORE_ADDRESS_H
#define ARCHIVER_STORE_ADDRESS_H

#include <stdbool.h>

#include "base/err.h"
#include "config/config.h"

struct address {
    char *origin; /* "https://host:port" */
    char *host;   /* of the header: without the scheme's own port */
    char *base;   /* path before "/key": "", "/bucket" */
    char *region;
    bool loopback; /* on this host */
};

/* `region` NULL: the configured one. NULL with ERR_CONFIG for an endpoint or bucket that is none,
 * for plain http to another host unless allowed, and for a key of SSE-C over it. */
struct address *address_new(const struct config_s3 *s3, const char *region, struct err *err);
void address_free(struct address *address); /* NULL allowed */
/* The region in the name of an AWS host ("bucket.s3.eu-west-1.amazonaws.com"); false where there is
 * none, or what there is looks like none. */
bool address_region(const char *host, char *ret_region, size_t size);
bool address_is_region(const char *text);

#endif
