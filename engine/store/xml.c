/* SPDX-License-Identifier: PostgreSQL */
#include "store/xml.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

struct reader {
    const char *at, *end;
    struct buf path;
    size_t path_before[DEPTH_MAX]; /* length of path outside each open element */
    struct buf text[DEPTH_MAX];    /* text seen so far in each open element */
    int depth;
    bool seen; /* the root was there */
    xml_each each;
    void *state;
};

static bool bad(const char *why, struct err *err)
{
    err_set(err, ERR_DATA, "cannot read the server's XML");
    return err_why(err, "%s", why);
}

static bool begins(const struct reader *r, const char *with)
{
    size_t len = strlen(with);

    return (size_t)(r->end - r->at) >= len && memcmp(r->at, with, len) == 0;
}

/* Moves behind the next `what`; *ret_from and *ret_len are what lies before it. */
static bool take_until(struct reader *r, const char *what, const char **ret_from, size_t *ret_len,
                       struct err *err)
{
    const char *found = memmem(r->at, (size_t)(r->end - r->at), what, strlen(what));

    if (!found)
        return bad("it is cut off", err);
    *ret_from = r->at;
    *ret_len = (size_t)(found - r->at);
    r->at = found + strlen(what);
    return true;
}

static void add_utf8(struct buf *buf, unsigned long c)
{
    if (c < 0x80) {
        buf_addc(buf, (char)c);
    } else if (c < 0x800) {
        buf_addc(buf, (char)(0xC0 | (c >> 6)));
        buf_addc(buf, (char)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        buf_addc(buf, (char)(0xE0 | (c >> 12)));
        buf_addc(buf, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_addc(buf, (char)(0x80 | (c & 0x3F)));
    } else {
        buf_addc(buf, (char)(0xF0 | (c >> 18)));
        buf_addc(buf, (char)(0x80 | ((c >> 12) & 0x3F)));
        buf_addc(buf, (char)(0x80 | ((c >> 6) & 0x3F)));
        buf_addc(buf, (char)(0x80 | (c & 0x3F)));
    }
}

/* What stands between & and ; */
static bool add_entity(struct buf *buf, const char *name, size_t len, struct err *err)
{
    static const struct {
        const char *name;
        char c;
    } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    char digits[9] = "", *end;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].name) == len && memcmp(known[i].name, name, len) == 0) {
            buf_addc(buf, known[i].c);
            return true;
        }
    }
    bool hex = len > 1 && name[1] == 'x';
    size_t skip = hex ? 2 : 1;
    if (len <= skip || len - skip > 8 || name[0] != '#')
        return bad("unknown entity", err);
    memcpy(digits, name + skip, len - skip);
    unsigned long c = strtoul(digits, &end, hex ? 16 : 10);
    if (*end || digits[0] == '-' || digits[0] == '+' || c == 0 || c > 0x10FFFF)
        return bad("wrong character number", err);
    add_utf8(buf, c);
    return true;
}

static bool add_text(struct buf *buf, const char *text, size_t len, struct err *err)
{
    const char *end = text + len;

    while (text < end) {
        const char *amp = memchr(text, '&', (size_t)(end - text));
        if (!amp) {
            buf_add(buf, text, (size_t)(end - text));
            return true;
        }
        buf_add(buf, text, (size_t)(amp - text));
        const char *semicolon = memchr(amp, ';', (size_t)(end - amp));
        if (!semicolon || !add_entity(buf, amp + 1, (size_t)(semicolon - amp - 1), err))
            return semicolon ? false : bad("an entity is cut off", err);
        text = semicolon + 1;
    }
    return true;
}

static bool close_element(struct reader *r, struct err *err)
{
    struct buf *text = &r->text[--r->depth];
    bool ok = r->each(buf_str(&r->path), buf_str(text), r->state, err);

    r->path.len = r->path_before[r->depth];
    r->path.data[r->path.len] = '\0';
    return ok;
}

/* name, attributes, perhaps '/': what stands between < and > */
static bool open_element(struct reader *r, const char *tag, size_t len, struct err *err)
{
    bool empty = len > 0 && tag[len - 1] == '/';
    size_t name_len = 0;

    while (name_len < len && !strchr(" \t\r\n/", tag[name_len]))
        name_len++;
    if (name_len == 0 || r->depth == DEPTH_MAX || (r->depth == 0 && r->seen))
        return bad("an element is out of place", err);
    const char *colon = memchr(tag, ':', name_len);
    if (colon) {
        name_len -= (size_t)(colon + 1 - tag);
        tag = colon + 1;
    }
    r->seen = true;
    r->path_before[r->depth] = r->path.len;
    buf_reset(&r->text[r->depth++]);
    buf_addc(&r->path, '/');
    buf_add(&r->path, tag, name_len);
    return !empty || close_element(r, err);
}

static bool end_tag(struct reader *r, const char *tag, size_t len, struct err *err)
{
    const char *colon = memchr(tag, ':', len);

    if (colon) {
        len -= (size_t)(colon + 1 - tag);
        tag = colon + 1;
    }
    while (len > 0 && strchr(" \t\r\n", tag[len - 1]))
        len--;
    if (r->depth == 0)
        return bad("an end without its element", err);
    size_t from = r->path_before[r->depth - 1] + 1;
    if (r->path.len - from != len || memcmp(r->path.data + from, tag, len) != 0)
        return bad("an end does not match its element", err);
    return close_element(r, err);
}

static bool markup(struct reader *r, struct err *err)
{
    const char *from;
    size_t len;

    if (begins(r, "<?"))
        return take_until(r, "?>", &from, &len, err);
    if (begins(r, "<!--"))
        return take_until(r, "-->", &from, &len, err);
    if (begins(r, "<![CDATA[")) {
        r->at += strlen("<![CDATA[");
        if (!take_until(r, "]]>", &from, &len, err))
            return false;
        if (r->depth > 0)
            buf_add(&r->text[r->depth - 1], from, len);
        return true;
    }
    if (begins(r, "<!"))
        return bad("document types are not read", err);
    r->at++;
    if (!take_until(r, ">", &from, &len, err))
        return false;
    if (len > 0 && from[0] == '/')
        return end_tag(r, from + 1, len - 1, err);
    return open_element(r, from, len, err);
}

bool xml_walk(const char *xml, size_t len, xml_each each, void *state, struct err *err)
{
    struct reader r = {.at = xml, .end = xml + len, .each = each, .state = state};
    bool ok = true;

    while (ok && r.at < r.end) {
        const char *less = memchr(r.at, '<', (size_t)(r.end - r.at));
        const char *stop = less ? less : r.end;
        if (r.depth > 0)
            ok = add_text(&r.text[r.depth - 1], r.at, (size_t)(stop - r.at), err);
        r.at = stop;
        if (ok && less)
            ok = markup(&r, err);
    }
    if (ok && (r.depth > 0 || !r.seen))
        ok = bad(r.seen ? "it is cut off" : "there is none", err);
    for (int i = 0; i < DEPTH_MAX; i++)
        buf_done(&r.text[i]);
    buf_done(&r.path);
    return ok;
}

void xml_escape(struct buf *buf, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            buf_adds(buf, "&amp;");
            break;
        case '<':
            buf_adds(buf, "&lt;");
            break;
        case '>':
            buf_adds(buf, "&gt;");
            break;
        default:
            buf_addc(buf, *text);
        }
    }
}
