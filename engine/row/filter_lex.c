/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_lex.h"

#include <stdarg.h>

#include "base/text.h"

#define OPERATOR_BYTES "+-*/<>=~!@#%^&|`?"

bool filter_lex_fail(struct filter_lex *lex, size_t at, const char *what, ...)
{
    char text[sizeof(lex->err->what)];
    size_t column = 1;
    va_list args;

    if (lex->failed)
        return false;
    va_start(args, what);
    vsnprintf(text, sizeof(text), what, args);
    va_end(args);
    for (size_t i = 0; i < at; i++)
        column += ((unsigned char)lex->text[i] & 0xc0) != 0x80;
    lex->failed = true;
    lex->kind = TOKEN_END;
    lex->next = lex->text + strlen(lex->text);
    return err_set(lex->err, ERR_USAGE, "column %zu: %s", column, text);
}

bool filter_lex_hint(struct filter_lex *lex, const char *hint, ...)
{
    char text[sizeof(lex->err->hint)];
    va_list args;

    if (lex->hinted)
        return false;
    va_start(args, hint);
    vsnprintf(text, sizeof(text), hint, args);
    va_end(args);
    lex->hinted = true;
    return err_hint(lex->err, "%s", text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_word_byte(char c)
{
    return begins_word(c) || is_digit(c) || c == '$';
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Over space and comments, which nest. */
static bool skip_space(struct filter_lex *lex)
{
    const char *p = lex->next;

    for (;;) {
        if (is_space(*p)) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n\r");
        } else if (p[0] == '/' && p[1] == '*') {
            const char *start = p;
            size_t depth = 0;
            do {
                bool opens = p[0] == '/' && p[1] == '*', closes = p[0] == '*' && p[1] == '/';
                depth += opens;
                depth -= closes;
                p += opens || closes ? 2 : 1;
            } while (depth > 0 && *p);
            if (depth > 0)
                return filter_lex_fail(lex, (size_t)(start - lex->text), "a comment is not closed");
        } else {
            lex->next = p;
            return true;
        }
    }
}

/* Up to the closing quote, which doubled is itself. Goes on behind it. */
static bool take_quoted(struct filter_lex *lex, char quote)
{
    const char *p = lex->next + 1;
    struct buf text = BUF_INIT;

    for (; *p && (*p != quote || p[1] == quote); p++) {
        p += *p == quote;
        buf_addc(&text, *p);
    }
    bool closed = *p == quote;
    lex->token =
        (struct filter_text){arena_strndup(lex->arena, buf_str(&text), text.len), text.len};
    lex->next = p + closed;
    buf_done(&text);
    return closed || filter_lex_fail(lex, lex->at, "a quote is not closed");
}

static int digit_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Up to `max` digits; how many there were. */
static size_t take_code(const char *p, int base, size_t max, uint32_t *ret_code)
{
    size_t n = 0;

    for (*ret_code = 0; n < max && digit_value(p[n]) < base; n++)
        *ret_code = *ret_code * (uint32_t)base + (uint32_t)digit_value(p[n]);
    return n;
}

/* One escape of E'...', at its backslash; what follows it, or NULL. */
static const char *take_escape(const char *p, struct buf *text)
{
    static const char letters[128] = {
        ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    unsigned char c = (unsigned char)p[1];
    uint32_t code = 0;
    size_t digits;

    if (c == '\0')
        return NULL;
    if (c < 128 && letters[c]) {
        buf_addc(text, letters[c]);
        return p + 2;
    }
    if (c == 'u' || c == 'U') {
        digits = take_code(p + 2, 16, c == 'u' ? 4 : 8, &code);
        if (digits != (c == 'u' ? 4 : 8) || code == 0 || code > 0x10ffff ||
            (code >= 0xd800 && code < 0xe000))
            return NULL;
        char bytes[4];
        buf_add(text, bytes, text_utf8(code, bytes));
        return p + 2 + digits;
    }
    if (c == 'x' && digit_value(p[2]) < 16) {
        digits = take_code(p + 2, 16, 2, &code) + 1;
    } else if (c >= '0' && c <= '7') {
        digits = take_code(p + 1, 8, 3, &code);
    } else {
        buf_addc(text, (char)c);
        return p + 2;
    }
    if ((code & 0xff) == 0)
        return NULL;
    buf_addc(text, (char)code);
    return p + 1 + digits;
}

/* E'...', at its quote. */
static bool take_escaped(struct filter_lex *lex)
{
    const char *p = lex->next + 1, *bad = NULL;
    struct buf text = BUF_INIT;

    while (!bad && *p && (*p != '\'' || p[1] == '\'')) {
        if (*p == '\\') {
            const char *behind = take_escape(p, &text);
            bad = behind ? NULL : p;
            p = behind;
        } else {
            buf_addc(&text, *p);
            p += *p == '\'' ? 2 : 1;
        }
    }
    lex->token =
        (struct filter_text){arena_strndup(lex->arena, buf_str(&text), text.len), text.len};
    buf_done(&text);
    if (bad)
        return filter_lex_fail(lex, (size_t)(bad - lex->text),
                               "this escape is none that PostgreSQL knows");
    lex->next = p + (*p == '\'');
    return *p == '\'' || filter_lex_fail(lex, lex->at, "a quote is not closed");
}

static bool take_word(struct filter_lex *lex)
{
    const char *p = lex->next;

    while (is_word_byte(*p))
        p++;
    size_t len = (size_t)(p - lex->next);
    if (len == 1 && (*lex->next == 'e' || *lex->next == 'E') && *p == '\'') {
        lex->next = p;
        lex->kind = TOKEN_STRING;
        return take_escaped(lex);
    }
    char *word = arena_strndup(lex->arena, lex->next, len);
    for (char *c = word; *c; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A';
    }
    lex->kind = TOKEN_WORD;
    lex->token = (struct filter_text){word, len};
    lex->next = p;
    return true;
}

static bool take_number(struct filter_lex *lex)
{
    const char *p = lex->next;

    while (is_digit(*p))
        p++;
    if (*p == '.') {
        p++;
        while (is_digit(*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        const char *digits = p + 1 + (p[1] == '-' || p[1] == '+');
        if (is_digit(*digits)) {
            p = digits;
            while (is_digit(*p))
                p++;
        }
    }
    size_t len = (size_t)(p - lex->next);
    lex->kind = TOKEN_NUMBER;
    lex->token = (struct filter_text){arena_strndup(lex->arena, lex->next, len), len};
    lex->next = p;
    if (is_word_byte(*p))
        return filter_lex_fail(lex, lex->at, "this is no number");
    return true;
}

/* PostgreSQL's rule: the longest run of these bytes, without a comment that begins in it, and
 * without a + or - at its end unless it has a byte that only operators of its own have. */
static size_t operator_len(const char *p)
{
    size_t len = strspn(p, OPERATOR_BYTES);
    bool own = false;

    for (size_t i = 0; i < len; i++) {
        if ((p[i] == '-' && p[i + 1] == '-') || (p[i] == '/' && p[i + 1] == '*'))
            len = i;
        else if (strchr("~!@#%^&|`?", p[i]))
            own = true;
    }
    while (len > 1 && !own && (p[len - 1] == '+' || p[len - 1] == '-'))
        len--;
    return len;
}

static bool take_operator(struct filter_lex *lex)
{
    const char *p = lex->next;
    size_t len = p[0] == ':' && p[1] == ':' ? 2 : strchr("(),.[]:;", *p) ? 1 : operator_len(p);

    if (len == 0)
        return filter_lex_fail(lex, lex->at, "%c has no meaning here", *p);
    lex->kind = TOKEN_OPERATOR;
    lex->token = (struct filter_text){arena_strndup(lex->arena, p, len), len};
    lex->next = p + len;
    return true;
}

void filter_lex_next(struct filter_lex *lex)
{
    lex->kind = TOKEN_END;
    lex->token = (struct filter_text){"", 0};
    if (!skip_space(lex))
        return;
    char c = *lex->next;
    lex->at = (size_t)(lex->next - lex->text);
    if (c == '\0')
        return;
    if (begins_word(c)) {
        take_word(lex);
    } else if (is_digit(c) || (c == '.' && is_digit(lex->next[1]))) {
        take_number(lex);
    } else if (c == '\'' || c == '"') {
        lex->kind = c == '"' ? TOKEN_NAME : TOKEN_STRING;
        take_quoted(lex, c);
    } else {
        take_operator(lex);
    }
}

bool filter_lex_is(const struct filter_lex *lex, const char *word)
{
    return (lex->kind == TOKEN_WORD || lex->kind == TOKEN_OPERATOR) &&
           strcmp(lex->token.at, word) == 0;
}

bool filter_lex_take(struct filter_lex *lex, const char *word)
{
    if (!filter_lex_is(lex, word))
        return false;
    filter_lex_next(lex);
    return true;
}
