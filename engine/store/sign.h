/* SPDX-License-Identifier: PostgreSQL
 *
 * AWS Signature Version 4: the Authorization header of one request, to S3 or, for keys, to STS.
 * Pure: the time comes in, text goes out, nothing is sent.
 *
 * The request is given as it will be sent: `path` and `query` are already encoded (sign_encode,
 * sign_query). Signed are host, x-amz-date, x-amz-security-token where there is one, all `headers`,
 * and for S3 x-amz-content-sha256, which no other service wants.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_STORE_SIGN_H
#define ARCHIVER_STORE_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SIGN_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A header or a query parameter; decoded. */
struct sign_pair {
    const char *name; /* a header's in lower case */
    const char *value;
};

struct sign_keys {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL: none */
    const char *region;
    const char *service; /* NULL: s3 */
};

struct sign_request {
    const char *method;
    const char *host;  /* with the port where it is not the scheme's own */
    const char *path;  /* "/bucket/key" */
    const char *query; /* "a=1&b=", sorted; "" for none */
    const struct sign_pair *headers;
    size_t header_count;
    const char *payload_sha256; /* hex */
    int64_t at_us;
};

/* Adds text percent-encoded as S3 wants it: all but A-Z a-z 0-9 - . _ ~ (and '/' where kept). */
void sign_encode(struct buf *buf, const char *text, bool keep_slash);
/* Adds the parameters encoded, in the order that the signature needs. */
void sign_query(struct buf *buf, const struct sign_pair *pairs, size_t count);
/* The text whose hash is signed; for tests and for comparing with what a server says it made. */
void sign_canonical(const struct sign_request *request, const struct sign_keys *keys,
                    struct buf *ret_text);
/* Values of the headers x-amz-date and authorization. */
void sign_v4(const struct sign_request *request, const struct sign_keys *keys, struct buf *ret_date,
             struct buf *ret_authorization);

#endif
