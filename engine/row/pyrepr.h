/* SPDX-License-Identifier: PostgreSQL
 *
 * BACK, values that the earlier archiver wrote as Python's repr(): "<Record street='x' num=42>",
 * "<Range [datetime.date(2024, 1, 1), )>", "<BitString 1011 0>" -> PostgreSQL's text.
 *
 * A repr tells most types by itself; where more is known of the type (a range's element, the fields
 * of a composite) the rest is exact too. Depth is bounded.
 *
 * Threads: any thread (no state).
 */
#ifndef ARCHIVER_ROW_PYREPR_H
#define ARCHIVER_ROW_PYREPR_H

#include "row/shape.h"

/* Is this the repr of a record, a range, bits, or an object of which only its address is left? */
bool pyrepr_is(const char *text, size_t len);
/* Appends the text of the value; *ret_null and nothing appended where it is None or lost; adds to
 * *losses (row/earlier_value). `type` NULL: not known. False: ERR_RESOURCE. */
bool pyrepr_decode(const struct type *type, const char *text, size_t len, struct buf *out,
                   bool *ret_null, unsigned *losses, struct err *err);

#endif
