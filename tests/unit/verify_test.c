/* SPDX-License-Identifier: PostgreSQL */
#include "verify.h"

#include "cases.h"
#include "verify_kind.h"

static void every_kind_of_finding_has_words_of_its_own(void)
{
    static const char *const kinds[] = {
        "missing_data", "missing_metadata", "missing_manifest", "bad_metadata",   "bad_size",
        "bad_checksum", "bad_member",       "bad_count",        "bad_row",        "bad_bounds",
        "bad_key",      "bad_catalog",      "bad_schema",       "key_in_table",   "unsettled",
        "unreadable",   "no_key",           "bad_seal",         "column_added",   "column_removed",
        "key_changed",  "restored",         "keys_skipped",     "column_retyped", "lost",
        "uncertain",    "orphan",
    };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        CHECK_STR(verify_kind(kinds[i])->name, kinds[i]);
    CHECK_STR(verify_kind("another")->name, "");
    CHECK(*verify_kind("another")->next);
}

static void only_what_the_object_is_to_blame_for_is_its_problem(void)
{
    struct verify_report report = {0};
    struct err err;

    err_set(&err, ERR_DATA, "damaged");
    verify_report_problem_err(&report, "a", "bad_member", &err);
    err_set(&err, ERR_NETWORK, "no answer");
    verify_report_problem_err(&report, "b", "bad_metadata", &err);
    err_set(&err, ERR_INTERRUPTED, "stopped");
    verify_report_problem_err(&report, "c", "unreadable", &err);
    CHECK_INT((int)report.problem_count, 2);
    CHECK_STR(report.problems[0].kind, "bad_member");
    CHECK_STR(report.problems[1].kind, "unreadable");
    verify_report_done(&report);
}

static const struct test_case cases[] = {
    {"every_kind_of_finding_has_words_of_its_own", every_kind_of_finding_has_words_of_its_own},
    {"only_what_the_object_is_to_blame_for_is_its_problem",
     only_what_the_object_is_to_blame_for_is_its_problem},
    {NULL, NULL},
};
const struct test_suite verify_suite = {"verify", cases};
