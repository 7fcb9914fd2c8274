/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"

#include <errno.h>

#include "base/json.h"
#include "cases.h"

static void check_line(const struct err *err, const char *expected)
{
    char line[sizeof(*err)];

    err_line(err, line, sizeof(line));
    CHECK_STR(line, expected);
}

static void test_parts(void)
{
    struct err err;

    CHECK(!err_set(&err, ERR_CONFIG, "what %d", 1));
    check_line(&err, "what 1");
    err_why(&err, "why");
    err_hint(&err, "hint");
    err_in(&err, "batch %d", 3);
    err_in(&err, "table t");
    check_line(&err, "what 1: table t, batch 3: why (hint)");
}

static void test_long_texts(void)
{
    struct err err;
    char text[1000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, ERR_DATA, "%s", text);
    err_why(&err, "%s", text);
    for (int i = 0; i < 50; i++)
        err_in(&err, "level %d", i);
    CHECK_STR(err.what + strlen(err.what) - 3, "...");
    CHECK(strlen(err.where) < sizeof(err.where));
    CHECK(strncmp(err.where, "level 49", 8) == 0);
}

static void test_exit_codes(void)
{
    CHECK_INT(err_exit_code(ERR_NONE), 0);
    CHECK_INT(err_exit_code(ERR_PARTIAL), 1);
    CHECK_INT(err_exit_code(ERR_DATA), 2);
    CHECK_INT(err_exit_code(ERR_PREFLIGHT), 3);
    CHECK_INT(err_exit_code(ERR_LOCKED), 4);
    CHECK_INT(err_exit_code(ERR_PERMISSION), 5);
    CHECK_INT(err_exit_code(ERR_RESOURCE), 6);
    CHECK_INT(err_exit_code(ERR_NETWORK), 7);
    CHECK_INT(err_exit_code(ERR_INTERRUPTED), 130);
}

static void test_errno(void)
{
    struct err err;

    err_sys(&err, ERR_STORE, ENOSPC, "cannot write");
    CHECK_INT(err.kind, ERR_RESOURCE);
    check_line(&err, "cannot write: No space left on device");
    err_sys(&err, ERR_STORE, EACCES, "cannot write");
    CHECK_INT(err.kind, ERR_PERMISSION);
    err_sys(&err, ERR_STORE, EIO, "cannot write");
    CHECK_INT(err.kind, ERR_STORE);
}

static void test_also(void)
{
    struct err first = ERR_INIT, second;

    err_set(&second, ERR_DATA, "second");
    err_also(&first, &second);
    CHECK_STR(first.what, "second");
    err_set(&first, ERR_CONFIG, "first");
    err_also(&first, &second);
    CHECK_STR(first.what, "first");
}

static void test_json_writer(void)
{
    struct buf json = BUF_INIT;
    struct json_out j = json_out(&json, 0);

    json_begin_object(&j);
    json_put_str(&j, "a\"b", "x\ty\x01");
    json_put_str(&j, "n", NULL);
    json_key(&j, "l");
    json_begin_array(&j);
    json_add_int(&j, INT64_MIN);
    json_add_bool(&j, true);
    json_add_real(&j, 1.5, 2);
    json_end(&j);
    json_end(&j);
    CHECK_STR(buf_str(&json), "{\"a\\\"b\":\"x\\ty\\u0001\",\"n\":null,"
                              "\"l\":[-9223372036854775808,true,1.50]}");
    buf_done(&json);
}

static const struct test_case cases[] = {
    {"an error says what, where, why and what next", test_parts},
    {"what is too long is cut and says so", test_long_texts},
    {"each kind has its exit code", test_exit_codes},
    {"errno becomes a kind", test_errno},
    {"the first error wins", test_also},
    {"the JSON writer places commas and escapes", test_json_writer},
    {NULL, NULL},
};

const struct test_suite base_err_suite = {"base/err", cases};
