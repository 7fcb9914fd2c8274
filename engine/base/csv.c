/* SPDX-License-Identifier: PostgreSQL */
#include "base/csv.h"

#include <string.h>

void csv_add(struct buf *line, size_t column, const char *text, size_t len, bool null)
{
    if (column > 0)
        buf_addc(line, ',');
    if (null)
        return;
    if (len > 0 && strcspn(text, ",\"\r\n") == len) {
        buf_add(line, text, len);
        return;
    }
    buf_addc(line, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            buf_addc(line, '"');
        buf_addc(line, text[i]);
    }
    buf_addc(line, '"');
}
