/* SPDX-License-Identifier: PostgreSQL */
#include "config/config.h"

#include <dirent.h>
#include <stdlib.h>

#include "cases.h"
#include "config/yaml.h"

static const char head[] = "version: \"3\"\n"
                           "s3: {bucket: cold, endpoint: 'file:///srv'}\n";
static const char tail[] = "databases:\n"
                           "  - name: appdb\n"
                           "    user: u\n"
                           "    tables:\n"
                           "      - {name: logs, timestamp_column: at}\n";

static char *write_file(const char *dir, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", dir, name);
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
    return path;
}

/* NULL with *err where it does not load. */
static struct config *load(const char *text, struct err *err)
{
    char *dir = test_mkdtemp();
    char *path = write_file(dir, "a.yaml", text);
    struct config *config = config_load(path, err);

    free(path);
    test_rmdir(dir);
    return config;
}

static struct config *load_with(const char *middle, struct err *err)
{
    char *text = mem_printf("%s%s%s", head, middle, tail);
    struct config *config = load(text, err);

    free(text);
    return config;
}

static void test_defaults_and_inheritance(void)
{
    struct err err;
    struct config *c = load("version: \"3\"\n"
                            "s3: {bucket: b}\n"
                            "defaults: {retention_days: 100, batch_size: 5000}\n"
                            "databases:\n"
                            "  - name: one\n"
                            "    user: u\n"
                            "    retention_days: 50\n"
                            "    tables:\n"
                            "      - {name: a, timestamp_column: t}\n"
                            "      - {name: b, schema: s, timestamp_column: t, retention_days: 7}\n"
                            "  - name: two\n"
                            "    dbname: other\n"
                            "    user: u\n"
                            "    tables: [{name: c, timestamp_column: t}]\n",
                            &err);

    CHECK_OK(c != NULL);
    if (!c)
        return;
    CHECK_INT(c->databases[0].tables[0].settings.retention_days, 50);
    CHECK_INT(c->databases[0].tables[1].settings.retention_days, 7);
    CHECK_INT(c->databases[1].tables[0].settings.retention_days, 100);
    CHECK_INT(c->databases[0].tables[1].settings.batch_size, 5000);
    CHECK_INT(c->databases[0].tables[0].settings.safety_buffer_days, 1);
    CHECK_STR(c->databases[0].tables[0].schema, "public");
    CHECK_STR(c->databases[0].dbname, "one");
    CHECK_STR(c->databases[1].dbname, "other");
    CHECK(c->s3.endpoint == NULL);
    config_free(c);
}

/* Exact: what people read, with its place. */
static void test_errors(void)
{
    static const struct {
        const char *middle, *line;
        enum err_kind kind;
    } wrong[] = {
        {"defaults: {retention_dys: 5}\n",
         "unknown key `retention_dys` in defaults: %s:3:12 (did you mean `retention_days`?)",
         ERR_CONFIG},
        {"defaults:\n  retention_days: soon\n",
         "retention_days: \"soon\" is not a whole number: %s:4:19", ERR_CONFIG},
        {"defaults: {compression: lz4}\n", "compression: \"lz4\"", ERR_CONFIG},
        {"defaults: {compression: gizp}\n", "did you mean `gzip`?", ERR_CONFIG},
        {"defaults: {retention_days: 1}\ndefaults: {retention_days: 2}\n",
         "duplicate key `defaults`: %s:4:1: first at line 3", ERR_CONFIG},
        {"defaults: {retention_days: '${NO_SUCH_VARIABLE}'}\n",
         "environment variable NO_SUCH_VARIABLE is not set: %s:3:", ERR_CONFIG},
        {"defaults: [\n", "not YAML", ERR_CONFIG},
        {"defaults: 5\n", "keys and values are expected", ERR_CONFIG},
        {"defaults: !!python/object x\n", "unknown tag", ERR_CONFIG},
        {"legal_holds: {enabled: true}\n", "is not supported by this version yet", ERR_CONFIG},
        {"encryption: {enabled: true}\n", "`key_id` is missing in encryption: %s:3:13", ERR_CONFIG},
        {"encryption: {key_id: a}\n", "key \"a\": nothing says where it comes from", ERR_CONFIG},
        {"encryption: {key_id: a, key_env: A, key_file: b}\n",
         "key \"a\": more than one source of it: %s:3:13", ERR_CONFIG},
        {"encryption: {key_id: a/b, key_env: A}\n", "key_id: \"a/b\" is not the name of a key",
         ERR_CONFIG},
        {"encryption: {key_id: a, key_env: 0123/+=}\n",
         "key_env: not the name of an environment variable", ERR_CONFIG},
        {"encryption: {enabled: false, key_env: A}\n", "`key_id` is missing in encryption",
         ERR_CONFIG},
        {"encryption: {key_id: a, key_env: A, previous_keys: [{key_id: a, key_env: B}]}\n",
         "key \"a\" is there twice: %s:3:", ERR_CONFIG},
        {"encryption: {key_id: a, key_env: A, previous_keys: [{key_id: b}]}\n",
         "key \"b\": nothing says where it comes from", ERR_CONFIG},
        {"encryption: {key_id: a, key_env: A, previous_keys: [{key_env: B}]}\n",
         "`key_id` is missing in previous_keys[0]", ERR_CONFIG},
    };
    char *dir = test_mkdtemp();

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *text = mem_printf("%s%s%s", head, wrong[i].middle, tail);
        char *path = write_file(dir, "a.yaml", text);
        char *line = mem_printf(wrong[i].line, path);
        struct err err;
        if (!CHECK_FAILS(config_load(path, &err) != NULL, wrong[i].kind, line))
            printf("    ^ %s", wrong[i].middle);
        free(text);
        free(path);
        free(line);
    }
    test_rmdir(dir);
}

static void test_missing_parts(void)
{
    struct err err;

    CHECK_FAILS(load("", &err) != NULL, ERR_CONFIG, "is empty");
    CHECK_FAILS(load("s3: {bucket: b}\n", &err) != NULL, ERR_CONFIG, "`version` is missing");
    CHECK_FAILS(load("version: \"4\"\n", &err) != NULL, ERR_CONFIG,
                "version: \"4\" is not one of \"3\", \"2.0\", \"1.0\"");
    CHECK_FAILS(load("version: \"3\"\ns3: {bucket: a}\n", &err) != NULL, ERR_CONFIG,
                "`databases` is missing");
    CHECK_FAILS(config_load("/nonexistent/a.yaml", &err) != NULL, ERR_CONFIG, "cannot read");
}

static void test_variables(void)
{
    struct err err;

    setenv("TEST_DAYS", "77", 1);
    unsetenv("TEST_UNSET");
    struct config *c = load_with("defaults: {retention_days: '${TEST_DAYS}',"
                                 " batch_size: '${TEST_UNSET:-123}', where: 'a = $${x}'}\n",
                                 &err);
    CHECK_OK(c != NULL);
    if (c) {
        CHECK_INT(c->defaults.retention_days, 77);
        CHECK_INT(c->defaults.batch_size, 123);
        CHECK_STR(c->defaults.where, "a = ${x}");
    }
    config_free(c);
    unsetenv("TEST_DAYS");
}

static void test_anchors_and_includes(void)
{
    struct err err;
    char *dir = test_mkdtemp();
    char *path =
        write_file(dir, "a.yaml",
                   "version: \"3\"\n"
                   "s3: !include s3.yaml\n"
                   "defaults: &d {retention_days: 20}\n"
                   "databases:\n"
                   "  - name: one\n"
                   "    user: u\n"
                   "    <<: *d\n"
                   "    tables: [{name: a, timestamp_column: t, <<: *d, retention_days: 30}]\n");
    char *other = write_file(dir, "s3.yaml", "bucket: included\n");
    struct config *c = config_load(path, &err);

    CHECK_OK(c != NULL);
    if (c) {
        CHECK_STR(c->s3.bucket, "included");
        CHECK_INT(c->databases[0].settings.retention_days, 20);
        CHECK_INT(c->databases[0].tables[0].settings.retention_days, 30);
    }
    config_free(c);
    free(other);
    other = write_file(dir, "s3.yaml", "!include a.yaml\n");
    CHECK_FAILS(config_load(path, &err) != NULL, ERR_CONFIG, "goes round in a circle");
    free(path);
    free(other);
    test_rmdir(dir);
}

static void test_earlier_files(void)
{
    char *dir = mem_printf("%s/config", test_dir());
    DIR *files = opendir(dir);
    struct dirent *file;
    int count = 0;

    setenv("DB_PASSWORD", "x", 1);
    CHECK(files != NULL);
    while (files && (file = readdir(files))) {
        char *path = mem_printf("%s/%s", dir, file->d_name);
        struct err err;
        if (strstr(file->d_name, ".yaml")) {
            struct config *c = config_load(path, &err);
            if (!CHECK_OK(c != NULL))
                printf("    ^ %s\n", path);
            count += c && c->version == CONFIG_V2;
            config_free(c);
        }
        free(path);
    }
    if (files)
        closedir(files);
    CHECK_INT(count, 6);
    free(dir);
}

static void test_show(void)
{
    struct err err;
    struct config *c = load("version: \"3\"\n"
                            "s3: {bucket: b, access_key_id: AKIA, secret_access_key: topsecret}\n"
                            "databases:\n"
                            "  - {name: one, user: u, password: hunter2, tables: [{name: \"a b\","
                            " timestamp_column: t, primary_key: [x, y]}]}\n",
                            &err);
    struct buf yaml = BUF_INIT, again = BUF_INIT;

    CHECK_OK(c != NULL);
    if (!c)
        return;
    config_show(c, false, &yaml);
    CHECK(!strstr(yaml.data, "topsecret") && !strstr(yaml.data, "hunter2"));
    config_free(c);
    c = load(yaml.data, &err);
    CHECK_OK(c != NULL);
    if (c) {
        config_show(c, false, &again);
        CHECK_STR(buf_str(&again), buf_str(&yaml));
        CHECK_INT(c->databases[0].tables[0].primary_key.count, 2);
    }
    config_free(c);
    buf_done(&yaml);
    buf_done(&again);
}

/* A document that grows without end when its aliases are followed. */
static void test_bomb(void)
{
    struct buf text = BUF_INIT;
    struct err err;

    buf_adds(&text, "version: \"3\"\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++)
        buf_addf(&text, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i, i - 1,
                 i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    CHECK_FAILS(load(buf_str(&text), &err) != NULL, ERR_CONFIG, "too many values");
    buf_done(&text);
}

static const struct test_case cases[] = {
    {"a table says what its database and the defaults do not", test_defaults_and_inheritance},
    {"errors say what, in which line and column, and what was meant", test_errors},
    {"what has to be there and is not is said", test_missing_parts},
    {"variables are filled in, with and without a default", test_variables},
    {"anchors, merge keys and includes work, circles do not", test_anchors_and_includes},
    {"files of the earlier archiver load", test_earlier_files},
    {"what is shown can be loaded again and shows no secret", test_show},
    {"aliases cannot blow a file up", test_bomb},
    {NULL, NULL},
};

const struct test_suite config_config_suite = {"config/config", cases};
