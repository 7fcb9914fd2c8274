/* SPDX-License-Identifier: PostgreSQL */
#include "store/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/backend.h"
#include "store/bucket.h"
#include "store/client.h"
#include "store/upload.h"
#include "store/xml.h"

#define RANGE_BYTES ((uint64_t)8 << 20)

struct s3 {
    struct store store;
    struct client *client;
    struct uploader *uploader;
    const struct config_s3 *config;
};

static void s3_close(struct store *store)
{
    struct s3 *s3 = (struct s3 *)store;

    uploader_free(s3->uploader);
    client_close(s3->client);
    free(s3);
}

static struct store_put *s3_put(struct store *store, const struct store_put_params *params,
                                struct err *err)
{
    return upload_begin(((struct s3 *)store)->uploader, params, err);
}

static bool s3_head(struct store *store, const char *key, struct store_object *ret_object,
                    struct err *err)
{
    struct client_request request = {
        .method = "HEAD", .key = key, .doing = "look at object", .keyed = true, .urgent = true};
    struct client_reply reply = {0};
    bool ok = client_send(((struct s3 *)store)->client, &request, &reply, err);

    if (ok) {
        ret_object->key = key;
        ret_object->size = reply.http.length;
        ret_object->modified_us = reply.http.modified_us;
        memcpy(ret_object->etag, reply.http.etag, sizeof(ret_object->etag));
    }
    client_reply_done(&reply);
    return ok;
}

static bool s3_remove(struct store *store, const char *key, struct err *err)
{
    struct client_request request = {.method = "DELETE",
                                     .key = key,
                                     .doing = "remove object",
                                     .urgent = true};
    struct client_reply reply = {0};
    bool ok = client_send(((struct s3 *)store)->client, &request, &reply, err) ||
              err->kind == ERR_NOT_FOUND;

    client_reply_done(&reply);
    return ok;
}

/* Reading. */

/* A read over several requests, all of the same version of the object. */
struct reading {
    struct s3 *s3;
    const char *key;
    uint64_t at;
    uint64_t left;  /* UINT64_MAX: to the end, not known yet where that is */
    char match[84]; /* the first answer's ETag in quotes */
    struct client_reply reply;
};

static bool too_short(const struct reading *r, uint64_t got, uint64_t wanted, struct err *err)
{
    err_set(err, ERR_DATA, "object %s is shorter than it should be", r->key);
    err_in(err, "%s", r->s3->store.name);
    return err_why(err, "%llu bytes at %llu, wanted %llu", (unsigned long long)got,
                   (unsigned long long)r->at, (unsigned long long)wanted);
}

/* No byte at this offset: right only where the object ends here and the end was asked for. */
static bool nothing_there(const struct reading *r, struct err *err)
{
    struct store_object object;

    if (!s3_head(&r->s3->store, r->key, &object, err))
        return false;
    if (r->left == UINT64_MAX && r->at == object.size)
        return true;
    return too_short(r, 0, r->left, err);
}

static bool ask_range(struct reading *r, uint64_t wanted, struct err *err)
{
    char range[64];
    struct sign_pair headers[] = {{"range", range}, {"if-match", r->match}};
    struct client_request request = {.method = "GET",
                                     .key = r->key,
                                     .doing = "read object",
                                     .keyed = true,
                                     .headers = headers,
                                     .header_count = r->match[0] ? 2 : 1};

    snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)r->at,
             (unsigned long long)(r->at + wanted - 1));
    if (client_send(r->s3->client, &request, &r->reply, err))
        return true;
    if (r->reply.http.status == 412) {
        err_set(err, ERR_DATA, "object %s changed while it was read", r->key);
        err_in(err, "%s", r->s3->store.name);
    }
    return false;
}

/* The answer must be the range that was asked for, or all of it up to the object's end. */
static bool check_range(const struct reading *r, uint64_t wanted, struct err *err)
{
    const struct http_reply *http = &r->reply.http;
    bool whole = http->status == 200 && r->at == 0 && http->body.len <= wanted;

    if ((http->status != 206 && !whole) || http->body.len > wanted) {
        err_set(err, ERR_STORE, "the server does not answer ranges");
        err_in(err, "%s, object %s", r->s3->store.name, r->key);
        return err_why(err, "status %ld with %zu bytes", http->status, http->body.len);
    }
    if (r->left != UINT64_MAX && http->body.len < wanted)
        return too_short(r, http->body.len, wanted, err);
    if (!whole && r->left == UINT64_MAX && !http->has_total) {
        err_set(err, ERR_STORE, "the server does not say how large object %s is", r->key);
        return err_in(err, "%s", r->s3->store.name);
    }
    if (r->left == UINT64_MAX && !whole) {
        uint64_t there = http->total > r->at ? http->total - r->at : 0;
        if (http->body.len < (there < wanted ? there : wanted))
            return too_short(r, http->body.len, wanted, err);
    }
    return true;
}

static bool s3_get_stream(struct store *store, const struct store_range *range, store_sink sink,
                          void *state, struct err *err)
{
    struct reading r = {.s3 = (struct s3 *)store,
                        .key = range->key,
                        .at = range->offset,
                        .left = range->length};
    bool ok = true;

    if (r.left == 0) {
        struct store_object object;
        ok = s3_head(store, r.key, &object, err);
        if (ok && r.at > object.size)
            ok = too_short(&r, 0, 0, err);
    }
    while (ok && r.left > 0) {
        uint64_t wanted = r.left < RANGE_BYTES ? r.left : RANGE_BYTES;
        ok = ask_range(&r, wanted, err);
        if (!ok && r.reply.http.status == 416) {
            ok = nothing_there(&r, err);
            break;
        }
        ok = ok && check_range(&r, wanted, err);
        const struct http_reply *http = &r.reply.http;
        if (ok && r.left == UINT64_MAX)
            r.left = http->status == 200 ? http->body.len : http->total - r.at;
        ok = ok && sink(buf_str(&http->body), http->body.len, state, err);
        r.at += http->body.len;
        r.left -= http->body.len < r.left ? http->body.len : r.left;
        if (ok && http->etag[0])
            snprintf(r.match, sizeof(r.match), "\"%s\"", http->etag);
    }
    client_reply_done(&r.reply);
    return ok;
}

/* Listing. */

/* One page of ListObjectsV2. */
struct page {
    struct s3 *s3;
    const struct store_listing *listing;
    struct buf key, last; /* of the object being read; of the one before */
    struct store_object object;
    struct buf token;
    bool encoded, more;
};

static void url_decode(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        uint8_t byte;
        if (*text == '%' && text[1] && text[2] && text_from_hex(text + 1, 2, &byte)) {
            buf_addc(buf, (char)byte);
            text += 2;
        } else {
            buf_addc(buf, *text == '+' ? ' ' : *text);
        }
    }
}

static void set_text(struct buf *buf, const char *text)
{
    buf_reset(buf);
    buf_adds(buf, text);
}

static void keep_etag(struct store_object *object, const char *text)
{
    size_t n = 0;

    for (; *text && n < sizeof(object->etag) - 1; text++) {
        if (*text != '"')
            object->etag[n++] = *text;
    }
    object->etag[n] = '\0';
}

/* The name may come encoded; whether it does is said at the top of the page or not at all. */
static bool give_object(struct page *page, struct err *err)
{
    struct buf key = BUF_INIT;
    const char *raw = buf_str(&page->key);

    if (page->encoded)
        url_decode(&key, raw);
    else
        buf_adds(&key, raw);
    bool ok = true;
    if (page->last.len > 0 && strcmp(page->last.data, buf_str(&key)) >= 0) {
        ok = err_set(err, ERR_STORE, "the server does not list in byte order");
        err_in(err, "%s", page->s3->store.name);
        err_why(err, "%s comes after %s", buf_str(&key), page->last.data);
    }
    page->object.key = buf_str(&key);
    /* A name that ends in a slash is a console's idea of a directory. */
    bool folder = key.len > 0 && key.data[key.len - 1] == '/';
    if (ok && !folder && strcmp(page->object.key, page->listing->start_after) > 0)
        ok = page->listing->each(&page->object, page->listing->state, err);
    buf_done(&page->last);
    page->last = key;
    page->object = (struct store_object){0};
    buf_reset(&page->key);
    return ok;
}

static bool on_page(const char *path, const char *text, void *state, struct err *err)
{
    struct page *page = state;
    int64_t number;

    if (strncmp(path, "/ListBucketResult/", 18) != 0)
        return true;
    path += 18;
    if (strcmp(path, "Contents/Key") == 0)
        set_text(&page->key, text);
    else if (strcmp(path, "Contents/Size") == 0 && text_to_int(text, &number) && number >= 0)
        page->object.size = (uint64_t)number;
    else if (strcmp(path, "Contents/LastModified") == 0)
        text_to_time(text, strlen(text), &page->object.modified_us);
    else if (strcmp(path, "Contents/ETag") == 0)
        keep_etag(&page->object, text);
    else if (strcmp(path, "Contents") == 0)
        return give_object(page, err);
    else if (strcmp(path, "IsTruncated") == 0)
        page->more = strcmp(text, "true") == 0;
    else if (strcmp(path, "NextContinuationToken") == 0)
        set_text(&page->token, text);
    return true;
}

/* Objects can stand before the elements that say how to read them, so these are read first. */
static bool on_page_head(const char *path, const char *text, void *state, struct err *err)
{
    struct page *page = state;

    (void)err;
    if (strcmp(path, "/ListBucketResult/EncodingType") == 0)
        page->encoded = strcmp(text, "url") == 0;
    return true;
}

static bool list_page(struct page *page, struct err *err)
{
    struct client_reply reply = {0};
    struct sign_pair query[5] = {{"list-type", "2"}, {"encoding-type", "url"}};
    size_t n = 2;
    char *token = page->token.len ? mem_strdup(page->token.data) : NULL;

    query[n++] = (struct sign_pair){"prefix", page->listing->prefix};
    if (token)
        query[n++] = (struct sign_pair){"continuation-token", token};
    else if (page->listing->start_after[0])
        query[n++] = (struct sign_pair){"start-after", page->listing->start_after};
    struct client_request request = {.method = "GET",
                                     .doing = "list",
                                     .query = query,
                                     .query_count = n};
    bool ok = client_send(page->s3->client, &request, &reply, err);
    const char *body = buf_str(&reply.http.body);
    size_t len = reply.http.body.len;

    page->more = page->encoded = false;
    buf_reset(&page->token);
    ok = ok && xml_walk(body, len, on_page_head, page, err) &&
         xml_walk(body, len, on_page, page, err);
    if (ok && page->more && page->token.len == 0) {
        ok = err_set(err, ERR_STORE, "the server's listing goes on, but it does not say where");
        err_in(err, "%s", page->s3->store.name);
    }
    client_reply_done(&reply);
    free(token);
    return ok;
}

static bool s3_list(struct store *store, const struct store_listing *listing, struct err *err)
{
    struct page page = {.s3 = (struct s3 *)store, .listing = listing};
    bool ok;

    do {
        ok = list_page(&page, err);
    } while (ok && page.more);
    buf_done(&page.key);
    buf_done(&page.last);
    buf_done(&page.token);
    return ok;
}

/* Sweeping: multipart uploads that nobody will complete. */

struct uploads {
    struct s3 *s3;
    const char *prefix;
    int64_t before_us; /* begun earlier than this: dead */
    uint64_t *removed;
    struct buf key, id, next_key, next_id;
    int64_t initiated_us;
    bool encoded, more;
};

static bool abort_old(struct uploads *u, struct err *err)
{
    struct buf key = BUF_INIT;

    if (u->encoded)
        url_decode(&key, buf_str(&u->key));
    else
        buf_adds(&key, buf_str(&u->key));
    bool dead = key.len > 0 && u->id.len > 0 && u->initiated_us > 0 &&
                u->initiated_us < u->before_us &&
                strncmp(key.data, u->prefix, strlen(u->prefix)) == 0;
    bool ok = !dead || upload_abort(u->s3->client, key.data, u->id.data, err);
    if (dead && ok)
        ++*u->removed;
    buf_done(&key);
    buf_reset(&u->key);
    buf_reset(&u->id);
    u->initiated_us = 0;
    return ok;
}

static bool on_uploads(const char *path, const char *text, void *state, struct err *err)
{
    struct uploads *u = state;

    if (strncmp(path, "/ListMultipartUploadsResult/", 28) != 0)
        return true;
    path += 28;
    if (strcmp(path, "Upload/Key") == 0)
        set_text(&u->key, text);
    else if (strcmp(path, "Upload/UploadId") == 0)
        set_text(&u->id, text);
    else if (strcmp(path, "Upload/Initiated") == 0)
        text_to_time(text, strlen(text), &u->initiated_us);
    else if (strcmp(path, "Upload") == 0)
        return abort_old(u, err);
    else if (strcmp(path, "IsTruncated") == 0)
        u->more = strcmp(text, "true") == 0;
    else if (strcmp(path, "NextKeyMarker") == 0)
        set_text(&u->next_key, text);
    else if (strcmp(path, "NextUploadIdMarker") == 0)
        set_text(&u->next_id, text);
    return true;
}

static bool on_uploads_head(const char *path, const char *text, void *state, struct err *err)
{
    struct uploads *u = state;

    (void)err;
    if (strcmp(path, "/ListMultipartUploadsResult/EncodingType") == 0)
        u->encoded = strcmp(text, "url") == 0;
    return true;
}

static bool uploads_page(struct uploads *u, struct err *err)
{
    struct client_reply reply = {0};
    struct buf marker = BUF_INIT;
    char *id = mem_strdup(buf_str(&u->next_id));
    /* Ceph 16 encodes names when it is asked to, but does not say so: it is not asked. */
    struct sign_pair query[4] = {{"uploads", ""}, {"prefix", u->prefix}};
    size_t n = 2;

    if (u->encoded)
        url_decode(&marker, buf_str(&u->next_key));
    else
        buf_adds(&marker, buf_str(&u->next_key));
    if (marker.len > 0) {
        query[n++] = (struct sign_pair){"key-marker", marker.data};
        query[n++] = (struct sign_pair){"upload-id-marker", id};
    }
    struct client_request request = {.method = "GET",
                                     .doing = "list the uploads of",
                                     .query = query,
                                     .query_count = n};
    bool ok = client_send(u->s3->client, &request, &reply, err);
    const char *body = buf_str(&reply.http.body);
    size_t len = reply.http.body.len;

    u->more = u->encoded = false;
    buf_reset(&u->next_key);
    buf_reset(&u->next_id);
    ok = ok && xml_walk(body, len, on_uploads_head, u, err) &&
         xml_walk(body, len, on_uploads, u, err);
    u->more = u->more && u->next_key.len > 0;
    client_reply_done(&reply);
    buf_done(&marker);
    free(id);
    return ok;
}

static bool s3_sweep(struct store *store, const char *prefix, int64_t max_age_s,
                     uint64_t *ret_removed, struct err *err)
{
    struct s3 *s3 = (struct s3 *)store;
    struct uploads u = {.s3 = s3,
                        .prefix = prefix,
                        .before_us = client_now_us(s3->client) - max_age_s * 1000000,
                        .removed = ret_removed};
    bool ok;

    do {
        ok = uploads_page(&u, err);
    } while (ok && u.more);
    buf_done(&u.key);
    buf_done(&u.id);
    buf_done(&u.next_key);
    buf_done(&u.next_id);
    return ok;
}

static bool s3_examine(struct store *store, store_each_finding each, void *state, struct err *err)
{
    struct s3 *s3 = (struct s3 *)store;

    return bucket_examine(s3->client, s3->config, each, state, err);
}

static const struct store_ops s3_ops = {
    .close = s3_close,
    .put = s3_put,
    .put_add = upload_add,
    .put_end = upload_end,
    .put_drop = upload_drop,
    .get_stream = s3_get_stream,
    .head = s3_head,
    .remove = s3_remove,
    .list = s3_list,
    .sweep = s3_sweep,
    .examine = s3_examine,
};

struct store *s3_open(const struct config_s3 *config, const struct stop *stop, struct err *err)
{
    struct s3 *s3 = mem_alloc(sizeof(*s3));

    s3->store.ops = &s3_ops;
    s3->store.stop = stop;
    s3->store.name = mem_printf("s3://%s", config->bucket);
    s3->config = config;
    s3->client = client_open(config, &s3->store, err);
    if (s3->client)
        s3->uploader = uploader_new(config, &s3->store, s3->client);
    if (s3->uploader)
        return &s3->store;
    free(s3->store.name);
    s3_close(&s3->store);
    return NULL;
}
