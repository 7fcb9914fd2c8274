/* SPDX-License-Identifier: PostgreSQL
 *
 * One HTTP exchange over libcurl: connections kept and shared, TLS 1.2 or newer and always
 * verified, timeouts, one bandwidth for all, and an early end when the run is asked to stop now. A
 * host's address is looked up anew after a failure and for each new connection, and no connection
 * is kept for longer than five minutes, so a change of DNS is followed. Knows nothing of S3;
 * whether to try again is for client.h.
 *
 * Threads: any thread (own lock); a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_HTTP_H
#define ARCHIVER_STORE_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/queue.h"
#include "store/sign.h"

struct http;

struct http_params {
    const char *ca_file;        /* NULL: the system's */
    const char *pinned_key;     /* "sha256//BASE64[;...]"; NULL: any key of a good certificate */
    int64_t connect_timeout_s;  /* until connected, TLS included */
    int64_t idle_timeout_s;     /* slower than lowest_speed_bytes for so long */
    int64_t lowest_speed_bytes; /* a second; 0: one */
    int64_t request_timeout_s;  /* the whole exchange; 0: none */
    double bandwidth_bytes;     /* a second, of all exchanges and both ways together; 0: no limit */
    bool direct;                /* no proxy from the environment: the server is on this host */
    const struct stop *stop;    /* may be NULL */
};

struct http_call {
    const char *method;
    const char *url;
    const struct sign_pair *headers;
    size_t header_count;
    const void *body; /* borrowed during the call; NULL: none */
    size_t body_len;
    bool has_body; /* send a length even where it is 0 */
    bool urgent;   /* runs to its end even when asked to stop now */
    bool patient;  /* the server may think for ten times the idle timeout */
};

/* Zeroed before the first use; http_reply_done at the end; can be used again for another call. */
struct http_reply {
    long status; /* 0: no answer came */
    struct buf body;
    char etag[80];                                     /* quotes stripped */
    char encryption[16];                               /* x-amz-server-side-encryption */
    char kms_key[256];                                 /* its key */
    char customer_md5[32];                             /* of a key of ours that it used */
    char lock_mode[16], lock_until[40], legal_hold[8]; /* x-amz-object-lock-... */
    char checksum[64];                                 /* x-amz-checksum-sha256 */
    char algorithm[16];                                /* x-amz-checksum-algorithm */
    char region[32]; /* x-amz-bucket-region: where the server says the bucket is */
    uint64_t length; /* Content-Length; of HEAD too */
    uint64_t total;  /* the whole object's size, from Content-Range */
    bool has_total;
    int64_t modified_us; /* Last-Modified; 0: not said */
    int64_t date_us;     /* the server's clock; 0: not said */
    int64_t retry_after_s;
    bool resent; /* perhaps: a kept connection was found dead, and libcurl sent the request anew */
};

struct http *http_open(const struct http_params *params);
void http_close(struct http *http); /* NULL allowed */
/* True: a whole answer of whatever status is in *ret_reply. False: none; *err is ERR_NETWORK (with
 * err.retry where another try may help, so not for a certificate that is not trusted),
 * ERR_INTERRUPTED, ERR_RESOURCE, or ERR_CONFIG for settings that curl cannot use. The request may
 * have been carried out all the same. */
bool http_send(struct http *http, const struct http_call *call, struct http_reply *ret_reply,
               struct err *err);
void http_reply_done(struct http_reply *reply);

#endif
