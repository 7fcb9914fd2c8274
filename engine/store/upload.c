/* SPDX-License-Identifier: PostgreSQL
 *
 * An upload is single until more than one part's worth of bytes came; from then on it has an
 * upload_id, and the server keeps its parts apart from all objects until the upload is completed.
 *
 *   single:     HEAD (taken?) -> PUT if-none-match -> HEAD
 *   multipart:  HEAD (taken?) -> POST uploads -> PUT part ... -> HEAD (taken?) -> POST complete ->
 * HEAD
 *
 * A request whose answer was lost may have been carried out. Then, and when a second try finds the
 * name taken, the object's size and ETag say whether it is ours.
 */
#include "store/upload.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/queue.h"
#include "base/text.h"
#include "store/parts.h"
#include "store/xml.h"

#define SHA256_BASE64 44
/* An upload that a lost answer left is looked for by its object's name; the server's clock may be
 * ahead of ours by so much. */
#define CLOCKS_APART_S 3600

/* Does the server keep a SHA-256 with the object? The first answer tells, for all that follow. */
enum checksums { CHECKSUMS_UNKNOWN, CHECKSUMS_NONE, CHECKSUMS_KEPT };

struct uploader {
    struct store *store;
    struct client *client;
    uint64_t single_bytes; /* objects up to this go in one PUT */
    uint64_t part_bytes;
    size_t in_flight;          /* parts of one upload on their way at most */
    atomic_int checksums;      /* enum checksums */
    atomic_bool unconditional; /* the server knows no If-None-Match */
    const struct keeping *keeping;
    bool read_back;
    pthread_mutex_t lock;
    struct pool *pool; /* made by the first multipart upload */
};

struct upload {
    struct store_put put;
    struct uploader *uploader;
    char *content_type;
    struct buf pending; /* bytes not yet sent */
    uint64_t size;
    struct text_digest *digest; /* of the whole, for reading back; else NULL */
    char *upload_id;            /* NULL while single */
    char locked_until[24];
    bool stray;     /* perhaps there is another one, whose id was lost */
    bool checksums; /* this upload's parts have a SHA-256 that the server checks */
    struct lane *lane;
    unsigned part_count;
    size_t in_lane;
    struct buf spare;    /* the memory of a part that is through */
    struct buf md5s;     /* of all parts, 16 bytes each */
    struct buf sha256s;  /* of all parts, 32 bytes each; only with checksums */
    struct buf complete; /* XML body of the last request, growing */
    struct store_object object;
    bool said; /* the PUT's own answer has proved enough */
};

/* Did our bytes become the object? */
enum sent { SENT_NO, SENT_MAYBE, SENT_YES };

/* What the server must say of the object; "" where it does not matter. */
struct proof {
    char etag[80];
    char checksum[64];
};

struct part {
    unsigned number; /* from 1 */
    struct buf bytes;
    uint8_t md5[16];
    uint8_t sha256[32];
    char etag[80]; /* as the server gave it */
};

struct uploader *uploader_new(const struct config_s3 *s3, struct store *store,
                              struct client *client)
{
    struct uploader *u = mem_alloc(sizeof(*u));

    u->store = store;
    u->client = client;
    u->keeping = client_keeping(client);
    u->part_bytes =
        parts_bytes((uint64_t)(s3->part_size_mb > 0 ? s3->part_size_mb : 16) * PARTS_MIB, 0);
    u->single_bytes =
        (uint64_t)(s3->multipart_threshold_mb > 0 ? s3->multipart_threshold_mb : 0) * PARTS_MIB;
    /* A multipart upload of one part would be three requests for one. */
    if (u->single_bytes < u->part_bytes)
        u->single_bytes = u->part_bytes;
    size_t parallel = s3->max_concurrent_parts > 0 ? (size_t)s3->max_concurrent_parts : 4;
    u->in_flight = parts_in_flight(parallel, u->part_bytes);
    u->read_back = s3->verify == STORE_VERIFY_READBACK;
    pthread_mutex_init(&u->lock, NULL);
    return u;
}

void uploader_free(struct uploader *uploader)
{
    if (!uploader)
        return;
    pool_free(uploader->pool);
    pthread_mutex_destroy(&uploader->lock);
    free(uploader);
}

static struct pool *pool_of(struct uploader *u, struct err *err)
{
    pthread_mutex_lock(&u->lock);
    if (!u->pool)
        u->pool = pool_new((unsigned)u->in_flight, "store", err);
    pthread_mutex_unlock(&u->lock);
    return u->pool;
}

struct store_put *upload_begin(struct uploader *uploader, const struct store_put_params *params,
                               struct err *err)
{
    struct upload *up = mem_alloc(sizeof(*up));

    (void)err;
    up->uploader = uploader;
    up->content_type =
        mem_strdup(params->content_type ? params->content_type : "application/octet-stream");
    if (uploader->read_back && !params->small)
        up->digest = text_digest_new();
    return &up->put;
}

static void drop_part(void *item, void *state)
{
    struct part *part = item;

    (void)state;
    buf_done(&part->bytes);
    free(part);
}

static void upload_free(struct upload *up)
{
    lane_free(up->lane);
    text_digest_free(up->digest);
    buf_done(&up->pending);
    buf_done(&up->spare);
    buf_done(&up->md5s);
    buf_done(&up->sha256s);
    buf_done(&up->complete);
    free(up->upload_id);
    free(up->content_type);
    free(up);
}

/* For tests. s3.lie: the store keeps something else than it was sent, and says that all is well;
 * only reading it back tells. s3.corrupt: bytes change on the way, after their MD5 was taken. */
static void maybe_flip(const struct upload *up, const char *point, struct buf *bytes)
{
    if (!up->put.small && bytes->len > 0 && fault_is(point, "flip"))
        bytes->data[bytes->len / 2] ^= 0x20;
}

/* Is this ETag an MD5 at all? Some servers have other ones. */
static bool etag_is_md5(const char *etag)
{
    return strlen(etag) == 32 && strspn(etag, "0123456789abcdef") == 32;
}

static bool etag_is_composite(const char *etag)
{
    return strspn(etag, "0123456789abcdef") == 32 && etag[32] == '-';
}

static bool differs(const struct upload *up, const char *what, const char *wanted,
                    const char *found, struct err *err)
{
    err_set(err, ERR_STORE, "the store holds something else than was sent");
    err_in(err, "%s, object %s", up->uploader->store->name, up->put.key);
    return err_why(err, "%s %s, expected %s", what, found, wanted);
}

/* An answer that has a checksum must have the right one. */
static bool check_checksum(const struct upload *up, const char *wanted,
                           const struct client_reply *reply, struct err *err)
{
    const char *found = reply->http.checksum;

    return !wanted[0] || !found[0] || strcmp(found, wanted) == 0 ||
           differs(up, "SHA-256", wanted, found, err);
}

/* An ETag tells when it is made of MD5s in the way that is expected: some servers give all objects
 * one of parts, or none. */
static bool etag_tells(const struct upload *up, const char *wanted, const char *found,
                       const struct client_reply *reply)
{
    bool alike = etag_is_composite(wanted) ? etag_is_composite(found) : etag_is_md5(found);

    return alike && keeping_etag_tells(up->uploader->keeping, &reply->http);
}

static bool check_etag(const struct upload *up, const char *wanted,
                       const struct client_reply *reply, struct err *err)
{
    const char *found = reply->http.etag;

    return !etag_tells(up, wanted, found, reply) || strcmp(found, wanted) == 0 ||
           differs(up, "ETag", wanted, found, err);
}

static void base64_sha256(const uint8_t digest[32], char ret_text[SHA256_BASE64 + 1])
{
    struct buf base64 = BUF_INIT;

    text_base64(&base64, digest, 32);
    memcpy(ret_text, base64.data, SHA256_BASE64 + 1);
    buf_done(&base64);
}

static struct keeping_object kept_as(const struct upload *up)
{
    return (struct keeping_object){.small = up->put.small, .about = up->put.about};
}

/* Headers of the request that makes the object, 1 + KEEPING_HEADERS at most; returns how many. */
static size_t making_headers(struct upload *up, struct sign_pair *headers)
{
    struct keeping_object object = kept_as(up);

    headers[0] = (struct sign_pair){"content-type", up->content_type};
    return 1 + keeping_make(up->uploader->keeping, &object, client_now_us(up->uploader->client),
                            up->locked_until, headers + 1);
}

/* ERR_EXISTS when the name is taken. Where we may not ask (403 without the right to list), the
 * conditional request decides alone: *ret_known is false. */
static bool check_free(struct upload *up, bool *ret_known, struct err *err)
{
    struct store *store = up->uploader->store;
    struct store_object object;
    struct err answer;

    *ret_known = false;
    if (up->put.overwrite)
        return true;
    if (store->ops->head(store, up->put.key, &object, &answer)) {
        err_set(err, ERR_EXISTS, "object exists already: %s", up->put.key);
        return err_in(err, "%s", store->name);
    }
    *ret_known = answer.kind == ERR_NOT_FOUND;
    if (*ret_known || answer.kind == ERR_PERMISSION)
        return true;
    *err = answer;
    return false;
}

/* Asks for the object as it is now, with its checksum where the server keeps one. */
static bool look(struct upload *up, struct client_reply *ret_reply, struct store_object *ret_object,
                 struct err *err)
{
    struct sign_pair header = {"x-amz-checksum-mode", "ENABLED"};
    bool kept = atomic_load(&up->uploader->checksums) == CHECKSUMS_KEPT;
    struct client_request request = {.method = "HEAD",
                                     .key = up->put.key,
                                     .doing = "look at object",
                                     .headers = &header,
                                     .header_count = kept ? 1 : 0,
                                     .keyed = true,
                                     .urgent = true};

    if (!client_send(up->uploader->client, &request, ret_reply, err))
        return false;
    ret_object->key = up->put.key;
    ret_object->size = ret_reply->http.length;
    ret_object->modified_us = ret_reply->http.modified_us;
    memcpy(ret_object->etag, ret_reply->http.etag, sizeof(ret_object->etag));
    return true;
}

/* Is the object that is there ours: this size, and this ETag or this checksum? */
static bool is_ours(struct upload *up, const struct proof *proof, struct store_object *ret_object)
{
    struct client_reply reply = {0};
    struct err ignored;
    bool ours = look(up, &reply, ret_object, &ignored) && ret_object->size == up->size &&
                (strcmp(ret_object->etag, proof->etag) == 0 ||
                 (proof->checksum[0] && strcmp(reply.http.checksum, proof->checksum) == 0));

    client_reply_done(&reply);
    return ours;
}

/* After a failure nothing of ours may stay; something of somebody else's must. What an overwrite
 * replaced cannot be brought back. */
static void remove_ours(struct upload *up, enum sent sent, const struct proof *proof)
{
    struct store *store = up->uploader->store;
    struct store_object object;
    struct err ignored;

    if (up->put.overwrite || sent == SENT_NO)
        return;
    if (sent == SENT_YES || is_ours(up, proof, &object))
        store->ops->remove(store, up->put.key, &ignored);
}

/* The PUT or the completion failed: was it carried out all the same? That a name is taken which was
 * free a moment ago may be the doing of a try whose answer was lost. */
static bool settle_failure(struct upload *up, bool was_free, const struct client_reply *reply,
                           const struct proof *proof, const struct err *err)
{
    struct store_object object;
    bool maybe = err->kind == ERR_EXISTS ? was_free || reply->tries > 1 : reply->maybe_done;

    return maybe && is_ours(up, proof, &object);
}

/* A server that leaves encryption or a lock out without a word must not get away with it. */
static bool check_kept(const struct upload *up, bool whole, const struct client_reply *reply,
                       struct err *err)
{
    struct keeping_object object = kept_as(up);

    return keeping_check(up->uploader->keeping, &object, whole, &reply->http, err) ||
           err_in(err, "%s, object %s", up->uploader->store->name, up->put.key);
}

static void hint_kept(const struct upload *up, const struct client_reply *reply, struct err *err)
{
    struct keeping_object object = kept_as(up);

    keeping_hint(up->uploader->keeping, &object, reply->code, reply->message, err);
}

/* The server does not know one of our headers: which one shall the next try leave out? */
static bool do_without(struct uploader *u, const struct client_reply *reply, bool had_checksum,
                       bool had_condition)
{
    bool unknown = strcmp(reply->code, "NotImplemented") == 0 || reply->http.status == 501;
    bool invalid =
        strcmp(reply->code, "InvalidRequest") == 0 || strcmp(reply->code, "InvalidArgument") == 0;

    if ((unknown || invalid) && had_checksum && atomic_load(&u->checksums) == CHECKSUMS_UNKNOWN) {
        atomic_store(&u->checksums, CHECKSUMS_NONE);
        return true;
    }
    /* The name was free just now: that has to do. */
    if (unknown && had_condition && !atomic_load(&u->unconditional)) {
        atomic_store(&u->unconditional, true);
        return true;
    }
    return false;
}

/* Sends the PUT, and again without what the server does not know. */
static bool send_single(struct upload *up, const struct proof *proof, const char *sha256,
                        struct client_reply *reply, struct err *err)
{
    struct uploader *u = up->uploader;
    struct buf md5 = BUF_INIT;
    uint8_t digest[16];
    bool checksum, condition, ok;

    text_from_hex(proof->etag, 32, digest);
    text_base64(&md5, digest, sizeof(digest));
    do {
        struct sign_pair headers[KEEPING_HEADERS + 4];
        size_t n = making_headers(up, headers);
        checksum = atomic_load(&u->checksums) != CHECKSUMS_NONE;
        condition = !up->put.overwrite && !atomic_load(&u->unconditional);
        headers[n++] = (struct sign_pair){"content-md5", md5.data};
        if (checksum)
            headers[n++] = (struct sign_pair){"x-amz-checksum-sha256", proof->checksum};
        if (condition)
            headers[n++] = (struct sign_pair){"if-none-match", "*"};
        struct client_request request = {.method = "PUT",
                                         .key = up->put.key,
                                         .doing = "write object",
                                         .headers = headers,
                                         .header_count = n,
                                         .body = up->pending.data,
                                         .body_len = up->pending.len,
                                         .body_sha256 = sha256,
                                         .has_body = true,
                                         .keyed = true,
                                         .urgent = up->put.small};
        ok = client_send(u->client, &request, reply, err);
    } while (!ok && do_without(u, reply, checksum, condition));
    if (ok && checksum)
        atomic_store(&u->checksums, reply->http.checksum[0] ? CHECKSUMS_KEPT : CHECKSUMS_NONE);
    buf_done(&md5);
    return ok;
}

static bool put_single(struct upload *up, const struct proof *proof, const char *sha256,
                       enum sent *ret_sent, struct err *err)
{
    struct client_reply reply = {0};
    bool was_free;

    if (!check_free(up, &was_free, err))
        return false;
    maybe_flip(up, "s3.corrupt", &up->pending);
    bool ok = send_single(up, proof, sha256, &reply, err);
    *ret_sent = ok ? SENT_YES : reply.maybe_done ? SENT_MAYBE : SENT_NO;
    if (!ok)
        ok = settle_failure(up, was_free, &reply, proof, err);
    else
        ok = check_etag(up, proof->etag, &reply, err) &&
             check_checksum(up, proof->checksum, &reply, err) && check_kept(up, false, &reply, err);
    if (!ok)
        hint_kept(up, &reply, err);
    up->said = up->put.small && strcmp(reply.http.etag, proof->etag) == 0;
    up->object.size = up->size;
    up->object.modified_us = reply.http.date_us;
    memcpy(up->object.etag, reply.http.etag, sizeof(up->object.etag));
    client_reply_done(&reply);
    return ok;
}

struct id_search {
    const char *path;
    char *found;
};

static bool keep_text(const char *path, const char *text, void *state, struct err *err)
{
    struct id_search *search = state;

    (void)err;
    if (strcmp(path, search->path) == 0 && !search->found)
        search->found = mem_strdup(text);
    return true;
}

/* The text of one element of an answer; NULL where there is none. The caller's. */
static char *text_at(const struct client_reply *reply, const char *path)
{
    struct id_search search = {.path = path};
    struct err ignored;

    xml_walk(buf_str(&reply->http.body), reply->http.body.len, keep_text, &search, &ignored);
    return search.found;
}

/* Digests of a part: for the server to check, and for the whole. */
static void part_digest(struct part *part, char ret_md5[33], char ret_sha256[65])
{
    text_md5(part->bytes.data, part->bytes.len, part->md5);
    text_hex(part->md5, sizeof(part->md5), ret_md5);
    text_sha256(part->bytes.data, part->bytes.len, part->sha256);
    text_hex(part->sha256, sizeof(part->sha256), ret_sha256);
}

static bool part_send(void *item, void *state, struct err *err)
{
    struct part *part = item;
    struct upload *up = state;
    struct client_reply reply = {0};
    struct buf base64 = BUF_INIT;
    char number[12], hex[33], sha256[65], checksum[SHA256_BASE64 + 1];

    part_digest(part, hex, sha256);
    text_base64(&base64, part->md5, sizeof(part->md5));
    base64_sha256(part->sha256, checksum);
    maybe_flip(up, "s3.corrupt", &part->bytes);
    snprintf(number, sizeof(number), "%u", part->number);
    struct sign_pair headers[] = {{"content-md5", base64.data},
                                  {"x-amz-checksum-sha256", checksum}};
    struct sign_pair query[] = {{"partNumber", number}, {"uploadId", up->upload_id}};
    struct client_request request = {.method = "PUT",
                                     .key = up->put.key,
                                     .doing = "write a part of object",
                                     .query = query,
                                     .query_count = 2,
                                     .headers = headers,
                                     .header_count = up->checksums ? 2 : 1,
                                     .body = part->bytes.data,
                                     .body_len = part->bytes.len,
                                     .body_sha256 = sha256,
                                     .has_body = true,
                                     .keyed = true};
    bool ok = client_send(up->uploader->client, &request, &reply, err);
    ok = ok && check_etag(up, hex, &reply, err);
    if (ok && !reply.http.etag[0]) {
        ok = err_set(err, ERR_STORE, "the server took a part and gave no ETag for it");
        err_in(err, "%s, object %s", up->uploader->store->name, up->put.key);
    }
    ok = ok && check_checksum(up, up->checksums ? checksum : "", &reply, err);
    memcpy(part->etag, reply.http.etag, sizeof(part->etag));
    client_reply_done(&reply);
    buf_done(&base64);
    return ok || err_in(err, "part %u", part->number);
}

/* Waits for the oldest part on its way and notes what the last request must say of it. */
static bool take_part(struct upload *up, struct err *err)
{
    void *item;

    if (!lane_take(up->lane, &item, err))
        return false;
    up->in_lane--;
    struct part *part = item;
    buf_add(&up->md5s, part->md5, sizeof(part->md5));
    buf_addf(&up->complete, "<Part><PartNumber>%u</PartNumber><ETag>\"", part->number);
    xml_escape(&up->complete, part->etag);
    buf_adds(&up->complete, "\"</ETag>");
    if (up->checksums) {
        char checksum[SHA256_BASE64 + 1];
        base64_sha256(part->sha256, checksum);
        buf_addf(&up->complete, "<ChecksumSHA256>%s</ChecksumSHA256>", checksum);
        buf_add(&up->sha256s, part->sha256, sizeof(part->sha256));
    }
    buf_adds(&up->complete, "</Part>");
    buf_done(&up->spare);
    buf_reset(&part->bytes);
    up->spare = part->bytes;
    free(part);
    return true;
}

/* Hands `len` bytes of pending over as a part; what is behind them stays pending. */
static bool give_part(struct upload *up, size_t len, struct err *err)
{
    struct part *part = mem_alloc(sizeof(*part));

    part->number = up->part_count + 1;
    while (up->in_lane >= parts_in_flight(up->uploader->in_flight, len)) {
        if (!take_part(up, err)) {
            drop_part(part, NULL);
            return false;
        }
    }
    struct buf rest = up->spare;
    up->spare = BUF_INIT;
    if (!buf_reserve(&rest, up->pending.len - len, err)) {
        buf_done(&rest);
        drop_part(part, NULL);
        return false;
    }
    buf_add(&rest, up->pending.data + len, up->pending.len - len);
    up->pending.len = len;
    part->bytes = up->pending;
    up->pending = rest;
    maybe_flip(up, "s3.lie", &part->bytes);
    if (!lane_put(up->lane, part, err)) {
        drop_part(part, NULL);
        return false;
    }
    up->part_count++;
    up->in_lane++;
    return true;
}

/* Asks for an upload; *ret_reply is the answer. */
static bool begin_send(struct upload *up, struct client_reply *ret_reply, struct err *err)
{
    struct uploader *u = up->uploader;
    struct sign_pair query = {"uploads", ""};
    bool checksum, ok;

    do {
        struct sign_pair headers[KEEPING_HEADERS + 2];
        size_t n = making_headers(up, headers);
        checksum = atomic_load(&u->checksums) != CHECKSUMS_NONE;
        if (checksum)
            headers[n++] = (struct sign_pair){"x-amz-checksum-algorithm", "SHA256"};
        struct client_request request = {.method = "POST",
                                         .key = up->put.key,
                                         .doing = "begin writing object",
                                         .query = &query,
                                         .query_count = 1,
                                         .headers = headers,
                                         .header_count = n,
                                         .has_body = true,
                                         .keyed = true};
        ok = client_send(u->client, &request, ret_reply, err);
        up->stray = up->stray || ret_reply->maybe_done;
    } while (!ok && do_without(u, ret_reply, checksum, false));
    up->checksums = ok && checksum && strcmp(ret_reply->http.algorithm, "SHA256") == 0;
    if (up->checksums)
        atomic_store(&u->checksums, CHECKSUMS_KEPT);
    return ok;
}

static bool begin(struct upload *up, struct err *err)
{
    struct client_reply reply = {0};
    bool was_free;
    struct pool *pool = pool_of(up->uploader, err);

    if (!pool || !check_free(up, &was_free, err))
        return false;
    bool ok = begin_send(up, &reply, err) && check_kept(up, false, &reply, err);
    if (reply.http.status == 200) {
        up->upload_id = text_at(&reply, "/InitiateMultipartUploadResult/UploadId");
        if (ok && (!up->upload_id || !*up->upload_id)) {
            up->stray = true;
            ok =
                err_set(err, ERR_STORE, "the server began no multipart upload for %s", up->put.key);
            err_in(err, "%s", up->uploader->store->name);
        }
    }
    if (!ok)
        hint_kept(up, &reply, err);
    client_reply_done(&reply);
    if (!ok)
        return false;
    buf_adds(&up->complete, "<CompleteMultipartUpload "
                            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    up->lane = lane_new(&(struct lane_params){.pool = pool,
                                              .depth = up->uploader->in_flight,
                                              .work = part_send,
                                              .drop = drop_part,
                                              .state = up});
    return true;
}

/* What went wrong on the way to a success is forgotten: the writer looks at its error at the end.
 */
static bool multipart_begin(struct upload *up, struct err *err)
{
    struct err failed;
    bool ok = begin(up, &failed);

    if (!ok)
        *err = failed;
    return ok;
}

static uint64_t part_bytes(const struct upload *up)
{
    return parts_bytes(up->uploader->part_bytes, up->part_count);
}

bool upload_add(struct store_put *put, const char *bytes, size_t len, struct err *err)
{
    struct upload *up = (struct upload *)put;

    if (up->digest)
        text_digest_add(up->digest, bytes, len);
    up->size += len;
    if (up->size > PARTS_OBJECT_BYTES) {
        err_set(err, ERR_STORE, "object %s is larger than 5 TiB", put->key);
        err_in(err, "%s", up->uploader->store->name);
        return err_hint(err, "make batch_size or batch_bytes_mb smaller");
    }
    while (len > 0) {
        uint64_t most = up->upload_id ? part_bytes(up) : up->uploader->single_bytes;
        if (put->small)
            most = SIZE_MAX / 4; /* one request, whatever comes */
        size_t room = up->pending.len < most ? (size_t)most - up->pending.len : 0;
        size_t n = len < room ? len : room;
        /* All at once: growing by doubling would take twice the memory. Pages that are not
         * written yet cost nothing. */
        if (up->pending.len + n > PARTS_MIB &&
            !buf_reserve(&up->pending, put->small ? n : room, err))
            return false;
        buf_add(&up->pending, bytes, n);
        bytes += n;
        len -= n;
        if (len == 0)
            break;
        if (!up->upload_id && !multipart_begin(up, err))
            return false;
        while (up->pending.len >= part_bytes(up)) {
            if (!give_part(up, (size_t)part_bytes(up), err))
                return false;
        }
    }
    return true;
}

/* What the server makes of the parts: the digest of their digests, "-", and how many. */
static void composite_proof(const struct upload *up, struct proof *ret_proof)
{
    char hex[33], base64[SHA256_BASE64 + 1];
    uint8_t md5[16], sha256[32];

    text_md5(up->md5s.data, up->md5s.len, md5);
    text_hex(md5, sizeof(md5), hex);
    snprintf(ret_proof->etag, sizeof(ret_proof->etag), "%s-%u", hex, up->part_count);
    ret_proof->checksum[0] = '\0';
    if (!up->checksums)
        return;
    text_sha256(up->sha256s.data, up->sha256s.len, sha256);
    base64_sha256(sha256, base64);
    snprintf(ret_proof->checksum, sizeof(ret_proof->checksum), "%s-%u", base64, up->part_count);
}

static bool complete_send(struct upload *up, bool conditional, struct client_reply *reply,
                          struct err *err)
{
    struct sign_pair query = {"uploadId", up->upload_id};
    struct sign_pair headers[] = {{"content-type", "application/xml"}, {"if-none-match", "*"}};
    struct client_request request = {.method = "POST",
                                     .key = up->put.key,
                                     .doing = "complete object",
                                     .query = &query,
                                     .query_count = 1,
                                     .headers = headers,
                                     .header_count = conditional ? 2 : 1,
                                     .body = up->complete.data,
                                     .body_len = up->complete.len,
                                     .has_body = true,
                                     .patient = true};

    /* The server may answer 200 first and find out later that it cannot. */
    return client_send(up->uploader->client, &request, reply, err) &&
           client_check_body(up->uploader->client, &request, reply, err);
}

static bool send_rest(struct upload *up, struct err *err)
{
    if (up->pending.len > 0 && !give_part(up, up->pending.len, err))
        return false;
    lane_end(up->lane);
    while (up->in_lane > 0) {
        if (!take_part(up, err))
            return false;
    }
    buf_adds(&up->complete, "</CompleteMultipartUpload>");
    return true;
}

/* What the completion's answer says of the object, where it says anything. */
static bool check_completed(const struct upload *up, const struct proof *proof,
                            const struct client_reply *reply, struct err *err)
{
    char *etag = text_at(reply, "/CompleteMultipartUploadResult/ETag");
    char *checksum = text_at(reply, "/CompleteMultipartUploadResult/ChecksumSHA256");
    const char *bare = etag ? etag + strspn(etag, "\"") : "";
    bool ok = true;

    if (etag_tells(up, proof->etag, bare, reply) &&
        strncmp(bare, proof->etag, strlen(proof->etag)) != 0)
        ok = differs(up, "ETag", proof->etag, bare, err);
    else if (proof->checksum[0] && checksum && strcmp(checksum, proof->checksum) != 0)
        ok = differs(up, "SHA-256", proof->checksum, checksum, err);
    free(etag);
    free(checksum);
    return ok;
}

static bool multipart_end(struct upload *up, enum sent *ret_sent, struct proof *ret_proof,
                          struct err *err)
{
    struct client_reply reply = {0};
    bool was_free;

    if (!send_rest(up, err) || !check_free(up, &was_free, err))
        return false;
    composite_proof(up, ret_proof);
    bool condition, ok;
    do {
        condition = !up->put.overwrite && !atomic_load(&up->uploader->unconditional);
        ok = complete_send(up, condition, &reply, err);
    } while (!ok && do_without(up->uploader, &reply, false, condition));
    *ret_sent = ok ? SENT_YES : reply.maybe_done ? SENT_MAYBE : SENT_NO;
    if (ok) {
        ok = check_completed(up, ret_proof, &reply, err);
    } else if (strcmp(reply.code, "NoSuchUpload") == 0) {
        /* perhaps a second try after a first that went through */
        struct store_object object;
        ok = was_free && is_ours(up, ret_proof, &object);
    } else {
        ok = settle_failure(up, was_free, &reply, ret_proof, err);
    }
    client_reply_done(&reply);
    return ok;
}

static bool add_to_digest(const char *bytes, size_t len, void *state, struct err *err)
{
    (void)err;
    text_digest_add(state, bytes, len);
    return true;
}

/* `verify: readback`: what the store gives back is what was given to it. */
static bool read_back(struct upload *up, struct err *err)
{
    struct store *store = up->uploader->store;
    struct store_range range = {.key = up->put.key, .length = UINT64_MAX};
    uint8_t wanted[32], found[32];

    text_digest_end(up->digest, wanted);
    if (!store->ops->get_stream(store, &range, add_to_digest, up->digest, err))
        return false;
    text_digest_end(up->digest, found);
    if (memcmp(wanted, found, sizeof(found)) == 0)
        return true;
    err_set(err, ERR_STORE, "the store holds something else than was sent");
    err_in(err, "%s, object %s", store->name, up->put.key);
    return err_why(err, "read back, the SHA-256 differs");
}

/* The store's own word on what it holds now. */
static bool confirm(struct upload *up, const struct proof *proof, struct err *err)
{
    struct store *store = up->uploader->store;
    struct client_reply reply = {0};
    struct store_object *object = &up->object;

    bool ok = look(up, &reply, object, err);
    if (!ok && err->kind == ERR_NOT_FOUND) {
        err_set(err, ERR_STORE, "the store does not hold what it said it took");
        err_in(err, "%s, object %s", store->name, up->put.key);
    } else if (ok && object->size != up->size) {
        err_set(err, ERR_STORE, "the store holds something else than was sent");
        err_in(err, "%s, object %s", store->name, up->put.key);
        ok = err_why(err, "%llu bytes sent, it holds %llu", (unsigned long long)up->size,
                     (unsigned long long)object->size);
    }
    ok = ok && check_etag(up, proof->etag, &reply, err) &&
         check_checksum(up, proof->checksum, &reply, err) && check_kept(up, true, &reply, err);
    client_reply_done(&reply);
    return ok && (!up->digest || read_back(up, err));
}

/* One PUT and its proof. */
static bool single_end(struct upload *up, enum sent *ret_sent, struct proof *ret_proof,
                       struct err *err)
{
    uint8_t md5[16], sha256[32];
    char hex[65];

    maybe_flip(up, "s3.lie", &up->pending);
    text_md5(buf_str(&up->pending), up->pending.len, md5);
    text_hex(md5, sizeof(md5), ret_proof->etag);
    text_sha256(buf_str(&up->pending), up->pending.len, sha256);
    text_hex(sha256, sizeof(sha256), hex);
    base64_sha256(sha256, ret_proof->checksum);
    return put_single(up, ret_proof, hex, ret_sent, err);
}

bool upload_end(struct store_put *put, struct store_object *ret_object, struct err *err)
{
    struct upload *up = (struct upload *)put;
    struct proof proof = {{0}, {0}};
    enum sent sent = SENT_NO;
    bool ok =
        up->upload_id ? multipart_end(up, &sent, &proof, err) : single_end(up, &sent, &proof, err);

    /* Of a state file the PUT's own answer has said enough, where its ETag is an MD5. */
    if (ok && !up->said)
        ok = confirm(up, &proof, err);
    if (ok) {
        /* Not before: a completion that only said it was one leaves an upload to abort. */
        free(up->upload_id);
        up->upload_id = NULL;
    } else {
        remove_ours(up, sent, &proof);
    }
    *ret_object = up->object;
    ret_object->key = put->given_key;
    upload_drop(put);
    return ok;
}

/* An answer that never came may have begun an upload. Nobody but us writes to this name. */
static void abort_stray(struct upload *up)
{
    struct store *store = up->uploader->store;
    struct err ignored;
    uint64_t removed = 0;

    if (up->stray && !up->put.overwrite)
        store->ops->sweep(store, up->put.key, -CLOCKS_APART_S, &removed, &ignored);
}

void upload_drop(struct store_put *put)
{
    struct upload *up = (struct upload *)put;
    struct err dropped, ignored;

    if (up->lane) {
        err_set(&dropped, ERR_STORE, "the upload was dropped");
        lane_cancel(up->lane, &dropped);
        lane_free(up->lane); /* no part may arrive after the abort */
        up->lane = NULL;
    }
    if (up->upload_id)
        upload_abort(up->uploader->client, put->key, up->upload_id, &ignored);
    abort_stray(up);
    upload_free(up);
}

bool upload_abort(struct client *client, const char *key, const char *upload_id, struct err *err)
{
    struct sign_pair query = {"uploadId", upload_id};
    struct client_reply reply = {0};
    struct client_request request = {.method = "DELETE",
                                     .key = key,
                                     .doing = "abort writing object",
                                     .query = &query,
                                     .query_count = 1,
                                     .urgent = true};
    bool ok = client_send(client, &request, &reply, err) || reply.http.status == 404;

    client_reply_done(&reply);
    return ok;
}
