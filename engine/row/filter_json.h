/* SPDX-License-Identifier: PostgreSQL
 *
 * Paths into JSON for `where`: -> ->> #> #>>, on the text itself, without a tree.
 *
 * Threads: one thread per filter_json (scratch).
 */
#ifndef ARCHIVER_ROW_FILTER_JSON_H
#define ARCHIVER_ROW_FILTER_JSON_H

#include "row/filter_value.h"

struct filter_step {
    struct filter_text key; /* of an object; at NULL: the step goes into arrays only */
    bool has_position;
    int64_t position; /* in an array, from 0; below 0: from its end */
};

struct filter_json { /* zeroed: ready */
    struct buf stack, key;
};

/* A path '{a,"b c",0}' as steps in the arena; false: it is none. */
bool filter_json_steps(struct filter_text path, struct arena *arena, struct filter_step **ret_steps,
                       size_t *ret_count);
void filter_json_done(struct filter_json *json);
/* From a value to the one inside it; *ret_found false and *value as it was where there is none.
 * `binary`: jsonb, whose scalars count as arrays of one. ERR_DATA where the text is no JSON. */
bool filter_json_step(struct filter_json *json, const struct filter_step *step, bool binary,
                      struct filter_text *value, bool *ret_found, struct err *err);
/* As ->> gives it: a string without its quotes, null as NULL, all else as it stands. */
bool filter_json_text(struct filter_text json, struct buf *scratch, struct filter_value *ret,
                      struct err *err);

#endif
