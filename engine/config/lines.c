/* SPDX-License-Identifier: PostgreSQL */
#include "config/lines.h"

#include <stdlib.h>

#include "base/file.h"

enum { FILE_MAX = 4 << 20 };

bool lines_read(const char *path, struct lines *ret_lines, struct err *err)
{
    struct buf bytes = BUF_INIT;
    bool ok = file_read(path, FILE_MAX, &bytes, err);

    *ret_lines = (struct lines){0};
    for (const char *at = buf_str(&bytes); ok && *at;) {
        size_t len = strcspn(at, "\n");
        char *line = mem_printf("%.*s", (int)len, at);
        lines_insert(ret_lines, (int)ret_lines->count + 1, line);
        free(line);
        at += len + (at[len] == '\n');
    }
    buf_done(&bytes);
    return ok;
}

void lines_done(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        free(lines->items[i]);
    free(lines->items);
    *lines = (struct lines){0};
}

void lines_text(const struct lines *lines, struct buf *ret_text)
{
    for (size_t i = 0; i < lines->count; i++)
        buf_addf(ret_text, "%s\n", lines->items[i]);
}

void lines_insert(struct lines *lines, int line, const char *text)
{
    size_t at = (size_t)line - 1;

    lines->items = mem_grow(lines->items, (lines->count + 1) * sizeof(*lines->items));
    memmove(&lines->items[at + 1], &lines->items[at], (lines->count - at) * sizeof(*lines->items));
    lines->items[at] = mem_strdup(text);
    lines->count++;
}

void lines_replace(struct lines *lines, int at, const char *text)
{
    char *copy = mem_strdup(text);

    free(lines->items[at - 1]);
    lines->items[at - 1] = copy;
}

void lines_remove(struct lines *lines, int from, int to)
{
    for (int i = from; i <= to; i++)
        free(lines->items[i - 1]);
    memmove(&lines->items[from - 1], &lines->items[to],
            (lines->count - (size_t)to) * sizeof(*lines->items));
    lines->count -= (size_t)(to - from + 1);
}

static bool is_blank(const char *line)
{
    size_t at = strspn(line, " \t");

    return line[at] == '\0' || line[at] == '#';
}

int lines_last_of(const struct lines *lines, int line, int column, bool is_list)
{
    size_t key_indent = (size_t)column - 1;
    int last = line;

    for (size_t i = (size_t)line; i < lines->count; i++) {
        const char *text = lines->items[i];
        size_t indent = strspn(text, " ");
        if (is_blank(text))
            continue;
        if (indent <= key_indent && !(is_list && indent == key_indent && text[indent] == '-'))
            break;
        last = (int)i + 1;
    }
    return last;
}

bool lines_check_map(const char *path, const struct yaml_node *map, struct err *err)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct yaml_node *key = map->keys[i];
        bool own = strcmp(key->file, path) == 0;
        if (own && (i == 0 || key->line > map->keys[i - 1]->line))
            continue;
        err_set(err, ERR_CONFIG, "%s: this map cannot be changed line by line", key->text);
        yaml_at(key, err);
        err_why(err, own ? "its keys share a line" : "it comes from another file");
        return err_hint(err, "write a key a line, or change the file by hand");
    }
    return true;
}
