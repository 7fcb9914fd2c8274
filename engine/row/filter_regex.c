/* SPDX-License-Identifier: PostgreSQL */
#include "row/filter_regex.h"

#define REPEAT_MAX   255    /* of a bound, PostgreSQL's own */
#define UNFOLDED_MAX 100000 /* all bounds multiplied: what regcomp may unfold them to */

struct translation {
    const char *at, *end;
    struct buf *out;
    bool operand; /* something stands before that a quantifier may repeat */
    unsigned long unfolded;
    struct err *err;
};

static bool refuse(struct translation *t, const char *what)
{
    return err_set(t->err, ERR_USAGE, "%s", what);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Escapes that are one character; '\0': none. */
static char control_of(char c)
{
    static const char controls[128] = {
        ['a'] = '\a', ['b'] = '\b', ['B'] = '\\', ['e'] = 27,   ['f'] = '\f',
        ['n'] = '\n', ['r'] = '\r', ['t'] = '\t', ['v'] = '\v',
    };

    return (unsigned char)c < 128 ? controls[(unsigned char)c] : '\0';
}

/* A character as itself, outside of brackets. */
static void add_literal(struct translation *t, char c)
{
    if (strchr(".[]()*+?{}|^$\\", c))
        buf_addc(t->out, '\\');
    buf_addc(t->out, c);
}

/* --- outside of brackets --- */

static bool add_class_or_constraint(struct translation *t, char c)
{
    static const struct {
        char letter;
        const char *text;
        bool operand;
    } words[] = {
        {'d', "[0-9]", true},         {'D', "[^0-9]", true},      {'w', "[[:alnum:]_]", true},
        {'W', "[^[:alnum:]_]", true}, {'s', "[[:space:]]", true}, {'S', "[^[:space:]]", true},
        {'y', "\\b", false},          {'Y', "\\B", false},        {'m', "\\<", false},
        {'M', "\\>", false},          {'A', "^", false},          {'Z', "$", false},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].letter == c) {
            buf_adds(t->out, words[i].text);
            t->operand = words[i].operand;
            return true;
        }
    }
    return refuse(t, "a regular expression has an escape that is not known here");
}

static bool take_escape(struct translation *t)
{
    if (t->end - t->at < 2)
        return refuse(t, "a regular expression ends in a backslash");
    char c = t->at[1];
    t->at += 2;
    t->operand = true;
    if (control_of(c)) {
        add_literal(t, control_of(c));
        return true;
    }
    if (is_digit(c))
        return refuse(t, "back references are not known here");
    if (is_letter(c))
        return add_class_or_constraint(t, c);
    add_literal(t, c);
    return true;
}

static bool take_number(struct translation *t, unsigned *ret)
{
    const char *start = t->at;

    for (*ret = 0; t->at < t->end && is_digit(*t->at); t->at++) {
        *ret = *ret * 10 + (unsigned)(*t->at - '0');
        if (*ret > REPEAT_MAX)
            return false;
    }
    return t->at > start;
}

/* {m}, {m,} or {m,n} */
static bool take_bound(struct translation *t)
{
    const char *start = t->at++;
    unsigned min, max;

    bool good = take_number(t, &min);
    max = min;
    if (good && t->at < t->end && *t->at == ',') {
        t->at++;
        if (t->at < t->end && is_digit(*t->at))
            good = take_number(t, &max) && max >= min;
    }
    if (!good || t->at == t->end || *t->at != '}')
        return refuse(t, "a repetition is {m}, {m,} or {m,n}, at most 255");
    t->at++;
    t->unfolded *= max > 1 ? max : 1;
    if (t->unfolded > UNFOLDED_MAX)
        return refuse(t, "a regular expression is too complex");
    buf_add(t->out, start, (size_t)(t->at - start));
    return true;
}

static bool take_quantifier(struct translation *t)
{
    if (!t->operand)
        return refuse(t, "a regular expression repeats nothing");
    if (*t->at != '{')
        buf_addc(t->out, *t->at++);
    else if (!take_bound(t))
        return false;
    if (t->at < t->end && *t->at == '?') /* greedy or not, it matches the same texts */
        t->at++;
    t->operand = false; /* a** is refused by PostgreSQL too */
    return true;
}

static bool take_open(struct translation *t)
{
    if (t->end - t->at > 1 && t->at[1] == '?') {
        if (t->end - t->at < 3 || t->at[2] != ':')
            return refuse(t, "of (?...) only (?:...) is known here");
        t->at += 2;
    }
    t->at++;
    buf_addc(t->out, '(');
    t->operand = false;
    return true;
}

/* --- brackets --- */

/* What POSIX takes literally only in certain places of a bracket: put there at the end. */
struct bracket {
    struct buf body;
    bool close, open, caret, dash;
};

/* [:alpha:], [.x.], [=x=] as they stand. */
static bool take_named(struct translation *t, struct bracket *b)
{
    char kind = t->at[1];
    const char *p = t->at + 2;

    while (t->end - p > 1 && !(p[0] == kind && p[1] == ']'))
        p++;
    if (t->end - p < 2)
        return refuse(t, "a bracket is not closed");
    buf_add(&b->body, t->at, (size_t)(p + 2 - t->at));
    t->at = p + 2;
    return true;
}

static bool add_member(struct translation *t, struct bracket *b, char c)
{
    bool *special = c == ']'   ? &b->close
                    : c == '[' ? &b->open
                    : c == '^' ? &b->caret
                    : c == '-' ? &b->dash
                               : NULL;

    if (!special)
        buf_addc(&b->body, c);
    else if (t->end - t->at > 1 && t->at[0] == '-' && t->at[1] != ']')
        return refuse(t, "a range begins with a bracket, a caret or a hyphen");
    else
        *special = true;
    return true;
}

static bool take_bracket_escape(struct translation *t, struct bracket *b)
{
    if (t->end - t->at < 2)
        return refuse(t, "a regular expression ends in a backslash");
    char c = t->at[1];
    t->at += 2;
    if (control_of(c))
        return add_member(t, b, control_of(c));
    if (!is_letter(c) && !is_digit(c))
        return add_member(t, b, c);
    if (c != 'd' && c != 'w' && c != 's')
        return refuse(t, "a regular expression has an escape that is not known here");
    buf_adds(&b->body, c == 'd' ? "0-9" : c == 'w' ? "[:alnum:]_" : "[:space:]");
    return true;
}

static bool take_members(struct translation *t, struct bracket *b)
{
    for (bool first = true;; first = false) {
        if (t->at == t->end)
            return refuse(t, "a bracket is not closed");
        char c = *t->at;
        if (c == ']' && !first) {
            t->at++;
            return true;
        }
        bool ok = true;
        if (c == '\\')
            ok = take_bracket_escape(t, b);
        else if (c == '[' && t->end - t->at > 1 && strchr(":.=", t->at[1]))
            ok = take_named(t, b);
        else if (c == '-' && !first && t->end - t->at > 1 && t->at[1] != ']') {
            buf_addc(&b->body, c); /* a range, or a mistake that regcomp finds */
            t->at++;
            if (*t->at == '\\' || *t->at == '[')
                ok = refuse(t, "a range ends in an escape");
        } else {
            t->at++;
            ok = add_member(t, b, c);
        }
        if (!ok)
            return false;
    }
}

static bool take_bracket(struct translation *t)
{
    struct bracket b = {0};

    t->at++;
    bool negated = t->at < t->end && *t->at == '^';
    t->at += negated;
    bool ok = take_members(t, &b);
    if (ok && b.body.len == 0 && b.caret && !negated && !b.close && !b.open && !b.dash) {
        buf_adds(t->out, "\\^");
    } else if (ok) {
        buf_adds(t->out, negated ? "[^" : "[");
        buf_adds(t->out, b.close ? "]" : "");
        buf_add(t->out, buf_str(&b.body), b.body.len);
        buf_adds(t->out, b.open ? "[" : "");
        if (b.caret && b.dash && b.body.len == 0 && !b.close && !b.open && !negated)
            buf_adds(t->out, "-^");
        else
            buf_addf(t->out, "%s%s", b.caret ? "^" : "", b.dash ? "-" : "");
        buf_addc(t->out, ']');
    }
    buf_done(&b.body);
    t->operand = true;
    return ok;
}

/* --- all of it --- */

static bool take_one(struct translation *t)
{
    char c = *t->at;

    switch (c) {
    case '\\':
        return take_escape(t);
    case '[':
        return take_bracket(t);
    case '(':
        return take_open(t);
    case '*':
    case '+':
    case '?':
        return take_quantifier(t);
    case '{':
        if (t->end - t->at > 1 && is_digit(t->at[1]))
            return take_quantifier(t);
        add_literal(t, c);
        break;
    case '}':
        add_literal(t, c);
        break;
    default:
        buf_addc(t->out, c);
    }
    t->operand = c != '|' && c != '^' && c != '$';
    t->at++;
    return true;
}

bool filter_regex_translate(struct filter_text pattern, struct buf *out, struct err *err)
{
    struct translation t = {
        .at = pattern.at, .end = pattern.at + pattern.len, .out = out, .unfolded = 1, .err = err};

    while (t.at < t.end) {
        if (!take_one(&t))
            return false;
    }
    return true;
}
