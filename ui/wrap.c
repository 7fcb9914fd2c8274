/* SPDX-License-Identifier: PostgreSQL */
#include "wrap.h"

#include "base/buf.h"

char *wrap_next(const struct glyphs *glyphs, const char **rest, int cols)
{
    const char *start = *rest, *at = start, *space = NULL;
    struct glyph glyph;
    int used = 0;

    while (*at && *at != '\n') {
        const char *next = at;
        glyph_next(glyphs, &next, &glyph);
        if (used + glyph.width > cols && at != start)
            break;
        if (*at == ' ')
            space = at;
        used += glyph.width;
        at = next;
    }
    bool whole = !*at || *at == '\n';
    const char *end = !whole && *at != ' ' && space && space > start ? space : at;
    *rest = whole && *at ? at + 1 : !whole && *end == ' ' ? end + 1 : end;
    return mem_printf("%.*s", (int)(end - start), start);
}
