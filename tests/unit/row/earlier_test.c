/* SPDX-License-Identifier: PostgreSQL */
#include "row/earlier.h"

#include "codec.h"
#include "row/decode.h"
#include "row/earlier_value.h"

/* A shape as metadata of version "1.0" gives it, with one column "v". */
static struct shape *shape_of(const char *data_type, const char *udt_name, const char *more)
{
    char *json = mem_printf("{\"table_name\": \"t\", \"schema_name\": \"public\", \"columns\": "
                            "[{\"name\": \"v\", \"data_type\": \"%s\", \"udt_name\": \"%s\"%s}]}",
                            data_type, udt_name, more);
    struct err err;
    struct json_object *root = json_parse(json, strlen(json), "test", &err);
    struct shape *shape = shape_read(root, &err);

    json_object_put(root);
    free(json);
    return shape;
}

static struct shape *shape_of_udt(const char *udt_name)
{
    bool array = udt_name[0] == '_';

    return shape_of(array ? "ARRAY" : udt_name, udt_name, "");
}

#define OBJECT "<asyncpg.pgproto.types.Polygon object at 0x7fa593338580>"
#define ZEROS  "0.00000000000000000000000000000000"

static const struct {
    const char *udt_name, *json, *copy; /* a COPY field */
    unsigned losses;
} cases[] = {
    {"int8", "-9223372036854775808", "-9223372036854775808", 0},
    {"oid", "4294967295", "4294967295", 0},
    {"xid8", "18446744073709551615", "18446744073709551615", 0},
    {"text", "null", "\\N", 0},
    {"text", "\"\"", "", 0},
    {"text", "\"<Record a=1>\"", "<Record a=1>", 0},
    {"text", "\"2024-01-01T00:00:00\"", "2024-01-01T00:00:00", 0},
    {"text", "\"a\\tb\\\\\\u00e9\"", "a\\tb\\\\\xc3\xa9", 0},
    {"text", "\"\\\\N\"", "\\\\N", 0},
    {"varchar", "\"true\"", "true", 0},
    {"bpchar", "\"ab      \"", "ab      ", 0},
    {"uuid", "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", 0},
    {"bool", "true", "t", 0},
    {"bool", "false", "f", 0},
    /* floats */
    {"float8", "0.1", "0.1", 0},
    {"float8", "NaN", "NaN", 0},
    {"float8", "-Infinity", "-Infinity", 0},
    {"float8", "-0.0", "-0", 0},
    {"float8", "5e-324", "5e-324", 0},
    {"float8", "1.7976931348623157e+308", "1.7976931348623157e+308", 0},
    {"float8", "123456789.12345679", "123456789.12345679", 0},
    {"float8", "10000000000.0", "10000000000", 0},
    {"float8", "1e+16", "1e+16", 0},
    {"float8", "1000000000000000.0", "1e+15", 0},
    {"float8", "123456789012345.0", "123456789012345", 0},
    {"float8", "0.0001", "0.0001", 0},
    {"float8", "1.5e-05", "1.5e-05", 0},
    {"float8", "100.0", "100", 0},
    {"float4", "1.100000023841858", "1.1", 0},
    {"float4", "3.4028234663852886e+38", "3.4028235e+38", 0},
    {"float4", "1.401298464324817e-45", "1e-45", 0},
    {"float4", "16777216.0", "1.6777216e+07", 0},
    {"float4", "0.30000001192092896", "0.3", 0},
    {"float4", "-0.0", "-0", 0},
    {"float4", "Infinity", "Infinity", 0},
    /* numeric */
    {"numeric", "\"1.10\"", "1.10", 0},
    {"numeric", "\"NaN\"", "NaN", 0},
    {"numeric", "\"Infinity\"", "Infinity", 0},
    {"numeric", "\"1E-30\"", "0.000000000000000000000000000001", 0},
    {"numeric", "\"-1.5E-3\"", "-0.0015", 0},
    {"numeric", "\"1.00E+10\"", "10000000000", 0},
    {"numeric", "\"-2E+3\"", "-2000", 0},
    {"numeric", "\"12345E-2\"", "123.45", 0},
    {"numeric", "\"0E-7\"", "0.0000000", 0},
    {"numeric", "\"0E+2\"", "0", 0},
    {"numeric", "\"0E-32\"", ZEROS, EARLIER_INFINITY},
    /* json */
    {"jsonb", "\"{\\\"a\\\": 1.10}\"", "{\"a\": 1.10}", 0},
    {"json", "\"null\"", "null", 0},
    {"jsonb", "\"\\\"x\\\\ny\\\"\"", "\"x\\\\ny\"", 0},
    {"jsonb", "{\"a\": [1, null]}", "{\"a\": [1, null]}", 0},
    {"jsonb", "null", "\\N", 0},
    /* bytea */
    {"bytea", "\"AP8Q\"", "\\\\x00ff10", 0},
    {"bytea", "\"\"", "\\\\x", 0},
    {"bytea", "\"QUI=\"", "\\\\x4142", 0},
    {"char", "\"YQ==\"", "a", 0},
    {"char", "\"a\"", "a", 0},
    {"char", "\"/w==\"", "\\\\377", 0},
    /* times */
    {"date", "\"2024-02-29\"", "2024-02-29", 0},
    {"date", "\"9999-12-30\"", "9999-12-30", 0},
    {"date", "\"9999-12-31\"", "infinity", EARLIER_EXTREME},
    {"date", "\"0001-01-01\"", "-infinity", EARLIER_EXTREME},
    {"time", "\"12:34:56.789000\"", "12:34:56.789", 0},
    {"time", "\"00:00:00.000001\"", "00:00:00.000001", 0},
    {"time", "\"00:00:00\"", "00:00:00", 0},
    {"timetz", "\"12:34:56.789000+05:30\"", "12:34:56.789+05:30", 0},
    {"timetz", "\"00:00:00-08:00\"", "00:00:00-08", 0},
    {"timetz", "\"23:59:59.999999-15:59\"", "23:59:59.999999-15:59", 0},
    {"timetz", "\"01:02:03+00:00:30\"", "01:02:03+00:00:30", 0},
    {"timestamp", "\"2024-02-29T12:34:56.123456Z\"", "2024-02-29 12:34:56.123456", 0},
    {"timestamp", "\"2024-02-29T12:34:56\"", "2024-02-29 12:34:56", 0},
    {"timestamp", "\"9999-12-31T23:59:59.999999Z\"", "infinity", EARLIER_EXTREME},
    {"timestamp", "\"0001-01-01T00:00:00Z\"", "-infinity", EARLIER_EXTREME},
    {"timestamptz", "\"2024-02-29T07:04:56.500000+00:00\"", "2024-02-29 07:04:56.5+00", 0},
    {"timestamptz", "\"2024-02-29T07:04:56+00:00Z\"", "2024-02-29 07:04:56+00", 0},
    {"timestamptz", "\"2024-02-29T07:04:56Z\"", "2024-02-29 07:04:56+00", 0},
    {"timestamptz", "\"2024-02-29T07:04:56+05:30\"", "2024-02-29 07:04:56+05:30", 0},
    {"timestamptz", "\"9999-12-31T23:59:59.999999Z\"", "infinity", 0},
    {"timestamptz", "\"0001-01-01T00:00:00Z\"", "-infinity", 0},
    {"timestamptz", "\"9999-12-31T23:59:59.999999+00:00\"", "9999-12-31 23:59:59.999999+00", 0},
    {"interval", "\"1 day, 2:03:04.500000\"", "1 day 02:03:04.5", 0},
    {"interval", "\"-2 days, 21:56:56\"", "-1 days -02:03:04", 0},
    {"interval", "\"-1 day, 23:00:00\"", "-01:00:00", 0},
    {"interval", "\"-3 days, 0:00:00\"", "-3 days", 0},
    {"interval", "\"0:00:00\"", "00:00:00", 0},
    {"interval", "\"0:00:00.000001\"", "00:00:00.000001", 0},
    {"interval", "\"29 days, 23:59:59\"", "29 days 23:59:59", 0},
    {"interval", "\"30 days, 0:00:00\"", "30 days", EARLIER_MONTHS},
    {"interval", "\"428 days, 4:05:06.789000\"", "428 days 04:05:06.789", EARLIER_MONTHS},
    {"interval", "\"-30 days, 0:00:00\"", "-30 days", EARLIER_MONTHS},
    {"interval", "\"P1Y\"", "P1Y", 0},
    /* network, system */
    {"inet", "\"10.0.0.1/8\"", "10.0.0.1/8", 0},
    {"pg_lsn", "97500059720", "16/B374D848", 0},
    {"pg_lsn", "-1", "FFFFFFFF/FFFFFFFF", 0},
    {"pg_lsn", "0", "0/0", 0},
    {"txid_snapshot", "[10, 20, [10, 14]]", "10:20:10,14", 0},
    {"pg_snapshot", "[10, 10, []]", "10:10:", 0},
    {"tid", "[0, 1]", "(0,1)", 0},
    {"oidvector", "[23, 25]", "23 25", 0},
    {"int2vector", "[]", "", 0},
    /* bits */
    {"bit", "\"<BitString 1010>\"", "1010", 0},
    {"varbit", "\"<BitString 1011 0>\"", "10110", 0},
    {"varbit", "\"<BitString >\"", "", 0},
    /* geometry */
    {"point", "[1.5, -2.0]", "(1.5,-2)", 0},
    {"point", "[10000000000.0, -1e-10]", "(10000000000,-1e-10)", 0},
    {"point", "[NaN, Infinity]", "(NaN,Infinity)", 0},
    {"line", "[1.0, -1.0, 0.0]", "{1,-1,0}", 0},
    {"lseg", "[[0.0, 0.0], [1.0, 1.0]]", "[(0,0),(1,1)]", 0},
    {"box", "[[3.0, 4.0], [1.0, 2.0]]", "(3,4),(1,2)", 0},
    {"circle", "[[1.0, 2.0], 3.0]", "<(1,2),3>", 0},
    {"polygon", "\"" OBJECT "\"", "\\N", EARLIER_ADDRESS},
    {"path", "\"<asyncpg.pgproto.types.Path object at 0x1>\"", "\\N", EARLIER_ADDRESS},
    /* ranges */
    {"int4range", "\"<Range [1, 5)>\"", "[1,5)", 0},
    {"numrange", "\"<Range [Decimal('1.5'), Decimal('2.5')]>\"", "[1.5,2.5]", 0},
    {"daterange", "\"<Range [datetime.date(2024, 1, 1), )>\"", "[2024-01-01,)", 0},
    {"tstzrange",
     "\"<Range [datetime.datetime(2024, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), "
     "datetime.datetime(9999, 12, 31, 23, 59, 59, 999999))>\"",
     "[\"2024-01-01 00:00:00+00\",infinity)", 0},
    {"int4multirange", "[\"<Range [1, 3)>\", \"<Range [5, 7)>\"]", "{[1,3),[5,7)}", 0},
    {"int4multirange", "[]", "{}", 0},
    {"my_multirange", "[\"<Range ['a', 'b,c')>\"]", "{[a,\"b,c\")}", 0},
    {"my_range", "\"<Range (, 'x')>\"", "(,x)", 0},
    {"int4multirange", "[\"<Range [1, 3)>\", \"<Range 7)>\"]", "\\N", EARLIER_UNREAD},
    /* arrays */
    {"_int4", "[1, 2, null]", "{1,2,NULL}", 0},
    {"_int4", "[]", "{}", 0},
    {"_int4", "[[1, 2], [3, 4]]", "{{1,2},{3,4}}", 0},
    {"_text", "[\"a\", null, \"\", \"x,y\", \"NULL\", \"q\\\"\\\\\"]",
     "{a,NULL,\"\",\"x,y\",\"NULL\",\"q\\\\\"\\\\\\\\\"}", 0},
    {"_bool", "[true, null]", "{t,NULL}", 0},
    {"_numeric", "[\"1.10\", null, \"NaN\"]", "{1.10,NULL,NaN}", 0},
    {"_numeric", "[\"0E-32\"]", "{" ZEROS "}", EARLIER_INFINITY},
    {"_float4", "[1.100000023841858, NaN]", "{1.1,NaN}", 0},
    {"_date", "[\"9999-12-31\", \"2024-01-01\"]", "{infinity,2024-01-01}", EARLIER_EXTREME},
    {"_timestamptz", "[\"2024-01-01T00:00:00+00:00\", null]", "{\"2024-01-01 00:00:00+00\",NULL}",
     0},
    {"_bytea", "[\"Af8=\", \"\"]", "{\"\\\\\\\\x01ff\",\"\\\\\\\\x\"}", 0},
    {"_jsonb", "[\"{\\\"a\\\": 1}\", \"null\", null]", "{\"{\\\\\"a\\\\\": 1}\",\"null\",NULL}", 0},
    {"_interval", "[\"1:00:00\", \"1 day, 0:00:00\"]", "{01:00:00,\"1 day\"}", 0},
    {"_point", "[[1.0, 2.0], null, [3.0, 4.5]]", "{\"(1,2)\",NULL,\"(3,4.5)\"}", 0},
    {"_point", "[null, [1.0, 2.0]]", "{NULL,\"(1,2)\"}", 0},
    {"_point", "[[[1.0, 2.0]], [[3.0, 4.0]]]", "{{\"(1,2)\"},{\"(3,4)\"}}", 0},
    {"_point", "[]", "{}", 0},
    {"_box", "[[[1.0, 1.0], [0.0, 0.0]], [[2.0, 2.0], [1.0, 1.0]]]", "{(1,1),(0,0);(2,2),(1,1)}",
     0},
    {"_circle", "[[[1.0, 2.0], 3.0]]", "{\"<(1,2),3>\"}", 0},
    {"_polygon", "[\"" OBJECT "\", null]", "{NULL,NULL}", EARLIER_ADDRESS},
    {"_bit", "[\"<BitString 1010>\"]", "{1010}", 0},
    {"_int4range", "[\"<Range [1, 5)>\", null]", "{\"[1,5)\",NULL}", 0},
    {"_int4multirange", "[[\"<Range [1, 3)>\"], []]", "{\"{[1,3)}\",\"{}\"}", 0},
    {"_pg_lsn", "[1, -1]", "{0/1,FFFFFFFF/FFFFFFFF}", 0},
    /* types of the user's own */
    {"mood", "\"so so\"", "so so", 0},
    {"_mood", "[\"happy\", \"so so\", null]", "{happy,\"so so\",NULL}", 0},
    {"addr",
     "\"<Record street='1 Main \\\"St\\\"' num=42 at=datetime.datetime(2024, 1, 1, 0, 0, "
     "tzinfo=datetime.timezone.utc)>\"",
     "(\"1 Main \"\"St\"\"\",42,\"2024-01-01 00:00:00+00\")", 0},
    {"addr", "\"<Record a=" OBJECT ">\"", "()", EARLIER_ADDRESS},
    {"addr", "\"<Record a=nothing known>\"", "\\N", EARLIER_UNREAD},
    {"_addr", "[\"<Record a=1 b='x y'>\", null]", "{\"(1,\\\\\"x y\\\\\")\",NULL}", 0},
    {"hstore", "\"\\\"a\\\"=>\\\"1\\\", \\\"b\\\"=>NULL\"", "\"a\"=>\"1\", \"b\"=>NULL", 0},
    {"vector", "[1.5, 2]", "{1.5,2}", 0},
};

static void check_loss(struct decoder *decoder, unsigned losses)
{
    const struct decode_loss *loss;
    size_t count;

    loss = decoder_losses(decoder, &count);
    CHECK_INT(count, losses != 0);
    if (losses && count > 0) {
        CHECK_STR(loss->column, "v");
        CHECK_STR(loss->reason, earlier_value_reason((enum earlier_loss)losses));
        CHECK_INT(loss->rows, 2);
        CHECK_INT(loss->sample[1], 2);
    }
}

/* Each twice, so that the second goes the short way. */
static void test_values(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shape *shape = shape_of_udt(cases[i].udt_name);
        struct err err;
        struct decoder *decoder = decoder_new(shape, &err);
        char *line = mem_printf("{\"v\": %s, \"_batch_id\": \"x\"}", cases[i].json);
        char *expected = mem_printf("%s\n%s\n", cases[i].copy, cases[i].copy);
        struct buf copy = BUF_INIT, text = BUF_INIT;
        bool null;

        CHECK_OK(decode_row(decoder, line, strlen(line), &copy, &err));
        CHECK_OK(decode_row(decoder, line, strlen(line), &copy, &err));
        if (!CHECK_STR(buf_str(&copy), expected))
            printf("    ^ %s %s\n", cases[i].udt_name, cases[i].json);
        check_loss(decoder, cases[i].losses);
        CHECK_OK(decode_value(decoder, shape->columns[0].type, cases[i].json, strlen(cases[i].json),
                              &text, &null, &err));
        CHECK_INT(null, strcmp(cases[i].copy, "\\N") == 0);
        decoder_free(decoder);
        shape_free(shape);
        buf_done(&copy);
        buf_done(&text);
        free(line);
        free(expected);
    }
}

static void test_wrong_values(void)
{
    static const char *const wrong[][3] = {
        {"int4", "\"1\"", "a number is due here"},
        {"int4", "[1]", "no array"},
        {"bool", "1", "true or false"},
        {"float8", "\"x\"", "a number"},
        {"bytea", "\"!!!!\"", "not base64"},
        {"pg_lsn", "1.5", "pg_lsn"},
        {"_int4", "[1, ]", "a value is due here"},
        {"point", "[1.0]", "another kind"},
        {"point", "[1.0, 2.0, 3.0]", "another kind"},
        {"text", "\"\\u0000\"", "\\u0000"},
        {"int4multirange", "[1]", "a string is due"},
        {"_int4", "[1 2]", "a comma or ]"},
        {"text", "[\"a\"]", "no array"},
        {"int4", "nul", "a value is due here"},
        {"txid_snapshot", "[1, 2]", "another kind"},
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct shape *shape = shape_of_udt(wrong[i][0]);
        struct err err;
        struct decoder *decoder = decoder_new(shape, &err);
        char *line = mem_printf("{\"v\": %s}", wrong[i][1]);
        struct buf copy = BUF_INIT;

        if (!CHECK_FAILS(decode_row(decoder, line, strlen(line), &copy, &err), ERR_DATA,
                         wrong[i][2]))
            printf("    ^ %s\n", line);
        CHECK_INT(copy.len, 0);
        buf_done(&copy);
        free(line);
        decoder_free(decoder);
        shape_free(shape);
    }
}

static void test_precision_tells_zero(void)
{
    struct shape *shape =
        shape_of("numeric", "numeric", ", \"numeric_precision\": 40, \"numeric_scale\": 32");
    struct err err;
    struct decoder *decoder = decoder_new(shape, &err);
    struct buf copy = BUF_INIT;
    size_t count;

    CHECK_STR(shape->columns[0].type->name, "numeric(40,32)");
    CHECK_OK(decode_row(decoder, "{\"v\": \"0E-32\"}", 14, &copy, &err));
    decoder_losses(decoder, &count);
    CHECK_INT(count, 0);
    buf_done(&copy);
    decoder_free(decoder);
    shape_free(shape);
}

static void test_own_fields_and_missing_columns(void)
{
    static const char *const names[] = {"id", "_batch_id", "late"};
    struct shape *shape = shape_new();
    struct buf copy = BUF_INIT;
    const struct decode_loss *loss;
    struct err err;
    size_t count;

    shape->columns = arena_alloc(shape->arena, 3 * sizeof(*shape->columns));
    for (size_t i = 0; i < 3; i++) {
        shape->columns[i].name = names[i];
        shape->columns[i].type = codec_type(shape, i == 0 ? "int4" : "text");
    }
    shape->column_count = 3;
    shape->earlier = true;
    struct decoder *decoder = decoder_new(shape, &err);
    static const char line[] =
        "{\"id\": 7, \"_batch_id\": \"dc9d\", \"gone\": 1, \"_source_table\": \"t\"}";
    for (int i = 0; i < 7; i++)
        CHECK_OK(decode_row(decoder, line, strlen(line), &copy, &err));
    CHECK_BYTES(copy.data, 16, "7\t\\N\t\\N\n7\t\\N\t\\N\n", 16);
    loss = decoder_losses(decoder, &count);
    CHECK_INT(count, 3);
    CHECK_STR(loss[0].column, "_batch_id");
    CHECK_INT(loss[0].rows, 7);
    CHECK_INT(loss[0].sample[4], 5);
    CHECK(loss[0].gone);
    CHECK_STR(loss[1].column, "late");
    CHECK_STR(loss[1].reason, earlier_value_reason(EARLIER_ABSENT));
    CHECK_STR(loss[2].column, "gone");
    CHECK_INT(loss[2].rows, 7);
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&copy);
}

static void test_known_fields(void)
{
    struct shape *shape = shape_new();
    struct type *type = codec_type(shape, "pair");
    struct buf text = BUF_INIT;
    struct err err;
    bool null;

    shape->earlier = true;
    type->fields[0].type = shape_add_type(shape, TYPE_TEXT, "pg_lsn", "pg_lsn");
    type->fields[1].type = shape_add_type(shape, TYPE_FLOAT, "real", "float4");
    struct decoder *decoder = decoder_new(shape, &err);
    static const char json[] = "\"<Record a=97500059720 b c=1.100000023841858>\"";
    CHECK_OK(decode_value(decoder, type, json, strlen(json), &text, &null, &err));
    CHECK_STR(buf_str(&text), "(16/B374D848,1.1)");
    decoder_free(decoder);
    shape_free(shape);
    buf_done(&text);
}

/* A composite may be called "_addr", and then its array is "__addr". */
static void test_names_that_begin_like_arrays(void)
{
    struct shape *composite = shape_of("USER-DEFINED", "_addr", "");
    struct shape *array = shape_of("ARRAY", "__addr", "");

    CHECK_INT(composite->columns[0].type->kind, TYPE_TEXT);
    CHECK_INT(array->columns[0].type->kind, TYPE_ARRAY);
    CHECK_INT(array->columns[0].type->element->kind, TYPE_TEXT);
    CHECK_STR(array->columns[0].type->name, "_addr[]");
    shape_free(composite);
    shape_free(array);
}

static void test_types_and_constraints(void)
{
    static const char *const types[][4] = {
        {"character varying", "varchar", ", \"character_maximum_length\": 50",
         "character varying(50)"},
        {"character", "bpchar", ", \"character_maximum_length\": 8", "character(8)"},
        {"bit", "bit", ", \"character_maximum_length\": 4", "bit(4)"},
        {"numeric", "numeric", ", \"numeric_precision\": null", "numeric"},
        {"integer", "int4", ", \"numeric_precision\": 32", "integer"},
        {"ARRAY", "_int4", "", "int4[]"},
        {"ARRAY", "_My Type", "", "\\\"My Type\\\"[]"},
        {"USER-DEFINED", "zoo_mood", "", "zoo_mood"},
        {"USER-DEFINED", "Mood", "", "\\\"Mood\\\""},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct shape *shape = shape_of(types[i][0], types[i][1], types[i][2]);
        struct buf name = BUF_INIT;
        for (const char *c = types[i][3]; *c; c++)
            if (*c != '\\')
                buf_addc(&name, *c);
        CHECK(shape->earlier);
        CHECK_STR(shape->columns[0].type->name, buf_str(&name));
        buf_done(&name);
        shape_free(shape);
    }
    static const char schema[] =
        "{\"table_name\": \"t\", \"schema_name\": \"s\", \"columns\": [{\"name\": \"a\", "
        "\"data_type\": \"integer\", \"udt_name\": \"int4\"}],"
        "\"check_constraints\": [{\"constraint_name\": \"1_2_3_not_null\", \"check_clause\": "
        "\"a IS NOT NULL\"}, {\"constraint_name\": \"c\", \"check_clause\": \"((a > 0))\"}],"
        "\"unique_constraints\": [{\"constraint_name\": \"u\", \"columns\": [\"a\"]}],"
        "\"foreign_keys\": [{\"constraint_name\": \"f\", \"columns\": [\"a\"], "
        "\"referenced_schema\": \"s\", \"referenced_table\": \"User\", \"referenced_columns\": "
        "[\"id\"]}]}";
    struct err err;
    struct json_object *root = json_parse(schema, strlen(schema), "test", &err);
    struct shape *shape = shape_read(root, &err);
    CHECK_INT(shape->constraint_count, 3);
    CHECK_STR(shape->constraints[0].definition, "CHECK (((a > 0)))");
    CHECK_STR(shape->constraints[1].definition, "UNIQUE (a)");
    CHECK_STR(shape->constraints[2].definition, "FOREIGN KEY (a) REFERENCES s.\"User\"(id)");
    CHECK_INT(shape->constraints[2].type, 'f');
    shape_free(shape);
    json_object_put(root);
}

/* Foreign bytes: any cut and any flipped bit of good lines ends in an answer. */
static void test_damaged_lines(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct shape *shape = shape_of_udt(cases[i].udt_name);
        struct err err;
        struct decoder *decoder = decoder_new(shape, &err);
        struct buf copy = BUF_INIT;
        char *line = mem_printf("{\"v\": %s}", cases[i].json);
        size_t len = strlen(line);

        for (size_t cut = 0; cut < len; cut++) {
            char *part = mem_alloc(cut ? cut : 1);
            memcpy(part, line, cut);
            CHECK(!decode_row(decoder, part, cut, &copy, &err));
            free(part);
        }
        for (size_t at = 0; at < len; at++) {
            line[at] ^= (char)(1 << at % 8);
            decode_row(decoder, line, len, &copy, &err);
            line[at] ^= (char)(1 << at % 8);
        }
        free(line);
        buf_done(&copy);
        decoder_free(decoder);
        shape_free(shape);
    }
}

static const struct test_case tests[] = {
    {"every value comes back, and what it lacks is counted", test_values},
    {"what cannot be of its type is an error", test_wrong_values},
    {"a numeric with precision has no infinity", test_precision_tells_zero},
    {"own fields over columns, columns and fields too many are reported",
     test_own_fields_and_missing_columns},
    {"known fields of a composite are exact", test_known_fields},
    {"a name with an underscore in front is no array's by itself",
     test_names_that_begin_like_arrays},
    {"types and constraints are told by information_schema's words", test_types_and_constraints},
    {"damaged lines end in an error, or in a row", test_damaged_lines},
    {NULL, NULL},
};

const struct test_suite row_earlier_suite = {"row/earlier", tests};
