/* SPDX-License-Identifier: PostgreSQL */
#include "row/keymatch.h"

#include "cases.h"

static const struct type integer = {.kind = TYPE_INT, .name = "bigint", .udt_name = "int8"};
static const struct type text = {.kind = TYPE_TEXT, .name = "text", .udt_name = "text"};
static const struct type uuid = {.kind = TYPE_TEXT, .name = "uuid", .udt_name = "uuid"};
static const struct type numeric = {.kind = TYPE_TEXT, .name = "numeric", .udt_name = "numeric"};
static const struct type padded = {.kind = TYPE_TEXT, .name = "character(5)", .udt_name = "bpchar"};
static const struct type real = {.kind = TYPE_FLOAT, .name = "real", .udt_name = "float4"};
static const struct type boolean = {.kind = TYPE_BOOL, .name = "boolean", .udt_name = "bool"};
static const struct type moment = {.kind = TYPE_TIMESTAMPTZ,
                                   .name = "timestamp with time zone",
                                   .udt_name = "timestamptz"};
static const struct type bytea = {.kind = TYPE_BYTEA, .name = "bytea", .udt_name = "bytea"};

static bool matches(const char *value, const struct type *const *types, size_t count,
                    const char *json)
{
    struct err err;
    bool equal = false;
    struct keymatch *match = keymatch_new(value, types, count, &err);

    CHECK_OK(match != NULL);
    if (match)
        CHECK_OK(keymatch_key(match, json, strlen(json), &equal, &err));
    keymatch_free(match);
    return equal;
}

static void test_one_column(void)
{
    static const struct {
        const struct type *type;
        const char *value, *json;
        bool equal;
    } cases[] = {
        {&integer, "5", "5", true},
        {&integer, "+005", "5", true},
        {&integer, "5", "55", false},
        {&integer, "-9223372036854775808", "-9223372036854775808", true},
        {&text, "a", "\"a\"", true},
        {&text, "A", "\"a\"", false},
        {&text, "a,b", "\"a,b\"", true},
        {&text, "\"a,b\"", "\"a,b\"", true},
        {&text, "\"\"\"q\"\"\"", "\"\\\"q\\\"\"", true},
        {&text, "\xc3\xa9", "\"\\u00e9\"", true},
        {&text, "", "\"\"", true},
        {&text, "null", "null", false},
        {&text, "null", "\"null\"", true},
        {&uuid, "{A0EEBC99-9C0B4EF8BB6D6BB9BD380A11}", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
         true},
        {&numeric, "1.5", "\"1.500\"", true},
        {&numeric, "15e-1", "\"1.5\"", true},
        {&numeric, "-0.0", "\"0\"", true},
        {&numeric, "100", "\"1E+2\"", true},
        {&numeric, "-1", "\"1\"", false},
        {&numeric, "1", "\"10\"", false},
        {&numeric, "NaN", "\"NaN\"", true},
        {&padded, "abc", "\"abc  \"", true},
        {&real, "0.10", "0.1", true},
        {&real, "NaN", "\"NaN\"", true},
        {&boolean, "t", "true", true},
        {&boolean, "no", "true", false},
        {&moment, "2024-01-01 01:00+01", "\"2024-01-01T00:00:00+00:00\"", true},
        {&moment, "infinity", "\"infinity\"", true},
        {&moment, "2024-01-01", "\"2024-01-01T00:00:01+00:00\"", false},
        {&bytea, "\\xff00", "\"/wA=\"", true},
        {NULL, "7", "7", true},
        {NULL, "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"",
         true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool equal = matches(cases[i].value, &cases[i].type, 1, cases[i].json);
        if (equal != cases[i].equal)
            printf("    %s against %s\n", cases[i].value, cases[i].json);
        CHECK(equal == cases[i].equal);
    }
}

static void test_several_columns(void)
{
    const struct type *const types[] = {&text, &integer};

    CHECK(matches("a,5", types, 2, "[\"a\",5]"));
    CHECK(matches("\"a,\"\"\",5", types, 2, "[ \"a,\\\"\" , 5 ]"));
    CHECK(matches(",5", types, 2, "[\"\",5]"));
    CHECK(!matches("a,5", types, 2, "[\"a\",6]"));
    CHECK(!matches("a,5", types, 2, "[\"b\",5]"));
}

static void test_what_is_no_key(void)
{
    const struct type *const two[] = {&text, &integer};
    const struct type *const one[] = {&integer};
    struct err err;

    CHECK_FAILS(keymatch_new("a", two, 2, &err) != NULL, ERR_USAGE,
                "\"a\" is 1 values, the key has 2 columns");
    CHECK_FAILS(keymatch_new("a,b", two, 2, &err) != NULL, ERR_USAGE,
                "\"b\" is not a value of type bigint");
    CHECK_FAILS(keymatch_new("\"a,5", two, 2, &err) != NULL, ERR_USAGE,
                "\"\"a,5\": a quote is not closed, or not in its place");
    CHECK_FAILS(keymatch_new("", one, 1, &err) != NULL, ERR_USAGE,
                "\"\" is not a value of type bigint");
}

static const struct test_case cases[] = {
    {"one column", test_one_column},
    {"several columns", test_several_columns},
    {"what is no key", test_what_is_no_key},
    {NULL, NULL},
};

const struct test_suite row_keymatch_suite = {"row/keymatch", cases};
