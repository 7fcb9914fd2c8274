/* SPDX-License-Identifier: PostgreSQL
 *
 * The house's checks over CUnit: what fails is printed with both values and the whole error, and
 * the case goes on. CHECK_OK and CHECK_FAILS want a local `struct err err` that the call fills.
 *
 * A suite is a `const struct test_suite` that tests/main.c lists; its cases end with {NULL, NULL}.
 * The name of a case is the sentence it proves.
 *
 * Threads: checks may be made by any thread, one at a time.
 */
#ifndef ARCHIVER_TESTS_CASES_H
#define ARCHIVER_TESTS_CASES_H

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

struct test_case {
    const char *name;
    void (*run)(void);
};

struct test_suite {
    const char *name; /* "row/encode" */
    const struct test_case *cases;
};

/* All take where they stand; false where the check failed. */
bool check_true(const char *file, int line, const char *text, bool value);
bool check_ok(const char *file, int line, const char *text, bool value, const struct err *err);
/* `part`: stands somewhere in the error's line. */
bool check_fails(const char *file, int line, const char *text, bool value, const struct err *err,
                 enum err_kind kind, const char *part);
bool check_bytes(const char *file, int line, const char *text, const void *actual,
                 size_t actual_len, const void *expected, size_t expected_len);
bool check_int(const char *file, int line, const char *text, int64_t actual, int64_t expected);

#define CHECK(cond)    check_true(__FILE__, __LINE__, #cond, (cond))
#define CHECK_OK(call) check_ok(__FILE__, __LINE__, #call, (err = ERR_INIT, (call)), &err)
#define CHECK_FAILS(call, kind, part)                                                              \
    check_fails(__FILE__, __LINE__, #call, (err = ERR_INIT, (call)), &err, (kind), (part))
#define CHECK_STR(actual, expected) check_str(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_INT(actual, expected)                                                                \
    check_int(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
#define CHECK_BYTES(actual, actual_len, expected, expected_len)                                    \
    check_bytes(__FILE__, __LINE__, #actual, (actual), (actual_len), (expected), (expected_len))

static inline bool check_str(const char *file, int line, const char *text, const char *actual,
                             const char *expected)
{
    const char *a = actual ? actual : "(null)", *e = expected ? expected : "(null)";

    return check_bytes(file, line, text, a, strlen(a), e, strlen(e));
}

/* The next of a sequence that is the same each time, so that a failure can be had again. */
uint32_t test_chance(uint32_t *seed, uint32_t below);
/* Where test data is: $TESTS_DIR, or "tests". */
const char *test_dir(void);
/* A directory of its own below $TMPDIR or /tmp; test_rmdir removes it with all that is in it. */
char *test_mkdtemp(void);
void test_rmdir(char *path);

#endif
