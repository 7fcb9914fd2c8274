/* SPDX-License-Identifier: PostgreSQL */
#include "listing.h"

#include <stdarg.h>
#include <stdlib.h>

static size_t count(const void *self)
{
    return ((const struct listing *)self)->count;
}

static void cell(const void *self, size_t row, size_t column, struct buf *text, int *style)
{
    const struct listing *listing = self;

    (void)column;
    buf_adds(text, listing->texts[row]);
    *style = (int)listing->styles[row];
}

static const char *id(const void *self, size_t row)
{
    struct listing *listing = (struct listing *)self; /* only its scratch */

    snprintf(listing->id, sizeof(listing->id), "%zu", row);
    return listing->id;
}

void listing_init(struct listing *listing)
{
    static const struct table_column columns[] = {{.title = "", .min = 1}};

    *listing = (struct listing){
        .source = {.self = listing, .count = count, .cell = cell, .id = id},
    };
    table_init(&listing->table, &listing->source, columns, 1);
    listing->table.headless = true;
}

void listing_clear(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->texts[i]);
    free(listing->texts);
    free(listing->styles);
    listing->texts = NULL;
    listing->styles = NULL;
    listing->count = 0;
}

void listing_done(struct listing *listing)
{
    listing_clear(listing);
    table_done(&listing->table);
}

void listing_add(struct listing *listing, enum theme_style style, const char *text, size_t len)
{
    listing->texts = mem_grow(listing->texts, (listing->count + 1) * sizeof(*listing->texts));
    listing->styles = mem_grow(listing->styles, (listing->count + 1) * sizeof(*listing->styles));
    listing->texts[listing->count] = mem_printf("%.*s", (int)len, text);
    listing->styles[listing->count++] = style;
}

void listing_add_text(struct listing *listing, enum theme_style style, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        listing_add(listing, style, text, len);
        text += len + (text[len] == '\n');
    }
}

void listing_addf(struct listing *listing, enum theme_style style, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    listing_add_text(listing, style, text);
}

void listing_show(struct listing *listing)
{
    table_refresh(&listing->table);
}
