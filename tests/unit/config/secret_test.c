/* SPDX-License-Identifier: PostgreSQL */
#include "config/secret.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "cases.h"
#include "config/secret_command.h"

static bool command(const char *text, int timeout_ms, struct buf *ret, struct err *err)
{
    return secret_command(text, timeout_ms, 64, ret, err);
}

static void test_commands(void)
{
    struct buf out = BUF_INIT;
    struct err err;

    CHECK_OK(command("printf  abc ", 30000, &out, &err));
    CHECK_STR(buf_str(&out), "abc");
    CHECK_OK(command("echo $HOME;id", 30000, &out, &err)); /* no shell */
    CHECK_STR(buf_str(&out), "$HOME;id\n");
    CHECK_OK(command("cat", 30000, &out, &err)); /* nothing to read */
    CHECK_STR(buf_str(&out), "");
    CHECK_FAILS(command("false", 30000, &out, &err), ERR_CONFIG, "false failed: exit 1");
    CHECK_FAILS(command("/no/such/program x", 30000, &out, &err), ERR_CONFIG,
                "cannot run /no/such/program");
    CHECK_FAILS(command("  ", 30000, &out, &err), ERR_CONFIG, "the command has no program");
    CHECK_FAILS(command("seq 1000", 30000, &out, &err), ERR_CONFIG, "prints more than a secret");
    CHECK_INT(out.len, 0);
    CHECK_FAILS(command("sleep 600", 100, &out, &err), ERR_CONFIG, "sleep took too long");
    char *dir = test_mkdtemp(), *silent = mem_printf("sh %s/silent", dir);
    FILE *f = fopen(silent + 3, "w");
    fputs("exec >&-; exec sleep 600\n", f); /* nothing more to read, and yet not at its end */
    fclose(f);
    CHECK_FAILS(command(silent, 100, &out, &err), ERR_CONFIG, "sh took too long");
    free(silent);
    test_rmdir(dir);
    buf_done(&out);
}

static void test_sources(void)
{
    char *dir = test_mkdtemp();
    char *path = mem_printf("%s/key", dir);
    struct config_key env = {.id = "a", .env = "ARCHIVER_TEST_KEY"};
    struct config_key file = {.id = "b", .file = path};
    struct config_key program = {.id = "c", .command = "printf secret\\n"};
    struct buf key = BUF_INIT, text = BUF_INIT;
    struct err err;
    FILE *f = fopen(path, "w");

    fputs("in the file\r\n", f);
    fclose(f);
    unsetenv("ARCHIVER_TEST_KEY");
    CHECK_FAILS(secret_key(&env, &key, &err), ERR_CONFIG,
                "environment variable ARCHIVER_TEST_KEY is not set: encryption key \"a\"");
    setenv("ARCHIVER_TEST_KEY", "of the environment", 1);
    CHECK_OK(secret_key(&env, &key, &err));
    CHECK_STR(buf_str(&key), "of the environment");
    secret_done(&key);
    chmod(path, 0644);
    CHECK_FAILS(secret_key(&file, &key, &err), ERR_PERMISSION, "others may read the key file");
    chmod(path, 0600);
    CHECK_OK(secret_key(&file, &key, &err));
    CHECK_BYTES(key.data, key.len, "in the file", 11);
    secret_done(&key);
    CHECK_OK(secret_key(&program, &key, &err));
    CHECK_BYTES(key.data, key.len, "secret", 6);
    secret_done(&key);
    secret_describe_key(&program, &text);
    CHECK_STR(buf_str(&text), "command printf");
    buf_done(&text);
    free(path);
    test_rmdir(dir);
}

static const struct test_case cases[] = {
    {"a program's output, without a shell and not for ever", test_commands},
    {"keys come from the environment, a file, a program", test_sources},
    {NULL, NULL},
};

const struct test_suite config_secret_suite = {"config/secret", cases};
