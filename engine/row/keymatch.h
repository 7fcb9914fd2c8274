/* SPDX-License-Identifier: PostgreSQL
 *
 * A key as a person writes it, against keys as archives hold them: `5`, `acme,17`, `"a,b",17`.
 *
 * Values of a key of several columns stand between commas, as in CSV: one with a comma, a quote or
 * nothing in it stands in quotes, a quote in it twice. A key of one column may be written without
 * quotes whatever is in it. Equal is what PostgreSQL calls equal: uuids in any spelling, timestamps
 * by their moment, numerics by their value, char(n) without its padding; all else as its text.
 *
 * Threads: one thread at a time per keymatch (it has scratch buffers).
 */
#ifndef ARCHIVER_ROW_KEYMATCH_H
#define ARCHIVER_ROW_KEYMATCH_H

#include "row/shape.h"

struct keymatch;
/* One type a column of the key; NULL: not known. ERR_USAGE where the text has another number of
 * values, or one that is none of its type. */
struct keymatch *keymatch_new(const char *text, const struct type *const *types, size_t count,
                              struct err *err);
void keymatch_free(struct keymatch *match); /* NULL allowed */
/* A key as manifests hold it: one JSON value, or an array of as many as there are columns. ERR_DATA
 * where it is no such thing. */
bool keymatch_key(struct keymatch *match, const char *json, size_t len, bool *ret_equal,
                  struct err *err);
/* The JSON of column i of the key alone, as a row holds it. */
bool keymatch_value(struct keymatch *match, size_t i, const char *json, size_t len, bool *ret_equal,
                    struct err *err);

#endif
