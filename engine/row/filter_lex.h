/* SPDX-License-Identifier: PostgreSQL
 *
 * `where` as tokens, cut as PostgreSQL cuts them: words in lower case, quoted names, strings with
 * '' and E'' escapes, numbers, operators by the longest match, comments passed over.
 *
 * The first error stays, and from then on the expression is at its end: whoever reads tokens looks
 * at `failed` once, when it is done. A struct filter_lex that has not failed may be copied to look
 * ahead and copied back.
 *
 * Threads: one thread.
 */
#ifndef ARCHIVER_ROW_FILTER_LEX_H
#define ARCHIVER_ROW_FILTER_LEX_H

#include "row/filter_value.h"

enum filter_token {
    TOKEN_END,
    TOKEN_WORD,     /* without quotes: keyword, type or column; folded to lower case */
    TOKEN_NAME,     /* "in quotes" */
    TOKEN_STRING,   /* 'in quotes' */
    TOKEN_NUMBER,   /* as written */
    TOKEN_OPERATOR, /* = <> ->> ( ) , :: ... */
};

struct filter_lex {
    const char *text, *next; /* the expression; what was not looked at yet */
    struct arena *arena;     /* tokens live in it, each NUL-ended */
    enum filter_token kind;  /* the token at hand */
    struct filter_text token;
    size_t at; /* where it begins, in bytes */
    struct err *err;
    bool failed, hinted;
};

/* Goes to the next token; at first, to the first one. */
void filter_lex_next(struct filter_lex *lex);
/* Is the token at hand this keyword or operator? */
bool filter_lex_is(const struct filter_lex *lex, const char *word);
bool filter_lex_take(struct filter_lex *lex,
                     const char *word); /* the same, and goes on behind it */
/* False, with ERR_USAGE "column N: what": N counts characters from 1, `at` bytes from 0. */
bool filter_lex_fail(struct filter_lex *lex, size_t at, const char *what, ...) ERR_PRINTF(3, 4);
/* What to do about it, if this was the first error. */
bool filter_lex_hint(struct filter_lex *lex, const char *hint, ...) ERR_PRINTF(2, 3);

#endif
