/* SPDX-License-Identifier: PostgreSQL */
#include "postgres/indexdef.h"

static bool skip_word(const char **at, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

/* A name as quote_ident() writes it. */
static bool skip_name(const char **at)
{
    const char *p = *at;

    if (*p != '"') {
        size_t len = strcspn(p, " .\"();");
        *at += len;
        return len > 0;
    }
    for (p++; *p && (p[0] != '"' || p[1] == '"'); p++)
        p += *p == '"';
    if (*p != '"')
        return false;
    *at = p + 1;
    return true;
}

bool indexdef_read(const char *definition, struct indexdef *ret)
{
    const char *at = definition;

    if (!skip_word(&at, "CREATE "))
        return false;
    bool unique = skip_word(&at, "UNIQUE ");
    if (!skip_word(&at, "INDEX ") || !skip_name(&at) || !skip_word(&at, " ON "))
        return false;
    skip_word(&at, "ONLY ");
    if (!skip_name(&at) || (skip_word(&at, ".") && !skip_name(&at)) || !skip_word(&at, " "))
        return false;
    if (strncmp(at, "USING ", 6) != 0)
        return false;
    *ret = (struct indexdef){.unique = unique, .rest = at};
    return true;
}

void indexdef_add(struct conn *conn, struct buf *sql, const struct indexdef *index,
                  const char *name, const char *schema, const char *table)
{
    buf_addf(sql, "CREATE %sINDEX ", index->unique ? "UNIQUE " : "");
    if (name)
        conn_add_ident(conn, sql, name);
    buf_adds(sql, name ? " ON " : "ON ");
    conn_add_table(conn, sql, schema, table);
    buf_addf(sql, " %s", index->rest);
}
