/* SPDX-License-Identifier: PostgreSQL
 *
 * The table of suites. `tests/main` runs all but live/..., which need a server (tests/run live);
 * `tests/main row/encode store` those whose names begin so. The last line is `N passed, N failed`.
 */
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "cases.h"

extern const struct test_suite base_err_suite, base_text_suite, base_queue_suite,
    config_config_suite, row_shape_suite, row_mapping_suite, row_encode_suite, row_decode_suite,
    member_member_suite, member_deflate_suite, member_huffman_suite, catalog_key_suite,
    catalog_catalog_suite, store_dir_suite, store_sign_suite, store_xml_suite, row_filter_suite,
    row_keymatch_suite, row_pyrepr_suite, row_earlier_suite, config_secret_suite,
    member_cipher_suite, store_keeping_suite, store_credentials_suite, store_parts_suite,
    store_address_suite, store_pace_suite, rate_suite, stride_suite, roster_suite, progress_suite,
    live_mapping_suite, live_create_suite, live_aside_suite, ui_glyphs_suite, ui_canvas_suite,
    ui_table_suite, ui_task_suite, ui_form_suite, json_tree_suite, base_diff_suite, wizard_suite,
    verify_suite, config_edit_suite, restore_plan_suite;

static const struct test_suite *const suites[] = {
    &base_err_suite,
    &base_text_suite,
    &base_queue_suite,
    &config_config_suite,
    &row_shape_suite,
    &row_mapping_suite,
    &row_encode_suite,
    &row_decode_suite,
    &member_huffman_suite,
    &member_deflate_suite,
    &member_member_suite,
    &catalog_key_suite,
    &catalog_catalog_suite,
    &store_dir_suite,
    &store_sign_suite,
    &store_xml_suite,
    &row_filter_suite,
    &row_keymatch_suite,
    &row_pyrepr_suite,
    &row_earlier_suite,
    &config_secret_suite,
    &member_cipher_suite,
    &rate_suite,
    &stride_suite,
    &roster_suite,
    &progress_suite,
    &live_mapping_suite,
    &live_create_suite,
    &live_aside_suite,
    &store_keeping_suite,
    &store_credentials_suite,
    &store_parts_suite,
    &store_address_suite,
    &store_pace_suite,
    &ui_glyphs_suite,
    &ui_canvas_suite,
    &ui_table_suite,
    &ui_task_suite,
    &ui_form_suite,
    &json_tree_suite,
    &base_diff_suite,
    &wizard_suite,
    &verify_suite,
    &config_edit_suite,
    &restore_plan_suite,
};

#define SUITE_COUNT (sizeof(suites) / sizeof(suites[0]))

/* --- checks --- */

static bool report(const char *file, int line, bool ok, const char *message)
{
    if (!ok)
        printf("%s:%d: %s\n", file, line, message);
    return CU_assertImplementation(ok, (unsigned)line, message, file, "", CU_FALSE);
}

bool check_true(const char *file, int line, const char *text, bool value)
{
    return report(file, line, value, text);
}

bool check_int(const char *file, int line, const char *text, int64_t actual, int64_t expected)
{
    char message[600];

    snprintf(message, sizeof(message), "%s: got %" PRId64 ", expected %" PRId64, text, actual,
             expected);
    return report(file, line, actual == expected, message);
}

bool check_ok(const char *file, int line, const char *text, bool value, const struct err *err)
{
    char why[sizeof(*err)], message[sizeof(*err) + 300];

    err_line(err, why, sizeof(why));
    snprintf(message, sizeof(message), "%.200s failed: %s", text, why);
    return report(file, line, value, message);
}

bool check_fails(const char *file, int line, const char *text, bool value, const struct err *err,
                 enum err_kind kind, const char *part)
{
    char why[sizeof(*err)], message[sizeof(*err) + 600];

    if (value) {
        snprintf(message, sizeof(message), "%.200s did not fail", text);
        return report(file, line, false, message);
    }
    err_line(err, why, sizeof(why));
    snprintf(message, sizeof(message),
             "%.200s failed with kind %d, \"%s\"; expected kind %d, \"%s\"", text, err->kind, why,
             kind, part);
    return report(file, line, err->kind == kind && strstr(why, part), message);
}

bool check_bytes(const char *file, int line, const char *text, const void *actual,
                 size_t actual_len, const void *expected, size_t expected_len)
{
    bool same = actual_len == expected_len &&
                (expected_len == 0 || memcmp(actual, expected, expected_len) == 0);
    char message[1200];

    snprintf(message, sizeof(message), "%.100s:\n    got      %.*s\n    expected %.*s", text,
             (int)(actual_len < 500 ? actual_len : 500), (const char *)actual,
             (int)(expected_len < 500 ? expected_len : 500), (const char *)expected);
    return report(file, line, same, message);
}

/* --- by chance --- */

uint32_t test_chance(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* --- places --- */

const char *test_dir(void)
{
    const char *dir = getenv("TESTS_DIR");

    return dir ? dir : "tests";
}

char *test_mkdtemp(void)
{
    const char *top = getenv("TMPDIR");
    char *path = mem_printf("%s/archiver-unit.XXXXXX", top ? top : "/tmp");

    if (!mkdtemp(path)) {
        perror(path);
        exit(2);
    }
    return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void test_rmdir(char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(path);
}

/* --- running --- */

static bool is_asked(const struct test_suite *suite, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(suite->name, argv[i], strlen(argv[i])) == 0)
            return true;
    }
    return argc < 2 && strncmp(suite->name, "live/", 5) != 0;
}

static void register_suites(int argc, char **argv)
{
    for (size_t i = 0; i < SUITE_COUNT; i++) {
        if (!is_asked(suites[i], argc, argv))
            continue;
        CU_pSuite suite = CU_add_suite(suites[i]->name, NULL, NULL);
        for (const struct test_case *c = suites[i]->cases; c->name; c++) {
            if (!CU_add_test(suite, c->name, c->run)) {
                printf("%s: %s: %s\n", suites[i]->name, c->name, CU_get_error_msg());
                exit(2);
            }
        }
    }
}

static void test_done(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    if (failure)
        printf("FAILED  %s: %s\n", suite->pName, test->pName);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    CU_initialize_registry();
    register_suites(argc, argv);
    CU_set_test_complete_handler(test_done);
    CU_run_all_tests();
    unsigned failed = CU_get_number_of_tests_failed();
    unsigned passed = CU_get_number_of_tests_run() - failed;
    CU_cleanup_registry();
    printf("%u passed, %u failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
