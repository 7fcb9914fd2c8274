/* SPDX-License-Identifier: PostgreSQL
 *
 * Effective values, as a file that config_load takes again or as one JSON document. Both are
 * written by one walk over the option table; what differs is only how a map, a list and a value
 * look.
 */
#include "config/show.h"

#include "base/json.h"
#include "config/options.h"
#include "config/yaml.h"

#define MASK "********"

struct writer {
    bool as_json;
    struct json_out json;
    struct buf *text;
    int depth;      /* YAML: levels of two spaces */
    bool item_next; /* YAML: the next key begins an item of a list */
};

static void begin_line(struct writer *w)
{
    for (int i = 0; i < w->depth - (w->item_next ? 1 : 0); i++)
        buf_adds(w->text, "  ");
    if (w->item_next)
        buf_adds(w->text, "- ");
    w->item_next = false;
}

static void begin(struct writer *w, const char *name, bool list)
{
    if (w->as_json) {
        json_key(&w->json, name);
        if (list)
            json_begin_array(&w->json);
        else
            json_begin_object(&w->json);
        return;
    }
    begin_line(w);
    buf_addf(w->text, "%s:\n", name);
    w->depth++;
}

static void end(struct writer *w)
{
    if (w->as_json)
        json_end(&w->json);
    else
        w->depth--;
}

static void begin_item(struct writer *w)
{
    if (w->as_json)
        json_begin_object(&w->json);
    w->item_next = true;
    w->depth++;
}

static void end_item(struct writer *w)
{
    if (w->as_json)
        json_end(&w->json);
    w->depth--;
}

static void put_text(struct writer *w, const char *name, const char *value)
{
    if (w->as_json) {
        json_put_str(&w->json, name, value);
        return;
    }
    begin_line(w);
    buf_addf(w->text, "%s: ", name);
    yaml_quote(w->text, value);
    buf_addc(w->text, '\n');
}

static void put_bare(struct writer *w, const char *name, const char *value)
{
    if (w->as_json) {
        json_key(&w->json, name);
        json_add_raw(&w->json, value, strlen(value));
        return;
    }
    begin_line(w);
    buf_addf(w->text, "%s: %s\n", name, value);
}

static void put_names(struct writer *w, const char *name, const struct config_names *names)
{
    if (names->count == 0)
        return;
    if (w->as_json) {
        json_key(&w->json, name);
        json_begin_array(&w->json);
        for (size_t i = 0; i < names->count; i++)
            json_add_str(&w->json, names->names[i]);
        json_end(&w->json);
        return;
    }
    begin_line(w);
    buf_addf(w->text, "%s: [", name);
    for (size_t i = 0; i < names->count; i++) {
        if (i > 0)
            buf_adds(w->text, ", ");
        yaml_quote(w->text, names->names[i]);
    }
    buf_adds(w->text, "]\n");
}

static void put_option(struct writer *w, const struct option_row *row, const void *base)
{
    struct buf value = BUF_INIT;

    if (row->type == OPTION_NAMES)
        put_names(w, row->name, (const struct config_names *)((const char *)base + row->offset));
    else if (options_text(row, base, &value)) {
        if (row->type == OPTION_TEXT || row->type == OPTION_CHOICE)
            put_text(w, row->name, row->secret ? MASK : buf_str(&value));
        else
            put_bare(w, row->name, buf_str(&value));
    }
    buf_done(&value);
}

static void put_section(struct writer *w, enum option_section section, const void *base)
{
    for (size_t i = 0; i < options_count; i++) {
        const struct option_row *row = &options_table[i];
        if (row->section == section && row->effect == OPTION_ACTS && row->type != OPTION_MAP &&
            row->type != OPTION_LIST && row->offset != OPTION_NO_FIELD)
            put_option(w, row, base);
    }
}

static void put_named(struct writer *w, enum option_section section, const void *base)
{
    begin(w, options_section_name(section), false);
    put_section(w, section, base);
    end(w);
}

static void put_database(struct writer *w, const struct config_database *db)
{
    begin_item(w);
    put_section(w, IN_DATABASE, db);
    begin(w, "tables", true);
    for (size_t t = 0; t < db->table_count; t++) {
        begin_item(w);
        put_section(w, IN_TABLE, &db->tables[t]);
        put_section(w, IN_SETTINGS, &db->tables[t].settings);
        end_item(w);
    }
    end(w);
    end_item(w);
}

static void put_encryption(struct writer *w, const struct config_encryption *e)
{
    begin(w, options_section_name(IN_ENCRYPTION), false);
    put_section(w, IN_ENCRYPTION, e);
    if (e->previous_count > 0) {
        begin(w, options_section_name(IN_PREVIOUS_KEY), true);
        for (size_t i = 0; i < e->previous_count; i++) {
            begin_item(w);
            put_section(w, IN_PREVIOUS_KEY, &e->previous[i]);
            end_item(w);
        }
        end(w);
    }
    end(w);
}

static void put_warnings(struct writer *w, const struct config *config)
{
    if (!w->as_json)
        return;
    json_put_str(&w->json, "file", config->path);
    begin(w, "warnings", true);
    for (size_t i = 0; i < config->warning_count; i++)
        json_add_str(&w->json, config->warnings[i]);
    end(w);
}

void show_config(const struct config *config, bool json, struct buf *ret_text)
{
    static const char *const versions[] = {
        [CONFIG_V1] = "1.0", [CONFIG_V2] = "2.0", [CONFIG_V3] = "3"};
    struct writer w = {.as_json = json, .text = ret_text, .json = json_out(ret_text, json ? 2 : 0)};

    if (json)
        json_begin_object(&w.json);
    put_text(&w, "version", versions[config->version]);
    put_section(&w, IN_FILE, config);
    put_named(&w, IN_S3, &config->s3);
    put_named(&w, IN_SETTINGS, &config->defaults);
    put_named(&w, IN_LOGGING, &config->logging);
    put_named(&w, IN_MONITORING, config);
    if (config->compliance.present)
        put_named(&w, IN_COMPLIANCE, &config->compliance);
    if (config->encryption.enabled || config->encryption.key.id ||
        config->encryption.previous_count > 0)
        put_encryption(&w, &config->encryption);
    begin(&w, "databases", true);
    for (size_t d = 0; d < config->database_count; d++)
        put_database(&w, &config->databases[d]);
    end(&w);
    put_warnings(&w, config);
    if (json)
        json_end(&w.json);
}
