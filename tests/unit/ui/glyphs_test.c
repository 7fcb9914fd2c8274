/* SPDX-License-Identifier: PostgreSQL */
#include "glyphs.h"

#include <locale.h>
#include <stdlib.h>

#include "cases.h"
#include "wrap.h"

/* The characters of a text as it is shown, "|" between them, wide ones followed by "+". */
static const char *shown(bool utf8, const char *text)
{
    static char out[400];
    struct glyph glyph;
    size_t len = 0;

    setlocale(LC_CTYPE, "C.UTF-8");
    out[0] = '\0';
    while (glyph_next(glyphs_of(utf8), &text, &glyph) && len + 40 < sizeof(out)) {
        for (size_t i = 0; i < 3 && glyph.ch[i]; i++)
            len +=
                (size_t)snprintf(out + len, sizeof(out) - len, "%s%x", i ? "," : "", glyph.ch[i]);
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%s|", glyph.width == 2 ? "+" : "");
    }
    return out;
}

static void text_is_taken_character_by_character(void)
{
    CHECK_STR(shown(true, "aé表"), "61|e9|8868+|");
    CHECK_STR(shown(true, ""), "");
    CHECK_INT(glyph_width(glyphs_of(true), "aé表"), 4);
}

static void combining_characters_stay_with_theirs(void)
{
    CHECK_STR(shown(true, "e\xcc\x81x"), "65,301|78|");
    CHECK_STR(shown(true, "e\xcc\x81\xcc\x82\xcc\x83x"), "65,301,302|78|"); /* more is noise */
    CHECK_STR(shown(true, "\xcc\x81"), "25cc,301|");
}

static void what_would_move_the_cursor_is_a_dot(void)
{
    CHECK_STR(shown(true, "a\tb\033[31m\n"), "61|b7|62|b7|5b|33|31|6d|b7|");
    CHECK_STR(shown(true, "\xc2\x9b"), "b7|"); /* CSI in one byte of Latin-1 */
    CHECK_STR(shown(true, "\xe2\x80\xae"
                          "abc"),
              "b7|61|62|63|"); /* right to left from here */
    CHECK_STR(shown(false, "a\x7f"), "61|2e|");
}

static void what_is_no_utf8_is_a_question_mark(void)
{
    CHECK_STR(shown(true, "\xff"
                          "a\xc3"),
              "3f|61|3f|");
    CHECK_STR(shown(true, "\xc0\xaf"), "3f|3f|");        /* overlong */
    CHECK_STR(shown(true, "\xed\xa0\x80"), "3f|3f|3f|"); /* a surrogate */
    CHECK_STR(shown(false, "aé表"), "61|3f|3f|");
}

static const char *wrapped(const char *text, int cols)
{
    static char out[400];

    out[0] = '\0';
    while (*text) {
        char *line = wrap_next(glyphs_of(true), &text, cols);
        snprintf(out + strlen(out), sizeof(out) - strlen(out), "%s/", line);
        free(line);
    }
    return out;
}

static void lines_break_at_spaces_where_there_are_any(void)
{
    CHECK_STR(wrapped("one two three", 7), "one two/three/");
    CHECK_STR(wrapped("one\n\ntwo", 7), "one//two/");
    CHECK_STR(wrapped("abcdefghij", 4), "abcd/efgh/ij/");
    CHECK_STR(wrapped("表表表", 4), "表表/表/");
    CHECK_STR(wrapped("表", 1), "表/"); /* at least one, or it would never end */
}

static const struct test_case cases[] = {
    {"text_is_taken_character_by_character", text_is_taken_character_by_character},
    {"combining_characters_stay_with_theirs", combining_characters_stay_with_theirs},
    {"what_would_move_the_cursor_is_a_dot", what_would_move_the_cursor_is_a_dot},
    {"what_is_no_utf8_is_a_question_mark", what_is_no_utf8_is_a_question_mark},
    {"lines_break_at_spaces_where_there_are_any", lines_break_at_spaces_where_there_are_any},
    {NULL, NULL},
};
const struct test_suite ui_glyphs_suite = {"ui/glyphs", cases};
