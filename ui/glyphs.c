/* SPDX-License-Identifier: PostgreSQL */
#include "glyphs.h"

#include <string.h>
#include <wchar.h>

static const struct glyphs utf8 = {
    .utf8 = true,
    .horizontal = 0x2500,
    .vertical = 0x2502,
    .corner = {0x250c, 0x2510, 0x2518, 0x2514},
    .tee_down = 0x252c,
    .tee_up = 0x2534,
    .eighths = {' ', 0x258f, 0x258e, 0x258d, 0x258c, 0x258b, 0x258a, 0x2589, 0x2588},
    .rises = {' ', 0x2581, 0x2582, 0x2583, 0x2584, 0x2585, 0x2586, 0x2587, 0x2588},
    .gauge = {0x2595, 0x258f},
    .cut = 0x2026,
    .mark = 0x2022,
    .up = 0x25b2,
    .down = 0x25bc,
    .more = 0x203a,
    .less = 0x2039,
    .rest = 0x2591,
    .ellipsis = "\xe2\x80\xa6",
    .crumb = " \xe2\x80\xba ",
};

static const struct glyphs ascii = {
    .horizontal = '-',
    .vertical = '|',
    .corner = {'+', '+', '+', '+'},
    .tee_down = '+',
    .tee_up = '+',
    .eighths = {' ', ' ', ' ', ' ', '#', '#', '#', '#', '#'},
    .rises = {' ', '.', '.', '-', '-', '=', '=', '#', '#'},
    .gauge = {'[', ']'},
    .cut = '~',
    .mark = '*',
    .up = '^',
    .down = 'v',
    .more = '>',
    .less = '<',
    .rest = '.',
    .ellipsis = "...",
    .crumb = " > ",
};

const struct glyphs *glyphs_of(bool is_utf8)
{
    return is_utf8 ? &utf8 : &ascii;
}

/* --- UTF-8 --- */

#define NO_CHARACTER UINT32_MAX

/* The next character; NO_CHARACTER for a byte that begins none, which is then taken alone. */
static uint32_t decode(const char **text)
{
    static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)*text;
    int more = *p < 0x80                 ? 0
               : *p >= 0xc2 && *p < 0xe0 ? 1
               : (*p & 0xf0) == 0xe0     ? 2
               : *p >= 0xf0 && *p < 0xf5 ? 3
                                         : -1;

    *text += 1;
    if (more <= 0)
        return more == 0 ? *p : NO_CHARACTER;
    uint32_t c = *p & (0x3fU >> more);
    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return NO_CHARACTER;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return NO_CHARACTER;
    *text += more;
    return c;
}

/* Would move the cursor, end the line, or turn what follows around. */
static bool is_unruly(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff0 && c <= 0xfffb);
}

static uint32_t harmless(const struct glyphs *glyphs, uint32_t c, int *ret_width)
{
    *ret_width = 1;
    if (c == NO_CHARACTER)
        return '?';
    if (is_unruly(c))
        return glyphs->utf8 ? 0xb7 : '.';
    if (c < 0x7f)
        return c;
    if (!glyphs->utf8)
        return '?';
    *ret_width = wcwidth((wchar_t)c);
    if (*ret_width >= 0)
        return c;
    *ret_width = 1;
    return '?';
}

bool glyph_next(const struct glyphs *glyphs, const char **text, struct glyph *ret_glyph)
{
    int width;

    if (!**text)
        return false;
    uint32_t c = harmless(glyphs, decode(text), &width);
    *ret_glyph = (struct glyph){.ch = {c}, .width = width};
    if (width == 0) /* a combining one with nothing before it */
        *ret_glyph = (struct glyph){.ch = {glyphs->utf8 ? 0x25cc : '?', c}, .width = 1};
    for (size_t n = ret_glyph->ch[1] ? 2 : 1; (unsigned char)**text >= 0x80;) {
        const char *ahead = *text;
        c = harmless(glyphs, decode(&ahead), &width);
        if (width != 0)
            break;
        *text = ahead;
        if (n < sizeof(ret_glyph->ch) / sizeof(ret_glyph->ch[0])) /* more would be noise */
            ret_glyph->ch[n++] = c;
    }
    return true;
}

int glyph_width(const struct glyphs *glyphs, const char *text)
{
    struct glyph glyph;
    int width = 0;

    while (glyph_next(glyphs, &text, &glyph))
        width += glyph.width;
    return width;
}
