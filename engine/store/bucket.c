/* SPDX-License-Identifier: PostgreSQL */
#include "store/bucket.h"

#include <stdarg.h>
#include <stdlib.h>

#include "store/xml.h"

/* What the answers say; "" and 0 where they do not. */
struct facts {
    char versioning[16];
    char lock[16], lock_mode[16]; /* enabled; by default */
    char algorithm[32];           /* of encryption by default */
    unsigned blocks;              /* of public access, out of four */
    char is_public[8];
    bool aborts_uploads, expires_versions;
    char expires[64]; /* id of a rule that removes archives */
};

/* One rule of the lifecycle, while it is read. */
struct rule {
    char id[64], prefix[256];
    bool enabled, expires, aborts, expires_versions;
};

struct examination {
    struct client *client;
    const struct config_s3 *s3;
    store_each_finding each;
    void *state;
    struct facts facts;
    struct rule rule;
};

ERR_PRINTF(5, 6)
static void say(const struct examination *x, const char *topic, enum store_verdict verdict,
                const char *hint, const char *detail, ...)
{
    struct store_finding finding = {.topic = topic, .verdict = verdict, .hint = hint};
    va_list args;

    va_start(args, detail);
    vsnprintf(finding.detail, sizeof(finding.detail), detail, args);
    va_end(args);
    x->each(&finding, x->state);
}

/* --- reading --- */

static void keep(char *into, size_t size, const char *text)
{
    snprintf(into, size, "%s", text);
}

static bool is(const char *path, const char *wanted)
{
    return strcmp(path, wanted) == 0;
}

/* Do a rule's objects and ours have names in common? */
static bool covers(const char *rule, const char *ours)
{
    size_t a = strlen(rule), b = strlen(ours);

    return strncmp(rule, ours, a < b ? a : b) == 0;
}

static void end_rule(struct examination *x)
{
    struct rule *rule = &x->rule;
    struct facts *facts = &x->facts;

    if (rule->enabled && covers(rule->prefix, x->s3->prefix ? x->s3->prefix : "")) {
        facts->aborts_uploads = facts->aborts_uploads || rule->aborts;
        facts->expires_versions = facts->expires_versions || rule->expires_versions;
        if (rule->expires)
            keep(facts->expires, sizeof(facts->expires), rule->id[0] ? rule->id : "without a name");
    }
    *rule = (struct rule){0};
}

static void on_rule(struct examination *x, const char *path, const char *text)
{
    struct rule *rule = &x->rule;

    if (is(path, "ID"))
        keep(rule->id, sizeof(rule->id), text);
    else if (is(path, "Status"))
        rule->enabled = is(text, "Enabled");
    else if (is(path, "Prefix") || is(path, "Filter/Prefix") || is(path, "Filter/And/Prefix"))
        keep(rule->prefix, sizeof(rule->prefix), text);
    else if (is(path, "Expiration/Days") || is(path, "Expiration/Date"))
        rule->expires = true;
    else if (is(path, "NoncurrentVersionExpiration/NoncurrentDays"))
        rule->expires_versions = true;
    else if (is(path, "AbortIncompleteMultipartUpload/DaysAfterInitiation"))
        rule->aborts = true;
}

static bool on_fact(const char *path, const char *text, void *state, struct err *err)
{
    struct examination *x = state;
    struct facts *facts = &x->facts;
    const char *name = strrchr(path, '/') + 1;

    (void)err;
    if (is(path, "/VersioningConfiguration/Status"))
        keep(facts->versioning, sizeof(facts->versioning), text);
    else if (is(path, "/ObjectLockConfiguration/ObjectLockEnabled"))
        keep(facts->lock, sizeof(facts->lock), text);
    else if (is(path, "/ObjectLockConfiguration/Rule/DefaultRetention/Mode"))
        keep(facts->lock_mode, sizeof(facts->lock_mode), text);
    else if (is(name, "SSEAlgorithm"))
        keep(facts->algorithm, sizeof(facts->algorithm), text);
    else if (is(name, "BlockPublicAcls") || is(name, "IgnorePublicAcls") ||
             is(name, "BlockPublicPolicy") || is(name, "RestrictPublicBuckets"))
        facts->blocks += is(text, "true") || is(text, "TRUE");
    else if (is(path, "/PolicyStatus/IsPublic"))
        keep(facts->is_public, sizeof(facts->is_public), text);
    else if (is(path, "/LifecycleConfiguration/Rule"))
        end_rule(x);
    else if (strncmp(path, "/LifecycleConfiguration/Rule/", 29) == 0)
        on_rule(x, path + 29, text);
    return true;
}

/* --- judging --- */

static void judge_versioning(const struct examination *x)
{
    if (is(x->facts.versioning, "Enabled"))
        say(x, "versioning", STORE_FINE, NULL, "on");
    else
        say(x, "versioning", STORE_ADVICE,
            "turn it on: then what somebody removes or overwrites can be brought back",
            "off: an archive that is removed is gone");
}

static void judge_lock(const struct examination *x)
{
    bool on = is(x->facts.lock, "Enabled");
    bool wanted = x->s3->object_lock_days > 0 || x->s3->object_lock_legal_hold;

    if (wanted && !on)
        say(x, "object lock", STORE_WRONG,
            "make a bucket with object lock, or take s3.object_lock_* out",
            "off, and s3.object_lock_* ask for it");
    else if (on && !wanted && !x->facts.lock_mode[0])
        say(x, "object lock", STORE_ADVICE, "set s3.object_lock_mode and s3.object_lock_days",
            "on, and neither the bucket nor the configuration uses it");
    else
        say(x, "object lock", STORE_FINE, NULL, "%s%s%s", on ? "on" : "off",
            x->facts.lock_mode[0] ? ", by default " : "", x->facts.lock_mode);
}

static void judge_lifecycle(const struct examination *x)
{
    const struct facts *f = &x->facts;

    if (f->expires[0])
        say(x, "lifecycle", STORE_ADVICE, "leave what is below s3.prefix out of that rule",
            "rule %s removes archives after a time", f->expires);
    if (!f->aborts_uploads)
        say(x, "lifecycle", STORE_ADVICE, "add a rule with AbortIncompleteMultipartUpload, 7 days",
            "no rule ends uploads that were left unfinished");
    if (is(f->versioning, "Enabled") && !f->expires_versions)
        say(x, "lifecycle", STORE_ADVICE, "add a rule with NoncurrentVersionExpiration",
            "no rule removes old versions: what rolled back stays for good");
    if (!f->expires[0] && f->aborts_uploads)
        say(x, "lifecycle", STORE_FINE, NULL, "unfinished uploads are ended");
}

static void judge_encryption(const struct examination *x)
{
    const char *asked = x->s3->encryption ? x->s3->encryption : "none";

    if (x->facts.algorithm[0])
        say(x, "encryption", STORE_FINE, NULL, "by default %s", x->facts.algorithm);
    else if (strcmp(asked, "none") != 0)
        say(x, "encryption", STORE_FINE, NULL, "none by default, %s is asked for", asked);
    else
        say(x, "encryption", STORE_ADVICE, "set s3.encryption, or the bucket's default encryption",
            "none by default, and s3.encryption asks for none");
}

static void judge_public(const struct examination *x)
{
    if (x->facts.blocks == 4)
        say(x, "public access", STORE_FINE, NULL, "blocked");
    else
        say(x, "public access", STORE_ADVICE, "turn on all four of the bucket's blocks",
            "not blocked: %u of 4 blocks are on", x->facts.blocks);
}

static void judge_policy(const struct examination *x)
{
    if (is(x->facts.is_public, "true") || is(x->facts.is_public, "TRUE"))
        say(x, "public access", STORE_WRONG, "take the public statement out of the bucket's policy",
            "the bucket's policy makes it public");
}

/* --- asking --- */

static const struct question {
    const char *topic, *subresource;
    const char *root;  /* of a true answer; some servers list the bucket instead */
    const char *right; /* of AWS, to ask it */
    void (*judge)(const struct examination *x);
} questions[] = {
    {"versioning", "versioning", "VersioningConfiguration", "s3:GetBucketVersioning",
     judge_versioning},
    {"object lock", "object-lock", "ObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration",
     judge_lock},
    {"lifecycle", "lifecycle", "LifecycleConfiguration", "s3:GetLifecycleConfiguration",
     judge_lifecycle},
    {"encryption", "encryption", "ServerSideEncryptionConfiguration",
     "s3:GetEncryptionConfiguration", judge_encryption},
    {"public access", "publicAccessBlock", "PublicAccessBlockConfiguration",
     "s3:GetBucketPublicAccessBlock", judge_public},
    {"public access", "policyStatus", "PolicyStatus", "s3:GetBucketPolicyStatus", judge_policy},
};

struct root {
    const char *wanted;
    bool found;
};

/* The last element to end is the root. Ceph gives one of them another name. */
static bool on_root(const char *path, const char *text, void *state, struct err *err)
{
    struct root *root = state;
    const char *other = strstr(root->wanted, "PublicAccessBlock");

    (void)text;
    (void)err;
    if (strchr(path + 1, '/'))
        return true;
    root->found = strcmp(path + 1, root->wanted) == 0 ||
                  (other && strcmp(path + 1, "BlockPublicAccessBlockConfiguration") == 0);
    return true;
}

/* Refusals that are answers: there is no such setting, it is unknown, it may not be asked. */
static bool judge_refusal(const struct examination *x, const struct question *q,
                          const struct client_reply *reply, struct err *err)
{
    long status = reply->http.status;

    if (status == 404 && strcmp(reply->code, "NoSuchBucket") != 0)
        q->judge(x);
    else if (status == 403)
        say(x, q->topic, STORE_FINE, NULL, "not known: the credentials lack %s", q->right);
    else if (status == 400 || status == 405 || status == 501)
        say(x, q->topic, STORE_FINE, NULL, "not supported by the server");
    else
        return false;
    (void)err;
    return true;
}

static bool ask(struct examination *x, const struct question *q, struct err *err)
{
    struct sign_pair query = {q->subresource, ""};
    struct client_request request = {.method = "GET",
                                     .doing = "ask about",
                                     .query = &query,
                                     .query_count = 1};
    struct client_reply reply = {0};
    struct root root = {.wanted = q->root};
    struct err unread;
    bool ok = client_send(x->client, &request, &reply, err);
    const char *body = buf_str(&reply.http.body);
    size_t len = reply.http.body.len;

    if (!ok) {
        ok = judge_refusal(x, q, &reply, err);
    } else if (!xml_walk(body, len, on_root, &root, &unread) || !root.found) {
        say(x, q->topic, STORE_FINE, NULL, "not supported by the server");
    } else {
        xml_walk(body, len, on_fact, x, &unread);
        q->judge(x);
    }
    client_reply_done(&reply);
    return ok;
}

/* A server that heeds the owner refuses one that cannot be. */
static bool ask_owner(const struct examination *x, struct err *err)
{
    struct sign_pair query = {"location", ""};
    struct client_request request = {
        .method = "GET", .doing = "ask about", .query = &query, .query_count = 1, .stranger = true};
    struct client_reply reply = {0};
    bool answered = client_send(x->client, &request, &reply, err) || reply.http.status == 403;

    if (answered && reply.http.status == 403)
        say(x, "owner", STORE_FINE, NULL, "%s, and the server looks at it",
            x->s3->expected_bucket_owner);
    else if (answered)
        say(x, "owner", STORE_ADVICE, "it protects nothing here: take it out",
            "the server does not look at s3.expected_bucket_owner");
    client_reply_done(&reply);
    return answered;
}

bool bucket_examine(struct client *client, const struct config_s3 *s3, store_each_finding each,
                    void *state, struct err *err)
{
    struct examination x = {.client = client, .s3 = s3, .each = each, .state = state};
    struct buf source = BUF_INIT;

    client_describe_keys(client, &source);
    say(&x, "credentials", STORE_FINE, NULL, "%s", buf_str(&source));
    buf_done(&source);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        if (!ask(&x, &questions[i], err))
            return false;
    }
    return !s3->expected_bucket_owner || ask_owner(&x, err);
}
