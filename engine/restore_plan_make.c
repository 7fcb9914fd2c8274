/* SPDX-License-Identifier: PostgreSQL
 *
 * What comes of the answers: the mapping file, the parameters, the words of the command.
 */
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"
#include "config/yaml.h"
#include "restore_plan.h"

/* --- the mapping file --- */

static void add_entry(struct buf *yaml, const char *key, const char *value)
{
    buf_addf(yaml, "    %s: ", key);
    yaml_add_scalar(yaml, value);
    buf_addc(yaml, '\n');
}

static void write_rule(const struct restore_plan_rule *rule, struct buf *yaml)
{
    buf_adds(yaml, "  ");
    yaml_add_scalar(yaml, rule->column);
    buf_adds(yaml, ":\n");
    if (rule->drop)
        buf_adds(yaml, "    drop: true\n");
    if (rule->to)
        add_entry(yaml, "to", rule->to);
    if (rule->using)
        add_entry(yaml, "using", rule->using);
    if (rule->value)
        add_entry(yaml, "value", rule->value);
    else if (rule->of_table && !rule->using)
        buf_adds(yaml, "    value: null\n");
}

static void write_rules(const struct restore_plan *plan, bool of_table, struct buf *yaml)
{
    const struct restore_plan_rule *rule;
    bool some = false;

    for (size_t i = 0; (rule = restore_plan_rule_at(plan, i)); i++) {
        if (rule->of_table != of_table)
            continue;
        if (!some)
            buf_adds(yaml, of_table ? "new:\n" : "columns:\n");
        some = true;
        write_rule(rule, yaml);
    }
}

void restore_plan_write_mapping(const struct restore_plan *plan, struct buf *ret_yaml)
{
    write_rules(plan, false, ret_yaml);
    write_rules(plan, true, ret_yaml);
}

static bool mapping_path(const struct buf *yaml, struct buf *ret_path)
{
    uint8_t digest[32];
    char hex[2 * sizeof(digest) + 1], name[40];

    text_sha256(yaml->data, yaml->len, digest);
    text_hex(digest, sizeof(digest), hex);
    snprintf(name, sizeof(name), "mapping-%.16s.yaml", hex);
    return file_state_path(name, ret_path);
}

bool restore_plan_keep_mapping(const struct restore_plan *plan, struct err *err)
{
    struct buf yaml = BUF_INIT, path = BUF_INIT;
    bool ok = true;

    restore_plan_write_mapping(plan, &yaml);
    if (yaml.len > 0 && !mapping_path(&yaml, &path)) {
        ok = err_set(err, ERR_CONFIG, "there is no place for the mapping file");
        err_hint(err, "set HOME or XDG_STATE_HOME");
    } else if (yaml.len > 0) {
        struct file_params params = {.path = buf_str(&path), .mode = 0600};
        ok = file_write(&params, yaml.data, yaml.len, err);
    }
    buf_done(&yaml);
    buf_done(&path);
    return ok;
}

/* --- the call --- */

struct making {
    const struct restore_plan *plan;
    struct restore_plan_call *call;
    struct buf words; /* const char * each */
};

static void add_word(struct making *m, const char *word)
{
    buf_add(&m->words, &word, sizeof(word));
}

static void add_flag(struct making *m, const char *flag, const char *value)
{
    add_word(m, flag);
    add_word(m, value);
}

/* As the command's flags read it: with quotes where it would be taken apart. */
static void add_name(struct buf *text, const char *name)
{
    if (!strpbrk(name, ".\"")) {
        buf_adds(text, name);
        return;
    }
    buf_addc(text, '"');
    for (; *name; name++) {
        if (*name == '"')
            buf_addc(text, '"');
        buf_addc(text, *name);
    }
    buf_addc(text, '"');
}

static void add_table(struct making *m, const char *flag, const char *schema, const char *table)
{
    struct buf text = BUF_INIT;

    if (!table)
        return;
    if (schema) {
        add_name(&text, schema);
        buf_addc(&text, '.');
    }
    add_name(&text, table);
    add_flag(m, flag, arena_strdup(m->call->arena, buf_str(&text)));
    buf_done(&text);
}

/* The parts of a text between characters of `between`; empty ones are none. */
static const char *const *split(struct arena *arena, const char *text, const char *between,
                                size_t *ret_count)
{
    const char **parts = arena_alloc(arena, (strlen(text) / 2 + 2) * sizeof(*parts));
    size_t n = 0;

    for (text += strspn(text, between); *text; text += strspn(text, between)) {
        size_t len = strcspn(text, between);
        parts[n++] = arena_strndup(arena, text, len);
        text += len;
    }
    *ret_count = n;
    return parts;
}

static void take_question(struct making *m, const struct restore_plan_question *q)
{
    const char *answer = restore_plan_get(m->plan, q->id);
    char *field = (char *)&m->call->params + q->field;
    bool truth = q->fallback && strcmp(q->fallback, "no") == 0;

    if (!restore_plan_applies(m->plan, q) || !*answer || (truth && strcmp(answer, "yes") != 0))
        return;
    if (q->flag)
        add_word(m, q->flag);
    if (q->flag && !truth)
        add_word(m, answer);
    if (q->field && truth)
        *(bool *)(void *)field = true;
    else if (q->field)
        *(const char **)(void *)field = answer;
}

static void take_source(struct making *m)
{
    struct restore_params *p = &m->call->params;
    bool dated = p->start_date || p->end_date;

    p->rollback = restore_plan_is(m->plan, "source", "rollback");
    if (p->rollback) {
        add_word(m, p->run_id);
    } else if (p->run_id) {
        add_flag(m, "--run", p->run_id);
    } else if (restore_plan_is(m->plan, "source", "archives")) {
        p->keys = split(m->call->arena, restore_plan_get(m->plan, "keys"), " \t\n", &p->key_count);
        for (size_t i = 0; i < p->key_count; i++)
            add_word(m, p->keys[i]);
    } else if (!dated) {
        add_word(m, "--all"); /* of the table */
    }
    add_table(m, "-t", p->schema, p->table);
    add_table(m, "--to-table", NULL, p->to_table);
}

static void take_mapping(struct making *m)
{
    struct restore_params *p = &m->call->params;
    struct buf yaml = BUF_INIT, path = BUF_INIT;

    restore_plan_write_mapping(m->plan, &yaml);
    if (yaml.len > 0 && mapping_path(&yaml, &path))
        p->mapping_file = arena_strdup(m->call->arena, buf_str(&path));
    else if (restore_plan_is_answered(m->plan, "mapping"))
        p->mapping_file = restore_plan_get(m->plan, "mapping");
    p->schema_mode = p->mapping_file                                     ? RESTORE_TRANSFORM
                     : restore_plan_is(m->plan, "differences", "strict") ? RESTORE_STRICT
                                                                         : RESTORE_LENIENT;
    if (p->schema_mode == RESTORE_STRICT)
        add_flag(m, "--schema", "strict");
    if (p->mapping_file) {
        add_flag(m, "--schema", "transform");
        add_flag(m, "--mapping", p->mapping_file);
    }
    buf_done(&yaml);
    buf_done(&path);
}

static void take_conflict(struct making *m)
{
    struct restore_params *p = &m->call->params;
    struct arena *arena = m->call->arena;
    const char *how = restore_plan_get(m->plan, "on-conflict");
    const char *key = restore_plan_get(m->plan, "conflict-key");

    p->conflict = strcmp(how, "skip") == 0        ? RESTORE_SKIP
                  : strcmp(how, "overwrite") == 0 ? RESTORE_OVERWRITE
                  : strcmp(how, "upsert") == 0    ? RESTORE_UPSERT
                                                  : RESTORE_FAIL;
    text_to_int(restore_plan_get(m->plan, "commit-rows"), &p->commit_rows);
    if (p->conflict != RESTORE_FAIL)
        add_flag(m, "--on-conflict", how);
    if (!*key)
        return;
    struct config_names *names = arena_alloc(arena, sizeof(*names));
    names->names = (const char **)split(arena, key, ", ", &names->count);
    p->conflict_key = names;
    struct buf list = BUF_INIT;
    for (size_t i = 0; i < names->count; i++)
        buf_addf(&list, "%s%s", i > 0 ? "," : "", names->names[i]);
    add_flag(m, "--conflict-key", arena_strdup(arena, buf_str(&list)));
    buf_done(&list);
}

void restore_plan_make(const struct restore_plan *plan, const struct config *config,
                       struct restore_plan_call *ret)
{
    struct making m = {.plan = plan, .call = ret};
    const struct restore_plan_question *q;

    *ret = (struct restore_plan_call){.arena = arena_new(), .params = {.config = config}};
    add_word(&m, restore_plan_is(plan, "source", "rollback") ? "rollback" : "restore");
    for (size_t i = 0; (q = restore_plan_question(i)); i++)
        take_question(&m, q);
    take_source(&m);
    take_mapping(&m);
    take_conflict(&m);
    add_word(&m, NULL);
    const char **words = arena_alloc(ret->arena, m.words.len);
    memcpy(words, m.words.data, m.words.len);
    ret->words = words;
    buf_done(&m.words);
}

void restore_plan_call_done(struct restore_plan_call *call)
{
    arena_free(call->arena);
    *call = (struct restore_plan_call){0};
}

static void add_shell_word(struct buf *text, const char *word)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                               "_-./=:@%+,";

    buf_addc(text, ' ');
    if (*word && strspn(word, safe) == strlen(word)) {
        buf_adds(text, word);
        return;
    }
    buf_addc(text, '\'');
    for (; *word; word++)
        buf_adds(text, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    buf_addc(text, '\'');
}

void restore_plan_add_command(const struct restore_plan_call *call, const char *config_path,
                              struct buf *text)
{
    buf_adds(text, "archiver-tui -c");
    add_shell_word(text, config_path);
    for (size_t i = 0; call->words[i]; i++)
        add_shell_word(text, call->words[i]);
}
