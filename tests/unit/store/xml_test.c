/* SPDX-License-Identifier: PostgreSQL */
#include "store/xml.h"

#include "cases.h"

static bool note(const char *path, const char *text, void *state, struct err *err)
{
    (void)err;
    buf_addf(state, "%s=%s\n", path, text);
    return true;
}

static void test_elements(void)
{
    static const char xml[] = "<?xml version=\"1.0\"?>\n<!-- c --><a xmlns=\"x\"><s3:b at='1'>one"
                              "</s3:b><empty/><c>t<![CDATA[<&>]]>u</c ></a>\n";
    struct buf seen = BUF_INIT;
    struct err err;

    CHECK_OK(xml_walk(xml, strlen(xml), note, &seen, &err));
    CHECK_STR(buf_str(&seen), "/a/b=one\n/a/empty=\n/a/c=t<&>u\n/a=\n");
    buf_done(&seen);
}

static void test_entities(void)
{
    static const char xml[] = "<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20AC;&#x1F600;&#xe9;</a>";
    struct buf seen = BUF_INIT;
    struct err err;

    CHECK_OK(xml_walk(xml, strlen(xml), note, &seen, &err));
    CHECK_STR(buf_str(&seen), "/a=<&>\"'A\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\n");
    buf_done(&seen);
}

static void test_refusals(void)
{
    static const struct {
        const char *xml, *why;
    } bad[] = {
        {"", "there is none"},
        {"hello", "there is none"},
        {"<a>", "it is cut off"},
        {"<a", "it is cut off"},
        {"<a><b></a></b>", "does not match"},
        {"</a>", "an end without its element"},
        {"<a/><b/>", "out of place"},
        {"<a>&nbsp;</a>", "unknown entity"},
        {"<a>&#0;</a>", "wrong character number"},
        {"<a>&#x110000;</a>", "wrong character number"},
        {"<a>&amp</a>", "an entity is cut off"},
        {"<!DOCTYPE a [<!ENTITY x \"y\">]><a/>", "document types are not read"},
        {"<a><![CDATA[x</a>", "it is cut off"},
        {"<>", "out of place"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf seen = BUF_INIT;
        struct err err;
        CHECK_FAILS(xml_walk(bad[i].xml, strlen(bad[i].xml), note, &seen, &err), ERR_DATA,
                    bad[i].why);
        buf_done(&seen);
    }
}

static void test_depth(void)
{
    struct buf xml = BUF_INIT, seen = BUF_INIT;
    struct err err;

    for (int i = 0; i < 40; i++)
        buf_adds(&xml, "<a>");
    CHECK_FAILS(xml_walk(xml.data, xml.len, note, &seen, &err), ERR_DATA, "out of place");
    buf_done(&xml);
    buf_done(&seen);
}

static void test_escape(void)
{
    struct buf text = BUF_INIT;

    xml_escape(&text, "a<b>&c");
    CHECK_STR(buf_str(&text), "a&lt;b&gt;&amp;c");
    buf_done(&text);
}

static const struct test_case cases[] = {
    {"elements are given with path and text at their end", test_elements},
    {"entities and character numbers become UTF-8", test_entities},
    {"what is not whole XML is refused with the reason", test_refusals},
    {"nesting has a limit", test_depth},
    {"text is escaped for XML", test_escape},
    {NULL, NULL},
};

const struct test_suite store_xml_suite = {"store/xml", cases};
