/* SPDX-License-Identifier: PostgreSQL
 *
 * Each source of keys, against real files, programs and a stand-in for AWS's services
 * (tests/harness/aws.py) that answers on this host.
 */
#include "store/credentials.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cases.h"
#include "store/container.h"
#include "store/process.h"

extern char **environ;

/* A directory, a home of its own and the stand-in's address. */
struct place {
    char *dir;
    char *address;
    pid_t pid;
};

static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_CONFIG_FILE",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};

static void write_text(const struct place *place, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", place->dir, name);
    FILE *file = fopen(path, "w");

    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
    free(path);
}

/* How often a text stands in what the stand-in noted. */
static int noted(const struct place *place, const char *text)
{
    char *path = mem_printf("%s/requests", place->dir), line[256];
    FILE *file = fopen(path, "r");
    int count = 0;

    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, text) != NULL;
    if (file)
        fclose(file);
    free(path);
    return count;
}

/* Nothing of the host's own environment; metadata off until a test turns it on. */
static struct place place_new(void)
{
    struct place place = {.dir = test_mkdtemp()};
    char *aws = mem_printf("%s/.aws", place.dir);

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        unsetenv(variables[i]);
    setenv("HOME", place.dir, 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    mkdir(aws, 0700);
    write_text(&place, "keys", "AKIASTANDIN stand-in-secret");
    free(aws);
    return place;
}

static struct place place_with_server(void)
{
    struct place place = place_new();
    char *script = mem_printf("%s/harness/aws.py", test_dir());
    char *path = mem_printf("%s/address", place.dir), address[64] = "";
    char *words[] = {"python3", script, place.dir, NULL};
    FILE *file = NULL;

    CHECK_INT(posix_spawnp(&place.pid, "python3", NULL, NULL, words, environ), 0);
    for (int i = 0; i < 600 && !file && waitpid(place.pid, NULL, WNOHANG) == 0; i++) {
        poll(NULL, 0, 50);
        file = fopen(path, "r");
    }
    CHECK(file && fgets(address, sizeof(address), file));
    if (file)
        fclose(file);
    /* without it no test below may reach the real service */
    place.address = mem_strdup(*address ? address : "http://127.0.0.1:1");
    free(script);
    free(path);
    return place;
}

static void place_done(struct place *place)
{
    if (place->pid > 0) {
        kill(place->pid, SIGTERM);
        waitpid(place->pid, NULL, 0);
    }
    free(place->address);
    test_rmdir(place->dir);
}

static void set_address(const struct place *place, const char *name, const char *path)
{
    char *url = mem_printf("%s%s", place->address, path);

    setenv(name, url, 1);
    free(url);
}

static void set_path(const struct place *place, const char *name, const char *file)
{
    char *path = mem_printf("%s/%s", place->dir, file);

    setenv(name, path, 1);
    free(path);
}

static const struct config_s3 plain = {.region = "us-east-1"};

/* Opens, and compares "access secret token" and what people are told. */
static void check_keys(const struct config_s3 *s3, const char *wanted, const char *told)
{
    struct err err;
    struct keys keys = {0};
    unsigned generation = 0;
    struct credentials *c = NULL;

    /* what was not there on the way is no error */
    if (CHECK_OK((c = credentials_open(s3, NULL, &err)) != NULL) && CHECK_INT(err.kind, ERR_NONE) &&
        CHECK_OK(credentials_get(c, &keys, &generation, &err))) {
        struct buf said = BUF_INIT;
        char *found =
            mem_printf("%s %s %s", keys.access, keys.secret, keys.token ? keys.token : "-");
        CHECK_STR(found, wanted);
        credentials_describe(c, &said);
        if (!CHECK(strncmp(buf_str(&said), told, strlen(told)) == 0))
            printf("    it says: %s\n", buf_str(&said));
        CHECK(strstr(buf_str(&said), keys.secret) == NULL);
        free(found);
        buf_done(&said);
    }
    keys_done(&keys);
    credentials_close(c);
}

static void check_refused(const struct config_s3 *s3, enum err_kind kind, const char *part)
{
    struct err err;
    struct credentials *c = NULL;
    char line[sizeof(err)];

    CHECK_FAILS((c = credentials_open(s3, NULL, &err)) != NULL, kind, part);
    err_line(&err, line, sizeof(line));
    CHECK(strstr(line, "secret-") == NULL);
    credentials_close(c);
}

/* --- configuration and environment --- */

static void test_config(void)
{
    struct place place = place_new();
    struct config_s3 s3 = {.region = "us-east-1",
                           .access_key_id = "AKIACONFIG",
                           .secret_access_key = "secret-of-config",
                           .session_token = "token-of-config"};

    setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret-of-env", 1);
    check_keys(&s3, "AKIACONFIG secret-of-config token-of-config", "configuration");
    s3.secret_access_key = NULL;
    check_refused(&s3, ERR_CONFIG, "s3.access_key_id is set and s3.secret_access_key is not");
    place_done(&place);
}

static void test_environment(void)
{
    struct place place = place_new();

    write_text(&place, ".aws/credentials",
               "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = secret-of-file\n");
    setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret-of-env", 1);
    check_keys(&plain, "AKIAENV secret-of-env -", "environment");
    setenv("AWS_SESSION_TOKEN", "token-of-env", 1);
    check_keys(&plain, "AKIAENV secret-of-env token-of-env", "environment");
    place_done(&place);
}

static void test_nothing(void)
{
    struct place place = place_new();

    check_refused(&plain, ERR_PERMISSION, "no credentials for the store");
    place_done(&place);
}

/* --- shared files --- */

static void test_shared_files(void)
{
    struct place place = place_new();
    struct config_s3 named = {.region = "us-east-1", .profile = "cold store"};

    write_text(&place, ".aws/credentials",
               "# keys\n"
               "[default]\n"
               "aws_access_key_id = AKIADEFAULT ; mine\n"
               "aws_secret_access_key=secret-of=default+/\n"
               "[other]\r\n"
               "AWS_ACCESS_KEY_ID = AKIAOTHER\r\n"
               "aws_secret_access_key = secret-of-other\r\n"
               "aws_session_token = token-of-other\r\n");
    write_text(&place, ".aws/config",
               "[default]\nregion = eu-west-1\naws_access_key_id = AKIALATER\n"
               "[cold store]\naws_access_key_id = AKIAWRONG\n"
               "[profile \"cold store\"]\n"
               "s3 =\n"
               "  aws_access_key_id = AKIANESTED\n"
               "aws_access_key_id = AKIACOLD\n"
               "aws_secret_access_key = secret-of-cold\n");
    check_keys(&plain, "AKIADEFAULT secret-of=default+/ -", "shared files, profile default");
    setenv("AWS_PROFILE", "other", 1);
    check_keys(&plain, "AKIAOTHER secret-of-other token-of-other", "shared files, profile other");
    /* what the configuration names comes before the environment */
    setenv("AWS_ACCESS_KEY_ID", "AKIAENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret-of-env", 1);
    check_keys(&named, "AKIACOLD secret-of-cold -", "shared files, profile cold store");
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_PROFILE", "nobody", 1);
    check_refused(&plain, ERR_CONFIG, "there is no profile nobody");
    named.profile = "none";
    check_refused(&named, ERR_CONFIG, "s3.profile none");
    place_done(&place);
}

static void test_files_elsewhere(void)
{
    struct place place = place_new();

    write_text(&place, "here", "[default]\naws_access_key_id = AKIAHERE\n");
    write_text(&place, "there", "[default]\naws_secret_access_key = secret-of-there\n");
    set_path(&place, "AWS_SHARED_CREDENTIALS_FILE", "here");
    set_path(&place, "AWS_CONFIG_FILE", "there");
    check_keys(&plain, "AKIAHERE secret-of-there -", "shared files, profile default");
    place_done(&place);
}

static void test_sso_is_said(void)
{
    struct place place = place_new();

    write_text(&place, ".aws/config", "[default]\nsso_session = work\n");
    check_refused(&plain, ERR_CONFIG, "aws configure export-credentials --profile default");
    place_done(&place);
}

/* --- credential_process --- */

static void set_process(const struct place *place, const char *body, const char *arguments)
{
    char *config =
        mem_printf("[default]\ncredential_process = \"%s/give keys\" %s\n", place->dir, arguments);
    char *path = mem_printf("%s/give keys", place->dir);

    write_text(place, "give keys", body);
    chmod(path, 0700);
    write_text(place, ".aws/config", config);
    free(config);
    free(path);
}

static void test_process(void)
{
    struct place place = place_new();

    set_process(&place,
                "#!/bin/sh\n"
                "printf '{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"%s\", '"
                " \"$1\" \"$2\"\n"
                "printf '\"SessionToken\": \"%s\", \"Expiration\": \"2099-01-01T00:00:00Z\"}' $#\n",
                "'AK \"IA' secret-\\ of\"-p\"rocess '#' $HOME");
    check_refused(&plain, ERR_PERMISSION, "its answer is not a JSON object");
    set_process(
        &place,
        "#!/bin/sh\n"
        "printf '{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"%s\", '"
        " \"$1\" \"$2\"\n"
        "printf '\"SessionToken\": \"%s\", \"Expiration\": \"2099-01-01T00:00:00Z\"}' \"$#$4\"\n",
        "'AK  IA' secret-\\ of\"-p\"rocess '#' $HOME");
    check_keys(&plain, "AK  IA secret- of-process 4$HOME",
               "shared files, profile default, credential_process, until 2099-01-01");
    place_done(&place);
}

static void test_process_failures(void)
{
    struct place place = place_new();

    set_process(&place, "#!/bin/sh\necho secret-of-nobody\nexit 3\n", "");
    check_refused(&plain, ERR_PERMISSION, "it ended with exit code 3");
    set_process(&place, "#!/bin/sh\necho '{\"AccessKeyId\": \"A\"}'\n", "");
    check_refused(&plain, ERR_PERMISSION, "it says no secret key");
    write_text(&place, ".aws/config",
               "[default]\ncredential_process = /no/such/program secret-x\n");
    check_refused(&plain, ERR_CONFIG, "cannot run /no/such/program");
    write_text(&place, ".aws/config", "[default]\ncredential_process = 'a b\n");
    check_refused(&plain, ERR_CONFIG, "a quote is not closed");
    place_done(&place);
}

static void test_process_timeout(void)
{
    struct buf out = BUF_INIT;
    struct err err;
    int64_t before_us = text_monotonic_us();

    /* what it started holds its output open */
    CHECK_FAILS(process_run("sh -c 'sleep 300 & sleep 300'", 1, NULL, &out, &err), ERR_PERMISSION,
                "it does not end in time");
    CHECK(text_monotonic_us() - before_us < INT64_C(250) * 1000000);
    buf_done(&out);
}

/* --- STS --- */

static void test_web_identity(void)
{
    struct place place = place_with_server();

    write_text(&place, "identity", "identity+one");
    write_text(&place, "token", "identity+one\n");
    set_path(&place, "AWS_WEB_IDENTITY_TOKEN_FILE", "token");
    setenv("AWS_ROLE_ARN", "arn:aws:iam:::role/archiver", 1);
    set_address(&place, "AWS_ENDPOINT_URL_STS", "");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token1",
               "web identity, role arn:aws:iam:::role/archiver, until ");
    write_text(&place, "answers", "503\n503\n");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token2", "web identity");
    CHECK_INT(noted(&place, "sts: 503"), 2);
    write_text(&place, "token", "identity+two");
    check_refused(&plain, ERR_PERMISSION, "InvalidIdentityToken: the token is not ours");
    setenv("AWS_ROLE_ARN", "arn:aws:iam:::role/other", 1);
    write_text(&place, "token", "identity+one");
    check_refused(&plain, ERR_PERMISSION, "AccessDenied: the role may not be assumed");
    setenv("AWS_ENDPOINT_URL_STS", "http://sts.example.com", 1);
    check_refused(&plain, ERR_CONFIG, "keys are asked for over https, or from this host");
    place_done(&place);
}

static void test_assume_role(void)
{
    struct place place = place_with_server();

    set_address(&place, "AWS_ENDPOINT_URL_STS", "");
    write_text(&place, ".aws/credentials",
               "[base]\naws_access_key_id = AKIASTANDIN\naws_secret_access_key = stand-in-secret\n"
               "[wrong]\naws_access_key_id = AKIASTANDIN\naws_secret_access_key = secret-other\n");
    write_text(&place, ".aws/config",
               "[default]\nrole_arn = arn:aws:iam:::role/archiver\nsource_profile = base\n"
               "[profile bad]\nrole_arn = arn:aws:iam:::role/archiver\nsource_profile = wrong\n"
               "[profile round]\nrole_arn = arn:aws:iam:::role/archiver\nsource_profile = about\n"
               "[profile about]\nrole_arn = arn:aws:iam:::role/archiver\nsource_profile = round\n"
               "[profile alone]\nrole_arn = arn:aws:iam:::role/archiver\n");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token1",
               "shared files, profile default, role arn:aws:iam:::role/archiver, until ");
    setenv("AWS_PROFILE", "bad", 1);
    check_refused(&plain, ERR_PERMISSION, "SignatureDoesNotMatch");
    setenv("AWS_PROFILE", "round", 1);
    check_refused(&plain, ERR_CONFIG, "round in circles");
    setenv("AWS_PROFILE", "alone", 1);
    check_refused(&plain, ERR_CONFIG, "no keys to assume it with");
    place_done(&place);
}

/* --- where the program runs --- */

static void test_container(void)
{
    struct place place = place_with_server();

    set_address(&place, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/keys");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token1", "container's endpoint, until ");
    write_text(&place, "authorization", "Bearer one");
    check_refused(&plain, ERR_PERMISSION, "it answered 403");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer one", 1);
    check_keys(&plain, "AKIASTANDIN stand-in-secret token2", "container's endpoint");
    write_text(&place, "token", "Bearer two\n");
    write_text(&place, "authorization", "Bearer two");
    set_path(&place, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token3", "container's endpoint");
    write_text(&place, "token", "two\nlines\n");
    check_refused(&plain, ERR_CONFIG, "more than one line");
    place_done(&place);
}

static void test_container_address(void)
{
    static const struct {
        const char *relative, *full, *wanted; /* wanted NULL: refused */
    } cases[] = {
        {"/v2/credentials/x", NULL, "http://169.254.170.2/v2/credentials/x"},
        {"v2", NULL, NULL},
        {NULL, "https://keys.example.com/x", "https://keys.example.com/x"},
        {NULL, "http://localhost:80/x", "http://localhost:80/x"},
        {NULL, "http://127.0.0.1:80/x", "http://127.0.0.1:80/x"},
        {NULL, "http://[::1]:80/x", "http://[::1]:80/x"},
        {NULL, "http://169.254.170.23/v1/credentials", "http://169.254.170.23/v1/credentials"},
        {NULL, "http://[fd00:ec2::23]/v1/credentials", "http://[fd00:ec2::23]/v1/credentials"},
        {NULL, "http://keys.example.com/x", NULL},
        {NULL, "http://127.0.0.1.example.com/x", NULL},
        {NULL, "http://127.0.0.1@example.com/x", NULL},
        {NULL, "http://169.254.example.com/x", NULL},
        {NULL, "http://10.0.0.1/x", NULL},
        {NULL, "ftp://127.0.0.1/x", NULL},
    };
    struct place place = place_new();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf url = BUF_INIT;
        struct err err;
        unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        unsetenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        if (cases[i].relative)
            setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", cases[i].relative, 1);
        else
            setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].full, 1);
        if (cases[i].wanted && CHECK_OK(container_address(&url, &err)))
            CHECK_STR(buf_str(&url), cases[i].wanted);
        else if (!cases[i].wanted && !CHECK_FAILS(container_address(&url, &err), ERR_CONFIG, ""))
            printf("    of %s\n", cases[i].full);
        buf_done(&url);
    }
    place_done(&place);
}

static void test_metadata(void)
{
    struct place place = place_with_server();

    set_address(&place, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
    check_refused(&plain, ERR_PERMISSION, "no credentials for the store");
    CHECK_INT(noted(&place, ""), 0); /* it was not asked while it was off */
    unsetenv("AWS_EC2_METADATA_DISABLED");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token1",
               "instance metadata, role archiver, until ");
    CHECK_INT(noted(&place, "without its token"), 0);
    place_done(&place);
}

static void test_metadata_failures(void)
{
    struct place place = place_with_server();

    set_address(&place, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
    unsetenv("AWS_EC2_METADATA_DISABLED");
    write_text(&place, "answers", "503\n500\n");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token1", "instance metadata");
    write_text(&place, "answers", "slow 0.2\n");
    check_keys(&plain, "AKIASTANDIN stand-in-secret token2", "instance metadata");
    write_text(&place, "answers", "403\n");
    check_refused(&plain, ERR_PERMISSION, "it answered 403");
    write_text(&place, "answers", "slow 0\n404\n");
    check_refused(&plain, ERR_PERMISSION, "the instance has no role");
    write_text(&place, "answers", "slow 0\nslow 0\ntext\n");
    check_refused(&plain, ERR_PERMISSION, "its answer is not a JSON object");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1", 1);
    check_refused(&plain, ERR_PERMISSION, "no keys from instance metadata");
    place_done(&place);
}

/* --- new keys --- */

/* Keys of the container's endpoint that live for so many seconds. */
static struct credentials *open_endpoint(const struct place *place, const char *life)
{
    struct err err;
    struct credentials *c = NULL;

    set_address(place, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container");
    write_text(place, "life", life);
    CHECK_OK((c = credentials_open(&plain, NULL, &err)) != NULL);
    return c;
}

static void test_renewal(void)
{
    struct place place = place_with_server();
    struct err err;
    struct credentials *c = open_endpoint(&place, "2");
    unsigned generation = 0;

    write_text(&place, "life", "3600");
    for (int i = 0; c && i < 600 && generation < 2; i++) {
        struct keys keys = {0};
        if (!CHECK_OK(credentials_get(c, &keys, &generation, &err)))
            break;
        CHECK_STR(keys.token, generation == 1 ? "token1" : "token2");
        keys_done(&keys);
        poll(NULL, 0, 50);
    }
    CHECK_INT(generation, 2);
    CHECK_INT(noted(&place, "container: keys"), 2);
    credentials_close(c);
    place_done(&place);
}

static void test_expired_said_by_server(void)
{
    struct place place = place_with_server();
    struct err err;
    struct credentials *c = open_endpoint(&place, "3600");
    struct keys keys = {0};
    unsigned generation = 0;

    if (c) {
        CHECK(credentials_expired(c, 1));
        CHECK_OK(credentials_get(c, &keys, &generation, &err));
        CHECK_STR(keys.token, "token2");
        keys_done(&keys);
        /* said late, of keys that are gone already */
        CHECK(credentials_expired(c, 1));
        CHECK_OK(credentials_get(c, &keys, &generation, &err));
        CHECK_STR(keys.token, "token2");
        keys_done(&keys);
        CHECK(credentials_expired(c, 2));
        write_text(&place, "answers", "403\n");
        CHECK_FAILS(credentials_get(c, &keys, &generation, &err), ERR_PERMISSION, "answered 403");
        CHECK_OK(credentials_get(c, &keys, &generation, &err));
        CHECK_STR(keys.token, "token3");
        keys_done(&keys);
    }
    credentials_close(c);
    place_done(&place);
}

/* The old ones last: the failure is not told, and not tried again at once. */
static void test_failed_renewal(void)
{
    struct place place = place_with_server();
    struct err err;
    struct credentials *c = open_endpoint(&place, "8");
    unsigned generation = 0;

    if (c) {
        write_text(&place, "answers", "403\n");
        for (int i = 0; i < 600 && noted(&place, "container: 403") == 0; i++) {
            struct keys keys = {0};
            if (!CHECK_OK(credentials_get(c, &keys, &generation, &err)))
                break;
            CHECK_STR(keys.token, "token1");
            keys_done(&keys);
            poll(NULL, 0, 50);
        }
        CHECK_INT(noted(&place, "container: 403"), 1);
    }
    credentials_close(c);
    place_done(&place);
}

static void test_expired_already(void)
{
    struct place place = place_with_server();
    struct err err;
    struct credentials *c = open_endpoint(&place, "-3600");
    struct keys keys = {0};
    unsigned generation = 0;

    if (c)
        CHECK_FAILS(credentials_get(c, &keys, &generation, &err), ERR_PERMISSION,
                    "have expired already");
    credentials_close(c);
    place_done(&place);
}

struct user {
    struct credentials *credentials;
    struct keys keys;
    unsigned generation;
    bool ok;
};

static void *use(void *state)
{
    struct user *user = state;
    struct err err;

    user->ok = credentials_get(user->credentials, &user->keys, &user->generation, &err);
    return NULL;
}

#define USERS 8

static void test_one_refresher(void)
{
    struct place place = place_with_server();
    struct user users[USERS] = {0};
    pthread_t threads[USERS];
    struct credentials *c = open_endpoint(&place, "3600");

    if (c) {
        write_text(&place, "answers", "slow 0.5\n");
        CHECK(credentials_expired(c, 1));
        for (size_t i = 0; i < USERS; i++) {
            users[i].credentials = c;
            pthread_create(&threads[i], NULL, use, &users[i]);
        }
        for (size_t i = 0; i < USERS; i++) {
            pthread_join(threads[i], NULL);
            CHECK(users[i].ok);
            CHECK_STR(users[i].keys.token, "token2");
            keys_done(&users[i].keys);
        }
        CHECK_INT(noted(&place, "container: keys"), 2);
    }
    credentials_close(c);
    place_done(&place);
}

static const struct test_case cases[] = {
    {"keys of the configuration come first, and both or none", test_config},
    {"keys and token of the environment come before the shared files", test_environment},
    {"no keys anywhere is an error that says what to do", test_nothing},
    {"shared files: profiles, names, comments, which file wins", test_shared_files},
    {"the shared files are where the environment says", test_files_elsewhere},
    {"a profile that signs in with SSO is told how to do without", test_sso_is_said},
    {"credential_process gives keys, and no shell reads its line", test_process},
    {"a credential_process that fails is told without what it printed", test_process_failures},
    {"a credential_process that does not end is ended", test_process_timeout},
    {"a web identity becomes keys, a wrong one does not", test_web_identity},
    {"a profile's role is assumed with the keys of another", test_assume_role},
    {"a container's endpoint gives keys for its token", test_container},
    {"keys are asked for over https, or near by", test_container_address},
    {"instance metadata gives keys, by version 2 only, and not when it is off", test_metadata},
    {"instance metadata fails, stalls, has no role, talks nonsense", test_metadata_failures},
    {"keys are renewed before they expire", test_renewal},
    {"keys that the server finds expired are renewed once", test_expired_said_by_server},
    {"a renewal that fails leaves the old keys in use", test_failed_renewal},
    {"keys that come expired are an error and no loop", test_expired_already},
    {"one thread gets new keys, the others wait for them", test_one_refresher},
    {NULL, NULL},
};

const struct test_suite store_credentials_suite = {"store/credentials", cases};
