/* SPDX-License-Identifier: PostgreSQL */
#include "catalog/key.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *suffix;
    enum key_kind kind;
} suffixes[] = {
    {".jsonl.gz", KEY_DATA},          {".jsonl", KEY_DATA},
    {".jsonl.zst", KEY_DATA},         {".jsonl.gz.enc", KEY_DATA},
    {".jsonl.zst.enc", KEY_DATA},     {".metadata.json", KEY_METADATA},
    {".manifest.json", KEY_MANIFEST}, {".manifest.json.enc", KEY_MANIFEST},
};

static const char envelope_mark[] = ".key.";

/* A piece of a key or name: not NUL-ended. */
struct span {
    const char *at;
    size_t len;
};

/* --- making --- */

/* `dots`: a dot splits schema from table there, so one inside a name must not look like it.
 * Elsewhere only a leading one is dangerous ("..", temporary files). */
static void add_name(struct buf *key, const char *name, bool dots, bool underscore)
{
    for (const char *c = name; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        bool first = c == name;
        if (byte < 0x20 || byte == 0x7f || strchr("/%\\", byte) ||
            (byte == '.' && (dots || first)) || (byte == '_' && underscore && first))
            buf_addf(key, "%%%02X", byte);
        else
            buf_addc(key, *c);
    }
}

static size_t prefix_len(const char *prefix)
{
    size_t len = prefix ? strlen(prefix) : 0;

    while (len > 0 && prefix[len - 1] == '/')
        len--;
    return len;
}

static void add_prefix(struct buf *key, const char *prefix)
{
    size_t len = prefix_len(prefix);

    buf_add(key, prefix, len);
    if (len > 0)
        buf_addc(key, '/');
}

void key_table_prefix(const struct key_table *table, struct buf *ret_key)
{
    buf_reset(ret_key);
    add_prefix(ret_key, table->prefix);
    if (!table->database)
        return;
    add_name(ret_key, table->database, false, true);
    buf_addc(ret_key, '/');
    if (!table->table)
        return;
    if (table->schema && strcmp(table->schema, "public") != 0) {
        add_name(ret_key, table->schema, true, false);
        buf_addc(ret_key, '.');
    }
    add_name(ret_key, table->table, true, false);
    buf_addc(ret_key, '/');
}

void key_stem(const struct key_table *table, int64_t day_us, int64_t stamp_us, unsigned batch,
              unsigned version, struct buf *ret_key)
{
    int year, month, day;

    text_civil(day_us, &year, &month, &day);
    key_table_prefix(table, ret_key);
    buf_addf(ret_key, "year=%04d/month=%02d/day=%02d/", year, month, day);
    add_name(ret_key, table->table, true, false);
    buf_addc(ret_key, '_');
    text_add_stamp(ret_key, stamp_us);
    buf_addf(ret_key, "_batch_%03u", batch);
    if (version > 1)
        buf_addf(ret_key, "_v%u", version);
}

const char *key_data_suffix(size_t i)
{
    for (size_t s = 0; s < sizeof(suffixes) / sizeof(suffixes[0]); s++) {
        if (suffixes[s].kind == KEY_DATA && i-- == 0)
            return suffixes[s].suffix;
    }
    return NULL;
}

bool key_is_encrypted(const char *key)
{
    size_t len = strlen(key);

    return len >= 4 && strcmp(key + len - 4, ".enc") == 0;
}

static void add_suffix(struct buf *key, enum key_kind kind, const char *data_suffix)
{
    if (!data_suffix)
        data_suffix = ".jsonl.gz";
    if (kind == KEY_METADATA)
        buf_adds(key, ".metadata.json");
    else if (kind == KEY_MANIFEST)
        buf_adds(key, key_is_encrypted(data_suffix) ? ".manifest.json.enc" : ".manifest.json");
    else
        buf_adds(key, data_suffix);
}

void key_of(const char *stem, enum key_kind kind, const char *data_suffix, struct buf *ret_key)
{
    buf_reset(ret_key);
    buf_adds(ret_key, stem);
    add_suffix(ret_key, kind, data_suffix);
}

/* --- reading --- */

static bool digits_before(const char *start, const char **end)
{
    const char *at = *end;

    while (at > start && isdigit((unsigned char)at[-1]))
        at--;
    bool some = at < *end;
    *end = at;
    return some;
}

static bool text_before(const char *start, const char **end, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(*end - start) < len || memcmp(*end - len, text, len) != 0)
        return false;
    *end -= len;
    return true;
}

/* {table}_{YYYYMMDDTHHMMSSZ}_batch_{NNN}[_vN], read from its end because a table may be called
 * anything. */
static bool is_stem_name(const char *name, size_t len)
{
    const char *end = name + len;
    const char *before = end;
    int64_t stamp;

    if (digits_before(name, &before) && text_before(name, &before, "_v"))
        end = before;
    if (!digits_before(name, &end) || !text_before(name, &end, "_batch_"))
        return false;
    return end - name >= 18 && end[-17] == '_' && text_from_stamp(end - 16, 16, &stamp);
}

/* Is the last directory of the key `name`? */
static bool is_in(const char *key, const char *slash, const char *name)
{
    size_t len = strlen(name);

    return (size_t)(slash - key) >= len && memcmp(slash - len, name, len) == 0 &&
           (slash - len == key || slash[-(ptrdiff_t)len - 1] == '/');
}

/* A stem's length, or 0. */
static size_t stem_of(const char *key, size_t len)
{
    const char *slash = memrchr(key, '/', len);
    const char *name = slash ? slash + 1 : key;

    if (slash && (is_in(key, slash, "_catalog") || is_in(key, slash, "_audit") ||
                  is_in(key, slash, "_runs")))
        return 0;
    return is_stem_name(name, len - (size_t)(name - key)) ? len : 0;
}

/* Where ".key.{id}.json" begins; NULL where the key does not end so. */
static const char *envelope_suffix(const char *key)
{
    size_t len = strlen(key);
    const char *end = key + len, *id;

    if (!text_before(key, &end, ".json"))
        return NULL;
    for (id = end; id > key && (isalnum((unsigned char)id[-1]) || strchr("-_", id[-1])); id--)
        ;
    bool some = id < end;
    return some && text_before(key, &id, envelope_mark) ? id : NULL;
}

bool key_envelope_id(const char *key, struct buf *ret_id)
{
    const char *suffix = envelope_suffix(key);

    buf_reset(ret_id);
    if (!suffix || key_kind(key, NULL) != KEY_ENVELOPE)
        return false;
    suffix += sizeof(envelope_mark) - 1;
    buf_add(ret_id, suffix, strlen(suffix) - strlen(".json"));
    return true;
}

static enum key_kind envelope_kind(const char *key, size_t *ret_stem_len)
{
    const char *suffix = envelope_suffix(key);
    size_t stem_len = suffix ? stem_of(key, (size_t)(suffix - key)) : 0;

    if (ret_stem_len)
        *ret_stem_len = stem_len;
    return stem_len > 0 ? KEY_ENVELOPE : KEY_OTHER;
}

enum key_kind key_kind(const char *key, size_t *ret_stem_len)
{
    size_t len = strlen(key);

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t suffix_len = strlen(suffixes[i].suffix);
        if (len <= suffix_len || strcmp(key + len - suffix_len, suffixes[i].suffix) != 0)
            continue;
        size_t stem_len = stem_of(key, len - suffix_len);
        if (stem_len == 0)
            continue;
        if (ret_stem_len)
            *ret_stem_len = stem_len;
        return suffixes[i].kind;
    }
    return envelope_kind(key, ret_stem_len);
}

bool key_sibling(const char *key, enum key_kind kind, const char *data_suffix, struct buf *ret_key)
{
    size_t stem_len;
    enum key_kind own = key_kind(key, &stem_len);

    if (own == KEY_OTHER)
        stem_len = stem_of(key, strlen(key));
    if (stem_len == 0 || kind == KEY_ENVELOPE || kind == KEY_OTHER)
        return false;
    /* What is known of the data's suffix is kept. */
    if (own == KEY_DATA && !data_suffix)
        data_suffix = key + stem_len;
    else if (own == KEY_MANIFEST && !data_suffix && key_is_encrypted(key))
        data_suffix = ".jsonl.gz.enc";
    buf_reset(ret_key);
    buf_add(ret_key, key, stem_len);
    add_suffix(ret_key, kind, data_suffix);
    return true;
}

bool key_envelope(const char *key, const char *id, struct buf *ret_key)
{
    size_t stem_len;

    if (key_kind(key, &stem_len) == KEY_OTHER)
        stem_len = stem_of(key, strlen(key));
    if (stem_len == 0)
        return false;
    buf_reset(ret_key);
    buf_add(ret_key, key, stem_len);
    buf_addf(ret_key, "%s%s.json", envelope_mark, id);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What is no escape of ours stays as it is: the earlier archiver escaped nothing. */
static void unescape(struct span name, struct buf *ret)
{
    buf_reset(ret);
    for (size_t i = 0; i < name.len; i++) {
        int high = i + 2 < name.len && name.at[i] == '%' ? hex_digit(name.at[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(name.at[i + 2]) : -1;
        if (low >= 0 && high * 16 + low > 0) {
            buf_addc(ret, (char)(high * 16 + low));
            i += 2;
        } else {
            buf_addc(ret, name.at[i]);
        }
    }
}

/* Takes the next directory off *rest; false where only a file name is left. */
static bool next_directory(const char **rest, struct span *ret)
{
    const char *slash = strchr(*rest, '/');

    if (!slash || slash == *rest)
        return false;
    *ret = (struct span){*rest, (size_t)(slash - *rest)};
    *rest = slash + 1;
    return true;
}

/* "year=2026/...", "2026/..." of older releases, "_catalog/...", or a file: what may follow a
 * table. */
static bool below_table(const char *rest)
{
    size_t len = strcspn(rest, "/");

    if (!rest[len])
        return len > 0;
    if (strncmp(rest, "_catalog/", 9) == 0)
        return true;
    if (strncmp(rest, "year=", 5) == 0)
        return true;
    return len == 4 && strspn(rest, "0123456789") == 4;
}

static bool is_name(struct span name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.at, text, name.len) == 0;
}

bool key_parse(const char *key, const char *prefix, struct buf *ret_database,
               struct buf *ret_schema, struct buf *ret_table)
{
    size_t skip = prefix_len(prefix);
    struct span database, schema = {"public", 6}, table;
    const char *rest = key;

    if (skip > 0) {
        if (strncmp(key, prefix, skip) != 0 || key[skip] != '/')
            return false;
        rest += skip + 1;
    }
    if (!next_directory(&rest, &database) || is_name(database, "_audit") ||
        is_name(database, "_runs") || !next_directory(&rest, &table))
        return false;
    const char *dot = memchr(table.at, '.', table.len);
    if (!below_table(rest)) {
        /* {schema}/{table}, as older releases of the earlier archiver wrote */
        schema = table;
        if (!next_directory(&rest, &table) || !below_table(rest))
            return false;
    } else if (dot && dot > table.at && dot + 1 < table.at + table.len) {
        schema = (struct span){table.at, (size_t)(dot - table.at)};
        table = (struct span){dot + 1, table.len - schema.len - 1};
    }
    unescape(database, ret_database);
    unescape(schema, ret_schema);
    unescape(table, ret_table);
    return true;
}
