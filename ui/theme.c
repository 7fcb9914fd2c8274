/* SPDX-License-Identifier: PostgreSQL
 *
 * Text stays in the terminal's own colours, so that light and dark ones both work; other colours
 * are from the middle, where they can be read on either.
 */
#include "theme.h"

struct entry {
    struct theme_look depth[THEME_DEPTHS];
};

#define OWN (-1)
#define PLAIN                                                                                      \
    {                                                                                              \
        .fg = OWN, .bg = OWN                                                                       \
    }
#define IN(color)                                                                                  \
    {                                                                                              \
        .fg = (color), .bg = OWN                                                                   \
    }
#define BOLD_IN(color)                                                                             \
    {                                                                                              \
        .fg = (color), .bg = OWN, .bold = true                                                     \
    }
#define ON(color, ground)                                                                          \
    {                                                                                              \
        .fg = (color), .bg = (ground)                                                              \
    }
#define BOLD_ON(color, ground)                                                                     \
    {                                                                                              \
        .fg = (color), .bg = (ground), .bold = true                                                \
    }
#define BOLD                                                                                       \
    {                                                                                              \
        .fg = OWN, .bg = OWN, .bold = true                                                         \
    }
#define DIM                                                                                        \
    {                                                                                              \
        .fg = OWN, .bg = OWN, .dim = true                                                          \
    }
#define REVERSE                                                                                    \
    {                                                                                              \
        .fg = OWN, .bg = OWN, .reverse = true                                                      \
    }
#define UNDERLINE                                                                                  \
    {                                                                                              \
        .fg = OWN, .bg = OWN, .underline = true                                                    \
    }

/* mono, 8, 16, 256 */
static const struct entry looks[STYLE_COUNT] = {
    [STYLE_TEXT] = {{PLAIN, PLAIN, PLAIN, PLAIN}},
    [STYLE_DIM] = {{PLAIN, PLAIN, IN(8), IN(245)}},
    [STYLE_BOLD] = {{BOLD, BOLD, BOLD, BOLD}},
    [STYLE_BAR] = {{REVERSE, ON(7, 4), ON(15, 4), ON(253, 24)}},
    [STYLE_BAR_NAME] = {{{.fg = OWN, .bg = OWN, .reverse = true, .bold = true},
                         BOLD_ON(7, 4),
                         BOLD_ON(15, 4),
                         BOLD_ON(231, 24)}},
    [STYLE_BAR_GOOD] = {{REVERSE, BOLD_ON(2, 4), ON(10, 4), BOLD_ON(120, 24)}},
    [STYLE_BAR_BAD] = {{REVERSE, BOLD_ON(3, 4), ON(11, 4), BOLD_ON(215, 24)}},
    [STYLE_CRUMB] = {{BOLD, BOLD, BOLD, BOLD}},
    [STYLE_HEAD] = {{UNDERLINE, IN(6), IN(6), IN(73)}},
    [STYLE_HEAD_SORTED] = {{{.fg = OWN, .bg = OWN, .underline = true, .bold = true},
                            BOLD_IN(6),
                            BOLD_IN(6),
                            BOLD_IN(80)}},
    [STYLE_GOOD] = {{PLAIN, IN(2), IN(2), IN(71)}},
    [STYLE_WARN] = {{BOLD, BOLD_IN(3), IN(3), IN(172)}},
    [STYLE_BAD] = {{BOLD, BOLD_IN(1), BOLD_IN(9), BOLD_IN(167)}},
    [STYLE_ACCENT] = {{PLAIN, IN(6), IN(6), IN(74)}},
    [STYLE_KEY] = {{BOLD, BOLD_IN(6), BOLD_IN(6), BOLD_IN(74)}},
    [STYLE_LABEL] = {{PLAIN, PLAIN, PLAIN, IN(246)}},
    [STYLE_GAUGE] = {{PLAIN, IN(2), IN(2), IN(71)}},
    [STYLE_GAUGE_REST] = {{DIM, PLAIN, IN(8), IN(240)}},
    [STYLE_SPARK] = {{PLAIN, IN(6), IN(6), IN(74)}},
    [STYLE_MARKED] = {{BOLD, BOLD_IN(3), BOLD_IN(11), BOLD_IN(179)}},
    [STYLE_MATCH] = {{REVERSE, ON(0, 3), ON(0, 11), ON(16, 179)}},
    [STYLE_LINE] = {{PLAIN, PLAIN, IN(8), IN(241)}},
    [STYLE_BUTTON] = {{REVERSE, BOLD_ON(7, 4), BOLD_ON(15, 4), BOLD_ON(231, 31)}},
};

enum theme_depth theme_depth_of(int colors, bool no_color)
{
    if (no_color || colors < 8)
        return THEME_MONO;
    return colors >= 256 ? THEME_256 : colors >= 16 ? THEME_16 : THEME_8;
}

/* On the cursor's row a style keeps its colour where it can be read on the row's own. */
static struct theme_look on_cursor_row(enum theme_depth depth, struct theme_look look)
{
    static const short ground[THEME_DEPTHS] = {OWN, 4, 4, 238};
    static const short text[THEME_DEPTHS] = {OWN, 7, 15, 255};

    if (depth == THEME_MONO) {
        look.reverse = true;
        look.dim = false;
        return look;
    }
    if (look.bg == OWN) {
        look.bg = ground[depth];
        if (depth != THEME_256 || look.fg == OWN || look.fg < 64 || look.fg > 241)
            look.fg = text[depth];
    }
    look.bold = true;
    return look;
}

struct theme_look theme_look(enum theme_depth depth, int style)
{
    struct theme_look look = looks[style & ~STYLE_SELECTED].depth[depth];

    return style & STYLE_SELECTED ? on_cursor_row(depth, look) : look;
}
