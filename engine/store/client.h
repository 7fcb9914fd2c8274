/* SPDX-License-Identifier: PostgreSQL
 *
 * S3 requests: address, signature, retries with backoff, and the server's refusal as an error with
 * a hint. What the requests mean is for s3.h and upload.h.
 *
 * Tried again are failures that may pass: no connection, a lost one, 5xx, 429, SlowDown,
 * RequestTimeout; how long it waits between tries is retry.h's, and all tries of all threads pass
 * one gate, pace.h. Bodies are buffers, so every try sends the same. A server that finds our clock
 * wrong, or the bucket in another region, is believed once a request, and one that finds the keys
 * expired gets others once.
 *
 * Threads: any thread; a call blocks its thread.
 */
#ifndef ARCHIVER_STORE_CLIENT_H
#define ARCHIVER_STORE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "store/backend.h"
#include "store/http.h"
#include "store/keeping.h"
#include "store/sign.h"

struct client;

struct client_request {
    const char *method;
    const char *key;   /* NULL: the bucket itself */
    const char *doing; /* for errors: "write", "list" */
    const struct sign_pair *query;
    size_t query_count;
    const struct sign_pair *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    const char *body_sha256; /* hex; NULL: it is made here */
    bool has_body;
    bool keyed;    /* reads or writes an object's bytes: with SSE-C its key goes along */
    bool stranger; /* says that the bucket belongs to nobody, to see whether the server looks */
    bool urgent;   /* not cut short by a stop; then only one try */
    bool patient;  /* the server may think long before it answers */
};

struct client_reply {
    struct http_reply http;
    char code[64];     /* S3's error code; "" where there is none */
    char message[200]; /* and its message */
    unsigned tries;
    bool maybe_done; /* a try may have been carried out although no answer said so */
};

/* Finds keys and checks endpoint and bucket; sends nothing to the store. `s3` is borrowed; `store`
 * takes the counters, and its name stands in errors. */
struct client *client_open(const struct config_s3 *s3, struct store *store, struct err *err);
void client_close(struct client *client); /* NULL allowed */
/* Adds where the keys come from, for people. */
void client_describe_keys(const struct client *client, struct buf *ret_text);
const struct keeping *client_keeping(const struct client *client); /* borrowed */
/* True only for 2xx. *ret_reply is filled either way and is the caller's (client_reply_done). */
bool client_send(struct client *client, const struct client_request *request,
                 struct client_reply *ret_reply, struct err *err);
void client_reply_done(struct client_reply *reply);
/* Finds an <Error> in a body that came with 200: false with *err filled. */
bool client_check_body(struct client *client, const struct client_request *request,
                       struct client_reply *reply, struct err *err);
/* This host's clock as the server would have it. */
int64_t client_now_us(const struct client *client);

#endif
