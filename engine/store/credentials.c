/* SPDX-License-Identifier: PostgreSQL
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
 */
#include "store/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "store/container.h"
#include "store/imds.h"
#include "store/process.h"
#include "store/profile.h"
#include "store/sts.h"

#define EARLY_US      (INT64_C(300) * 1000000) /* new keys so long before the old expire */
#define AGAIN_US      (INT64_C(30) * 1000000)  /* between tries while the old ones last */
#define PROCESS_S     60
#define PROFILE_LINKS 5 /* source_profile of a source_profile of ... */

/* A place where keys come from. */
struct source {
    /* Do settings and environment point to it? Reads no more than those. */
    bool (*present)(const struct credentials *c);
    /* `note` takes what people should know: a profile's or a role's name. */
    bool (*get)(struct credentials *c, struct keys *ret_keys, struct buf *note, struct err *err);
    const char *name;
    bool fixed;    /* will never have others */
    bool optional; /* ERR_NOT_FOUND: as if it were not there */
};

struct credentials {
    const struct config_s3 *s3;
    const struct stop *stop;
    const struct source *source;
    pthread_mutex_t lock;
    pthread_cond_t got;
    /* below: under the lock */
    struct keys keys;
    struct buf note;
    int64_t got_us;        /* when the keys came */
    int64_t not_before_us; /* the next try, after one that failed */
    unsigned generation;   /* 0: no keys yet */
    unsigned tries;
    bool refused;      /* the server says that they have expired */
    bool refreshing;   /* a thread is getting new ones */
    struct err failed; /* the last try's; ERR_NONE after a success */
};

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static const char *said(const char *text)
{
    return text && *text ? text : NULL;
}

/* A file or program that is not there although it is named: not "no such profile". */
static bool not_missing(struct err *err)
{
    if (err->kind == ERR_NOT_FOUND)
        err->kind = ERR_CONFIG;
    return false;
}

/* --- configuration file and environment --- */

static bool config_present(const struct credentials *c)
{
    return said(c->s3->access_key_id) || said(c->s3->secret_access_key);
}

static bool config_get(struct credentials *c, struct keys *ret_keys, struct buf *note,
                       struct err *err)
{
    const struct config_s3 *s3 = c->s3;
    const char *access = said(s3->access_key_id), *secret = said(s3->secret_access_key);

    (void)note;
    if (access && secret)
        return keys_make(access, secret, s3->session_token, NULL, "the configuration", ret_keys,
                         err);
    err_set(err, ERR_CONFIG, "s3.%s is set and s3.%s is not",
            access ? "access_key_id" : "secret_access_key",
            access ? "secret_access_key" : "access_key_id");
    return err_hint(err, "set both, or neither to use AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY");
}

static bool environment_present(const struct credentials *c)
{
    (void)c;
    return variable("AWS_ACCESS_KEY_ID") && variable("AWS_SECRET_ACCESS_KEY");
}

static bool environment_get(struct credentials *c, struct keys *ret_keys, struct buf *note,
                            struct err *err)
{
    const char *token = said(c->s3->session_token);

    (void)note;
    return keys_make(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
                     token ? token : variable("AWS_SESSION_TOKEN"), NULL, "the environment",
                     ret_keys, err);
}

/* --- web identity --- */

static bool identity_present(const struct credentials *c)
{
    (void)c;
    return variable("AWS_WEB_IDENTITY_TOKEN_FILE") && variable("AWS_ROLE_ARN");
}

static bool identity_get(struct credentials *c, struct keys *ret_keys, struct buf *note,
                         struct err *err)
{
    struct sts_role role = {.arn = variable("AWS_ROLE_ARN"),
                            .session = variable("AWS_ROLE_SESSION_NAME"),
                            .region = c->s3->region,
                            .token_file = variable("AWS_WEB_IDENTITY_TOKEN_FILE")};

    buf_addf(note, "role %s", role.arn);
    return sts_get(&role, c->stop, ret_keys, err) || not_missing(err);
}

/* --- a profile of the shared files --- */

static bool profile_keys(struct credentials *c, const char *name, int links, struct keys *ret_keys,
                         struct buf *note, struct err *err);

static bool process_keys(struct credentials *c, const char *line, struct keys *ret_keys,
                         struct err *err)
{
    struct buf out = BUF_INIT;
    bool ok = process_run(line, PROCESS_S, c->stop, &out, err) &&
              keys_from_json(&out, "SessionToken", "credential_process", ret_keys, err);

    if (out.data)
        explicit_bzero(out.data, out.cap);
    buf_done(&out);
    return ok;
}

static bool stated_keys(const struct profile *p, const char *name, struct keys *ret_keys,
                        struct err *err)
{
    char *from = mem_printf("profile %s", name);
    bool ok =
        keys_make(profile_get(p, "aws_access_key_id"), profile_get(p, "aws_secret_access_key"),
                  profile_get(p, "aws_session_token"), NULL, from, ret_keys, err);

    free(from);
    return ok;
}

/* Keys that may assume a profile's role: of the profile it names, or of where it runs. */
static bool assuming_keys(struct credentials *c, const struct profile *p, const char *name,
                          int links, struct keys *ret_keys, struct err *err)
{
    const char *other = profile_get(p, "source_profile");
    const char *place = profile_get(p, "credential_source");
    struct buf ignored = BUF_INIT;
    bool ok;

    if (other && strcmp(other, name) == 0)
        ok = stated_keys(p, name, ret_keys, err);
    else if (other)
        ok = profile_keys(c, other, links - 1, ret_keys, &ignored, err);
    else if (place && strcasecmp(place, "Environment") == 0)
        ok = environment_get(c, ret_keys, &ignored, err);
    else if (place && strcasecmp(place, "EcsContainer") == 0 && container_present())
        ok = container_get(c->stop, ret_keys, err);
    else if (place && strcasecmp(place, "Ec2InstanceMetadata") == 0)
        ok = imds_get(c->stop, ret_keys, &ignored, err);
    else
        ok = err_set(err, ERR_CONFIG, "profile %s has a role and no keys to assume it with", name);
    buf_done(&ignored);
    return ok;
}

static bool role_keys(struct credentials *c, const struct profile *p, const char *name, int links,
                      struct keys *ret_keys, struct buf *note, struct err *err)
{
    const char *region = profile_get(p, "region");
    struct keys by = {0};
    struct sts_role role = {.arn = profile_get(p, "role_arn"),
                            .session = profile_get(p, "role_session_name"),
                            .external_id = profile_get(p, "external_id"),
                            .region = region ? region : c->s3->region,
                            .token_file = profile_get(p, "web_identity_token_file"),
                            .by = &by};
    bool ok = role.token_file || assuming_keys(c, p, name, links, &by, err);

    ok = ok && sts_get(&role, c->stop, ret_keys, err);
    buf_addf(note, ", role %s", role.arn);
    keys_done(&by);
    return ok;
}

static bool profile_keys(struct credentials *c, const char *name, int links, struct keys *ret_keys,
                         struct buf *note, struct err *err)
{
    struct profile *p = NULL;
    const char *line;
    bool ok = false;

    if (links == 0)
        return err_set(err, ERR_CONFIG, "profile %s: source_profile goes round in circles", name);
    p = profile_load(name, err);
    if (!p)
        return false;
    buf_addf(note, "profile %s", name);
    if (profile_get(p, "role_arn")) {
        ok = role_keys(c, p, name, links, ret_keys, note, err);
    } else if (profile_get(p, "aws_access_key_id")) {
        ok = stated_keys(p, name, ret_keys, err);
    } else if ((line = profile_get(p, "credential_process"))) {
        buf_adds(note, ", credential_process");
        ok = process_keys(c, line, ret_keys, err);
    } else if (profile_get(p, "sso_session") || profile_get(p, "sso_start_url")) {
        err_set(err, ERR_CONFIG, "profile %s signs in with SSO, which is not spoken here", name);
        err_hint(err, "credential_process = aws configure export-credentials --profile %s", name);
    } else {
        profile_free(p);
        return err_set(err, ERR_NOT_FOUND, "profile %s has no keys", name);
    }
    profile_free(p);
    return ok || not_missing(err);
}

static bool named_present(const struct credentials *c)
{
    return said(c->s3->profile) != NULL;
}

static bool named_get(struct credentials *c, struct keys *ret_keys, struct buf *note,
                      struct err *err)
{
    if (profile_keys(c, c->s3->profile, PROFILE_LINKS, ret_keys, note, err))
        return true;
    not_missing(err);
    return err_in(err, "s3.profile %s", c->s3->profile);
}

static bool shared_present(const struct credentials *c)
{
    (void)c;
    return true;
}

/* A profile that nobody named may be missing. */
static bool shared_get(struct credentials *c, struct keys *ret_keys, struct buf *note,
                       struct err *err)
{
    const char *name = variable("AWS_PROFILE");

    if (profile_keys(c, name ? name : "default", PROFILE_LINKS, ret_keys, note, err))
        return true;
    if (name && err->kind == ERR_NOT_FOUND) {
        not_missing(err);
        err_in(err, "AWS_PROFILE %s", name);
    }
    return false;
}

/* --- where the program runs --- */

static bool in_container(const struct credentials *c)
{
    (void)c;
    return container_present();
}

static bool get_container(struct credentials *c, struct keys *ret_keys, struct buf *note,
                          struct err *err)
{
    (void)note;
    return container_get(c->stop, ret_keys, err) || not_missing(err);
}

static bool on_instance(const struct credentials *c)
{
    (void)c;
    return imds_enabled();
}

static bool get_instance(struct credentials *c, struct keys *ret_keys, struct buf *note,
                         struct err *err)
{
    buf_adds(note, "role ");
    return imds_get(c->stop, ret_keys, note, err);
}

/* In the order of the header. */
static const struct source sources[] = {
    {config_present, config_get, "configuration", true, false},
    {named_present, named_get, "shared files", false, false},
    {environment_present, environment_get, "environment", true, false},
    {identity_present, identity_get, "web identity", false, false},
    {shared_present, shared_get, "shared files", false, true},
    {in_container, get_container, "container's endpoint", false, false},
    {on_instance, get_instance, "instance metadata", false, false},
};

/* --- keeping them fresh --- */

/* Gets keys without the lock, which the caller holds before and after. */
static bool refresh(struct credentials *c, const struct source *source, struct err *err)
{
    struct keys keys = {0};
    struct buf note = BUF_INIT;

    c->refreshing = true;
    pthread_mutex_unlock(&c->lock);
    bool ok = source->get(c, &keys, &note, err);
    int64_t now_us = text_now_us();
    pthread_mutex_lock(&c->lock);
    c->refreshing = false;
    c->tries++;
    c->failed = ok ? ERR_INIT : *err;
    c->not_before_us = ok ? 0 : now_us + AGAIN_US;
    if (ok) {
        keys_done(&c->keys);
        c->keys = keys;
        buf_reset(&c->note);
        buf_adds(&c->note, buf_str(&note));
        c->got_us = now_us;
        c->generation++;
        c->refused = false;
    }
    buf_done(&note);
    pthread_cond_broadcast(&c->got);
    return ok;
}

static bool usable(const struct credentials *c, int64_t now_us)
{
    return c->generation > 0 && !c->refused &&
           (c->keys.expires_us == 0 || now_us < c->keys.expires_us);
}

/* Is it time to get new ones although the old are good? */
static bool due(const struct credentials *c, int64_t now_us)
{
    int64_t early = (c->keys.expires_us - c->got_us) / 4;

    if (early > EARLY_US)
        early = EARLY_US;
    return c->keys.expires_us != 0 && now_us >= c->keys.expires_us - early &&
           now_us >= c->not_before_us;
}

static void stale(const struct credentials *c, struct err *err)
{
    err_set(err, ERR_PERMISSION, "the keys from %s have expired already", c->source->name);
    err_hint(err, "is this host's clock right?");
}

bool credentials_get(struct credentials *credentials, struct keys *ret_keys,
                     unsigned *ret_generation, struct err *err)
{
    struct credentials *c = credentials;
    unsigned seen;
    bool ok = true;

    pthread_mutex_lock(&c->lock);
    seen = c->tries;
    for (;;) {
        int64_t now_us = text_now_us();
        bool good = usable(c, now_us);
        if (good && (c->refreshing || !due(c, now_us)))
            break;
        if (c->refreshing) {
            pthread_cond_wait(&c->got, &c->lock);
            continue;
        }
        if (!good && c->tries != seen && c->failed.kind != ERR_NONE) {
            *err = c->failed; /* of the thread that was waited for */
            ok = false;
            break;
        }
        struct err failed;
        bool renewed = refresh(c, c->source, &failed);
        ok = usable(c, text_now_us());
        if (!ok && renewed)
            stale(c, err);
        else if (!ok)
            *err = failed;
        if (!ok)
            break;
    }
    if (ok) {
        keys_copy(&c->keys, ret_keys);
        *ret_generation = c->generation;
    }
    pthread_mutex_unlock(&c->lock);
    return ok;
}

bool credentials_expired(struct credentials *credentials, unsigned generation)
{
    pthread_mutex_lock(&credentials->lock);
    if (credentials->generation == generation && !credentials->source->fixed)
        credentials->refused = true;
    bool others = !credentials->source->fixed;
    pthread_mutex_unlock(&credentials->lock);
    return others;
}

void credentials_describe(struct credentials *credentials, struct buf *ret_text)
{
    const struct credentials *c = credentials;

    pthread_mutex_lock(&credentials->lock);
    buf_addf(ret_text, "%s%s%s", c->source->name, c->note.len ? ", " : "", buf_str(&c->note));
    if (c->keys.expires_us) {
        buf_adds(ret_text, ", until ");
        text_add_time(ret_text, c->keys.expires_us);
    }
    pthread_mutex_unlock(&credentials->lock);
}

/* --- opening --- */

/* The last resort is always there to be asked; that it does not answer is no news. */
static bool nothing_found(struct err *err)
{
    struct err inner = *err;

    err_set(err, ERR_PERMISSION, "no credentials for the store");
    if (inner.kind != ERR_NOT_FOUND)
        err_why(err, "%s%s%s", inner.what, inner.why[0] ? ": " : "", inner.why);
    return err_hint(err, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, s3.profile, or "
                         "s3.access_key_id and s3.secret_access_key");
}

/* Failures on the way to a source that works are no news. */
static bool open_source(struct credentials *c, struct err *err)
{
    struct err failed = ERR_INIT;
    bool ok = false;

    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && !ok; i++) {
        if (!sources[i].present(c))
            continue;
        failed = ERR_INIT;
        c->source = &sources[i];
        ok = refresh(c, c->source, &failed);
        if (!ok && !(sources[i].optional && failed.kind == ERR_NOT_FOUND))
            break;
    }
    pthread_mutex_unlock(&c->lock);
    if (ok)
        return true;
    *err = failed;
    bool nothing = failed.kind == ERR_NOT_FOUND || c->source->get == get_instance;
    return nothing && failed.kind != ERR_INTERRUPTED && nothing_found(err);
}

struct credentials *credentials_open(const struct config_s3 *s3, const struct stop *stop,
                                     struct err *err)
{
    struct credentials *c = mem_alloc(sizeof(*c));

    c->s3 = s3;
    c->stop = stop;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->got, NULL);
    if (open_source(c, err))
        return c;
    credentials_close(c);
    return NULL;
}

void credentials_close(struct credentials *credentials)
{
    if (!credentials)
        return;
    keys_done(&credentials->keys);
    buf_done(&credentials->note);
    pthread_cond_destroy(&credentials->got);
    pthread_mutex_destroy(&credentials->lock);
    free(credentials);
}
