/* SPDX-License-Identifier: PostgreSQL */
#include "canvas.h"

#include <locale.h>

#include "cases.h"
#include "plot.h"
#include "screen.h"

static struct canvas open_canvas(int rows, int cols, bool utf8)
{
    struct canvas canvas = {.glyphs = glyphs_of(utf8)};

    setlocale(LC_CTYPE, "C.UTF-8");
    canvas_resize(&canvas, rows, cols);
    return canvas;
}

static void what_is_too_long_carries_a_sign(void)
{
    struct canvas c = open_canvas(3, 10, false);

    CHECK_INT(canvas_put(&c, 0, 0, 5, STYLE_TEXT, "hello"), 5);
    CHECK_STR(screen_row(&c, 0), "hello");
    CHECK_INT(canvas_put(&c, 1, 0, 4, STYLE_TEXT, "hello"), 4);
    CHECK_STR(screen_row(&c, 1), "hel~");
    canvas_put(&c, 2, 7, 40, STYLE_TEXT, "hello"); /* never beyond the edge */
    CHECK_STR(screen_row(&c, 2), "       he~");
    canvas_done(&c);
}

static void wide_characters_are_never_halved(void)
{
    struct canvas c = open_canvas(2, 6, true);

    CHECK_INT(canvas_put(&c, 0, 0, 3, STYLE_TEXT, "表表"), 3); /* one, and the sign */
    CHECK_INT(canvas_cell(&c, 0, 0)->width, 2);
    CHECK_INT(canvas_cell(&c, 0, 1)->width, 0);
    CHECK_INT(canvas_cell(&c, 0, 2)->ch[0], 0x2026);
    canvas_put(&c, 0, 1, 1, STYLE_TEXT, "x"); /* its other half goes too */
    CHECK_STR(screen_row(&c, 0), " x#");
    canvas_put(&c, 1, 0, 6, STYLE_TEXT, "表表");
    canvas_put_from(&c, 1, 0, 6, STYLE_TEXT, "表xy", 1); /* half of it is scrolled out */
    CHECK_INT(canvas_cell(&c, 1, 1)->ch[0], 'x');
    canvas_done(&c);
}

static void numbers_stand_at_the_right(void)
{
    struct canvas c = open_canvas(1, 10, false);

    canvas_put_right(&c, 0, 2, 6, STYLE_TEXT, "42");
    CHECK_STR(screen_row(&c, 0), "      42");
    canvas_done(&c);
}

static void gauges_are_as_full_as_the_share(void)
{
    static const struct {
        double share;
        const char *text;
    } gauges[] = {
        {0, "[........]"}, {-1, "[........]"}, {0.5, "[####....]"},
        {1, "[########]"}, {7, "[########]"},  {0.001, "[........]"},
    };
    struct canvas c = open_canvas(1, 10, false);

    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        plot_gauge(&c, 0, 0, 10, gauges[i].share, STYLE_GAUGE);
        CHECK_STR(screen_row(&c, 0), gauges[i].text);
    }
    canvas_done(&c);
}

static void sparklines_end_with_the_newest_value(void)
{
    const double values[] = {8, 0, 4, 8, -1, 8};
    struct canvas c = open_canvas(1, 8, false);

    plot_spark(&c, 0, 0, 8, values, 6, STYLE_SPARK);
    CHECK_STR(screen_row(&c, 0), "  # -# #");
    plot_spark(&c, 0, 0, 2, values, 6, STYLE_SPARK); /* the last two */
    CHECK_INT(canvas_cell(&c, 0, 1)->ch[0], '#');
    canvas_done(&c);
}

static const char *count(double value)
{
    static struct buf text;

    buf_reset(&text);
    plot_count(&text, value);
    return buf_str(&text);
}

static const char *clock_of(double seconds)
{
    static struct buf text;

    buf_reset(&text);
    plot_clock(&text, seconds);
    return buf_str(&text);
}

static void numbers_are_short(void)
{
    CHECK_STR(count(0), "0");
    CHECK_STR(count(999), "999");
    CHECK_STR(count(999.7), "1.0k");
    CHECK_STR(count(41200000), "41.2M");
    CHECK_STR(count(318000), "318k");
    CHECK_STR(count(999600), "1.0M");
    CHECK_STR(count(-1), "?");
    CHECK_STR(clock_of(3725), "01:02:05");
    CHECK_STR(clock_of(3 * 86400 + 4 * 3600), "3d 04:00");
}

static void no_meaning_is_told_by_colour_alone(void)
{
    /* Without colours the cursor's row, marks, warnings and errors still differ from plain text. */
    static const int styles[] = {STYLE_WARN, STYLE_BAD,  STYLE_MARKED, STYLE_KEY,
                                 STYLE_BAR,  STYLE_HEAD, STYLE_BUTTON, STYLE_TEXT | STYLE_SELECTED};

    for (size_t i = 0; i < sizeof(styles) / sizeof(styles[0]); i++) {
        struct theme_look look = theme_look(THEME_MONO, styles[i]);
        CHECK(look.bold || look.reverse || look.underline);
        CHECK(look.fg == -1 && look.bg == -1);
    }
    CHECK_INT(theme_depth_of(256, true), THEME_MONO);
    CHECK_INT(theme_depth_of(256, false), THEME_256);
    CHECK_INT(theme_depth_of(8, false), THEME_8);
    CHECK_INT(theme_depth_of(0, false), THEME_MONO);
}

static const struct test_case cases[] = {
    {"what_is_too_long_carries_a_sign", what_is_too_long_carries_a_sign},
    {"wide_characters_are_never_halved", wide_characters_are_never_halved},
    {"numbers_stand_at_the_right", numbers_stand_at_the_right},
    {"gauges_are_as_full_as_the_share", gauges_are_as_full_as_the_share},
    {"sparklines_end_with_the_newest_value", sparklines_end_with_the_newest_value},
    {"numbers_are_short", numbers_are_short},
    {"no_meaning_is_told_by_colour_alone", no_meaning_is_told_by_colour_alone},
    {NULL, NULL},
};
const struct test_suite ui_canvas_suite = {"ui/canvas", cases};
