/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter.h"

#include "codec.h"
#include "row/encode.h"

static const char *const columns[][2] = {
    {"id", "int8"},         {"at", "timestamptz"}, {"level", "text"},  {"n", "numeric"},
    {"r", "float4"},        {"d", "float8"},       {"ok", "bool"},     {"body", "jsonb"},
    {"day", "date"},        {"u", "uuid"},         {"b", "bytea"},     {"c", "bpchar"},
    {"iv", "interval"},     {"mood", "mood"},      {"tags", "text[]"}, {"j", "json"},
    {"local", "timestamp"}, {"t", "time"},         {"User", "text"},   {"p", "pair"},
    {"ns", "numeric[]"},    {"i2", "int4"},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* --- rows and questions --- */

static struct shape *make_shape(void)
{
    return codec_shape(columns, COLUMN_COUNT, "at");
}

/* A row of COPY text from "name=value" pairs with '|' between them; the rest is NULL. */
static void make_row(const struct shape *shape, const char *pairs, struct buf *ret)
{
    buf_reset(ret);
    for (size_t i = 0; i < shape->column_count; i++) {
        const char *name = shape->columns[i].name, *value = NULL;
        size_t len = strlen(name);
        for (const char *p = pairs; *p; p += strcspn(p, "|"), p += *p == '|') {
            if (strncmp(p, name, len) == 0 && p[len] == '=')
                value = p + len + 1;
        }
        if (i > 0)
            buf_addc(ret, '\t');
        if (value)
            buf_add(ret, value, strcspn(value, "|"));
        else
            buf_adds(ret, "\\N");
    }
    buf_addc(ret, '\n');
}

static bool matches(const struct shape *shape, const char *row, const char *form, const char *where)
{
    struct buf line = BUF_INIT;
    char *text = mem_printf(form, where);
    struct err err = ERR_INIT;
    bool match = false;
    struct filter *filter = filter_new(text, shape, &err);

    make_row(shape, row, &line);
    if (!check_ok(__FILE__, __LINE__, text,
                  filter && filter_row(filter, line.data, line.len, &match, &err), &err))
        printf("    ^ of %s\n", row);
    filter_free(filter);
    free(text);
    buf_done(&line);
    return match;
}

/* 't', 'f' or 'n': of the expression itself WHERE would not tell false from NULL. */
static char ask(const struct shape *shape, const char *row, const char *where)
{
    bool t = matches(shape, row, "%s", where);
    bool f = matches(shape, row, "(%s) IS FALSE", where);
    bool n = matches(shape, row, "(%s) IS NULL", where);

    return t + f + n != 1 ? '!' : t ? 't' : f ? 'f' : 'n';
}

struct answer {
    const char *row, *where;
    char expected;
};

static void check_answers(const struct answer *answers, size_t count)
{
    struct shape *shape = make_shape();

    for (size_t i = 0; i < count; i++) {
        char found = ask(shape, answers[i].row, answers[i].where);
        if (!CHECK(found == answers[i].expected))
            printf("    ^ %s: %s: %c, not %c\n", answers[i].row, answers[i].where, found,
                   answers[i].expected);
    }
    shape_free(shape);
}

#define CHECK_ANSWERS(answers) check_answers(answers, sizeof(answers) / sizeof((answers)[0]))

/* --- answers --- */

static void test_null_logic(void)
{
    static const struct answer answers[] = {
        {"", "id = 5", 'n'},
        {"", "NOT id = 5", 'n'},
        {"", "id IS NULL", 't'},
        {"", "id IS NOT NULL", 'f'},
        {"", "id = 5 AND false", 'f'},
        {"", "id = 5 AND true", 'n'},
        {"", "id = 5 OR true", 't'},
        {"", "id = 5 OR false", 'n'},
        {"", "id IN (1, 2)", 'n'},
        {"id=3", "id IN (1, NULL)", 'n'},
        {"id=1", "id IN (1, NULL)", 't'},
        {"id=1", "id NOT IN (1, NULL)", 'f'},
        {"id=3", "id NOT IN (1, NULL)", 'n'},
        {"id=3|i2=3", "id IN (i2, NULL)", 't'},
        {"id=3", "id IN (i2, 4)", 'n'},
        {"id=3", "id BETWEEN 4 AND NULL", 'f'},
        {"id=5", "id BETWEEN 4 AND NULL", 'n'},
        {"id=3", "id NOT BETWEEN 4 AND NULL", 't'},
        {"", "id IS DISTINCT FROM 5", 't'},
        {"", "id IS NOT DISTINCT FROM NULL", 't'},
        {"id=5", "id IS DISTINCT FROM 5", 'f'},
        {"", "ok IS TRUE", 'f'},
        {"", "ok IS NOT TRUE", 't'},
        {"", "ok IS UNKNOWN", 't'},
        {"ok=f", "NOT ok", 't'},
        {"", "NOT ok", 'n'},
        {"", "level LIKE 'a'", 'n'},
        {"level=a", "level NOT LIKE NULL", 'n'},
        {"", "NULL", 'n'},
        {"", "level ~ 'a'", 'n'},
        {"id=1", "NULL OR id = 1", 't'},
    };

    CHECK_ANSWERS(answers);
}

static void test_precedence(void)
{
    static const struct answer answers[] = {
        {"id=1|ok=f", "id = 1 OR id = 2 AND ok", 't'},
        {"id=1|ok=f", "(id = 1 OR id = 2) AND ok", 'f'},
        {"id=1", "NOT id = 2", 't'},
        {"id=1", "NOT id = 2 IS NULL", 't'},
        {"id=1|ok=f", "(id = 2) = ok", 't'},
        {"level=ab|ok=t", "ok = level LIKE 'a%'", 't'},
        {"level=ab", "level LIKE 'a%' IS TRUE", 't'},
        {"id=-5", "id=-5", 't'},
        {"id=-5", "id>-6 AND id<+6", 't'},
        {"id=5", "id -- five\n = /* not /* 6 */ 7 */ 5", 't'},
        {"id=5", "ID = 5 and Id < 6", 't'},
        {"User=x", "\"User\" = 'x'", 't'},
    };
    CHECK_ANSWERS(answers);
}

static void test_numbers(void)
{
    static const struct answer answers[] = {
        {"n=1.50", "n = 1.5", 't'},
        {"n=0.000", "n = 0", 't'},
        {"n=-0.001", "n < 0", 't'},
        {"n=0.001", "n > 1e-4 AND n < 1.1e-3", 't'},
        {"n=123456789012345678901234567890.1", "n > 123456789012345678901234567890", 't'},
        {"n=100", "n = 1e2 AND n = 100.00 AND n = '+100'", 't'},
        {"n=NaN", "n > 'Infinity' AND n = 'nan'", 't'},
        {"n=-Infinity", "n < -1e100", 't'},
        {"n=9.5|id=9", "id < n", 't'},
        {"n=2.5", "n::int = 3", 't'},
        {"n=-2.5", "n::int = -3", 't'},
        {"n=0.49", "n::int = 0", 't'},
        {"d=2.5", "d::int = 2", 't'},
        {"d=NaN", "d = 'NaN' AND d > 'Infinity'", 't'},
        {"d=1e+300|n=5", "d > n", 't'},
        {"r=0.1", "r = 0.1", 'f'},
        {"r=0.1", "r = '0.1' AND r = 0.1::real", 't'},
        {"r=0.1|d=0.10000000149011612", "r = d", 't'},
        {"d=0.1", "d = 0.1 AND d::numeric = 0.1", 't'},
        {"d=-0", "d = 0", 't'},
        {"id=9223372036854775807", "id = 9223372036854775807 AND id < 9223372036854775808", 't'},
        {"id=-9223372036854775808", "id = -9223372036854775808", 't'},
        {"id=9007199254740993|d=9007199254740992", "id = d", 't'}, /* as double, as PostgreSQL */
        {"id=5", "id::text = '5' AND id::numeric = 5.0 AND id::boolean", 't'},
        {"ok=t", "ok::int = 1 AND ok::text = 'true'", 't'},
    };

    CHECK_ANSWERS(answers);
}

static void test_times(void)
{
    static const struct answer answers[] = {
        {"at=2024-01-01 00:00:00.5+00", "at > '2024-01-01' AND at < '2024-01-01 00:00:01'", 't'},
        {"at=2024-01-01 00:00:00+00", "at = '2024-01-01 02:00+02' AND at = date '2024-01-01'", 't'},
        {"at=infinity", "at > '294276-12-31'", 't'},
        {"at=0044-03-15 12:00:00+00 BC", "at < '0001-01-01'", 't'},
        {"at=294276-12-31 23:59:59.999999+00", "at > '294276-12-31' AND at < 'infinity'", 't'},
        {"day=5874897-12-31", "day > '9999-01-01' AND day < 'infinity'", 't'},
        {"day=2024-02-29", "day = '2024-02-29 23:00'", 't'},
        {"day=2024-02-29", "day < timestamp '2024-02-29 23:00'", 't'},
        {"day=2024-02-29|at=2024-02-29 10:00:00+00", "at::date = day AND day < at", 't'},
        {"local=2024-01-01 00:00:00", "local = '2024-01-01 00:00:00+05'", 't'},
        {"t=24:00:00", "t > '23:59:59.999999'", 't'},
        {"t=04:05:06", "t BETWEEN '04:05' AND time '04:05:06.5'", 't'},
    };

    CHECK_ANSWERS(answers);
}

static void test_text(void)
{
    static const struct answer answers[] = {
        {"level=a\\tb\\\\c", "level = E'a\\tb\\\\c'", 't'},
        {"level=\\\\N", "level = '\\N'", 't'},
        {"level=", "level = '' AND level IS NOT NULL", 't'},
        {"level=B", "level < 'a' COLLATE \"C\"", 't'},
        {"level=it's", "level = 'it''s' AND level = E'it\\'s'", 't'},
        {"level=Zo\xc3\xab",
         "level = E'Zo\\u00eb' AND level LIKE 'Zo_' AND level ILIKE 'ZO\xc3\x8b'", 't'},
        {"level=abcabd", "level LIKE '%ab_' AND level LIKE 'a%b%d' AND NOT level LIKE '%abd_'",
         't'},
        {"level=50%", "level LIKE '50\\%' AND level LIKE '50!%' ESCAPE '!'", 't'},
        {"level=50x", "level LIKE '50\\%'", 'f'},
        {"level=aXb", "level ~* '^axb$' AND level !~ 'x'", 't'},
        {"level=a.b", "level ~ '^a\\.b$' AND level ~ '[.\\]-]' AND level !~ '^\\d'", 't'},
        {"level=x^y", "level ~ '[\\^]' AND level ~ 'x\\^' AND level ~ '[a^]'", 't'},
        {"level=-", "level ~ '^[^\\w]$' AND level ~ '[\\w-]'", 't'},
        {"level=<b>", "level ~ '\\<b\\>'", 't'},
        {"level=a{b}", "level ~ 'a{b}' AND level !~ 'a{2}'", 't'},
        {"c=ab   ", "c = 'ab' AND c = 'ab ' AND NOT c LIKE 'ab' AND c::text = 'ab'", 't'},
        {"u=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "u = '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}'", 't'},
        {"b=\\\\x00ff", "b = '\\x00FF' AND b = '\\000\\377' AND b < '\\x01'", 't'},
        {"mood=sad", "mood = 'sad' AND mood <> 'happy' AND mood::text < 't'", 't'},
        {"tags={a,\"b c\"}", "tags = '{a,\"b c\"}' AND tags::text LIKE '{a,%'", 't'},
        {"iv=1 day", "iv::text = '1 day' AND iv IS NOT NULL", 't'},
    };

    CHECK_ANSWERS(answers);
}

static void test_json(void)
{
    static const struct answer answers[] = {
        {"body={\"user\": {\"id\": 7}}", "body->'user'->>'id' = '7'", 't'},
        {"body={\"user\": {\"id\": 7}}", "body #>> '{user, id}' = '7'", 't'},
        {"body={\"user\": {\"id\": 7}}", "(body->'user'->>'id')::int > 6", 't'},
        {"body={\"a\": null}", "body->'a' IS NULL", 'f'},
        {"body={\"a\": null}", "body->>'a' IS NULL", 't'},
        {"body={\"a\": null}", "body->'b' IS NULL", 't'},
        {"body=[1, [2, 3]]", "body->1->>-1 = '3'", 't'},
        {"body=[1, [2, 3]]", "body#>>'{1,-2}' = '2'", 't'},
        {"body=[1, 2]", "body->>5 = '1'", 'n'},
        {"body=[1, 2]", "body->>'0' = '1'", 'n'},
        {"body=5", "body->>0 = '5' AND body#>>'{}' = '5'", 't'},
        {"j=5", "j->>0 = '5'", 'n'},
        {"j={\"a\":1,\"a\":2}", "j->>'a' = '2'", 't'},
        {"body={\"a\\\\\"b\": \"x\\\\ny\"}", "body->>'a\"b' = E'x\\ny'", 't'},
        {"body={\"a\": [1, {\"b\": \"c\"}]}", "body->>'a' = '[1, {\"b\": \"c\"}]'", 't'},
        {"level={\"k\": 1}", "level::json->>'k' = '1'", 't'},
        {"body={\"a\": 1}", "body::text = '{\"a\": 1}'", 't'},
    };

    CHECK_ANSWERS(answers);
}

/* A domain is what it is made of; a type of somebody's own is not what it is called. */
static void test_names_of_types(void)
{
    static const struct {
        const char *name, *udt_name, *base, *where, *error;
    } types[] = {
        {"price", "price", "numeric(10,2)", "v = 1.5", NULL},
        {"my.price", "price", "numeric(10,2)", "v = 1.5", NULL},
        {"code", "code", "character(5)", "v = '1.50 '", NULL},
        {"code", "code", "character varying(9)", "v LIKE '1%' AND v < '2'", NULL},
        {"code", "code", NULL, "v LIKE '1%' AND v = '1.50'", NULL},
        {"code", "code", NULL, "v < '2'", "code has no order here"},
        {"span", "span", "interval", "v = '1.50'", "span cannot be compared"},
        {"my.numeric", "numeric", NULL, "v = 1.5", "cannot be compared"},
        {"my.numeric", "numeric", NULL, "v = '1.50'", NULL},
        {"public.citext", "citext", NULL, "v = '1.50'", "public.citext cannot be compared"},
        {"nick", "nick", "public.citext", "v = '1.50'", "nick cannot be compared"},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        static const char *const one[][2] = {{"v", "text"}};
        struct shape *shape = codec_shape(one, 1, NULL);
        struct type *type = shape_add_type(shape, TYPE_TEXT, types[i].name, types[i].udt_name);
        struct err err;
        type->base = types[i].base;
        shape->columns[0].type = type;
        if (types[i].error)
            CHECK_FAILS(filter_new(types[i].where, shape, &err) != NULL, ERR_USAGE, types[i].error);
        else
            CHECK_INT(ask(shape, "v=1.50", types[i].where), 't');
        shape_free(shape);
    }
}

/* --- errors --- */

static void test_wrong_expressions(void)
{
    static const struct {
        const char *where, *what;
    } wrong[] = {
        {"", "column 1: a value is due here"},
        {"id", "column 1: a condition is due here, not a value of int8"},
        {"lvel = 'x'", "column 1: there is no column \"lvel\" (did you mean \"level\"?)"},
        {"id = 5 AND USER = 'x'",
         "column 12: there is no column \"user\" (did you mean \"User\"?)"},
        {"id = ", "column 6: a value is due here"},
        {"(id = 5", "column 8: a closing parenthesis is due here"},
        {"id = 5)", "column 7: AND, OR or an operator is due here, not )"},
        {"id = 5 id", "column 8: AND, OR or an operator is due here, not id"},
        {"id = 'x'", "column 6: \"x\" is not an integer"},
        {"id = 1.5 OR level = 5",
         "column 19: text and integer cannot be compared (a text stands in quotes)"},
        {"at > '2024-02-30'", "column 6: \"2024-02-30\" is not a timestamp"},
        {"at > '2024-02-01 00:00:00.1234567'",
         "column 6: \"2024-02-01 00:00:00.1234567\" is not a timestamp"},
        {"id < 5 < 6", "column 8: comparisons do not chain: put AND or parentheses between them"},
        {"id BETWEEN 1 OR 2", "column 14: AND is due here, not or"},
        {"id IN 5", "column 7: a list in parentheses is due here, not 5"},
        {"id IN ()", "column 8: a value is due here, not )"},
        {"id NOT 5", "column 8: LIKE, ILIKE, IN or BETWEEN is due here, not 5"},
        {"id IS 5", "column 7: NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM is due here, not 5"},
        {"id LIKE '5'", "column 4: a pattern is for text, not for int8 (cast it: ::text)"},
        {"level LIKE 'a\\'", "column 12: a pattern must not end with its escape character"},
        {"level LIKE level", "column 12: a pattern is a literal in quotes"},
        {"level LIKE 'a' ESCAPE 'ab'", "column 23: an escape is one ASCII character, or none"},
        {"level ~ '('", "column 9: this is no regular expression: Unmatched ( or \\("},
        {"level ~ '(?=a)'", "column 9: of (?...) only (?:...) is known here"},
        {"level ~ '(a)\\1'", "column 9: back references are not known here"},
        {"level ~ '*a'", "column 9: a regular expression repeats nothing"},
        {"level ~ '[a'", "column 9: a bracket is not closed"},
        {"level ~ 'a{1,300}'", "column 9: a repetition is {m}, {m,} or {m,n}, at most 255"},
        {"level ~ '((a{200}){200}){200}'", "column 9: a regular expression is too complex"},
        {"level = 'x", "column 9: a quote is not closed"},
        {"level = E'\\0'", "column 11: this escape is none that PostgreSQL knows"},
        {"id = 5 /* x", "column 8: a comment is not closed"},
        {"id = 5x", "column 6: this is no number"},
        {"id @> 5", "column 4: AND, OR or an operator is due here, not @>"},
        {"id = {5}", "column 6: { has no meaning here"},
        {"lower(level) = 'x'", "column 1: there are no functions here: lower"},
        {"t.id = 5", "column 2: a column stands here without its table"},
        {"id.x = 5", "column 3: a column stands here without its table"},
        {"id::money = 5", "column 5: there is no cast to \"money\" here"},
        {"body = '{}'", "column 6: jsonb cannot be compared (->> gives a text, which can be "
                        "compared)"},
        {"iv > '1 day'", "column 4: interval cannot be compared (compare its text, as PostgreSQL "
                         "prints it: ::text)"},
        {"mood > 'sad'", "column 6: mood has no order here (compare its text, as PostgreSQL prints "
                         "it: ::text)"},
        {"tags = '{a, b}'", "column 8: this is not text[] as PostgreSQL prints it"},
        {"ns = '{1}'", "column 4: numeric[] cannot be compared (compare its text, as PostgreSQL "
                       "prints it: ::text)"},
        {"p IS NULL", "column 3: IS NULL asks the fields of pair, which are not known here (::text "
                      "IS NULL asks the value itself)"},
        {"level->'a' = 'x'", "column 6: -> takes json, not text (cast it: ::json)"},
        {"body->level = 'x'", "column 7: a key in quotes or a position is due behind ->"},
        {"body#>>'a' = 'x'", "column 8: a path such as '{a,b}' is due behind #>>"},
        {"body->>'id'::int = 7", "column 8: \"id\" is not an integer"},
        {"(body->'id')::int = 7", "column 15: jsonb cannot be cast to integer here (->> gives a "
                                  "text, which can be cast)"},
        {"id = true", "column 4: int8 and boolean cannot be compared (cast one of them, as in "
                      "::integer)"},
        {"id AND ok", "column 1: a condition is due here, not a value of int8"},
        {"70000::smallint = id", "column 1: a value is out of range for smallint"},
        {"level = 'x' COLLATE \"de_DE\"", "column 21: the only collation here is \"C\""},
        {"(id, id) = (1, 2)", "column 4: rows cannot be compared, only single values"},
        {"level = '\xc3\xab\xc3\xab' AND zzz", "column 18: there is no column \"zzz\""},
        {"point '(1,2)' = 'x'", "column 1: there is no type point for a literal here"},
        {"id IS NOT", "column 10: NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM is due here"},
    };
    struct shape *shape = make_shape();

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct filter *filter = NULL;
        struct err err = ERR_INIT;
        char line[sizeof(err)];
        if (!CHECK_FAILS((filter = filter_new(wrong[i].where, shape, &err)) != NULL, ERR_USAGE,
                         wrong[i].what))
            printf("    ^ %s\n", wrong[i].where);
        err_line(&err, line, sizeof(line));
        CHECK_STR(line, wrong[i].what);
        filter_free(filter);
    }
    shape_free(shape);
}

static void test_deep_expressions(void)
{
    static const char *const parts[] = {"(", "NOT ", "id IN (", "NOT ("};
    struct shape *shape = make_shape();
    struct buf text = BUF_INIT;
    struct err err;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        buf_reset(&text);
        for (int n = 0; n < 100000; n++)
            buf_adds(&text, parts[i]);
        CHECK_FAILS(filter_new(text.data, shape, &err) != NULL, ERR_USAGE, "nested too deep");
    }
    buf_reset(&text);
    buf_adds(&text, "body");
    for (int n = 0; n < 100000; n++)
        buf_adds(&text, "->'a'");
    buf_adds(&text, " IS NULL");
    CHECK_FAILS(filter_new(text.data, shape, &err) != NULL, ERR_USAGE, "nested too deep");
    buf_reset(&text);
    buf_adds(&text, "id = 1");
    for (int n = 0; n < 100000; n++)
        buf_adds(&text, " OR id = 2");
    CHECK(matches(shape, "id=2", "%s", text.data));
    buf_done(&text);
    shape_free(shape);
}

static void test_wrong_values(void)
{
    static const struct {
        const char *row, *where, *line;
    } wrong[] = {
        {"id=x", "id = 5", "\"x\" is not an integer: column \"id\""},
        {"at=yesterday", "at > '2024-01-01'", "\"yesterday\" is not a timestamp: column \"at\""},
        {"level=x", "level::int = 5", "\"x\" is not an integer: column \"level\""},
        {"body={\"a\": \"x\"}", "(body->>'a')::int = 5",
         "\"x\" is not an integer: column \"body\""},
        {"body={\"a\" 5}", "body->>'a' = '5'",
         "row cannot be read: column \"body\": a colon is due here"},
        {"n=1e30", "n::bigint = 5", "a value is out of range for integer: column \"n\""},
        {"id=70000", "id::smallint = 5", "a value is out of range for integer: column \"id\""},
        {"level=\\q", "level = 'q'",
         "row cannot be written as JSON: column \"level\": a backslash is followed by what COPY "
         "does not write"},
    };
    struct shape *shape = make_shape();
    struct buf row = BUF_INIT;
    bool match;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err;
        char line[sizeof(err)];
        struct filter *filter = filter_new(wrong[i].where, shape, &err);
        make_row(shape, wrong[i].row, &row);
        CHECK_FAILS(filter_row(filter, row.data, row.len, &match, &err), ERR_DATA, "");
        err_line(&err, line, sizeof(line));
        CHECK_STR(line, wrong[i].line);
        filter_free(filter);
    }
    struct err err;
    struct filter *filter = filter_new("i2 = 5", shape, &err);
    CHECK_FAILS(filter_row(filter, "1\t2", 3, &match, &err), ERR_DATA, "fewer fields");
    filter_free(filter);
    buf_done(&row);
    shape_free(shape);
}

/* --- members --- */

static void test_members(void)
{
    static const struct {
        const char *where;
        bool expected;
    } members[] = {
        /* at: 2024-01-10 to 2024-01-20; id: 100 to 200 */
        {"id = 150", true},
        {"id = 99", false},
        {"id > 200", false},
        {"id >= 200", true},
        {"id < 100 OR id > 200", false},
        {"NOT (id BETWEEN 100 AND 200)", false},
        {"id NOT BETWEEN 0 AND 300", false},
        {"id IN (1, 2, 3)", false},
        {"id IN (1, 2, 150)", true},
        {"id NOT IN (1, 2, 3)", true},
        {"id = 5 AND level = 'x'", false},
        {"id = 5 OR level = 'x'", true},
        {"id IS NULL", true},
        {"id > 150.5", true},
        {"at < '2024-01-10'", false},
        {"at <= '2024-01-10'", true},
        {"at > '2024-01-20'", false},
        {"at >= '2024-01-21' OR at < '2024-01-01'", false},
        {"at BETWEEN '2024-01-15' AND '2024-01-16'", true},
        {"at::date = '2024-01-09'", false},
        {"at::date = '2024-01-20'", true},
        {"at > 'infinity'", false},
        {"at IS NOT NULL", true},
        {"NULL", false},
        {"false", false},
        {"false OR level = 'x'", true},
        {"at > local", true},
        {"level = 'x'", true},
    };
    struct shape *shape = make_shape();
    struct filter_bounds bounds = {.min_us = INT64_C(1704844800000000),
                                   .max_us = INT64_C(1705708800000000),
                                   .min_key = "100",
                                   .max_key = "[200]"};
    const struct filter_bounds nothing = {.min_us = INT64_MAX, .max_us = INT64_MIN};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        struct err err;
        struct filter *filter = filter_new(members[i].where, shape, &err);
        if (!CHECK(filter_may_match(filter, &bounds) == members[i].expected))
            printf("    ^ %s\n", members[i].where);
        if (strcmp(members[i].where, "NULL") != 0 && strcmp(members[i].where, "false") != 0)
            CHECK(filter_may_match(filter, &nothing));
        filter_free(filter);
    }
    shape_free(shape);
}

/* --- by chance --- */

static uint64_t chance_state = 88172645463325252u;

static unsigned chance(unsigned below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (unsigned)(chance_state >> 20) % below;
}

static void add_time(struct buf *text, const char *kind)
{
    static const char *const odd[] = {"infinity", "-infinity", "0044-03-15 BC", "294276-12-31",
                                      "5874897-12-31"};
    unsigned pick = chance(40);

    if (pick < 5 && (pick != 4 || *kind == 'd'))
        buf_adds(text, odd[pick]);
    else
        buf_addf(text, "2024-01-%02u", chance(28) + 1);
}

static void add_condition(struct buf *text, const char *time_kind, int depth)
{
    static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
    const char *operation = operators[chance(6)];
    unsigned pick = chance(depth > 0 ? 14 : 9);

    if (pick < 2) {
        buf_addf(text, "id %s %d", operation, (int)chance(60) - 5);
    } else if (pick < 4) {
        buf_addf(text, "at %s '", operation);
        add_time(text, time_kind);
        buf_addc(text, '\'');
    } else if (pick == 4) {
        buf_addf(text, "id %s (%u, %u%s)", chance(2) ? "IN" : "NOT IN", chance(50), chance(50),
                 chance(4) ? "" : ", NULL");
    } else if (pick == 5) {
        buf_addf(text, "at %sBETWEEN '", chance(2) ? "" : "NOT ");
        add_time(text, time_kind);
        buf_adds(text, "' AND '");
        add_time(text, time_kind);
        buf_addc(text, '\'');
    } else if (pick == 6) {
        buf_addf(text, "at::date %s '", operation);
        add_time(text, "d");
        buf_addc(text, '\'');
    } else if (pick == 7) {
        buf_addf(text, "%s IS %sNULL", chance(2) ? "id" : "at", chance(2) ? "NOT " : "");
    } else if (pick == 8) {
        buf_adds(text, chance(3) ? "level = 'a'" : chance(2) ? "NULL" : "true");
    } else if (pick == 9) {
        buf_adds(text, "NOT (");
        add_condition(text, time_kind, depth - 1);
        buf_addc(text, ')');
    } else {
        buf_addc(text, '(');
        add_condition(text, time_kind, depth - 1);
        buf_adds(text, chance(2) ? ") AND (" : ") OR (");
        add_condition(text, time_kind, depth - 1);
        buf_addc(text, ')');
    }
}

/* Rows whose ids and times lie close together, and a few far off. */
static void add_rows(struct buf *rows, const char *time_kind, size_t count)
{
    unsigned id = chance(50), day = chance(28);

    for (size_t i = 0; i < count; i++) {
        if (chance(12))
            buf_addf(rows, "%u\t", (id + chance(5)) % 50);
        else
            buf_adds(rows, "\\N\t");
        if (!chance(12)) {
            buf_adds(rows, "\\N");
        } else if (!chance(30)) {
            size_t before = rows->len;
            add_time(rows, time_kind);
            if (*time_kind != 'd' && strcmp(rows->data + before, "infinity") != 0 &&
                strcmp(rows->data + before, "-infinity") != 0) {
                rows->len = before;
                buf_adds(rows, "0044-03-15 00:00:00+00 BC");
            }
        } else {
            buf_addf(rows, "2024-01-%02u", (day + chance(4)) % 28 + 1);
            if (*time_kind != 'd')
                buf_addf(rows, " %02u:00:00.%u%s", chance(24), chance(9) + 1,
                         strcmp(time_kind, "timestamptz") == 0 ? "+00" : "");
        }
        buf_addf(rows, "\t%c\n", 'a' + (int)chance(2));
    }
}

/* Returns how many members it passed over. */
static size_t check_sound(const struct shape *shape, const char *time_kind)
{
    struct err err = ERR_INIT;
    struct encoder *encoder = encoder_new(shape, NULL, &err);
    struct buf rows = BUF_INIT, json = BUF_INIT, where = BUF_INIT;
    size_t passed = 0;

    for (int member = 0; member < 100; member++) {
        buf_reset(&rows);
        add_rows(&rows, time_kind, 5);
        encode_bounds_reset(encoder);
        for (const char *p = rows.data; *p; p += strcspn(p, "\n") + 1) {
            buf_reset(&json);
            CHECK_OK(encode_row(encoder, p, strcspn(p, "\n"), &json, NULL, &err));
        }
        const struct encode_bounds *known = encode_bounds(encoder);
        struct filter_bounds bounds = {known->min_us, known->max_us,
                                       known->min_key.len ? known->min_key.data : NULL,
                                       known->max_key.len ? known->max_key.data : NULL};
        for (int i = 0; i < 100; i++) {
            bool match = false, one;
            buf_reset(&where);
            add_condition(&where, time_kind, 3);
            struct filter *filter = filter_new(where.data, shape, &err);
            if (!check_ok(__FILE__, __LINE__, where.data, filter != NULL, &err))
                continue;
            for (const char *p = rows.data; *p; p += strcspn(p, "\n") + 1) {
                CHECK_OK(filter_row(filter, p, strcspn(p, "\n"), &one, &err));
                match = match || one;
            }
            bool may = filter_may_match(filter, &bounds);
            passed += !may;
            if (match && !CHECK(may))
                printf("    ^ %s\n%s", where.data, rows.data);
            filter_free(filter);
        }
    }
    encoder_free(encoder);
    buf_done(&rows);
    buf_done(&json);
    buf_done(&where);
    return passed;
}

static void test_sound(void)
{
    static const char *const kinds[] = {"timestamptz", "timestamp", "date"};

    for (size_t i = 0; i < 3; i++) {
        const char *const some[][2] = {{"id", "int8"}, {"at", kinds[i]}, {"level", "text"}};
        struct shape *shape = codec_shape(some, 3, "at");
        size_t passed = check_sound(shape, kinds[i]);
        CHECK(passed > 500); /* of 10,000: else nothing was tested */
        shape_free(shape);
    }
}

static void test_epochs(void)
{
    static const char *const some[][2] = {{"id", "int8"}, {"at", "int8"}};
    static const struct filter_bounds bounds = {1700000000, 1700000500, "1", "9"};
    struct shape *shape = codec_shape(some, 2, "at");
    struct err err;
    struct filter *filter = filter_new("at > 1700000500", shape, &err);

    CHECK(!filter_may_match(filter, &bounds));
    filter_free(filter);
    filter = filter_new("at = 1700000500 AND id = 9", shape, &err);
    CHECK(filter_may_match(filter, &bounds));
    filter_free(filter);
    shape_free(shape);
}

/* Whatever is typed, there is an answer or an error; and so for whatever row. */
static void test_chance_bytes(void)
{
    static const char *const seeds[] = {
        "id IN (1, 2.5, NULL) AND at BETWEEN '2024-01-01' AND timestamptz '2024-02-01 10:00+02'",
        "body->'user'->>'id' = '7' OR body #>> '{a,\"b c\",-1}' ILIKE 'x!_%' ESCAPE '!'",
        "level ~* '^[\\w.-]+(?:ab){1,3}\\d*?$' AND level !~ '[[:alpha:]\\]^-]|a\\.b'",
        "(n::int)::text = E'a\\u00e9\\x41\\101\\n' AND \"User\" IS NOT DISTINCT FROM level -- x",
        "NOT (ok IS NOT TRUE) AND u = '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}' /* c */ AND b = '\\x00'",
        "tags = '{a,\"b c\"}' AND c = 'ab' AND t < '10:00' AND d = 1e5 AND r > 'NaN' AND p = "
        "'(1,a)'",
    };
    static const char bytes[] =
        "'\"()\\->#~*{}[],.:%_E0123456789abcdef \t\n=<>!/-x\xc3\xab\xff\x01";
    struct shape *shape = make_shape();
    struct buf text = BUF_INIT, row = BUF_INIT, damaged = BUF_INIT;
    size_t good = 0;

    make_row(shape,
             "id=5|at=2024-01-01 00:00:00+00|level=a\\tb\\\\c|n=1.50|r=0.1|d=1e+05|ok=t|"
             "body={\"a\": [1, {\"b\": \"c\\\\n\"}], \"user\": {\"id\": \"7\"}}|day=2024-01-01|"
             "u=a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|b=\\\\x00|c=ab |iv=1 day|mood=sad|"
             "tags={a,\"b c\"}|j=[1]|local=infinity|t=10:00:00|User=\xc3\xab|p=(1,a)",
             &row);
    for (int i = 0; i < 20000; i++) {
        const char *seed = seeds[chance(6)];
        buf_reset(&text);
        buf_adds(&text, seed);
        for (unsigned n = chance(4); n > 0 && text.len > 0; n--)
            text.data[chance((unsigned)text.len)] = bytes[chance(sizeof(bytes) - 1)];
        if (!chance(4)) {
            text.len = chance((unsigned)text.len);
            text.data[text.len] = '\0';
        }
        if (!chance(3))
            buf_addf(&text, "%s%s", chance(2) ? " AND " : "", seeds[chance(6)] + chance(40));
        struct err err;
        struct filter *filter = filter_new(text.data, shape, &err);
        if (!filter)
            continue;
        good++;
        buf_reset(&damaged);
        buf_add(&damaged, row.data, row.len);
        for (unsigned n = chance(3); n > 0; n--)
            damaged.data[chance((unsigned)damaged.len)] = bytes[chance(sizeof(bytes) - 1)];
        /* From the heap and no longer than it is, so that a read too far is seen. */
        char *line = mem_alloc(damaged.len);
        memcpy(line, damaged.data, damaged.len);
        bool match;
        filter_row(filter, line, damaged.len - chance(2), &match, &err);
        free(line);
        filter_free(filter);
    }
    CHECK(good > 1000);
    buf_done(&text);
    buf_done(&row);
    buf_done(&damaged);
    shape_free(shape);
}

static const struct test_case cases[] = {
    {"true, false and NULL are SQL's", test_null_logic},
    {"what binds tighter is PostgreSQL's", test_precedence},
    {"numbers are compared exactly, NaN is the largest", test_numbers},
    {"dates and timestamps are compared as far as PostgreSQL's go", test_times},
    {"text, patterns and what is equal by its text", test_text},
    {"paths into JSON", test_json},
    {"domains and types of one's own", test_names_of_types},
    {"a wrong expression is an error at its character", test_wrong_expressions},
    {"depth ends in an error, length does not", test_deep_expressions},
    {"a value that cannot be read is an error with its column", test_wrong_values},
    {"members are passed over by timestamp and key", test_members},
    {"no member that holds a match is passed over", test_sound},
    {"epoch columns have bounds of their own numbers", test_epochs},
    {"any bytes end in an answer or an error", test_chance_bytes},
    {NULL, NULL},
};

const struct test_suite row_filter_suite = {"row/filter", cases};
