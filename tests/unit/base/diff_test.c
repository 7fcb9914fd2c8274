/* SPDX-License-Identifier: PostgreSQL */
#include "base/diff.h"

#include "cases.h"

static const char *diff(const char *before, const char *after)
{
    static struct buf text;

    buf_reset(&text);
    diff_lines(before, after, &text);
    return buf_str(&text);
}

static void equal_texts_have_no_difference(void)
{
    CHECK_STR(diff("", ""), "");
    CHECK_STR(diff("a\nb\n", "a\nb\n"), "");
}

static void lines_that_come_and_go_are_signed(void)
{
    CHECK_STR(diff("a\nb\nc\n", "a\nx\nc\n"), " a\n-b\n+x\n c\n");
    CHECK_STR(diff("", "a\nb\n"), "+a\n+b\n");
    CHECK_STR(diff("a\nb\n", ""), "-a\n-b\n");
    CHECK_STR(diff("b\n", "a\nb\nc\n"), "+a\n b\n+c\n");
}

static void three_lines_around_a_change_are_shown(void)
{
    CHECK_STR(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
              " 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
}

static const struct test_case cases[] = {
    {"equal_texts_have_no_difference", equal_texts_have_no_difference},
    {"lines_that_come_and_go_are_signed", lines_that_come_and_go_are_signed},
    {"three_lines_around_a_change_are_shown", three_lines_around_a_change_are_shown},
    {NULL, NULL},
};
const struct test_suite base_diff_suite = {"base/diff", cases};
