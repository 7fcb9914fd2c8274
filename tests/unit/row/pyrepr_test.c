/* SPDX-License-Identifier: PostgreSQL */
#include "row/pyrepr.h"

#include "codec.h"
#include "row/earlier_value.h"

#define UTC ", tzinfo=datetime.timezone.utc)"
#define T   "asyncpg.pgproto.types."

static const struct {
    const char *type; /* NULL: not known */
    const char *repr, *text;
    unsigned losses;
} cases[] = {
    /* strings */
    {NULL, "<Record a='x'>", "(x)", 0},
    {NULL, "<Record a='' b=None>", "(\"\",)", 0},
    {NULL, "<Record a=None>", "()", 0},
    {NULL, "<Record a='NULL'>", "(NULL)", 0},
    {NULL, "<Record a=\"it's\" b='1 Main \"St\"'>", "(it's,\"1 Main \"\"St\"\"\")", 0},
    {NULL, "<Record a='both \\' and \"'>", "(\"both ' and \"\"\")", 0},
    {NULL, "<Record a='\\\\ \\n\\r\\t\\x01\\x7f'>", "(\"\\\\ \n\r\t\001\x7f\")", 0},
    {NULL, "<Record a='\\xa0\\u2028\\U0001f600'>", "(\xc2\xa0\xe2\x80\xa8\xf0\x9f\x98\x80)", 0},
    {NULL, "<Record a='\xc3\xbc' b=1>", "(\xc3\xbc,1)", 0},
    {NULL, "<Record street='comma,paren)' num=1 at=None>", "(\"comma,paren)\",1,)", 0},
    {NULL, "<Record a='> b=' c='<Record x=1>'>", "(\"> b=\",\"<Record x=1>\")", 0},
    /* names with spaces */
    {NULL, "<Record b c='x' d e=2>", "(x,2)", 0},
    {"pair", "<Record a=1 b c='x'>", "(1,x)", 0},
    {"pair", "<Record a=None b c=''>", "(,\"\")", 0},
    /* words and numbers */
    {NULL, "<Record a=True b=False c=-5 d=0>", "(t,f,-5,0)", 0},
    {NULL, "<Record a=1.5 b=-0.0 c=1e-10 d=1e+16 e=5e-324>", "(1.5,-0,1e-10,1e+16,5e-324)", 0},
    {NULL, "<Record a=nan b=inf c=-inf>", "(NaN,Infinity,-Infinity)", 0},
    {NULL, "<Record a=9223372036854775807>", "(9223372036854775807)", 0},
    {NULL, "<Record a=Decimal('1.50') b=Decimal('1E-3') c=Decimal('NaN')>", "(1.50,0.001,NaN)", 0},
    {NULL, "<Record a=Decimal('0E-32')>", "(0.00000000000000000000000000000000)", EARLIER_INFINITY},
    {NULL, "<Record a=Decimal('Infinity')>", "(Infinity)", 0},
    /* bytes, addresses, uuids */
    {NULL, "<Record a=b'' b=b'\\x00\\xffA\\'\\\\'>", "(\"\\\\x\",\"\\\\x00ff41275c\")", 0},
    {NULL, "<Record a=b\"it's\">", "(\"\\\\x69742773\")", 0},
    {NULL, "<Record a=UUID('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')>",
     "(a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11)", 0},
    {NULL,
     "<Record a=IPv4Address('10.0.0.1') b=IPv4Network('10.0.0.0/8') "
     "c=IPv6Interface('fe80::1/64')>",
     "(10.0.0.1,10.0.0.0/8,fe80::1/64)", 0},
    /* times */
    {NULL, "<Record a=datetime.date(2024, 2, 29)>", "(2024-02-29)", 0},
    {NULL, "<Record a=datetime.date(9999, 12, 31)>", "(infinity)", EARLIER_EXTREME},
    {NULL, "<Record a=datetime.datetime(2024, 1, 1, 0, 0" UTC ">", "(\"2024-01-01 00:00:00+00\")",
     0},
    {NULL, "<Record a=datetime.datetime(2024, 1, 1, 12, 34, 56, 500000)>",
     "(\"2024-01-01 12:34:56.5\")", 0},
    {NULL, "<Record a=datetime.datetime(2024, 1, 1, 2, 0, fold=1)>", "(\"2024-01-01 02:00:00\")",
     0},
    {NULL, "<Record a=datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)>", "(infinity)",
     EARLIER_EXTREME},
    {NULL, "<Record a=datetime.datetime(1, 1, 1, 0, 0)>", "(-infinity)", EARLIER_EXTREME},
    {NULL, "<Record a=datetime.datetime(9999, 12, 31, 23, 59, 59, 999999" UTC ">",
     "(\"9999-12-31 23:59:59.999999+00\")", 0},
    {NULL, "<Record a=datetime.time(12, 34)>", "(12:34:00)", 0},
    {NULL,
     "<Record a=datetime.time(12, 34, 56, 1000, "
     "tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))>",
     "(12:34:56.001+05:30)", 0},
    {NULL,
     "<Record a=datetime.time(0, 0, "
     "tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=57600)))>",
     "(00:00:00-08)", 0},
    {NULL,
     "<Record a=datetime.timedelta(0) b=datetime.timedelta(days=1, seconds=7384, "
     "microseconds=500000)>",
     "(00:00:00,\"1 day 02:03:04.5\")", 0},
    {NULL, "<Record a=datetime.timedelta(days=-2, seconds=79016)>", "(\"-1 days -02:03:04\")", 0},
    {NULL, "<Record a=datetime.timedelta(days=428)>", "(\"428 days\")", EARLIER_MONTHS},
    {NULL, "<Record a=datetime.timedelta(1, 2)>", "(\"1 day 00:00:02\")", 0},
    /* nested */
    {NULL, "<Record a=<Record b=1 c='x y'> d=None>", "(\"(1,\"\"x y\"\")\",)", 0},
    {NULL, "<Record a=[1, None, 3] b=[] c=[[1, 2], [3, 4]]>",
     "(\"{1,NULL,3}\",{},\"{{1,2},{3,4}}\")", 0},
    {NULL, "<Record a=['x', None, '', 'x,y', 'NULL', 'q\"']>",
     "(\"{x,NULL,\"\"\"\",\"\"x,y\"\",\"\"NULL\"\",\"\"q\\\\\"\"\"\"}\")", 0},
    {NULL, "<Record a=[<Record x=1>, <Record x=2>]>", "(\"{(1),(2)}\")", 0},
    {NULL, "<Record a=<Range [1, 5)> b=<BitString 1011 0>>", "(\"[1,5)\",10110)", 0},
    {NULL, "<Record a={'k': 1, 'l': [None, True, 'x\"'], 'm': {}}>",
     "(\"{\"\"k\"\": 1, \"\"l\"\": [null, true, \"\"x\\\\\"\"\"\"], \"\"m\"\": {}}\")", 0},
    /* geometry */
    {NULL, "<Record a=" T "Point((1.5, -2.0))>", "(\"(1.5,-2)\")", 0},
    {NULL, "<Record a=Point(1.5, -2.0)>", "(\"(1.5,-2)\")", 0},
    {NULL, "<Record a=" T "Box((" T "Point((3.0, 4.0)), " T "Point((1.0, 2.0))))>",
     "(\"(3,4),(1,2)\")", 0},
    {NULL, "<Record a=" T "LineSegment((" T "Point((0.0, 0.0)), " T "Point((1.0, 1.0))))>",
     "(\"[(0,0),(1,1)]\")", 0},
    {NULL, "<Record a=(1.0, 2.0, 3.0) b=(" T "Point((1.0, 2.0)), 3.0)>",
     "(\"{1,2,3}\",\"<(1,2),3>\")", 0},
    {NULL, "<Record a=" T "Circle((" T "Point((1.0, inf)), nan))>", "(\"<(1,Infinity),NaN>\")", 0},
    {NULL, "<Record a=[" T "Box((" T "Point((1.0, 1.0)), " T "Point((0.0, 0.0)))), None]>",
     "(\"{(1,1),(0,0);NULL}\")", 0},
    {NULL, "<Record a=(10, 20, (10, 14)) b=(0, 1)>", "(\"10:20:10,14\",\"(0,1)\")", 0},
    {NULL, "<Record a=<asyncpg.pgproto.types.Path object at 0x7fc7ad6e4280> b=1>", "(,1)",
     EARLIER_ADDRESS},
    /* ranges */
    {"int4range", "<Range [1, 5)>", "[1,5)", 0},
    {"int4range", "<Range empty>", "empty", 0},
    {"int4range", "<Range (, 5)>", "(,5)", 0},
    {"int4range", "<Range (, )>", "(,)", 0},
    {"int4range", "<Range [-7, ]>", "[-7,]", 0},
    {"tsrange", "<Range (, datetime.datetime(2024, 1, 1, 0, 0)]>", "(,\"2024-01-01 00:00:00\"]", 0},
    {"textrange", "<Range ['a b', 'c,d')>", "[\"a b\",\"c,d\")", 0},
    {"textrange", "<Range ['', 'x')>", "[\"\",x)", 0},
    {NULL, "<Range [datetime.datetime(2024, 1, 1, 0, 0" UTC ", )>", "[\"2024-01-01 00:00:00+00\",)",
     0},
    {NULL, "<Range [Decimal('1.5'), Decimal('2.50')]>", "[1.5,2.50]", 0},
    {NULL, "<Range [datetime.date(2024, 1, 1), datetime.date(2024, 2, 1))>",
     "[2024-01-01,2024-02-01)", 0},
    {"int4multirange", "[<Range [1, 3)>, <Range [5, 7)>]", "{[1,3),[5,7)}", 0},
    {"int4multirange", "[]", "{}", 0},
    {"int4range[]", "[<Range [1, 3)>, None]", "{\"[1,3)\",NULL}", 0},
    /* bits */
    {NULL, "<BitString 1010>", "1010", 0},
    {NULL, "<BitString 1010 1010 1010 101>", "101010101010101", 0},
    {NULL, "<BitString >", "", 0},
};

static void test_forms(void)
{
    struct shape *shape = shape_new();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct type *type = cases[i].type ? codec_type(shape, cases[i].type) : NULL;
        struct buf text = BUF_INIT;
        unsigned losses = 0;
        bool null = true;
        struct err err;

        CHECK_OK(
            pyrepr_decode(type, cases[i].repr, strlen(cases[i].repr), &text, &null, &losses, &err));
        if (!CHECK_STR(buf_str(&text), cases[i].text) | !CHECK(!null) |
            !CHECK_INT(losses, cases[i].losses))
            printf("    ^ %s\n", cases[i].repr);
        buf_done(&text);
    }
    shape_free(shape);
}

static void test_the_lost_are_null(void)
{
    static const struct {
        const char *repr;
        unsigned losses;
    } lost[] = {
        {"<asyncpg.pgproto.types.Polygon object at 0x7fa593338580>", EARLIER_ADDRESS},
        {"<Record a=", EARLIER_UNREAD},
        {"<Record a=1", EARLIER_UNREAD},
        {"<Record a=1>x", EARLIER_UNREAD},
        {"<Record a='x>", EARLIER_UNREAD},
        {"<Record a='\\q'>", EARLIER_UNREAD},
        {"<Record a='\\x00'>", EARLIER_UNREAD},
        {"<Record a='\\ud800'>", EARLIER_UNREAD},
        {"<Record a=something()>", EARLIER_UNREAD},
        {"<Record a=datetime.date(2024)>", EARLIER_UNREAD},
        {"<Range [1>", EARLIER_UNREAD},
        {"<Range 1, 5>", EARLIER_UNREAD},
        {"<BitString 12>", EARLIER_UNREAD},
        {"<script object at 0x1 onload=x>", EARLIER_UNREAD},
    };

    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
        struct buf text = BUF_INIT;
        unsigned losses = 0;
        bool null = false;
        struct err err;

        CHECK_OK(
            pyrepr_decode(NULL, lost[i].repr, strlen(lost[i].repr), &text, &null, &losses, &err));
        if (!CHECK(null) | !CHECK_INT(text.len, 0) | !CHECK_INT(losses, lost[i].losses))
            printf("    ^ %s\n", lost[i].repr);
        buf_done(&text);
    }
}

/* Foreign bytes: any cut, any flipped bit, and nesting without end all end in an answer. */
static void test_damaged(void)
{
    struct buf deep = BUF_INIT, text = BUF_INIT;
    struct err err;
    bool null;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].repr);
        unsigned losses = 0;
        char *copy = mem_alloc(len + 1);
        for (size_t cut = 0; cut < len; cut++) {
            char *part = mem_alloc(cut ? cut : 1); /* its end is the allocation's */
            memcpy(part, cases[i].repr, cut);
            pyrepr_decode(NULL, part, cut, &text, &null, &losses, &err);
            free(part);
        }
        for (size_t at = 0; at < len; at++) {
            memcpy(copy, cases[i].repr, len);
            copy[at] ^= (char)(1 << at % 8);
            pyrepr_decode(NULL, copy, len, &text, &null, &losses, &err);
        }
        free(copy);
    }
    static const char *const nests[] = {"<Record a=", "[", "(", "{'a': ", "<Range ["};
    for (size_t i = 0; i < sizeof(nests) / sizeof(nests[0]); i++) {
        unsigned losses = 0;
        buf_reset(&deep);
        for (int n = 0; n < 20000; n++)
            buf_adds(&deep, nests[i]);
        CHECK_OK(pyrepr_decode(NULL, deep.data, deep.len, &text, &null, &losses, &err));
        CHECK_INT(losses, EARLIER_UNREAD);
    }
    buf_done(&deep);
    buf_done(&text);
}

static const struct test_case tests[] = {
    {"every form of repr becomes PostgreSQL's text", test_forms},
    {"what is lost or not understood is NULL, with its reason", test_the_lost_are_null},
    {"damaged repr ends in an answer", test_damaged},
    {NULL, NULL},
};

const struct test_suite row_pyrepr_suite = {"row/pyrepr", tests};
