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
#include "store/xml.h"

#define MIB            ((uint64_t)1 << 20)
#define BUFFERS_BYTES  (48 * MIB) /* all part buffers of an upload together */
#define PART_BYTES_MIN (5 * MIB)  /* S3's, for all parts but the last */
#define PARTS_MAX      10000      /* S3's */
#define PARTS_A_SIZE   2000       /* then parts become twice as large, so that 10,000 will do */

struct uploader {
    struct store *store;
    struct client *client;
    uint64_t single_bytes; /* objects up to this go in one PUT */
    uint64_t part_bytes;
    size_t in_flight; /* parts of one upload on their way at most */
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
    struct lane *lane;
    unsigned part_count;
    size_t in_lane;
    struct buf spare;    /* the memory of a part that is through */
    struct buf md5s;     /* of all parts, 16 bytes each */
    struct buf complete; /* XML body of the last request, growing */
};

/* Did our bytes become the object? */
enum sent { SENT_NO, SENT_MAYBE, SENT_YES };

struct part {
    unsigned number; /* from 1 */
    struct buf bytes;
    uint8_t md5[16];
    char etag[80]; /* as the server gave it */
};

struct uploader *uploader_new(const struct config_s3 *s3, struct store *store,
                              struct client *client)
{
    struct uploader *u = mem_alloc(sizeof(*u));

    u->store = store;
    u->client = client;
    u->keeping = client_keeping(client);
    u->part_bytes = (uint64_t)(s3->part_size_mb > 0 ? s3->part_size_mb : 16) * MIB;
    if (u->part_bytes < PART_BYTES_MIN)
        u->part_bytes = PART_BYTES_MIN;
    u->single_bytes =
        (uint64_t)(s3->multipart_threshold_mb > 0 ? s3->multipart_threshold_mb : 0) * MIB;
    /* A multipart upload of one part would be three requests for one. */
    if (u->single_bytes < u->part_bytes)
        u->single_bytes = u->part_bytes;
    u->in_flight = s3->max_concurrent_parts > 0 ? (size_t)s3->max_concurrent_parts : 4;
    uint64_t room = BUFFERS_BYTES / u->part_bytes;
    if (room < 2)
        room = 2;
    if (u->in_flight > room - 1)
        u->in_flight = (size_t)room - 1;
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

/* Is this ETag an MD5 at all? Objects under KMS keys and some servers have other ones. */
static bool etag_is_md5(const char *etag)
{
    return strlen(etag) == 32 && strspn(etag, "0123456789abcdef") == 32;
}

static bool etag_is_composite(const char *etag)
{
    return strspn(etag, "0123456789abcdef") == 32 && etag[32] == '-';
}

static bool differs(const struct upload *up, const char *wanted, const char *found, struct err *err)
{
    err_set(err, ERR_STORE, "the store holds something else than was sent");
    err_in(err, "%s, object %s", up->uploader->store->name, up->put.key);
    return err_why(err, "ETag %s, expected %s", found, wanted);
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

/* Is the object that is there ours: this size, this ETag? */
static bool is_ours(struct upload *up, const char *etag, struct store_object *ret_object)
{
    struct store *store = up->uploader->store;
    struct err ignored;

    return store->ops->head(store, up->put.key, ret_object, &ignored) &&
           ret_object->size == up->size && strcmp(ret_object->etag, etag) == 0;
}

/* After a failure nothing of ours may stay; something of somebody else's must. What an overwrite
 * replaced cannot be brought back. */
static void remove_ours(struct upload *up, enum sent sent, const char *etag)
{
    struct store *store = up->uploader->store;
    struct store_object object;
    struct err ignored;

    if (up->put.overwrite || sent == SENT_NO)
        return;
    if (sent == SENT_YES || is_ours(up, etag, &object))
        store->ops->remove(store, up->put.key, &ignored);
}

/* The PUT or the completion failed: was it carried out all the same? That a name is taken which was
 * free a moment ago may be the doing of a try whose answer was lost. */
static bool settle_failure(struct upload *up, bool was_free, const struct client_reply *reply,
                           const char *etag, const struct err *err)
{
    struct store_object object;
    bool maybe = err->kind == ERR_EXISTS ? was_free || reply->tries > 1 : reply->maybe_done;

    return maybe && is_ours(up, etag, &object);
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

static bool put_single(struct upload *up, const char *etag, enum sent *ret_sent,
                       struct store_object *ret_object, struct err *err)
{
    struct sign_pair headers[KEEPING_HEADERS + 3];
    size_t n = making_headers(up, headers);
    struct buf base64 = BUF_INIT;
    struct client_reply reply = {0};
    uint8_t md5[16];
    bool was_free;

    if (!check_free(up, &was_free, err))
        return false;
    text_from_hex(etag, 32, md5);
    text_base64(&base64, md5, sizeof(md5));
    headers[n++] = (struct sign_pair){"content-md5", base64.data};
    if (!up->put.overwrite)
        headers[n++] = (struct sign_pair){"if-none-match", "*"};
    struct client_request request = {.method = "PUT",
                                     .key = up->put.key,
                                     .doing = "write object",
                                     .headers = headers,
                                     .header_count = n,
                                     .body = up->pending.data,
                                     .body_len = up->pending.len,
                                     .has_body = true,
                                     .keyed = true,
                                     .urgent = up->put.small};
    bool ok = client_send(up->uploader->client, &request, &reply, err);
    *ret_sent = ok ? SENT_YES : reply.maybe_done ? SENT_MAYBE : SENT_NO;
    bool tells =
        etag_is_md5(reply.http.etag) && keeping_etag_tells(up->uploader->keeping, &reply.http);
    if (ok && tells && strcmp(reply.http.etag, etag) != 0)
        ok = differs(up, etag, reply.http.etag, err);
    else if (ok)
        ok = check_kept(up, false, &reply, err);
    else
        ok = settle_failure(up, was_free, &reply, etag, err);
    if (!ok)
        hint_kept(up, &reply, err);
    ret_object->size = up->size;
    ret_object->modified_us = reply.http.date_us;
    memcpy(ret_object->etag, reply.http.etag, sizeof(ret_object->etag));
    client_reply_done(&reply);
    buf_done(&base64);
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

static bool part_send(void *item, void *state, struct err *err)
{
    struct part *part = item;
    struct upload *up = state;
    struct client_reply reply = {0};
    struct buf base64 = BUF_INIT;
    char number[12], hex[33];

    text_md5(part->bytes.data, part->bytes.len, part->md5);
    text_hex(part->md5, sizeof(part->md5), hex);
    text_base64(&base64, part->md5, sizeof(part->md5));
    maybe_flip(up, "s3.corrupt", &part->bytes);
    snprintf(number, sizeof(number), "%u", part->number);
    struct sign_pair header = {"content-md5", base64.data};
    struct sign_pair query[] = {{"partNumber", number}, {"uploadId", up->upload_id}};
    struct client_request request = {.method = "PUT",
                                     .key = up->put.key,
                                     .doing = "write a part of object",
                                     .query = query,
                                     .query_count = 2,
                                     .headers = &header,
                                     .header_count = 1,
                                     .body = part->bytes.data,
                                     .body_len = part->bytes.len,
                                     .has_body = true,
                                     .keyed = true};
    bool ok = client_send(up->uploader->client, &request, &reply, err);
    bool tells =
        etag_is_md5(reply.http.etag) && keeping_etag_tells(up->uploader->keeping, &reply.http);
    if (ok && tells && strcmp(reply.http.etag, hex) != 0)
        ok = differs(up, hex, reply.http.etag, err);
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
    buf_adds(&up->complete, "\"</ETag></Part>");
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
    if (part->number > PARTS_MAX) {
        drop_part(part, NULL);
        return err_set(err, ERR_STORE, "object %s is too large for this s3.part_size_mb",
                       up->put.key);
    }
    while (up->in_lane >= up->uploader->in_flight) {
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

static bool multipart_begin(struct upload *up, struct err *err)
{
    struct sign_pair headers[KEEPING_HEADERS + 1], query = {"uploads", ""};
    struct client_reply reply = {0};
    bool was_free;
    struct pool *pool = pool_of(up->uploader, err);

    if (!pool || !check_free(up, &was_free, err))
        return false;
    struct client_request request = {.method = "POST",
                                     .key = up->put.key,
                                     .doing = "begin writing object",
                                     .query = &query,
                                     .query_count = 1,
                                     .headers = headers,
                                     .header_count = making_headers(up, headers),
                                     .has_body = true,
                                     .keyed = true};
    bool ok = client_send(up->uploader->client, &request, &reply, err);
    ok = ok && check_kept(up, false, &reply, err);
    if (reply.http.status == 200) {
        up->upload_id = text_at(&reply, "/InitiateMultipartUploadResult/UploadId");
        if (ok && (!up->upload_id || !*up->upload_id)) {
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

/* Parts grow so that 10,000 hold any object. */
static uint64_t part_bytes(const struct upload *up)
{
    return up->uploader->part_bytes << (up->part_count / PARTS_A_SIZE);
}

bool upload_add(struct store_put *put, const char *bytes, size_t len, struct err *err)
{
    struct upload *up = (struct upload *)put;

    if (up->digest)
        text_digest_add(up->digest, bytes, len);
    up->size += len;
    while (len > 0) {
        uint64_t most = up->upload_id ? part_bytes(up) : up->uploader->single_bytes;
        if (put->small)
            most = SIZE_MAX / 4; /* one request, whatever comes */
        size_t room = up->pending.len < most ? (size_t)most - up->pending.len : 0;
        size_t n = len < room ? len : room;
        /* All at once: growing by doubling would take twice the memory. Pages that are not
         * written yet cost nothing. */
        if (up->pending.len + n > MIB && !buf_reserve(&up->pending, put->small ? n : room, err))
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

/* The MD5 of the parts' MD5s, "-", and how many: what the server makes the ETag of the whole. */
static void composite_etag(const struct upload *up, char *ret_etag, size_t size)
{
    uint8_t md5[16];
    char hex[33];

    text_md5(up->md5s.data, up->md5s.len, md5);
    text_hex(md5, sizeof(md5), hex);
    snprintf(ret_etag, size, "%s-%u", hex, up->part_count);
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
                                     .has_body = true};

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

static bool multipart_end(struct upload *up, enum sent *ret_sent, char *ret_etag, size_t size,
                          struct err *err)
{
    struct client_reply reply = {0};
    bool was_free;

    if (!send_rest(up, err) || !check_free(up, &was_free, err))
        return false;
    composite_etag(up, ret_etag, size);
    bool ok = complete_send(up, !up->put.overwrite, &reply, err);
    /* Servers that know no conditional completion say so; the name was free just now. */
    if (!ok && !up->put.overwrite && strcmp(reply.code, "NotImplemented") == 0)
        ok = complete_send(up, false, &reply, err);
    *ret_sent = ok ? SENT_YES : reply.maybe_done ? SENT_MAYBE : SENT_NO;
    if (ok) {
        char *etag = text_at(&reply, "/CompleteMultipartUploadResult/ETag");
        const char *bare = etag ? etag + strspn(etag, "\"") : "";
        if (etag_is_composite(bare) && keeping_etag_tells(up->uploader->keeping, &reply.http) &&
            strncmp(bare, ret_etag, strlen(ret_etag)) != 0)
            ok = differs(up, ret_etag, bare, err);
        free(etag);
    } else if (strcmp(reply.code, "NoSuchUpload") == 0) {
        /* perhaps a second try after a first that went through */
        struct store_object object;
        ok = was_free && is_ours(up, ret_etag, &object);
    } else {
        ok = settle_failure(up, was_free, &reply, ret_etag, err);
    }
    if (ok) {
        free(up->upload_id);
        up->upload_id = NULL;
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

/* Is what HEAD tells of the object what was sent, kept as it was asked for? */
static bool compare(struct upload *up, const char *etag, const struct client_reply *reply,
                    struct err *err)
{
    const struct http_reply *http = &reply->http;

    if (http->length != up->size) {
        err_set(err, ERR_STORE, "the store holds something else than was sent");
        err_in(err, "%s, object %s", up->uploader->store->name, up->put.key);
        return err_why(err, "%llu bytes sent, it holds %llu", (unsigned long long)up->size,
                       (unsigned long long)http->length);
    }
    bool md5 = etag_is_md5(http->etag) || etag_is_composite(http->etag);
    if (md5 && keeping_etag_tells(up->uploader->keeping, http) && strcmp(http->etag, etag) != 0)
        return differs(up, etag, http->etag, err);
    return check_kept(up, true, reply, err);
}

/* The store's own word on what it holds now. */
static bool confirm(struct upload *up, const char *etag, struct store_object *ret_object,
                    struct err *err)
{
    struct client_request request = {.method = "HEAD",
                                     .key = up->put.key,
                                     .doing = "look at object",
                                     .keyed = true,
                                     .urgent = true};
    struct client_reply reply = {0};
    bool ok =
        client_send(up->uploader->client, &request, &reply, err) && compare(up, etag, &reply, err);

    ret_object->size = reply.http.length;
    ret_object->modified_us = reply.http.modified_us;
    memcpy(ret_object->etag, reply.http.etag, sizeof(ret_object->etag));
    client_reply_done(&reply);
    return ok && (!up->digest || read_back(up, err));
}

bool upload_end(struct store_put *put, struct store_object *ret_object, struct err *err)
{
    struct upload *up = (struct upload *)put;
    enum sent sent = SENT_NO;
    char etag[80];
    uint8_t md5[16];
    bool ok;

    if (up->upload_id) {
        ok = multipart_end(up, &sent, etag, sizeof(etag), err);
    } else {
        maybe_flip(up, "s3.lie", &up->pending);
        text_md5(buf_str(&up->pending), up->pending.len, md5);
        text_hex(md5, sizeof(md5), etag);
        maybe_flip(up, "s3.corrupt", &up->pending);
        ok = put_single(up, etag, &sent, ret_object, err);
    }
    /* Of a state file the PUT's own answer has said enough, where its ETag is an MD5. */
    bool said = put->small && strcmp(ret_object->etag, etag) == 0;
    if (ok && !said)
        ok = confirm(up, etag, ret_object, err);
    if (!ok)
        remove_ours(up, sent, etag);
    ret_object->key = put->given_key;
    upload_drop(put);
    return ok;
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
