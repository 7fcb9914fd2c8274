/* SPDX-License-Identifier: PostgreSQL */
#include "row/shape.h"

#include "codec.h"

static void write_shape(const struct shape *shape, struct buf *json)
{
    struct json_out j = json_out(json, 2);

    shape_write(shape, &j);
}

static void test_there_and_back(void)
{
    static const char *const columns[][2] = {{"id", "int8"},        {"a \"b\"", "text[]"},
                                             {"c", "pair"},         {"d", "pair[]"},
                                             {"r", "int4range"},    {"m", "int4multirange"},
                                             {"at", "timestamptz"}, {"x", "box[]"}};
    struct shape *shape = codec_shape(columns, 8, "at");
    struct buf json = BUF_INIT, again = BUF_INIT;
    struct err err;

    struct type *domain = shape_add_type(shape, TYPE_INT, "app.positive", "positive");
    domain->base = "integer";
    shape->columns[2].type = domain;
    shape->columns[0].not_null = true;
    shape->columns[0].identity = 'a';
    shape->columns[1].default_expr = "'{}'::text[]";
    shape->key_name = "t_pkey";
    write_shape(shape, &json);
    struct json_object *root = json_parse(json.data, json.len, "shape", &err);
    struct shape *back = shape_read(root, &err);
    CHECK_OK(back != NULL);
    if (back) {
        write_shape(back, &again);
        CHECK_STR(buf_str(&again), buf_str(&json));
        CHECK_INT(back->column_count, 8);
        CHECK_INT(back->columns[7].type->delimiter, ';');
        CHECK_INT(back->columns[0].identity, 'a');
        CHECK_INT(back->key_count, 1);
        CHECK_STR(back->columns[2].type->base, "integer");
        CHECK(!back->columns[0].type->base);
    }
    json_object_put(root);
    shape_free(shape);
    shape_free(back);
    buf_done(&json);
    buf_done(&again);
}

static void test_json_null_name(void)
{
    static const char *const columns[][2] = {{"_json_null", "json"}, {"__json_null", "json"}};
    struct shape *shape = codec_shape(columns, 2, NULL);

    CHECK_STR(shape_json_null_name(shape, shape->arena), "___json_null");
    shape_free(shape);
}

static void test_damaged(void)
{
    static const char *const wrong[] = {
        "{}",
        "{\"columns\": 1}",
        "{\"columns\": [{\"name\": \"a\"}]}",
        /* clang takes two literals in a list for a comma that was forgotten */
        ("{\"columns\": [{\"name\": \"a\", \"data_type\": \"x\", \"udt_name\": \"x\","
         " \"encoding\": {\"kind\": \"nonsense\"}}]}"),
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct err err;
        struct json_object *root = json_parse(wrong[i], strlen(wrong[i]), "shape", &err);
        struct shape *shape = NULL;
        if (!CHECK_FAILS((shape = shape_read(root, &err)) != NULL, ERR_DATA, ""))
            printf("    ^ %s\n", wrong[i]);
        shape_free(shape);
        json_object_put(root);
    }
}

static const struct test_case cases[] = {
    {"what shape_write writes gives an equal shape", test_there_and_back},
    {"the name for JSON nulls avoids the columns' names", test_json_null_name},
    {"a schema that is damaged is an error", test_damaged},
    {NULL, NULL},
};

const struct test_suite row_shape_suite = {"row/shape", cases};
