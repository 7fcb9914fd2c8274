/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/vacuum.h"

bool vacuum_table(struct conn *conn, const struct introspect_table *table,
                  enum config_vacuum strategy, struct err *err)
{
    static const char *const statements[] = {
        [VACUUM_ANALYZE] = "ANALYZE ",
        [VACUUM_STANDARD] = "VACUUM (ANALYZE) ",
        [VACUUM_FULL] = "VACUUM (FULL, ANALYZE) ",
    };
    struct buf sql = BUF_INIT;
    bool ok = true;

    if (strategy == VACUUM_NONE)
        return true;
    for (size_t i = 0; ok && i < table->leaf_count; i++) {
        buf_reset(&sql);
        buf_adds(&sql, statements[strategy]);
        conn_add_table(conn, &sql, table->leaves[i].schema, table->leaves[i].table);
        ok = conn_exec(conn, buf_str(&sql), err) ||
             err_in(err, "%s%s.%s", statements[strategy], table->leaves[i].schema,
                    table->leaves[i].table);
    }
    buf_done(&sql);
    return ok;
}
