/* SPDX-License-Identifier: PostgreSQL
 *
 * Writing: a store cannot append, so the writer keeps the lines of its current object and puts the
 * object anew at each batch. An object stays small; when it is full the next one is begun. The
 * first put of an object never overwrites: a name that is taken belongs to somebody else (another
 * run of this table in the same second), and the next number is tried.
 *
 * Reading: 100,000 lines have to take less than a second, so a line is taken apart where it lies
 * (strings are unescaped in place, one allocation an object) and not through a tree.
 */
#include "catalog/catalog.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/json.h"
#include "base/text.h"

/* When an object is full. */
enum { OBJECT_BYTES = 64 * 1024, OBJECT_LINES = 200, NAME_TRIES = 1000 };

static const char *const states[] = {
    [CATALOG_SETTLED] = "settled",         [CATALOG_PENDING] = "pending",
    [CATALOG_FOREIGN] = "foreign",         [CATALOG_UNDONE] = "undone",
    [CATALOG_ROLLED_BACK] = "rolled_back",
};

const char *catalog_state_name(enum catalog_state state)
{
    return states[state];
}

bool catalog_is_settled(const struct catalog_entry *entry)
{
    return entry && (entry->state == CATALOG_SETTLED || entry->state == CATALOG_ROLLED_BACK);
}

/* The fields of a line, both ways. */
enum field_type { FIELD_TEXT, FIELD_COUNT, FIELD_TXID, FIELD_STATE };

static const struct field {
    const char *name;
    size_t offset;
    enum field_type type;
    bool optional; /* null where there is none */
} fields[] = {
    {"state", offsetof(struct catalog_entry, state), FIELD_STATE, false},
    {"key", offsetof(struct catalog_entry, key), FIELD_TEXT, false},
    {"database", offsetof(struct catalog_entry, database), FIELD_TEXT, false},
    {"schema", offsetof(struct catalog_entry, schema), FIELD_TEXT, false},
    {"table", offsetof(struct catalog_entry, table), FIELD_TEXT, false},
    {"run_id", offsetof(struct catalog_entry, run_id), FIELD_TEXT, false},
    {"batch_id", offsetof(struct catalog_entry, batch_id), FIELD_TEXT, false},
    {"archived_at", offsetof(struct catalog_entry, archived_at), FIELD_TEXT, false},
    {"system_identifier", offsetof(struct catalog_entry, system_identifier), FIELD_TEXT, false},
    {"timeline", offsetof(struct catalog_entry, timeline), FIELD_TEXT, false},
    {"txid", offsetof(struct catalog_entry, txid), FIELD_TXID, false},
    {"records", offsetof(struct catalog_entry, records), FIELD_COUNT, false},
    {"bytes", offsetof(struct catalog_entry, bytes), FIELD_COUNT, false},
    {"line_bytes", offsetof(struct catalog_entry, line_bytes), FIELD_COUNT, false},
    {"min_timestamp", offsetof(struct catalog_entry, min_timestamp), FIELD_TEXT, true},
    {"max_timestamp", offsetof(struct catalog_entry, max_timestamp), FIELD_TEXT, true},
    {"restored_at", offsetof(struct catalog_entry, restored_at), FIELD_TEXT, true},
    {"min_key", offsetof(struct catalog_entry, min_key), FIELD_TEXT, true},
    {"max_key", offsetof(struct catalog_entry, max_key), FIELD_TEXT, true},
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* --- writing --- */

struct catalog_writer {
    struct store *store;
    struct buf stem;   /* ".../_catalog/{stamp}_{run}_" */
    struct buf lines;  /* of the current object */
    struct buf key;    /* of the current object; empty: not yet begun */
    unsigned number;   /* of the last object begun, from 1 */
    unsigned in_lines; /* how many lines those are */
};

struct catalog_writer *catalog_writer_new(struct store *store, const struct key_table *table,
                                          const char *run_id, int64_t stamp_us)
{
    struct catalog_writer *w = mem_alloc(sizeof(*w));

    w->store = store;
    key_table_prefix(table, &w->stem);
    buf_adds(&w->stem, "_catalog/");
    text_add_stamp(&w->stem, stamp_us);
    buf_addf(&w->stem, "_%s_", run_id);
    return w;
}

void catalog_writer_free(struct catalog_writer *writer)
{
    if (!writer)
        return;
    buf_done(&writer->stem);
    buf_done(&writer->lines);
    buf_done(&writer->key);
    free(writer);
}

static void add_line(struct buf *lines, const struct catalog_entry *entry)
{
    struct json_out j = json_out(lines, 0);
    const char *text;
    char txid[24];

    json_begin_object(&j);
    for (size_t i = 0; i < FIELDS; i++) {
        const char *at = (const char *)entry + fields[i].offset;
        switch (fields[i].type) {
        case FIELD_TEXT:
            text = *(const char *const *)at;
            json_put_str(&j, fields[i].name, text || fields[i].optional ? text : "");
            break;
        case FIELD_COUNT:
            json_key(&j, fields[i].name);
            json_add_uint(&j, *(const uint64_t *)at);
            break;
        case FIELD_TXID: /* 64 bits without a sign do not survive every JSON reader */
            snprintf(txid, sizeof(txid), "%" PRIu64, *(const uint64_t *)at);
            json_put_str(&j, fields[i].name, txid);
            break;
        case FIELD_STATE:
            json_put_str(&j, fields[i].name, states[*(const enum catalog_state *)at]);
            break;
        }
    }
    json_end(&j);
    buf_addc(lines, '\n');
}

static bool put_object(struct catalog_writer *w, bool overwrite, struct err *err)
{
    struct store_put_params params = {.key = buf_str(&w->key),
                                      .content_type = "application/x-ndjson",
                                      .overwrite = overwrite,
                                      .small = true};

    return store_put_bytes(w->store, &params, w->lines.data, w->lines.len, err);
}

/* Puts the first line of a new object, under a name that nobody has. */
static bool begin_object(struct catalog_writer *w, struct err *err)
{
    for (unsigned tries = 0; tries < NAME_TRIES; tries++) {
        w->number++;
        buf_reset(&w->key);
        buf_addf(&w->key, "%s%06u.jsonl", buf_str(&w->stem), w->number);
        if (put_object(w, false, err))
            return true;
        if (err->kind != ERR_EXISTS)
            break;
    }
    buf_reset(&w->key);
    return false;
}

/* After a failure the line is forgotten: the next one must not settle this batch by the way. */
static void forget_line(struct catalog_writer *w, size_t before)
{
    w->lines.len = before;
    if (w->lines.data)
        w->lines.data[before] = '\0';
}

bool catalog_settle(struct catalog_writer *writer, const struct catalog_entry *entry,
                    struct err *err)
{
    if (!fault_point("catalog.append", err))
        return err_in(err, "%s", entry->key);
    if (writer->lines.len >= OBJECT_BYTES || writer->in_lines >= OBJECT_LINES) {
        buf_reset(&writer->lines);
        buf_reset(&writer->key);
        writer->in_lines = 0;
    }
    size_t before = writer->lines.len;
    add_line(&writer->lines, entry);
    bool ok = writer->key.len > 0 ? put_object(writer, true, err) : begin_object(writer, err);
    if (!ok) {
        forget_line(writer, before);
        return err_in(err, "settling %s", entry->key);
    }
    writer->in_lines++;
    return fault_point("catalog.appended", err);
}

void catalog_entry_from(const struct metadata *metadata, enum catalog_state state,
                        struct catalog_entry *ret_entry)
{
    *ret_entry = (struct catalog_entry){
        .database = metadata->database,
        .schema = metadata->schema,
        .table = metadata->table,
        .key = metadata->data_key,
        .run_id = metadata->run_id,
        .batch_id = metadata->batch_id,
        .archived_at = metadata->archived_at,
        .system_identifier = metadata->system_identifier,
        .timeline = metadata->timeline,
        .txid = metadata->txid,
        .records = metadata->record_count,
        .bytes = metadata->object_bytes,
        .line_bytes = metadata->line_bytes,
        .min_timestamp = metadata->min_timestamp,
        .max_timestamp = metadata->max_timestamp,
        .min_key = metadata->key_id ? NULL : metadata_min_key(metadata),
        .max_key = metadata->key_id ? NULL : metadata_max_key(metadata),
        .state = state,
    };
}

void catalog_entry_keep(struct catalog_entry *entry, struct arena *arena)
{
    for (size_t i = 0; i < FIELDS; i++) {
        const char **text = (const char **)(void *)((char *)entry + fields[i].offset);
        if (fields[i].type == FIELD_TEXT && *text)
            *text = arena_strdup(arena, *text);
    }
}

/* --- one line --- */

/* Every function moves *at on and returns false (or NULL) where the line is not what it should be.
 * A line ends in NUL, so nothing runs past it. */

static void skip_space(char **at)
{
    while (**at == ' ' || **at == '\t')
        ++*at;
}

static bool take_char(char **at, char c)
{
    skip_space(at);
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool hex4(const char *at, unsigned *ret)
{
    uint8_t bytes[2];

    if (strnlen(at, 4) < 4 || !text_from_hex(at, 4, bytes))
        return false;
    *ret = (unsigned)bytes[0] << 8 | bytes[1];
    return true;
}

/* \uXXXX, *from behind the u; two of them for what lies past U+FFFF. */
static bool take_unicode(char **from, char **to)
{
    unsigned code, low;

    if (!hex4(*from, &code))
        return false;
    *from += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        if ((*from)[0] != '\\' || (*from)[1] != 'u' || !hex4(*from + 2, &low) || low < 0xdc00 ||
            low > 0xdfff)
            return false;
        *from += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code == 0 || (code >= 0xdc00 && code < 0xe000)) {
        return false;
    }
    *to += text_utf8(code, *to);
    return true;
}

static bool take_escape(char **from, char **to)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char c = *(*from)++;

    if (c == 'u')
        return take_unicode(from, to);
    const char *found = c ? strchr(escapes, c) : NULL;
    if (!found)
        return false;
    *(*to)++ = meanings[found - escapes];
    return true;
}

/* A string, unescaped where it lies. */
static const char *take_string(char **at)
{
    if (!take_char(at, '"'))
        return NULL;
    char *start = *at;
    char *from = start + strcspn(start, "\"\\");
    char *to = from;
    while (*from && *from != '"') {
        if (*from != '\\') {
            *to++ = *from++;
            continue;
        }
        from++;
        if (!take_escape(&from, &to))
            return NULL;
    }
    if (!*from)
        return NULL;
    *at = from + 1;
    *to = '\0';
    return start;
}

static bool take_word(char **at, const char *word)
{
    size_t len = strlen(word);

    skip_space(at);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static bool count_of(const char *digits, const char **ret_end, uint64_t *ret)
{
    const char *c = digits;
    uint64_t value = 0;

    for (; *c >= '0' && *c <= '9'; c++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
            return false;
    }
    *ret_end = c;
    *ret = value;
    return c > digits;
}

/* A value of a field that a later version may have added: a string, number, word or null. */
static bool skip_value(char **at)
{
    skip_space(at);
    if (**at == '"')
        return take_string(at) != NULL;
    size_t len = strcspn(*at, ",} \t\"[]{");
    *at += len;
    return len > 0;
}

static bool take_state(const char *name, enum catalog_state *ret)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strcmp(states[i], name) == 0) {
            *ret = (enum catalog_state)i;
            return true;
        }
    }
    return false;
}

static bool take_field(char **at, const struct field *field, struct catalog_entry *entry)
{
    char *to = (char *)entry + field->offset;
    const char *text = NULL;
    const char *end;

    skip_space(at);
    if (field->type == FIELD_COUNT) {
        if (!count_of(*at, &end, (uint64_t *)to))
            return false;
        *at += end - *at;
        return true;
    }
    if (field->optional && take_word(at, "null"))
        return true;
    text = take_string(at);
    if (!text)
        return false;
    if (field->type == FIELD_STATE)
        return take_state(text, (enum catalog_state *)to);
    if (field->type == FIELD_TXID)
        return count_of(text, &end, (uint64_t *)to) && !*end;
    *(const char **)to = text;
    return true;
}

/* Lines are written in the order of the table, so the next field is nearly always the one guessed.
 */
static size_t find_field(const char *name, size_t guess)
{
    for (size_t i = 0; i < FIELDS; i++) {
        size_t at = (guess + i) % FIELDS;
        if (strcmp(fields[at].name, name) == 0)
            return at;
    }
    return FIELDS;
}

/* NULL, or the name of what is wrong: a field, or "" for the line as such. */
static const char *take_line(char *line, struct catalog_entry *entry)
{
    uint32_t seen = 0;
    size_t guess = 0;
    char *at = line;

    *entry = (struct catalog_entry){0};
    if (!take_char(&at, '{'))
        return "";
    do {
        const char *name = take_string(&at);
        if (!name || !take_char(&at, ':'))
            return "";
        size_t i = find_field(name, guess);
        if (i == FIELDS ? !skip_value(&at) : !take_field(&at, &fields[i], entry))
            return name;
        if (i < FIELDS) {
            seen |= UINT32_C(1) << i;
            guess = i + 1;
        }
    } while (take_char(&at, ','));
    if (!take_char(&at, '}'))
        return "";
    skip_space(&at);
    if (*at)
        return "";
    for (size_t i = 0; i < FIELDS; i++) {
        if (!(seen & UINT32_C(1) << i) && !fields[i].optional)
            return fields[i].name;
    }
    return NULL;
}

/* --- reading --- */

struct reading {
    struct store *store;
    struct catalog *catalog;
    size_t cap;
    size_t levels;    /* '/' in a key before the _catalog/ of a table */
    struct buf skip;  /* after which key to go on listing; empty: the listing is done */
    struct buf bytes; /* of the object being read */
    char **keys;      /* of catalog objects, in order */
    size_t key_count, key_cap;
};

static bool line_damaged(const char *key, size_t number, const char *bad, struct err *err)
{
    err_set(err, ERR_DATA, "a catalog line is damaged");
    err_in(err, "%s, line %zu", key, number);
    if (!bad)
        return err_why(err, "it is cut short");
    return *bad ? err_why(err, "%s", bad) : err_why(err, "it is not a JSON object as it should be");
}

static bool add_lines(struct reading *r, const char *key, struct err *err)
{
    struct catalog *c = r->catalog;
    char *at = arena_strndup(c->arena, buf_str(&r->bytes), r->bytes.len);
    char *end = at + r->bytes.len;

    for (size_t number = 1; at < end; number++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            return line_damaged(key, number, NULL, err);
        if (c->count == r->cap) {
            r->cap = r->cap ? r->cap * 2 : 256;
            c->entries = mem_grow(c->entries, r->cap * sizeof(*c->entries));
        }
        *newline = '\0';
        const char *bad =
            strlen(at) == (size_t)(newline - at) ? take_line(at, &c->entries[c->count]) : "";
        if (bad)
            return line_damaged(key, number, bad, err);
        c->count++;
        at = newline + 1;
    }
    return true;
}

/* What stands in a key behind its table, or NULL. */
static const char *below_table(const struct reading *r, const char *key)
{
    for (size_t i = 0; i < r->levels; i++) {
        const char *slash = strchr(key, '/');
        if (!slash)
            return NULL;
        key = slash + 1;
    }
    return key;
}

static bool is_catalog_object(const char *below)
{
    static const char directory[] = "_catalog/";
    size_t len = strlen(below);

    return strncmp(below, directory, sizeof(directory) - 1) == 0 &&
           !strchr(below + sizeof(directory) - 1, '/') && len > 6 &&
           strcmp(below + len - 6, ".jsonl") == 0;
}

/* A table's catalog comes before its data in the listing. At the first data object the listing is
 * broken off, to go on behind the data: a request a table instead of one a thousand objects. */
static bool collect(const struct store_object *object, void *state, struct err *err)
{
    struct reading *r = state;
    const char *below = below_table(r, object->key);

    if (below && strncmp(below, "year=", 5) == 0) {
        buf_add(&r->skip, object->key, (size_t)(below - object->key));
        buf_adds(&r->skip, "year>"); /* '>' follows '=' */
        return err_set(err, ERR_INTERRUPTED, "the listing goes on elsewhere");
    }
    if (!below || !is_catalog_object(below))
        return true;
    if (r->key_count == r->key_cap) {
        r->key_cap = r->key_cap ? r->key_cap * 2 : 64;
        r->keys = mem_grow(r->keys, r->key_cap * sizeof(*r->keys));
    }
    r->keys[r->key_count++] = mem_strdup(object->key);
    return true;
}

static bool list_objects(struct reading *r, const struct key_table *table, struct err *err)
{
    struct buf prefix = BUF_INIT, after = BUF_INIT;
    bool ok;

    key_table_prefix(table, &prefix);
    r->levels = !table->database ? 2 : !table->table ? 1 : 0;
    for (const char *c = buf_str(&prefix); (c = strchr(c, '/')); c++)
        r->levels++;
    if (table->database && table->table)
        buf_adds(&prefix, "_catalog/");
    do {
        buf_reset(&after);
        buf_add(&after, r->skip.data, r->skip.len);
        buf_reset(&r->skip);
        ok = store_list(r->store, buf_str(&prefix), after.len > 0 ? after.data : NULL, collect, r,
                        err);
    } while (r->skip.len > 0);
    buf_done(&prefix);
    buf_done(&after);
    return ok;
}

/* Entries of one key stay in the order they were read in, which is that of the array. */
static int by_key(const void *a, const void *b)
{
    const struct catalog_entry *x = *(const struct catalog_entry *const *)a;
    const struct catalog_entry *y = *(const struct catalog_entry *const *)b;
    int order = strcmp(x->key, y->key);

    return order != 0 ? order : (x > y) - (x < y);
}

/* Entries come by the clocks of the hosts that wrote them, which may differ: a batch that one of
 * them calls undone was not settled after that, whatever the order says. */
static bool was_undone(const struct catalog_entry *const *entries, size_t count,
                       const char *batch_id)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i]->state == CATALOG_UNDONE && strcmp(entries[i]->batch_id, batch_id) == 0)
            return true;
    }
    return false;
}

/* Of the entries of one key: the last word on its batch. A key whose batch was undone, and its
 * objects removed, may have been taken by another batch since: that one's word counts then. */
static const struct catalog_entry *last_word(const struct catalog_entry *const *entries,
                                             size_t count)
{
    const struct catalog_entry *undone = NULL;

    for (size_t i = count; i-- > 0;) {
        if (!was_undone(entries, count, entries[i]->batch_id))
            return entries[i];
        if (!undone && entries[i]->state == CATALOG_UNDONE)
            undone = entries[i];
    }
    return undone;
}

/* As one run writes them, and runs one after the other. */
static bool in_order(const struct catalog *c)
{
    for (size_t i = 1; i < c->count; i++) {
        if (strcmp(c->entries[i - 1].key, c->entries[i].key) > 0)
            return false;
    }
    return true;
}

/* Sorts by key; one entry a key stays. */
static void sort_entries(struct catalog *c)
{
    if (c->count == 0)
        return;
    const struct catalog_entry **order = mem_alloc(c->count * sizeof(struct catalog_entry *));
    struct catalog_entry *sorted = mem_alloc(c->count * sizeof(*sorted));
    size_t count = 0, end;

    for (size_t i = 0; i < c->count; i++)
        order[i] = &c->entries[i];
    if (!in_order(c))
        qsort(order, c->count, sizeof(struct catalog_entry *), by_key);
    for (size_t i = 0; i < c->count; i = end) {
        for (end = i + 1; end < c->count && strcmp(order[i]->key, order[end]->key) == 0;)
            end++;
        sorted[count++] = *last_word(order + i, end - i);
    }
    free(order);
    free(c->entries);
    c->entries = sorted;
    c->count = count;
}

static void reading_done(struct reading *r)
{
    for (size_t i = 0; i < r->key_count; i++)
        free(r->keys[i]);
    free(r->keys);
    buf_done(&r->skip);
    buf_done(&r->bytes);
}

struct catalog *catalog_read(struct store *store, const struct key_table *table, struct err *err)
{
    struct reading r = {.store = store, .catalog = mem_alloc(sizeof(struct catalog))};
    bool ok;

    r.catalog->arena = arena_new();
    ok = list_objects(&r, table, err);
    for (size_t i = 0; ok && i < r.key_count; i++) {
        buf_reset(&r.bytes);
        ok = store_get(store, r.keys[i], 0, UINT64_MAX, &r.bytes, err) &&
             add_lines(&r, r.keys[i], err);
    }
    if (ok)
        sort_entries(r.catalog);
    reading_done(&r);
    if (ok)
        return r.catalog;
    catalog_free(r.catalog);
    return NULL;
}

static bool rename_damaged(struct reading *r, const char *key, struct err *err)
{
    struct buf aside = BUF_INIT;

    buf_addf(&aside, "%s.damaged", key);
    struct store_put_params params = {.key = aside.data, .overwrite = true, .small = true};
    bool ok = store_put_bytes(r->store, &params, buf_str(&r->bytes), r->bytes.len, err) &&
              store_remove(r->store, key, err);
    buf_done(&aside);
    return ok;
}

bool catalog_set_aside(struct store *store, const struct key_table *table, uint64_t *ret_count,
                       struct err *err)
{
    struct reading r = {.store = store, .catalog = mem_alloc(sizeof(struct catalog))};
    bool ok;

    *ret_count = 0;
    r.catalog->arena = arena_new();
    ok = list_objects(&r, table, err);
    for (size_t i = 0; ok && i < r.key_count; i++) {
        buf_reset(&r.bytes);
        ok = store_get(store, r.keys[i], 0, UINT64_MAX, &r.bytes, err);
        if (!ok || add_lines(&r, r.keys[i], err))
            continue;
        ok = rename_damaged(&r, r.keys[i], err);
        *ret_count += ok;
    }
    reading_done(&r);
    catalog_free(r.catalog);
    return ok;
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    free(catalog->entries);
    arena_free(catalog->arena);
    free(catalog);
}

static int key_against(const void *key, const void *entry)
{
    return strcmp(key, ((const struct catalog_entry *)entry)->key);
}

const struct catalog_entry *catalog_find(const struct catalog *catalog, const char *data_key)
{
    atomic_size_t *guess = &((struct catalog *)catalog)->next_asked;
    size_t at = atomic_load(guess);
    const struct catalog_entry *entry = NULL;

    if (at < catalog->count && strcmp(catalog->entries[at].key, data_key) == 0)
        entry = &catalog->entries[at];
    else if (catalog->count > 0)
        entry = bsearch(data_key, catalog->entries, catalog->count, sizeof(*catalog->entries),
                        key_against);
    if (entry)
        atomic_store(guess, (size_t)(entry - catalog->entries) + 1);
    return entry;
}
