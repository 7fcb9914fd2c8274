/* SPDX-License-Identifier: PostgreSQL
 *
 * Shapes are told as text, a column a line: name|type|flags, where flags are n (NOT NULL), a and d
 * (identity), s (generated), b:TYPE (domain over), =EXPR (default; the last). What a mapping says
 * is compared as text too.
 */
#include "row/mapping.h"

#include <stdlib.h>

#include "cases.h"
#include "row/widening.h"

/* --- shapes from text, mappings to text --- */

static const char *udt_of(const char *name)
{
    static const char *const names[][2] = {{"smallint", "int2"},
                                           {"integer", "int4"},
                                           {"bigint", "int8"},
                                           {"boolean", "bool"},
                                           {"jsonb", "jsonb"},
                                           {"json", "json"},
                                           {"real", "float4"},
                                           {"integer[]", "_int4"},
                                           {"timestamp with time zone", "timestamptz"},
                                           {"text[]", "_text"},
                                           {"zoo_mood", "zoo_mood"},
                                           {"public.zoo_mood", "zoo_mood"},
                                           {"app.mood", "mood"},
                                           {"other.mood", "mood"},
                                           {"ARRAY", "_int4"},
                                           {"date", "date"},
                                           {"interval", "interval"},
                                           {"interval(3)", "interval"},
                                           {"numeric", "numeric"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i][0], name) == 0)
            return names[i][1];
    }
    return strncmp(name, "numeric(", 8) == 0 ? "numeric" : "x";
}

static struct type *type_of(struct shape *shape, const char *name)
{
    const char *udt = udt_of(name);

    return shape_add_type(shape, shape_kind_of(udt), name, udt);
}

static void set_flags(struct shape *shape, struct column *column, struct type *type, char *flags)
{
    char *equals = strchr(flags, '='), *base = strstr(flags, "b:");

    if (equals) {
        column->default_expr = arena_strdup(shape->arena, equals + 1);
        *equals = '\0';
    }
    if (base) {
        type->base = arena_strdup(shape->arena, base + 2);
        type->kind = shape_kind_of(udt_of(type->base));
        *base = '\0';
    }
    column->not_null = strchr(flags, 'n') != NULL;
    column->identity = strchr(flags, 'a') ? 'a' : strchr(flags, 'd') ? 'd' : '\0';
    column->generated = strchr(flags, 's') ? 's' : '\0';
}

static struct shape *shape_of(const char *text)
{
    struct shape *shape = shape_new();
    char *copy = arena_strdup(shape->arena, text), *line;

    shape->columns = arena_alloc(shape->arena, 20 * sizeof(*shape->columns));
    while ((line = strsep(&copy, "\n"))) {
        struct column *column = &shape->columns[shape->column_count++];
        column->name = strsep(&line, "|");
        struct type *type = type_of(shape, strsep(&line, "|"));
        column->type = type;
        if (line)
            set_flags(shape, column, type, line);
    }
    return shape;
}

static void tell(const struct mapping *mapping, const struct shape *archive, struct buf *text)
{
    for (size_t i = 0; i < mapping->difference_count; i++) {
        const struct mapping_difference *d = &mapping->differences[i];
        buf_addf(text, "%s %s %s -> %s: %s\n", d->refuses ? "REFUSES" : "says", d->kind,
                 d->archive_type ? d->archive_type : "-", d->target_type ? d->target_type : "-",
                 d->text);
    }
    for (size_t i = 0; i < mapping->column_count; i++) {
        const struct mapping_column *c = &mapping->columns[i];
        buf_addf(text, "%s <- %s: %s\n", c->target,
                 c->archive == SIZE_MAX ? "(new)" : archive->columns[c->archive].name,
                 c->expression);
    }
    buf_addf(text, "%s%s\n", mapping->direct ? "direct" : "staged",
             mapping->identity_always ? ", identity" : "");
}

/* The mapping as text, or the error where there is none. */
static void map(const char *archive_text, const char *target_text, struct mapping_params params,
                struct buf *text)
{
    struct shape *archive = shape_of(archive_text), *target = shape_of(target_text);
    struct err err = ERR_INIT;

    params.archive = archive;
    params.target = target;
    struct mapping *mapping = mapping_new(&params, &err);
    buf_reset(text);
    if (mapping) {
        bool refused = false;
        for (size_t i = 0; i < mapping->difference_count; i++)
            refused = refused || mapping->differences[i].refuses;
        CHECK(mapping->refused == refused);
        tell(mapping, archive, text);
    } else {
        char line[sizeof(err)];
        err_line(&err, line, sizeof(line));
        buf_addf(text, "%s: %s", err_code(err.kind), line);
    }
    mapping_free(mapping);
    shape_free(archive);
    shape_free(target);
}

static void expect(const char *archive, const char *target, enum mapping_mode mode,
                   const char *expected)
{
    struct buf text = BUF_INIT;

    map(archive, target, (struct mapping_params){.mode = mode}, &text);
    CHECK_STR(buf_str(&text), expected);
    buf_done(&text);
}

/* --- by name --- */

static void test_equal(void)
{
    static const char shape[] = "id|bigint|n\nat|timestamp with time zone\n\"q\" x|app.mood";

    for (int mode = MAPPING_STRICT; mode <= MAPPING_TRANSFORM; mode++)
        expect(shape, shape, (enum mapping_mode)mode,
               "id <- id: s.\"id\"\n"
               "at <- at: s.\"at\"\n"
               "\"q\" x <- \"q\" x: s.\"\"\"q\"\" x\"::app.mood\n"
               "direct\n");
}

static void test_order(void)
{
    expect("a|text\nb|bigint", "b|bigint\na|text", MAPPING_STRICT,
           "a <- a: s.\"a\"\nb <- b: s.\"b\"\ndirect\n");
}

static void test_removed(void)
{
    static const char archive[] = "id|bigint|n\nlevl|text";
    static const char target[] = "id|bigint|n\nlevel|text";

    expect(archive, target, MAPPING_LENIENT,
           "says removed text -> -: the table has no such column: its values are left out; "
           "is \"level\" meant?\n"
           "says added - -> text: becomes NULL\n"
           "id <- id: s.\"id\"\ndirect\n");
    expect(archive, target, MAPPING_STRICT,
           "REFUSES removed text -> -: the table has no such column: its values are left out; "
           "is \"level\" meant?\n"
           "REFUSES added - -> text: becomes NULL\n"
           "id <- id: s.\"id\"\ndirect\n");
}

static void test_added(void)
{
    expect("id|bigint|n",
           "id|bigint|n\n"
           "a|text|n=now()\n"
           "b|bigint|nd\n"
           "c|bigint|na\n"
           "d|text|n\n"
           "e|text|\n"
           "g|integer|ns=(1)",
           MAPPING_LENIENT,
           "says added - -> text: takes its default: now()\n"
           "says added - -> bigint: numbered by the table\n"
           "says added - -> bigint: numbered by the table\n"
           "REFUSES required - -> text: NOT NULL without a default, and nothing goes into it\n"
           "says added - -> text: becomes NULL\n"
           "says added - -> integer: computed by the table\n"
           "id <- id: s.\"id\"\ndirect\n");
}

static void test_generated_and_identity(void)
{
    static const char archive[] = "id|bigint|na\ntotal|integer|s=(a + b)\nplain|text";
    static const char target[] = "id|bigint|na\ntotal|integer|s=(a + b)\nplain|text|s='x'";

    expect(archive, target, MAPPING_LENIENT,
           "says identity bigint -> bigint: written as archived, over GENERATED ALWAYS\n"
           "says generated integer -> integer: computed by the table, not written\n"
           "says generated text -> text: computed by the table, not written\n"
           "id <- id: s.\"id\"\ndirect, identity\n");
    expect(archive, target, MAPPING_STRICT,
           "says identity bigint -> bigint: written as archived, over GENERATED ALWAYS\n"
           "says generated integer -> integer: computed by the table, not written\n"
           "REFUSES generated text -> text: computed by the table, not written\n"
           "id <- id: s.\"id\"\ndirect, identity\n");
}

static void test_nullable(void)
{
    expect("id|bigint", "id|bigint|n", MAPPING_LENIENT,
           "says nullable bigint -> bigint: the archive may hold NULLs, the table refuses them\n"
           "id <- id: s.\"id\"\ndirect\n");
    expect("id|bigint", "id|bigint|n", MAPPING_STRICT,
           "REFUSES nullable bigint -> bigint: the archive may hold NULLs, the table refuses them\n"
           "id <- id: s.\"id\"\ndirect\n");
}

static void test_retyped(void)
{
    expect("a|integer\nb|boolean\nc|text", "a|bigint\nb|text\nc|text", MAPPING_LENIENT,
           "says retyped integer -> bigint: converted, every value is kept\n"
           "says retyped boolean -> text: converted, every value is kept\n"
           "a <- a: s.\"a\"::bigint\n"
           "b <- b: s.\"b\"::text\n"
           "c <- c: s.\"c\"\n"
           "staged\n");
    expect("a|bigint", "a|integer", MAPPING_TRANSFORM,
           "REFUSES retyped bigint -> integer: a conversion could change values: say how in a "
           "mapping file\n"
           "a <- a: s.\"a\"::integer\nstaged\n");
    expect("a|integer", "a|bigint", MAPPING_STRICT,
           "REFUSES retyped integer -> bigint: converted, every value is kept\n"
           "a <- a: s.\"a\"::bigint\nstaged\n");
}

static void test_domains(void)
{
    expect("a|app.positive|b:integer\nf|app.flag|b:boolean", "a|integer\nf|text", MAPPING_LENIENT,
           "says retyped app.positive -> integer: another name for the same values\n"
           "says retyped app.flag -> text: converted, every value is kept\n"
           "a <- a: s.\"a\"\n"
           "f <- f: s.\"f\"::text\n"
           "staged\n");
    expect("a|integer", "a|app.positive|b:integer", MAPPING_LENIENT,
           "says retyped integer -> app.positive: another name for the same values\n"
           "a <- a: s.\"a\"::app.positive\n"
           "direct\n");
    expect("a|app.d|b:bigint", "a|app.d|b:integer", MAPPING_LENIENT,
           "REFUSES retyped app.d -> app.d: a conversion could change values: say how in a mapping "
           "file\n"
           "a <- a: s.\"a\"::app.d\nstaged\n");
}

static void test_only_columns(void)
{
    static const char *const some[] = {"b"}, *const missing[] = {"bb"};
    struct buf text = BUF_INIT;

    map("a|bigint|n\nb|text", "a|bigint|n\nb|text\nc|text",
        (struct mapping_params){.only_columns = some, .only_count = 1}, &text);
    CHECK_STR(buf_str(&text),
              "REFUSES required - -> bigint: NOT NULL without a default, and not among the columns "
              "asked for\n"
              "REFUSES added - -> text: becomes NULL\n"
              "b <- b: s.\"b\"\ndirect\n");
    map("a|bigint\nb|text", "a|bigint\nb|text",
        (struct mapping_params){.only_columns = some, .only_count = 1}, &text);
    CHECK_STR(buf_str(&text), "says added - -> bigint: becomes NULL\nb <- b: s.\"b\"\ndirect\n");
    map("a|bigint\nb|text", "a|bigint\nb|text",
        (struct mapping_params){.only_columns = missing, .only_count = 1}, &text);
    CHECK_STR(buf_str(&text),
              "usage: there is no column \"bb\" in the archive (did you mean \"b\"?)");
    buf_done(&text);
}

/* --- types --- */

static void test_widenings(void)
{
    static const struct {
        const char *from, *to;
        enum widening expected;
    } cases[] = {
        {"smallint", "bigint", WIDENING_CAST},
        {"bigint", "smallint", WIDENING_LOSES},
        {"bigint", "double precision", WIDENING_LOSES},
        {"bigint", "numeric", WIDENING_CAST},
        {"bigint", "numeric(19,0)", WIDENING_CAST},
        {"bigint", "numeric(20,2)", WIDENING_LOSES},
        {"integer", "numeric(12,2)", WIDENING_CAST},
        {"numeric(10,2)", "numeric(12,2)", WIDENING_CAST},
        {"numeric(10,2)", "numeric(10,3)", WIDENING_LOSES},
        {"numeric(10,2)", "numeric", WIDENING_CAST},
        {"numeric", "numeric(10,2)", WIDENING_LOSES},
        {"numeric(12,2)", "integer", WIDENING_LOSES},
        {"real", "double precision", WIDENING_CAST},
        {"double precision", "real", WIDENING_LOSES},
        {"real", "numeric", WIDENING_LOSES},
        {"character varying(10)", "character varying(20)", WIDENING_CAST},
        {"character varying(20)", "character varying(10)", WIDENING_LOSES},
        {"character varying(20)", "character varying", WIDENING_CAST},
        {"character varying", "text", WIDENING_CAST},
        {"text", "character varying", WIDENING_CAST},
        {"text", "character varying(10)", WIDENING_LOSES},
        {"character(4)", "text", WIDENING_CAST},
        {"character(4)", "character varying(4)", WIDENING_CAST},
        {"character varying(4)", "character(4)", WIDENING_LOSES},
        {"timestamp(3) with time zone", "timestamp with time zone", WIDENING_CAST},
        {"timestamp with time zone", "timestamp(3) with time zone", WIDENING_LOSES},
        {"timestamp(3) without time zone", "timestamp(6) without time zone", WIDENING_CAST},
        {"timestamp without time zone", "timestamp with time zone", WIDENING_LOSES},
        {"date", "timestamp without time zone", WIDENING_CAST},
        {"date", "timestamp with time zone", WIDENING_LOSES},
        {"interval", "interval(3)", WIDENING_LOSES},
        {"interval(3)", "interval", WIDENING_CAST},
        {"jsonb", "json", WIDENING_CAST},
        {"json", "jsonb", WIDENING_LOSES},
        {"boolean", "text", WIDENING_CAST},
        {"boolean", "integer", WIDENING_LOSES},
        {"app.mood", "text", WIDENING_CAST},
        {"text", "app.mood", WIDENING_LOSES},
        {"app.mood", "other.mood", WIDENING_ALIKE},
        {"zoo_mood", "public.zoo_mood", WIDENING_EQUAL},
        {"ARRAY", "integer[]", WIDENING_EQUAL},
        {"integer[]", "bigint[]", WIDENING_CAST},
        {"bigint[]", "integer[]", WIDENING_LOSES},
        {"integer[]", "text[]", WIDENING_CAST},
        {"integer[]", "text", WIDENING_CAST},
        {"integer", "integer[]", WIDENING_LOSES},
        {"text", "text[]", WIDENING_LOSES},
        {"numeric(4,1)[]", "numeric(5,2)[]", WIDENING_CAST},
        {"app.\"odd (4)\"", "text", WIDENING_CAST},
    };
    struct shape *shape = shape_new();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum widening got = widening_of(type_of(shape, cases[i].from), type_of(shape, cases[i].to));
        if (!CHECK_INT(got, cases[i].expected))
            printf("    ^ %s to %s\n", cases[i].from, cases[i].to);
    }
    shape_free(shape);
}

static void test_staging(void)
{
    static const char *const cases[][2] = {
        {"numeric(10,2)", "numeric(10,2)"},
        {"app.mood", "text"},
        {"zoo_mood", "text"},
        {"ARRAY", "text"},
        {"integer[]", "integer[]"},
        {"boolean", "boolean"},
        {"int4range", "int4range"},
        {"app.mood[]", "text"},
    };
    struct shape *shape = shape_new();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        CHECK_STR(widening_staging(type_of(shape, cases[i][0])), cases[i][1]);
    shape_free(shape);
}

/* --- rules --- */

/* The mapping with rules, the file's name cut off its errors. */
static void map_by_rules(const char *rules, struct buf *text)
{
    char *dir = test_mkdtemp();
    char *path = mem_printf("%s/rules.yaml", dir);
    FILE *out = fopen(path, "w");
    struct mapping_params params = {.mode = MAPPING_TRANSFORM, .rules_file = path};

    CHECK(out && fputs(rules, out) >= 0 && fclose(out) == 0);
    map("id|bigint|n\nlvl|text\nms|bigint\nold|text\nsum|integer",
        "id|bigint|n\nlevel|text\nat|timestamp with time zone|n\nsource|character varying(10)|n\n"
        "cents|numeric(10,2)|n\nsum|integer|s=(1)",
        params, text);
    char *file = strstr(buf_str(text), path);
    if (file) {
        struct buf cut = BUF_INIT;
        buf_addf(&cut, "%.*s%s", (int)(file - text->data), text->data, file + strlen(dir) + 1);
        buf_done(text);
        *text = cut;
    }
    free(path);
    test_rmdir(dir);
}

static void test_rules(void)
{
    struct buf text = BUF_INIT;

    map_by_rules("columns:\n"
                 "  lvl: level\n"
                 "  ms: {to: at, using: to_timestamp(s.ms / 1000.0)}\n"
                 "  old: {drop: true}\n"
                 "new:\n"
                 "  source: {value: it's}\n"
                 "  cents: {using: s.ms * 2}\n",
                 &text);
    CHECK_STR(buf_str(&text),
              "says renamed text -> text: goes into \"level\"\n"
              "says renamed bigint -> timestamp with time zone: goes into \"at\"\n"
              "says nullable bigint -> timestamp with time zone: the archive may hold NULLs, the "
              "table refuses them\n"
              "says retyped bigint -> timestamp with time zone: converted as the rules say\n"
              "says dropped text -> -: left out, as the rules say\n"
              "says generated integer -> integer: computed by the table, not written\n"
              "says added - -> character varying(10): filled as the rules say\n"
              "says added - -> numeric(10,2): filled as the rules say\n"
              "id <- id: s.\"id\"\n"
              "level <- lvl: s.\"lvl\"\n"
              "at <- ms: (to_timestamp(s.ms / 1000.0))\n"
              "source <- (new): 'it''s'\n"
              "cents <- (new): (s.ms * 2)\n"
              "staged\n");
    map_by_rules("new: {at: {value: 2026-01-01}, source: {value: null}, cents: {value: 1.5}}\n",
                 &text);
    CHECK(strstr(buf_str(&text), "at <- (new): '2026-01-01'::timestamp with time zone\n"
                                 "source <- (new): NULL\n"
                                 "cents <- (new): '1.5'::numeric\n"));
    buf_done(&text);
}

static void test_wrong_rules(void)
{
    static const char *const cases[][2] = {
        {"columns: {lvll: level}",
         "config: there is no column \"lvll\" in the archive: rules.yaml:1:11 (did you mean "
         "\"lvl\"?)"},
        {"columns:\n  lvl: {to: levle}",
         "config: there is no column \"levle\" in the table: rules.yaml:2:13 (did you mean "
         "\"level\"?)"},
        {"columns:\n  lvl: {using: upper(s.lvl)}",
         "config: there is no column \"lvl\" in the table: rules.yaml:2:3"},
        {"columns:\n  lvl: {too: level}",
         "config: unknown key \"too\": rules.yaml:2:9 (did you mean \"to\"?)"},
        {"columns:\n  lvl: {drop: yes please}",
         "config: drop must be true or false: rules.yaml:2:15"},
        {"columns:\n  lvl: {drop: true, to: level}",
         "config: a column that is dropped goes nowhere: rules.yaml:2:8"},
        {"columns:\n  lvl: [level]",
         "config: a column's rule is a name, or to, drop and using: rules.yaml:2:8"},
        {"columns: {lvl: level, old: level}",
         "config: two things go into column \"level\": rules.yaml:1:23: one is the archive's "
         "\"lvl\" (drop one, or give it another place)"},
        {"columns: {old: {to: id}}\nnew: {}",
         "config: two things go into column \"id\": rules.yaml:1:11: one is the archive's \"id\" "
         "(drop one, or give it another place)"},
        {"new: {id: {value: 1}}",
         "config: two things go into column \"id\": rules.yaml:1:7: one is the archive's \"id\" "
         "(drop one, or give it another place)"},
        {"new: {sum: {value: 1}}",
         "config: column \"sum\" is computed by the table: rules.yaml:1:7"},
        {"new: {source: archive}",
         "config: a new column has a value or an expression: rules.yaml:1:15 (write {value: text} "
         "or {using: \"SQL\"})"},
        {"collumns: {}",
         "config: unknown key \"collumns\": rules.yaml:1:1 (did you mean \"columns\"?)"},
        {"- a", "config: the rules are a map of columns and new: rules.yaml:1:1"},
    };
    struct buf text = BUF_INIT;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        map_by_rules(cases[i][0], &text);
        CHECK_STR(buf_str(&text), cases[i][1]);
    }
    map("a|text", "a|text", (struct mapping_params){.mode = MAPPING_LENIENT, .rules_file = "x"},
        &text);
    CHECK_STR(buf_str(&text), "usage: a mapping file goes with --schema transform only");
    buf_done(&text);
}

static void test_staged(void)
{
    struct shape *archive = shape_of("id|bigint\nold|app.mood\nb|boolean");
    struct shape *target = shape_of("id|bigint\nb|text");
    struct err err;
    struct mapping_params params = {.archive = archive, .target = target, .mode = MAPPING_LENIENT};
    struct mapping *mapping = mapping_new(&params, &err);

    if (CHECK(mapping != NULL) && CHECK_INT(mapping->staged_count, 2)) {
        CHECK_INT(mapping->staged[0].archive, 0);
        CHECK_STR(mapping->staged[0].type, "bigint");
        CHECK_INT(mapping->staged[1].archive, 2);
        CHECK_STR(mapping->staged[1].type, "boolean");
    }
    mapping_free(mapping);
    mapping_free(NULL);
    shape_free(archive);
    shape_free(target);
}

static void test_names(void)
{
    struct shape *archive = shape_of("id|bigint\ngone|text\nn|integer\ng|text");
    struct shape *target = shape_of("id|bigint|na\nn|bigint\ng|text|s\nmore|text\nmust|text|n");
    struct mapping_params params = {.archive = archive, .target = target, .mode = MAPPING_LENIENT};
    struct buf text = BUF_INIT;
    struct err err;
    struct mapping *mapping = mapping_new(&params, &err);

    for (size_t i = 0; CHECK(mapping != NULL) && i < mapping->difference_count; i++)
        buf_addf(&text, "%s %s\n", mapping->differences[i].kind, mapping->differences[i].column);
    CHECK_STR(buf_str(&text), "identity id\nnullable id\nremoved gone\nretyped n\ngenerated g\n"
                              "added more\nrequired must\n");
    buf_done(&text);
    mapping_free(mapping);
    shape_free(archive);
    shape_free(target);
}

static const struct test_case cases[] = {
    {"equal shapes are direct in every mode", test_equal},
    {"columns go by name, in the archive's order", test_order},
    {"columns that the table lacks are left out and said", test_removed},
    {"columns that the archive lacks take what the table declares", test_added},
    {"generated columns are not written, identity is", test_generated_and_identity},
    {"NOT NULL in the table only is said", test_nullable},
    {"retyped columns are cast where nothing is lost, else refused", test_retyped},
    {"domains are what they are made of", test_domains},
    {"only the columns asked for are written", test_only_columns},
    {"what keeps every value is a written-down table", test_widenings},
    {"staging columns have types that every server knows", test_staging},
    {"rules rename, drop, convert and fill", test_rules},
    {"wrong rules point at file, line and column", test_wrong_rules},
    {"only what is written is staged", test_staged},
    {"every difference names its column", test_names},
    {NULL, NULL},
};

const struct test_suite row_mapping_suite = {"row/mapping", cases};
